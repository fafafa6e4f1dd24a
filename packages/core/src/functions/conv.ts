// Convolution over one, two or three spatial axes (cross-correlation, as in every network library).
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { makeNode } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { type Conv, type ConvTranspose, conv, convTranspose } from "../ops/conv.ts";
import { alike } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatPairOf, nodeOf } from "./arguments.ts";

/** "valid" pads nothing; "same" keeps the extents at stride 1, with the odd cell after. */
export type ConvPadding = number | readonly number[] | "same" | "valid";

/** One number for all spatial axes, or one for each. */
export interface ConvOptions {
  /** `[O]`, added to each output channel. */
  readonly bias?: Tensor | null;
  /** 1 by default. */
  readonly stride?: number | readonly number[];
  /** Zeros on both sides, 0 by default. */
  readonly padding?: ConvPadding;
  /** The distance of neighbouring taps, 1 by default. */
  readonly dilation?: number | readonly number[];
  /** Channels are split into so many groups that don't see each other, 1 by default. */
  readonly groups?: number;
}

/** One whole number for each spatial axis. */
export function perAxis(
  operation: string,
  what: string,
  value: number | readonly number[],
  rank: number,
  least: number,
): readonly number[] {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : value;
  if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < least))
    throw new ArgumentError(
      `${operation}: expected ${what} as ${rank === 1 ? "a whole number" : `${rank} whole numbers`} of at least ${least}, got ${JSON.stringify(value)}`,
    );
  return list;
}

/** Zeros before and after each spatial axis. */
function marginsOf(
  operation: string,
  kernel: Shape,
  dilation: readonly number[],
  padding: ConvPadding,
): { low: Shape; high: Shape } {
  if (padding !== "same") {
    const both = padding === "valid" ? kernel.map(() => 0) : perAxis(operation, "padding", padding, kernel.length, 0);
    return { low: both, high: both };
  }
  const total = kernel.map((size, i) => (size - 1) * (dilation[i] ?? 1));
  const low = total.map((n) => n >> 1);
  return { low, high: total.map((n, i) => n - (low[i] ?? 0)) };
}

function convolve(operation: string, rank: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  const [given, w] = floatPairOf(operation, x, weight);
  const single = given.shape.length === rank + 1;
  const node = single ? b.reshape(given, [1, ...given.shape]) : given;
  const shapes = `got ${showShape(given.shape)} and ${showShape(w.shape)}`;
  if (node.shape.length !== rank + 2 || w.shape.length !== rank + 2)
    throw new ShapeError(
      `${operation}: expected an input [N, C${", L".repeat(rank)}] and a weight [O, C / groups${", K".repeat(rank)}], ${shapes}`,
    );
  const stride = perAxis(operation, "stride", options.stride ?? 1, rank, 1);
  const dilation = perAxis(operation, "dilation", options.dilation ?? 1, rank, 1);
  const [groups = 1] = perAxis(operation, "groups", options.groups ?? 1, 1, 1);
  const [outputs = 0, perGroup = 0, ...kernel] = w.shape;
  const [, channels = 0] = node.shape;
  if (channels !== perGroup * groups || outputs % groups !== 0)
    throw new ShapeError(
      channels !== perGroup * groups
        ? `${operation}: expected ${perGroup * groups} channels for ${groups} groups, ${shapes}`
        : `${operation}: expected outputs that ${groups} groups divide, ${shapes}`,
    );
  const padding = options.padding ?? 0;
  if (padding === "same" && stride.some((n) => n !== 1))
    throw new ArgumentError(`${operation}: expected stride 1 with padding "same", got ${showShape(stride)}`);
  const { low, high } = marginsOf(operation, kernel, dilation, padding);
  const around = node.shape.slice(2).map((size, i) => size + (low[i] ?? 0) + (high[i] ?? 0));
  const reach = kernel.map((size, i) => (size - 1) * (dilation[i] ?? 1) + 1);
  if (reach.some((size, i) => size > (around[i] ?? 0)))
    throw new ShapeError(
      `${operation}: expected a kernel no larger than the padded input ${showShape(around)}, got ${showShape(reach)}`,
    );
  let y = makeNode(conv, [node, w], { stride, dilation, groups, low, high } satisfies Conv);
  if (options.bias) {
    const bias = nodeOf(operation, options.bias);
    if (bias.shape.length !== 1 || bias.shape[0] !== outputs)
      throw new ShapeError(`${operation}: expected a bias [${outputs}], got ${showShape(bias.shape)}`);
    y = b.add(...alike(y, b.reshape(bias, [outputs, ...kernel.map(() => 1)])));
  }
  return new Tensor(single ? b.reshape(y, y.shape.slice(1)) : y);
}

/**
 * Convolution over one spatial axis.
 * @param x `[N, C, L]` or `[C, L]`
 * @param weight `[O, C / groups, K]`
 * @param options bias, stride, padding, dilation, groups
 * @returns `[N, O, ⌊(L + 2·padding − dilation·(K − 1) − 1) / stride⌋ + 1]`
 * @throws {ShapeError} `conv1d: expected 2 channels for 1 groups, got [1, 3, 8] and [4, 2, 3]`
 * @example (await conv1d(tensor([[[1, 2, 3]]]), tensor([[[1, -1]]])).toArray()) // [[[-1, -1]]]
 */
export function conv1d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv1d", 1, x, weight, options);
}

