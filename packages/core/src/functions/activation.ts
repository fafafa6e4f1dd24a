// Activation functions: elementwise. Integers become float32 where the result is not whole.
import { ShapeError } from "../base/errors.ts";
import { normalizeAxis, type Shape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import * as activation from "../ops/activation.ts";
import { builder as b } from "../ops/builder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf, scalarLike } from "./arguments.ts";
import { narrowed } from "./shape.ts";

/**
 * max(x, 0); the derivative at 0 is 0.
 * @example (await relu(tensor([-1, 2])).toArray()) // [0, 2]
 */
export function relu<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(activation.relu, [nodeOf("relu", x)]));
}

/**
 * min(max(x, 0), 6); the derivative at 0 and 6 is 0.
 * @example (await relu6(tensor([-1, 2, 9])).toArray()) // [0, 2, 6]
 */
export function relu6<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(activation.hardtanh, [nodeOf("relu6", x)], { min: 0, max: 6 }));
}

/**
 * x where it is positive, slope·x elsewhere (Maas et al., 2013).
 * @param options.slope 0.01 by default
 * @example (await leakyRelu(tensor([-1, 2]), { slope: 0.1 }).toArray()) // [-0.1, 2]
 */
export function leakyRelu<S extends Shape>(x: Tensor<S>, options: { readonly slope?: number } = {}): Tensor<S> {
  const node = floatOf("leakyRelu", x);
  const scaled = b.mul(node, scalarLike(options.slope ?? 0.01, node));
  return new Tensor(b.select(b.lt(b.num(0, node), node), node, scaled));
}

/**
 * x where it is positive, weight·x elsewhere, with a weight that is learned (He et al., 2015).
 * @param x `[N, C, ...]`
 * @param weight `[C]`, one for each channel, or `[1]`
 * @example (await prelu(tensor([[-1, 2]]), tensor([0.5])).toArray()) // [[-0.5, 2]]
 */
export function prelu<S extends Shape>(x: Tensor<S>, weight: Tensor): Tensor<S> {
  const node = floatOf("prelu", x);
  const w = floatOf("prelu", weight);
  const count = w.shape[0] ?? 1;
  const shape = count === 1 ? [] : [count, ...node.shape.slice(2).map(() => 1)];
  return new Tensor(b.select(b.lt(b.num(0, node), node), node, b.mul(node, b.reshape(w, shape))));
}

/** scale·(eˣ⁄ᵃ − 1)·a where x < 0; the argument of the exponential is 0 elsewhere, so that it cannot overflow. */
function exponentialTail(x: Node, factor: Node, divisor: Node | null): Node {
  const zero = b.num(0, x);
  const isPositive = b.lt(zero, x);
  const safe = b.select(isPositive, zero, x);
  return b.select(isPositive, x, b.mul(factor, b.expm1(divisor ? b.div(safe, divisor) : safe)));
}

/**
 * x where it is positive, alpha·(eˣ − 1) elsewhere (Clevert et al., 2015).
 * @param options.alpha 1 by default
 * @example (await elu(tensor([-1, 2])).toArray()) // [-0.6321, 2]
 */
export function elu<S extends Shape>(x: Tensor<S>, options: { readonly alpha?: number } = {}): Tensor<S> {
  const node = floatOf("elu", x);
  return new Tensor(exponentialTail(node, scalarLike(options.alpha ?? 1, node), null));
}

/**
 * max(0, x) + min(0, alpha·(e^(x/alpha) − 1)): as elu, with a derivative that is continuous for every alpha (Barron, 2017).
 * @param options.alpha 1 by default
 * @example (await celu(tensor([-1, 2]), { alpha: 2 }).toArray()) // [-0.7869, 2]
 */
export function celu<S extends Shape>(x: Tensor<S>, options: { readonly alpha?: number } = {}): Tensor<S> {
  const node = floatOf("celu", x);
  const alpha = scalarLike(options.alpha ?? 1, node);
  return new Tensor(exponentialTail(node, alpha, alpha));
}

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/**
 * 1.0507·elu(x) with alpha 1.6733, which keep mean and variance of activations (Klambauer et al., 2017).
 * @example (await selu(tensor([-1, 2])).toArray()) // [-1.1113, 2.1014]
 */
export function selu<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("selu", x);
  return new Tensor(b.mul(b.num(seluScale, node), exponentialTail(node, b.num(seluAlpha, node), null)));
}

/**
 * x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel, 2016).
 * @param options.approximate "none" by default; "tanh" takes x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
 * @example (await gelu(tensor([-1, 2])).toArray()) // [-0.1587, 1.9545]
 */
export function gelu<S extends Shape>(
  x: Tensor<S>,
  options: { readonly approximate?: "none" | "tanh" } = {},
): Tensor<S> {
  const op = options.approximate === "tanh" ? activation.geluTanh : activation.gelu;
  return new Tensor(makeNode(op, [floatOf("gelu", x)]));
}

/**
 * 1 / (1 + e⁻ˣ).
 * @example (await sigmoid(tensor([0, 2])).toArray()) // [0.5, 0.8808]
 */
export function sigmoid<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(activation.sigmoid, [floatOf("sigmoid", x)]));
}

/**
 * log(1 / (1 + e⁻ˣ)), without overflow.
 * @example (await logSigmoid(tensor([0, -1000])).toArray()) // [-0.6931, -1000]
 */
export function logSigmoid<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(activation.logSigmoid, [floatOf("logSigmoid", x)]));
}

