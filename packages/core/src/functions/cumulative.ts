// Running sums, products and extremes along an axis. Products combine cells that lie 1, 2, 4, … apart (Hillis and Steele, 1986),
// so that no gradient divides.
import { normalizeAxis, type Shape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { takeAlong } from "../ops/gather.ts";
import { argcummax, argcummin, cumsum as sums } from "../ops/scan.ts";
import { logaddexp } from "../ops/transcendental.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf } from "./arguments.ts";
import { padConstant } from "./pad.ts";
import { narrowed } from "./shape.ts";

/** Every cell combined with all before it; `empty` stands where there are none. */
function scanned(x: Node, axis: number, empty: number, combine: (before: Node, here: Node) => Node): Node {
  const n = x.shape[axis] ?? 0;
  const zeros = x.shape.map(() => 0);
  let y = x;
  for (let distance = 1; distance < n; distance *= 2) {
    const before = padConstant(narrowed(y, axis, 0, n - distance), zeros.with(axis, distance), zeros, empty);
    y = combine(before, y);
  }
  return y;
}

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
  return new Tensor(scanned(node, normalizeAxis("cumprod", axis, node.shape), 1, b.mul));
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
  const combine = (before: Node, here: Node): Node => makeNode(logaddexp, [before, here]);
  return new Tensor(scanned(node, normalizeAxis("logcumsumexp", axis, node.shape), Number.NEGATIVE_INFINITY, combine));
}
