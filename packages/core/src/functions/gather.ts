// Reading and adding at positions that are data, and sorting. Indices are int32, from 0 on.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import * as ops from "../ops/gather.ts";
import { scatter as scatterInto } from "../ops/scatter.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, indexOf, nodeOf } from "./arguments.ts";
import { moved, narrowed } from "./shape.ts";

// One object each, which the engine knows when it comes again.
const selectedRows = { axis: 0, batch: 0, what: "indexSelect" } as const;
const embeddedRows = { axis: 0, batch: 0, what: "embedding" } as const;

/**
 * Slices of x at the positions of a flat index along an axis. The gradient of a slice read twice is added up.
 * @param index int32 `[m]`
 * @param options.axis 0 by default
 * @returns x's shape with m along the axis
 * @throws {IndexError} when it is computed: `indexSelect: index 5 is out of range for size 3`
 * @example (await indexSelect(tensor([10, 20, 30]), tensor([2, 0], { dtype: "int32" })).toArray()) // [30, 10]
 */
export function indexSelect(x: Tensor, index: Tensor, options: { readonly axis?: number } = {}): Tensor {
  const node = nodeOf("indexSelect", x);
  const axis = normalizeAxis("indexSelect", options.axis ?? 0, node.shape);
  const attrs = axis === 0 ? selectedRows : { ...selectedRows, axis };
  return new Tensor(makeNode(ops.take, [node, indexOf("indexSelect", index)], attrs));
}

/**
 * Element by element along an axis: out[…, j, …] = x[…, index[…, j, …], …], as `np.take_along_axis`.
 * @param index int32, x's shape but for the axis
 * @param options.axis the last by default
 * @throws {IndexError} when it is computed: `gather: index 5 is out of range for size 3`
 * @example (await gather(tensor([[1, 2], [3, 4]]), tensor([[1], [0]], { dtype: "int32" })).toArray()) // [[2], [3]]
 */
export function gather<S extends Shape>(
  x: Tensor,
  index: Tensor<S>,
  options: { readonly axis?: number } = {},
): Tensor<S> {
  const node = nodeOf("gather", x);
  const at = indexOf("gather", index);
  const axis = normalizeAxis("gather", options.axis ?? -1, node.shape);
  return new Tensor(makeNode(ops.takeAlong, [fitted("gather", node, at, axis), at], { axis, what: "gather" }));
}

/** x cut to the extents that the index uses along the other axes. */
function fitted(operation: string, x: Node, index: Node, axis: number): Node {
  if (index.shape.length !== x.shape.length)
    throw new ShapeError(
      `${operation}: expected an index of rank ${x.shape.length} for ${showShape(x.shape)}, got ${showShape(index.shape)}`,
    );
  return x.shape.reduce((y, n, i) => {
    const wanted = index.shape[i] ?? 0;
    return i === axis || wanted >= n ? y : narrowed(y, i, 0, wanted);
  }, x);
}

/**
 * x with each element of `source` added at its index along an axis: out[…, index[…, j, …], …] += source[…, j, …].
 * @param index int32, of source's shape
 * @param options.axis the last by default
 * @throws {IndexError} when it is computed: `scatterAdd: index 5 is out of range for size 3`
 * @example (await scatterAdd(zeros([3]), tensor([0, 2, 0], { dtype: "int32" }), tensor([1, 2, 3])).toArray()) // [4, 0, 2]
 */
export function scatterAdd<S extends Shape>(
  x: Tensor<S>,
  index: Tensor,
  source: Tensor,
  options: { readonly axis?: number } = {},
): Tensor<S> {
  const node = nodeOf("scatterAdd", x);
  const axis = normalizeAxis("scatterAdd", options.axis ?? -1, node.shape);
  const from = castNode(nodeOf("scatterAdd", source), node.dtype);
  return new Tensor(b.add(node, placed("scatterAdd", from, indexOf("scatterAdd", index), node.shape, axis)));
}

