// Images: other sizes, patches, channels turned into pixels.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import { windowCount } from "../base/view.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { take } from "../ops/gather.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, floatOf, nodeOf } from "./arguments.ts";
import { perAxis } from "./conv.ts";

export interface InterpolateOptions {
  /** Extents of the spatial axes: one for all, or one for each. */
  readonly size?: number | readonly number[];
  /** By how much they grow, instead of `size`; what is left of a cell is cut off. */
  readonly scaleFactor?: number | readonly number[];
  /** "nearest" by default, "linear" or "cubic", along each spatial axis (bilinear and bicubic for images). */
  readonly mode?: "nearest" | "linear" | "cubic";
  /** Whether the outermost cells of both grids lie on each other, rather than their borders. */
  readonly alignCorners?: boolean;
}

/**
 * x at another resolution. No smoothing when it shrinks.
 * @param x `[N, C, ...spatial]`
 * @param options size or scaleFactor, mode, alignCorners (for "linear" and "cubic")
 * @returns `[N, C, ...size]`
 * @throws {ShapeError} `interpolate: expected an input [N, C, ...], got [3, 4]`
 * @example (await interpolate(tensor([[[1, 3]]]), { size: 4, mode: "linear" }).toArray()) // [[[1, 1.5, 2.5, 3]]]
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { mode = "nearest", alignCorners = false } = options;
  if (mode !== "nearest" && mode !== "linear" && mode !== "cubic")
    throw new ArgumentError(`interpolate: expected mode nearest, linear or cubic, got ${String(mode)}`);
  const node = mode === "nearest" ? nodeOf("interpolate", x) : floatOf("interpolate", x);
  const rank = node.shape.length - 2;
  if (rank < 1 || node.shape.includes(0))
    throw new ShapeError(`interpolate: expected an input [N, C, ...], got ${showShape(node.shape)}`);
  const grids = gridsOf(node.shape.slice(2), options);
  const along = (y: Node, axis: number, { to, step }: Grid): Node => {
    const from = y.shape[axis] ?? 1;
    // As PyTorch: where the extent stays, linear interpolation is the identity whatever the factor.
    if (from === to && (step === 1 || mode === "linear" || (alignCorners && mode === "cubic"))) return y;
    if (mode === "nearest") return nearest(y, axis, to, step);
    const places = placesOf(y, from, to, step, alignCorners);
    return mode === "linear" ? linear(y, axis, places, alignCorners) : cubic(y, axis, places);
  };
  return new Tensor(grids.reduce((y, grid, i) => along(y, i + 2, grid), node));
}

/** `to` cells along an axis, `step` cells of the input apart. */
interface Grid {
  readonly to: number;
  readonly step: number;
}

function gridsOf(extents: Shape, { size, scaleFactor }: InterpolateOptions): Grid[] {
  const rank = extents.length;
  if ((size === undefined) === (scaleFactor === undefined))
    throw new ArgumentError("interpolate: expected either a size or a scaleFactor, got both or none");
  if (scaleFactor === undefined)
    return perAxis("interpolate", "size", size ?? 1, rank, 1).map((to, i) => ({ to, step: (extents[i] ?? 1) / to }));
  const factors = typeof scaleFactor === "number" ? extents.map(() => scaleFactor) : scaleFactor;
  if (factors.length !== rank || !factors.every((factor, i) => Math.floor((extents[i] ?? 1) * factor) >= 1))
    throw new ArgumentError(
      `interpolate: expected a scaleFactor for each of ${rank} axes that leaves a cell of ${showShape(extents)}, got ${JSON.stringify(scaleFactor)}`,
    );
  return factors.map((factor, i) => ({ to: Math.floor((extents[i] ?? 1) * factor), step: 1 / factor }));
}

const takeAt = (x: Node, index: Node, axis: number): Node =>
  makeNode(take, [x, index], { axis, batch: 0, what: "interpolate" });

