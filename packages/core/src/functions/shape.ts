// Other ways to look at the same elements: views. None of them copies by itself.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { normalizeAxes, normalizeAxis, type Shape, showShape, sizeOf } from "../base/shape.ts";
import type {
  ExpandCheck,
  Inserted,
  Literal,
  Permuted,
  ReshapeCheck,
  Reshaped,
  ShapeLike,
  Transposed,
} from "../base/shape-types.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf, range } from "./arguments.ts";

/**
 * The same elements in row-major order; one size may be −1 and follows from the others.
 * @throws {ShapeError} `reshape: expected a shape of 4 elements for [4], got [3] with 3`
 * @example (await reshape(tensor([1, 2, 3, 4]), [2, -1]).toArray()) // [[1, 2], [3, 4]]
 */
export function reshape<S extends Shape, const T extends ShapeLike>(
  x: Tensor<S>,
  shape: T & ReshapeCheck<S, T>,
): Tensor<Reshaped<T>>;
export function reshape(x: Tensor, shape: Shape): Tensor {
  nodeOf("reshape", x);
  return x.reshape(shape);
}

/**
 * Axes `start` to `end`, both included, merged into one. A scalar becomes `[1]`.
 * @param options.start 0 by default
 * @param options.end the last by default
 * @example flatten(zeros([2, 3, 4]), { start: 1 }).shape // [2, 12]
 */
export function flatten(x: Tensor, options: { readonly start?: number; readonly end?: number } = {}): Tensor {
  const node = nodeOf("flatten", x);
  if (node.shape.length === 0) return new Tensor(b.reshape(node, [1]));
  const start = normalizeAxis("flatten", options.start ?? 0, node.shape);
  const end = normalizeAxis("flatten", options.end ?? -1, node.shape);
  if (start > end)
    throw new ArgumentError(
      `flatten: expected start before end, got axes ${start} and ${end} of ${showShape(node.shape)}`,
    );
  const merged = sizeOf(node.shape.slice(start, end + 1));
  return new Tensor(b.reshape(node, [...node.shape.slice(0, start), merged, ...node.shape.slice(end + 1)]));
}

/**
 * Axis k of the result is axis `axes[k]` of x.
 * @throws {ShapeError} `permute: expected each axis of [2, 3] once, got [0, 0]`
 * @example permute(zeros([2, 3, 4]), [2, 0, 1]).shape // [4, 2, 3]
 */
export function permute<S extends Shape, const A extends ShapeLike>(x: Tensor<S>, axes: A): Tensor<Permuted<S, A>>;
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  nodeOf("permute", x);
  return x.permute(axes);
}

/**
 * Swaps two axes, the last two by default.
 * @throws {AxisError} `transpose: axis 2 is out of range for shape [2, 3]`
 * @example transpose(zeros([2, 3])).shape // [3, 2]
 */
export function transpose<S extends Shape, const A extends number = -2, const B extends number = -1>(
  x: Tensor<S>,
  axis0?: A,
  axis1?: B,
): Tensor<Transposed<S, A, B>>;
export function transpose(x: Tensor, axis0?: number, axis1?: number): Tensor {
  nodeOf("transpose", x);
  return x.transpose(axis0, axis1);
}

/**
 * Axis `from` moved to position `to`, the others in their order.
 * @example moveAxis(zeros([2, 3, 4]), 0, -1).shape // [3, 4, 2]
 */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const node = nodeOf("moveAxis", x);
  return new Tensor(
    moved(node, normalizeAxis("moveAxis", from, node.shape), normalizeAxis("moveAxis", to, node.shape)),
  );
}

/** Axis `from` of a node moved to position `to`. */
export function moved(x: Node, from: number, to: number): Node {
  const axes = range(x.shape.length).filter((axis) => axis !== from);
  axes.splice(to, 0, from);
  return b.permute(x, axes);
}

/**
 * Without the axes of size 1: all of them, or those named, which are left alone where they are larger.
 * @example squeeze(zeros([1, 3, 1])).shape // [3]
 */
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  const node = nodeOf("squeeze", x);
  const axes = normalizeAxes("squeeze", axis, node.shape);
  return new Tensor(
    b.reshape(
      node,
      node.shape.filter((n, i) => n !== 1 || !axes.includes(i)),
    ),
  );
}

/**
 * With a new axis of size 1 at `axis` of the result; −1 puts it last.
 * @example unsqueeze(zeros([2, 3]), 1).shape // [2, 1, 3]
 */
export function unsqueeze<S extends Shape, const A extends number>(x: Tensor<S>, axis: A): Tensor<Inserted<S, A, 1>>;
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const node = nodeOf("unsqueeze", x);
  const at = normalizeAxis("unsqueeze", axis, [...node.shape, 1]);
  return new Tensor(b.reshape(node, [...node.shape.slice(0, at), 1, ...node.shape.slice(at)]));
}

