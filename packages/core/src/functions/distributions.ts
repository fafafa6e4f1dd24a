// Random numbers of many distributions. Parameters are numbers or tensors that broadcast to the shape; numbers are run-time inputs.
// Where a sample is a formula of its parameters and of noise, gradients flow to them, and so they do through the gamma
// distribution; whole numbers stop them.
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Literal, ShapeLike } from "../base/shape-types.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { stopGradient } from "../ops/cast.ts";
import { argsort } from "../ops/gather.ts";
import { argmax } from "../ops/reduce.ts";
import { scalarNode } from "../ops/source.ts";
import { erfinv, lgamma } from "../ops/special.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, checkShape, floatOf, nodeOf } from "./arguments.ts";
import { created, placementOf } from "./create.ts";
import { type Generator, normalNode, openNode, type RandomOptions, shared, uniformNode } from "./draw.ts";
import { differentiable } from "./gamma-gradient.ts";
import { moved, narrowed } from "./shape.ts";
import type { Operand } from "./types.ts";

/** Noise of one shape, as often as it is asked for. */
class Noise {
  readonly shape: Shape;
  readonly dtype: "float32" | "float64";
  readonly device: string;
  private readonly generator: Generator;

  constructor(generator: Generator, shape: Shape, dtype: "float32" | "float64", device: string) {
    this.generator = generator;
    this.shape = shape;
    this.dtype = dtype;
    this.device = device;
  }

  private drawn(draw: typeof uniformNode): Node {
    return b.reshape(draw(this.generator, sizeOf(this.shape), this.dtype, this.device), this.shape);
  }
  /** In [0, 1). */
  uniform(): Node {
    return this.drawn(uniformNode);
  }
  /** In (0, 1). */
  open(): Node {
    return this.drawn(openNode);
  }
  normal(): Node {
    return this.drawn(normalNode);
  }
  /** A parameter in the noise's shape. */
  parameter(operation: string, value: Operand): Node {
    const node =
      typeof value === "number"
        ? scalarNode(value, this.dtype, this.device)
        : castNode(nodeOf(operation, value), this.dtype);
    return b.expand(node, this.shape);
  }
}

function sampled<S extends ShapeLike>(
  operation: string,
  shape: S,
  options: RandomOptions,
  parameters: readonly Operand[],
  build: (noise: Noise, ...parameters: Node[]) => Node,
  carrier?: "float64",
): Tensor<Literal<S>> {
  const given = parameters.find((x) => x instanceof Tensor);
  const { dtype, device } = placementOf(operation, given ? { device: given.device, ...options } : options);
  const kind = carrier ?? dtype;
  if (kind !== "float32" && kind !== "float64")
    throw new DTypeError(`${operation}: expected float32 or float64, got ${dtype}`);
  const noise = new Noise(options.generator ?? shared, checkShape(operation, shape), kind, device);
  const values = build(noise, ...parameters.map((x) => noise.parameter(operation, x)));
  return created(castNode(values, dtype), options);
}

/** Numbers that a parameter must lie above; tensors are not read. */
function expectAbove(operation: string, what: string, value: Operand, bound: number): void {
  if (typeof value === "number" && !(value > bound))
    throw new ArgumentError(`${operation}: expected ${what} above ${bound}, got ${value}`);
}

const halt = (x: Node): Node => makeNode(stopGradient, [x]);

/**
 * Exponential waiting times, by −log(1 − u)/rate.
 * @param options.rate 1/mean, 1 by default
 * @throws {ArgumentError} `exponential: expected a rate above 0, got 0`
 * @example exponential([4], { rate: 2 }).shape // [4]
 */
export function exponential<const S extends ShapeLike>(
  shape: S,
  options: RandomOptions & { readonly rate?: Operand } = {},
): Tensor<Literal<S>> {
  const { rate = 1 } = options;
  expectAbove("exponential", "a rate", rate, 0);
  return sampled("exponential", shape, options, [rate], (noise, r = noise.open()) =>
    b.div(b.neg(b.log1p(b.neg(noise.uniform()))), r),
  );
}

/** Where a distribution lies, and how wide it is. */
export interface LocationScale extends RandomOptions {
  /** 0 by default. */
  readonly loc?: Operand;
  /** 1 by default. */
  readonly scale?: Operand;
}

function located<S extends ShapeLike>(
  operation: string,
  shape: S,
  options: LocationScale,
  standard: (noise: Noise) => Node,
): Tensor<Literal<S>> {
  const { loc = 0, scale = 1 } = options;
  expectAbove(operation, "a scale", scale, 0);
  return sampled(operation, shape, options, [loc, scale], (noise, center, width) => {
    const z = standard(noise);
    return b.add(b.mul(z, width ?? z), center ?? z);
  });
}

