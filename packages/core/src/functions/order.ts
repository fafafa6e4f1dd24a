// Order statistics: medians, quantiles, the k-th smallest, the most frequent. Gradients go to the elements that are chosen.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { normalizeAxis, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { argsort, takeAlong } from "../ops/gather.ts";
import { argmax } from "../ops/reduce.ts";
import { argcummax } from "../ops/scan.ts";
import { scalarNode } from "../ops/source.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, floatOf, nodeOf } from "./arguments.ts";
import type { Sorted } from "./gather.ts";
import { concatNodes } from "./join.ts";
import type { AxisOptions } from "./reduce.ts";
import { moved, narrowed } from "./shape.ts";

/** x with the axis last, flattened without one, in ascending order; and how to put a result of size 1 there back. */
interface Ordered {
  readonly sorted: Node;
  readonly places: Node;
  readonly n: number;
  restore(y: Node): Node;
}

function ordered(operation: string, x: Node, { axis, keepdims = false }: AxisOptions): Ordered {
  const rank = x.shape.length;
  const at = axis === undefined ? null : normalizeAxis(operation, axis, x.shape);
  const rows = at === null ? b.reshape(x, [sizeOf(x.shape)]) : moved(x, at, rank - 1);
  const n = rows.shape.at(-1) ?? 1;
  if (n === 0) throw new ShapeError(`${operation}: expected at least one element, got shape ${showShape(x.shape)}`);
  const places = makeNode(argsort, [rows], { descending: false });
  const last = rows.shape.length - 1;
  const sorted = makeNode(takeAlong, [rows, places], { axis: last, what: operation });
  const shape = x.shape.flatMap((size, i) => (at !== null && i !== at ? [size] : keepdims ? [1] : []));
  return { sorted, places, n, restore: (y) => b.reshape(y, shape) };
}

const cell = (x: Node, k: number): Node => narrowed(x, x.shape.length - 1, k, 1);
const isUnknown = (x: Node): Node => b.ne(x, x);

/** The cell of each row that `at` `[..., 1]` names. */
const cellAt = (x: Node, at: Node): Node => makeNode(takeAlong, [x, at], { axis: x.shape.length - 1, what: "order" });

/**
 * The k-th smallest along an axis, and where it is. NaN counts as the largest.
 * @param k 1 for the smallest
 * @param options.axis the last by default
 * @param options.keepdims keep the axis with size 1
 * @throws {ArgumentError} `kthvalue: expected k of at most 3, got 4`
 * @example (await kthvalue(tensor([3, 1, 2]), 2).values.item()) // 2
 */
export function kthvalue(x: Tensor, k: number, options: AxisOptions = {}): Sorted {
  const { sorted, places, n, restore } = ordered("kthvalue", nodeOf("kthvalue", x), { axis: -1, ...options });
  if (checkCount("kthvalue", "k", k, 1) > n) throw new ArgumentError(`kthvalue: expected k of at most ${n}, got ${k}`);
  return { values: new Tensor(restore(cell(sorted, k - 1))), indices: new Tensor(restore(cell(places, k - 1))) };
}

/** How many of each row are not NaN, `[..., 1]`. */
function countOf(sorted: Node): Node {
  const last = sorted.shape.length - 1;
  const count = b.sum(b.cast(b.eq(sorted, sorted), "int32"), [last]);
  return b.reshape(count, sorted.shape.with(last, 1));
}

/**
 * The median: the element in the middle, the lower of two, as in PyTorch. NaN where there is one. `quantile(x, 0.5)` takes the mean
 * of two instead.
 * @param options.axis all of the flattened tensor by default
 * @param options.keepdims keep the axis with size 1
 * @example (await median(tensor([[4, 1, 3, 2]]), { axis: 1 }).toArray()) // [2]
 */
