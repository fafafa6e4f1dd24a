// Reductions over axes, which vanish.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Builder } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Linear, Nonlinear } from "../graph/rules.ts";
import { accumulator, numbers, only, truths } from "./expect.ts";
import { join } from "./join.ts";

export type Axes = { readonly axes: readonly number[] };
/** Who gets the gradient among equal extremes: all a share, or the first in row-major order everything. */
export type Extreme = Axes & { readonly ties: "share" | "first" };

const reducedShape = ([x]: readonly Node[], { axes }: Axes): Shape => only(x).shape.filter((_, i) => !axes.includes(i));
const shift = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

/** y with its reduced axes put back as size 1, to broadcast against x. */
function restore(b: Builder, y: Node, x: Node, axes: readonly number[]): Node {
  return b.reshape(
    y,
    x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
  );
}

/** Sum; bools and integers are summed as int32. */
export const sum: Linear = {
  kind: "linear",
  name: "sum",
  dtype: ([x]) => accumulator(only(x).dtype),
  shape: reducedShape,
  transpose: (b, g, { axes }: Axes, [x]) => b.expand(restore(b, g, only(x), axes), only(x).shape),
  batch: (b, { axes }: Axes, [x]) => b.sum(only(x), shift(axes)),
  lower: (k, [x], { axes }: Axes) => k.reduce("add", k.cast(only(x), accumulator(k.dtypeOf(only(x)))), axes),
};

/** Product; its gradient is the product of the others, without dividing, and right where there are zeros. */
export const prod: Nonlinear = {
  kind: "nonlinear",
  name: "prod",
  dtype: ([x]) => accumulator(only(x).dtype),
  shape: reducedShape,
  vjp: (b, g, _, { axes }: Axes, [x]) => [b.mul(restore(b, g, only(x), axes), othersProduct(b, only(x), axes))],
  jvp: (b, [dx], _, { axes }: Axes, [x]) => (dx ? b.sum(b.mul(dx, othersProduct(b, only(x), axes)), axes) : null),
  batch: (_, { axes }: Axes, [x]) => makeNode(prod, [only(x)], { axes: shift(axes) }),
  lower: (k, [x], { axes }: Axes) => k.reduce("mul", k.cast(only(x), accumulator(k.dtypeOf(only(x)))), axes),
};

/** For each element, the product of all others along `axes`. */
function othersProduct(b: Builder, x: Node, axes: readonly number[]): Node {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const order = [...kept, ...axes];
  const shape = order.map((axis) => x.shape[axis] ?? 1);
  const outer = kept.map((axis) => x.shape[axis] ?? 1);
  const rows = b.reshape(b.permute(x, order), [sizeOf(outer), sizeOf(axes.map((axis) => x.shape[axis] ?? 1))]);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return b.permute(b.reshape(rowOthers(b, rows), shape), inverse);
}

/** A tree of pairwise products, walked down again: log n levels, 3n products, and sound at every order of derivative. */
function rowOthers(b: Builder, x: Node): Node {
  const [rows = 1, n = 0] = x.shape;
  if (n <= 1) return b.fill(1, x.shape, x);
  const half = n >> 1;
  const part = (start: number, size: number): Node => b.slice(x, [0, start], [1, 1], [rows, size]);
  const left = part(0, half);
  const right = part(half, half);
  const pairs = b.mul(left, right);
  const odd = n % 2 === 1;
  const level = odd ? makeNode(join, [pairs, part(n - 1, 1)], { axis: 1 }) : pairs;
  const others = rowOthers(b, level);
  const of = odd ? b.slice(others, [0, 0], [1, 1], [rows, half]) : others;
  const parts = [b.mul(of, right), b.mul(of, left)];
  if (odd) parts.push(b.slice(others, [0, half], [1, 1], [rows, 1]));
  return makeNode(join, parts, { axis: 1 });
}

function nonEmpty(operation: string, inputs: readonly Node[], attrs: Axes): Shape {
  const shape = only(inputs[0]).shape;
  if (attrs.axes.some((axis) => shape[axis] === 0))
    throw new ShapeError(`${operation}: expected at least one element along the axes, got shape ${showShape(shape)}`);
  return reducedShape(inputs, attrs);
}

/** Where x is an extreme that the gradient goes to. */
function winners(b: Builder, x: Node, y: Node, { axes, ties }: Extreme, position: Nonlinear): Node {
  if (ties === "share") return b.eq(x, restore(b, y, x, axes));
  const sizes = x.shape.map((n, i) => (axes.includes(i) ? n : 1));
  const places = b.reshape(b.iota(sizeOf(sizes), x), sizes);
  return b.eq(places, restore(b, makeNode(position, [x], { axes }), x, axes));
}

