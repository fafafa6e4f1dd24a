// Samples of reductions: every axis, odd lengths, empty ones, ties and NaN.
import { type DType, isFloat } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type { Attrs } from "../../graph/node.ts";
import type * as records from "../../ops/reduce.ts";
import {
  type Bound,
  blocked,
  exact,
  given,
  probe,
  type Range,
  random,
  type Sample,
  type Samples,
  type SamplesOf,
  sample,
  ulps,
} from "./sample.ts";

const all = [
  [],
  [5],
  [17],
  [127],
  [1000],
  [2, 3],
  [7, 10],
  [10, 7],
  [65, 3],
  [3, 127],
  [33, 33],
  [3, 4, 5],
  [2, 3, 1, 5],
];
const few = [[], [10], [3, 65], [5, 4, 3]];
const empty = [[0], [3, 0], [0, 3], [2, 0, 3]];

/** All sets of axes of a few axes. */
const axisSets = (rank: number): number[][] =>
  Array.from({ length: 2 ** rank }, (_, bits) => [...Array(rank).keys()].filter((axis) => (bits >> axis) & 1));

interface Reduction {
  readonly bound: Bound;
  readonly dtypes: readonly DType[];
  readonly range?: Range;
  readonly attrs?: readonly Attrs[];
  /** Whether a reduction of nothing has a value. */
  readonly empty?: boolean;
  readonly rows?: readonly (readonly number[])[];
}

function reduction({
  bound,
  dtypes,
  range = {},
  attrs = [{}],
  empty: ofNothing = true,
  rows = [],
}: Reduction): Samples {
  const list: Sample[] = [];
  const add = (shape: Shape, dtype: DType): void => {
    for (const extra of attrs)
      for (const axes of axisSets(shape.length)) {
        if (!ofNothing && axes.some((axis) => shape[axis] === 0)) continue;
        list.push(sample([random(shape, dtype, isFloat(dtype) ? range : {})], { ...extra, axes }));
      }
  };
  for (const [i, dtype] of dtypes.entries()) {
    for (const shape of i === 0 ? all : few) add(shape, dtype);
    for (const shape of i === 0 ? empty : []) add(shape, dtype);
    // Runs of one value and ties between neighbours.
    const ties = random([4, 9], dtype, isFloat(dtype) ? { low: 0, high: 3 } : { low: 0, high: 2 });
    for (const axes of [[0], [1], [0, 1]])
      list.push(sample([{ ...ties, values: ties.values.map(Math.floor) }], { ...attrs[0], axes }));
  }
  for (const dtype of dtypes.filter(isFloat))
    for (const row of rows) {
      list.push(sample([given([row.length], row, dtype)], { ...attrs[0], axes: [0] }));
      list.push(
        sample(
          [
            given(
              [row.length, 3],
              row.flatMap((x) => [x, 1, -x]),
              dtype,
            ),
          ],
          { ...attrs[0], axes: [0] },
        ),
      );
    }
  const probed = dtypes.some(isFloat) ? "float64" : (dtypes[0] ?? "bool");
  for (const extra of attrs)
    for (const axes of [[1], [0, 2], [0, 1, 2], []])
      list.push(probe([random([2, 3, 2], probed, isFloat(probed) ? range : {})], { ...extra, axes }));
  return { bound, list };
}

const numbers: readonly DType[] = ["float32", "float64", "int32", "uint8"];
const infinity = Number.POSITIVE_INFINITY;
const specialRows = [
  [1, infinity, 2],
  [infinity, -infinity, 1],
  [1, Number.NaN, 2, infinity],
  [-0, 0, -0, -0, 0],
  [-0, -0, -0],
  [Number.NaN, Number.NaN],
  [2, -infinity, 3, 2],
  [1e-40, 3e-40, -1e-40],
  [...Array(40).keys()].map((i) => (i === 37 ? Number.NaN : i % 7)),
];
const ties = [{ ties: "share" }, { ties: "first" }];

/** Long sums of numbers of one sign, where errors pile up. */
function withLong({ bound, list }: Samples): Samples {
  const positive = { low: 0.5, high: 1.5 };
  const long: readonly (readonly [Shape, readonly number[]])[] = [
    [[100_001], [0]],
    [[3, 20_000], [1]],
    [[20_000, 3], [0]],
    [
      [130, 5, 130],
      [0, 2],
    ],
    // Rows that are added up a block at a time.
    [[1024, 65], [0]],
    [
      [260, 3, 130],
      [0, 1],
    ],
  ];
  return {
    bound,
    list: [...list, ...long.map(([shape, axes]) => sample([random(shape, "float32", positive)], { axes }))],
  };
}

export const reduce: SamplesOf<typeof records> = {
  sum: withLong(reduction({ bound: blocked, dtypes: [...numbers, "bool"], rows: specialRows })),
  prod: reduction({ bound: ulps(16), dtypes: numbers, range: { low: 0.9, high: 1.1 }, rows: specialRows }),
  max: reduction({ bound: exact, dtypes: numbers, attrs: ties, empty: false, rows: specialRows }),
  min: reduction({ bound: exact, dtypes: numbers, attrs: ties, empty: false, rows: specialRows }),
  argmax: reduction({ bound: exact, dtypes: numbers, empty: false, rows: specialRows }),
  argmin: reduction({ bound: exact, dtypes: numbers, empty: false, rows: specialRows }),
  any: reduction({ bound: exact, dtypes: ["bool"] }),
  all: reduction({ bound: exact, dtypes: ["bool"] }),
};
