// Windows for spectra: what a frame is multiplied by, so that its ends fade.
import type { Shape } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkCount } from "./arguments.ts";
import { type CreateOptions, placementOf } from "./create.ts";

export interface WindowOptions extends CreateOptions {
  /** Whether the window is one period of an even function, for spectra (true by default), or symmetric, for filters. */
  readonly periodic?: boolean;
}

/** A function of the place between 0 and 1 along the window, computed in double precision. */
function windowed(
  operation: string,
  n: number,
  options: WindowOptions,
  f: (place: number) => number,
): Tensor<[number]> {
  checkCount(operation, "length", n);
  const last = options.periodic === false ? n - 1 : n;
  const values = Float64Array.from({ length: n }, (_, i) => (n === 1 ? 1 : f(i / last)));
  const shape: Shape = [n];
  const { requiresGrad = false } = options;
  return tensor(values, { ...placementOf(operation, options), shape, requiresGrad }) as Tensor<[number]>;
}

const cosine = (place: number, turns = 1): number => Math.cos(2 * Math.PI * turns * place);

/**
 * Hann's window, ½ − ½·cos(2πi/n).
 * @param options periodic (true by default), dtype, device
 * @throws {ArgumentError} `hannWindow: expected a whole length of at least 0, got -1`
 * @example (await hannWindow(4).toArray()) // [0, 0.5, 1, 0.5]
 */
export function hannWindow(n: number, options: WindowOptions = {}): Tensor<[number]> {
  return windowed("hannWindow", n, options, (place) => 0.5 - 0.5 * cosine(place));
}

/**
 * Hamming's window, 0.54 − 0.46·cos(2πi/n).
 * @param options periodic (true by default), dtype, device
 * @example (await hammingWindow(4).toArray()) // [0.08, 0.54, 1, 0.54]
 */
export function hammingWindow(n: number, options: WindowOptions = {}): Tensor<[number]> {
  return windowed("hammingWindow", n, options, (place) => 0.54 - 0.46 * cosine(place));
}

/**
 * Blackman's window, 0.42 − ½·cos(2πi/n) + 0.08·cos(4πi/n).
 * @param options periodic (true by default), dtype, device
 * @example (await blackmanWindow(4).toArray()) // [0, 0.34, 1, 0.34]
 */
export function blackmanWindow(n: number, options: WindowOptions = {}): Tensor<[number]> {
  return windowed("blackmanWindow", n, options, (place) => 0.42 - 0.5 * cosine(place) + 0.08 * cosine(place, 2));
}

/**
 * Bartlett's window, a triangle.
 * @param options periodic (true by default), dtype, device
 * @example (await bartlettWindow(4).toArray()) // [0, 0.5, 1, 0.5]
 */
export function bartlettWindow(n: number, options: WindowOptions = {}): Tensor<[number]> {
  return windowed("bartlettWindow", n, options, (place) => 1 - Math.abs(2 * place - 1));
}

/**
 * Kaiser's window, I₀(β·√(1 − (2i/n − 1)²)) / I₀(β).
 * @param options beta (12 by default), periodic (true by default), dtype, device
 * @example (await kaiserWindow(4, { beta: 2 }).toArray()) // [0.4387, 0.8348, 1, 0.8348]
 */
export function kaiserWindow(n: number, options: WindowOptions & { readonly beta?: number } = {}): Tensor<[number]> {
  const { beta = 12 } = options;
  return windowed("kaiserWindow", n, options, (place) => {
    const x = 2 * place - 1;
    return bessel(beta * Math.sqrt(Math.max(0, 1 - x * x))) / bessel(beta);
  });
}

/** I₀(x) = Σ ((x/2)ᵏ / k!)², all terms positive. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
