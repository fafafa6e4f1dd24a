// Random numbers: uniform, normal, whole, and in random order.
import { ArgumentError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Literal, ShapeLike } from "../base/shape-types.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { argsort } from "../ops/gather.ts";
import { scalarNode } from "../ops/source.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkCount, checkShape } from "./arguments.ts";
import { created, placementOf } from "./create.ts";
import { drawn, isBelow, normalNode, type RandomOptions, shared, uniformNode } from "./draw.ts";

/**
 * Uniform random numbers in [0, 1).
 * @param shape sizes
 * @param options generator, dtype (float32 by default, or float64), device, requiresGrad
 * @example rand([2, 3]).shape // [2, 3]
 */
export function rand<const S extends ShapeLike>(shape: S, options: RandomOptions = {}): Tensor<Literal<S>> {
  return drawn("rand", shape, options, uniformNode);
}

/**
 * Standard normal random numbers: mean 0, variance 1.
 * @param shape sizes
 * @param options generator, dtype (float32 by default, or float64), device, requiresGrad
 * @example randn([2, 3]).shape // [2, 3]
 */
export function randn<const S extends ShapeLike>(shape: S, options: RandomOptions = {}): Tensor<Literal<S>> {
  return drawn("randn", shape, options, normalNode);
}

const affine =
  (scale: number, offset: number) =>
  (y: Node): Node =>
    builder.add(builder.mul(y, scalarNode(scale, y.dtype, y.device)), scalarNode(offset, y.dtype, y.device));

/**
 * Uniform random numbers in [low, high).
 * @param options.low 0 by default
 * @param options.high 1 by default
 * @example uniform([4], { low: -1, high: 1 }).shape // [4]
 */
export function uniform<const S extends ShapeLike>(
  shape: S,
  options: RandomOptions & { readonly low?: number; readonly high?: number } = {},
): Tensor<Literal<S>> {
  const { low = 0, high = 1 } = options;
  return drawn("uniform", shape, options, uniformNode, affine(high - low, low));
}

/**
 * Normal random numbers.
 * @param options.mean 0 by default
 * @param options.std standard deviation, 1 by default
 * @throws {ArgumentError} `normal: expected a standard deviation of at least 0, got -1`
 * @example normal([4], { mean: 10, std: 0.1 }).shape // [4]
 */
export function normal<const S extends ShapeLike>(
  shape: S,
  options: RandomOptions & { readonly mean?: number; readonly std?: number } = {},
): Tensor<Literal<S>> {
  const { mean = 0, std = 1 } = options;
  if (!(std >= 0)) throw new ArgumentError(`normal: expected a standard deviation of at least 0, got ${std}`);
  return drawn("normal", shape, options, normalNode, affine(std, mean));
}

/**
 * Whole random numbers in [low, high), all about equally likely.
 * @param options dtype (int32 by default), generator, device
 * @throws {ArgumentError} `randint: expected whole numbers low < high, less than 2^31 apart, got 3 and 3`
 * @example randint(0, 10, [5]).dtype // "int32"
 */
export function randint<const S extends ShapeLike>(
  low: number,
  high: number,
  shape: S,
  options: RandomOptions = {},
): Tensor<Literal<S>> {
  if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high || high - low >= 2 ** 31)
    throw new ArgumentError(`randint: expected whole numbers low < high, less than 2^31 apart, got ${low} and ${high}`);
  const { dtype, device } = placementOf("randint", options, "int32");
  const bits = (options.generator ?? shared).bits(sizeOf(checkShape("randint", shape)), device);
  const rest = builder.mod(bits, scalarNode(high - low, "int32", device));
  const values = builder.add(rest, scalarNode(low, "int32", device));
  return created(builder.reshape(builder.cast(values, dtype), shape), options);
}

/**
 * 1 with probability p, 0 otherwise.
 * @param p probability, a number or a tensor that broadcasts to `shape`
 * @param options dtype (float32 by default; "bool" gives a mask), generator, device
 * @throws {ArgumentError} `bernoulli: expected a probability from 0 to 1, got 2`
 * @example bernoulli([3], 0.5, { dtype: "bool" }).dtype // "bool"
 */
export function bernoulli<const S extends ShapeLike>(
  shape: S,
  p: number | Tensor,
  options: RandomOptions = {},
): Tensor<Literal<S>> {
  if (typeof p === "number" && !(p >= 0 && p <= 1))
    throw new ArgumentError(`bernoulli: expected a probability from 0 to 1, got ${p}`);
  const { dtype, device } = placementOf("bernoulli", options);
  const count = sizeOf(checkShape("bernoulli", shape));
  const bits = builder.reshape((options.generator ?? shared).bits(count, device), shape);
  const limit = typeof p === "number" ? scalarNode(p, "float32", device) : p.node;
  return created(builder.cast(isBelow(bits, limit), dtype), options);
}

/**
 * The numbers 0 to n − 1 in random order.
 * @param options dtype (int32 by default), generator, device
 * @throws {ArgumentError} `permutation: expected a whole length of at least 0, got 1.5`
 * @example (await permutation(3).toArray()).toSorted() // [0, 1, 2]
 */
export function permutation<const N extends number>(n: N, options: RandomOptions = {}): Tensor<[N]> {
  checkCount("permutation", "length", n);
  const { dtype, device } = placementOf("permutation", options, "int32");
  const order = makeNode(argsort, [(options.generator ?? shared).bits(n, device)], { descending: false });
  return created(builder.cast(order, dtype), options);
}
