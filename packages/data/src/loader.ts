// Batches of a dataset, epoch after epoch.
import { ArgumentError } from "@cotangent/core";
import * as z from "zod";
import { type Collated, collate } from "./collate.ts";
import type { Dataset, Indices } from "./dataset.ts";
import { checkOptions, count, seed } from "./options.ts";
import { RandomSampler, type Sampler, SequentialSampler } from "./sampler.ts";

export interface DataLoaderOptions {
  /** Samples per batch; 1 by default. */
  readonly batchSize?: number;
  /** A new random order in every epoch; false by default. */
  readonly shuffle?: boolean;
  /** The orders of a shuffling loader depend on the seed and the number of the epoch alone; 0 by default. */
  readonly seed?: number;
  /** Leave out a last batch that would be smaller than the others; false by default. */
  readonly dropLast?: boolean;
  /** Chooses the samples and their order, instead of `shuffle` and `seed`. */
  readonly sampler?: Sampler;
}

const isSampler = (value: unknown): value is Sampler =>
  typeof value === "object" &&
  value !== null &&
  "length" in value &&
  "indices" in value &&
  typeof value.indices === "function";

const optionsSchema = z.strictObject({
  batchSize: count.default(1),
  shuffle: z.boolean().default(false),
  seed: seed.default(0),
  dropLast: z.boolean().default(false),
  sampler: z.custom<Sampler>(isSampler, "expected a sampler").optional(),
  collate: z
    .custom<(samples: readonly unknown[]) => unknown>((value) => typeof value === "function", "expected a function")
    .optional(),
});

/**
 * The batches of a dataset, as an async iterable; every loop over it is one epoch.
 *
 * A batch is what the dataset's `batch` returns, or else what {@link collate} (or `options.collate`) makes of the samples.
 * @throws {ArgumentError} for an empty dataset, bad options, or options that contradict each other
 * @example
 * const loader = new DataLoader(await mnist("test"), { batchSize: 128, shuffle: true, seed: 1 });
 * let count = 0;
 * for await (const { image, label } of loader) count += label.size; // image: [128, 784], label: [128]
 * [loader.length, count]; // [79, 10000]
 */
export class DataLoader<T, B = Collated<T>> implements AsyncIterable<B> {
  /** Batches per epoch. */
  readonly length: number;
  readonly batchSize: number;
  readonly sampler: Sampler;
  /** The number of the epoch that the next loop runs: 0, 1, 2, … Set it to continue an interrupted training. */
  epoch = 0;
  readonly #load: (indices: Int32Array) => Promise<B>;

  constructor(
    dataset: Dataset<T, unknown>,
    options: DataLoaderOptions & { readonly collate: (samples: readonly T[]) => B | Promise<B> },
  );
  constructor(dataset: Dataset<T, B>, options?: DataLoaderOptions);
  constructor(
    dataset: Dataset<T, B>,
    options: DataLoaderOptions & { readonly collate?: (samples: readonly T[]) => B | Promise<B> } = {},
  ) {
    const checked = checkOptions("DataLoader", optionsSchema, options);
    if (checked.sampler !== undefined && (options.shuffle !== undefined || options.seed !== undefined))
      throw new ArgumentError("DataLoader: expected either a sampler or shuffle and seed, got both");
    if (dataset.length < 1) throw new ArgumentError("DataLoader: expected at least one sample, got an empty dataset");
    this.sampler =
      checked.sampler ??
      (checked.shuffle
        ? new RandomSampler(dataset.length, { seed: checked.seed })
        : new SequentialSampler(dataset.length));
    const batches = this.sampler.length / checked.batchSize;
    this.length = checked.dropLast ? Math.floor(batches) : Math.ceil(batches);
    if (this.length === 0)
      throw new ArgumentError(
        `DataLoader: expected at least one batch, got ${this.sampler.length} samples for batches of ${checked.batchSize}`,
      );
    this.batchSize = checked.batchSize;
    this.#load = batchLoader(dataset, options.collate);
  }

  [Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    return this.#batches(this.epoch++);
  }

  async *#batches(epoch: number): AsyncGenerator<B, void, undefined> {
    const order = this.sampler.indices(epoch);
    for (let batch = 0; batch < this.length; batch++)
      yield this.#load(order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize));
  }
}

/** How a batch is made: by the caller's function, by the dataset's own, or by stacking the samples. */
function batchLoader<T, B>(
  dataset: Dataset<T, B>,
  custom: ((samples: readonly T[]) => B | Promise<B>) | undefined,
): (indices: Int32Array) => Promise<B>;
function batchLoader(
  dataset: Dataset<unknown, unknown>,
  custom: ((samples: readonly unknown[]) => unknown) | undefined,
): (indices: Int32Array) => Promise<unknown> {
  const samples = (indices: Indices): Promise<unknown[]> => Promise.all(Array.from(indices, (i) => dataset.get(i)));
  if (custom !== undefined) return async (indices) => custom(await samples(indices));
  const batch = dataset.batch?.bind(dataset);
  if (batch !== undefined) return async (indices) => batch(indices);
  return async (indices) => collate(await samples(indices));
}
