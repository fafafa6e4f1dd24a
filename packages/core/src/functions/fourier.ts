// Fourier transforms. Complex numbers are pairs (re, im) along a trailing axis of size 2, which `axis` and `axes` do not count.
import { ArgumentError, AxisError, ShapeError } from "../base/errors.ts";
import { normalizeAxis, type Shape, showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, floatOf, nodeOf, range } from "./arguments.ts";
import { conjugated, pairsOf } from "./complex.ts";
import { arange, type CreateOptions } from "./create.ts";
import { realInverted, realTransformed, transformed } from "./dft.ts";
import { roll } from "./join.ts";
import { moved, narrowed } from "./shape.ts";

/** Which direction is divided by n: the inverse one, both by √n, or the forward one. */
export type FourierNorm = "backward" | "ortho" | "forward";

export interface FourierOptions {
  /** Points of the signal: it is cut or filled with zeros to as many. By default as many as there are. */
  readonly n?: number;
  /** The axis of the signal, the last by default; the axis of the pairs does not count. */
  readonly axis?: number;
  /** "backward" by default. */
  readonly norm?: FourierNorm;
}

export interface FourierAxesOptions {
  /** Points along each of the axes. Without `axes` they belong to the last ones. */
  readonly s?: readonly number[];
  /** The axes of the signal; the axis of the pairs does not count. */
  readonly axes?: readonly number[];
  /** "backward" by default. */
  readonly norm?: FourierNorm;
}

function scaleOf(operation: string, n: number, inverse: boolean, norm: FourierNorm = "backward"): number {
  if (norm === "ortho") return 1 / Math.sqrt(n);
  if (norm !== "backward" && norm !== "forward")
    throw new ArgumentError(`${operation}: expected a norm of backward, ortho or forward, got ${String(norm)}`);
  return inverse === (norm === "backward") ? 1 / n : 1;
}

/** x cut or filled with zeros to n points along an axis. */
function resized(x: Node, axis: number, n: number): Node {
  const size = x.shape[axis] ?? 0;
  const cut = size > n ? narrowed(x, axis, 0, n) : x;
  const zeros = x.shape.map(() => 0);
  return b.pad(
    cut,
    zeros,
    zeros.with(axis, Math.max(0, n - size)),
    zeros.map(() => 1),
  );
}

const points = (operation: string, n: number): number => checkCount(operation, "number of points", n, 1);

/** Where a transform goes on. */
interface Direction {
  readonly operation: string;
  readonly inverse: boolean;
  readonly norm: FourierNorm | undefined;
}

/** Pairs transformed along one axis. */
function along(x: Node, axis: number, n: number, { operation, inverse, norm }: Direction): Node {
  const y = resized(x, axis, points(operation, n));
  const last = y.shape.length - 2;
  return moved(transformed(moved(y, axis, last), inverse, scaleOf(operation, n, inverse, norm)), last, axis);
}

/** Real values, of which pairs come along one axis. */
function alongReal(x: Node, axis: number, n: number, { operation, inverse, norm }: Direction): Node {
  const y = resized(x, axis, points(operation, n));
  const last = y.shape.length - 1;
  return moved(realTransformed(moved(y, axis, last), scaleOf(operation, n, inverse, norm)), last, axis);
}

/** Pairs, of which real values come along one axis. */
function alongHalf(x: Node, axis: number, n: number, { operation, inverse, norm }: Direction): Node {
  const y = resized(x, axis, Math.floor(points(operation, n) / 2) + 1);
  const last = y.shape.length - 2;
  return moved(realInverted(moved(y, axis, last), n, scaleOf(operation, n, inverse, norm)), last, axis);
}

const signal = (x: Node): Shape => x.shape.slice(0, -1);

/** One axis of a signal of a given shape, and the number of points. */
function placeOf(operation: string, shape: Shape, { n, axis = -1 }: FourierOptions, natural = (size: number) => size) {
  const at = normalizeAxis(operation, axis, shape);
  return [at, n ?? natural(shape[at] ?? 0)] as const;
}

