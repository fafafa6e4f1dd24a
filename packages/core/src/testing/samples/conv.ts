// Samples of convolution and its adjoints: one to three axes, padding, strides with a remainder, dilation, groups, depthwise, 1 × 1.
import type { DType } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type * as records from "../../ops/conv.ts";
import type { Conv, ConvFilter, ConvTranspose } from "../../ops/conv.ts";
import { probe, random, running, type Sample, type SamplesOf, sample } from "./sample.ts";

type Case = readonly [x: Shape, w: Shape, attrs: Conv];

const like = (
  stride: Shape,
  dilation: Shape = stride.map(() => 1),
  groups = 1,
  low: Shape = stride.map(() => 0),
  high: Shape = low,
): Conv => ({ stride, dilation, groups, low, high });

const cases: readonly Case[] = [
  [[2, 2, 5], [3, 2, 3], like([1])],
  [[1, 2, 6], [2, 2, 3], like([2])],
  [[2, 4, 4, 5], [4, 2, 2, 2], like([2, 1], [1, 2], 2)],
  [[1, 3, 5, 5], [3, 1, 3, 3], like([1, 1], [1, 1], 3)],
  [[2, 3, 4, 4], [5, 3, 1, 1], like([1, 1])],
  [[1, 2, 5, 4], [4, 1, 3, 2], like([2, 1], [1, 1], 2, [1, 2], [2, -1])],
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
  [[2, 3, 11, 9], [6, 3, 3, 3], like([1, 1], [1, 1], 1, [1, 1])],
];

/** The cotangent, the weight, and what the convolution read. */
const adjointCases: readonly (readonly [g: Shape, w: Shape, attrs: ConvTranspose])[] = [
  [[2, 3, 3], [3, 2, 3], { ...like([1]), shape: [5] }],
  [[1, 2, 3], [2, 2, 3], { ...like([2], [1], 1, [1]), shape: [6] }],
  [[2, 4, 2, 3], [4, 1, 3, 2], { ...like([3, 2], [2, 3], 2, [1, 2], [3, 0]), shape: [5, 6] }],
  [[1, 3, 3, 2], [3, 1, 3, 3], { ...like([2, 2], [1, 1], 3, [1, 1], [0, 0]), shape: [6, 5] }],
  [[2, 3, 2, 2], [3, 2, 2, 2], { ...like([2, 3], [1, 1], 1, [-1, 0], [0, -2]), shape: [5, 7] }],
  [[1, 2, 1, 2, 2], [2, 1, 2, 2, 1], { ...like([1, 2, 1]), shape: [2, 4, 2] }],
];
const adjointSizes: readonly (readonly [g: Shape, w: Shape, attrs: ConvTranspose])[] = [
  [[2, 17, 9, 7], [17, 10, 3, 3], { ...like([2, 2], [1, 1], 1, [1, 1]), shape: [17, 13] }],
  [[2, 5, 10, 10], [5, 3, 3, 3], { ...like([1, 1], [1, 1], 1, [1, 1]), shape: [10, 10] }],
  [[2, 6, 9, 10], [6, 1, 3, 3], { ...like([2, 2], [1, 1], 6, [1, 1]), shape: [17, 20] }],
  [[1, 2, 2, 2], [2, 3, 6, 7], { ...like([5, 4]), shape: [12, 11] }],
  [[0, 2, 3, 3], [2, 3, 3, 3], { ...like([2, 2]), shape: [7, 7] }],
  [[1, 2, 0, 1], [2, 3, 3, 3], { ...like([1, 2]), shape: [2, 3] }],
];

/** The cotangent, what the convolution read, and its kernel's size. */
const filterCases: readonly (readonly [g: Shape, x: Shape, attrs: ConvFilter])[] = [
  [[2, 3, 3], [2, 2, 5], { ...like([1]), kernel: [3] }],
  [[2, 2, 3], [2, 2, 6], { ...like([2], [1], 1, [1]), kernel: [3] }],
  [[2, 4, 3, 2], [2, 2, 5, 4], { ...like([2, 1], [1, 2], 2, [1, 0], [1, 0]), kernel: [3, 2] }],
  [[2, 3, 3, 3], [2, 3, 6, 5], { ...like([2, 2], [1, 1], 3, [1, 1], [0, 1]), kernel: [3, 3] }],
  [[1, 2, 3, 4], [1, 1, 6, 5], { ...like([1, 1], [1, 1], 1, [-1, 0], [0, 0]), kernel: [3, 2] }],
  [[1, 2, 1, 1, 2], [1, 1, 2, 3, 2], { ...like([1, 2, 1]), kernel: [2, 2, 1] }],
];
const filterSizes: readonly (readonly [g: Shape, x: Shape, attrs: ConvFilter])[] = [
  [[3, 17, 9, 7], [3, 10, 17, 13], { ...like([2, 2], [1, 1], 1, [1, 1]), kernel: [3, 3] }],
  [[5, 6, 9, 17], [5, 6, 17, 33], { ...like([2, 2], [1, 1], 6, [1, 1]), kernel: [3, 3] }],
  [[2, 40, 10, 10], [2, 40, 10, 10], { ...like([1, 1], [1, 1], 40, [1, 1]), kernel: [3, 3] }],
  [[0, 2, 3, 3], [0, 2, 5, 5], { ...like([1, 1], [1, 1], 2), kernel: [3, 3] }],
  [[1, 2, 0, 2], [1, 2, 2, 4], { ...like([1, 1], [1, 1], 2), kernel: [3, 3] }],
];

const of = ([x, w, attrs]: readonly [Shape, Shape, Conv], dtype: DType): Sample =>
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
  convTranspose: {
    bound: running,
    list: [
      ...[...adjointCases, ...adjointSizes].map((each) => of(each, "float32")),
      ...adjointCases.map((each) => of(each, "float64")),
      ...[
        [[1, 2, 3], [2, 1, 2], { ...like([1]), shape: [4] }] as const,
        [[1, 2, 2], [2, 2, 3], { ...like([2]), shape: [6] }] as const,
        [[1, 2, 2, 2], [2, 1, 2, 2], { ...like([1, 2], [1, 1], 2), shape: [3, 4] }] as const,
        [[1, 1, 1, 2], [1, 2, 2, 1], { ...like([1, 1], [2, 1]), shape: [3, 2] }] as const,
      ].map(([g, w, attrs]) => probe([random(g, "float64"), random(w, "float64", { seed: 2 })], attrs)),
    ],
  },
  convFilter: {
    bound: running,
    list: [
      ...[...filterCases, ...filterSizes].map((each) => of(each, "float32")),
      ...filterCases.map((each) => of(each, "float64")),
      ...[
        [[1, 2, 3], [1, 1, 4], { ...like([1]), kernel: [2] }] as const,
        [[1, 2, 2], [1, 2, 5], { ...like([2]), kernel: [3] }] as const,
        [[1, 2, 2, 2], [1, 2, 3, 3], { ...like([1, 1], [1, 1], 2), kernel: [2, 2] }] as const,
      ].map(([g, x, attrs]) => probe([random(g, "float64"), random(x, "float64", { seed: 2 })], attrs)),
    ],
  },
};
