// Running sums, products and extremes along an axis, each in one walk along it.
import { normalizeAxis, type Shape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { takeAlong } from "../ops/gather.ts";
import { argcummax, argcummin, cumprod as products, recurrence, cumsum as sums } from "../ops/scan.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf } from "./arguments.ts";
import { concatNodes } from "./join.ts";
import { narrowed } from "./shape.ts";
import { stopGradient } from "./transforms.ts";

/**
 * Running sums along an axis. Integers and bools are summed as int32.
 * @param axis negative ones count from the end
 * @returns x's shape
 * @throws {AxisError} `cumsum: axis 1 is out of range for shape [3]`
 * @example (await cumsum(tensor([1, 2, 3]), 0).toArray()) // [1, 3, 6]
 */
export function cumsum<S extends Shape>(x: Tensor<S>, axis: number): Tensor<S> {
  const given = nodeOf("cumsum", x);
  const node = given.dtype === "bool" || given.dtype === "uint8" ? b.cast(given, "int32") : given;
  return new Tensor(makeNode(sums, [node], { axis: normalizeAxis("cumsum", axis, node.shape), reverse: false }));
}

/**
 * Running products along an axis. The gradient is right where there are zeros.
 * @example (await cumprod(tensor([1, 2, 3]), 0).toArray()) // [1, 2, 6]
 */
export function cumprod<S extends Shape>(x: Tensor<S>, axis: number): Tensor<S> {
  const given = nodeOf("cumprod", x);
  const node = given.dtype === "bool" || given.dtype === "uint8" ? b.cast(given, "int32") : given;
  return new Tensor(makeNode(products, [node], { axis: normalizeAxis("cumprod", axis, node.shape), reverse: false }));
}

/** The cells at the positions that `op` finds. */
function extremes(operation: "cummax" | "cummin", x: Tensor, given: number): Node {
  const node = nodeOf(operation, x);
  const axis = normalizeAxis(operation, given, node.shape);
  const places = makeNode(operation === "cummax" ? argcummax : argcummin, [node], { axis, reverse: false });
  return makeNode(takeAlong, [node, places], { axis, what: operation });
}

/**
 * The largest so far along an axis. NaN stays; the latest of equal ones gets the gradient.
 * @example (await cummax(tensor([1, 3, 2]), 0).toArray()) // [1, 3, 3]
 */
export function cummax<S extends Shape>(x: Tensor<S>, axis: number): Tensor<S> {
  return new Tensor(extremes("cummax", x, axis));
}

/**
 * The smallest so far along an axis. NaN stays; the latest of equal ones gets the gradient.
 * @example (await cummin(tensor([3, 1, 2]), 0).toArray()) // [3, 1, 1]
 */
export function cummin<S extends Shape>(x: Tensor<S>, axis: number): Tensor<S> {
  return new Tensor(extremes("cummin", x, axis));
}

/**
 * The logarithm of running sums of exponentials along an axis, without overflow.
 * @example (await logcumsumexp(tensor([0, 0, 1000]), 0).toArray()) // [0, 0.6931, 1000]
 */
export function logcumsumexp<S extends Shape>(x: Tensor<S>, axis: number): Tensor<S> {
  const node = floatOf("logcumsumexp", x);
  const at = normalizeAxis("logcumsumexp", axis, node.shape);
  // s[i] = Σⱼ exp(x[j] − m[i]) for the largest so far, m, on which the result does not depend: no gradient flows through it.
  const largest = stopGradient(cummax(x, at)).node;
  const m = b.cast(largest, node.dtype);
  const isBounded = b.lt(b.abs(m), b.num(Number.POSITIVE_INFINITY, m));
  const center = b.select(isBounded, m, b.num(0, m));
  const n = m.shape[at] ?? 0;
  const before = n === 0 ? m : concatNodes([narrowed(m, at, 0, 1), narrowed(m, at, 0, n - 1)], at);
  const decay = b.exp(b.sub(before, center));
  const s = makeNode(recurrence, [decay, b.exp(b.sub(node, center))], { axis: at, reverse: false });
  // Nothing but −∞ so far: no gradient, rather than 0/0.
  const isEmpty = b.eq(s, b.num(0, s));
  const sum = b.add(center, b.log(b.select(isEmpty, b.num(1, s), s)));
  return new Tensor(b.select(isEmpty, b.num(Number.NEGATIVE_INFINITY, s), sum));
}
