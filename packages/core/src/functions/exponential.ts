// Exponentials, logarithms, roots, angles and the error function: elementwise. Integers and bools become float32.
import type { Shape } from "../base/shape.ts";
import { makeNode } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import * as hyperbolic from "../ops/hyperbolic.ts";
import { erfc as complement } from "../ops/special.ts";
import * as transcendental from "../ops/transcendental.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, floatPairOf } from "./arguments.ts";
import type { Broadcasted, BroadcastsWith, Operand } from "./types.ts";

/**
 * eˣ.
 * @example (await exp(tensor([0, 1])).toArray()) // [1, 2.7183]
 */
export function exp<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.exp(floatOf("exp", x)));
}

/**
 * eˣ − 1, accurate near 0.
 * @example (await expm1(tensor([0, 1])).toArray()) // [0, 1.7183]
 */
export function expm1<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.expm1(floatOf("expm1", x)));
}

/**
 * 2ˣ.
 * @example (await exp2(tensor([0, 3])).toArray()) // [1, 8]
 */
export function exp2<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = floatOf("exp2", x);
  return new Tensor(builder.pow(builder.num(2, node), node));
}

/**
 * The natural logarithm: −∞ at 0, NaN below.
 * @example (await log(tensor([1, 10])).toArray()) // [0, 2.3026]
 */
export function log<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.log(floatOf("log", x)));
}

/**
 * log(1 + x), accurate near 0.
 * @example (await log1p(tensor([0, 1])).toArray()) // [0, 0.6931]
 */
export function log1p<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.log1p(floatOf("log1p", x)));
}

/**
 * The logarithm to base 2.
 * @example (await log2(tensor([1, 8])).toArray()) // [0, 3]
 */
export function log2<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const y = builder.log(floatOf("log2", x));
  return new Tensor(builder.mul(y, builder.num(Math.LOG2E, y)));
}

/**
 * The logarithm to base 10.
 * @example (await log10(tensor([1, 100])).toArray()) // [0, 2]
 */
export function log10<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const y = builder.log(floatOf("log10", x));
  return new Tensor(builder.mul(y, builder.num(Math.LOG10E, y)));
}

/**
 * log(eᵃ + eᵇ), elementwise with broadcasting, without overflow. ∂/∂a = σ(a − b).
 * @example (await logaddexp(tensor([1000, 0]), tensor([1000, 0])).toArray()) // [1000.6932, 0.6931]
 */
export function logaddexp<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function logaddexp<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "logaddexp">,
): Broadcasted<A, B>;
export function logaddexp(a: Operand, b: Operand): Tensor {
  return new Tensor(makeNode(transcendental.logaddexp, floatPairOf("logaddexp", a, b)));
}

/**
 * √x: NaN below 0. The derivative 1 / (2√x) is infinite at 0.
 * @example (await sqrt(tensor([4, 9])).toArray()) // [2, 3]
 */
export function sqrt<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.sqrt(floatOf("sqrt", x)));
}

/**
 * 1 / √x.
 * @example (await rsqrt(tensor([4, 16])).toArray()) // [0.5, 0.25]
 */
export function rsqrt<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(transcendental.rsqrt, [floatOf("rsqrt", x)]));
}

/**
 * The sine of x in radians.
 * @example (await sin(tensor([0, Math.PI / 2])).toArray()) // [0, 1]
 */
export function sin<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.sin(floatOf("sin", x)));
}

/**
 * The cosine of x in radians.
 * @example (await cos(tensor([0, Math.PI])).toArray()) // [1, -1]
 */
export function cos<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.cos(floatOf("cos", x)));
}

/**
 * The tangent of x in radians.
 * @example (await tan(tensor([0, Math.PI / 4])).toArray()) // [0, 1]
 */
export function tan<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.tan(floatOf("tan", x)));
}

/**
 * The inverse sine, in [−π/2, π/2]; NaN outside of [−1, 1].
 * @example (await asin(tensor([0, 1])).toArray()) // [0, 1.5708]
 */
export function asin<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.asin, [floatOf("asin", x)]));
}

/**
 * The inverse cosine, in [0, π]; NaN outside of [−1, 1].
 * @example (await acos(tensor([1, 0])).toArray()) // [0, 1.5708]
 */
export function acos<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.acos, [floatOf("acos", x)]));
}

/**
 * The inverse tangent, in [−π/2, π/2].
 * @example (await atan(tensor([0, 1])).toArray()) // [0, 0.7854]
 */
export function atan<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.atan, [floatOf("atan", x)]));
}

/**
 * The angle of the point (x, y), in [−π, π], elementwise with broadcasting.
 * @example (await atan2(tensor([1, 0]), tensor([0, -1])).toArray()) // [1.5708, 3.1416]
 */
export function atan2<S extends Shape>(y: Tensor<S>, x: Tensor<S> | number): Tensor<S>;
export function atan2<A extends Operand, B extends Operand>(y: A, x: BroadcastsWith<A, B, "atan2">): Broadcasted<A, B>;
export function atan2(y: Operand, x: Operand): Tensor {
  return new Tensor(builder.atan2(...floatPairOf("atan2", y, x)));
}

/**
 * The hyperbolic sine, accurate near 0.
 * @example (await sinh(tensor([0, 1])).toArray()) // [0, 1.1752]
 */
export function sinh<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.sinh, [floatOf("sinh", x)]));
}

/**
 * The hyperbolic cosine.
 * @example (await cosh(tensor([0, 1])).toArray()) // [1, 1.5431]
 */
export function cosh<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.cosh, [floatOf("cosh", x)]));
}

/**
 * The hyperbolic tangent.
 * @example (await tanh(tensor([0, 1])).toArray()) // [0, 0.7616]
 */
export function tanh<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.tanh(floatOf("tanh", x)));
}

/**
 * The inverse hyperbolic sine.
 * @example (await asinh(tensor([0, 1])).toArray()) // [0, 0.8814]
 */
export function asinh<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.asinh, [floatOf("asinh", x)]));
}

/**
 * The inverse hyperbolic cosine; NaN below 1.
 * @example (await acosh(tensor([1, 2])).toArray()) // [0, 1.317]
 */
export function acosh<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.acosh, [floatOf("acosh", x)]));
}

/**
 * The inverse hyperbolic tangent; ±∞ at ±1, NaN beyond.
 * @example (await atanh(tensor([0, 0.5])).toArray()) // [0, 0.5493]
 */
export function atanh<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(hyperbolic.atanh, [floatOf("atanh", x)]));
}

/**
 * The error function 2/√π ∫₀ˣ exp(−t²) dt.
 * @example (await erf(tensor([0, 1])).toArray()) // [0, 0.8427]
 */
export function erf<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.erf(floatOf("erf", x)));
}

/**
 * 1 − erf(x), exact to the last digits where erf(x) is close to 1 as well.
 * @example (await erfc(tensor([0, 1])).toArray()) // [1, 0.1573]
 */
export function erfc<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(complement, [floatOf("erfc", x)]));
}
