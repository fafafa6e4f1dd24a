// Where random numbers come from: a pure function of a seed and a counter, so that every device draws the same bits.
import { ArgumentError, DTypeError, GraphError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Literal, ShapeLike } from "../base/shape-types.ts";
import { effect } from "../engine/trace.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { threefry } from "../ops/random.ts";
import { iotaNode } from "../ops/source.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkShape } from "./arguments.ts";
import { copyThatDraws } from "./copies.ts";
import { type CreateOptions, created, placementOf } from "./create.ts";
import { drawnNumbers } from "./live.ts";

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
    const key = keyOf(seed);
    effect(() => {
      this.key = key;
      this.counter = 0;
    });
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

  /**
   * The next `count` words of 32 bits, as int32. Inside of `vmap` and `scan` they are the next words for all examples or
   * steps, one after another, of which each takes its own.
   */
  bits(count: number, device: string): Node {
    return bitsAt(this.stretch(count, device), iotaNode(count, device));
  }

  /** Where the next words are: `count` for each of some parts, one part after another. */
  stretch(count: number, device: string, parts = 1): Stretch {
    const copy = copyThatDraws(device);
    const all = parts * (copy?.count ?? 1);
    const words = count * all;
    // More than one key has: each serves as many parts as a power of two lets it.
    const shift = all > 1 && words > word ? Math.floor(Math.log2(word / count)) : null;
    const used = shift === null ? words : Math.ceil(all / 2 ** shift) * word;
    const [start, low, high] = drawnNumbers(() => this.advance(words, used), "int32", device);
    if (!start || !low || !high) throw new GraphError("Generator: expected a counter and a key");
    const part = copy ? builder.mul(copy.index, builder.num(parts, copy.index)) : null;
    return { start, low, high, part, count, shift };
  }

  /** Where the next `words` begin, and the key's two halves there; `used` are gone then. */
  private advance(words: number, used: number): readonly number[] {
    // One draw never crosses a multiple of 2³², where the counter's word starts again under another key.
    if ((this.counter % word) + words > word) this.counter = Math.ceil(this.counter / word) * word;
    const [low, high] = this.key;
    const numbers = [(this.counter % word) | 0, low | 0, (high + Math.floor(this.counter / word)) | 0];
    this.counter += used;
    return numbers;
  }
}

/** Words of a generator that lie one after another, in parts of `count`: their key, and the counter of the first. */
export interface Stretch {
  readonly start: Node;
  readonly low: Node;
  readonly high: Node;
  /** The number of the first part, where it isn't 0. */
  readonly part: Node | null;
  readonly count: number;
  /** 2^shift parts have a key of their own, if not all have the same. */
  readonly shift: number | null;
}

/** The words at some positions of a part, the first by default. */
export function bitsAt({ start, low, high, ...parts }: Stretch, position: Node, part: Node | null = null): Node {
  const { count, shift } = parts;
  let index = part && parts.part ? builder.add(part, parts.part) : (part ?? parts.part);
  if (!index) return makeNode(threefry, [builder.add(position, start), low, high]);
  let upper = high;
  if (shift !== null) {
    upper = builder.add(upper, builder.shr(index, builder.num(shift, index)));
    index = builder.and(index, builder.num(2 ** shift - 1, index));
  }
  const first = builder.add(start, builder.mul(index, builder.num(count | 0, index)));
  return makeNode(threefry, [builder.add(position, first), low, upper]);
}

function keyOf(seed: number): readonly [number, number] {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ArgumentError(`Generator: expected a seed that is a whole number from 0 to 2^53 - 1, got ${seed}`);
  return [(seed % word) | 0, Math.floor(seed / word)];
}

export const shared: Generator = /* @__PURE__ */ new Generator(0);

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

/** Bits as float32 in [0, 1), multiples of 2⁻²⁴. */
function unitOf(bits: Node): Node {
  const y = builder.cast(builder.shr(bits, builder.num(8, bits)), "float32");
  return builder.mul(y, builder.num(2 ** -24, y));
}

/** True for bits of which a share `p` is. */
export const isBelow = (bits: Node, p: Node): Node => builder.lt(unitOf(bits), builder.cast(p, "float32"));

/** Uniform floats in [0, 1), multiples of 2⁻²⁴ (float32) or 2⁻⁵³ (float64). */
export function uniformNode(generator: Generator, count: number, dtype: "float32" | "float64", device: string): Node {
  if (dtype === "float32") return unitOf(generator.bits(count, device));
  const high = generator.bits(count, device);
  const low = generator.bits(count, device);
  const upper = builder.cast(builder.shr(high, builder.num(5, high)), dtype);
  const lower = builder.cast(builder.shr(low, builder.num(6, low)), dtype);
  const whole = builder.add(builder.mul(upper, builder.num(2 ** 26, upper)), lower);
  return builder.mul(whole, builder.num(2 ** -53, whole));
}

/** Uniform floats in (0, 1), odd multiples of 2⁻²⁴ (float32) or 2⁻⁵³ (float64): their logarithms are finite on both sides. */
export function openNode(generator: Generator, count: number, dtype: "float32" | "float64", device: string): Node {
  const bits = generator.bits(count, device);
  const high = builder.cast(builder.shr(bits, builder.num(9, bits)), dtype);
  const half = builder.add(high, builder.num(0.5, high));
  if (dtype === "float32") return builder.mul(half, builder.num(2 ** -23, half));
  const more = generator.bits(count, device);
  const low = builder.cast(builder.shr(more, builder.num(3, more)), dtype);
  const whole = builder.add(builder.mul(high, builder.num(2 ** 29, high)), builder.add(low, builder.num(0.5, low)));
  return builder.mul(whole, builder.num(2 ** -52, whole));
}

/** Standard normal floats: √(−2 log u)·cos 2πv (Box and Muller, 1958). */
export function normalNode(generator: Generator, count: number, dtype: "float32" | "float64", device: string): Node {
  const u = uniformNode(generator, count, dtype, device);
  const v = uniformNode(generator, count, dtype, device);
  // 1 − u lies in (0, 1]: the logarithm is finite.
  const square = builder.mul(builder.num(-2, u), builder.log(builder.sub(builder.num(1, u), u)));
  return builder.mul(builder.sqrt(square), builder.cos(builder.mul(builder.num(2 * Math.PI, v), v)));
}

export type Draw = (generator: Generator, count: number, dtype: "float32" | "float64", device: string) => Node;

export function drawn<S extends ShapeLike>(
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
