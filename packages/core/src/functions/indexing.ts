// Indexing by NumPy's rules: numbers, ranges, masks and index tensors, read and assigned.
import { IndexError, ShapeError } from "../base/errors.ts";
import { broadcastShapes, type Shape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { put, take } from "../ops/gather.ts";
import { cumsum } from "../ops/scan.ts";
import { scatter } from "../ops/scatter.ts";
import { iotaNode, scalarNode } from "../ops/source.ts";
import { tensor } from "../tensor/create.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { indexOf, nodeOf, range } from "./arguments.ts";
import type { ScatterReduction } from "./gather.ts";
import { type Range, resolveRange } from "./shape.ts";
import type { Operand } from "./types.ts";

/**
 * What one axis is indexed with: a number (the axis vanishes), a range `[start, stop, step]`, null for the whole axis, a tensor of
 * int32 positions, or a bool mask over as many axes as it has. `"..."` stands for the axes that are not named, `"newaxis"` for a
 * new one of size 1.
 */
export type IndexItem = number | null | Range | Tensor | "..." | "newaxis";

/** One axis on the way: its range in x, and the positions to read along it afterwards. */
interface Entry {
  /** Axis of x, or null for a new one. */
  readonly axis: number | null;
  readonly start: number;
  readonly step: number;
  readonly size: number;
  readonly drops: boolean;
  readonly positions: Node | null;
}

const isRange = (item: IndexItem): item is Range => Array.isArray(item);

/** The positions of a mask's true cells, one int32 list for each of its axes. Reads the mask. */
function positionsOf(mask: Tensor): Node[] {
  return listsOf(mask.dataSync(), mask.shape, mask.device);
}

function listsOf(values: ArrayLike<number>, shape: Shape, device: string): Node[] {
  const flat: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) flat.push(i);
  return shape.map((n, axis) => {
    const inner = sizeOf(shape.slice(axis + 1));
    const list = Int32Array.from(flat, (i) => Math.floor(i / inner) % n);
    return tensor(list, { device }).node;
  });
}

/** How many axes of x an item stands for. */
const axesOf = (item: IndexItem): number =>
  item === "..." || item === "newaxis" ? 0 : item instanceof Tensor && item.dtype === "bool" ? item.rank : 1;

function entriesOf(operation: string, x: Node, items: readonly IndexItem[]): Entry[] {
  const rank = x.shape.length;
  const named = items.reduce<number>((count, item) => count + axesOf(item), 0);
  const dots = items.filter((item) => item === "...").length;
  if (named > rank || dots > 1)
    throw new ShapeError(
      dots > 1
        ? `${operation}: expected at most one "...", got ${dots}`
        : `${operation}: expected at most ${rank} indices for shape ${showShape(x.shape)}, got ${named}`,
    );
  const rest = new Array<IndexItem>(rank - named).fill(null);
  const full = dots === 0 ? [...items, ...rest] : items.flatMap((item) => (item === "..." ? rest : [item]));
  const hasTensor = items.some((item) => item instanceof Tensor);
  const entries: Entry[] = [];
  let axis = 0;
  for (const item of full) {
    const n = x.shape[axis] ?? 0;
    const whole = { axis, start: 0, step: 1, size: n, drops: false, positions: null };
    if (item === "newaxis") entries.push({ ...whole, axis: null, size: 1 });
    else if (item === null) entries.push(whole);
    else if (typeof item === "number") {
      const start = item < 0 ? item + n : item;
      if (!Number.isInteger(item) || start < 0 || start >= n)
        throw new IndexError(`${operation}: index ${item} is out of range for axis ${axis} of size ${n}`);
      if (hasTensor) entries.push({ ...whole, positions: scalarNode(start, "int32", x.device) });
      else entries.push({ ...whole, start, size: 1, drops: true });
    } else if (item instanceof Tensor) entries.push(...tensorEntries(operation, x, axis, item));
    else if (isRange(item)) {
      const [start, step, size] = resolveRange(operation, item, n);
      entries.push({ ...whole, start, step, size });
    }
    axis += axesOf(item);
  }
  return entries;
}

