// Vector functions of float32 against JavaScript's in double precision, in units of the last place.
import { describe, expect, it } from "vitest";
import type { Instruction } from "../../base/instruction.ts";
import { erf } from "../../kernel/erf.ts";
import { floorMod, pow } from "../../kernel/scalar.ts";
import { loadKernel } from "./harness.ts";
import { apply, literal, load, map, once, random } from "./kernel-samples.ts";

const bits = new DataView(new ArrayBuffer(4));

/** How many float32 lie between, counted from the exact value. */
function distance(got: number, want: number): number {
  const rounded = Math.fround(want);
  if (Object.is(got, rounded)) return 0;
  if (got === rounded || Number.isNaN(got) || Number.isNaN(want)) return Number.POSITIVE_INFINITY;
  if (!Number.isFinite(got) || !Number.isFinite(rounded)) return Number.POSITIVE_INFINITY;
  bits.setFloat32(0, rounded);
  const exponent = Math.max(1, (bits.getInt32(0) >>> 23) & 255);
  return Math.abs(got - want) / 2 ** (exponent - 150);
}

function worst(
  op: Instruction,
  inputs: readonly Float32Array[],
  exact: (x: number, y: number) => number,
  relaxedSimd: boolean,
) {
  const n = inputs[0]?.length ?? 0;
  const args = inputs.map((_, slot) => load(slot, "float32", [n], [1]));
  const kernel = map([n], once(inputs.length, apply(op, "float32", ...args), [n], [1]));
  const slots = [...inputs, new Float32Array(n)];
  const loaded = loadKernel(
    kernel,
    slots.map(() => "float32"),
    slots,
    [],
    { relaxedSimd },
  );
  loaded.run();
  let largest = { ulps: 0, x: 0, y: 0, got: 0, want: 0 };
  loaded.slots.at(-1)?.forEach((got, i) => {
    const [x = 0, y = 0] = inputs.map((input) => input[i]);
    const want = exact(x, y);
    const ulps = distance(got, want);
    if (ulps > largest.ulps) largest = { ulps, x, y, got, want };
  });
  return largest;
}

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  1e-45,
  -1e-45,
  1.2e-38,
  -1.2e-38,
  1e-30,
  0.625,
  0.925,
  9.02,
  3.95,
  88.72283,
  88.7229,
  -87.4,
  -103.9,
  -104,
  -150,
  16777216,
  16777217,
  33554434,
  134217728,
  1e10,
  -1e20,
  3.4e38,
  -3.4e38,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** All exponents and signs, then numbers of everyday size. */
function samples(count: number): Float32Array {
  const next = random(count);
  const out = new Float32Array(count);
  const patterns = new Int32Array(out.buffer);
  for (let i = 0; i < count; i++)
    if (i % 3 === 0) patterns[i] = Math.floor(next() * 2 ** 32) | 0;
    else out[i] = (next() - 0.5) * [2, 20, 200, 20_000][i % 4]!;
  out.set(special);
  return out;
}

const unary = {
  exp: [Math.exp, 1.1],
  expm1: [Math.expm1, 1.6],
  log: [Math.log, 1],
  log1p: [Math.log1p, 1.6],
  sin: [Math.sin, 1.6],
  cos: [Math.cos, 1.6],
  tan: [Math.tan, 0.51],
  tanh: [Math.tanh, 1.5],
  erf: [erf, 1.5],
  sqrt: [Math.sqrt, 0.5],
} as const;

const binary = {
  pow: [pow, 0.51],
  atan2: [Math.atan2, 0.51],
  mod: [floorMod, 0.5],
} as const;

describe.each([true, false])("functions of float32, relaxed SIMD %s", (relaxedSimd) => {
  const x = samples(300_000);
  for (const [op, [exact, limit]] of Object.entries(unary))
    it(`${op} is within ${limit} units`, () => {
      const largest = worst(op as Instruction, [x], exact, relaxedSimd);
      expect(largest.ulps, JSON.stringify(largest)).toBeLessThanOrEqual(limit);
    });

  it("1 + exp comes to the bits of both one after the other", () => {
    const edges = Float32Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 88.3 + i * 1.25e-4 : -85 - i * 1e-3));
    const inputs = Float32Array.of(...x.subarray(0, 50_000), ...edges);
    const n = inputs.length;
    const power = apply("exp", "float32", load(0, "float32", [n], [1]));
    const sum = apply("add", "float32", literal(1), power);
    const run = (alsoPower: boolean): Float32Array => {
      const stores = [once(1, sum, [n], [1]), ...(alsoPower ? [once(2, power, [n], [1])] : [])];
      const slots = [inputs, new Float32Array(n), new Float32Array(n)].slice(0, alsoPower ? 3 : 2);
      const dtypes = slots.map(() => "float32" as const);
      const loaded = loadKernel(map([n], ...stores), dtypes, slots, [], { relaxedSimd });
      loaded.run();
      return Float32Array.from(loaded.slots[1] ?? []);
    };
    expect(run(false)).toEqual(run(true));
  });

  const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));
  const next = random(9);
  for (let i = 0; i < 100_000; i++) {
    const a = x[Math.floor(next() * x.length)] ?? 0;
    pairs.push(i % 2 === 0 ? [Math.abs(a), (next() - 0.5) * 40] : [a, x[Math.floor(next() * x.length)] ?? 0]);
    pairs.push([a, Math.round((next() - 0.5) * 8) / 2]);
  }
  const left = new Float32Array(pairs.map(([a]) => a));
  const right = new Float32Array(pairs.map(([, b]) => b));
  for (const [op, [exact, limit]] of Object.entries(binary))
    it(`${op} is within ${limit} units`, () => {
      const largest = worst(op as Instruction, [left, right], exact, relaxedSimd);
      expect(largest.ulps, JSON.stringify(largest)).toBeLessThanOrEqual(limit);
    });

  const neighbours = [Number.NaN, 3e38, -1e10, Number.POSITIVE_INFINITY, 0, -2.5];
  for (const op of [...Object.keys(unary), ...Object.keys(binary)])
    it(`${op} of a number is the same whatever numbers stand beside it`, () => {
      const count = 5000;
      const isBinary = op in binary;
      const run = (others: (value: number, lane: number) => number): Float32Array => {
        const inputs = (isBinary ? [left, right] : [x]).map((values) =>
          Float32Array.from({ length: 4 * count }, (_, i) => {
            const value = values[i >> 2] ?? 0;
            return i % 4 === (i >> 2) % 4 ? value : others(value, i);
          }),
        );
        const n = 4 * count;
        const args = inputs.map((_, slot) => load(slot, "float32", [n], [1]));
        const kernel = map([n], once(inputs.length, apply(op as Instruction, "float32", ...args), [n], [1]));
        const slots = [...inputs, new Float32Array(n)];
        const dtypes = slots.map(() => "float32" as const);
        const loaded = loadKernel(kernel, dtypes, slots, [], { relaxedSimd });
        loaded.run();
        return Float32Array.from(loaded.slots.at(-1) ?? []).filter((_, i) => i % 4 === (i >> 2) % 4);
      };
      expect(run((_, i) => neighbours[i % neighbours.length] ?? 0)).toEqual(run((value) => value));
    });
});
