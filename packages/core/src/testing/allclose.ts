// Are two tensors the same up to rounding? And where they are not, a message that says so exactly.
import type { DType, TypedArray } from "../base/dtype.ts";
import { CotangentError } from "../base/errors.ts";
import { type Shape, sameShape, showShape } from "../base/shape.ts";
import { flatten, type Nested } from "../tensor/nested.ts";
import { Tensor } from "../tensor/tensor.ts";
import { ulpsBetween } from "./ulps.ts";

/** Values that differ by more than the tolerance. */
export class ToleranceError extends CotangentError {
  override name = "ToleranceError";
}

export interface Tolerance {
  /** Allowed difference relative to the expected value: 1.3e-6 for float32, 1e-7 for float64, 0 for integers and bools. */
  readonly rtol?: number;
  /** Allowed difference besides: 1e-5 for float32, 1e-7 for float64, 0 for integers and bools. */
  readonly atol?: number;
}

/** PyTorch's defaults of `assert_close`. */
const defaults: Record<DType, Required<Tolerance>> = {
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float64: { rtol: 1e-7, atol: 1e-7 },
  int32: { rtol: 0, atol: 0 },
  uint8: { rtol: 0, atol: 0 },
  bool: { rtol: 0, atol: 0 },
};

/** What `allclose` compares: a tensor, nested arrays or a number, or the flat values of a tensor of any shape. */
export type Comparable = Tensor | TypedArray | Nested;

interface Values {
  readonly values: ArrayLike<number>;
  /** Null for flat values, which fit any shape. */
  readonly shape: Shape | null;
  /** Null for numbers of JavaScript. */
  readonly dtype: DType | null;
}

async function valuesOf(x: Comparable): Promise<Values> {
  if (x instanceof Tensor) return { values: await x.data(), shape: x.shape, dtype: x.dtype };
  if (ArrayBuffer.isView(x)) return { values: x, shape: null, dtype: null };
  const { values, shape } = flatten(x);
  return { values: values.map(Number), shape, dtype: null };
}

/**
 * Checks that each value of `actual` is within `atol + rtol·|expected|` of `expected`; NaN matches NaN, and infinities
 * match only themselves. Awaited, it does nothing where all do. Tolerances default to PyTorch's for the dtype.
 * @throws {ToleranceError} `allclose: expected values within rtol 1e-7 and atol 1e-7, got 1 of 4 outside: at [1, 0] 2.5
 *   instead of 2 (difference 0.5, …)`: the shape, or the first and the worst place where the two differ
 * @example await allclose(tensor([0.1, 0.2]).mul(3), [0.3, 0.6]) // undefined
 */
export async function allclose(actual: Comparable, expected: Comparable, tolerance: Tolerance = {}): Promise<void> {
  const [a, e] = [await valuesOf(actual), await valuesOf(expected)];
  if (a.shape && e.shape && !sameShape(a.shape, e.shape))
    throw new ToleranceError(`allclose: expected shape ${showShape(e.shape)}, got ${showShape(a.shape)}`);
  const dtype = a.dtype ?? e.dtype ?? "float64";
  const shape = a.shape ?? e.shape ?? [a.values.length];
  const message = differenceOf(a.values, e.values, { ...defaults[dtype], ...tolerance }, { dtype, shape });
  if (message !== null) throw new ToleranceError(`allclose: ${message}`);
}

/** What is wrong with `actual`, or null: `allclose` for values that were read already. */
export function differenceOf(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol, atol }: Required<Tolerance>,
  { dtype = "float64", shape = [actual.length] }: { readonly dtype?: DType; readonly shape?: Shape } = {},
): string | null {
  if (actual.length !== expected.length) return `expected ${expected.length} values, got ${actual.length}`;
  let count = 0;
  let first = 0;
  let worst = 0;
  let worstExcess = 0;
  for (let i = 0; i < actual.length; i++) {
    const x = actual[i] ?? Number.NaN;
    const y = expected[i] ?? Number.NaN;
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const difference = Math.abs(x - y);
    const allowed = atol + rtol * Math.abs(y);
    if (difference <= allowed && Number.isFinite(y)) continue;
    const excess = Number.isFinite(difference) ? difference / allowed : Number.POSITIVE_INFINITY;
    if (count === 0) first = i;
    if (count++ === 0 || excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
  }
  if (count === 0) return null;
  const at = (i: number): string => showDifference(actual[i] ?? Number.NaN, expected[i] ?? Number.NaN, dtype, i, shape);
  const places = first === worst ? at(first) : `first ${at(first)}, worst ${at(worst)}`;
  return `expected values within rtol ${rtol} and atol ${atol}, got ${count} of ${actual.length} outside: ${places}`;
}

function showDifference(x: number, y: number, dtype: DType, index: number, shape: Shape): string {
  const ulps = dtype === "float32" || dtype === "float64" ? `, ${ulpsBetween(x, y, dtype)} ulps of ${dtype}` : "";
  return `at ${showShape(placeOf(index, shape))} ${x} instead of ${y} (difference ${Math.abs(x - y)}${ulps})`;
}

/** The coordinates of a row-major index. */
export function placeOf(index: number, shape: Shape): number[] {
  const place = shape.map(() => 0);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    place[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return place;
}
