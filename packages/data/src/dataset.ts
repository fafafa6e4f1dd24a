// What a dataset is, parts of one, and random splits.
import { ArgumentError, IndexError } from "@cotangent/core";
import * as z from "zod";
import type { Collated } from "./collate.ts";
import { checkOptions, seed } from "./options.ts";
import { Random } from "./random.ts";

/** Positions in a dataset. */
export type Indices = ArrayLike<number> & Iterable<number>;

/**
 * Samples of type `T` under the indices 0 … `length` − 1.
 *
 * A dataset that can gather many samples faster than one by one has `batch` as well, and a loader prefers it.
 * `B` is the type of a batch: what `batch` returns, or else what {@link collate} makes of an array of `T`.
 */
export interface Dataset<T, B = Collated<T>> {
  readonly length: number;
  get(index: number): T | Promise<T>;
  batch?(indices: Indices): B | Promise<B>;
}

/** Throws an IndexError unless `index` is an integer from 0 to `length` − 1. */
export function checkIndex(operation: string, index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length)
    throw new IndexError(`${operation}: expected an index from 0 to ${length - 1}, got ${index}`);
}

/** The samples of `dataset` at `indices`, in that order; an index may come more than once. */
export class Subset<T, B = Collated<T>> implements Dataset<T, B> {
  readonly dataset: Dataset<T, B>;
  readonly indices: Int32Array;
  readonly batch?: (indices: Indices) => B | Promise<B>;

  /** @throws {IndexError} `Subset: expected an index from 0 to 9, got 10` */
  constructor(dataset: Dataset<T, B>, indices: Indices) {
    for (const index of indices) checkIndex("Subset", index, dataset.length);
    this.dataset = dataset;
    this.indices = Int32Array.from(indices);
    const batch = dataset.batch?.bind(dataset);
    if (batch !== undefined) this.batch = (positions) => batch(Int32Array.from(positions, (i) => this.#at(i)));
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number): T | Promise<T> {
    return this.dataset.get(this.#at(index));
  }

  #at(position: number): number {
    checkIndex("Subset", position, this.indices.length);
    return this.indices[position] ?? 0;
  }
}

const splitOptions = z.strictObject({ seed: seed.default(0) });

/**
 * Disjoint random parts of a dataset, that together are all of it.
 * @param lengths the size of each part, adding up to `dataset.length`; or fractions between 0 and 1, adding up to 1:
 * sizes are rounded down, and what is left over goes to the first parts, one each
 * @param options.seed the same seed gives the same parts; 0 by default
 * @throws {ArgumentError} `randomSplit: expected lengths that add up to 10, got 7 + 2 = 9`
 * @example
 * const [train, validation] = randomSplit(await mnist("test"), [0.9, 0.1], { seed: 1 });
 * [train.length, validation.length]; // [9000, 1000]
 */
export function randomSplit<T, B>(
  dataset: Dataset<T, B>,
  lengths: readonly number[],
  options: { seed?: number } = {},
): Subset<T, B>[] {
  const checked = checkOptions("randomSplit", splitOptions, options);
  const sizes = partSizes(lengths, dataset.length);
  const order = new Random(checked.seed).permutation(dataset.length);
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return new Subset(dataset, order.subarray(start - size, start));
  });
}

function partSizes(lengths: readonly number[], length: number): readonly number[] {
  const sum = lengths.reduce((total, part) => total + part, 0);
  const expression = `${lengths.join(" + ")} = ${sum}`;
  if (lengths.some((part) => !(part >= 0)))
    throw new ArgumentError(`randomSplit: expected lengths ≥ 0, got ${expression}`);
  if (lengths.every(Number.isInteger) && sum === length) return lengths;
  if (lengths.some((part) => part > 1) || Math.abs(sum - 1) > 1e-9)
    throw new ArgumentError(
      `randomSplit: expected lengths that add up to ${length}, got ${expression}. Fractions must add up to 1`,
    );
  const sizes = lengths.map((part) => Math.floor(part * length + 1e-9));
  const left = length - sizes.reduce((total, size) => total + size, 0);
  return sizes.map((size, i) => size + (i < left ? 1 : 0));
}
