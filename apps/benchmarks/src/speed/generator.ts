// The deterministic weights and data that all frameworks start from.
import type { ValuesSpec } from "./specification.ts";

/** A mixing function of 32-bit integers with full avalanche (Wellons, "Prospecting for hash functions", 2018). */
export function hash(x: number): number {
  let mixed = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Number i of stream `seed`: uniform in [0, 1), a multiple of 2⁻²⁴. */
export const uniformAt = (seed: number, i: number): number =>
  (hash((i + Math.imul(seed, 0x9e3779b9)) | 0) >>> 8) / 2 ** 24;

export type Values = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** The values of a tensor in row-major order; int32 for ids. Batch b of the data uses seed + b. */
export function generate(spec: ValuesSpec, batch = 0): Values {
  const { shape, init, bound, n, values } = spec;
  const length = shape.reduce((a, b) => a * b, 1);
  const seed = spec.seed + batch;
  switch (init) {
    case "randint":
      return fill(new Int32Array(length), (i) => Math.floor(uniformAt(seed, i) * n));
    case "uniform":
      return fill(new Float32Array(length), (i) => (2 * uniformAt(seed, i) - 1) * bound);
    case "uniform01":
      return fill(new Float32Array(length), (i) => uniformAt(seed, i));
    case "values":
      return Float32Array.from(values);
    case "zeros":
      return new Float32Array(length);
    case "ones":
      return new Float32Array(length).fill(1);
  }
}

function fill<Array extends Values>(array: Array, value: (i: number) => number): Array {
  for (let i = 0; i < array.length; i++) array[i] = value(i);
  return array;
}

/** A square matrix or a vector for the workloads that train nothing. */
export const uniformValues = (shape: readonly number[], bound: number, seed: number): Values =>
  generate({ name: "", shape: [...shape], init: "uniform", bound, seed, n: 0, values: [] });

/** 0 … n − 1 in an order that the seed decides (Fisher and Yates, from the end). */
export function permutation(seed: number, n: number): Int32Array<ArrayBuffer> {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniformAt(seed, i) * (i + 1));
    const other = order[j] ?? 0;
    order[j] = order[i] ?? 0;
    order[i] = other;
  }
  return order;
}