/** Axes of a signal of a given shape with their numbers of points, in the order in which they were named. */
function placesOf(
  operation: string,
  shape: Shape,
  { s, axes }: FourierAxesOptions,
  natural: (size: number, isLast: boolean) => number = (size) => size,
): (readonly [axis: number, n: number])[] {
  if (s && s.length > shape.length)
    throw new ShapeError(`${operation}: expected at most ${shape.length} sizes, got ${showShape(s)}`);
  const named = axes ?? range(s?.length ?? shape.length, shape.length - (s?.length ?? shape.length));
  if (s && s.length !== named.length)
    throw new ShapeError(`${operation}: expected a size for each of the axes ${showShape(named)}, got ${showShape(s)}`);
  const list = named.map((axis) => normalizeAxis(operation, axis, shape));
  if (new Set(list).size !== list.length)
    throw new AxisError(`${operation}: an axis is named twice in ${showShape(named)} for shape ${showShape(shape)}`);
  return list.map((axis, i) => [axis, s?.[i] ?? natural(shape[axis] ?? 0, i === list.length - 1)]);
}

/** Signals come from half as many values and one. */
const whole = (size: number): number => 2 * (size - 1);

/**
 * The discrete Fourier transform X[k] = Σⱼ x[j]·e^{−2πi·jk/n} along an axis, for any n: O(n log n), by passes of radix 2 to 13 (Cooley
 * and Tukey, 1965), by Bluestein's convolution (1970) where larger primes divide n. The gradient is the conjugate transform.
 * @param x pairs (re, im) `[..., n, 2]`; `complex(x)` makes them of a real tensor, of which `rfft` is faster
 * @param options n, axis (the last by default, not counting that of the pairs), norm
 * @returns pairs `[..., n, 2]`
 * @throws {ShapeError} `fft: expected pairs (re, im) along the last axis, got [3]. complex(x) makes them of a real tensor`
 * @example (await fft(complex(tensor([1, 2, 3, 4]))).toArray()) // [[10, 0], [-2, 2], [-2, 0], [-2, -2]]
 */
export function fft(x: Tensor, options: FourierOptions = {}): Tensor {
  return oneAxis("fft", x, options, false);
}

/**
 * The inverse of `fft`: x[j] = Σₖ X[k]·e^{2πi·jk/n} / n.
 * @param x pairs `[..., n, 2]`
 * @param options as those of `fft`
 * @example (await ifft(fft(tensor([[1, 0], [2, 5]]))).toArray()) // [[1, 0], [2, 5]]
 */
export function ifft(x: Tensor, options: FourierOptions = {}): Tensor {
  return oneAxis("ifft", x, options, true);
}

function oneAxis(operation: string, x: Tensor, options: FourierOptions, inverse: boolean): Tensor {
  const node = pairsOf(operation, x);
  const [axis, n] = placeOf(operation, signal(node), options);
  return new Tensor(along(node, axis, n, { operation, inverse, norm: options.norm }));
}

/**
 * The transform of a real signal: its first ⌊n/2⌋ + 1 values, of which the others are the conjugates.
 * @param x real `[..., n]`
 * @param options n, axis (the last by default), norm
 * @returns pairs `[..., ⌊n/2⌋ + 1, 2]`
 * @throws {ArgumentError} `rfft: expected a whole number of points of at least 1, got 0`
 * @example (await rfft(tensor([1, 2, 3, 4])).toArray()) // [[10, 0], [-2, 2], [-2, 0]]
 */
export function rfft(x: Tensor, options: FourierOptions = {}): Tensor {
  const node = floatOf("rfft", x);
  const [axis, n] = placeOf("rfft", node.shape, options);
  return new Tensor(alongReal(node, axis, n, { operation: "rfft", inverse: false, norm: options.norm }));
}

/**
 * The inverse of `rfft`: a real signal of half its spectrum. The imaginary parts at 0 and, for even n, at n/2 do not count.
 * @param x pairs `[..., m, 2]`
 * @param options n (2(m − 1) by default: say it where it is odd), axis, norm
 * @returns real `[..., n]`
 * @example (await irfft(rfft(tensor([1, 2, 3])), { n: 3 }).toArray()) // [1, 2, 3]
 */
export function irfft(x: Tensor, options: FourierOptions = {}): Tensor {
  const node = pairsOf("irfft", x);
  const [axis, n] = placeOf("irfft", signal(node), options, whole);
  return new Tensor(alongHalf(node, axis, n, { operation: "irfft", inverse: true, norm: options.norm }));
}

