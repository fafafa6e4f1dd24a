// Samples of views: they move values and change none, whatever the dtype.
import { dtypes } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import { viewShape } from "../../base/view.ts";
import type { Attrs } from "../../graph/node.ts";
import type * as records from "../../ops/view.ts";
import {
  type Bound,
  blocked,
  exact,
  probe,
  random,
  type Sample,
  type Samples,
  type SamplesOf,
  sample,
} from "./sample.ts";

type Case = readonly [shape: Shape, attrs: Attrs];

/** All cases in float32, the first few in the other dtypes; probes in float64. */
function moves(cases: readonly Case[], probed: readonly Case[], bound: Bound = exact): Samples {
  const list: Sample[] = [];
  for (const dtype of dtypes)
    for (const [shape, attrs] of dtype === "float32" ? cases : cases.slice(0, 4))
      list.push(sample([random(shape, dtype)], attrs));
  for (const [shape, attrs] of probed) list.push(probe([random(shape, "float64")], attrs));
  return { bound, list };
}

const shape = (...sizes: number[]): { shape: Shape } => ({ shape: sizes });
const axes = (...order: number[]): { axes: Shape } => ({ axes: order });

const slice = (...each: (readonly [start: number, step: number, size: number])[]): Attrs => ({
  start: each.map(([start]) => start),
  step: each.map(([, step]) => step),
  size: each.map(([, , size]) => size),
});
const pad = (...each: (readonly [low: number, high: number, interior: number])[]): Attrs => ({
  low: each.map(([low]) => low),
  high: each.map(([, high]) => high),
  interior: each.map(([, , interior]) => interior),
});

const padCases: readonly Case[] = [
  [[2, 3], pad([1, 2, 1], [0, 3, 1])],
  [[5], pad([0, 0, 3])],
  [[3, 4], pad([1, 0, 2], [2, 1, 3])],
  [[], pad()],
  [[127], pad([1, 1, 1])],
  [[10, 65], pad([0, 0, 1], [3, 0, 1])],
  [[0], pad([2, 3, 1])],
  [[2, 0], pad([1, 1, 1], [0, 0, 1])],
  [[33, 7, 3], pad([0, 1, 1], [0, 0, 1], [1, 1, 2])],
];
const padProbes: readonly Case[] = [
  [[2, 3], pad([1, 0, 2], [2, 1, 1])],
  [[3], pad([0, 0, 1])],
];

interface Windows {
  readonly axes: readonly number[];
  readonly size: readonly number[];
  readonly step: readonly number[];
  readonly dilation: readonly number[];
}
const windows = (axis: number[], size: number[], step: number[], dilation = size.map(() => 1)): Windows & Attrs => ({
  axes: axis,
  size,
  step,
  dilation,
});

const windowCases: readonly (readonly [Shape, Windows & Attrs])[] = [
  [[7], windows([0], [3], [1])],
  [[5, 9], windows([0, 1], [2, 2], [2, 3])],
  [[2, 5, 6], windows([1, 2], [2, 3], [1, 2], [2, 1])],
  [[6, 6], windows([0, 1], [2, 2], [2, 2])],
  [[127], windows([0], [10], [3], [2])],
  [[2, 3, 10, 10], windows([2, 3], [3, 3], [1, 1])],
  [[65, 3], windows([1], [3], [1])],
  [[2, 7], windows([1], [1], [3])],
  [[0, 5], windows([1], [2], [1])],
];

/** Each `windows` case backwards. */
const foldCases: readonly Case[] = windowCases.map(([from, attrs]) => [
  viewShape(from, { kind: "windows", ...attrs }),
  { ...attrs, shape: from },
]);

export const view: SamplesOf<typeof records> = {
  reshape: moves(
    [
      [[2, 3], shape(3, 2)],
      [[12], shape(2, 2, 3)],
      [[3, 1, 5], shape(15)],
      [[1], shape()],
      [[], shape(1, 1)],
      [[1000], shape(10, 100)],
      [[0, 3], shape(2, 0)],
      [[7, 10], shape(10, 7)],
    ],
    [[[2, 3], shape(3, 2)]],
  ),
  permute: moves(
    [
      [[2, 3], axes(1, 0)],
      [[2, 3, 5], axes(2, 0, 1)],
      [[3, 1, 2, 4], axes(3, 1, 0, 2)],
      [[], axes()],
      [[33, 65], axes(1, 0)],
      [[10, 7, 3], axes(0, 2, 1)],
      [[0, 3], axes(1, 0)],
    ],
    [[[2, 3, 2], axes(2, 0, 1)]],
  ),
  expand: moves(
    [
      [[3], shape(2, 3)],
      [[3, 1], shape(3, 5)],
      [[], shape(7)],
      [[1, 1], shape(2, 3, 4)],
      [[1, 127], shape(10, 127)],
      [[65, 1], shape(65, 17)],
      [[2, 1, 3], shape(2, 5, 3)],
      [[1], shape(0)],
    ],
    [
      [[3, 1], shape(2, 3, 2)],
      [[], shape(4)],
    ],
  ),
  slice: moves(
    [
      [[10], slice([2, 1, 5])],
      [[7, 9], slice([1, 2, 3], [8, -2, 4])],
      [[5, 6], slice([4, -1, 5], [0, 1, 6])],
      [[], slice()],
      [[127], slice([126, -1, 127])],
      [[33, 65], slice([0, 1, 33], [1, 1, 64])],
      [[3, 4], slice([0, 1, 0], [0, 1, 4])],
      [[3, 10], slice([2, 1, 1], [9, -3, 4])],
    ],
    [
      [[3, 5], slice([0, 2, 2], [4, -2, 2])],
      [[4], slice([1, 1, 0])],
    ],
  ),
  pad: moves(padCases, padProbes),
  padWith: moves(
    padCases.map(([from, attrs], i) => [from, { ...attrs, fill: i === 0 ? 7 : 1 }]),
    padProbes.map(([from, attrs]) => [from, { ...attrs, fill: -3 }]),
  ),
  windows: moves(windowCases, [
    [[7], windows([0], [3], [2])],
    [[2, 4], windows([1], [2], [1], [2])],
    [[6], windows([0], [2], [3])],
  ]),
  // Overlapping windows add up.
  fold: moves(
    foldCases,
    [
      [[3, 3], { ...windows([0], [3], [2]), shape: [7] }],
      [[2, 2, 2], { ...windows([1], [2], [1], [2]), shape: [2, 4] }],
      [[2, 2], { ...windows([0], [2], [3]), shape: [6] }],
    ],
    blocked,
  ),
};