/** Zeros of a shape, with `source` added at `index`. */
function placed(operation: string, source: Node, index: Node, shape: Shape, axis: number): Node {
  const used = fitted(operation, source, index, -1);
  if (!sameShape(used.shape, index.shape))
    throw new ShapeError(
      `${operation}: expected an index for each element of ${showShape(source.shape)}, got ${showShape(index.shape)}`,
    );
  const sum = makeNode(ops.putAlong, [used, index], { axis, what: operation, size: shape[axis] ?? 0 });
  const rest = shape.map((n, i) => n - (sum.shape[i] ?? 0));
  if (rest.some((n) => n < 0))
    throw new ShapeError(
      `${operation}: expected an index that fits ${showShape(shape)}, got ${showShape(index.shape)}`,
    );
  return b.pad(
    sum,
    shape.map(() => 0),
    rest,
    shape.map(() => 1),
  );
}

/** What is there where several elements meet on a cell, x's own among them for all but "set". */
export type ScatterReduction = "set" | "add" | "max" | "min";

/**
 * x with elements of `source` put at their index along an axis: out[…, index[…, j, …], …] = source[…, j, …].
 * @param index int32, of source's shape
 * @param options.axis the last by default
 * @param options.reduce "set" by default: the last of several that meet on a cell stays, and gets its gradient. "add" sums them and x,
 *   "max" and "min" keep the extreme of them and x; equal ones share the gradient evenly
 * @throws {IndexError} when it is computed: `scatter: index 5 is out of range for size 3`
 * @example (await scatter(ones([3]), tensor([2, 0], { dtype: "int32" }), tensor([5, 6])).toArray()) // [6, 1, 5]
 * @example (await scatter(ones([2]), tensor([1, 1], { dtype: "int32" }), tensor([3, 2]), { reduce: "max" }).toArray()) // [1, 3]
 */
export function scatter<S extends Shape>(
  x: Tensor<S>,
  index: Tensor,
  source: Tensor,
  options: { readonly axis?: number; readonly reduce?: ScatterReduction } = {},
): Tensor<S> {
  const { reduce = "set" } = options;
  if (!["set", "add", "max", "min"].includes(reduce))
    throw new ArgumentError(`scatter: expected reduce set, add, max or min, got ${String(reduce)}`);
  if (reduce === "add") return scatterAdd(x, index, source, options);
  const node = nodeOf("scatter", x);
  const at = indexOf("scatter", index);
  const axis = normalizeAxis("scatter", options.axis ?? -1, node.shape);
  const from = fitted("scatter", castNode(nodeOf("scatter", source), node.dtype), at, -1);
  const touched = fitted("scatter", node, at, axis);
  const attrs = { axis, what: "scatter", mode: reduce };
  const put = makeNode(scatterInto, [from, at, touched], attrs);
  return new Tensor(sameShape(touched.shape, node.shape) ? put : pasted(node, put));
}

/** x with its first cells replaced. */
function pasted(x: Node, corner: Node): Node {
  const zeros = x.shape.map(() => 0);
  const rest = x.shape.map((n, i) => n - (corner.shape[i] ?? 0));
  const around = (y: Node): Node =>
    b.pad(
      y,
      zeros,
      rest,
      zeros.map(() => 1),
    );
  const isInside = around(b.fill(1, corner.shape, b.num(0, b.iota(1, x))));
  return b.select(b.ne(isInside, b.num(0, isInside)), around(corner), x);
}

/**
 * x with slices of `source` added at the positions of a flat index along an axis.
 * @param index int32 `[m]`
 * @param source x's shape with m along the axis
 * @param options.axis 0 by default
 * @throws {IndexError} when it is computed: `indexAdd: index 5 is out of range for size 3`
 * @example (await indexAdd(zeros([2]), tensor([1, 1], { dtype: "int32" }), tensor([3, 4])).toArray()) // [0, 7]
 */
export function indexAdd<S extends Shape>(
  x: Tensor<S>,
  index: Tensor,
  source: Tensor,
  options: { readonly axis?: number } = {},
): Tensor<S> {
  const node = nodeOf("indexAdd", x);
  const axis = normalizeAxis("indexAdd", options.axis ?? 0, node.shape);
  const from = castNode(nodeOf("indexAdd", source), node.dtype);
  const at = indexOf("indexAdd", index);
  const attrs = { axis, batch: 0, what: "indexAdd", size: node.shape[axis] ?? 0 };
  return new Tensor(b.add(node, makeNode(ops.put, [from, at], attrs)));
}

