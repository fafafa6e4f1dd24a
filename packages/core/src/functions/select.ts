// Roundings, bounds and choices: elementwise.
import { isFloat } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Broadcast, BroadcastCheck, ShapeOf } from "../base/shape-types.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { branchesOf, floatPairOf, likeNode, nodeOf, pairOf, truthOf } from "./arguments.ts";
import type { Operand } from "./types.ts";

/** Integers are round already. */
function rounded<S extends Shape>(operation: string, x: Tensor<S>, round: (x: Node) => Node): Tensor<S> {
  const node = nodeOf(operation, x);
  return new Tensor(isFloat(node.dtype) ? round(node) : node);
}

/**
 * ⌊x⌋. The gradient is 0.
 * @example (await floor(tensor([1.5, -1.5])).toArray()) // [1, -2]
 */
export function floor<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return rounded("floor", x, builder.floor);
}

/**
 * ⌈x⌉. The gradient is 0.
 * @example (await ceil(tensor([1.5, -1.5])).toArray()) // [2, -1]
 */
export function ceil<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return rounded("ceil", x, builder.ceil);
}

/**
 * The nearest whole number, and of two equally near ones the even one. The gradient is 0.
 * @example (await round(tensor([0.5, 1.5])).toArray()) // [0, 2]
 */
export function round<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return rounded("round", x, builder.round);
}

/**
 * x without its fraction. The gradient is 0.
 * @example (await trunc(tensor([1.5, -1.5])).toArray()) // [1, -1]
 */
export function trunc<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return rounded("trunc", x, builder.trunc);
}

/**
 * x limited to [min, max]; where min > max, all is max. The derivative is 1 inside and at the bounds, 0 outside. NaN stays.
 * @param options.min lowest value, unbounded by default
 * @param options.max highest value, unbounded by default
 * @example (await clamp(tensor([-2, 0.5, 2]), { min: 0, max: 1 }).toArray()) // [0, 0.5, 1]
 */
export function clamp<S extends Shape>(
  x: Tensor<S>,
  options: { readonly min?: number; readonly max?: number },
): Tensor<S> {
  let node = nodeOf("clamp", x);
  if (options.min !== undefined) {
    const [value, bound] = branchesOf("clamp", x, options.min, node.device);
    node = builder.select(builder.lt(value, bound), bound, value);
  }
  if (options.max !== undefined) {
    const [value, bound] = branchesOf("clamp", new Tensor(node), options.max, node.device);
    node = builder.select(builder.lt(bound, value), bound, value);
  }
  return new Tensor(node);
}

/**
 * a where the condition holds, b elsewhere; all three broadcast. The gradient follows the choice, so that NaN or ∞ in
 * the branch not taken does no harm.
 * @param condition bool, or numbers that count as true unless they are 0
 * @example (await where(tensor([true, false]), 1, tensor([5, 6])).toArray()) // [1, 6]
 */
export function where<S extends Shape>(condition: Tensor<S>, a: Tensor<S> | number, b: Tensor<S> | number): Tensor<S>;
export function where<C extends Shape, A extends Operand, B extends Operand>(
  condition: Tensor<C>,
  a: A & BroadcastCheck<"where", C, ShapeOf<A>>,
  b: B & BroadcastCheck<"where", Broadcast<C, ShapeOf<A>>, ShapeOf<B>>,
): Tensor<Broadcast<Broadcast<C, ShapeOf<A>>, ShapeOf<B>>>;
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const test = truthOf("where", condition);
  return new Tensor(builder.select(test, ...branchesOf("where", a, b, test.device)));
}

/**
 * `value` where the mask holds, x elsewhere.
 * @param mask bool, broadcasts to x
 * @example (await maskedFill(tensor([1, 2]), tensor([true, false]), -Infinity).toArray()) // [-Infinity, 2]
 */
export function maskedFill<S extends Shape>(x: Tensor<S>, mask: Tensor, value: Operand): Tensor<S> {
  const node = nodeOf("maskedFill", x);
  return new Tensor(builder.select(truthOf("maskedFill", mask), likeNode("maskedFill", value, node), node));
}

/**
 * x − trunc(x), with x's sign.
 * @example (await frac(tensor([1.25, -2.5])).toArray()) // [0.25, -0.5]
 */
export function frac<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = nodeOf("frac", x);
  return new Tensor(builder.sub(node, builder.trunc(node)));
}

/**
 * 0 where x < 0, 1 where x > 0, and `values` where x is 0. x has no gradient.
 * @example (await heaviside(tensor([-2, 0, 3]), 0.5).toArray()) // [0, 0.5, 1]
 */
export function heaviside(x: Tensor, values: Operand): Tensor {
  const [a, v] = pairOf("heaviside", x, values);
  const zero = builder.num(0, a);
  const step = builder.select(
    builder.lt(zero, a),
    builder.num(1, v),
    builder.select(builder.lt(a, zero), builder.num(0, v), v),
  );
  return new Tensor(builder.select(builder.ne(a, a), a, step));
}

/**
 * |a| with the sign of b, of zeros too. ∂/∂a is 1 where the signs agree and −1 where they differ.
 * @example (await copysign(tensor([1, -2, 3]), tensor([-1, 1, -0])).toArray()) // [-1, 2, -3]
 */
export function copysign(a: Tensor, b: Operand): Tensor {
  const [x, y] = floatPairOf("copysign", a, b);
  const zero = builder.num(0, y);
  const isMinusZero = builder.and(builder.eq(y, zero), builder.lt(builder.div(builder.num(1, y), y), zero));
  const size = builder.abs(x);
  return new Tensor(builder.select(builder.or(builder.lt(y, zero), isMinusZero), builder.neg(size), size));
}