/**
 * Broadcasts to a shape: axes of size 1 repeat, new axes are added in front. The gradient is summed over the repetitions.
 * @throws {ShapeError} `expand: expected a shape that [3] broadcasts to, got [3, 2]`
 * @example (await expand(tensor([1, 2]), [2, 2]).toArray()) // [[1, 2], [1, 2]]
 */
export function expand<S extends Shape, const T extends ShapeLike>(
  x: Tensor<S>,
  shape: T & ExpandCheck<S, T>,
): Tensor<Literal<T>>;
export function expand(x: Tensor, shape: Shape): Tensor {
  nodeOf("expand", x);
  return x.expand(shape);
}

/** Start, stop and step along one axis, by Python's rules: negative ones count from the end, null leaves one out. */
export type Range = readonly [start?: number | null, stop?: number | null, step?: number | null];

/** Where a range begins in n cells, its step, and how many cells it takes. */
export function resolveRange(
  operation: string,
  [start, stop, step]: Range,
  n: number,
): [start: number, step: number, size: number] {
  const by = step ?? 1;
  if (!Number.isInteger(by) || by === 0)
    throw new ArgumentError(`${operation}: expected a whole step other than 0, got ${by}`);
  for (const end of [start, stop])
    if (end !== null && end !== undefined && !Number.isInteger(end))
      throw new ArgumentError(`${operation}: expected whole numbers as start and stop, got ${end}`);
  const [least, most] = by > 0 ? [0, n] : [-1, n - 1];
  const place = (end: number | null | undefined, otherwise: number): number =>
    end === null || end === undefined ? otherwise : Math.min(Math.max(end < 0 ? end + n : end, least), most);
  const first = place(start, by > 0 ? 0 : n - 1);
  const last = place(stop, by > 0 ? n : -1);
  const size = Math.max(0, Math.ceil((last - first) / by));
  return size === 0 ? [0, 1, 0] : [first, by, size];
}

/**
 * Part of a tensor: a range of each axis, by Python's rules. Axes without a range are taken whole.
 * @param ranges for each axis `[start, stop, step]`, each of which may be null or left out; null for the whole axis
 * @throws {ShapeError} `slice: expected at most 1 ranges for shape [3], got 2`
 * @example (await slice(tensor([[1, 2, 3], [4, 5, 6]]), [null, [null, null, -2]]).toArray()) // [[3, 1], [6, 4]]
 */
export function slice(x: Tensor, ranges: readonly (Range | null)[]): Tensor {
  const node = nodeOf("slice", x);
  if (ranges.length > node.shape.length)
    throw new ShapeError(
      `slice: expected at most ${node.shape.length} ranges for shape ${showShape(node.shape)}, got ${ranges.length}`,
    );
  const parts = node.shape.map((n, i) => resolveRange("slice", ranges[i] ?? [], n));
  return new Tensor(
    b.slice(
      node,
      parts.map(([start]) => start),
      parts.map(([, step]) => step),
      parts.map(([, , size]) => size),
    ),
  );
}

/** Cells `start` to `start + length` along one axis. */
export function narrowed(x: Node, axis: number, start: number, length: number): Node {
  const zeros = x.shape.map(() => 0);
  return b.slice(
    x,
    zeros.with(axis, start),
    zeros.map(() => 1),
    x.shape.with(axis, length),
  );
}

/**
 * `length` cells along `axis`, from `start` on.
 * @throws {ShapeError} `slice: expected start, step and size inside [3], got [2], [1] and [2]`
 * @example (await narrow(tensor([1, 2, 3, 4]), 0, 1, 2).toArray()) // [2, 3]
 */
export function narrow(x: Tensor, axis: number, start: number, length: number): Tensor {
  const node = nodeOf("narrow", x);
  const at = normalizeAxis("narrow", axis, node.shape);
  const n = node.shape[at] ?? 0;
  return new Tensor(narrowed(node, at, start < 0 ? start + n : start, length));
}

/**
 * One cell along `axis`, which vanishes.
 * @throws {ShapeError} `slice: expected start, step and size inside [3], got [3], [1] and [1]`
 * @example (await select(tensor([[1, 2], [3, 4]]), 0, -1).toArray()) // [3, 4]
 */
export function select(x: Tensor, axis: number, index: number): Tensor {
  const node = nodeOf("select", x);
  const at = normalizeAxis("select", axis, node.shape);
  const n = node.shape[at] ?? 0;
  return new Tensor(b.reshape(narrowed(node, at, index < 0 ? index + n : index, 1), node.shape.toSpliced(at, 1)));
}

