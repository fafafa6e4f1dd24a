// Sums, products, quotients and powers: elementwise with NumPy's broadcasting. Numbers among the operands are not part of the plan.
import { isFloat } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import { makeNode } from "../graph/node.ts";
import * as arithmetic from "../ops/arithmetic.ts";
import { builder } from "../ops/builder.ts";
import { powNode } from "../tensor/power.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, floatPairOf, nodeOf, pairOf } from "./arguments.ts";
import type { Broadcasted, BroadcastsWith, Operand } from "./types.ts";

/**
 * a + b, elementwise with broadcasting. Mixed dtypes meet in the wider one; an integer beside a fraction becomes float32.
 * @param a tensor or number
 * @param b tensor or number; its shape broadcasts with a's
 * @returns the broadcast shape
 * @throws {ShapeError} `add: expected shapes that broadcast, got [2, 3] and [2]: sizes 3 and 2 differ at axis -1`
 * @example (await add(tensor([1, 2]), tensor([[10], [20]])).toArray()) // [[11, 12], [21, 22]]
 */
export function add<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function add<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "add">): Broadcasted<A, B>;
export function add(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.add(...pairOf("add", a, b)));
}

/**
 * a − b, elementwise with broadcasting; dtypes as in `add`.
 * @example (await sub(1, tensor([0.25, 3])).toArray()) // [0.75, -2]
 */
export function sub<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function sub<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "sub">): Broadcasted<A, B>;
export function sub(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.sub(...pairOf("sub", a, b)));
}

/**
 * a · b, elementwise with broadcasting; dtypes as in `add`.
 * @example (await mul(tensor([1, 2]), 3).toArray()) // [3, 6]
 */
export function mul<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function mul<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "mul">): Broadcasted<A, B>;
export function mul(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.mul(...pairOf("mul", a, b)));
}

/**
 * a / b, elementwise with broadcasting. True division: integers become float32.
 * @example (await div(1, tensor([2, 0])).toArray()) // [0.5, Infinity]
 */
export function div<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function div<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "div">): Broadcasted<A, B>;
export function div(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.div(...floatPairOf("div", a, b)));
}

/**
 * ⌊a / b⌋, elementwise with broadcasting. Integers stay integers, and n / 0 is 0 for them. The gradient is 0.
 * @example (await floorDivide(tensor([7, -7]), 2).toArray()) // [3, -4]
 */
export function floorDivide<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function floorDivide<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "floorDivide">,
): Broadcasted<A, B>;
export function floorDivide(a: Operand, b: Operand): Tensor {
  const [x, y] = pairOf("floorDivide", a, b);
  if (isFloat(x.dtype)) return new Tensor(builder.floor(builder.div(x, y)));
  return new Tensor(builder.div(builder.sub(x, builder.mod(x, y)), y));
}

/**
 * The floored remainder a − b·⌊a / b⌋, with the sign of b, as Python's `%`. ∂/∂a = 1, ∂/∂b = −⌊a / b⌋.
 * @example (await remainder(tensor([5, -5]), 3).toArray()) // [2, 1]
 */
export function remainder<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function remainder<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "remainder">,
): Broadcasted<A, B>;
export function remainder(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.mod(...pairOf("remainder", a, b)));
}

/**
 * The truncated remainder, with the sign of a, as C's fmod. ∂/∂a = 1, ∂/∂b = −trunc(a / b).
 * @example (await fmod(tensor([5, -5]), 3).toArray()) // [2, -2]
 */
export function fmod<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function fmod<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "fmod">): Broadcasted<A, B>;
export function fmod(a: Operand, b: Operand): Tensor {
  return new Tensor(makeNode(arithmetic.fmod, pairOf("fmod", a, b)));
}

/**
 * aᵇ, elementwise with broadcasting, by C's rules; integers become float32. ∂/∂a = b·aᵇ⁻¹, and 0 where b is 0;
 * ∂/∂b = aᵇ·log a, and 0 where a is 0 and b ≥ 0. The exponents 1, 2, 3 and −1, written as numbers, are computed directly.
 * @example (await pow(tensor([1, 2, 3]), 2).toArray()) // [1, 4, 9]
 */
