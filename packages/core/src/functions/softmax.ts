// Softmax and its kin, along one axis.
import { normalizeAxis, type Shape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { axisAttrs } from "../ops/attrs.ts";
import { builder as b } from "../ops/builder.ts";
import * as records from "../ops/softmax.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf } from "./arguments.ts";

export const softmaxNode = (x: Node, axis: number): Node => makeNode(records.softmax, [x], axisAttrs(axis));
export const logSoftmaxNode = (x: Node, axis: number): Node => makeNode(records.logSoftmax, [x], axisAttrs(axis));

/** A scalar is a row of one. */
function along(operation: string, x: Tensor, axis: number, build: (x: Node, axis: number) => Node): Node {
  const node = floatOf(operation, x);
  if (node.shape.length === 0 && (axis === -1 || axis === 0)) return b.reshape(build(b.reshape(node, [1]), 0), []);
  return build(node, normalizeAxis(operation, axis, node.shape));
}

/**
 * Softmax along `axis`: exp(x − max) / Σ exp(x − max). The maximum is subtracted, so large logits do not overflow.
 * A row of nothing but −∞ gives NaN.
 * @param x float tensor `[..., n, ...]`
 * @param options.axis axis of length n, the last by default; negative ones count from the end
 * @returns same shape and dtype, sums to 1 along `axis`
 * @throws {AxisError} `softmax: axis 3 is out of range for shape [2, 5]`
 * @example (await softmax(tensor([1, 2, 3])).toArray()) // [0.09, 0.2447, 0.6652]
 */
export function softmax<S extends Shape>(x: Tensor<S>, options: { readonly axis?: number } = {}): Tensor<S> {
  return new Tensor(along("softmax", x, options.axis ?? -1, softmaxNode));
}

/**
 * The logarithm of softmax along `axis`, without taking the logarithm of small numbers.
 * @param options.axis the last by default
 * @throws {AxisError} `logSoftmax: axis 3 is out of range for shape [2, 5]`
 * @example (await logSoftmax(tensor([1, 2, 3])).toArray()) // [-2.4076, -1.4076, -0.4076]
 */
export function logSoftmax<S extends Shape>(x: Tensor<S>, options: { readonly axis?: number } = {}): Tensor<S> {
  return new Tensor(along("logSoftmax", x, options.axis ?? -1, logSoftmaxNode));
}

/**
 * softmax(−x) along `axis`.
 * @param options.axis the last by default
 * @example (await softmin(tensor([1, 2, 3])).toArray()) // [0.6652, 0.2447, 0.09]
 */
export function softmin<S extends Shape>(x: Tensor<S>, options: { readonly axis?: number } = {}): Tensor<S> {
  return new Tensor(along("softmin", x, options.axis ?? -1, (node, axis) => softmaxNode(b.neg(node), axis)));
}
