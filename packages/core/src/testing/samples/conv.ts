// Samples of convolution: one to three axes, strides with a remainder, dilation, groups, depthwise, 1 × 1.
import type { DType } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type * as records from "../../ops/conv.ts";
import type { Conv } from "../../ops/conv.ts";
import { probe, random, running, type Sample, type SamplesOf, sample } from "./sample.ts";

type Case = readonly [x: Shape, w: Shape, attrs: Conv];

const like = (stride: Shape, dilation: Shape = stride.map(() => 1), groups = 1): Conv => ({ stride, dilation, groups });

const cases: readonly Case[] = [
  [[2, 2, 5], [3, 2, 3], like([1])],
  [[1, 2, 6], [2, 2, 3], like([2])],
  [[2, 4, 4, 5], [4, 2, 2, 2], like([2, 1], [1, 2], 2)],
  [[1, 3, 5, 5], [3, 1, 3, 3], like([1, 1], [1, 1], 3)],
  [[2, 3, 4, 4], [5, 3, 1, 1], like([1, 1])],
  [[1, 1, 2, 3, 2], [2, 1, 2, 2, 1], like([1, 2, 1])],
];
const sizes: readonly Case[] = [
  [[3, 1, 10, 10], [7, 1, 3, 3], like([1, 1])],
  [[2, 17, 9, 7], [10, 17, 3, 3], like([2, 2])],
  [[1, 8, 33, 5], [16, 8, 5, 1], like([1, 1])],
  [[2, 6, 10, 10], [6, 1, 3, 3], like([2, 2], [1, 1], 6)],
  [[5, 3, 65], [4, 3, 10], like([3], [2])],
  [[0, 2, 5, 5], [3, 2, 3, 3], like([1, 1])],
  [[1, 2, 3, 3], [3, 2, 3, 3], like([1, 1])],
];

const of = ([x, w, attrs]: Case, dtype: DType): Sample =>
  sample([random(x, dtype), random(w, dtype, { seed: 2 })], attrs);

export const conv: SamplesOf<typeof records> = {
  conv: {
    bound: running,
    list: [
      ...[...cases, ...sizes].map((each) => of(each, "float32")),
      ...cases.map((each) => of(each, "float64")),
      ...[
        [[1, 1, 4], [2, 1, 2], like([1])] as const,
        [[1, 2, 4], [2, 2, 2], like([2])] as const,
        [[1, 2, 3, 3], [2, 1, 2, 2], like([1, 1], [1, 1], 2)] as const,
        [[2, 1, 3, 2], [1, 1, 2, 1], like([1, 1], [2, 1])] as const,
      ].map(([x, w, attrs]) => probe([random(x, "float64"), random(w, "float64", { seed: 2 })], attrs)),
    ],
  },
};