/** Cell ⌊k·step⌋: in whole numbers where step is a ratio of extents, so that no rounding shifts it. */
function nearest(x: Node, axis: number, to: number, step: number): Node {
  const from = x.shape[axis] ?? 1;
  const k = b.iota(to, x);
  if (step === from / to) return takeAt(x, b.div(b.mul(k, b.num(from, k)), b.num(to, k)), axis);
  const place = b.cast(k, "float32");
  const whole = b.cast(b.floor(b.mul(place, b.num(step, place))), "int32");
  return takeAt(x, b.min(whole, b.num(from - 1, whole)), axis);
}

/** Where each of `to` cells lies among `from`: s = (k + ½)·step − ½, or k·(from − 1)/(to − 1). */
function placesOf(x: Node, from: number, to: number, step: number, alignCorners: boolean): Node {
  const k = b.cast(b.iota(to, x), x.dtype);
  const num = (value: number): Node => b.num(value, k);
  if (alignCorners) return b.mul(k, num(to > 1 ? (from - 1) / (to - 1) : 0));
  return b.sub(b.mul(b.add(k, num(0.5)), num(step)), num(0.5));
}

/** Between cells ⌊s⌋ and ⌊s⌋ + 1. */
function linear(x: Node, axis: number, exact: Node, alignCorners: boolean): Node {
  const from = x.shape[axis] ?? 1;
  const to = sizeOf(exact.shape);
  const num = (value: number): Node => b.num(value, exact);
  const place = alignCorners ? exact : b.max(exact, num(0));
  const whole = b.min(b.floor(place), num(from - 1));
  const first = b.cast(whole, "int32");
  const second = b.min(b.add(first, b.num(1, first)), b.num(from - 1, first));
  const weight = b.reshape(b.sub(place, whole), [to, ...x.shape.slice(axis + 1).map(() => 1)]);
  const [left, right] = [takeAt(x, first, axis), takeAt(x, second, axis)];
  return b.add(left, b.mul(weight, b.sub(right, left)));
}

/** The weights of the four cells around a place, `part` beyond the second: a cubic (Keys, 1981) with the slope of PyTorch. */
export function cubicWeights(part: Node): Node[] {
  const num = (value: number): Node => b.num(value, part);
  const slope = -0.75;
  /** The cubic's coefficients for distances below 1 and from 1 to 2, highest power first. */
  const near = [slope + 2, -slope - 3, 0, 1];
  const far = [slope, -5 * slope, 8 * slope, -4 * slope];
  const weight = (distance: Node, [first = 0, ...rest]: readonly number[]): Node =>
    rest.reduce((y, c) => b.add(b.mul(y, distance), num(c)), num(first));
  const one = num(1);
  return [
    weight(b.add(part, one), far),
    weight(part, near),
    weight(b.sub(one, part), near),
    weight(b.sub(num(2), part), far),
  ];
}

