// Images: other sizes, patches, channels turned into pixels.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { take } from "../ops/gather.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, floatOf, nodeOf } from "./arguments.ts";
import { perAxis } from "./conv.ts";

export interface InterpolateOptions {
  /** Extents of the spatial axes: one for all, or one for each. */
  readonly size: number | readonly number[];
  /** "nearest" by default, or "linear", along each spatial axis (bilinear for images). */
  readonly mode?: "nearest" | "linear";
  /** Whether the outermost cells of both grids lie on each other, rather than their borders. */
  readonly alignCorners?: boolean;
}

/**
 * x at another resolution. No smoothing when it shrinks.
 * @param x `[N, C, ...spatial]`
 * @param options size, mode, alignCorners (for "linear")
 * @returns `[N, C, ...size]`
 * @throws {ShapeError} `interpolate: expected an input [N, C, ...], got [3, 4]`
 * @example (await interpolate(tensor([[[1, 3]]]), { size: 4, mode: "linear" }).toArray()) // [[[1, 1.5, 2.5, 3]]]
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { mode = "nearest", alignCorners = false } = options;
  if (mode !== "nearest" && mode !== "linear")
    throw new ArgumentError(`interpolate: expected mode nearest or linear, got ${String(mode)}`);
  const node = mode === "linear" ? floatOf("interpolate", x) : nodeOf("interpolate", x);
  const rank = node.shape.length - 2;
  if (rank < 1 || node.shape.includes(0))
    throw new ShapeError(`interpolate: expected an input [N, C, ...], got ${showShape(node.shape)}`);
  const size = perAxis("interpolate", "size", options.size, rank, 1);
  return new Tensor(
    size.reduce((y, n, i) => (mode === "nearest" ? nearest(y, i + 2, n) : linear(y, i + 2, n, alignCorners)), node),
  );
}

const takeAt = (x: Node, index: Node, axis: number): Node =>
  makeNode(take, [x, index], { axis, batch: 0, what: "interpolate" });

/** Cell ⌊k·from/to⌋. */
function nearest(x: Node, axis: number, to: number): Node {
  const from = x.shape[axis] ?? 1;
  if (from === to) return x;
  const k = b.iota(to, x);
  return takeAt(x, b.div(b.mul(k, b.num(from, k)), b.num(to, k)), axis);
}

/** Between cells ⌊s⌋ and ⌊s⌋ + 1, where s = (k + ½)·from/to − ½ or k·(from − 1)/(to − 1). */
function linear(x: Node, axis: number, to: number, alignCorners: boolean): Node {
  const from = x.shape[axis] ?? 1;
  if (from === to) return x;
  const k = b.cast(b.iota(to, x), x.dtype);
  const num = (value: number): Node => b.num(value, k);
  const step = alignCorners ? (to > 1 ? (from - 1) / (to - 1) : 0) : from / to;
  const place = alignCorners
    ? b.mul(k, num(step))
    : b.max(b.sub(b.mul(b.add(k, num(0.5)), num(step)), num(0.5)), num(0));
  const whole = b.min(b.floor(place), num(from - 1));
  const first = b.cast(whole, "int32");
  const second = b.min(b.add(first, b.num(1, first)), b.num(from - 1, first));
  const weight = b.reshape(b.sub(place, whole), [to, ...x.shape.slice(axis + 1).map(() => 1)]);
  const [left, right] = [takeAt(x, first, axis), takeAt(x, second, axis)];
  return b.add(left, b.mul(weight, b.sub(right, left)));
}

/**
 * Channels turned into pixels (Shi et al., 2016).
 * @param x `[N, C·r², H, W]`
 * @returns `[N, C, H·r, W·r]`
 * @throws {ShapeError} `pixelShuffle: expected [N, C·4, H, W], got [1, 3, 2, 2]`
 * @example (await pixelShuffle(tensor([[[[1]], [[2]], [[3]], [[4]]]]), 2).toArray()) // [[[[1, 2], [3, 4]]]]
 */
export function pixelShuffle(x: Tensor, r: number): Tensor {
  const node = nodeOf("pixelShuffle", x);
  checkCount("pixelShuffle", "factor", r, 1);
  const [n, channels = 0, h, w] = node.shape;
  if (node.shape.length !== 4 || n === undefined || h === undefined || w === undefined || channels % (r * r) !== 0)
    throw new ShapeError(`pixelShuffle: expected [N, C·${r * r}, H, W], got ${showShape(node.shape)}`);
  const c = channels / (r * r);
  const split = b.reshape(node, [n, c, r, r, h, w]);
  return new Tensor(b.reshape(b.permute(split, [0, 1, 4, 2, 5, 3]), [n, c, h * r, w * r]));
}

export interface UnfoldOptions {
  /** 1 by default. */
  readonly stride?: number | readonly number[];
  /** Zeros on both sides, 0 by default. */
  readonly padding?: number | readonly number[];
  /** 1 by default. */
  readonly dilation?: number | readonly number[];
}

/**
 * The patches that a convolution would read, as columns (im2col).
 * @param x `[N, C, H, W]`
 * @param kernel size of a patch
 * @returns `[N, C·KH·KW, L]` with L patches in row-major order
 * @throws {ShapeError} `unfold: expected an input [N, C, H, W], got [3, 4]`
 * @example unfold(zeros([1, 2, 4, 4]), 2, { stride: 2 }).shape // [1, 8, 4]
 */
export function unfold(x: Tensor, kernel: number | readonly number[], options: UnfoldOptions = {}): Tensor {
  const node = nodeOf("unfold", x);
  if (node.shape.length !== 4)
    throw new ShapeError(`unfold: expected an input [N, C, H, W], got ${showShape(node.shape)}`);
  const size = perAxis("unfold", "kernel", kernel, 2, 1);
  const step = perAxis("unfold", "stride", options.stride ?? 1, 2, 1);
  const padding = perAxis("unfold", "padding", options.padding ?? 0, 2, 0);
  const dilation = perAxis("unfold", "dilation", options.dilation ?? 1, 2, 1);
  const around = b.pad(node, [0, 0, ...padding], [0, 0, ...padding], [1, 1, 1, 1]);
  const patches = b.permute(b.windows(around, { axes: [2, 3], size, step, dilation }), [0, 1, 4, 5, 2, 3]);
  const [n = 0, c = 0, , , ...counts] = patches.shape;
  return new Tensor(b.reshape(patches, [n, c * sizeOf(size), sizeOf(counts)]));
}
