// Pooling: the largest or the mean of sliding windows.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import { windowCount } from "../base/view.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { max, min } from "../ops/reduce.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf, range } from "./arguments.ts";
import { perAxis } from "./conv.ts";
import { padConstant } from "./pad.ts";

/** One number for all spatial axes, or one for each. */
export interface PoolOptions {
  /** The kernel by default. */
  readonly stride?: number | readonly number[];
  /** Cells on both sides, 0 by default, at most half the kernel. */
  readonly padding?: number | readonly number[];
  /** Rounds the number of windows up; the last one still begins inside the input or the padding before it. */
  readonly ceilMode?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
  /** The distance of neighbouring cells of a window, 1 by default. */
  readonly dilation?: number | readonly number[];
}

export interface AvgPoolOptions extends PoolOptions {
  /** Whether the mean counts cells of the padding; true by default. */
  readonly countIncludePad?: boolean;
}

/** Where windows lie along each spatial axis. */
interface Layout {
  readonly size: readonly number[];
  readonly step: readonly number[];
  readonly low: readonly number[];
  readonly dilation: readonly number[];
  /** Cells that the windows need after the input; negative where they leave some of it unread. */
  readonly high: readonly number[];
  readonly counts: readonly number[];
}

function layoutOf(
  operation: string,
  extents: Shape,
  kernel: number | readonly number[],
  options: MaxPoolOptions,
): Layout {
  const rank = extents.length;
  const size = perAxis(operation, "kernel", kernel, rank, 1);
  const step = perAxis(operation, "stride", options.stride ?? size, rank, 1);
  const low = perAxis(operation, "padding", options.padding ?? 0, rank, 0);
  const dilation = perAxis(operation, "dilation", options.dilation ?? 1, rank, 1);
  if (low.some((n, i) => 2 * n > (size[i] ?? 1)))
    throw new ShapeError(
      `${operation}: expected a padding of at most half the kernel ${showShape(size)}, got ${showShape(low)}`,
    );
  const counts = extents.map((n, i) => {
    const [k = 1, s = 1, p = 0, d = 1] = [size[i], step[i], low[i], dilation[i]];
    const room = n + 2 * p - d * (k - 1) - 1;
    if (room < 0)
      throw new ShapeError(
        `${operation}: expected a kernel no larger than the padded input, got ${showShape(size)} for ${showShape(extents)}`,
      );
    if (options.ceilMode !== true) return windowCount(n + 2 * p, k, s, d);
    const count = Math.ceil(room / s) + 1;
    return (count - 1) * s >= n + p ? count - 1 : count;
  });
  const high = extents.map((n, i) => {
    const last = ((counts[i] ?? 1) - 1) * (step[i] ?? 1) + (dilation[i] ?? 1) * ((size[i] ?? 1) - 1) + 1;
    return last - n - (low[i] ?? 0);
  });
  return { size, step, low, dilation, high, counts };
}

/** The windows of x `[N, C, ...spatial]`, with their cells as last axes; what they reach outside holds `fill`. */
function windowsOf(x: Node, layout: Layout, fill: number): Node {
  const { size, step, low, dilation, high } = layout;
  const axes = range(size.length, 2);
  const used = x.shape.map((n, i) => n + Math.min(0, high[i - 2] ?? 0));
  const zeros = x.shape.map(() => 0);
  const cut = b.slice(
    x,
    zeros,
    zeros.map(() => 1),
    used,
  );
  const around = padConstant(cut, [0, 0, ...low], [0, 0, ...high.map((n) => Math.max(0, n))], fill);
  return b.windows(around, { axes, size, step, dilation });
}

/** x as `[N, C, ...spatial]`, and back. */
function pooled(operation: string, rank: number, x: Node, pool: (x: Node) => Node): Tensor {
  if (x.shape.length !== rank + 1 && x.shape.length !== rank + 2)
    throw new ShapeError(`${operation}: expected an input [N, C${", L".repeat(rank)}], got ${showShape(x.shape)}`);
  if (x.shape.length === rank + 2) return new Tensor(pool(x));
  const y = pool(b.reshape(x, [1, ...x.shape]));
  return new Tensor(b.reshape(y, y.shape.slice(1)));
}

