// Special functions: error, gamma and Bessel functions, and products with logarithms. Integers and bools become float32.
import { singularly } from "../autodiff/singular.ts";
import { ArgumentError } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { atanh } from "../ops/hyperbolic.ts";
import * as ops from "../ops/special.ts";
import { logaddexp } from "../ops/transcendental.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, floatOf, floatPairOf, scalarLike } from "./arguments.ts";
import type { Broadcasted, BroadcastsWith, Operand } from "./types.ts";

/**
 * The inverse of the error function: ±∞ at ±1, NaN beyond. ∂y = √π/2·exp(y²).
 * @example (await erfinv(tensor([0, 0.5, 1])).toArray()) // [0, 0.4769, Infinity]
 */
export function erfinv<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(ops.erfinv, [floatOf("erfinv", x)]));
}

/**
 * log |Γ(x)|: ∞ at 0, −1, −2, … The derivative is `digamma`. Near its zeros below 0 the error is absolute.
 * @example (await lgamma(tensor([0.5, 4, -1])).toArray()) // [0.5724, 1.7918, Infinity]
 */
export function lgamma<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(ops.lgamma, [floatOf("lgamma", x)]));
}

/**
 * ψ(x), the derivative of log Γ: −∞ at 0, NaN at −1, −2, …
 * @example (await digamma(tensor([1, 4])).toArray()) // [-0.5772, 1.2561]
 */
export function digamma<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(ops.polygamma, [floatOf("digamma", x)], { order: 0 }));
}

/**
 * ψ⁽ⁿ⁾(x), the n-th derivative of `digamma`.
 * @param n 0 to 20
 * @throws {ArgumentError} `polygamma: expected an order of at most 20, got 21`
 * @example (await polygamma(1, tensor([1, 4])).toArray()) // [1.6449, 0.2838]
 */
export function polygamma<S extends Shape>(n: number, x: Tensor<S>): Tensor<S> {
  if (checkCount("polygamma", "order", n) > 20)
    throw new ArgumentError(`polygamma: expected an order of at most 20, got ${n}`);
  return new Tensor(makeNode(ops.polygamma, [floatOf("polygamma", x)], { order: n }));
}

const logGamma = (x: Node): Node => makeNode(ops.lgamma, [x]);
const betalnNode = (p: Node, q: Node): Node => b.sub(b.add(logGamma(p), logGamma(q)), logGamma(b.add(p, q)));

/**
 * log |Β(a, b)| = log |Γ(a)·Γ(b)/Γ(a + b)|.
 * @example (await betaln(tensor([2]), 3).toArray()) // [-2.4849]
 */
export function betaln<A extends Operand, B extends Operand>(
  p: A,
  q: BroadcastsWith<A, B, "betaln">,
): Broadcasted<A, B>;
export function betaln(p: Operand, q: Operand): Tensor {
  return new Tensor(betalnNode(...floatPairOf("betaln", p, q)));
}

/**
 * The beta function Β(a, b) = Γ(a)·Γ(b)/Γ(a + b) of positive numbers.
 * @example (await betaFunction(tensor([2]), 3).toArray()) // [0.0833]
 */
export function betaFunction<A extends Operand, B extends Operand>(
  p: A,
  q: BroadcastsWith<A, B, "betaFunction">,
): Broadcasted<A, B>;
export function betaFunction(p: Operand, q: Operand): Tensor {
  return new Tensor(b.exp(betalnNode(...floatPairOf("betaFunction", p, q))));
}

function bessel<S extends Shape>(operation: string, x: Tensor<S>, order: 0 | 1, scaled: boolean): Tensor<S> {
  return new Tensor(makeNode(ops.besselI, [floatOf(operation, x)], { order, scaled }));
}

/**
 * The modified Bessel function of the first kind, of order 0. ∂I₀ = I₁.
 * @example (await i0(tensor([0, 1, 5])).toArray()) // [1, 1.2661, 27.2399]
 */
export function i0<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return bessel("i0", x, 0, false);
}

/**
 * `i0` multiplied by exp(−|x|), which does not overflow.
 * @example (await i0e(tensor([0, 1, 1000])).toArray()) // [1, 0.4658, 0.0126]
 */
export function i0e<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return bessel("i0e", x, 0, true);
}

/**
 * The modified Bessel function of the first kind, of order 1. ∂I₁ = I₀ − I₁/x.
 * @example (await i1(tensor([0, 1, -1])).toArray()) // [0, 0.5652, -0.5652]
 */
export function i1<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return bessel("i1", x, 1, false);
}

/**
 * `i1` multiplied by exp(−|x|), which does not overflow.
 * @example (await i1e(tensor([0, 1, 1000])).toArray()) // [0, 0.2079, 0.0126]
 */
export function i1e<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return bessel("i1e", x, 1, true);
}

/** Terms of sin p/p in p², from the highest: below 1e-17 for |p| ≤ 1.6. */
const sincTerms = Array.from({ length: 12 }, (_, k) =>
  Array.from({ length: 2 * k }, (_, i) => i + 2).reduce((y, i) => y / i, k % 2 === 0 ? 1 : -1),
).reverse();

/**
 * sin(πx)/(πx), and 1 at 0; exactly 0 at other whole numbers. Derivatives are smooth through 0.
 * @example (await sinc(tensor([0, 0.5, 1])).toArray()) // [1, 0.6366, 0]
 */
