// The same values as a program may have them: straight from a buffer, through views, computed, repeated.
import { type DType, isFloat } from "../base/dtype.ts";
import { contiguousStrides, type Shape, sizeOf } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import type { Input } from "./samples/sample.ts";

export type Presentation = "plain" | "transposed" | "reversed" | "strided" | "shifted" | "computed" | "repeated";

export const presentations: readonly Presentation[] = [
  "transposed",
  "computed",
  "reversed",
  "shifted",
  "repeated",
  "strided",
];

/** The value at every place of `shape`, from a function of the place. */
function tabulate(shape: Shape, value: (place: readonly number[]) => number): number[] {
  const strides = contiguousStrides(shape);
  return Array.from({ length: sizeOf(shape) }, (_, i) =>
    value(shape.map((n, axis) => Math.floor(i / (strides[axis] ?? 1)) % n)),
  );
}

const at = (values: readonly number[], shape: Shape, place: readonly number[]): number => {
  const strides = contiguousStrides(shape);
  return values[place.reduce((sum, p, axis) => sum + p * (strides[axis] ?? 1), 0)] ?? Number.NaN;
};

/** What lies beside the values and must not be read, or changes nothing. */
const junk = (dtype: DType): number => (isFloat(dtype) ? Number.NaN : 1);

/** What `present` shows for an input: other values only where they repeat. */
export function valuesShown({ shape, values }: Input, presentation: Presentation): readonly number[] {
  if (presentation !== "repeated" || shape.length === 0) return values;
  return tabulate(shape, ([, ...rest]) => at(values, shape, [0, ...rest]));
}

/** A node of these values whose way to the buffer is as `presentation` says. Falls back to plain for shapes that have no such way. */
export function present(
  { shape, dtype, values }: Input,
  presentation: Presentation,
  leaf: (shape: Shape, values: readonly number[], dtype: DType) => Node,
): Node {
  const rank = shape.length;
  const last = rank - 1;
  const n = shape[last] ?? 1;
  const zeros = shape.map(() => 0);
  const ones = shape.map(() => 1);
  if (rank === 0 || sizeOf(shape) === 0 || presentation === "plain") return leaf(shape, values, dtype);
  switch (presentation) {
    case "transposed": {
      const turned = shape.toReversed();
      const order = shape.map((_, axis) => last - axis);
      const data = tabulate(turned, (place) => at(values, shape, place.toReversed()));
      return builder.permute(leaf(turned, data, dtype), order);
    }
    case "reversed": {
      const data = tabulate(shape, (place) => at(values, shape, place.with(last, n - 1 - (place[last] ?? 0))));
      return builder.slice(leaf(shape, data, dtype), zeros.with(last, n - 1), ones.with(last, -1), shape);
    }
    case "shifted": {
      const wide = shape.with(last, n + 3);
      const data = tabulate(wide, (place) => {
        const p = (place[last] ?? 0) - 2;
        return p >= 0 && p < n ? at(values, shape, place.with(last, p)) : junk(dtype);
      });
      return builder.slice(leaf(wide, data, dtype), zeros.with(last, 2), ones, shape);
    }
    case "strided": {
      const wide = shape.with(0, 2 * (shape[0] ?? 1) + 1);
      const data = tabulate(wide, (place) => {
        const p = place[0] ?? 0;
        return p % 2 === 1 ? at(values, shape, place.with(0, (p - 1) / 2)) : junk(dtype);
      });
      return builder.slice(leaf(wide, data, dtype), zeros.with(0, 1), ones.with(0, 2), shape);
    }
    case "computed":
      return twice(leaf(shape, values, dtype));
    case "repeated": {
      const first = shape.with(0, 1);
      return builder.expand(leaf(first, values.slice(0, sizeOf(first)), dtype), shape);
    }
  }
}

/** An operation and its inverse, which change nothing, not even the sign of a zero. */
export const twice = (x: Node): Node =>
  x.dtype === "bool" ? builder.not(builder.not(x)) : builder.neg(builder.neg(x));