/**
 * Rows of a table, by their numbers.
 * @param weight `[V, D]`
 * @param ids int32, of any shape
 * @param options.paddingIndex a row that gets no gradient
 * @returns `[...ids.shape, D]`
 * @throws {IndexError} when it is computed: `embedding: index 9 is out of range for size 4`
 * @example (await embedding(tensor([[1, 2], [3, 4]]), tensor([1, 0], { dtype: "int32" })).toArray()) // [[3, 4], [1, 2]]
 */
export function embedding(
  weight: Tensor,
  ids: Tensor,
  options: { readonly paddingIndex?: number | null } = {},
): Tensor {
  const table = nodeOf("embedding", weight);
  const index = indexOf("embedding", ids);
  const [count = 0, ...rest] = table.shape;
  if (table.shape.length === 0) throw new ShapeError("embedding: expected a table [V, D], got a scalar");
  const flat = b.reshape(index, [sizeOf(index.shape)]);
  const rows = makeNode(ops.take, [table, flat], embeddedRows);
  const { paddingIndex } = options;
  const cut =
    paddingIndex === null || paddingIndex === undefined ? rows : withoutGradientAt(rows, flat, paddingIndex, count);
  return new Tensor(b.reshape(cut, [...index.shape, ...rest]));
}

/** The rows, through which no gradient flows where they were read at `padding`. */
function withoutGradientAt(rows: Node, ids: Node, padding: number, count: number): Node {
  const at = padding < 0 ? padding + count : padding;
  if (!Number.isInteger(at) || at < 0 || at >= count)
    throw new ArgumentError(`embedding: expected a paddingIndex from 0 to ${count - 1}, got ${padding}`);
  const isPadding = b.reshape(b.eq(ids, b.num(at, ids)), [...ids.shape, ...rows.shape.slice(1).map(() => 1)]);
  return b.select(isPadding, new Tensor(rows).detach().node, rows);
}

/**
 * One-hot rows: 1 at the position that each id names, 0 elsewhere.
 * @param ids int32, of any shape
 * @returns int32 `[...ids.shape, classes]`
 * @throws {IndexError} when it is computed: `oneHot: index 9 is out of range for size 4`
 * @example (await oneHot(tensor([1, 0], { dtype: "int32" }), 3).toArray()) // [[0, 1, 0], [1, 0, 0]]
 */
export function oneHot(ids: Tensor, classes: number): Tensor {
  checkCount("oneHot", "number of classes", classes, 1);
  const index = b.check(indexOf("oneHot", ids), classes, "oneHot");
  const column = b.reshape(index, [...index.shape, 1]);
  return new Tensor(b.cast(b.eq(column, b.iota(classes, index)), "int32"));
}

/** Builds along the last axis and moves it back. */
function alongLast(x: Node, axis: number, build: (x: Node) => Node): Node {
  const last = x.shape.length - 1;
  return moved(build(moved(x, axis, last)), last, axis);
}

export interface SortOptions {
  /** The last by default. */
  readonly axis?: number;
  /** Largest first. */
  readonly descending?: boolean;
}

const orderOf = (x: Node, axis: number, descending: boolean): Node =>
  alongLast(x, axis, (y) => makeNode(ops.argsort, [y], { descending }));

/**
 * The positions that sort x along an axis. Stable; NaN counts as the largest.
 * @returns int32
 * @example (await argsort(tensor([3, 1, 2])).toArray()) // [1, 2, 0]
 */
export function argsort<S extends Shape>(x: Tensor<S>, options: SortOptions = {}): Tensor<S> {
  const node = nodeOf("argsort", x);
  return new Tensor(
    orderOf(node, normalizeAxis("argsort", options.axis ?? -1, node.shape), options.descending ?? false),
  );
}

/** Values in order, and where each of them came from. */
export interface Sorted<S extends Shape = Shape> {
  readonly values: Tensor<S>;
  /** int32 */
  readonly indices: Tensor<S>;
}

