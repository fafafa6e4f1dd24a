// Searching, counting and sets: positions in sorted lists, frequencies, distinct values.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { normalizeAxis, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { argsort, put, take, takeAlong } from "../ops/gather.ts";
import { any, max, min } from "../ops/reduce.ts";
import { scalarNode } from "../ops/source.ts";
import { tensor } from "../tensor/create.ts";
import { alike, toFloat } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, indexOf, nodeOf, pairOf, range } from "./arguments.ts";
import { moved } from "./shape.ts";
import type { Operand } from "./types.ts";

/** Lists up to this long are compared with whole. */
const shortList = 32;

/** Whether v sorts after s: NaN after all else. */
function isPast(s: Node, v: Node, right: boolean): Node {
  const less = b.and(b.eq(s, s), b.ne(v, v));
  const usual = right ? b.or(b.le(s, v), b.ne(v, v)) : b.or(b.lt(s, v), less);
  return usual;
}

/** How many of the sorted rows `[..., n]` lie before each of the values `[..., m]`. */
function countBefore(sorted: Node, values: Node, right: boolean): Node {
  const last = sorted.shape.length - 1;
  const n = sorted.shape[last] ?? 0;
  if (n <= shortList) {
    const list = b.reshape(sorted, [...sorted.shape.slice(0, -1), 1, n]);
    const isBefore = isPast(list, b.reshape(values, [...values.shape, 1]), right);
    return b.sum(b.cast(isBefore, "int32"), [last + 1]);
  }
  // Bit by bit: the most steps that still lie before.
  let found = b.fill(0, values.shape, b.iota(1, values));
  for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
    const probe = b.add(found, b.num(step, found));
    const at = b.sub(b.min(probe, b.num(n, found)), b.num(1, found));
    const cell = makeNode(takeAlong, [sorted, at], { axis: last, what: "searchsorted" });
    const goes = b.and(b.le(probe, b.num(n, found)), isPast(cell, values, right));
    found = b.select(goes, probe, found);
  }
  return found;
}

/**
 * Where values belong in a sorted list, so that it stays sorted. NaN sorts last.
 * @param sorted `[n]`, or `[..., n]` with a list for each row of values; ascending along the last axis
 * @param values a number, any shape for one list, or `[..., m]`
 * @param options.right after equal ones instead of before them
 * @returns int32, of the values' shape
 * @throws {ShapeError} `searchsorted: expected a list, or one for each row of [2, 3], got [3, 4]`
 * @example (await searchsorted(tensor([1, 3, 5]), tensor([0, 3, 6])).toArray()) // [0, 1, 3]
 */
export function searchsorted(sorted: Tensor, values: Operand, options: { readonly right?: boolean } = {}): Tensor {
  const [list, given] = pairOf("searchsorted", sorted, values);
  const { right = false } = options;
  const lead = list.shape.slice(0, -1);
  if (list.shape.length === 1) {
    const flat = b.reshape(given, [sizeOf(given.shape)]);
    return new Tensor(b.reshape(countBefore(list, flat, right), given.shape));
  }
  if (list.shape.length === 0 || !sameShape(lead, given.shape.slice(0, -1)))
    throw new ShapeError(
      `searchsorted: expected a list, or one for each row of ${showShape(given.shape)}, got ${showShape(list.shape)}`,
    );
  return new Tensor(countBefore(list, given, right));
}

/**
 * The number of the bin that each value falls into: bin i holds boundaries[i − 1] < x ≤ boundaries[i].
 * @param boundaries `[n]`, ascending
 * @param options.right bins hold their left boundary instead of the right one
 * @returns int32, from 0 to n
 * @example (await bucketize(tensor([0.5, 1, 7]), tensor([1, 5])).toArray()) // [0, 0, 2]
 */
export function bucketize(x: Operand, boundaries: Tensor, options: { readonly right?: boolean } = {}): Tensor {
  if (boundaries.rank !== 1)
    throw new ShapeError(`bucketize: expected boundaries [n], got ${showShape(boundaries.shape)}`);
  return searchsorted(boundaries, x, options);
}

/**
 * How often each number from 0 to length − 1 occurs, or the sum of its weights, through which gradients flow.
 * @param x int32 or uint8, of any shape
 * @param length as shapes don't depend on values, it must be told
 * @param options.weights of x's shape; their dtype is the result's
 * @returns `[length]`, int32 without weights
 * @throws {IndexError} when it is computed: `bincount: index 7 is out of range for size 3`
 * @example (await bincount(tensor([0, 2, 2], { dtype: "int32" }), 4).toArray()) // [1, 0, 2, 0]
 */
