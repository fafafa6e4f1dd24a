// Reductions over axes: sums, extremes, moments, norms.
import { ArgumentError } from "../base/errors.ts";
import { normalizeAxes, normalizeAxis, type Shape, sizeOf } from "../base/shape.ts";
import type { Reduced } from "../base/shape-types.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Op } from "../graph/rules.ts";
import { builder as b } from "../ops/builder.ts";
import { stopGradient } from "../ops/cast.ts";
import * as ops from "../ops/reduce.ts";
import { meanNode } from "../tensor/mean.ts";
import { toFloat } from "../tensor/promote.ts";
import { type NoOptions, type ReduceOptions, Tensor } from "../tensor/tensor.ts";
import { nodeOf, scalarLike, truthOf } from "./arguments.ts";

/** The axis to reduce, all of the flattened tensor by default. */
export interface AxisOptions {
  readonly axis?: number;
  /** Keep the reduced axis with size 1. */
  readonly keepdims?: boolean;
}

/** y with its reduced axes put back as size 1. */
const restore = (y: Node, shape: Shape, axes: readonly number[]): Node =>
  b.reshape(
    y,
    shape.map((n, i) => (axes.includes(i) ? 1 : n)),
  );

function reduced<S extends Shape, O>(
  operation: string,
  x: Node,
  options: ReduceOptions,
  build: (x: Node, axes: readonly number[]) => Node,
): Tensor<Reduced<S, O>> {
  const axes = normalizeAxes(operation, options.axis, x.shape);
  const y = build(x, axes);
  return new Tensor(options.keepdims === true ? restore(y, x.shape, axes) : y);
}

const countOf = (shape: Shape, axes: readonly number[]): number => sizeOf(axes.map((axis) => shape[axis] ?? 1));

/**
 * The sum over `axis`, 0 of nothing. Integers and bools are summed as int32.
 * @param options.axis axis or axes, all by default; negative ones count from the end
 * @param options.keepdims keep reduced axes with size 1
 * @throws {AxisError} `sum: axis 2 is out of range for shape [2, 2]`
 * @example (await sum(tensor([[1, 2], [3, 4]]), { axis: 0 }).toArray()) // [4, 6]
 */
export function sum<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("sum", nodeOf("sum", x), options ?? {}, (node, axes) => b.sum(node, axes));
}

/**
 * The mean over `axis`; NaN of nothing. Integers and bools become float32.
 * @param options as in `sum`
 * @example (await mean(tensor([[1, 2], [3, 4]])).item()) // 2.5
 */
export function mean<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("mean", toFloat(nodeOf("mean", x)), options ?? {}, meanNode);
}

/**
 * The product over `axis`, 1 of nothing. The gradient is the product of the others, and right where there are zeros.
 * @param options as in `sum`
 * @example (await prod(tensor([2, 3, 4])).item()) // 24
 */
export function prod<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("prod", nodeOf("prod", x), options ?? {}, (node, axes) => makeNode(ops.prod, [node], { axes }));
}

/**
 * The largest over `axis`. NaN propagates; equal ones share the gradient evenly.
 * @param options as in `sum`
 * @throws {ShapeError} `max: expected at least one element along the axes, got shape [0]`
 * @example (await max(tensor([[1, 5], [3, 4]]), { axis: 1 }).toArray()) // [5, 4]
 */
export function max<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("max", nodeOf("max", x), options ?? {}, (node, axes) =>
    makeNode(ops.max, [node], { axes, ties: "share" }),
  );
}

/**
 * The smallest over `axis`. NaN propagates; equal ones share the gradient evenly.
 * @param options as in `sum`
 * @throws {ShapeError} `min: expected at least one element along the axes, got shape [0]`
 * @example (await min(tensor([[1, 5], [3, 4]]), { axis: 1 }).toArray()) // [1, 3]
 */
export function min<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("min", nodeOf("min", x), options ?? {}, (node, axes) =>
    makeNode(ops.min, [node], { axes, ties: "share" }),
  );
}

/** Positions and bools: records that take nothing but axes. */
const plain =
  (op: Op) =>
  (x: Node, axes: readonly number[]): Node =>
    makeNode(op, [x], { axes });

