// Samples of putting elements on cells, several on one, and none.
import { dtypes } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type * as records from "../../ops/scatter.ts";
import { exact, given, type Input, probe, random, type Sample, type SamplesOf, sample } from "./sample.ts";

const shapes: readonly (readonly [x: Shape, index: Shape, axis: number])[] = [
  [[5, 3], [2, 3], 0],
  [[2, 7], [2, 10], 1],
  [[2, 3, 4], [2, 5, 4], 1],
  [[10], [127], 0],
  [[65, 10], [65, 1], 1],
  [[4, 3], [4, 0], 1],
  [[0, 3], [0, 3], 1],
];

const positions = (shape: Shape, bound: number): Input =>
  shape.includes(0) ? given(shape, [], "int32") : random(shape, "int32", { low: 0, high: bound, seed: 7 });

const list: Sample[] = [];
for (const mode of ["set", "max", "min"] as const) {
  for (const dtype of dtypes.filter((d) => mode === "set" || d !== "bool"))
    for (const [x, index, axis] of shapes)
      list.push(
        sample([random(index, dtype, { seed: 3 }), positions(index, x[axis] ?? 1), random(x, dtype)], {
          axis,
          mode,
          what: "index",
        }),
      );
  const odd = [Number.NaN, -0, 0, 3, Number.POSITIVE_INFINITY];
  list.push(
    sample([given([5], odd), given([5], [0, 1, 2, 3, 3], "int32"), given([4], [1, 0, -0, Number.NaN])], {
      axis: 0,
      mode,
      what: "index",
    }),
  );
  list.push(
    probe([random([3, 2], "float64", { seed: 3 }), positions([3, 2], 2), random([2, 2], "float64")], {
      axis: 0,
      mode,
      what: "index",
    }),
  );
}

export const scatter: SamplesOf<typeof records> = { scatter: { bound: exact, list } };