/**
 * The transform of a signal that equals its conjugate backwards, of which one half is given: it is real.
 * @param x pairs `[..., m, 2]`
 * @param options n (2(m − 1) by default), axis, norm
 * @returns real `[..., n]`
 * @example (await hfft(tensor([[1, 0], [2, 1], [3, 0]])).toArray()) // [8, 0, 0, -4]
 */
export function hfft(x: Tensor, options: FourierOptions = {}): Tensor {
  const node = conjugated(pairsOf("hfft", x));
  const [axis, n] = placeOf("hfft", signal(node), options, whole);
  return new Tensor(alongHalf(node, axis, n, { operation: "hfft", inverse: false, norm: options.norm }));
}

/**
 * The inverse of `hfft`: half of the signal of which the transform is real.
 * @param x real `[..., n]`
 * @returns pairs `[..., ⌊n/2⌋ + 1, 2]`
 * @example (await ihfft(tensor([8, 0, 0, -4])).toArray()) // [[1, 0], [2, 1], [3, 0]]
 */
export function ihfft(x: Tensor, options: FourierOptions = {}): Tensor {
  const node = floatOf("ihfft", x);
  const [axis, n] = placeOf("ihfft", node.shape, options);
  const half = alongReal(node, axis, n, { operation: "ihfft", inverse: true, norm: options.norm });
  return new Tensor(conjugated(half));
}

/**
 * `fft` over two axes, the last two by default.
 * @param x pairs `[..., n, m, 2]`
 * @param options s (points along each), axes, norm
 * @example (await fft2(complex(eye(2))).toArray()) // [[[2, 0], [0, 0]], [[0, 0], [2, 0]]]
 */
export function fft2(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyAxes("fft2", x, { axes: [-2, -1], ...options }, false);
}

/**
 * `ifft` over two axes, the last two by default.
 * @example (await ifft2(fft2(ones([1, 1, 2]))).toArray()) // [[[1, 1]]]
 */
export function ifft2(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyAxes("ifft2", x, { axes: [-2, -1], ...options }, true);
}

/**
 * `fft` over several axes, all by default.
 * @param x pairs `[..., 2]`
 * @param options s (points along each), axes, norm
 * @throws {AxisError} `fftn: an axis is named twice in [0, 0] for shape [4, 4]`
 * @example fftn(zeros([4, 3, 5, 2]), { s: [8, 8] }).shape // [4, 8, 8, 2]
 */
export function fftn(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyAxes("fftn", x, options, false);
}

/**
 * `ifft` over several axes, all by default.
 * @example (await ifftn(fftn(ones([1, 3, 2]))).toArray()) // [[[1, 1], [1, 1], [1, 1]]]
 */
export function ifftn(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyAxes("ifftn", x, options, true);
}

function manyAxes(operation: string, x: Tensor, options: FourierAxesOptions, inverse: boolean): Tensor {
  const node = pairsOf(operation, x);
  return new Tensor(
    overAxes(node, placesOf(operation, signal(node), options), { operation, inverse, norm: options.norm }),
  );
}

/** The last axis first: it lies ready. */
const overAxes = (x: Node, places: readonly (readonly [number, number])[], direction: Direction): Node =>
  places.reduceRight((y, [axis, n]) => along(y, axis, n, direction), x);

/**
 * `rfft` over the last of two axes, then `fft` over the other one.
 * @param x real `[..., n, m]`
 * @returns pairs `[..., n, ⌊m/2⌋ + 1, 2]`
 * @example (await rfft2(eye(2)).toArray()) // [[[2, 0], [0, 0]], [[0, 0], [2, 0]]]
 */
export function rfft2(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyReal("rfft2", x, { axes: [-2, -1], ...options });
}

/**
 * The inverse of `rfft2`.
 * @param options s (say it where the last size is odd), axes, norm
 * @example (await irfft2(rfft2(eye(2))).toArray()) // [[1, 0], [0, 1]]
 */
export function irfft2(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyHalf("irfft2", x, { axes: [-2, -1], ...options });
}

/**
 * `rfft` over the last of several axes, then `fft` over the others; all axes by default.
 * @param x real
 * @example rfftn(zeros([4, 6, 8])).shape // [4, 6, 5, 2]
 */
export function rfftn(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyReal("rfftn", x, options);
}

/**
 * The inverse of `rfftn`.
 * @param options s (say it where the last size is odd), axes, norm
 * @example irfftn(zeros([4, 6, 5, 2])).shape // [4, 6, 8]
 */