/**
 * Laplace's distribution: exponential on both sides.
 * @param options.loc center, 0 by default
 * @param options.scale mean distance from it, 1 by default
 * @throws {ArgumentError} `laplace: expected a scale above 0, got -1`
 * @example laplace([4], { scale: 2 }).shape // [4]
 */
export function laplace<const S extends ShapeLike>(shape: S, options: LocationScale = {}): Tensor<Literal<S>> {
  return located("laplace", shape, options, (noise) => {
    const u = noise.open();
    const num = (value: number): Node => b.num(value, u);
    const isLow = b.lt(u, num(0.5));
    const tail = b.log(b.mul(num(2), b.select(isLow, u, b.sub(num(1), u))));
    return b.select(isLow, tail, b.neg(tail));
  });
}

/**
 * Gumbel's distribution of largest values, −log(−log u).
 * @param options.loc 0 by default
 * @param options.scale 1 by default
 * @example gumbel([4]).shape // [4]
 */
export function gumbel<const S extends ShapeLike>(shape: S, options: LocationScale = {}): Tensor<Literal<S>> {
  return located("gumbel", shape, options, (noise) => b.neg(b.log(b.neg(b.log(noise.open())))));
}

/**
 * Cauchy's distribution, tan π(u − ½), which has no mean.
 * @param options.loc median, 0 by default
 * @param options.scale 1 by default
 * @example cauchy([4]).shape // [4]
 */
export function cauchy<const S extends ShapeLike>(shape: S, options: LocationScale = {}): Tensor<Literal<S>> {
  return located("cauchy", shape, options, (noise) => {
    const u = noise.open();
    return b.tan(b.mul(b.num(Math.PI, u), b.sub(u, b.num(0.5, u))));
  });
}

/** The mean and the standard deviation of a normal distribution. */
export interface MeanStd extends RandomOptions {
  /** 0 by default. */
  readonly mean?: Operand;
  /** 1 by default. */
  readonly std?: Operand;
}

/**
 * Numbers whose logarithm is normal.
 * @param options.mean of the logarithm, 0 by default
 * @param options.std of the logarithm, 1 by default
 * @example logNormal([4]).shape // [4]
 */
export function logNormal<const S extends ShapeLike>(shape: S, options: MeanStd = {}): Tensor<Literal<S>> {
  const { mean = 0, std = 1 } = options;
  expectAbove("logNormal", "a standard deviation", std, 0);
  return sampled("logNormal", shape, options, [mean, std], (noise, center, width) => {
    const z = noise.normal();
    return b.exp(b.add(b.mul(z, width ?? z), center ?? z));
  });
}

/**
 * Normal numbers that lie within bounds, by the inverse of their distribution function. Meant for bounds within a few
 * standard deviations of the mean.
 * @param options.mean 0 by default, before the tails are cut off
 * @param options.std 1 by default, before the tails are cut off
 * @param options.low −2 by default
 * @param options.high 2 by default
 * @throws {ArgumentError} `truncatedNormal: expected low < high, got 2 and 1`
 * @example (await truncatedNormal([100], { low: 0, high: 1 }).max().item()) <= 1 // true
 */
export function truncatedNormal<const S extends ShapeLike>(
  shape: S,
  options: MeanStd & { readonly low?: number; readonly high?: number } = {},
): Tensor<Literal<S>> {
  const { mean = 0, std = 1, low = -2, high = 2 } = options;
  expectAbove("truncatedNormal", "a standard deviation", std, 0);
  if (!(low < high)) throw new ArgumentError(`truncatedNormal: expected low < high, got ${low} and ${high}`);
  return sampled("truncatedNormal", shape, options, [mean, std, low, high], (noise, ...[center, width, from, to]) => {
    const u = noise.uniform();
    if (!center || !width || !from || !to) return u;
    const wide = b.mul(width, b.num(Math.SQRT2, u));
    const [left, right] = [b.erf(b.div(b.sub(from, center), wide)), b.erf(b.div(b.sub(to, center), wide))];
    const y = makeNode(erfinv, [b.add(left, b.mul(u, b.sub(right, left)))]);
    const value = b.add(b.mul(y, wide), center);
    return b.select(b.lt(value, from), from, b.select(b.lt(to, value), to, value));
  });
}

