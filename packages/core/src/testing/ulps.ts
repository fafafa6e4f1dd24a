// How far apart two floats are, counted in the numbers that lie between them.
import type { DType } from "../base/dtype.ts";

const cell = new DataView(new ArrayBuffer(8));

/** The position of a float32 on the line of all float32 numbers; −0 and 0 share 0. */
function position32(x: number): number {
  cell.setFloat32(0, x);
  const bits = cell.getInt32(0);
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

function position64(x: number): bigint {
  cell.setFloat64(0, x);
  const bits = cell.getBigInt64(0);
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits;
}

/**
 * The number of steps from `a` to `b` by neighbouring floats of `dtype`: 0 for equal numbers and for two NaNs, infinite
 * where only one is NaN. Integers and bools count as they are.
 */
export function ulpsBetween(a: number, b: number, dtype: DType): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  switch (dtype) {
    case "float32":
      return Math.abs(position32(a) - position32(b));
    case "float64": {
      const steps = position64(a) - position64(b);
      return Number(steps < 0n ? -steps : steps);
    }
    default:
      return Math.abs(a - b);
  }
}