export function irfftn(x: Tensor, options: FourierAxesOptions = {}): Tensor {
  return manyHalf("irfftn", x, options);
}

function manyReal(operation: string, x: Tensor, options: FourierAxesOptions): Tensor {
  const node = floatOf(operation, x);
  const places = placesOf(operation, node.shape, options);
  const direction = { operation, inverse: false, norm: options.norm };
  const [axis, n] = lastOf(operation, places);
  return new Tensor(overAxes(alongReal(node, axis, n, direction), places.slice(0, -1), direction));
}

function manyHalf(operation: string, x: Tensor, options: FourierAxesOptions): Tensor {
  const node = pairsOf(operation, x);
  const places = placesOf(operation, signal(node), options, (size, isLast) => (isLast ? whole(size) : size));
  const direction = { operation, inverse: true, norm: options.norm };
  const [axis, n] = lastOf(operation, places);
  return new Tensor(alongHalf(overAxes(node, places.slice(0, -1), direction), axis, n, direction));
}

function lastOf(operation: string, places: readonly (readonly [number, number])[]): readonly [number, number] {
  const last = places.at(-1);
  if (last) return last;
  throw new AxisError(`${operation}: expected at least one axis, got none`);
}

/**
 * The zero frequency moved from the front to the middle.
 * @param x any tensor, pairs among them
 * @param axes counted from the front, so that nobody moves the axis of the pairs by −1
 * @throws {AxisError} `fftshift: expected axes counted from the front, got -1. The last axis may be that of pairs`
 * @example (await fftshift(fftfreq(5), 0).toArray()) // [-0.4, -0.2, 0, 0.2, 0.4]
 */
export function fftshift<S extends Shape>(x: Tensor<S>, axes: number | readonly number[]): Tensor<S> {
  return shifted("fftshift", x, axes, Math.floor);
}

/**
 * The inverse of `fftshift`: they differ where sizes are odd.
 * @param axes counted from the front
 * @example (await ifftshift(fftshift(tensor([1, 2, 3]), 0), 0).toArray()) // [1, 2, 3]
 */
export function ifftshift<S extends Shape>(x: Tensor<S>, axes: number | readonly number[]): Tensor<S> {
  return shifted("ifftshift", x, axes, Math.ceil);
}

function shifted<S extends Shape>(
  operation: string,
  x: Tensor<S>,
  axes: number | readonly number[],
  half: (size: number) => number,
): Tensor<S> {
  const { shape } = nodeOf(operation, x);
  const list = typeof axes === "number" ? [axes] : axes;
  const wrong = list.find((axis) => axis < 0);
  if (wrong !== undefined)
    throw new AxisError(
      `${operation}: expected axes counted from the front, got ${wrong}. The last axis may be that of pairs`,
    );
  const sizes = list.map((axis) => shape[normalizeAxis(operation, axis, shape)] ?? 0);
  return roll(
    x,
    sizes.map((n) => half(n / 2)),
    list,
  );
}

/** How far apart samples lie. */
export interface FrequencyOptions extends CreateOptions {
  /** 1 by default. */
  readonly d?: number;
}

/**
 * The frequencies of `fft`'s values, in cycles per unit: [0, 1, …, −2, −1] / (n·d).
 * @param options d (the distance of samples, 1 by default), dtype, device
 * @example (await fftfreq(4).toArray()) // [0, 0.25, -0.5, -0.25]
 */
export function fftfreq(n: number, options: FrequencyOptions = {}): Tensor<[number]> {
  const index = arange(-Math.floor(points("fftfreq", n) / 2), Math.ceil(n / 2), options);
  return ifftshift(index, 0).mul(1 / (n * (options.d ?? 1)));
}

/**
 * The frequencies of `rfft`'s values, in cycles per unit: [0, 1, …, ⌊n/2⌋] / (n·d).
 * @param options d (the distance of samples, 1 by default), dtype, device
 * @example (await rfftfreq(5).toArray()) // [0, 0.2, 0.4]
 */
export function rfftfreq(n: number, options: FrequencyOptions = {}): Tensor<[number]> {
  return arange(Math.floor(points("rfftfreq", n) / 2) + 1, options).mul(1 / (n * (options.d ?? 1)));
}