/**
 * x / (1 + e⁻ˣ), also called swish (Elfwing et al., 2017).
 * @example (await silu(tensor([0, 2])).toArray()) // [0, 1.7616]
 */
export function silu<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("silu", x);
  return new Tensor(b.mul(node, makeNode(activation.sigmoid, [node])));
}

/**
 * x·tanh(log(1 + eˣ)) (Misra, 2019).
 * @example (await mish(tensor([0, 2])).toArray()) // [0, 1.944]
 */
export function mish<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("mish", x);
  return new Tensor(b.mul(node, b.tanh(makeNode(activation.softplus, [node]))));
}

/**
 * log(1 + e^(beta·x)) / beta, and x itself where beta·x exceeds the threshold.
 * @param options.beta 1 by default
 * @param options.threshold 20 by default
 * @example (await softplus(tensor([0, 100])).toArray()) // [0.6931, 100]
 */
export function softplus<S extends Shape>(
  x: Tensor<S>,
  options: { readonly beta?: number; readonly threshold?: number } = {},
): Tensor<S> {
  const { beta = 1, threshold = 20 } = options;
  const node = floatOf("softplus", x);
  const factor = beta === 1 ? null : scalarLike(beta, node);
  const scaled = factor ? b.mul(node, factor) : node;
  const soft = makeNode(activation.softplus, [scaled]);
  const y = factor ? b.div(soft, factor) : soft;
  return new Tensor(b.select(b.lt(scalarLike(threshold, node), scaled), node, y));
}

/**
 * x / (1 + |x|).
 * @example (await softsign(tensor([-1, 3])).toArray()) // [-0.5, 0.75]
 */
export function softsign<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("softsign", x);
  return new Tensor(b.div(node, b.add(b.abs(node), b.num(1, node))));
}

const ramp = (x: Node): Node =>
  b.div(makeNode(activation.hardtanh, [b.add(x, b.num(3, x))], { min: 0, max: 6 }), b.num(6, x));

/**
 * min(max(x + 3, 0), 6) / 6.
 * @example (await hardsigmoid(tensor([-4, 0, 4])).toArray()) // [0, 0.5, 1]
 */
export function hardsigmoid<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(ramp(floatOf("hardsigmoid", x)));
}

/**
 * x·min(max(x + 3, 0), 6) / 6 (Howard et al., 2019).
 * @example (await hardswish(tensor([-4, 0, 4])).toArray()) // [0, 0, 4]
 */
export function hardswish<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("hardswish", x);
  return new Tensor(b.mul(node, ramp(node)));
}

/**
 * x limited to [min, max]; the derivative is 0 at the bounds and beyond.
 * @param options.min -1 by default
 * @param options.max 1 by default
 * @example (await hardtanh(tensor([-2, 0.5])).toArray()) // [-1, 0.5]
 */
export function hardtanh<S extends Shape>(
  x: Tensor<S>,
  options: { readonly min?: number; readonly max?: number } = {},
): Tensor<S> {
  const { min = -1, max = 1 } = options;
  return new Tensor(makeNode(activation.hardtanh, [nodeOf("hardtanh", x)], { min, max }));
}

/**
 * The first half of an axis times the sigmoid of the second (Dauphin et al., 2017).
 * @param options.axis the last by default; of even size
 * @throws {ShapeError} `glu: expected an even size along axis 0, got 3`
 * @example (await glu(tensor([1, 2, 0, 0])).toArray()) // [0.5, 1]
 */
export function glu(x: Tensor, options: { readonly axis?: number } = {}): Tensor {
  const node = floatOf("glu", x);
  const axis = normalizeAxis("glu", options.axis ?? -1, node.shape);
  const n = node.shape[axis] ?? 0;
  if (n % 2 === 1) throw new ShapeError(`glu: expected an even size along axis ${axis}, got ${n}`);
  const gate = sigmoid(new Tensor(narrowed(node, axis, n / 2, n / 2)));
  return new Tensor(b.mul(narrowed(node, axis, 0, n / 2), gate.node));
}

/**
 * x where |x| > lambda, 0 elsewhere.
 * @param options.lambda 0.5 by default
 * @example (await hardshrink(tensor([-1, 0.5, 2])).toArray()) // [-1, 0, 2]
 */
export function hardshrink<S extends Shape>(x: Tensor<S>, options: { readonly lambda?: number } = {}): Tensor<S> {
  const node = floatOf("hardshrink", x);
  return new Tensor(b.select(b.le(b.abs(node), scalarLike(options.lambda ?? 0.5, node)), b.num(0, node), node));
}

/**
 * x moved towards 0 by lambda, and 0 where it would pass it.
 * @param options.lambda 0.5 by default
 * @example (await softshrink(tensor([-1, 0.5, 2])).toArray()) // [-0.5, 0, 1.5]
 */
export function softshrink<S extends Shape>(x: Tensor<S>, options: { readonly lambda?: number } = {}): Tensor<S> {
  const node = floatOf("softshrink", x);
  const lambda = scalarLike(options.lambda ?? 0.5, node);
  const moved = b.select(b.lt(node, b.num(0, node)), b.add(node, lambda), b.sub(node, lambda));
  return new Tensor(b.select(b.le(b.abs(node), lambda), b.num(0, node), moved));
}

/**
 * x − tanh x.
 * @example (await tanhshrink(tensor([0, 1])).toArray()) // [0, 0.2384]
 */
export function tanhshrink<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("tanhshrink", x);
  return new Tensor(b.sub(node, b.tanh(node)));
}
