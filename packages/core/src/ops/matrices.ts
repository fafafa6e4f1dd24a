// What the rules of linear algebra are written with: products and parts of matrices on the last two axes, batches before them.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Builder, Lowering } from "../graph/algebra.ts";
import type { Node } from "../graph/node.ts";

export interface Matrices {
  readonly batch: Shape;
  readonly m: number;
  readonly n: number;
}

export function matricesOf(operation: string, { shape }: { readonly shape: Shape }): Matrices {
  const [m, n] = shape.slice(-2);
  if (m === undefined || n === undefined)
    throw new ShapeError(`${operation}: expected matrices [..., m, n], got shape ${showShape(shape)}`);
  return { batch: shape.slice(0, -2), m, n };
}

/** The batch and the size of square matrices. */
export function squaresOf(operation: string, x: { readonly shape: Shape }): Matrices {
  const found = matricesOf(operation, x);
  if (found.m !== found.n)
    throw new ShapeError(`${operation}: expected square matrices [..., n, n], got shape ${showShape(x.shape)}`);
  return found;
}

/** x·y for matrices with the same batch. */
export function times(b: Builder, x: Node, y: Node): Node {
  const rank = x.shape.length;
  const batch = Array.from({ length: rank - 2 }, (_, i) => i);
  return b.contract(x, y, { batchA: batch, batchB: batch, contractA: [rank - 1], contractB: [rank - 2] });
}

/** The transpose of each matrix. */
export function turned(b: Builder, x: Node): Node {
  const rank = x.shape.length;
  const axes = x.shape.map((_, i) => (i === rank - 2 ? rank - 1 : i === rank - 1 ? rank - 2 : i));
  return b.permute(x, axes);
}

/** (x + xᵀ)/2. */
export const symmetric = (b: Builder, x: Node): Node => b.mul(b.add(x, turned(b, x)), b.num(0.5, x));

/** Row and column numbers, [m, 1] and [n]. */
function places(b: Builder, x: Node): readonly [row: Node, column: Node] {
  const { m, n } = matricesOf("matrix", x);
  return [b.reshape(b.iota(m, x), [m, 1]), b.iota(n, x)];
}

/** x on and below the diagonal, zeros above; strictly: zeros on it, too. */
export function lowerPart(b: Builder, x: Node, isStrict = false): Node {
  const [row, column] = places(b, x);
  return b.select(isStrict ? b.lt(column, row) : b.le(column, row), x, b.num(0, x));
}

export function upperPart(b: Builder, x: Node, isStrict = false): Node {
  const [row, column] = places(b, x);
  return b.select(isStrict ? b.lt(row, column) : b.le(row, column), x, b.num(0, x));
}

/** x with `value` on the diagonal. */
export function withDiagonal(b: Builder, x: Node, value: Node): Node {
  const [row, column] = places(b, x);
  return b.select(b.eq(row, column), value, x);
}

/** The identity, for each matrix of x's batch. */
export function identityLike(b: Builder, x: Node, size: number): Node {
  const row = b.reshape(b.iota(size, x), [size, 1]);
  const eye = b.cast(b.eq(row, b.iota(size, x)), x.dtype);
  return b.expand(eye, [...x.shape.slice(0, -2), size, size]);
}

/** Columns multiplied by s[..., n]. */
export const scaleColumns = (b: Builder, x: Node, s: Node): Node =>
  b.mul(x, b.reshape(s, [...s.shape.slice(0, -1), 1, s.shape.at(-1) ?? 1]));

/** A part of the matrices. */
export function partOf(
  b: Builder,
  x: Node,
  [row, column]: readonly [number, number],
  size: readonly [number, number],
): Node {
  const batch = x.shape.slice(0, -2);
  const zeros = batch.map(() => 0);
  const ones = x.shape.map(() => 1);
  const [m, n] = size;
  // A part of nothing begins anywhere.
  const start = [...zeros, m > 0 ? row : 0, n > 0 ? column : 0];
  return b.slice(x, start, ones, [...batch, m, n]);
}

/** The sum of all elements of each matrix. */
export const total = (b: Builder, x: Node): Node => b.sum(x, [x.shape.length - 2, x.shape.length - 1]);

/** g[...] beside matrices: [..., 1, 1]. */
export const beside = (b: Builder, g: Node): Node => b.reshape(g, [...g.shape, 1, 1]);

/** Elements `from` … of what a routine gives for each matrix, as `shape`. */
export function resultOf<L>(k: Lowering<L>, packed: L, from: number, shape: Shape): L {
  const batch = k.shapeOf(packed).slice(0, -1);
  const size = sizeOf(shape);
  const flat = k.view(packed, {
    kind: "slice",
    start: [...batch.map(() => 0), size > 0 ? from : 0],
    step: [...batch.map(() => 1), 1],
    size: [...batch, size],
  });
  return k.view(flat, { kind: "reshape", shape: [...batch, ...shape] });
}

/** How a failed routine's message ends: which matrix it was, where there are several. */
export const ofBatch = (batch: Shape): string => (batch.length > 0 ? ": matrix {number} of the batch" : "");