export function bincount<const N extends number>(
  x: Tensor,
  length: N,
  options: { readonly weights?: Tensor } = {},
): Tensor<[N]> {
  const ids = indexOf("bincount", x);
  const size = checkCount("bincount", "length", length);
  const flat = b.reshape(ids, [sizeOf(ids.shape)]);
  const weights = options.weights ? nodeOf("bincount", options.weights) : b.fill(1, ids.shape, ids);
  if (!sameShape(weights.shape, ids.shape))
    throw new ShapeError(
      `bincount: expected weights of shape ${showShape(ids.shape)}, got ${showShape(weights.shape)}`,
    );
  const attrs = { axis: 0, batch: 0, what: "bincount", size };
  return new Tensor(makeNode(put, [b.reshape(weights, flat.shape), flat], attrs));
}

export interface HistogramOptions {
  /** 10 by default. */
  readonly bins?: number;
  /** Lowest and highest edge; the smallest and the largest element by default. What lies outside is not counted. */
  readonly range?: readonly [low: number, high: number];
  /** Of x's shape: what each element counts. */
  readonly weights?: Tensor;
  /** Scales the counts so that their integral is 1. */
  readonly density?: boolean;
}

/** Counts, and the edges of the bins. */
export interface Histogram {
  readonly counts: Tensor<[number]>;
  readonly edges: Tensor<[number]>;
}

/**
 * How many elements fall into each of equally wide bins, which hold their lower edge, the last one both. NaN is not counted.
 * @param options bins, range, weights, density
 * @returns counts `[bins]`, float; edges `[bins + 1]`
 * @throws {ArgumentError} `histogram: expected a range low < high, got 1 and 1`
 * @example (await histogram(tensor([1, 2, 2, 4]), { bins: 3 }).counts.toArray()) // [1, 2, 1]
 */
export function histogram(x: Tensor, options: HistogramOptions = {}): Histogram {
  const node = toFloat(nodeOf("histogram", x));
  const size = sizeOf(node.shape);
  const bins = checkCount("histogram", "number of bins", options.bins ?? 10, 1);
  const flat = b.reshape(node, [size]);
  const num = (value: number): Node => b.num(value, flat);
  const [low, high] = edgesOf(flat, options.range);
  const width = b.div(b.sub(high, low), num(bins));
  const count = b.cast(b.iota(bins + 1, flat), flat.dtype);
  // The last edge is the highest itself, whatever the steps round to.
  const edges = b.select(b.eq(count, num(bins)), high, b.add(low, b.mul(count, width)));
  const isInside = b.and(b.le(low, flat), b.le(flat, high));
  const place = b.cast(b.floor(b.div(b.sub(b.select(isInside, flat, low), low), width)), "int32");
  const rough = b.max(b.min(place, b.num(bins - 1, place)), b.num(0, place));
  const bin = atEdges(flat, edges, rough, bins);
  const given = options.weights ? b.reshape(nodeOf("histogram", options.weights), [size]) : b.fill(1, [size], flat);
  const [weights] = alike(given, flat);
  const attrs = { axis: 0, batch: 0, what: "histogram", size: bins };
  const sums = makeNode(put, [b.select(isInside, weights, b.num(0, weights)), bin], attrs);
  const scaled = options.density === true ? b.div(sums, b.mul(b.sum(sums, [0]), width)) : sums;
  return { counts: new Tensor(scaled), edges: new Tensor(edges) };
}

/** Division rounds: a value just beside an edge moves to the side where it is. */
function atEdges(x: Node, edges: Node, bin: Node, bins: number): Node {
  const edge = (i: Node): Node => makeNode(take, [edges, i], { axis: 0, batch: 0, what: "histogram" });
  const one = b.num(1, bin);
  const isBelow = b.and(b.lt(x, edge(bin)), b.lt(b.num(0, bin), bin));
  const isAbove = b.and(b.le(edge(b.add(bin, one)), x), b.lt(bin, b.num(bins - 1, bin)));
  return b.select(isBelow, b.sub(bin, one), b.select(isAbove, b.add(bin, one), bin));
}

function edgesOf(x: Node, given: HistogramOptions["range"]): readonly [low: Node, high: Node] {
  if (given) {
    const [low, high] = given;
    if (!(low < high)) throw new ArgumentError(`histogram: expected a range low < high, got ${low} and ${high}`);
    return [scalarNode(low, x.dtype, x.device), scalarNode(high, x.dtype, x.device)];
  }
  if (x.shape[0] === 0) return [b.num(0, x), b.num(1, x)];
  const known = (otherwise: number): Node => b.select(b.eq(x, x), x, b.num(otherwise, x));
  const least = makeNode(min, [known(Number.POSITIVE_INFINITY)], { axes: [0], ties: "first" });
  const most = makeNode(max, [known(Number.NEGATIVE_INFINITY)], { axes: [0], ties: "first" });
  // One value alone lies in the middle of a bin of width 1.
  const half = b.select(b.eq(least, most), b.num(0.5, x), b.num(0, x));
  return [b.sub(least, half), b.add(most, half)];
}