/** Of four cells around s; those beyond the edge repeat it. */
function cubic(x: Node, axis: number, place: Node): Node {
  const from = x.shape[axis] ?? 1;
  const whole = b.floor(place);
  const base = b.cast(whole, "int32");
  const parts = cubicWeights(b.sub(place, whole)).map((w, i) => {
    const at = b.max(b.min(b.add(base, b.num(i - 1, base)), b.num(from - 1, base)), b.num(0, base));
    return b.mul(takeAt(x, at, axis), b.reshape(w, [sizeOf(w.shape), ...x.shape.slice(axis + 1).map(() => 1)]));
  });
  return parts.reduce((y, z) => b.add(y, z));
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

/**
 * Pixels turned into channels: the inverse of `pixelShuffle`.
 * @param x `[N, C, H·r, W·r]`
 * @returns `[N, C·r², H, W]`
 * @throws {ShapeError} `pixelUnshuffle: expected [N, C, H·2, W·2], got [1, 1, 3, 2]`
 * @example (await pixelUnshuffle(tensor([[[[1, 2], [3, 4]]]]), 2).toArray()) // [[[[1]], [[2]], [[3]], [[4]]]]
 */
export function pixelUnshuffle(x: Tensor, r: number): Tensor {
  const node = nodeOf("pixelUnshuffle", x);
  checkCount("pixelUnshuffle", "factor", r, 1);
  const [n, c, h, w] = node.shape;
  if (node.shape.length !== 4 || n === undefined || c === undefined || !h || !w || h % r !== 0 || w % r !== 0)
    throw new ShapeError(`pixelUnshuffle: expected [N, C, H·${r}, W·${r}], got ${showShape(node.shape)}`);
  const split = b.reshape(node, [n, c, h / r, r, w / r, r]);
  return new Tensor(b.reshape(b.permute(split, [0, 1, 3, 5, 2, 4]), [n, c * r * r, h / r, w / r]));
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

/**
 * Patches added up where they overlap (col2im): the adjoint of `unfold`.
 * @param x `[N, C·KH·KW, L]` with L patches in row-major order
 * @param size `[H, W]` of the result
 * @param kernel size of a patch
 * @param options as those of `unfold`
 * @returns `[N, C, H, W]`
 * @throws {ShapeError} `fold: expected [N, C·4, 4] for size [4, 4], got [1, 3, 4]`
 * @example (await fold(ones([1, 4, 4]), [3, 3], 2).toArray()) // [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]
 */
export function fold(
  x: Tensor,
  size: number | readonly number[],
  kernel: number | readonly number[],
  options: UnfoldOptions = {},
): Tensor {
  const node = nodeOf("fold", x);
  const extents = perAxis("fold", "size", size, 2, 1);
  const patch = perAxis("fold", "kernel", kernel, 2, 1);
  const step = perAxis("fold", "stride", options.stride ?? 1, 2, 1);
  const padding = perAxis("fold", "padding", options.padding ?? 0, 2, 0);
  const dilation = perAxis("fold", "dilation", options.dilation ?? 1, 2, 1);
  const around = extents.map((n, i) => n + 2 * (padding[i] ?? 0));
  const counts = around.map((n, i) => windowCount(n, patch[i] ?? 1, step[i] ?? 1, dilation[i] ?? 1));
  const [n = 0, channels = 0, patches = 0] = node.shape;
  if (node.shape.length !== 3 || channels % sizeOf(patch) !== 0 || patches !== sizeOf(counts))
    throw new ShapeError(
      `fold: expected [N, C·${sizeOf(patch)}, ${sizeOf(counts)}] for size ${showShape(extents)}, got ${showShape(node.shape)}`,
    );
  const c = channels / sizeOf(patch);
  const split = b.permute(b.reshape(node, [n, c, ...patch, ...counts]), [0, 1, 4, 5, 2, 3]);
  const whole = b.fold(split, { axes: [2, 3], size: patch, step, dilation, shape: [n, c, ...around] });
  return new Tensor(b.slice(whole, [0, 0, ...padding], [1, 1, 1, 1], [n, c, ...extents]));
}

/**
 * Channels of all groups in turn (Zhang et al., 2018): the first of each group, then the second of each, …
 * @param x `[N, C, ...]`
 * @param groups divides C
 * @throws {ShapeError} `channelShuffle: expected [N, C·2, ...], got [1, 3, 2]`
 * @example (await channelShuffle(tensor([[[1], [2], [3], [4]]]), 2).toArray()) // [[[1], [3], [2], [4]]]
 */
export function channelShuffle<S extends Shape>(x: Tensor<S>, groups: number): Tensor<S> {
  const node = nodeOf("channelShuffle", x);
  checkCount("channelShuffle", "number of groups", groups, 1);
  const [n = 1, channels = 0, ...rest] = node.shape;
  if (node.shape.length < 2 || channels % groups !== 0)
    throw new ShapeError(`channelShuffle: expected [N, C·${groups}, ...], got ${showShape(node.shape)}`);
  const split = b.reshape(node, [n, groups, channels / groups, ...rest]);
  const axes = split.shape.map((_, i) => i);
  return new Tensor(b.reshape(b.permute(split, axes.with(1, 2).with(2, 1)), node.shape));
}
