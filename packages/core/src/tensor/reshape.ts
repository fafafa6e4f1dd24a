// The size that a reshape leaves open.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";

/** `shape` with the extent -1 replaced by what the elements of `from` leave for it. */
export function inferShape(from: Shape, shape: Shape): Shape {
  const unknown = shape.indexOf(-1);
  if (unknown < 0) return shape;
  const known = shape.reduce((product, n, i) => (i === unknown ? product : product * n), 1);
  const missing = known === 0 ? Number.NaN : sizeOf(from) / known;
  if (!Number.isInteger(missing) || shape.indexOf(-1, unknown + 1) >= 0)
    throw new ShapeError(
      `reshape: expected sizes that divide the ${sizeOf(from)} elements of ${showShape(from)}, got ${showShape(shape)}`,
    );
  return shape.map((n, i) => (i === unknown ? missing : n));
}