/** Candidates for each number; the first accepted one counts. At least 95 % are, so that none is about once in 10¹⁰ times. */
const gammaLanes = 8;

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000): rejection from a cubed normal. */
function gammaNode(noise: Noise, concentration: Node): Node {
  const num = (value: number): Node => b.num(value, concentration);
  const isSmall = b.lt(concentration, num(1));
  const d = b.sub(b.add(concentration, b.select(isSmall, num(1), num(0))), num(1 / 3));
  const c = b.div(num(1 / 3), b.sqrt(d));
  let y = d;
  for (let lane = 0; lane < gammaLanes; lane++) {
    const x = noise.normal();
    const root = b.add(num(1), b.mul(c, x));
    const isPositive = b.lt(num(0), root);
    const v = b.mul(b.mul(root, root), root);
    const safe = b.select(isPositive, v, num(1));
    const bound = b.add(b.mul(num(0.5), b.mul(x, x)), b.mul(d, b.add(b.sub(num(1), safe), b.log(safe))));
    const accepted = b.and(isPositive, b.lt(b.log(noise.open()), bound));
    y = b.select(accepted, b.mul(d, safe), y);
  }
  // Γ(α) = Γ(α + 1)·u^(1/α)
  const boost = b.exp(b.div(b.log(noise.open()), concentration));
  return differentiable(b.select(isSmall, b.mul(y, boost), y), concentration);
}

/**
 * Gamma-distributed numbers. Gradients flow to both parameters: a sample moves so that its place in the distribution
 * stays (Figurnov et al., "Implicit reparameterization gradients", 2018).
 * @param concentration α, above 0
 * @param options.rate 1 by default: the mean is α/rate
 * @throws {ArgumentError} `gamma: expected a concentration above 0, got 0`
 * @example gamma([4], 2.5).shape // [4]
 */
export function gamma<const S extends ShapeLike>(
  shape: S,
  concentration: Operand,
  options: RandomOptions & { readonly rate?: Operand } = {},
): Tensor<Literal<S>> {
  const { rate = 1 } = options;
  expectAbove("gamma", "a concentration", concentration, 0);
  expectAbove("gamma", "a rate", rate, 0);
  return sampled("gamma", shape, options, [concentration, rate], (noise, alpha = noise.open(), r = alpha) =>
    b.div(gammaNode(noise, alpha), r),
  );
}

/**
 * Beta-distributed numbers in [0, 1], from two of a gamma distribution, through which gradients flow.
 * @param concentration1 α, above 0
 * @param concentration0 β, above 0: the mean is α/(α + β)
 * @example beta([4], 2, 3).shape // [4]
 */
export function beta<const S extends ShapeLike>(
  shape: S,
  concentration1: Operand,
  concentration0: Operand,
  options: RandomOptions = {},
): Tensor<Literal<S>> {
  expectAbove("beta", "a concentration", concentration1, 0);
  expectAbove("beta", "a concentration", concentration0, 0);
  return sampled("beta", shape, options, [concentration1, concentration0], (noise, p = noise.open(), q = p) => {
    const x = gammaNode(noise, p);
    return b.div(x, b.add(x, gammaNode(noise, q)));
  });
}

/**
 * Dirichlet-distributed probabilities: positive, with sum 1 along the last axis. Gradients flow
 * through the gamma-distributed numbers that they are made of.
 * @param concentration `[..., k]`
 * @param options.shape leading axes of independent draws, none by default
 * @returns `[...shape, ..., k]`
 * @example dirichlet(ones([3]), { shape: [5] }).shape // [5, 3]
 */
export function dirichlet(concentration: Tensor, options: RandomOptions & { readonly shape?: Shape } = {}): Tensor {
  const shape = [...(options.shape ?? []), ...concentration.shape];
  if (concentration.rank === 0) throw new ShapeError("dirichlet: expected concentrations [..., k], got a scalar");
  return sampled("dirichlet", shape, options, [concentration], (noise, alpha = noise.open()) => {
    const y = gammaNode(noise, alpha);
    const last = y.shape.length - 1;
    return b.div(y, b.reshape(b.sum(y, [last]), y.shape.with(last, 1)));
  });
}

/** Below this rate the distribution function is inverted term by term. */
const smallRate = 10;
/** Beyond so many terms nothing of it is left. */
const poissonTerms = 48;
/** At least 75 % of the candidates are accepted. */
const poissonLanes = 18;

/** How many steps of the distribution function lie below u. */
function poissonByTerms(noise: Noise, rate: Node): Node {
  const u = noise.open();
  let term = b.exp(b.neg(rate));
  let sum = term;
  let count = b.num(0, u);
  for (let k = 1; k <= poissonTerms; k++) {
    count = b.add(count, b.cast(b.lt(sum, u), noise.dtype));
    term = b.mul(term, b.div(rate, b.num(k, rate)));
    sum = b.add(sum, term);
  }
  return count;
}