/**
 * The position of the largest along `axis`, of the flattened tensor without one. The first of equals; NaN counts as the largest.
 * @returns int32
 * @example (await argmax(tensor([[1, 5], [3, 2]]), { axis: 1 }).toArray()) // [1, 0]
 */
export function argmax<S extends Shape, const O extends AxisOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("argmax", nodeOf("argmax", x), options ?? {}, plain(ops.argmax));
}

/**
 * The position of the smallest along `axis`, of the flattened tensor without one. The first of equals; NaN counts as the smallest.
 * @returns int32
 * @example (await argmin(tensor([[1, 5], [3, 2]]), { axis: 1 }).toArray()) // [0, 1]
 */
export function argmin<S extends Shape, const O extends AxisOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("argmin", nodeOf("argmin", x), options ?? {}, plain(ops.argmin));
}

/**
 * Whether one is true; false of nothing. Numbers are true unless they are 0.
 * @param options as in `sum`
 * @returns bool
 * @example (await any(tensor([[false, true], [false, false]]), { axis: 1 }).toArray()) // [true, false]
 */
export function any<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("any", truthOf("any", x), options ?? {}, plain(ops.any));
}

/**
 * Whether all are true; true of nothing. Numbers are true unless they are 0.
 * @param options as in `sum`
 * @returns bool
 * @example (await all(tensor([[true, true], [true, false]]), { axis: 1 }).toArray()) // [true, false]
 */
export function all<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("all", truthOf("all", x), options ?? {}, plain(ops.all));
}

/**
 * How many are not 0.
 * @param options as in `sum`
 * @returns int32
 * @example (await countNonzero(tensor([0, 3, -1])).item()) // 2
 */
export function countNonzero<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("countNonzero", truthOf("countNonzero", x), options ?? {}, (node, axes) => b.sum(node, axes));
}

/** Options of variance and standard deviation. */
export interface MomentOptions extends ReduceOptions {
  /** The divisor is n − correction: 1 by default, the unbiased estimate; 0 for the population. */
  readonly correction?: number;
}

/** Two passes: the mean, then the mean of squared distances from it. */
function varianceNode(x: Node, axes: readonly number[], correction: number): Node {
  const distance = b.sub(x, restore(meanNode(x, axes), x.shape, axes));
  const total = b.sum(b.mul(distance, distance), axes);
  return b.div(total, b.num(Math.max(0, countOf(x.shape, axes) - correction), total));
}

/**
 * The variance over `axis`. Integers become float32.
 * @param options as in `sum`, and `correction`: the divisor is n − correction, 1 by default
 * @example (await variance(tensor([1, 2, 3, 4])).item()) // 1.6667
 */
export function variance<S extends Shape, const O extends MomentOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  const correction = options?.correction ?? 1;
  return reduced("variance", toFloat(nodeOf("variance", x)), options ?? {}, (node, axes) =>
    varianceNode(node, axes, correction),
  );
}

/** √x whose derivative at 0 is taken as 0. */
function calmSqrt(x: Node): Node {
  const isZero = b.eq(x, b.num(0, x));
  return b.select(isZero, b.num(0, x), b.sqrt(b.select(isZero, b.num(1, x), x)));
}

/**
 * The standard deviation over `axis`; its gradient where it is 0 is 0.
 * @param options as in `variance`
 * @example (await std(tensor([1, 2, 3, 4])).item()) // 1.291
 */
export function std<S extends Shape, const O extends MomentOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  const correction = options?.correction ?? 1;
  return reduced("std", toFloat(nodeOf("std", x)), options ?? {}, (node, axes) =>
    calmSqrt(varianceNode(node, axes, correction)),
  );
}

/** The largest over `axes`, as a constant of differentiation, and 0 instead where it is infinite. */
function shiftOf(x: Node, axes: readonly number[]): { shift: Node; largest: Node } {
  const largest = makeNode(stopGradient, [makeNode(ops.max, [x], { axes, ties: "first" })]);
  const isInfinite = b.eq(b.abs(largest), b.num(Number.POSITIVE_INFINITY, largest));
  return { shift: b.select(isInfinite, b.num(0, largest), largest), largest };
}

