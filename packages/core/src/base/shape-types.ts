// Shapes at the type level: what operations do to literal sizes. Sizes that are not literal flow through as `number`.
import type { Shape } from "./shape.ts";

/** What a mismatch of literal sizes turns an argument's type into: nothing has it, and its text names the sizes. */
export interface ShapeMismatch<Message extends string> {
  readonly shapeMismatch: Message;
}

/** Sizes as a caller writes them: literal ones stay literal. */
export type ShapeLike = number[] | readonly number[];

export type Broadcast<A extends Shape, B extends Shape> = A extends B ? Shape : Shape;
export type BroadcastCheck<_Operation extends string, _A extends Shape, _B extends Shape> = unknown;
export type Reduced<_S extends Shape, _Options> = Shape;
export type MatMul<_A extends Shape, _B extends Shape> = Shape;
export type MatMulCheck<_A extends Shape, _B extends Shape> = unknown;
export type Reshaped<_S extends Shape, _T extends Shape> = Shape;
export type ReshapeCheck<_S extends Shape, _T extends Shape> = unknown;
export type Permuted<_S extends Shape, _A extends Shape> = Shape;
export type Transposed<_S extends Shape, _A extends number, _B extends number> = Shape;
export type Expanded<_T extends Shape> = Shape;
export type ExpandCheck<_S extends Shape, _T extends Shape> = unknown;