/** W. Hörmann, "The transformed rejection method for generating Poisson random variables" (1993), PTRS. */
function poissonByRejection(noise: Noise, rate: Node): Node {
  const num = (value: number): Node => b.num(value, rate);
  const width = b.add(num(0.931), b.mul(num(2.53), b.sqrt(rate)));
  const a = b.add(num(-0.059), b.mul(num(0.02483), width));
  const inverse = b.add(num(1.1239), b.div(num(1.1328), b.sub(width, num(3.4))));
  const quick = b.sub(num(0.9277), b.div(num(3.6224), b.sub(width, num(2))));
  const log = b.log(rate);
  let y = b.round(rate);
  for (let lane = 0; lane < poissonLanes; lane++) {
    const u = b.sub(noise.open(), num(0.5));
    const v = noise.open();
    const edge = b.sub(num(0.5), b.abs(u));
    const slope = b.add(b.div(b.add(a, a), edge), width);
    const k = b.floor(b.add(b.add(b.mul(slope, u), rate), num(0.43)));
    const isQuick = b.and(b.le(num(0.07), edge), b.le(v, quick));
    const isOut = b.or(b.lt(k, num(0)), b.and(b.lt(edge, num(0.013)), b.lt(edge, v)));
    const whole = b.max(k, num(0));
    const left = b.log(b.div(b.mul(v, inverse), b.add(b.div(a, b.mul(edge, edge)), width)));
    const right = b.sub(b.sub(b.mul(whole, log), rate), makeNode(lgamma, [b.add(whole, num(1))]));
    const accepted = b.or(isQuick, b.and(b.not(isOut), b.le(left, right)));
    y = b.select(accepted, whole, y);
  }
  return y;
}

/**
 * Poisson-distributed counts, as floats unless another dtype is asked for. Computed in float64; no gradient.
 * @param rate the mean, a number or a tensor that broadcasts to the shape; at least 0
 * @throws {ArgumentError} `poisson: expected a rate of at least 0, got -1`
 * @example (await poisson([3], 0).toArray()) // [0, 0, 0]
 */
export function poisson<const S extends ShapeLike>(
  shape: S,
  rate: Operand,
  options: RandomOptions = {},
): Tensor<Literal<S>> {
  if (typeof rate === "number" && !(rate >= 0))
    throw new ArgumentError(`poisson: expected a rate of at least 0, got ${rate}`);
  const build = (noise: Noise, given: Node = noise.open()): Node => {
    const mean = halt(given);
    if (typeof rate === "number") return (rate < smallRate ? poissonByTerms : poissonByRejection)(noise, mean);
    const isSmall = b.lt(mean, b.num(smallRate, mean));
    const terms = poissonByTerms(noise, b.select(isSmall, mean, b.num(1, mean)));
    return b.select(isSmall, terms, poissonByRejection(noise, b.select(isSmall, b.num(smallRate, mean), mean)));
  };
  return sampled("poisson", shape, options, [rate], build, "float64");
}

/**
 * How many trials it takes until the first success, at least 1. No gradient.
 * @param p probability of success, above 0 and at most 1
 * @throws {ArgumentError} `geometric: expected a probability above 0, got 0`
 * @example (await geometric([3], 1).toArray()) // [1, 1, 1]
 */
export function geometric<const S extends ShapeLike>(
  shape: S,
  p: Operand,
  options: RandomOptions = {},
): Tensor<Literal<S>> {
  expectAbove("geometric", "a probability", p, 0);
  return sampled(
    "geometric",
    shape,
    options,
    [p],
    (noise, chance = noise.open()) => {
      const ratio = b.div(b.log(noise.open()), b.log1p(b.neg(chance)));
      return halt(b.add(b.floor(ratio), b.num(1, ratio)));
    },
    "float64",
  );
}

/**
 * How many of n trials succeed. The trials are carried out, so that the time grows with n. No gradient.
 * @param n number of trials
 * @param p probability of success, a number or a tensor that broadcasts to the shape
 * @throws {ArgumentError} `binomial: expected a whole number of trials of at least 0, got 1.5`
 * @example (await binomial([3], 5, 1).toArray()) // [5, 5, 5]
 */
