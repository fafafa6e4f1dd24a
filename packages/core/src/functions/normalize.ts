// Normalizations: mean 0 and variance 1 over some axes, then a learned scale and offset.
import { ShapeError } from "../base/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { type CustomRule, customResults } from "../ops/control.ts";
import { rsqrt } from "../ops/transcendental.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, floatOf, nodeOf, range, scalarLike } from "./arguments.ts";
import { batchedRule } from "./custom.ts";

/** What normalizations learn, and what keeps them from dividing by 0. */
export interface NormalizeOptions {
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  /** Added to the variance, 1e-5 by default. */
  readonly eps?: number;
}

const restored = (shape: Shape, axes: readonly number[]): number[] => shape.map((n, i) => (axes.includes(i) ? 1 : n));

/** The mean over axes, which stay with size 1. */
function meanOver(x: Node, axes: readonly number[]): Node {
  const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
  const total = b.sum(x, axes);
  return b.reshape(b.div(total, b.num(count, total)), restored(x.shape, axes));
}

/**
 * Mean and biased variance over axes, which stay with size 1. The variance's gradient is 2·(x − mean) / n: what reaches x by way
 * of the mean is a sum of distances from it, which is 0, and need not be computed.
 */
function momentsOver(x: Node, axes: readonly number[]): { readonly mean: Node; readonly variance: Node } {
  const center = meanOver(x, axes);
  const distance = b.sub(x, center);
  const spread = meanOver(b.mul(distance, distance), axes);
  const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
  const rule: CustomRule = {
    vjp([gMean, gVariance], [from], [middle]) {
      if (!from || !middle) return [];
      const part = (g: Node): Node => b.div(g, b.num(count, g));
      const moved = gVariance && b.mul(part(b.mul(gVariance, b.num(2, gVariance))), b.sub(from, middle));
      if (!gMean) return [moved ?? null];
      return [moved ? b.add(part(gMean), moved) : b.expand(part(gMean), from.shape)];
    },
    jvp: (_tangents, _inputs, _results, own) => own,
    batch: (size) => batchedRule(rule, size),
  };
  const [mean = center, variance = spread] = customResults([x], [center, spread], rule);
  return { mean, variance };
}

/** (x − mean) / √(variance + eps), with the biased variance. */
function standardized(x: Node, axes: readonly number[], eps: number): Node {
  const distance = b.sub(x, meanOver(x, axes));
  const spread = b.add(meanOver(b.mul(distance, distance), axes), scalarLike(eps, x));
  return b.mul(distance, makeNode(rsqrt, [spread]));
}

/** y·weight + bias, both brought to a shape that broadcasts with y. */
function scaled(operation: string, y: Node, options: NormalizeOptions, own: Shape, shape: Shape): Node {
  const place = (x: Tensor, what: string): Node => {
    const node = castNode(nodeOf(operation, x), y.dtype);
    if (!sameShape(node.shape, own))
      throw new ShapeError(`${operation}: expected a ${what} of shape ${showShape(own)}, got ${showShape(node.shape)}`);
    return b.reshape(node, shape);
  };
  const weighed = options.weight ? b.mul(y, place(options.weight, "weight")) : y;
  return options.bias ? b.add(weighed, place(options.bias, "bias")) : weighed;
}

/**
 * Layer normalization over the last axes (Ba et al., 2016): (x − mean) / √(variance + eps) · weight + bias.
 * @param shape sizes of the last axes, over which mean and (biased) variance are taken
 * @param options weight and bias of that shape, eps (1e-5 by default)
 * @throws {ShapeError} `layerNorm: expected an input that ends in [3], got [2, 4]`
 * @example (await layerNorm(tensor([[1, 3]]), [2], { eps: 0 }).toArray()) // [[-1, 1]]
 */
export function layerNorm<S extends Shape>(x: Tensor<S>, shape: Shape, options: NormalizeOptions = {}): Tensor<S> {
  const node = floatOf("layerNorm", x);
  const rank = node.shape.length;
  if (shape.length === 0 || shape.length > rank || !sameShape(node.shape.slice(rank - shape.length), shape))
    throw new ShapeError(`layerNorm: expected an input that ends in ${showShape(shape)}, got ${showShape(node.shape)}`);
  const y = standardized(node, range(shape.length, rank - shape.length), options.eps ?? 1e-5);
  return new Tensor(scaled("layerNorm", y, options, shape, shape));
}

/**
 * Division by the root of the mean square of the last axis (Zhang and Sennrich, 2019): x / √(mean x² + eps) · weight.
 * @param options weight of the last axis's size, eps (1e-6 by default)
 * @example (await rmsNorm(tensor([[3, 4]]), { eps: 0 }).toArray()) // [[0.8485, 1.1314]]
 */
export function rmsNorm<S extends Shape>(
  x: Tensor<S>,
  options: { readonly weight?: Tensor | null; readonly eps?: number } = {},
): Tensor<S> {
  const node = floatOf("rmsNorm", x);
  const size = node.shape.at(-1);
  if (size === undefined) throw new ShapeError("rmsNorm: expected at least one axis, got a scalar");
  const square = meanOver(b.mul(node, node), [node.shape.length - 1]);
  const y = b.mul(node, makeNode(rsqrt, [b.add(square, scalarLike(options.eps ?? 1e-6, node))]));
  return new Tensor(scaled("rmsNorm", y, options, [size], [size]));
}

/** The channels of x `[N, C, ...]`, and the shape in which `[C]` broadcasts with it. */
function channelsOf(operation: string, x: Node): { channels: number; shape: number[] } {
  const [, channels] = x.shape;
  if (channels === undefined)
    throw new ShapeError(`${operation}: expected an input [N, C, ...], got ${showShape(x.shape)}`);
  return { channels, shape: [channels, ...x.shape.slice(2).map(() => 1)] };
}

