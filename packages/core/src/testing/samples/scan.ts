// Samples of running sums, products and recurrences, and of the positions of running extremes with ties and NaN.
import type { DType } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type * as records from "../../ops/scan.ts";
import {
  type Bound,
  exact,
  given,
  probe,
  random,
  type Sample,
  type Samples,
  type SamplesOf,
  sample,
} from "./sample.ts";

const shapes: readonly (readonly [Shape, number])[] = [
  [[7], 0],
  [[3, 10], 1],
  [[5, 3], 0],
  [[2, 65, 3], 1],
  [[1000], 0],
  [[4, 0], 1],
  [[0, 3], 1],
  [[3, 1], 1],
];
const special = [3, Number.NaN, -0, 0, 5, 5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, 1];

function recurrences(): Samples {
  const list: Sample[] = [];
  for (const reverse of [false, true]) {
    for (const dtype of ["float32", "float64"] as const)
      for (const [shape, axis] of shapes)
        list.push(sample([random(shape, dtype), random(shape, dtype, { seed: 2 })], { axis, reverse }));
    list.push(sample([given([10], special), given([10], special.toReversed())], { axis: 0, reverse }));
    list.push(probe([random([4], "float64"), random([4], "float64", { seed: 2 })], { axis: 0, reverse }));
    list.push(probe([random([2, 3], "float64"), random([2, 3], "float64", { seed: 2 })], { axis: 1, reverse }));
  }
  return { bound: exact, list };
}

/** `zeros` are values to take derivatives at besides. */
function scans(bound: Bound, dtypes: readonly DType[], zeros: readonly number[] = []): Samples {
  const list: Sample[] = [];
  for (const reverse of [false, true]) {
    for (const dtype of dtypes)
      for (const [shape, axis] of shapes) list.push(sample([random(shape, dtype)], { axis, reverse }));
    list.push(sample([given([10], special)], { axis: 0, reverse }));
    list.push(sample([given([10], special.with(1, 2).with(8, 2), "float64")], { axis: 0, reverse }));
    list.push(probe([random([4], "float64")], { axis: 0, reverse }));
    list.push(probe([random([2, 3], "float64")], { axis: 0, reverse }));
    if (zeros.length > 0) list.push(probe([given([zeros.length], zeros, "float64")], { axis: 0, reverse }));
  }
  return { bound, list };
}

export const scan: SamplesOf<typeof records> = {
  recurrence: recurrences(),
  cumprod: scans(exact, ["float32", "float64", "int32", "uint8", "bool"], [0, 1.5, 0, -2]),
  cumsum: scans(exact, ["float32", "float64", "int32", "uint8", "bool"]),
  argcummax: scans(exact, ["float32", "float64", "int32", "uint8"]),
  argcummin: scans(exact, ["float32", "float64", "int32", "uint8"]),
};
