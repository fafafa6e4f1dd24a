// The vocabularies that rules are written in: scalar formulas (Algebra), graphs (Builder) and kernels (Lowering).
import type { DType } from "../base/dtype.ts";
import type { FoldOp } from "../base/instruction.ts";
import type { Shape } from "../base/shape.ts";
import type { ViewOp } from "../base/view.ts";
import type { Attrs, Node } from "./node.ts";

/**
 * Scalar arithmetic on some carrier: graph nodes, kernel expressions or plain numbers. A formula written against it
 * is the operation's value, its derivative and its kernel at once. Arguments of one call share a dtype.
 */
export interface Algebra<V> {
  /** A literal of the same dtype as `like`. */
  num(value: number, like: V): V;
  dtypeOf(x: V): DType;
  neg(x: V): V;
  abs(x: V): V;
  exp(x: V): V;
  expm1(x: V): V;
  log(x: V): V;
  log1p(x: V): V;
  sin(x: V): V;
  cos(x: V): V;
  tan(x: V): V;
  tanh(x: V): V;
  erf(x: V): V;
  sqrt(x: V): V;
  floor(x: V): V;
  ceil(x: V): V;
  trunc(x: V): V;
  round(x: V): V;
  not(x: V): V;
  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  mul(a: V, b: V): V;
  div(a: V, b: V): V;
  pow(a: V, b: V): V;
  min(a: V, b: V): V;
  max(a: V, b: V): V;
  mod(a: V, b: V): V;
  atan2(a: V, b: V): V;
  and(a: V, b: V): V;
  or(a: V, b: V): V;
  xor(a: V, b: V): V;
  shl(a: V, b: V): V;
  shr(a: V, b: V): V;
  eq(a: V, b: V): V;
  ne(a: V, b: V): V;
  lt(a: V, b: V): V;
  le(a: V, b: V): V;
  select(condition: V, a: V, b: V): V;
  cast(x: V, dtype: DType): V;
  /** x, and an IndexError at run time unless 0 ≤ x < bound; `what` names it in the message. */
  check(x: V, bound: number, what: string): V;
}

/**
 * Which axes a contraction pairs: `batch` ones run in both operands and the result, `contract` ones are summed.
 * The result's axes: batch, then a's free axes, then b's, each in its own order.
 */
export type Contraction = {
  readonly batchA: readonly number[];
  readonly batchB: readonly number[];
  readonly contractA: readonly number[];
  readonly contractB: readonly number[];
};

/** Builds graph nodes: what derivative rules are written with. Elementwise calls broadcast. */
export interface Builder extends Algebra<Node> {
  reshape(x: Node, shape: Shape): Node;
  permute(x: Node, axes: readonly number[]): Node;
  /** NumPy broadcasting to `shape`. */
  expand(x: Node, shape: Shape): Node;
  slice(x: Node, start: Shape, step: Shape, size: Shape): Node;
  /** Zeros around and between. */
  pad(x: Node, low: Shape, high: Shape, interior: Shape): Node;
  windows(x: Node, attrs: { axes: Shape; size: Shape; step: Shape; dilation: Shape }): Node;
  /** The adjoint of `windows`: overlapping windows add up into `shape`. */
  fold(x: Node, attrs: { axes: Shape; size: Shape; step: Shape; dilation: Shape; shape: Shape }): Node;
  /** Sum over axes, which vanish. */
  sum(x: Node, axes: readonly number[]): Node;
  contract(a: Node, b: Node, contraction: Contraction): Node;
  /** 0, 1, …, n − 1 as int32, on the device of `like`. */
  iota(n: number, like: Node): Node;
  /** A literal of any shape: `num` expanded. */
  fill(value: number, shape: Shape, like: Node): Node;
}

/** Builds kernels: what `lower` is written with. L is opaque; elementwise calls broadcast as in a graph. */
export interface Lowering<L> extends Algebra<L> {
  shapeOf(x: L): Shape;
  literal(value: number, dtype: DType): L;
  view(x: L, op: ViewOp, fill?: number): L;
  iota(n: number): L;
  /** x as a value of its own, computed once `others` are: equal nodes elsewhere are not it. */
  after(x: L, others: readonly L[]): L;
  /** Folds `axes` away; argmax and argmin give the row-major position within them as int32. */
  reduce(op: FoldOp, x: L, axes: readonly number[]): L;
  contract(a: L, b: L, contraction: Contraction): L;
  /** Writes each part into its own box of a new buffer; `starts` gives the boxes' corners, which cover `shape`. */
  join(parts: readonly L[], starts: readonly Shape[], shape: Shape): L;
  routine(name: string, inputs: readonly L[], shape: Shape, dtype: DType, attrs: Attrs): L;
}