function tensorEntries(operation: string, x: Node, axis: number, item: Tensor): Entry[] {
  const entry = (positions: Node, offset: number): Entry => {
    const size = x.shape[axis + offset] ?? 0;
    return { axis: axis + offset, start: 0, step: 1, size, drops: false, positions };
  };
  if (item.dtype !== "bool") {
    const raw = indexOf(operation, item);
    const n = x.shape[axis] ?? 0;
    const counted = b.select(b.lt(raw, b.num(0, raw)), b.add(raw, b.num(n, raw)), raw);
    return [entry(b.check(counted, n, operation), 0)];
  }
  const covered = x.shape.slice(axis, axis + item.rank);
  if (item.rank === 0 || `${covered}` !== `${item.shape}`)
    throw new ShapeError(
      `${operation}: expected a mask of shape ${showShape(covered)} from axis ${axis} on, got ${showShape(item.shape)}`,
    );
  return positionsOf(item).map(entry);
}

/** x by its ranges, with new axes and without dropped ones. */
function ranged(x: Node, entries: readonly Entry[]): Node {
  const own = entries.filter((entry) => entry.axis !== null);
  const cut = b.slice(
    x,
    own.map(({ start }) => start),
    own.map(({ step }) => step),
    own.map(({ size }) => size),
  );
  return b.reshape(
    cut,
    entries.filter(({ drops }) => !drops).map(({ size }) => size),
  );
}

/** What is left to do along the axes of the ranged tensor: flat positions in the axes that have some, and where these axes go. */
function picked(operation: string, x: Node, entries: readonly Entry[]): Node {
  const kept = entries.filter(({ drops }) => !drops);
  const chosen = range(kept.length).filter((axis) => kept[axis]?.positions);
  const [first, ...more] = chosen;
  if (first === undefined) return x;
  const lists = chosen.flatMap((axis) => kept[axis]?.positions ?? []);
  const attrs = { axis: 0, batch: 0, what: operation };
  const [only] = lists;
  if (more.length === 0 && only?.shape.length === 1) return makeNode(take, [x, only], { ...attrs, axis: first });
  const shape = lists.reduce<Shape>((s, list) => broadcastShapes(operation, s, list.shape), []);
  const zero = b.num(0, iotaNode(1, x.device));
  const flat = lists.reduce(
    (total, list, i) => b.add(b.mul(total, b.num(x.shape[chosen[i] ?? 0] ?? 1, zero)), list),
    zero,
  );
  const others = range(kept.length).filter((axis) => !chosen.includes(axis));
  const turned = b.permute(x, [...chosen, ...others]);
  const inner = turned.shape.slice(chosen.length);
  const rows = b.reshape(turned, [sizeOf(turned.shape.slice(0, chosen.length)), ...inner]);
  const taken = makeNode(take, [rows, b.reshape(b.expand(flat, shape), [sizeOf(shape)])], attrs);
  const y = b.reshape(taken, [...shape, ...inner]);
  // Index tensors side by side leave their axes in place; separated ones come first.
  const isTogether = chosen.every((axis, i) => axis === first + i);
  if (!isTogether || first === 0) return y;
  const front = range(first, shape.length);
  const back = range(inner.length - first, shape.length + first);
  return b.permute(y, [...front, ...range(shape.length), ...back]);
}

/**
 * Part of a tensor by NumPy's indexing rules. Index tensors broadcast against each other and are read together; their axes stay in
 * place if they are side by side, and come first otherwise. Numbers next to index tensors count as such. The gradient of a cell read
 * several times is added up.
 * @param items one for each axis, see `IndexItem`; axes without one are taken whole. A mask is read at once (`dataSync`), as the
 *   result's shape depends on it
 * @throws {IndexError} `index: index 5 is out of range for axis 0 of size 3`, for tensors when it is computed
 * @throws {ShapeError} `index: expected at most 1 indices for shape [3], got 2`
 * @example (await index(tensor([[1, 2, 3], [4, 5, 6]]), [-1, [null, null, -1]]).toArray()) // [6, 5, 4]
 * @example (await index(tensor([[1, 2], [3, 4]]), [tensor([[true, false], [true, true]])]).toArray()) // [1, 3, 4]
 * @example (await index(tensor([[1, 2], [3, 4]]), ["...", tensor([1, 1, 0], { dtype: "int32" })]).toArray()) // [[2, 2, 1], [4, 4, 3]]
 */
export function index(x: Tensor, items: readonly IndexItem[]): Tensor {
  const node = nodeOf("index", x);
  const entries = entriesOf("index", node, items);
  return new Tensor(picked("index", ranged(node, entries), entries));
}

/** How `indexPut` combines what it puts with what is there. */
export interface IndexPutOptions {
  /** "set" by default; see `scatter`. */
  readonly reduce?: ScatterReduction;
}