/** log Σ eˣ, shifted by the largest. A sum of nothing but e^−∞ is −∞, with gradient 0. */
export function logsumexpNode(x: Node, axes: readonly number[]): Node {
  if (countOf(x.shape, axes) === 0) return b.log(b.sum(x, axes));
  const { shift, largest } = shiftOf(x, axes);
  const total = b.sum(b.exp(b.sub(x, restore(shift, x.shape, axes))), axes);
  const isZero = b.eq(total, b.num(0, total));
  const usual = b.add(b.log(b.select(isZero, b.num(1, total), total)), shift);
  return b.select(isZero, largest, usual);
}

/**
 * log Σ eˣ over `axis`; the largest is subtracted first, so that nothing overflows. ∂/∂x = softmax(x).
 * @param options as in `sum`
 * @example (await logsumexp(tensor([1000, 1000])).item()) // 1000.6932
 */
export function logsumexp<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return reduced("logsumexp", toFloat(nodeOf("logsumexp", x)), options ?? {}, logsumexpNode);
}

/** Options of the vector norm. */
export interface NormOptions extends ReduceOptions {
  /** The order p: 2 by default; ∞ and −∞ give the largest and smallest absolute value, 0 counts what is not 0. */
  readonly ord?: number;
}

export function normNode(x: Node, axes: readonly number[], ord: number): Node {
  const size = b.abs(x);
  switch (ord) {
    case 0:
      return b.sum(b.cast(b.ne(x, b.num(0, x)), x.dtype), axes);
    case 1:
      return b.sum(size, axes);
    case 2:
      return calmSqrt(b.sum(b.mul(x, x), axes));
    case Number.POSITIVE_INFINITY:
      return makeNode(ops.max, [size], { axes, ties: "share" });
    case Number.NEGATIVE_INFINITY:
      return makeNode(ops.min, [size], { axes, ties: "share" });
    default: {
      const p = scalarLike(ord, x);
      const isZero = b.eq(size, b.num(0, x));
      const powers = b.pow(b.select(isZero, b.num(1, x), size), p);
      const total = b.sum(b.select(isZero, b.pow(b.num(0, x), p), powers), axes);
      const isNothing = b.eq(total, b.num(0, total));
      const root = b.pow(b.select(isNothing, b.num(1, total), total), scalarLike(1 / ord, x));
      return b.select(isNothing, b.num(0, total), root);
    }
  }
}

/**
 * The vector norm (Σ |x|ᵖ)^(1/p) over `axis`. The gradient of a vector of zeros is 0.
 * @param options as in `sum`, and `ord`: p, 2 by default
 * @throws {ArgumentError} `norm: expected a number as ord, got NaN`
 * @example (await norm(tensor([3, 4])).item()) // 5
 */
export function norm<S extends Shape, const O extends NormOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  const ord = options?.ord ?? 2;
  if (typeof ord !== "number" || Number.isNaN(ord))
    throw new ArgumentError(`norm: expected a number as ord, got ${ord}`);
  return reduced("norm", toFloat(nodeOf("norm", x)), options ?? {}, (node, axes) => normNode(node, axes, ord));
}

/**
 * x divided by its norm along `axis`, or by eps where the norm is smaller.
 * @param options.p order of the norm, 2 by default
 * @param options.axis 1 by default, as in PyTorch
 * @param options.eps 1e-12 by default
 * @example (await normalize(tensor([[3, 4]])).toArray()) // [[0.6, 0.8]]
 */
export function normalize<S extends Shape>(
  x: Tensor<S>,
  options: { readonly p?: number; readonly axis?: number; readonly eps?: number } = {},
): Tensor<S> {
  const node = toFloat(nodeOf("normalize", x));
  const axes = [normalizeAxis("normalize", options.axis ?? 1, node.shape)];
  const size = restore(normNode(node, axes, options.p ?? 2), node.shape, axes);
  const least = scalarLike(options.eps ?? 1e-12, node);
  return new Tensor(b.div(node, b.select(b.lt(size, least), least, size)));
}