/**
 * Normalization of each example over groups of channels (Wu and He, 2018).
 * @param x `[N, C, ...]`
 * @param groups how many groups the channels are split into
 * @param options weight `[C]`, bias `[C]`, eps (1e-5 by default)
 * @throws {ShapeError} `groupNorm: expected channels that 2 groups divide, got [1, 3]`
 * @example (await groupNorm(tensor([[1, 3, 10, 20]]), 2, { eps: 0 }).toArray()) // [[-1, 1, -1, 1]]
 */
export function groupNorm<S extends Shape>(x: Tensor<S>, groups: number, options: NormalizeOptions = {}): Tensor<S> {
  const node = floatOf("groupNorm", x);
  const { channels, shape } = channelsOf("groupNorm", node);
  if (channels % checkCount("groupNorm", "number of groups", groups, 1) !== 0)
    throw new ShapeError(`groupNorm: expected channels that ${groups} groups divide, got ${showShape(node.shape)}`);
  const [n = 0] = node.shape;
  const inner = sizeOf(node.shape.slice(2));
  const rows = b.reshape(node, [n, groups, (channels / groups) * inner]);
  const y = b.reshape(standardized(rows, [2], options.eps ?? 1e-5), node.shape);
  return new Tensor(scaled("groupNorm", y, options, [channels], shape));
}

/**
 * Normalization of each channel of each example over its spatial axes (Ulyanov et al., 2016).
 * @param x `[N, C, ...]`
 * @param options weight `[C]`, bias `[C]`, eps (1e-5 by default)
 * @example (await instanceNorm(tensor([[[1, 3]]]), { eps: 0 }).toArray()) // [[[-1, 1]]]
 */
export function instanceNorm<S extends Shape>(x: Tensor<S>, options: NormalizeOptions = {}): Tensor<S> {
  const node = floatOf("instanceNorm", x);
  const { channels, shape } = channelsOf("instanceNorm", node);
  const y = standardized(node, range(node.shape.length - 2, 2), options.eps ?? 1e-5);
  return new Tensor(scaled("instanceNorm", y, options, [channels], shape));
}

/** Mean and biased variance of each channel. */
export interface Moments {
  /** `[C]` */
  readonly mean: Tensor<[number]>;
  /** `[C]` */
  readonly variance: Tensor<[number]>;
}

/**
 * Mean and biased variance of each channel, over examples and positions: what batch normalization divides by in training.
 * @param x `[N, C, ...]`
 * @example (await batchMoments(tensor([[1], [3]])).mean.toArray()) // [2]
 */
export function batchMoments(x: Tensor): Moments {
  const node = floatOf("batchMoments", x);
  const { channels } = channelsOf("batchMoments", node);
  const axes = [0, ...range(node.shape.length - 2, 2)];
  const { mean, variance } = momentsOver(node, axes);
  return { mean: new Tensor(b.reshape(mean, [channels])), variance: new Tensor(b.reshape(variance, [channels])) };
}

/**
 * Normalization of each channel by a given mean and variance (Ioffe and Szegedy, 2015):
 * (x − mean) / √(variance + eps) · weight + bias. In training they are those of `batchMoments`, later the running ones.
 * @param x `[N, C, ...]`
 * @param moments mean `[C]` and variance `[C]`
 * @param options weight `[C]`, bias `[C]`, eps (1e-5 by default)
 * @example (await batchNorm(tensor([[1], [3]]), batchMoments(tensor([[1], [3]])), { eps: 0 }).toArray()) // [[-1], [1]]
 */
export function batchNorm<S extends Shape>(
  x: Tensor<S>,
  moments: { readonly mean: Tensor; readonly variance: Tensor },
  options: NormalizeOptions = {},
): Tensor<S> {
  const node = floatOf("batchNorm", x);
  const { channels, shape } = channelsOf("batchNorm", node);
  const place = (y: Tensor): Node => b.reshape(castNode(nodeOf("batchNorm", y), node.dtype), shape);
  const spread = b.add(place(moments.variance), scalarLike(options.eps ?? 1e-5, node));
  const y = b.mul(b.sub(node, place(moments.mean)), makeNode(rsqrt, [spread]));
  return new Tensor(scaled("batchNorm", y, options, [channels], shape));
}

/**
 * Division by the activity of neighbouring channels (Krizhevsky et al., 2012): x / (k + alpha·mean of x² over them)^beta.
 * @param x `[N, C, ...]`
 * @param size how many neighbouring channels, with zeros beyond the ends
 * @param options alpha (1e-4 by default), beta (0.75), k (1)
 * @example (await localResponseNorm(tensor([[1, 2]]), 1, { alpha: 1, beta: 1 }).toArray()) // [[0.5, 0.4]]
 */
export function localResponseNorm<S extends Shape>(
  x: Tensor<S>,
  size: number,
  options: { readonly alpha?: number; readonly beta?: number; readonly k?: number } = {},
): Tensor<S> {
  const node = floatOf("localResponseNorm", x);
  channelsOf("localResponseNorm", node);
  checkCount("localResponseNorm", "size", size, 1);
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  const zeros = node.shape.map(() => 0);
  const low = zeros.with(1, size >> 1);
  const high = zeros.with(1, (size - 1) >> 1);
  const around = b.pad(
    b.mul(node, node),
    low,
    high,
    zeros.map(() => 1),
  );
  const near = b.windows(around, { axes: [1], size: [size], step: [1], dilation: [1] });
  const mean = b.div(b.sum(near, [node.shape.length]), b.num(size, node));
  const base = b.add(b.mul(mean, scalarLike(alpha, node)), scalarLike(k, node));
  return new Tensor(b.div(node, b.pow(base, scalarLike(beta, node))));
}