/**
 * x sorted along an axis. Stable; NaN counts as the largest. The gradient goes where each value came from.
 * @example (await sort(tensor([3, 1, 2])).values.toArray()) // [1, 2, 3]
 */
export function sort<S extends Shape>(x: Tensor<S>, options: SortOptions = {}): Sorted<S> {
  const node = nodeOf("sort", x);
  const axis = normalizeAxis("sort", options.axis ?? -1, node.shape);
  const indices = orderOf(node, axis, options.descending ?? false);
  return {
    values: new Tensor(makeNode(ops.takeAlong, [node, indices], { axis, what: "sort" })),
    indices: new Tensor(indices),
  };
}

/**
 * The k largest along an axis, or the smallest, in order. Stable; NaN counts as the largest.
 * @param options.axis the last by default
 * @param options.largest true by default
 * @throws {ArgumentError} `topk: expected k of at most 3, got 4`
 * @example (await topk(tensor([3, 1, 2]), 2).values.toArray()) // [3, 2]
 */
export function topk(
  x: Tensor,
  k: number,
  options: { readonly axis?: number; readonly largest?: boolean } = {},
): Sorted {
  const node = nodeOf("topk", x);
  const axis = normalizeAxis("topk", options.axis ?? -1, node.shape);
  const n = node.shape[axis] ?? 0;
  if (checkCount("topk", "k", k) > n) throw new ArgumentError(`topk: expected k of at most ${n}, got ${k}`);
  const indices = narrowed(orderOf(node, axis, options.largest ?? true), axis, 0, k);
  return {
    values: new Tensor(makeNode(ops.takeAlong, [node, indices], { axis, what: "topk" })),
    indices: new Tensor(indices),
  };
}

/**
 * Single elements, or slices, at positions of the leading axes: out[j…] = x[i₀[j…], i₁[j…], …], as NumPy's integer indexing.
 * @param indices int32, one for each of the leading axes; they broadcast
 * @throws {IndexError} when it is computed: `at: index 5 is out of range for size 2`
 * @example (await at(tensor([[1, 2], [3, 4]]), [tensor([0, 1], { dtype: "int32" }), tensor([1, 0], { dtype: "int32" })]).toArray()) // [2, 3]
 */
export function at(x: Tensor, indices: readonly Tensor[]): Tensor {
  const node = nodeOf("at", x);
  const count = indices.length;
  if (count === 0 || count > node.shape.length)
    throw new ArgumentError(`at: expected 1 to ${node.shape.length} indices, got ${count}`);
  const [first, ...rest] = indices.map((index, i) => {
    const n = node.shape[i] ?? 0;
    const raw = indexOf("at", index);
    const counted = b.select(b.lt(raw, b.num(0, raw)), b.add(raw, b.num(n, raw)), raw);
    return b.check(counted, n, "at");
  });
  if (!first) throw new ArgumentError("at: expected an index, got none");
  const flat = rest.reduce(
    (total, index, i) => b.add(b.mul(total, b.num(node.shape[i + 1] ?? 0, index)), index),
    first,
  );
  const inner = node.shape.slice(count);
  const rows = b.reshape(node, [sizeOf(node.shape.slice(0, count)), ...inner]);
  const taken = makeNode(ops.take, [rows, b.reshape(flat, [sizeOf(flat.shape)])], { axis: 0, batch: 0, what: "at" });
  return new Tensor(b.reshape(taken, [...flat.shape, ...inner]));
}

/**
 * Elements at positions of x as if it were flat, in row-major order.
 * @param index int32 of any shape
 * @returns the shape of the index
 * @throws {IndexError} when it is computed: `take: index 4 is out of range for size 4`
 * @example (await take(tensor([[1, 2], [3, 4]]), tensor([3, 0], { dtype: "int32" })).toArray()) // [4, 1]
 */
export function take<S extends Shape>(x: Tensor, index: Tensor<S>): Tensor<S> {
  const node = nodeOf("take", x);
  const at = indexOf("take", index);
  const flat = b.reshape(node, [sizeOf(node.shape)]);
  const taken = makeNode(ops.take, [flat, b.reshape(at, [sizeOf(at.shape)])], { axis: 0, batch: 0, what: "take" });
  return new Tensor(b.reshape(taken, at.shape));
}
