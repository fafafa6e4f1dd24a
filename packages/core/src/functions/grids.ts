// Grids, their positions, and turns of them.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { normalizeAxis, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { take } from "../ops/gather.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, nodeOf, range } from "./arguments.ts";
import { concatNodes } from "./join.ts";
import { diagonalNode } from "./shape.ts";

/**
 * The coordinates of a grid, one tensor for each axis.
 * @param tensors `[n]` each; scalars count as one
 * @param options.indexing "ij" by default: the first list runs along the first axis; "xy": along the second
 * @example (await Promise.all(meshgrid([tensor([1, 2]), tensor([5, 6, 7])]).map((x) => x.toArray()))) // [[[1, 1, 1], [2, 2, 2]], [[5, 6, 7], [5, 6, 7]]]
 */
export function meshgrid(tensors: readonly Tensor[], options: { readonly indexing?: "ij" | "xy" } = {}): Tensor[] {
  const { indexing = "ij" } = options;
  if (indexing !== "ij" && indexing !== "xy")
    throw new ArgumentError(`meshgrid: expected indexing ij or xy, got ${String(indexing)}`);
  const lists = tensors.map((x) => {
    const node = nodeOf("meshgrid", x);
    if (node.shape.length > 1) throw new ShapeError(`meshgrid: expected lists [n], got ${showShape(node.shape)}`);
    return b.reshape(node, [sizeOf(node.shape)]);
  });
  const order = range(lists.length);
  if (indexing === "xy" && lists.length > 1) order.splice(0, 2, 1, 0);
  const shape = order.map((i) => lists[i]?.shape[0] ?? 1);
  return lists.map((list, i) => {
    const own = order.map((j) => (j === i ? (list.shape[0] ?? 1) : 1));
    return new Tensor(b.expand(b.reshape(list, own), shape));
  });
}

/**
 * All combinations of one element from each list, in order.
 * @param tensors `[n]` each
 * @returns `[n₁·n₂·…, lists]`
 * @example (await cartesianProd(tensor([1, 2]), tensor([5, 6])).toArray()) // [[1, 5], [1, 6], [2, 5], [2, 6]]
 */
export function cartesianProd(...tensors: readonly Tensor[]): Tensor {
  const columns = meshgrid(tensors).map((x) => b.reshape(x.node, [x.size, 1]));
  if (columns.length === 0) throw new ArgumentError("cartesianProd: expected at least one list, got none");
  return new Tensor(concatNodes(columns, 1));
}

/**
 * All choices of r elements of a list, in order.
 * @param x `[n]`
 * @param options.withReplacement whether an element may be chosen several times
 * @returns `[choices, r]`
 * @example (await combinations(tensor([1, 2, 3]), 2).toArray()) // [[1, 2], [1, 3], [2, 3]]
 */
export function combinations(x: Tensor, r = 2, options: { readonly withReplacement?: boolean } = {}): Tensor {
  const node = nodeOf("combinations", x);
  if (node.shape.length !== 1) throw new ShapeError(`combinations: expected a list [n], got ${showShape(node.shape)}`);
  checkCount("combinations", "number of elements", r);
  const next = options.withReplacement === true ? 0 : 1;
  const n = node.shape[0] ?? 0;
  let rows: number[][] = [[]];
  for (let i = 0; i < r; i++)
    rows = rows.flatMap((row) => {
      const first = row.length === 0 ? 0 : (row.at(-1) ?? 0) + next;
      return range(Math.max(0, n - first), first).map((j) => [...row, j]);
    });
  const index = tensor(Int32Array.from(rows.flat()), { device: node.device });
  const taken = makeNode(take, [node, index.node], { axis: 0, batch: 0, what: "combinations" });
  return new Tensor(b.reshape(taken, [rows.length, r]));
}

function triangle(rows: number, columns: number, belongs: (i: number, j: number) => boolean): Tensor<[number, number]> {
  const cells = range(rows).flatMap((i) => range(columns).flatMap((j) => (belongs(i, j) ? [[i, j] as const] : [])));
  const flat = Int32Array.from([...cells.map(([i]) => i), ...cells.map(([, j]) => j)]);
  return tensor(flat, { shape: [2, cells.length] });
}

/**
 * Rows and columns of the cells on and below a diagonal.
 * @param options.k the diagonal: 0 the main one, above it positive, below negative
 * @returns int32 `[2, cells]`
 * @example (await trilIndices(2, 2).toArray()) // [[0, 1, 1], [0, 0, 1]]
 */
export function trilIndices(rows: number, columns: number, options: { readonly k?: number } = {}): Tensor {
  const { k = 0 } = options;
  return triangle(
    checkCount("trilIndices", "number of rows", rows),
    checkCount("trilIndices", "number of columns", columns),
    (i, j) => j - i <= k,
  );
}