/**
 * Which elements occur among others.
 * @param options.invert which don't
 * @returns bool, of the elements' shape
 * @example (await isin(tensor([1, 2, 3]), tensor([3, 1, 7])).toArray()) // [true, false, true]
 */
export function isin(elements: Operand, test: Operand, options: { readonly invert?: boolean } = {}): Tensor {
  const [x, others] = pairOf("isin", elements, test);
  const count = sizeOf(others.shape);
  const list = b.reshape(others, [count]);
  const flat = b.reshape(x, [sizeOf(x.shape)]);
  const found = count <= shortList ? amongFew(flat, list) : amongMany(flat, list, count);
  const shaped = b.reshape(found, x.shape);
  return new Tensor(options.invert === true ? b.not(shaped) : shaped);
}

const amongFew = (x: Node, list: Node): Node =>
  makeNode(any, [b.eq(b.reshape(x, [...x.shape, 1]), list)], { axes: [1] });

function amongMany(x: Node, list: Node, count: number): Node {
  const order = makeNode(argsort, [list], { descending: false });
  const sorted = makeNode(takeAlong, [list, order], { axis: 0, what: "isin" });
  const place = countBefore(sorted, x, false);
  const at = b.min(place, b.num(count - 1, place));
  return b.eq(makeNode(takeAlong, [sorted, at], { axis: 0, what: "isin" }), x);
}

export interface UniqueOptions {
  /** Compares slices along this axis; without one, elements. */
  readonly axis?: number;
  /** Only neighbours count as the same, and their order is kept. */
  readonly consecutive?: boolean;
}

/** Distinct values, and how they relate to what they come from. */
export interface Unique {
  /** In ascending order, unless `consecutive` is asked for. */
  readonly values: Tensor;
  /** For each element or slice of x, which of the values it is: int32. */
  readonly inverse: Tensor;
  /** How often each value occurs: int32 `[n]`. */
  readonly counts: Tensor<[number]>;
  /** Where each value first occurs: int32 `[n]`. */
  readonly first: Tensor<[number]>;
}

/**
 * The distinct elements of x, or slices along an axis. As shapes depend on values, x is read: hence the promise. The gradient goes to
 * first occurrences. Each NaN is distinct.
 * @param options axis, consecutive
 * @example (await (await unique(tensor([3, 1, 3, 2]))).values.toArray()) // [1, 2, 3]
 * @example (await (await unique(tensor([3, 1, 3, 2]))).inverse.toArray()) // [2, 0, 2, 1]
 */
export async function unique(x: Tensor, options: UniqueOptions = {}): Promise<Unique> {
  const node = nodeOf("unique", x);
  const axis = options.axis === undefined ? null : normalizeAxis("unique", options.axis, node.shape);
  const flat = axis === null ? b.reshape(node, [sizeOf(node.shape)]) : moved(node, axis, 0);
  const data = await new Tensor(flat).data();
  const count = flat.shape[0] ?? 0;
  const width = sizeOf(flat.shape.slice(1));
  const compare = (i: number, j: number): number => {
    for (let k = 0; k < width; k++) {
      const [p = 0, q = 0] = [data[i * width + k], data[j * width + k]];
      if (p < q) return -1;
      if (p > q) return 1;
      if (p !== q) return Number.isNaN(p) ? (Number.isNaN(q) ? i - j : 1) : -1;
    }
    return 0;
  };
  const order = range(count);
  if (options.consecutive !== true) order.sort((i, j) => compare(i, j) || i - j);
  const first: number[] = [];
  const counts: number[] = [];
  const inverse = new Int32Array(count);
  order.forEach((i, k) => {
    if (k === 0 || compare(order[k - 1] ?? 0, i) !== 0) {
      first.push(i);
      counts.push(0);
    }
    inverse[i] = first.length - 1;
    counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
  });
  const list = (values: ArrayLike<number>): Tensor<[number]> =>
    tensor(Int32Array.from(values), { device: node.device });
  const chosen = list(first);
  const values = makeNode(take, [flat, chosen.node], { axis: 0, batch: 0, what: "unique" });
  const places = list(inverse);
  return {
    values: new Tensor(axis === null ? values : moved(values, 0, axis)),
    inverse: axis === null ? new Tensor(b.reshape(places.node, node.shape)) : places,
    counts: list(counts),
    first: chosen,
  };
}
