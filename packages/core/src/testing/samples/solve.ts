// Samples of systems of linear equations. Both devices run the same algorithm, so values are exact; what makes them right is
// tested in kernel/linalg and functions/linalg.test.ts. Batches come first, so that samples shown with repeated cells stay solvable.
import type { DType } from "../../base/dtype.ts";
import { type Shape, sizeOf } from "../../base/shape.ts";
import type { Attrs } from "../../graph/node.ts";
import type * as records from "../../ops/solve.ts";
import {
  exact,
  given,
  type Input,
  probe,
  random,
  type Sample,
  type Samples,
  type SamplesOf,
  sample,
} from "./sample.ts";

/** Random with `weight` added to the diagonal: 3·n and more is well conditioned, and positive definite. */
function square(shape: Shape, dtype: DType, weight: number, seed = 1): Input {
  const n = shape.at(-1) ?? 1;
  const { values } = random(shape, dtype, { low: -1, high: 1, seed });
  return given(
    shape,
    values.map((x, i) => (Math.floor(i / n) % n === i % n ? x + weight : x)),
    dtype,
  );
}

const sizes: readonly Shape[] = [
  [1, 1, 1],
  [2, 3, 3],
  [1, 8, 8],
  [3, 17, 17],
  [1, 40, 40],
  [2, 0, 0],
  [0, 3, 3],
];
const dtypes: readonly DType[] = ["float32", "float64"];

function squares(weight: (n: number) => number, more: readonly Input[] = []): Samples {
  const list: Sample[] = [];
  for (const dtype of dtypes)
    for (const shape of sizes) list.push(sample([square(shape, dtype, weight(shape.at(-1) ?? 1))]));
  for (const input of more) list.push(sample([input]));
  for (const shape of [
    [1, 1, 1],
    [2, 2, 2],
    [1, 3, 3],
  ])
    list.push(probe([square(shape, "float64", weight(3), 5)]));
  return { bound: exact, list };
}

function systems(variants: readonly Attrs[]): Samples {
  const list: Sample[] = [];
  for (const attrs of variants) {
    for (const dtype of dtypes)
      for (const [i, shape] of sizes.entries()) {
        const right = shape.with(-1, [1, 2, 5, 3, 33, 2, 2][i] ?? 1);
        list.push(sample([square(shape, dtype, 3), random(right, dtype, { seed: 3 })], attrs));
      }
    list.push(probe([square([1, 2, 2], "float64", 3, 5), random([1, 2, 1], "float64", { seed: 4 })], attrs));
    list.push(probe([square([2, 3, 3], "float64", 3, 6), random([2, 3, 2], "float64", { seed: 4 })], attrs));
  }
  return { bound: exact, list };
}

const singular = given([2, 2, 2], [1, 2, 2, 4, 0, 0, 0, 0]);
const unknown = given([2, 2, 2], [1, Number.NaN, 2, 4, Number.POSITIVE_INFINITY, 0, 0, 1]);
const huge = given([1, 2, 2], [1e300, 0, 0, 1e300], "float64");

const rectangular: readonly Shape[] = [
  [2, 5, 3],
  [1, 3, 5],
  [1, 20, 9],
  [1, 9, 20],
  [1, 0, 3],
  [2, 3, 0],
];
const rectangles: readonly Sample[] = dtypes.flatMap((dtype) =>
  rectangular.map((shape) => sample([random(shape, dtype)])),
);

/** Pivots that a small change does not exchange. */
const steady = (m: number, n: number): Sample => {
  const { shape, values } = random([1, m, n], "float64", { low: -1, high: 1, seed: 9 });
  const size = sizeOf(shape);
  return probe([
    given(
      shape,
      Array.from(
        { length: size },
        (_, i) => (values[i] ?? 0) + (Math.floor(i / n) === (i % n) + (m > n ? 1 : 0) ? 4 : 0),
      ),
      "float64",
    ),
  ]);
};

const general = squares(() => 1.5, [singular, unknown, huge]);
const luSamples: Samples = {
  bound: exact,
  list: [...general.list, ...rectangles, steady(4, 2), steady(2, 4), steady(3, 3)],
};
const flags = [false, true];

export const solve: SamplesOf<typeof records> = {
  cholesky: squares((n) => 2 * n, [unknown]),
  triangularSolve: systems(
    flags.flatMap((upper) =>
      flags.flatMap((unitriangular) => flags.map((transposed) => ({ upper, unitriangular, transposed }))),
    ),
  ),
  solve: systems(flags.map((transposed) => ({ transposed, what: "solve" }))),
  det: general,
  cofactor: general,
  logabsdet: general,
  signdet: general,
  luRows: luSamples,
  luFactors: luSamples,
};