function maxPool(
  operation: string,
  rank: number,
  x: Tensor,
  kernel: number | readonly number[],
  options: MaxPoolOptions,
): Tensor {
  return pooled(operation, rank, nodeOf(operation, x), (node) => {
    const layout = layoutOf(operation, node.shape.slice(2), kernel, options);
    const lowest = node.dtype === "uint8" ? 0 : node.dtype === "int32" ? -(2 ** 31) : Number.NEGATIVE_INFINITY;
    const cells = windowsOf(node, layout, lowest);
    return makeNode(max, [cells], { axes: range(rank, rank + 2), ties: "first" });
  });
}

/** The largest of each window, and where it was. */
export interface MaxPooled {
  readonly values: Tensor;
  /** int32: positions in the flattened spatial axes of the input, of the first of equal ones */
  readonly indices: Tensor;
}

function maxPoolWithIndices(
  rank: 1 | 2 | 3,
  x: Tensor,
  kernel: number | readonly number[],
  options: MaxPoolOptions,
): MaxPooled {
  const operation = `maxPool${rank}dWithIndices`;
  const values = maxPool(operation, rank, x, kernel, options);
  const indices = pooled(operation, rank, nodeOf(operation, x), (node) => {
    const extents = node.shape.slice(2);
    const layout = layoutOf(operation, extents, kernel, options);
    const ones = range(rank).map(() => 1);
    const largest = b.reshape(values.node, [...node.shape.slice(0, 2), ...layout.counts, ...ones]);
    const cells = windowsOf(node, layout, 0);
    const nowhere = 2 ** 31 - 1;
    const places = windowsOf(b.reshape(b.iota(sizeOf(extents), node), [1, 1, ...extents]), layout, nowhere);
    // Within a window, the first in row-major order is the one with the smallest position. NaN is larger than all.
    const isLargest = b.or(b.eq(cells, largest), b.ne(cells, cells));
    const candidates = b.select(isLargest, places, b.num(nowhere, places));
    return makeNode(min, [candidates], { axes: range(rank, rank + 2) });
  });
  return { values, indices };
}

function avgPool(
  operation: string,
  rank: number,
  x: Tensor,
  kernel: number | readonly number[],
  options: AvgPoolOptions,
): Tensor {
  return pooled(operation, rank, floatOf(operation, x), (node) => {
    const extents = node.shape.slice(2);
    const layout = layoutOf(operation, extents, kernel, options);
    const total = b.sum(windowsOf(node, layout, 0), range(rank, rank + 2));
    return b.div(total, divisorOf(node, layout, options.countIncludePad ?? true));
  });
}

/** How many cells each window counts: never those beyond the padding. */
function divisorOf(x: Node, layout: Layout, countPadding: boolean): Node {
  const { size, low, high } = layout;
  const overhangs = high.some((n, i) => n > (low[i] ?? 0));
  const isPadded = low.some((n, i) => n > 0 || (high[i] ?? 0) > 0);
  if (!overhangs && (countPadding || !isPadded)) return b.num(sizeOf(size), x);
  const extents = x.shape.slice(2);
  if (!countPadding) return countsOf(b.fill(1, [1, 1, ...extents], x), layout);
  // A plane of ones over input and padding; what reaches further does not count.
  const wide = b.fill(1, [1, 1, ...extents.map((n, i) => n + 2 * (low[i] ?? 0))], x);
  const after = high.map((n, i) => n - (low[i] ?? 0));
  return countsOf(wide, { ...layout, low: low.map(() => 0), high: after });
}

const countsOf = (ones: Node, layout: Layout): Node =>
  b.sum(windowsOf(ones, layout, 0), range(layout.size.length, layout.size.length + 2));

/**
 * The largest of each window over one spatial axis. Equal ones: the first gets the gradient. The padding acts as −∞.
 * @param x `[N, C, L]` or `[C, L]`
 * @param kernel size of a window
 * @param options stride (the kernel by default), padding, dilation, ceilMode
 * @throws {ShapeError} `maxPool1d: expected a padding of at most half the kernel [2], got [2]`
 * @example (await maxPool1d(tensor([[[1, 3, 2, 4]]]), 2).toArray()) // [[[3, 4]]]
 */
export function maxPool1d(x: Tensor, kernel: number | readonly number[], options: MaxPoolOptions = {}): Tensor {
  return maxPool("maxPool1d", 1, x, kernel, options);
}