export function pow<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function pow<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "pow">): Broadcasted<A, B>;
export function pow(a: Operand, b: Operand): Tensor {
  if (typeof a !== "number" && typeof b === "number") return new Tensor(powNode(floatOf("pow", a), b));
  return new Tensor(builder.pow(...floatPairOf("pow", a, b)));
}

/**
 * The larger of a and b, elementwise with broadcasting. NaN propagates; equal operands share the gradient half and half.
 * @example (await maximum(tensor([1, 5]), 3).toArray()) // [3, 5]
 */
export function maximum<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function maximum<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "maximum">,
): Broadcasted<A, B>;
export function maximum(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.max(...pairOf("maximum", a, b)));
}

/**
 * The smaller of a and b, elementwise with broadcasting. NaN propagates; equal operands share the gradient half and half.
 * @example (await minimum(tensor([1, 5]), 3).toArray()) // [1, 3]
 */
export function minimum<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function minimum<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "minimum">,
): Broadcasted<A, B>;
export function minimum(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.min(...pairOf("minimum", a, b)));
}

/**
 * −x.
 * @example (await neg(tensor([1, -2])).toArray()) // [-1, 2]
 */
export function neg<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.neg(nodeOf("neg", x)));
}

/**
 * |x|; the derivative at 0 is 0.
 * @example (await abs(tensor([1, -2])).toArray()) // [1, 2]
 */
export function abs<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.abs(nodeOf("abs", x)));
}

/**
 * −1, 0 or 1; 0 for NaN. The gradient is 0.
 * @example (await sign(tensor([3, 0, -2])).toArray()) // [1, 0, -1]
 */
export function sign<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(arithmetic.sign, [nodeOf("sign", x)]));
}

/**
 * x².
 * @example (await square(tensor([1, -3])).toArray()) // [1, 9]
 */
export function square<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(arithmetic.square, [nodeOf("square", x)]));
}

/**
 * 1 / x; integers become float32.
 * @example (await reciprocal(tensor([2, 4])).toArray()) // [0.5, 0.25]
 */
export function reciprocal<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(arithmetic.reciprocal, [floatOf("reciprocal", x)]));
}

/**
 * √(a² + b²) without overflow on the way, elementwise with broadcasting. The gradient at (0, 0) is 0.
 * @example (await hypot(tensor([3]), 4).toArray()) // [5]
 */
export function hypot<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function hypot<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "hypot">): Broadcasted<A, B>;
export function hypot(a: Operand, b: Operand): Tensor {
  return new Tensor(makeNode(arithmetic.hypot, floatPairOf("hypot", a, b)));
}

/**
 * a + w·(b − a): a at w = 0, b at w = 1.
 * @param w weight, a tensor that broadcasts with a and b, or a number
 * @example (await lerp(tensor([0, 10]), tensor([10, 20]), 0.25).toArray()) // [2.5, 12.5]
 */
export function lerp<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "lerp">,
  w: Operand,
): Broadcasted<A, B>;
export function lerp(a: Operand, b: Operand, w: Operand): Tensor {
  return add(a as Tensor, mul(sub(b as Tensor, a as Tensor), w as Tensor));
}

/**
 * x + value·a·b, with broadcasting.
 * @param options.value 1 by default
 * @example (await addcmul(tensor([1, 1]), tensor([2, 3]), tensor([4, 5]), { value: 0.5 }).toArray()) // [5, 8.5]
 */
export function addcmul(x: Tensor, a: Tensor, b: Tensor, options: { readonly value?: number } = {}): Tensor {
  const product = a.mul(b);
  return x.add(options.value === undefined ? product : product.mul(options.value));
}

/**
 * x + value·a / b, with broadcasting.
 * @param options.value 1 by default
 * @example (await addcdiv(tensor([1, 1]), tensor([2, 3]), tensor([4, 6]), { value: 2 }).toArray()) // [2, 2]
 */
export function addcdiv(x: Tensor, a: Tensor, b: Tensor, options: { readonly value?: number } = {}): Tensor {
  const quotient = a.div(b);
  return x.add(options.value === undefined ? quotient : quotient.mul(options.value));
}