/**
 * The order along `axes` reversed, along all of them by default.
 * @example (await flip(tensor([[1, 2], [3, 4]]), 1).toArray()) // [[2, 1], [4, 3]]
 */
export function flip<S extends Shape>(x: Tensor<S>, axes?: number | readonly number[]): Tensor<S> {
  const node = nodeOf("flip", x);
  const chosen = normalizeAxes("flip", axes, node.shape);
  const turns = (i: number): boolean => chosen.includes(i) && (node.shape[i] ?? 0) > 0;
  return new Tensor(
    b.slice(
      node,
      node.shape.map((n, i) => (turns(i) ? n - 1 : 0)),
      node.shape.map((_, i) => (turns(i) ? -1 : 1)),
      node.shape,
    ),
  );
}

/**
 * The part of the matrices `[..., m, n]` on and below a diagonal; zeros above.
 * @param options.k the diagonal: 0 by default, positive ones lie above
 * @example (await tril(ones([2, 2])).toArray()) // [[1, 0], [1, 1]]
 */
export function tril<S extends Shape>(x: Tensor<S>, options: { readonly k?: number } = {}): Tensor<S> {
  const node = nodeOf("tril", x);
  const [row, column] = positions("tril", node);
  const limit = b.add(row, b.num(options.k ?? 0, row));
  return new Tensor(b.select(b.le(column, limit), node, b.num(0, node)));
}

/**
 * The part of the matrices `[..., m, n]` on and above a diagonal; zeros below.
 * @param options.k the diagonal: 0 by default, positive ones lie above
 * @example (await triu(ones([2, 2]), { k: 1 }).toArray()) // [[0, 1], [0, 0]]
 */
export function triu<S extends Shape>(x: Tensor<S>, options: { readonly k?: number } = {}): Tensor<S> {
  const node = nodeOf("triu", x);
  const [row, column] = positions("triu", node);
  const limit = b.add(row, b.num(options.k ?? 0, row));
  return new Tensor(b.select(b.le(limit, column), node, b.num(0, node)));
}

/** Row and column numbers of the last two axes. */
function positions(operation: string, x: Node): [row: Node, column: Node] {
  const [m, n] = x.shape.slice(-2);
  if (m === undefined || n === undefined)
    throw new ShapeError(`${operation}: expected matrices [..., m, n], got shape ${showShape(x.shape)}`);
  return [b.reshape(b.iota(m, x), [m, 1]), b.iota(n, x)];
}

/** The diagonal k of axes 0 and 1 of a matrix. */
export function diagonalNode(x: Node, k: number): Node {
  const [m = 0, n = 0] = x.shape;
  const [row, column] = k < 0 ? [-k, 0] : [0, k];
  const length = Math.max(0, Math.min(m - row, n - column));
  if (length === 0) return b.slice(b.reshape(x, [m * n]), [0], [1], [0]);
  const flat = b.reshape(x, [m * n]);
  return b.slice(flat, [row * n + column], [n + 1], [length]);
}

/**
 * Of a vector, the matrix with it on a diagonal; of a matrix, that diagonal.
 * @param options.k the diagonal: 0 by default, positive ones lie above
 * @throws {ShapeError} `diag: expected a vector or a matrix, got shape []`
 * @example (await diag(tensor([1, 2])).toArray()) // [[1, 0], [0, 2]]
 */
export function diag(x: Tensor, options: { readonly k?: number } = {}): Tensor {
  const node = nodeOf("diag", x);
  const { k = 0 } = options;
  if (!Number.isInteger(k)) throw new ArgumentError(`diag: expected a whole k, got ${k}`);
  if (node.shape.length === 2) return new Tensor(diagonalNode(node, k));
  const [n] = node.shape;
  if (node.shape.length !== 1 || n === undefined)
    throw new ShapeError(`diag: expected a vector or a matrix, got shape ${showShape(node.shape)}`);
  const size = n + Math.abs(k);
  const [row, column] = [b.reshape(b.iota(size, node), [size, 1]), b.iota(size, node)];
  const values = b.reshape(b.pad(node, [Math.max(0, -k)], [Math.max(0, k)], [1]), [size, 1]);
  return new Tensor(b.select(b.eq(b.add(row, b.num(k, row)), column), values, b.num(0, node)));
}

/**
 * The sum of the diagonal of a matrix.
 * @throws {ShapeError} `trace: expected a matrix, got shape [3]`
 * @example (await trace(tensor([[1, 2], [3, 4]])).item()) // 5
 */
export function trace(x: Tensor): Tensor<[]> {
  const node = nodeOf("trace", x);
  if (node.shape.length !== 2) throw new ShapeError(`trace: expected a matrix, got shape ${showShape(node.shape)}`);
  return new Tensor(b.sum(diagonalNode(node, 0), [0]));
}
