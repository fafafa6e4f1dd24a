// Pooling to a given size: bin k of o covers cells ⌊k·n/o⌋ to ⌈(k + 1)·n/o⌉.
import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { max } from "../ops/reduce.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf } from "./arguments.ts";
import { perAxis } from "./conv.ts";
import { moved } from "./shape.ts";

/** First cell of each bin and the one after its last, `[bins, 1]`. */
function edgesOf(bins: number, cells: number, like: Node): readonly [start: Node, end: Node] {
  const k = b.reshape(b.iota(bins, like), [bins, 1]);
  const num = (value: number): Node => b.num(value, k);
  const start = b.div(b.mul(k, num(cells)), num(bins));
  const end = b.div(b.add(b.mul(b.add(k, num(1)), num(cells)), num(bins - 1)), num(bins));
  return [start, end];
}

/** Which cells each bin covers, `[bins, cells]`. */
function membership(bins: number, cells: number, like: Node): Node {
  const [start, end] = edgesOf(bins, cells, like);
  const cell = b.iota(cells, like);
  return b.and(b.le(start, cell), b.lt(cell, end));
}

function meanOfBins(x: Node, axis: number, bins: number): Node {
  const cells = x.shape[axis] ?? 1;
  const [start, end] = edgesOf(bins, cells, x);
  const share = b.div(b.cast(membership(bins, cells, x), x.dtype), b.cast(b.sub(end, start), x.dtype));
  const y = b.contract(x, share, { batchA: [], batchB: [], contractA: [axis], contractB: [1] });
  return moved(y, y.shape.length - 1, axis);
}

function maxOfBins(x: Node, axis: number, bins: number): Node {
  const last = x.shape.length - 1;
  const rows = moved(x, axis, last);
  const spread = b.reshape(rows, [...rows.shape.slice(0, -1), 1, rows.shape[last] ?? 1]);
  const inside = membership(bins, x.shape[axis] ?? 1, x);
  const cells = b.select(inside, spread, b.num(Number.NEGATIVE_INFINITY, x));
  return moved(makeNode(max, [cells], { axes: [last + 1], ties: "first" }), last, axis);
}

function pooled(
  operation: string,
  rank: number,
  x: Node,
  size: number | readonly number[],
  pool: (x: Node, axis: number, bins: number) => Node,
): Tensor {
  if ((x.shape.length !== rank + 1 && x.shape.length !== rank + 2) || x.shape.slice(-rank).includes(0))
    throw new ShapeError(`${operation}: expected an input [N, C${", L".repeat(rank)}], got ${showShape(x.shape)}`);
  const bins = perAxis(operation, "size", size, rank, 1);
  const lead = x.shape.length - rank;
  // The last axis first, so that the first of equals is the first in row-major order.
  return new Tensor(bins.reduceRight((y, n, i) => pool(y, lead + i, n), x));
}

/**
 * The mean of each of `size` bins of equal extent, over one spatial axis.
 * @param x `[N, C, L]` or `[C, L]`
 * @returns `[N, C, size]`
 * @example (await adaptiveAvgPool1d(tensor([[[1, 2, 3, 4]]]), 2).toArray()) // [[[1.5, 3.5]]]
 */
export function adaptiveAvgPool1d(x: Tensor, size: number | readonly number[]): Tensor {
  return pooled("adaptiveAvgPool1d", 1, floatOf("adaptiveAvgPool1d", x), size, meanOfBins);
}

/**
 * The mean of each of `size` bins of equal extent, over two spatial axes.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param size one number for both axes, or one for each
 * @example (await adaptiveAvgPool2d(tensor([[[[1, 2], [3, 4]]]]), 1).toArray()) // [[[[2.5]]]]
 */
export function adaptiveAvgPool2d(x: Tensor, size: number | readonly number[]): Tensor {
  return pooled("adaptiveAvgPool2d", 2, floatOf("adaptiveAvgPool2d", x), size, meanOfBins);
}

/**
 * The largest of each of `size` bins of equal extent, over two spatial axes.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param size one number for both axes, or one for each
 * @example (await adaptiveMaxPool2d(tensor([[[[1, 2], [3, 4]]]]), [1, 2]).toArray()) // [[[[3, 4]]]]
 */
export function adaptiveMaxPool2d(x: Tensor, size: number | readonly number[]): Tensor {
  return pooled("adaptiveMaxPool2d", 2, nodeOf("adaptiveMaxPool2d", x), size, maxOfBins);
}

/**
 * The mean of each of `size` bins of equal extent, over three spatial axes.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @param size one number for all axes, or one for each
 * @example adaptiveAvgPool3d(zeros([1, 2, 5, 5, 5]), 2).shape // [1, 2, 2, 2, 2]
 */
export function adaptiveAvgPool3d(x: Tensor, size: number | readonly number[]): Tensor {
  return pooled("adaptiveAvgPool3d", 3, floatOf("adaptiveAvgPool3d", x), size, meanOfBins);
}

/**
 * The largest of each of `size` bins of equal extent, over one spatial axis.
 * @param x `[N, C, L]` or `[C, L]`
 * @returns `[N, C, size]`
 * @example (await adaptiveMaxPool1d(tensor([[[1, 2, 4, 3]]]), 2).toArray()) // [[[2, 4]]]
 */
export function adaptiveMaxPool1d(x: Tensor, size: number | readonly number[]): Tensor {
  return pooled("adaptiveMaxPool1d", 1, nodeOf("adaptiveMaxPool1d", x), size, maxOfBins);
}

/**
 * The largest of each of `size` bins of equal extent, over three spatial axes.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @param size one number for all axes, or one for each
 * @example adaptiveMaxPool3d(zeros([1, 2, 5, 5, 5]), 2).shape // [1, 2, 2, 2, 2]
 */
export function adaptiveMaxPool3d(x: Tensor, size: number | readonly number[]): Tensor {
  return pooled("adaptiveMaxPool3d", 3, nodeOf("adaptiveMaxPool3d", x), size, maxOfBins);
}