export function binomial<const S extends ShapeLike>(
  shape: S,
  n: number,
  p: Operand,
  options: RandomOptions = {},
): Tensor<Literal<S>> {
  checkCount("binomial", "number of trials", n);
  return sampled("binomial", shape, options, [p], (noise, chance = noise.open()) => {
    const trials = new Noise(options.generator ?? shared, [n, ...noise.shape], noise.dtype, noise.device);
    return b.sum(b.cast(b.lt(trials.uniform(), halt(chance)), noise.dtype), [0]);
  });
}

/**
 * Numbers of classes, drawn with the probabilities softmax(logits), by the largest of logits + Gumbel noise.
 * @param logits `[..., k]`; −∞ for a class that is never drawn
 * @param options.shape leading axes of independent draws, none by default
 * @returns int32 `[...shape, ...]`
 * @example (await categorical(tensor([0, 100]), { shape: [3] }).toArray()) // [1, 1, 1]
 */
export function categorical(
  logits: Tensor,
  options: Omit<RandomOptions, "dtype" | "requiresGrad"> & { readonly shape?: Shape } = {},
): Tensor {
  const node = floatOf("categorical", logits);
  const shape = [...(options.shape ?? []), ...node.shape];
  if (node.shape.length === 0) throw new ShapeError("categorical: expected logits [..., k], got a scalar");
  const noise = gumbel(shape, { ...options, dtype: node.dtype, device: node.device });
  return new Tensor(makeNode(argmax, [b.add(node, noise.node)], { axes: [shape.length - 1] }));
}

/**
 * Numbers of classes, drawn with given probabilities.
 * @param probabilities `[..., k]`, not negative; they need not sum to 1
 * @param count draws for each row
 * @param options.replacement whether a class may be drawn several times; false by default: then the order is that of drawing
 * @returns int32 `[..., count]`
 * @throws {ArgumentError} `multinomial: expected at most 2 draws without replacement, got 3`
 * @example (await multinomial(tensor([0, 1, 0]), 2, { replacement: true }).toArray()) // [1, 1]
 */
export function multinomial(
  probabilities: Tensor,
  count: number,
  options: Omit<RandomOptions, "dtype" | "requiresGrad"> & { readonly replacement?: boolean } = {},
): Tensor {
  const node = floatOf("multinomial", probabilities);
  const last = node.shape.length - 1;
  const k = node.shape[last] ?? 0;
  if (last < 0) throw new ShapeError("multinomial: expected probabilities [..., k], got a scalar");
  checkCount("multinomial", "number of draws", count);
  const logits = new Tensor(b.log(node));
  if (options.replacement === true) {
    const drawn = categorical(logits, { ...options, shape: [count] });
    return new Tensor(moved(drawn.node, 0, last));
  }
  if (count > k) throw new ArgumentError(`multinomial: expected at most ${k} draws without replacement, got ${count}`);
  const noise = gumbel(node.shape, { ...options, dtype: node.dtype, device: node.device });
  const order = makeNode(argsort, [b.add(logits.node, noise.node)], { descending: true });
  return new Tensor(narrowed(order, last, 0, count));
}

/**
 * Vectors of a normal distribution of many dimensions: mean + L·z.
 * @param mean `[..., d]`
 * @param scaleTril L, `[..., d, d]`: the lower triangular factor of the covariance matrix L·Lᵀ (its Cholesky factor)
 * @param options.shape leading axes of independent draws, none by default
 * @returns `[...shape, ..., d]`
 * @throws {ShapeError} `multivariateNormal: expected a factor [..., 2, 2], got [3, 3]`
 * @example multivariateNormal(zeros([2]), eye(2), { shape: [5] }).shape // [5, 2]
 */
export function multivariateNormal(
  mean: Tensor,
  scaleTril: Tensor,
  options: RandomOptions & { readonly shape?: Shape } = {},
): Tensor {
  const d = mean.shape.at(-1) ?? 0;
  if (mean.rank === 0 || `${scaleTril.shape.slice(-2)}` !== `${[d, d]}`)
    throw new ShapeError(`multivariateNormal: expected a factor [..., ${d}, ${d}], got ${showShape(scaleTril.shape)}`);
  const lead = [mean.shape.slice(0, -1), scaleTril.shape.slice(0, -2)].reduce((p, q) => (p.length >= q.length ? p : q));
  const shape = [...(options.shape ?? []), ...lead, d];
  return sampled("multivariateNormal", shape, options, [mean], (noise, center) => {
    const row = b.reshape(noise.normal(), [...shape.slice(0, -1), 1, d]);
    const products = b.mul(castNode(scaleTril.node, noise.dtype), row);
    const turned = b.sum(products, [products.shape.length - 1]);
    return center ? b.add(turned, center) : turned;
  });
}