/**
 * Rows and columns of the cells on and above a diagonal.
 * @param options.k the diagonal: 0 the main one, above it positive, below negative
 * @returns int32 `[2, cells]`
 * @example (await triuIndices(2, 2).toArray()) // [[0, 0, 1], [0, 1, 1]]
 */
export function triuIndices(rows: number, columns: number, options: { readonly k?: number } = {}): Tensor {
  const { k = 0 } = options;
  return triangle(
    checkCount("triuIndices", "number of rows", rows),
    checkCount("triuIndices", "number of columns", columns),
    (i, j) => j - i >= k,
  );
}

/**
 * x turned by right angles in the plane of two axes, from the first towards the second.
 * @param turns 1 by default; negative ones turn the other way
 * @param axes [0, 1] by default
 * @example (await rot90(tensor([[1, 2], [3, 4]])).toArray()) // [[2, 4], [1, 3]]
 */
export function rot90(x: Tensor, turns = 1, axes: readonly [number, number] = [0, 1]): Tensor {
  const node = nodeOf("rot90", x);
  if (!Number.isInteger(turns)) throw new ArgumentError(`rot90: expected a whole number of turns, got ${turns}`);
  const [from, to] = [normalizeAxis("rot90", axes[0], node.shape), normalizeAxis("rot90", axes[1], node.shape)];
  if (from === to) throw new ArgumentError(`rot90: expected two different axes, got ${axes[0]} and ${axes[1]}`);
  const swapped = (y: Node): Node => b.permute(y, range(node.shape.length).with(from, to).with(to, from));
  switch (((turns % 4) + 4) % 4) {
    case 1:
      return new Tensor(swapped(reversed(node, [to])));
    case 2:
      return new Tensor(reversed(node, [from, to]));
    case 3:
      return new Tensor(swapped(reversed(node, [from])));
    default:
      return new Tensor(node);
  }
}

const reversed = (x: Node, axes: readonly number[]): Node =>
  b.slice(
    x,
    x.shape.map((n, i) => (axes.includes(i) ? n - 1 : 0)),
    x.shape.map((_, i) => (axes.includes(i) ? -1 : 1)),
    x.shape,
  );

/**
 * The diagonal of the plane of two axes, which becomes the last axis.
 * @param options.k which diagonal: 0 the main one, above it positive, below negative
 * @param options.axes [0, 1] by default
 * @returns the other axes, then the diagonal
 * @example (await diagonal(tensor([[[1, 2], [3, 4]]]), { axes: [-2, -1] }).toArray()) // [[1, 4]]
 */
export function diagonal(
  x: Tensor,
  options: { readonly k?: number; readonly axes?: readonly [number, number] } = {},
): Tensor {
  const node = nodeOf("diagonal", x);
  const [i, j] = options.axes ?? [0, 1];
  const [row, column] = [normalizeAxis("diagonal", i, node.shape), normalizeAxis("diagonal", j, node.shape)];
  if (row === column) throw new ArgumentError(`diagonal: expected two different axes, got ${i} and ${j}`);
  const { k = 0 } = options;
  const others = range(node.shape.length).filter((axis) => axis !== row && axis !== column);
  const turned = b.permute(node, [row, column, ...others]);
  const [n = 0, m = 0, ...rest] = turned.shape;
  if (others.length === 0) return new Tensor(diagonalNode(turned, k));
  const size = Math.max(0, Math.min(n - Math.max(0, -k), m - Math.max(0, k)));
  const first = k >= 0 ? k : -k * m;
  const flat = b.reshape(turned, [n * m, ...rest]);
  const zeros = flat.shape.map(() => 0);
  const cells = b.slice(flat, zeros.with(0, size === 0 ? 0 : first), zeros.map(() => 1).with(0, m + 1), [
    size,
    ...rest,
  ]);
  return new Tensor(b.permute(cells, [...range(rest.length, 1), 0]));
}

/**
 * A matrix of powers of a list: x^(n − 1) to x⁰ in columns.
 * @param x `[m]`
 * @param options.columns as many as there are elements by default
 * @param options.increasing from x⁰ on
 * @example (await vander(tensor([1, 2, 3])).toArray()) // [[1, 1, 1], [4, 2, 1], [9, 3, 1]]
 */
export function vander(x: Tensor, options: { readonly columns?: number; readonly increasing?: boolean } = {}): Tensor {
  const node = nodeOf("vander", x);
  const [m = 1] = node.shape;
  if (node.shape.length !== 1) throw new ShapeError(`vander: expected a list [m], got ${showShape(node.shape)}`);
  const count = checkCount("vander", "number of columns", options.columns ?? m);
  const columns: Node[] = [];
  let power = b.fill(1, [m, 1], node);
  for (let i = 0; i < count; i++) {
    columns.push(power);
    power = b.mul(power, b.reshape(node, [m, 1]));
  }
  if (count === 0) return new Tensor(b.fill(0, [m, 0], node));
  return new Tensor(concatNodes(options.increasing === true ? columns : columns.toReversed(), 1));
}
