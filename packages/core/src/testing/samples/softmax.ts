// Samples of softmax and its logarithm: every axis, odd lengths, one class, none, and logits that overflow alone.
import type { DType } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type * as records from "../../ops/softmax.ts";
import { type Bound, given, probe, random, type Samples, type SamplesOf, sample } from "./sample.ts";

const shapes: readonly Shape[] = [[1], [5], [17], [127], [1000], [3, 10], [65, 3], [3, 4, 5], [2, 7, 1, 3]];
const empty: readonly Shape[] = [[0], [3, 0], [0, 3]];
const infinity = Number.POSITIVE_INFINITY;
const rows: readonly (readonly number[])[] = [
  [1000, 1001, -1000],
  [-infinity, 2, 3],
  [-infinity, -infinity],
  [infinity, 1],
  [1, Number.NaN, 2],
  [-0, 0],
];
const dtypes: readonly DType[] = ["float32", "float64"];

function alongEachAxis(bound: Bound): Samples {
  const list = dtypes.flatMap((dtype) => [
    ...[...shapes, ...empty].flatMap((shape) =>
      shape.map((_, axis) => sample([random(shape, dtype, { low: -4, high: 4 })], { axis })),
    ),
    ...rows.map((row) => sample([given([row.length], row, dtype)], { axis: 0 })),
  ]);
  for (const axis of [0, 1, 2]) list.push(probe([random([2, 3, 2], "float64")], { axis }));
  list.push(probe([random([1], "float64")], { axis: 0 }));
  return { bound, list };
}

/** Results are at most 1, and their errors those of the exponentials, relative to the whole row. */
const nearRow: Bound = { kind: "scaled", epsilons: 8, scale: () => 1 };
/** Logarithms cancel: errors are those of x − max, up to 8 here. */
const nearLogits: Bound = { kind: "scaled", epsilons: 8, scale: (x) => Math.max(8, Math.abs(x)) };

export const softmax: SamplesOf<typeof records> = {
  softmax: alongEachAxis(nearRow),
  logSoftmax: alongEachAxis(nearLogits),
};
