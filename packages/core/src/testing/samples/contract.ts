// Samples of contractions: sizes that fit no tile, every transposition, batches, vectors, empty sums.
import type { DType } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type { Contraction } from "../../graph/algebra.ts";
import type * as records from "../../ops/contract.ts";
import { probe, random, running, type Sample, type SamplesOf, sample } from "./sample.ts";

type Case = readonly [a: Shape, b: Shape, axes: Contraction];

const axes = (contractA: Shape, contractB: Shape, batchA: Shape = [], batchB: Shape = []): Contraction => ({
  batchA,
  batchB,
  contractA,
  contractB,
});

/** [m, k] × [k, n] with each operand as it is or transposed. */
const products = (m: number, k: number, n: number): Case[] => [
  [[m, k], [k, n], axes([1], [0])],
  [[k, m], [k, n], axes([0], [0])],
  [[m, k], [n, k], axes([1], [1])],
  [[k, m], [n, k], axes([0], [1])],
];
/** The same for `batch` pairs. */
const batched = (batch: number, m: number, k: number, n: number): Case[] => [
  [[batch, m, k], [batch, k, n], axes([2], [1], [0], [0])],
  [[batch, m, k], [batch, n, k], axes([2], [2], [0], [0])],
];

const cases: readonly Case[] = [
  ...products(2, 3, 4),
  ...batched(3, 2, 5, 4),
  [[4], [4], axes([0], [0])],
  [[3], [5], axes([], [])],
  [[5, 7], [7], axes([1], [0])],
  [[7], [7, 5], axes([0], [0])],
  [[3, 2, 2, 4], [4, 3, 2, 2], axes([0, 3], [1, 0], [1], [2])],
  [[2, 2, 3], [3, 2, 2], axes([1], [2], [2, 0], [0, 1])],
  [[], [], axes([], [])],
];
/** More than a block of any tiling. */
const large: readonly Case[] = [
  [[70, 520], [520, 67], axes([1], [0])],
  [[300, 33], [33, 270], axes([1], [0])],
  [[2, 2100], [2100, 3], axes([1], [0])],
];
const sizes: readonly Case[] = [
  ...products(1, 127, 10),
  ...products(17, 33, 65),
  ...products(65, 10, 7),
  ...products(10, 127, 3),
  ...products(33, 1, 17),
  ...products(64, 64, 64),
  ...batched(5, 7, 17, 10),
  ...batched(2, 33, 65, 1),
  [[3, 1000], [1000], axes([1], [0])],
  [[1000], [1000], axes([0], [0])],
  [[3, 0], [0, 4], axes([1], [0])],
  [[0, 3], [3, 4], axes([1], [0])],
  [[2, 3], [3, 0], axes([1], [0])],
];

const of = ([a, b, attrs]: Case, dtype: DType): Sample =>
  sample([random(a, dtype), random(b, dtype, { seed: 2 })], attrs);

export const contract: SamplesOf<typeof records> = {
  contract: {
    bound: running,
    list: [
      ...[...cases, ...sizes, ...large].map((each) => of(each, "float32")),
      ...[...cases, ...products(10, 65, 17)].map((each) => of(each, "float64")),
      ...cases.map((each) => of(each, "int32")),
      ...cases.slice(0, 4).map((each) => of(each, "uint8")),
      ...[...products(2, 3, 2), ...batched(2, 2, 1, 2), ...cases.slice(6)].map(([a, b, attrs]) =>
        probe([random(a, "float64"), random(b, "float64", { seed: 2 })], attrs),
      ),
    ],
  },
};