/**
 * x with part of it replaced: what `x[items] = values` does in NumPy, as a new tensor. Cells put several times keep the last value,
 * unless `reduce` says otherwise.
 * @param items as in `index`
 * @param values a number, or a tensor that broadcasts to the shape of `index(x, items)`; converted to x's dtype
 * @throws {ShapeError} `indexPut: expected values that broadcast to [2], got [3]`
 * @example (await indexPut(tensor([1, 2, 3]), [[1]], 0).toArray()) // [1, 0, 0]
 * @example (await indexPut(zeros([2]), [tensor([1, 1], { dtype: "int32" })], 3, { reduce: "add" }).toArray()) // [0, 6]
 */
export function indexPut<S extends Shape>(
  x: Tensor<S>,
  items: readonly IndexItem[],
  values: Operand,
  options: IndexPutOptions = {},
): Tensor<S> {
  const node = nodeOf("indexPut", x);
  const { reduce = "set" } = options;
  const entries = entriesOf("indexPut", node, items);
  const cells = b.reshape(iotaNode(sizeOf(node.shape), node.device), node.shape);
  const places = picked("indexPut", ranged(cells, entries), entries);
  const source =
    typeof values === "number"
      ? scalarNode(values, node.dtype, node.device)
      : castNode(nodeOf("indexPut", values), node.dtype);
  const spread = spreadTo(source, places.shape);
  if (reduce === "set" && entries.every(({ positions }) => positions === null))
    return new Tensor(inBox(node, spread, entries));
  const flat = (y: Node): Node => b.reshape(y, [sizeOf(y.shape)]);
  if (reduce === "add") {
    const attrs = { axis: 0, batch: 0, what: "indexPut", size: sizeOf(node.shape) };
    const sum = makeNode(put, [flat(spread), flat(places)], attrs);
    return new Tensor(b.add(node, b.reshape(sum, node.shape)));
  }
  const attrs = { axis: 0, what: "indexPut", mode: reduce };
  return new Tensor(b.reshape(makeNode(scatter, [flat(spread), flat(places), flat(node)], attrs), node.shape));
}

function spreadTo(source: Node, shape: Shape): Node {
  // As in NumPy, leading axes of size 1 may be too many.
  const extra = source.shape.length - shape.length;
  const isTooLong = extra > 0 && source.shape.slice(0, extra).every((n) => n === 1);
  const fitting = isTooLong ? b.reshape(source, source.shape.slice(extra)) : source;
  const lead = shape.length - fitting.shape.length;
  if (lead < 0 || fitting.shape.some((n, i) => n !== 1 && n !== shape[i + lead]))
    throw new ShapeError(
      `indexPut: expected values that broadcast to ${showShape(shape)}, got ${showShape(source.shape)}`,
    );
  return b.expand(fitting, shape);
}

/** x with a box of ranges replaced: the values spread out with gaps, where they lie, and x elsewhere. */
function inBox(x: Node, values: Node, entries: readonly Entry[]): Node {
  const own = entries.filter((entry) => entry.axis !== null);
  const sizes = own.map(({ size }) => size);
  if (sizes.includes(0)) return x;
  const shaped = b.reshape(values, sizes);
  const isBackward = own.map(({ step }) => step < 0);
  const forward = b.slice(
    shaped,
    sizes.map((n, i) => (isBackward[i] ? n - 1 : 0)),
    sizes.map((_, i) => (isBackward[i] ? -1 : 1)),
    sizes,
  );
  const step = own.map((entry) => Math.abs(entry.step));
  const low = own.map((entry, i) => (isBackward[i] ? entry.start + (entry.size - 1) * entry.step : entry.start));
  const high = own.map(({ size }, i) => (x.shape[i] ?? 0) - (low[i] ?? 0) - (size - 1) * (step[i] ?? 1) - 1);
  const spread = (y: Node): Node => b.pad(y, low, high, step);
  const isInside = spread(b.fill(1, sizes, iotaNode(1, x.device)));
  return b.select(b.ne(isInside, b.num(0, isInside)), spread(forward), x);
}

/**
 * x with slices of `source` put at the positions of a flat index along an axis. The last of several stays.
 * @param index int32 `[m]`
 * @param source x's shape with m along the axis
 * @param options.axis 0 by default
 * @example (await indexCopy(zeros([3]), tensor([2, 0], { dtype: "int32" }), tensor([5, 6])).toArray()) // [6, 0, 5]
 */
