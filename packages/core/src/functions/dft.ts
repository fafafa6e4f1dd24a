// Discrete Fourier transforms of any length, on rows of pairs `[..., n, 2]` and on rows of real numbers `[..., n]`.
import type { Shape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { dft, unitRoots } from "../ops/fourier.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { complexNode, multiplied, swapped } from "./complex.ts";
import { realize } from "./evaluate.ts";
import { concatNodes } from "./join.ts";
import { narrowed } from "./shape.ts";

/** Tables by what they hold; those that were not asked for the longest go first. */
const tables = new Map<string, Tensor>();
const maxTables = 64;
const maxNumbers = 2 ** 22;

function remembered(name: string, { dtype, device }: Node, make: () => Tensor): Node {
  const key = `${name} ${dtype} ${device}`;
  const known = tables.get(key) ?? make();
  tables.delete(key);
  tables.set(key, known);
  let numbers = 0;
  for (const [other, table] of [...tables].reverse()) {
    numbers += table.size;
    if (other !== key && (numbers > maxNumbers || tables.size > maxTables)) tables.delete(other);
  }
  return known.node;
}

const table = (values: Float64Array, shape: Shape, { dtype, device }: Node): Tensor =>
  tensor(values, { shape, dtype, device });

const rootsOf = (n: number, like: Node): Node =>
  remembered(`roots ${n}`, like, () => table(unitRoots(n), [n, 2], like));

/** The routine unrolls passes for the factors of n: what is left after these takes another way. */
function largeFactor(n: number): number {
  let rest = n;
  for (const prime of [2, 3, 5, 7, 11, 13]) while (rest % prime === 0) rest /= prime;
  return rest;
}

/** scale · Σⱼ x[…, j] · e^{∓2πi·jk/n} for every k < n, of pairs `[..., n, 2]`. */
export function transformed(x: Node, inverse: boolean, scale: number): Node {
  const n = x.shape.at(-2) ?? 1;
  if (largeFactor(n) === 1) return makeNode(dft, [x, rootsOf(n, x)], { inverse, scale });
  // With re and im exchanged before and after, the transform is its own inverse but for the scale.
  return inverse ? swapped(chirped(swapped(x), n, scale)) : chirped(x, n, scale);
}

/**
 * Bluestein (1970): jk = (j² + k² − (k − j)²)/2 makes of a transform of any length a convolution, which transforms of a power of two
 * compute.
 */
function chirped(x: Node, n: number, scale: number): Node {
  const size = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const chirp = remembered(`chirp ${n}`, x, () => table(chirpOf(n), [n, 2], x));
  const filter = remembered(`filter ${n}`, x, () => filterOf(n, size, x));
  const zeros = x.shape.map(() => 0);
  const ones = x.shape.map(() => 1);
  const padded = b.pad(multiplied(x, chirp), zeros, zeros.with(-2, size - n), ones);
  const spectrum = multiplied(transformed(padded, false, 1), filter);
  const convolved = transformed(spectrum, true, scale / size);
  return multiplied(narrowed(convolved, x.shape.length - 2, 0, n), chirp);
}

/** e^{−πi·k²/n}, k² taken modulo 2n in whole numbers. */
function chirpOf(n: number): Float64Array {
  const roots = unitRoots(2 * n);
  const chirp = new Float64Array(2 * n);
  for (let k = 0; k < n; k++) {
    const at = 2 * Number((BigInt(k) * BigInt(k)) % BigInt(2 * n));
    chirp[2 * k] = roots[at] ?? 0;
    chirp[2 * k + 1] = -(roots[at + 1] ?? 0);
  }
  return chirp;
}

/** The transform of the conjugate chirp, which goes on to both sides; in double precision, rounded once. */
function filterOf(n: number, size: number, like: Node): Tensor {
  const chirp = chirpOf(n);
  const values = new Float64Array(2 * size);
  for (let k = 0; k < n; k++)
    for (const at of [k, (size - k) % size]) {
      values[2 * at] = chirp[2 * k] ?? 0;
      values[2 * at + 1] = -(chirp[2 * k + 1] ?? 0);
    }
  const wide = tensor(values, { shape: [size, 2], device: like.device });
  const filter = new Tensor(transformed(wide.node, false, 1)).to(like.dtype);
  realize(filter);
  return filter;
}

/** The first ⌊n/2⌋ + 1 values of the transform of real rows `[..., n]`: `[..., ⌊n/2⌋ + 1, 2]`. */
export function realTransformed(x: Node, scale: number): Node {
  const n = x.shape.at(-1) ?? 1;
  const half = Math.floor(n / 2);
  const axis = x.shape.length - 1;
  if (n % 2 === 1) return narrowed(transformed(complexNode(x), false, scale), axis, 0, half + 1);
  // Neighbours as pairs make half the length: z[j] = x[2j] + i·x[2j + 1], and Z[half] is Z[0].
  const z = transformed(b.reshape(x, [...x.shape.slice(0, -1), half, 2]), false, 1);
  const around = concatNodes([z, narrowed(z, axis, 0, 1)], axis);
  return combined(around, reversed(around), mixOf(n, half + 1, false, scale, x));
}

/** The real rows `[..., n]` whose transform begins with x `[..., ⌊n/2⌋ + 1, 2]`, times n·scale. */
export function realInverted(x: Node, n: number, scale: number): Node {
  const half = Math.floor(n / 2);
  const axis = x.shape.length - 2;
  if (n % 2 === 1) {
    // All but the first stand for two.
    const weights = remembered(`weights ${n}`, x, () => table(weightsOf(half + 1), [half + 1, 1], x));
    const zeros = x.shape.map(() => 0);
    const ones = x.shape.map(() => 1);
    const padded = b.pad(b.mul(x, weights), zeros, zeros.with(-2, n - half - 1), ones);
    const y = narrowed(transformed(padded, true, scale), axis + 1, 0, 1);
    return b.reshape(y, y.shape.slice(0, -1));
  }
  const z = combined(narrowed(x, axis, 0, half), narrowed(reversed(x), axis, 0, half), mixOf(n, half, true, 1, x));
  return b.reshape(transformed(z, true, scale), [...x.shape.slice(0, -2), n]);
}

const weightsOf = (count: number): Float64Array => Float64Array.from({ length: count }, (_, k) => (k === 0 ? 1 : 2));

/** Rows of pairs from the last to the first. */
function reversed(x: Node): Node {
  const zeros = x.shape.map(() => 0);
  const last = (x.shape.at(-2) ?? 1) - 1;
  return b.slice(x, zeros.with(-2, last), zeros.map(() => 1).with(-2, -1), x.shape);
}

/** x·P + conj(y)·Q for every k, of which `mix` holds the four products of real parts. */
function combined(x: Node, y: Node, mix: Node): Node {
  const [, count = 0] = mix.shape;
  const [a, c, d, e] = [0, 1, 2, 3].map((i) => b.reshape(narrowed(mix, 0, i, 1), [count, 2]));
  if (!a || !c || !d || !e) return x;
  return b.add(b.add(b.mul(x, a), b.mul(swapped(x), c)), b.add(b.mul(y, d), b.mul(swapped(y), e)));
}

/**
 * What takes the transform Z of pairs of neighbours to that of the real rows, X[k] = Z[k]·P + conj(Z[n/2 − k])·Q with
 * P = (1 − i·w)/2, Q = (1 + i·w)/2, w = e^{−2πi·k/n}; or back, with w's conjugate and without the halves.
 */
const mixOf = (n: number, count: number, inverse: boolean, scale: number, like: Node): Node =>
  remembered(`mix ${n} ${inverse} ${scale}`, like, () => {
    const roots = unitRoots(n);
    const values = new Float64Array(8 * count);
    const factor = inverse ? scale : scale / 2;
    for (let k = 0; k < count; k++) {
      const [c, s] = [roots[2 * k] ?? 0, roots[2 * k + 1] ?? 0];
      const side = inverse ? c : -c;
      // The imaginary parts at 0 and n/2 do not count.
      const counts = inverse && k === 0 ? 0 : 1;
      values.set(
        [1 - s, counts * (1 - s)].map((x) => factor * x),
        2 * k,
      );
      values.set(
        [counts * -side, side].map((x) => factor * x),
        2 * (count + k),
      );
      values.set(
        [1 + s, -counts * (1 + s)].map((x) => factor * x),
        2 * (2 * count + k),
      );
      values.set(
        [-counts * side, -side].map((x) => factor * x),
        2 * (3 * count + k),
      );
    }
    return table(values, [4, count, 2], like);
  });