export function sinc<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("sinc", x);
  const num = (value: number): Node => b.num(value, node);
  const isSmall = b.le(b.abs(node), num(0.5));
  const angle = b.mul(b.select(isSmall, node, num(0)), num(Math.PI));
  const square = b.mul(angle, angle);
  const series = sincTerms.slice(1).reduce((y, c) => b.add(b.mul(y, square), num(c)), num(sincTerms[0] ?? 0));
  const far = b.select(isSmall, num(1), node);
  // x − k is exact, so that the sine keeps its zeros: sin πx = (−1)ᵏ·sin π(x − k).
  const whole = b.round(far);
  const sign = b.sub(num(1), b.mul(num(2), b.mod(whole, num(2))));
  const sine = b.mul(sign, b.sin(b.mul(num(Math.PI), b.sub(far, whole))));
  return new Tensor(b.select(isSmall, series, b.div(sine, b.mul(num(Math.PI), far))));
}

/** p·log q, where `log` takes what q has to be for log q to be finite where p is 0. */
function timesLog(p: Node, q: Node, floor: number, log: (q: Node) => Node): Node {
  const isOpen = b.and(b.lt(b.num(floor, q), q), b.lt(q, b.num(Number.POSITIVE_INFINITY, q)));
  const isUnknown = b.ne(q, q);
  const isNothing = b.and(b.eq(p, b.num(0, p)), b.not(b.or(isOpen, isUnknown)));
  return singularly(b).mul(p, log(b.select(isNothing, b.num(floor + 1, q), q)));
}

/**
 * x·log y, and 0 where x is 0, whatever y is but NaN.
 * @example (await xlogy(tensor([0, 2]), tensor([0, 3])).toArray()) // [0, 2.1972]
 */
export function xlogy<A extends Operand, B extends Operand>(x: A, y: BroadcastsWith<A, B, "xlogy">): Broadcasted<A, B>;
export function xlogy(x: Operand, y: Operand): Tensor {
  const [p, q] = floatPairOf("xlogy", x, y);
  return new Tensor(timesLog(p, q, 0, b.log));
}

/**
 * x·log(1 + y), and 0 where x is 0, whatever y is but NaN.
 * @example (await xlog1py(tensor([0, 2]), tensor([-1, 1e-3])).toArray()) // [0, 0.002]
 */
export function xlog1py<A extends Operand, B extends Operand>(
  x: A,
  y: BroadcastsWith<A, B, "xlog1py">,
): Broadcasted<A, B>;
export function xlog1py(x: Operand, y: Operand): Tensor {
  const [p, q] = floatPairOf("xlog1py", x, y);
  return new Tensor(timesLog(p, q, -1, b.log1p));
}

/**
 * −x·log x, the entropy of a probability: 0 at 0, −∞ below.
 * @example (await entr(tensor([0, 0.5, -1])).toArray()) // [0, 0.3466, -Infinity]
 */
export function entr<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("entr", x);
  const zero = b.num(0, node);
  const isInside = b.not(b.le(node, zero));
  const y = b.neg(b.mul(node, b.log(b.select(isInside, node, b.num(1, node)))));
  const outside = b.select(b.lt(node, zero), b.num(Number.NEGATIVE_INFINITY, node), zero);
  return new Tensor(b.select(isInside, y, outside));
}

/**
 * log(x/(1 − x)), the inverse of the sigmoid: accurate near ½ as well.
 * @param options.eps where given, x is first brought into [eps, 1 − eps]
 * @example (await logit(tensor([0.5, 0.9, 1])).toArray()) // [0, 2.1972, Infinity]
 */
export function logit<S extends Shape>(x: Tensor<S>, options: { readonly eps?: number } = {}): Tensor<S> {
  const given = floatOf("logit", x);
  const { eps } = options;
  const node = eps === undefined ? given : clamped(given, scalarLike(eps, given), scalarLike(1 - eps, given));
  const num = (value: number): Node => b.num(value, node);
  const isMiddle = b.lt(b.abs(b.sub(node, num(0.5))), num(0.25));
  const distance = b.sub(b.mul(num(2), b.select(isMiddle, node, num(0.5))), num(1));
  const far = b.select(isMiddle, num(0.5), node);
  const outside = b.sub(b.log(far), b.log1p(b.neg(far)));
  return new Tensor(b.select(isMiddle, b.mul(num(2), makeNode(atanh, [distance])), outside));
}

const clamped = (x: Node, low: Node, high: Node): Node => {
  const above = b.select(b.lt(x, low), low, x);
  return b.select(b.lt(high, above), high, above);
};

/**
 * log₂(2ᵃ + 2ᵇ), without overflow.
 * @example (await logaddexp2(tensor([1000, 3]), tensor([1000, 3])).toArray()) // [1001, 4]
 */
export function logaddexp2<A extends Operand, B extends Operand>(
  p: A,
  q: BroadcastsWith<A, B, "logaddexp2">,
): Broadcasted<A, B>;
export function logaddexp2(p: Operand, q: Operand): Tensor {
  const [x, y] = floatPairOf("logaddexp2", p, q);
  const scale = (z: Node): Node => b.mul(z, b.num(Math.LN2, z));
  return new Tensor(b.mul(makeNode(logaddexp, [scale(x), scale(y)]), b.num(Math.LOG2E, x)));
}
