// Comparisons and logic: elementwise, with bools out. They have no gradient.
import { isFloat } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { scalarNode } from "../ops/source.ts";
import { toFloat } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf, pairOf, scalarLike, truthOf } from "./arguments.ts";
import type { Broadcasted, BroadcastsWith, Operand } from "./types.ts";

/**
 * a = b, elementwise with broadcasting. NaN differs from everything.
 * @returns bool
 * @example (await eq(tensor([1, 2]), 2).toArray()) // [false, true]
 */
export function eq<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function eq<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "eq">): Broadcasted<A, B>;
export function eq(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.eq(...pairOf("eq", a, b)));
}

/**
 * a ≠ b, elementwise with broadcasting. NaN differs from everything.
 * @returns bool
 * @example (await ne(tensor([1, 2]), 2).toArray()) // [true, false]
 */
export function ne<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function ne<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "ne">): Broadcasted<A, B>;
export function ne(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.ne(...pairOf("ne", a, b)));
}

/**
 * a < b, elementwise with broadcasting. False for NaN.
 * @returns bool
 * @example (await lt(tensor([1, 2]), 2).toArray()) // [true, false]
 */
export function lt<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function lt<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "lt">): Broadcasted<A, B>;
export function lt(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.lt(...pairOf("lt", a, b)));
}

/**
 * a ≤ b, elementwise with broadcasting. False for NaN.
 * @returns bool
 * @example (await le(tensor([1, 2]), 2).toArray()) // [true, true]
 */
export function le<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function le<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "le">): Broadcasted<A, B>;
export function le(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.le(...pairOf("le", a, b)));
}

/**
 * a > b, elementwise with broadcasting. False for NaN.
 * @returns bool
 * @example (await gt(tensor([2, 3]), 2).toArray()) // [false, true]
 */
export function gt<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function gt<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "gt">): Broadcasted<A, B>;
export function gt(a: Operand, b: Operand): Tensor {
  const [x, y] = pairOf("gt", a, b);
  return new Tensor(builder.lt(y, x));
}

/**
 * a ≥ b, elementwise with broadcasting. False for NaN.
 * @returns bool
 * @example (await ge(tensor([1, 2]), 2).toArray()) // [false, true]
 */
export function ge<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function ge<A extends Operand, B extends Operand>(a: A, b: BroadcastsWith<A, B, "ge">): Broadcasted<A, B>;
export function ge(a: Operand, b: Operand): Tensor {
  const [x, y] = pairOf("ge", a, b);
  return new Tensor(builder.le(y, x));
}

/** Both operands as bools: numbers by x ≠ 0. */
function truths(operation: string, a: Operand, b: Operand): [Node, Node] {
  const like = typeof a === "number" ? nodeOf(operation, b as Tensor) : nodeOf(operation, a);
  const truth = (x: Operand): Node =>
    typeof x === "number" ? scalarNode(x === 0 ? 0 : 1, "bool", like.device) : truthOf(operation, x);
  return [truth(a), truth(b)];
}

/**
 * a and b, elementwise with broadcasting. Numbers are true unless they are 0; NaN is true.
 * @returns bool
 * @example (await logicalAnd(tensor([false, true]), tensor([true, true])).toArray()) // [false, true]
 */
export function logicalAnd<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function logicalAnd<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "logicalAnd">,
): Broadcasted<A, B>;
export function logicalAnd(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.and(...truths("logicalAnd", a, b)));
}

/**
 * a or b, elementwise with broadcasting. Numbers are true unless they are 0; NaN is true.
 * @returns bool
 * @example (await logicalOr(tensor([false, true]), tensor([true, true])).toArray()) // [true, true]
 */
export function logicalOr<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function logicalOr<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "logicalOr">,
): Broadcasted<A, B>;
export function logicalOr(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.or(...truths("logicalOr", a, b)));
}

/**
 * a xor b, elementwise with broadcasting. Numbers are true unless they are 0; NaN is true.
 * @returns bool
 * @example (await logicalXor(tensor([false, true]), tensor([true, true])).toArray()) // [true, false]
 */
export function logicalXor<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number): Tensor<S>;
export function logicalXor<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "logicalXor">,
): Broadcasted<A, B>;
export function logicalXor(a: Operand, b: Operand): Tensor {
  return new Tensor(builder.xor(...truths("logicalXor", a, b)));
}

/**
 * not x. Numbers are true unless they are 0; NaN is true.
 * @returns bool
 * @example (await logicalNot(tensor([0, 2])).toArray()) // [true, false]
 */
export function logicalNot<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(builder.not(truthOf("logicalNot", x)));
}

/**
 * Where x is NaN.
 * @returns bool
 * @example (await isnan(tensor([1, NaN])).toArray()) // [false, true]
 */
export function isnan<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const node = nodeOf("isnan", x);
  return new Tensor(builder.ne(node, node));
}

/** |x|, or 0 for dtypes that know neither infinity nor NaN. */
const magnitude = (x: Node): Node =>
  isFloat(x.dtype) ? builder.abs(x) : builder.fill(0, x.shape, builder.cast(x, "float32"));

/**
 * Where x is ∞ or −∞.
 * @returns bool
 * @example (await isinf(tensor([1, -Infinity])).toArray()) // [false, true]
 */
export function isinf<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const size = magnitude(nodeOf("isinf", x));
  return new Tensor(builder.eq(size, builder.num(Number.POSITIVE_INFINITY, size)));
}

/**
 * Where x is neither infinite nor NaN.
 * @returns bool
 * @example (await isfinite(tensor([1, NaN])).toArray()) // [true, false]
 */
export function isfinite<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const size = magnitude(nodeOf("isfinite", x));
  return new Tensor(builder.lt(size, builder.num(Number.POSITIVE_INFINITY, size)));
}

export interface CloseOptions {
  /** Allowed difference relative to b, 1e-5 by default. */
  readonly rtol?: number;
  /** Allowed difference besides, 1e-8 by default. */
  readonly atol?: number;
  /** Whether NaN is close to NaN; false by default. */
  readonly equalNan?: boolean;
}

/**
 * Where |a − b| ≤ atol + rtol·|b|, elementwise with broadcasting. Infinities are close to themselves only. Whether all are:
 * `all(isclose(a, b))`.
 * @returns bool
 * @example (await isclose(tensor([1, 2]), tensor([1.000001, 2.1])).toArray()) // [true, false]
 */
export function isclose<S extends Shape>(a: Tensor<S>, b: Tensor<S> | number, options?: CloseOptions): Tensor<S>;
export function isclose<A extends Operand, B extends Operand>(
  a: A,
  b: BroadcastsWith<A, B, "isclose">,
  options?: CloseOptions,
): Broadcasted<A, B>;
export function isclose(a: Operand, b: Operand, options: CloseOptions = {}): Tensor {
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  const [x, y] = pairOf("isclose", a, b);
  const same = builder.eq(x, y);
  const [p, q] = [toFloat(x), toFloat(y)];
  const error = builder.abs(builder.sub(p, q));
  const allowed = builder.add(scalarLike(atol, q), builder.mul(scalarLike(rtol, q), builder.abs(q)));
  const hasError = builder.lt(error, builder.num(Number.POSITIVE_INFINITY, error));
  const close = builder.or(same, builder.and(hasError, builder.le(error, allowed)));
  if (!equalNan) return new Tensor(close);
  return new Tensor(builder.or(close, builder.and(builder.ne(x, x), builder.ne(y, y))));
}
