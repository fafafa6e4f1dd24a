// The order in which a loader visits the samples of a dataset.
import * as z from "zod";
import { checkOptions, seed } from "./options.ts";
import { Random } from "./random.ts";

/** Which samples an epoch visits, in which order. The same epoch must give the same order. */
export interface Sampler {
  /** How many indices an epoch has. */
  readonly length: number;
  indices(epoch: number): Int32Array;
}

const lengthSchema = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

/** 0, 1, 2, … in every epoch. */
export class SequentialSampler implements Sampler {
  readonly length: number;

  constructor(length: number) {
    this.length = checkOptions("SequentialSampler", lengthSchema, length);
  }

  indices(): Int32Array {
    return Int32Array.from({ length: this.length }, (_, i) => i);
  }
}

const randomOptions = z.strictObject({ seed: seed.default(0) });

/** Every sample once, in an order that depends on the seed and the epoch alone. */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly seed: number;

  constructor(length: number, options: { seed?: number } = {}) {
    this.length = checkOptions("RandomSampler", lengthSchema, length);
    this.seed = checkOptions("RandomSampler", randomOptions, options).seed;
  }

  indices(epoch: number): Int32Array {
    return new Random(this.seed, epoch).permutation(this.length);
  }
}
