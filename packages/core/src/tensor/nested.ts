// Nested arrays ↔ flat values.
import type { DType, TypedArray } from "../base/dtype.ts";
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";

export type Nested = number | boolean | readonly Nested[];

export function nest(values: TypedArray, shape: Shape, dtype: DType): Nested {
  let next = 0;
  const element = (): number | boolean => {
    const value = values[next++] ?? Number.NaN;
    return dtype === "bool" ? value !== 0 : value;
  };
  const build = (axis: number): Nested => {
    if (axis === shape.length) return element();
    return Array.from({ length: shape[axis] ?? 0 }, () => build(axis + 1));
  };
  return build(0);
}

/** Shape and row-major values of nested arrays; every row must be as long as its neighbours. */
export function flatten(data: Nested): { shape: number[]; values: (number | boolean)[] } {
  const shape: number[] = [];
  for (let level: Nested | undefined = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values: (number | boolean)[] = [];
  const visit = (item: Nested, axis: number): void => {
    if (!Array.isArray(item)) {
      if (axis !== shape.length) throw raggedError(shape, axis);
      if (typeof item === "number" || typeof item === "boolean") values.push(item);
      return;
    }
    if (axis === shape.length || item.length !== shape[axis]) throw raggedError(shape, axis);
    for (const part of item) visit(part, axis + 1);
  };
  visit(data, 0);
  if (values.length !== sizeOf(shape)) throw raggedError(shape, shape.length);
  return { shape, values };
}

const raggedError = (shape: Shape, axis: number): ShapeError =>
  new ShapeError(`tensor: expected rows of equal length as in ${showShape(shape)}, got another length at axis ${axis}`);