/**
 * The largest of each window over two spatial axes. Equal ones: the first in row-major order gets the gradient. The padding
 * acts as −∞.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param kernel size of a window, one number or one for each axis
 * @param options stride (the kernel by default), padding, dilation, ceilMode
 * @throws {ShapeError} `maxPool2d: expected a kernel no larger than the padded input, got [3, 3] for [2, 2]`
 * @example (await maxPool2d(tensor([[[[1, 2], [3, 4]]]]), 2).toArray()) // [[[[4]]]]
 */
export function maxPool2d(x: Tensor, kernel: number | readonly number[], options: MaxPoolOptions = {}): Tensor {
  return maxPool("maxPool2d", 2, x, kernel, options);
}

/**
 * The mean of each window over one spatial axis.
 * @param x `[N, C, L]` or `[C, L]`
 * @param kernel size of a window
 * @param options stride (the kernel by default), padding, ceilMode, countIncludePad
 * @example (await avgPool1d(tensor([[[1, 3, 2, 4]]]), 2).toArray()) // [[[2, 3]]]
 */
export function avgPool1d(x: Tensor, kernel: number | readonly number[], options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool1d", 1, x, kernel, options);
}

/**
 * The mean of each window over two spatial axes.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param kernel size of a window, one number or one for each axis
 * @param options stride (the kernel by default), padding, ceilMode, countIncludePad
 * @example (await avgPool2d(tensor([[[[1, 2], [3, 4]]]]), 2).toArray()) // [[[[2.5]]]]
 */
export function avgPool2d(x: Tensor, kernel: number | readonly number[], options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool2d", 2, x, kernel, options);
}

/**
 * The largest of each window over three spatial axes. Equal ones: the first in row-major order gets the gradient. The padding
 * acts as −∞.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @param kernel size of a window, one number or one for each axis
 * @param options stride (the kernel by default), padding, dilation, ceilMode
 * @example maxPool3d(zeros([1, 2, 4, 4, 4]), 2).shape // [1, 2, 2, 2, 2]
 */
export function maxPool3d(x: Tensor, kernel: number | readonly number[], options: MaxPoolOptions = {}): Tensor {
  return maxPool("maxPool3d", 3, x, kernel, options);
}

/**
 * The mean of each window over three spatial axes.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @param kernel size of a window, one number or one for each axis
 * @param options stride (the kernel by default), padding, ceilMode, countIncludePad
 * @example avgPool3d(zeros([1, 2, 4, 4, 4]), 2).shape // [1, 2, 2, 2, 2]
 */
export function avgPool3d(x: Tensor, kernel: number | readonly number[], options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool3d", 3, x, kernel, options);
}

/**
 * As `maxPool1d`, with the position that each value was read at: what `maxUnpool1d` takes.
 * @param x `[N, C, L]` or `[C, L]`
 * @example (await maxPool1dWithIndices(tensor([[[1, 3, 2, 4]]]), 2).indices.toArray()) // [[[1, 3]]]
 */
export function maxPool1dWithIndices(
  x: Tensor,
  kernel: number | readonly number[],
  options: MaxPoolOptions = {},
): MaxPooled {
  return maxPoolWithIndices(1, x, kernel, options);
}

/**
 * As `maxPool2d`, with the position in H·W that each value was read at: what `maxUnpool2d` takes.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @example (await maxPool2dWithIndices(tensor([[[[1, 2], [4, 3]]]]), 2).indices.toArray()) // [[[[2]]]]
 */
export function maxPool2dWithIndices(
  x: Tensor,
  kernel: number | readonly number[],
  options: MaxPoolOptions = {},
): MaxPooled {
  return maxPoolWithIndices(2, x, kernel, options);
}

/**
 * As `maxPool3d`, with the position in D·H·W that each value was read at: what `maxUnpool3d` takes.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @example (await maxPool3dWithIndices(tensor([[[[[1, 2]], [[4, 3]]]]]), [2, 1, 2]).indices.toArray()) // [[[[[2]]]]]
 */
export function maxPool3dWithIndices(
  x: Tensor,
  kernel: number | readonly number[],
  options: MaxPoolOptions = {},
): MaxPooled {
  return maxPoolWithIndices(3, x, kernel, options);
}