export function median(x: Tensor, options: AxisOptions = {}): Tensor {
  const { sorted, n, restore } = ordered("median", nodeOf("median", x), options);
  const [middle, last] = [cell(sorted, (n - 1) >> 1), cell(sorted, n - 1)];
  return new Tensor(restore(b.select(isUnknown(last), last, middle)));
}

/**
 * The median of what is not NaN; NaN of nothing.
 * @param options as in `median`
 * @example (await nanmedian(tensor([NaN, 1, 3, 2])).item()) // 2
 */
export function nanmedian(x: Tensor, options: AxisOptions = {}): Tensor {
  const { sorted, restore } = ordered("nanmedian", nodeOf("nanmedian", x), options);
  const count = countOf(sorted);
  const num = (value: number): Node => b.num(value, count);
  return new Tensor(restore(cellAt(sorted, b.div(b.max(b.sub(count, num(1)), num(0)), num(2)))));
}

/** What lies between two neighbours. */
export type QuantileInterpolation = "linear" | "lower" | "higher" | "nearest" | "midpoint";

export interface QuantileOptions extends AxisOptions {
  /** "linear" by default. */
  readonly interpolation?: QuantileInterpolation;
}

/**
 * The q-quantile: the value at position q·(n − 1) of the sorted elements, between two of them by `interpolation`. NaN where there is
 * one.
 * @param q from 0 to 1; a list gives a leading axis. Run-time numbers: another q needs no other plan
 * @param options.axis all of the flattened tensor by default
 * @param options.interpolation "linear", "lower", "higher", "nearest" (half to even) or "midpoint"
 * @throws {ArgumentError} `quantile: expected q from 0 to 1, got 50`
 * @example (await quantile(tensor([1, 2, 3, 5]), [0.5, 1]).toArray()) // [2.5, 5]
 */
export function quantile(x: Tensor, q: number | readonly number[], options: QuantileOptions = {}): Tensor {
  return quantiles("quantile", x, q, options, false);
}

/**
 * The q-quantile of what is not NaN; NaN of nothing.
 * @param q as in `quantile`
 * @param options as in `quantile`
 * @example (await nanquantile(tensor([1, NaN, 2]), 0.5).item()) // 1.5
 */
export function nanquantile(x: Tensor, q: number | readonly number[], options: QuantileOptions = {}): Tensor {
  return quantiles("nanquantile", x, q, options, true);
}

function quantiles(
  operation: string,
  x: Tensor,
  q: number | readonly number[],
  options: QuantileOptions,
  skipsNaN: boolean,
): Tensor {
  const { interpolation = "linear" } = options;
  const list = typeof q === "number" ? [q] : q;
  const wrong = list.find((each) => !(each >= 0 && each <= 1));
  if (wrong !== undefined) throw new ArgumentError(`${operation}: expected q from 0 to 1, got ${wrong}`);
  if (!["linear", "lower", "higher", "nearest", "midpoint"].includes(interpolation))
    throw new ArgumentError(
      `${operation}: expected interpolation linear, lower, higher, nearest or midpoint, got ${String(interpolation)}`,
    );
  const { sorted, n, restore } = ordered(operation, floatOf(operation, x), options);
  const last = cell(sorted, n - 1);
  const count = skipsNaN ? countOf(sorted) : null;
  const results = list.map((each) => {
    const place = count ? placeIn(count, each, sorted) : knownPlace(n, each, sorted);
    const y = between(sorted, place, interpolation);
    return restore(count ? y : b.select(isUnknown(last), last, y));
  });
  const [first] = results;
  if (typeof q === "number" && first) return new Tensor(first);
  return stacked(results, operation);
}

function stacked(results: readonly Node[], operation: string): Tensor {
  const [first] = results;
  if (!first) throw new ArgumentError(`${operation}: expected at least one q, got none`);
  return new Tensor(
    concatNodes(
      results.map((y) => b.reshape(y, [1, ...y.shape])),
      0,
    ),
  );
}

/** A position between cells: the one below, the one above, and how far from the one below. */
interface Place {
  readonly below: Node;
  readonly above: Node;
  readonly part: Node;
}

