// Shapes as plain arrays: sizes, strides, axes and broadcasting.
import { AxisError, ShapeError } from "./errors.ts";

export type Shape = readonly number[];

export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i] ?? 1;
  }
  return strides;
}

/** An axis counted from the front; negative axes count from the end. */
export function normalizeAxis(operation: string, axis: number, shape: Shape): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new AxisError(`${operation}: axis ${axis} is out of range for shape ${showShape(shape)}`);
  return axis < 0 ? axis + rank : axis;
}

/** Sorted, checked axes; null or undefined means all of them. */
export function normalizeAxes(
  operation: string,
  axes: number | readonly number[] | null | undefined,
  shape: Shape,
): number[] {
  if (axes === null || axes === undefined) return shape.map((_, i) => i);
  if (typeof axes === "number") return [normalizeAxis(operation, axes, shape)];
  const list = axes.map((axis) => normalizeAxis(operation, axis, shape));
  if (new Set(list).size !== list.length)
    throw new AxisError(`${operation}: an axis is named twice in ${showShape(list)} for shape ${showShape(shape)}`);
  return list.sort((a, b) => a - b);
}

/** The shape that NumPy's rules give for two shapes. Throws a ShapeError that names both. */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(
        `${operation}: expected shapes that broadcast, got ${showShape(a)} and ${showShape(b)}: sizes ${x} and ${y} differ at axis ${i - rank}`,
      );
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** Axes of `to` along which a value of shape `from` repeats, and which a sum must undo. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const axes: number[] = [];
  const lead = to.length - from.length;
  for (let i = 0; i < to.length; i++) if (i < lead || (from[i - lead] === 1 && to[i] !== 1)) axes.push(i);
  return axes;
}
