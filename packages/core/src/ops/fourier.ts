// Discrete Fourier transforms of rows of pairs (re, im).
import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode } from "../graph/node.ts";
import type { Linear } from "../graph/rules.ts";
import { floats, only } from "./expect.ts";
import { repeated } from "./view.ts";

export type Transform = {
  /** e^{+2πi·jk/n} instead of e^{−2πi·jk/n}. */
  readonly inverse: boolean;
  /** What results are multiplied by. */
  readonly scale: number;
};

/**
 * (cos 2πk/n, sin 2πk/n) for k < n. Angles are brought below π/4 in whole numbers, so that quarter turns are exact.
 */
export function unitRoots(n: number): Float64Array {
  const roots = new Float64Array(2 * n);
  for (let k = 0; k < n; k++) {
    // The angle in units of 2π/8n: in which eighth of the circle it lies, and how far it is from the nearest quarter turn.
    const eighth = Math.floor((8 * k) / n);
    const quarter = Math.floor((eighth + 1) / 2);
    const angle = (Math.PI / (4 * n)) * (8 * k - 2 * n * quarter);
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [re, im] = ([[c, s], [-s, c], [-c, -s], [s, -c]] as const)[quarter % 4] ?? [c, s]; // biome-ignore format: a table
    roots[2 * k] = re + 0;
    roots[2 * k + 1] = im + 0;
  }
  return roots;
}

/**
 * y[…, k] = scale · Σⱼ x[…, j] · e^{∓2πi·jk/n}, over the last axis but one; the last axis is (re, im). The second input holds
 * `unitRoots(n)`: `[n, 2]`, or with the first axes of x in front, a table for each. The matrix is symmetric, so the transpose is
 * the conjugate transform.
 */
export const dft: Linear = {
  kind: "linear",
  name: "dft",
  linearInputs: 1,
  dtype: floats,
  shape([x, roots]) {
    const [given, table] = [only(x).shape, only(roots).shape];
    const lead = table.length - 2;
    const fits = sameShape(given.slice(0, lead), table.slice(0, lead)) && sameShape(given.slice(-2), table.slice(-2));
    if (given.length < table.length || lead < 0 || given.at(-1) !== 2 || !fits)
      throw new ShapeError(
        `dft: expected pairs [..., n, 2] and roots [n, 2], got ${showShape(given)} and ${showShape(table)}`,
      );
    return given;
  },
  transpose: (_, g, { inverse, scale }: Transform, [, roots]) =>
    makeNode(dft, [g, only(roots)], { inverse: !inverse, scale }),
  batch(_, attrs: Transform, [x, roots]) {
    const shared = repeated(only(roots));
    return makeNode(dft, [only(x), shared?.shape.length === 2 ? shared : only(roots)], attrs);
  },
  lower(k, [x, roots], { inverse, scale }: Transform) {
    const shape = k.shapeOf(only(x));
    const table = k.shapeOf(only(roots));
    const lead = table.length - 2;
    const numbers = [
      sizeOf(table.slice(0, lead)),
      sizeOf(shape.slice(lead, -2)),
      shape.at(-2) ?? 1,
      inverse ? 1 : 0,
      scale,
    ];
    return k.routine("dft", [only(x), only(roots)], shape, k.dtypeOf(only(x)), { numbers });
  },
};