/** Computed in double precision before the plan runs. */
function knownPlace(n: number, q: number, sorted: Node): Place {
  const exact = q * (n - 1);
  const below = Math.min(Math.floor(exact), Math.max(0, n - 2));
  const rows = sorted.shape.with(sorted.shape.length - 1, 1);
  const index = (value: number): Node => b.expand(scalarNode(value, "int32", sorted.device), rows);
  return {
    below: index(below),
    above: index(Math.min(below + 1, n - 1)),
    part: scalarNode(exact - below, sorted.dtype, sorted.device),
  };
}

function placeIn(count: Node, q: number, sorted: Node): Place {
  const num = (value: number): Node => b.num(value, count);
  const most = b.max(b.sub(count, num(1)), num(0));
  const exact = b.mul(b.cast(most, sorted.dtype), scalarNode(q, sorted.dtype, sorted.device));
  const below = b.min(b.cast(b.floor(exact), "int32"), b.max(b.sub(most, num(1)), num(0)));
  return { below, above: b.min(b.add(below, num(1)), most), part: b.sub(exact, b.cast(below, sorted.dtype)) };
}

function between(sorted: Node, { below, above, part }: Place, interpolation: QuantileInterpolation): Node {
  const [low, high] = [cellAt(sorted, below), cellAt(sorted, above)];
  const num = (value: number): Node => b.num(value, part);
  switch (interpolation) {
    case "lower":
      return b.select(b.eq(part, num(1)), high, low);
    case "higher":
      return b.select(b.lt(num(0), part), high, low);
    case "midpoint": {
      const isCell = b.or(b.eq(part, num(0)), b.eq(part, num(1)));
      return mix(low, high, b.select(isCell, part, num(0.5)));
    }
    case "nearest": {
      const isOdd = b.eq(b.mod(below, b.num(2, below)), b.num(1, below));
      const isAbove = b.or(b.lt(num(0.5), part), b.and(b.eq(part, num(0.5)), isOdd));
      return b.select(isAbove, high, low);
    }
    case "linear":
      return mix(low, high, part);
  }
}

/** low + part·(high − low), and either end itself where part says so: infinite ones do no harm then. */
function mix(low: Node, high: Node, part: Node): Node {
  const num = (value: number): Node => b.num(value, part);
  const inside = b.add(low, b.mul(part, b.sub(high, low)));
  return b.select(b.eq(part, num(0)), low, b.select(b.eq(part, num(1)), high, inside));
}

/**
 * The most frequent along an axis, the smallest of equally frequent ones, and where it last is.
 * @param options.axis the last by default
 * @param options.keepdims keep the axis with size 1
 * @example (await mode(tensor([3, 1, 3, 2, 1])).values.item()) // 1
 */
export function mode(x: Tensor, options: AxisOptions = {}): Sorted {
  const { sorted, places, n, restore } = ordered("mode", nodeOf("mode", x), { axis: -1, ...options });
  const last = sorted.shape.length - 1;
  const position = b.expand(b.iota(n, sorted), sorted.shape);
  const num = (value: number): Node => b.num(value, position);
  const zeros = sorted.shape.map(() => 0);
  const ones = zeros.map(() => 1);
  const before = b.pad(narrowed(sorted, last, 0, n - 1), zeros.with(last, 1), zeros, ones);
  const isStart = b.or(b.ne(sorted, before), b.eq(position, num(0)));
  // The latest start so far is where the run of equals began.
  const starts = b.select(isStart, position, num(-1));
  const start = makeNode(argcummax, [starts], { axis: last, reverse: false });
  const longest = makeNode(argmax, [b.sub(position, start)], { axes: [last] });
  const at = b.reshape(longest, sorted.shape.with(last, 1));
  return { values: new Tensor(restore(cellAt(sorted, at))), indices: new Tensor(restore(cellAt(places, at))) };
}
