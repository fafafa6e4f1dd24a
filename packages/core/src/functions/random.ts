// Random numbers: a pure function of a seed and a counter, so that every device draws the same bits.
import { ArgumentError, DTypeError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Literal, ShapeLike } from "../base/shape-types.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { argsort } from "../ops/gather.ts";
import { threefry } from "../ops/random.ts";
import { iotaNode, scalarNode } from "../ops/source.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkCount, checkShape } from "./arguments.ts";
import { type CreateOptions, created, placementOf } from "./create.ts";

const word = 2 ** 32;

/**
 * A stream of random bits: Threefry-2x32 over a counter, with the seed as its key (Salmon et al., 2011). Two generators
 * of one seed draw the same numbers. Seed and counter are run-time inputs of a plan, so drawing again compiles nothing.
 * @throws {ArgumentError} `Generator: expected a seed that is a whole number from 0 to 2^53 - 1, got -1`
 * @example (await rand([1], { generator: new Generator(1) }).toArray()).length // 1
 */
export class Generator {
  private key: readonly [number, number];
  private counter = 0;

  constructor(seed: number) {
    this.key = keyOf(seed);
  }

  /** Starts the stream of a seed from its beginning. */
  manualSeed(seed: number): this {
    this.key = keyOf(seed);
    this.counter = 0;
    return this;
  }

  /** What a checkpoint keeps, to go on from here. */
  get state(): { readonly key: readonly [number, number]; readonly counter: number } {
    return { key: this.key, counter: this.counter };
  }
  set state(state: { readonly key: readonly [number, number]; readonly counter: number }) {
    this.key = [state.key[0], state.key[1]];
    this.counter = state.counter;
  }

  /** The next `count` words of 32 bits, as int32. */
  bits(count: number, device: string): Node {
    // One draw never crosses a multiple of 2³², where the counter's word starts again under another key.
    if ((this.counter % word) + count > word) this.counter = Math.ceil(this.counter / word) * word;
    const scalar = (value: number): Node => scalarNode(value | 0, "int32", device);
    const [low, high] = this.key;
    const position = builder.add(iotaNode(count, device), scalar(this.counter % word));
    const bits = makeNode(threefry, [position, scalar(low), scalar(high + Math.floor(this.counter / word))]);
    this.counter += count;
    return bits;
  }
}

function keyOf(seed: number): readonly [number, number] {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ArgumentError(`Generator: expected a seed that is a whole number from 0 to 2^53 - 1, got ${seed}`);
  return [(seed % word) | 0, Math.floor(seed / word)];
}

const shared = /* @__PURE__ */ new Generator(0);

/**
 * Seeds the generator that random functions use where they are given none. It starts with seed 0.
 * @returns that generator
 * @example (manualSeed(1), await rand([1]).item()) === (manualSeed(1), await rand([1]).item()) // true
 */
export const manualSeed = (seed: number): Generator => shared.manualSeed(seed);

/** What random functions take besides their parameters. */
export interface RandomOptions extends CreateOptions {
  /** The shared generator by default. */
  readonly generator?: Generator;
}

/** Uniform floats in [0, 1), multiples of 2⁻²⁴ (float32) or 2⁻⁵³ (float64). */
function uniformNode(generator: Generator, count: number, dtype: "float32" | "float64", device: string): Node {
  if (dtype === "float32") {
    const bits = generator.bits(count, device);
    const y = builder.cast(builder.shr(bits, builder.num(8, bits)), dtype);
    return builder.mul(y, builder.num(2 ** -24, y));
  }
  const high = generator.bits(count, device);
  const low = generator.bits(count, device);
  const upper = builder.cast(builder.shr(high, builder.num(5, high)), dtype);
  const lower = builder.cast(builder.shr(low, builder.num(6, low)), dtype);
  const whole = builder.add(builder.mul(upper, builder.num(2 ** 26, upper)), lower);
  return builder.mul(whole, builder.num(2 ** -53, whole));
}

/** Standard normal floats: √(−2 log u)·cos 2πv (Box and Muller, 1958). */
function normalNode(generator: Generator, count: number, dtype: "float32" | "float64", device: string): Node {
  const u = uniformNode(generator, count, dtype, device);
  const v = uniformNode(generator, count, dtype, device);
  // 1 − u lies in (0, 1]: the logarithm is finite.
  const square = builder.mul(builder.num(-2, u), builder.log(builder.sub(builder.num(1, u), u)));
  return builder.mul(builder.sqrt(square), builder.cos(builder.mul(builder.num(2 * Math.PI, v), v)));
}

type Draw = (generator: Generator, count: number, dtype: "float32" | "float64", device: string) => Node;

function drawn<S extends ShapeLike>(
  operation: string,
  shape: S,
  options: RandomOptions,
  draw: Draw,
  transform: (y: Node) => Node = (y) => y,
): Tensor<Literal<S>> {
  const { dtype, device } = placementOf(operation, options);
  if (dtype !== "float32" && dtype !== "float64")
    throw new DTypeError(`${operation}: expected float32 or float64, got ${dtype}`);
  const count = sizeOf(checkShape(operation, shape));
  const flat = transform(draw(options.generator ?? shared, count, dtype, device));
  return created(builder.reshape(flat, shape), options);
}

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
  const draws = builder.reshape(uniformNode(options.generator ?? shared, count, "float32", device), shape);
  const limit = typeof p === "number" ? scalarNode(p, "float32", device) : builder.cast(p.node, "float32");
  return created(builder.cast(builder.lt(draws, limit), dtype), options);
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