export function indexCopy<S extends Shape>(
  x: Tensor<S>,
  index: Tensor,
  source: Operand,
  options: { readonly axis?: number } = {},
): Tensor<S> {
  const lead = options.axis ?? 0;
  const count = lead < 0 ? lead + x.rank : lead;
  return indexPut(x, [...new Array<null>(Math.max(0, count)).fill(null), index], source);
}

/**
 * x with a value at the positions of a flat index along an axis.
 * @param index int32 `[m]`
 * @param options.axis 0 by default
 * @example (await indexFill(zeros([3]), tensor([2, 0], { dtype: "int32" }), 5).toArray()) // [5, 0, 5]
 */
export function indexFill<S extends Shape>(
  x: Tensor<S>,
  index: Tensor,
  value: number,
  options: { readonly axis?: number } = {},
): Tensor<S> {
  return indexCopy(x, index, value, options);
}

/**
 * The elements of x where a mask holds, in row-major order. As the result's shape depends on it, the mask is read: hence the promise.
 * The gradient goes where the elements came from.
 * @param mask bool; x and the mask broadcast
 * @returns `[n]`
 * @example (await (await maskedSelect(tensor([1, 2, 3]), tensor([true, false, true]))).toArray()) // [1, 3]
 */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor<[number]>> {
  const node = nodeOf("maskedSelect", x);
  const shape = broadcastShapes("maskedSelect", node.shape, mask.shape);
  const count = sizeOf(shape);
  const whole = new Tensor(b.reshape(b.expand(mask.node, shape), [count]));
  const [places] = listsOf(await whole.data(), [count], node.device);
  const flat = b.reshape(b.expand(node, shape), [count]);
  if (!places) throw new ShapeError("maskedSelect: expected a mask, got none");
  return new Tensor(makeNode(take, [flat, places], { axis: 0, batch: 0, what: "maskedSelect" }));
}

/** How many cells before each one hold. */
function counted(mask: Node): Node {
  const here = b.cast(mask, "int32");
  return b.sub(makeNode(cumsum, [here], { axis: 0, reverse: false }), here);
}

/**
 * x with the elements of `source`, one after another, where the mask holds.
 * @param mask bool, broadcasts to x
 * @param source at least as many elements as the mask has true cells
 * @throws {IndexError} when it is computed, if there are fewer: `maskedScatter: index 1 is out of range for size 1`
 * @example (await maskedScatter(zeros([3]), tensor([true, false, true]), tensor([7, 8])).toArray()) // [7, 0, 8]
 */
export function maskedScatter<S extends Shape>(x: Tensor<S>, mask: Tensor, source: Tensor): Tensor<S> {
  const node = nodeOf("maskedScatter", x);
  const size = sizeOf(node.shape);
  const isPut = b.reshape(b.expand(mask.node, node.shape), [size]);
  const values = castNode(nodeOf("maskedScatter", source), node.dtype);
  const count = sizeOf(values.shape);
  // Padded, so that there is something to read where nothing is put.
  const list = b.pad(b.reshape(values, [count]), [0], [1], [1]);
  const before = counted(isPut);
  const at = b.select(
    isPut,
    b.check(b.select(isPut, before, b.num(0, before)), Math.max(1, count), "maskedScatter"),
    b.num(count, before),
  );
  const taken = makeNode(take, [list, at], { axis: 0, batch: 0, what: "maskedScatter" });
  return new Tensor(b.reshape(b.select(isPut, taken, b.reshape(node, [size])), node.shape));
}

/**
 * The positions of the elements that are not 0, in row-major order. As the result's shape depends on them, x is read: hence the promise.
 * @returns int32 `[n, rank]`
 * @example (await (await nonzero(tensor([[1, 0], [0, 2]]))).toArray()) // [[0, 0], [1, 1]]
 */
export async function nonzero(x: Tensor): Promise<Tensor<[number, number]>> {
  const values = await x.data();
  const rows: number[] = [];
  let count = 0;
  values.forEach((value, i) => {
    if (value === 0) return;
    count++;
    let rest = i;
    const row = x.shape.toReversed().map((n) => {
      const at = rest % n;
      rest = Math.floor(rest / n);
      return at;
    });
    rows.push(...row.reverse());
  });
  return tensor(Int32Array.from(rows), { shape: [count, x.rank], device: x.device });
}
