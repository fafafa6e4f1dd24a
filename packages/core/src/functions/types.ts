// What the types of public functions are made of.
import type { Broadcast, BroadcastCheck, ShapeOf } from "../base/shape-types.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What elementwise functions take: a tensor, or a number that is passed to the compiled plan at run time. */
export type Operand = Tensor | number;

/** The result of an elementwise function of two operands. */
export type Broadcasted<A extends Operand, B extends Operand> = Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>>;

/** B, unless its literal sizes do not broadcast with A's. */
export type BroadcastsWith<A extends Operand, B extends Operand, Operation extends string> = B &
  BroadcastCheck<Operation, ShapeOf<A>, ShapeOf<B>>;