/**
 * Convolution over two spatial axes.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param weight `[O, C / groups, KH, KW]`
 * @param options bias, stride, padding, dilation, groups
 * @returns `[N, O, H′, W′]` with H′ = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1, W′ likewise
 * @throws {ShapeError} `conv2d: expected a kernel no larger than the padded input [2, 2], got [3, 3]`
 * @example (await conv2d(ones([1, 1, 3, 3]), ones([1, 1, 2, 2])).toArray()) // [[[[4, 4], [4, 4]]]]
 */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv2d", 2, x, weight, options);
}

/**
 * Convolution over three spatial axes.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @param weight `[O, C / groups, KD, KH, KW]`
 * @param options bias, stride, padding, dilation, groups
 * @example conv3d(ones([1, 1, 3, 3, 3]), ones([2, 1, 2, 2, 2])).shape // [1, 2, 2, 2, 2]
 */
export function conv3d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv3d", 3, x, weight, options);
}

export interface ConvTransposeOptions extends Omit<ConvOptions, "padding"> {
  /** What the convolution that this undoes had padded, 0 by default. */
  readonly padding?: number | readonly number[];
  /** Cells added at the end, for sizes that the stride leaves open, 0 by default. */
  readonly outputPadding?: number | readonly number[];
  /** The extents to come to, of which the stride leaves several open, in place of `outputPadding`. */
  readonly outputSize?: number | readonly number[];
}

/** What the extents are padded by at the end. */
function outputPadding(
  operation: string,
  least: Shape,
  stride: readonly number[],
  { outputSize, outputPadding: extra = 0 }: ConvTransposeOptions,
): readonly number[] {
  const rank = least.length;
  if (outputSize === undefined) return perAxis(operation, "outputPadding", extra, rank, 0);
  const size = perAxis(operation, "outputSize", outputSize, rank, 0);
  const padding = size.map((n, i) => n - (least[i] ?? 0));
  if (padding.some((n, i) => n < 0 || n >= (stride[i] ?? 1)))
    throw new ShapeError(
      `${operation}: expected an outputSize from ${showShape(least)} to ${showShape(least.map((n, i) => n + (stride[i] ?? 1) - 1))}, got ${showShape(size)}`,
    );
  return padding;
}

function convolveTransposed(
  operation: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions,
): Tensor {
  const [given, w] = floatPairOf(operation, x, weight);
  const single = given.shape.length === rank + 1;
  const node = single ? b.reshape(given, [1, ...given.shape]) : given;
  const [channels = 0, perGroup = 0, ...kernel] = w.shape;
  if (node.shape.length !== rank + 2 || w.shape.length !== rank + 2 || node.shape[1] !== channels)
    throw new ShapeError(
      `${operation}: expected an input [N, C${", L".repeat(rank)}] and a weight [C, O / groups${", K".repeat(rank)}], got ${showShape(given.shape)} and ${showShape(w.shape)}`,
    );
  const stride = perAxis(operation, "stride", options.stride ?? 1, rank, 1);
  const dilation = perAxis(operation, "dilation", options.dilation ?? 1, rank, 1);
  const padding = perAxis(operation, "padding", options.padding ?? 0, rank, 0);
  const [groups = 1] = perAxis(operation, "groups", options.groups ?? 1, 1, 1);
  if (channels % groups !== 0)
    throw new ShapeError(`${operation}: expected channels that ${groups} groups divide, got ${showShape(w.shape)}`);
  const reach = kernel.map((size, i) => (size - 1) * (dilation[i] ?? 1));
  const least = reach.map((n, i) => ((node.shape[i + 2] ?? 0) - 1) * (stride[i] ?? 1) + n + 1 - 2 * (padding[i] ?? 0));
  const extra = outputPadding(operation, least, stride, options);
  const shape = least.map((n, i) => n + (extra[i] ?? 0));
  if (shape.some((n) => n < 1))
    throw new ShapeError(`${operation}: expected a smaller padding, got ${showShape(padding)}: nothing would be left`);
  const high = padding.map((n, i) => n - (extra[i] ?? 0));
  const attrs: ConvTranspose = { stride, dilation, groups, low: padding, high, shape };
  let y = makeNode(convTranspose, [node, w], attrs);
  if (options.bias)
    y = b.add(...alike(y, b.reshape(nodeOf(operation, options.bias), [groups * perGroup, ...kernel.map(() => 1)])));
  return new Tensor(single ? b.reshape(y, y.shape.slice(1)) : y);
}

/**
 * The adjoint of `conv1d`, which makes larger what that made smaller.
 * @param x `[N, C, L]` or `[C, L]`
 * @param weight `[C, O / groups, K]`
 * @returns `[N, O, (L − 1)·stride − 2·padding + dilation·(K − 1) + outputPadding + 1]`
 * @throws {ShapeError} `convTranspose1d: expected an outputSize from [9] to [10], got [11]`
 * @example (await convTranspose1d(tensor([[[1, 2]]]), tensor([[[1, 1]]]), { stride: 2 }).toArray()) // [[[1, 1, 2, 2]]]
 */
export function convTranspose1d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose1d", 1, x, weight, options);
}

/**
 * The adjoint of `conv2d`, which makes larger what that made smaller.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param weight `[C, O / groups, KH, KW]`
 * @example convTranspose2d(ones([1, 2, 3, 3]), ones([2, 4, 2, 2]), { stride: 2 }).shape // [1, 4, 6, 6]
 */
export function convTranspose2d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose2d", 2, x, weight, options);
}

/**
 * The adjoint of `conv3d`, which makes larger what that made smaller.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @param weight `[C, O / groups, KD, KH, KW]`
 * @example convTranspose3d(ones([1, 2, 3, 3, 3]), ones([2, 4, 2, 2, 2]), { stride: 2 }).shape // [1, 4, 6, 6, 6]
 */
export function convTranspose3d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose3d", 3, x, weight, options);
}
