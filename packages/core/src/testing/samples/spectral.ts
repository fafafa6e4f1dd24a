// Samples of orthogonal decompositions and what follows from them. Both devices run the same algorithm, so values are exact, signs
// of vectors included; what makes them right is tested in kernel/linalg and functions/linalg.test.ts.
import type { DType } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import { type Attrs, noAttrs } from "../../graph/node.ts";
import type * as records from "../../ops/spectral.ts";
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

const dtypes: readonly DType[] = ["float32", "float64"];
const squareShapes: readonly Shape[] = [
  [1, 1],
  [2, 2],
  [2, 3, 3],
  [8, 8],
  [2, 17, 17],
  [0, 0],
  [2, 0, 0],
  [0, 3, 3],
];
const tallShapes: readonly Shape[] = [
  [5, 3],
  [2, 3, 1],
  [20, 9],
  [4, 0],
];
const wideShapes: readonly Shape[] = [
  [3, 5],
  [2, 1, 4],
  [9, 20],
  [0, 4],
];

/** Rank 1, nothing, equal singular values, and what is not finite. */
const special: readonly Input[] = [
  given([2, 2], [1, 2, 2, 4]),
  given([2, 2], [0, 0, 0, 0]),
  given([2, 2], [1, 0, 0, 1], "float64"),
  given([2, 2, 2], [1, Number.NaN, 2, 3, 1, 2, 2, 1]),
  given([2, 2], [1, Number.POSITIVE_INFINITY, 2, 3]),
  given([2, 2], [1e200, 1e-200, 1, 1e200], "float64"),
  given([2, 2], [1e-30, 2e-30, 3e-30, 4e-30]),
];

/** Singular values and eigenvalues that are far apart. */
function apart(shape: Shape, seed = 3): Input {
  const n = shape.at(-1) ?? 1;
  const m = shape.at(-2) ?? 1;
  const { values } = random(shape, "float64", { low: -0.5, high: 0.5, seed });
  return given(
    shape,
    values.map((x, i) => (Math.floor(i / n) % m === i % n ? x + 1 + 1.5 * (i % n) : x)),
    "float64",
  );
}

function samples(shapes: readonly Shape[], probes: readonly Shape[], attrs: Attrs = noAttrs): Samples {
  const list: Sample[] = [];
  for (const dtype of dtypes) for (const shape of shapes) list.push(sample([random(shape, dtype)], attrs));
  for (const input of special) list.push(sample([input], attrs));
  for (const shape of probes) list.push(probe([apart(shape)], attrs));
  return { bound: exact, list };
}

const both = (first: Samples, second: Samples): Samples => ({
  bound: first.bound,
  list: [...first.list, ...second.list],
});

const squareProbes: readonly Shape[] = [
  [1, 1],
  [3, 3],
  [2, 2, 2],
];
const tallProbes: readonly Shape[] = [
  [3, 2],
  [2, 2, 1],
];
const everything = [...squareShapes, ...tallShapes, ...wideShapes];
const svdSamples = samples(everything, [...squareProbes, ...tallProbes, [2, 3]]);
const qrSamples = both(
  samples(everything, [...squareProbes, ...tallProbes], { complete: false }),
  samples(
    [
      [5, 3],
      [2, 3, 1],
      [4, 0],
    ],
    [[2, 2]],
    { complete: true },
  ),
);

export const spectral: SamplesOf<typeof records> = {
  qrQ: qrSamples,
  qrR: qrSamples,
  eigenvalues: samples(squareShapes, squareProbes),
  eigenvectors: samples(squareShapes, squareProbes),
  singularValues: svdSamples,
  leftVectors: svdSamples,
  rightVectors: svdSamples,
  pinv: samples(everything, [...squareProbes, ...tallProbes, [2, 3]], { rtol: 1e-6 }),
  matrixExp: samples(squareShapes, squareProbes),
};