function extremeVjp(b: Builder, g: Node, y: Node, attrs: Extreme, x: Node, position: Nonlinear): Node {
  const mask = winners(b, x, y, attrs, position);
  const share = attrs.ties === "share" ? b.div(g, b.sum(b.cast(mask, x.dtype), attrs.axes)) : g;
  return b.select(mask, restore(b, share, x, attrs.axes), b.num(0, g));
}

function extremeJvp(b: Builder, dx: Node, y: Node, attrs: Extreme, x: Node, position: Nonlinear): Node {
  const mask = winners(b, x, y, attrs, position);
  const total = b.sum(b.select(mask, dx, b.num(0, dx)), attrs.axes);
  return attrs.ties === "share" ? b.div(total, b.sum(b.cast(mask, x.dtype), attrs.axes)) : total;
}

/** The largest; NaN propagates. */
export const max: Nonlinear = {
  kind: "nonlinear",
  name: "max",
  dtype: numbers,
  shape: (inputs, attrs: Extreme) => nonEmpty("max", inputs, attrs),
  vjp: (b, g, y, attrs: Extreme, [x]) => [extremeVjp(b, g, y, attrs, only(x), argmax)],
  jvp: (b, [dx], y, attrs: Extreme, [x]) => (dx ? extremeJvp(b, dx, y, attrs, only(x), argmax) : null),
  batch: (_, { axes, ties }: Extreme, [x]) => makeNode(max, [only(x)], { axes: shift(axes), ties }),
  lower: (k, [x], { axes }: Extreme) => k.reduce("max", only(x), axes),
};

/** The smallest; NaN propagates. */
export const min: Nonlinear = {
  kind: "nonlinear",
  name: "min",
  dtype: numbers,
  shape: (inputs, attrs: Extreme) => nonEmpty("min", inputs, attrs),
  vjp: (b, g, y, attrs: Extreme, [x]) => [extremeVjp(b, g, y, attrs, only(x), argmin)],
  jvp: (b, [dx], y, attrs: Extreme, [x]) => (dx ? extremeJvp(b, dx, y, attrs, only(x), argmin) : null),
  batch: (_, { axes, ties }: Extreme, [x]) => makeNode(min, [only(x)], { axes: shift(axes), ties }),
  lower: (k, [x], { axes }: Extreme) => k.reduce("min", only(x), axes),
};

/** The row-major position of the largest within `axes`, int32; the first wins ties, NaN counts as the largest. */
export const argmax: Nonlinear = {
  kind: "nonlinear",
  name: "argmax",
  dtype: () => "int32",
  shape: (inputs, attrs: Axes) => nonEmpty("argmax", inputs, attrs),
  vjp: () => [null],
  jvp: () => null,
  batch: (_, { axes }: Axes, [x]) => makeNode(argmax, [only(x)], { axes: shift(axes) }),
  lower: (k, [x], { axes }: Axes) => k.reduce("argmax", only(x), axes),
};

/** The row-major position of the smallest within `axes`, int32; the first wins ties, NaN counts as the smallest. */
export const argmin: Nonlinear = {
  kind: "nonlinear",
  name: "argmin",
  dtype: () => "int32",
  shape: (inputs, attrs: Axes) => nonEmpty("argmin", inputs, attrs),
  vjp: () => [null],
  jvp: () => null,
  batch: (_, { axes }: Axes, [x]) => makeNode(argmin, [only(x)], { axes: shift(axes) }),
  lower: (k, [x], { axes }: Axes) => k.reduce("argmin", only(x), axes),
};

/** Whether one is true: a count of them that is not 0, so that an empty one is false. */
export const any: Nonlinear = {
  kind: "nonlinear",
  name: "any",
  dtype: truths,
  shape: reducedShape,
  vjp: () => [null],
  jvp: () => null,
  batch: (_, { axes }: Axes, [x]) => makeNode(any, [only(x)], { axes: shift(axes) }),
  lower(k, [x], { axes }: Axes) {
    const count = k.reduce("add", k.cast(only(x), "int32"), axes);
    return k.ne(count, k.num(0, count));
  },
};

/** Whether all are true: their product, so that an empty one is true. */
export const all: Nonlinear = {
  kind: "nonlinear",
  name: "all",
  dtype: truths,
  shape: reducedShape,
  vjp: () => [null],
  jvp: () => null,
  batch: (_, { axes }: Axes, [x]) => makeNode(all, [only(x)], { axes: shift(axes) }),
  lower(k, [x], { axes }: Axes) {
    const product = k.reduce("mul", k.cast(only(x), "int32"), axes);
    return k.ne(product, k.num(0, product));
  },
};
