// Values and derivatives of the elementwise records, on plain numbers: against central differences, and where those fail by hand.
import { describe, expect, test } from "vitest";
import type { Attrs } from "../graph/node.ts";
import { noAttrs } from "../graph/node.ts";
import type { Elementwise } from "../graph/rules.ts";
import { type Scalar, scalarAlgebra } from "../testing/scalar-algebra.ts";
import { clamp, gelu, geluTanh, hardtanh, logSigmoid, relu, sigmoid, softplus } from "./activation.ts";
import {
  abs,
  add,
  ceil,
  div,
  floor,
  mod,
  mul,
  neg,
  reciprocal,
  round,
  sign,
  square,
  sub,
  trunc,
} from "./arithmetic.ts";
import { maximum, minimum, select } from "./compare.ts";
import { threefry, threefryBlock } from "./random.ts";
import { atan2, cos, erf, exp, expm1, log, log1p, pow, rsqrt, sin, sqrt, tan, tanh } from "./transcendental.ts";

const real = (value: number): Scalar => ({ value, dtype: "float64" });

const evaluate = (op: Elementwise, xs: readonly number[], attrs: Attrs = noAttrs): number =>
  op.body(scalarAlgebra, attrs, ...xs.map(real)).value;

function partialOf(op: Elementwise, index: number, xs: readonly number[], attrs: Attrs = noAttrs, g = 1): number {
  const inputs = xs.map(real);
  const partial = op.partials(attrs)[index];
  if (!partial) throw new Error(`${op.name} has no partial ${index}`);
  return partial(scalarAlgebra, real(g), op.body(scalarAlgebra, attrs, ...inputs), ...inputs).value;
}

function slope(op: Elementwise, index: number, xs: readonly number[], attrs: Attrs): number {
  const h = 1e-5 * Math.max(1, Math.abs(xs[index] ?? 0));
  const at = (d: number): number => evaluate(op, xs.with(index, (xs[index] ?? 0) + d), attrs);
  // Richardson's extrapolation: the error is of order h⁴.
  return (4 * ((at(h / 2) - at(-h / 2)) / h) - (at(h) - at(-h)) / (2 * h)) / 3;
}

const anywhere = [-3.7, -1.2, -0.4, 0.3, 0.9, 2.6, 5.1];
const positive = [0.02, 0.3, 1, 2.6, 40];
const pairs = [
  [0.7, 1.9],
  [-2.3, 0.8],
  [3.1, -1.4],
  [-0.6, -2.7],
];

const unaries: readonly [Elementwise, readonly number[], Attrs?][] = [
  [neg, anywhere],
  [abs, anywhere],
  [exp, anywhere],
  [expm1, [...anywhere, 0]],
  [log, positive],
  [log1p, [...positive, 0, -0.6]],
  [sin, [...anywhere, 0]],
  [cos, [...anywhere, 0]],
  [tan, [-1.2, 0, 0.4, 1.1]],
  [tanh, [...anywhere, 0]],
  [erf, [...anywhere, 0]],
  [sqrt, positive],
  [rsqrt, positive],
  [square, [...anywhere, 0]],
  [reciprocal, anywhere],
  [sigmoid, [...anywhere, 0]],
  [relu, anywhere],
  [clamp, anywhere, { min: -1, max: 2 }],
  [clamp, anywhere, { min: null, max: 2 }],
  [clamp, anywhere, { min: -1, max: null }],
  [hardtanh, anywhere, { min: -1, max: 2 }],
  [softplus, [...anywhere, 0]],
  [logSigmoid, [...anywhere, 0]],
  [gelu, [...anywhere, 0]],
  [geluTanh, [...anywhere, 0]],
];

const binaries: readonly [Elementwise, readonly (readonly number[])[]][] = [
  [add, pairs],
  [sub, pairs],
  [mul, pairs],
  [div, pairs],
  [mod, pairs],
  [maximum, pairs],
  [minimum, pairs],
  [atan2, pairs],
  [
    pow,
    [
      [0.7, 1.9],
      [2.3, -0.8],
      [3, 4],
      [1.5, 0],
      [12, 0.5],
    ],
  ],
];

describe("partials agree with central differences", () => {
  test.each(unaries.map(([op, points, attrs]) => [op.name, op, points, attrs ?? noAttrs] as const))(
    "%s",
    (_, op, points, attrs) => {
      for (const x of points) {
        const expected = slope(op, 0, [x], attrs);
        expect(partialOf(op, 0, [x], attrs), `at ${x}`).toBeCloseTo(expected, 6);
        expect(partialOf(op, 0, [x], attrs, -2.5), `g = -2.5 at ${x}`).toBeCloseTo(-2.5 * expected, 6);
      }
    },
  );
  test.each(binaries.map(([op, points]) => [op.name, op, points] as const))("%s", (_, op, points) => {
    for (const xs of points)
      for (const index of [0, 1])
        expect(partialOf(op, index, xs), `input ${index} at ${xs}`).toBeCloseTo(slope(op, index, xs, noAttrs), 5);
  });
  test("where", () => {
    expect(partialOf(select, 1, [1, 5, 6])).toBe(1);
    expect(partialOf(select, 2, [1, 5, 6])).toBe(0);
    expect(partialOf(select, 1, [0, 5, 6], noAttrs, Number.POSITIVE_INFINITY)).toBe(0);
    expect(partialOf(select, 2, [0, 5, 6])).toBe(1);
  });
});

describe("derivatives at kinks and edges", () => {
  test("abs and relu are flat at 0", () => {
    expect(partialOf(abs, 0, [0])).toBe(0);
    expect(partialOf(relu, 0, [0])).toBe(0);
    expect(partialOf(relu, 0, [-1], noAttrs, Number.POSITIVE_INFINITY)).toBe(0);
    expect(partialOf(abs, 0, [-2], noAttrs, Number.POSITIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
  });
  test("clamp counts its bounds as inside, hardtanh as outside", () => {
    const bounds = { min: 0, max: 6 };
    expect([-1, 0, 3, 6, 7].map((x) => partialOf(clamp, 0, [x], bounds))).toEqual([0, 1, 1, 1, 0]);
    expect([-1, 0, 3, 6, 7].map((x) => partialOf(hardtanh, 0, [x], bounds))).toEqual([0, 0, 1, 0, 0]);
  });
  test("maximum and minimum share ties", () => {
    for (const op of [maximum, minimum])
      expect([0, 1].map((i) => partialOf(op, i, [2, 2], noAttrs, 3))).toEqual([1.5, 1.5]);
    expect(partialOf(maximum, 0, [1, 2], noAttrs, Number.POSITIVE_INFINITY)).toBe(0);
    expect(partialOf(minimum, 1, [1, 2], noAttrs, Number.POSITIVE_INFINITY)).toBe(0);
  });
  test("sqrt is infinitely steep at 0", () => {
    expect(partialOf(sqrt, 0, [0])).toBe(Number.POSITIVE_INFINITY);
  });
  test("pow in its base, at 0 and below", () => {
    expect([0, 1, 2, 3].map((p) => partialOf(pow, 0, [0, p]))).toEqual([0, 1, 0, 0]);
    expect(partialOf(pow, 0, [0, 0.5])).toBe(Number.POSITIVE_INFINITY);
    expect(partialOf(pow, 0, [-2, 3])).toBe(12);
    expect(partialOf(pow, 0, [-2, -1])).toBe(-0.25);
    expect(partialOf(pow, 0, [5, 0])).toBe(0);
    expect(partialOf(pow, 0, [Number.POSITIVE_INFINITY, 0])).toBe(0);
  });
  test("pow in its exponent, at base 0", () => {
    expect([0, 1, 2.5].map((p) => partialOf(pow, 1, [0, p]))).toEqual([0, 0, 0]);
    expect(partialOf(pow, 1, [2, 3])).toBeCloseTo(8 * Math.LN2, 12);
    expect(partialOf(pow, 1, [-2, 3])).toBeNaN();
  });
  test("roundings and signs have no derivative", () => {
    for (const op of [floor, ceil, trunc, round, sign]) expect(op.partials(noAttrs)).toEqual([null]);
  });
});

describe("values at the ends of the range", () => {
  test("sigmoid and its logarithm saturate without overflow", () => {
    expect(evaluate(sigmoid, [1000])).toBe(1);
    expect(evaluate(sigmoid, [-1000])).toBe(0);
    expect(evaluate(logSigmoid, [-1000])).toBe(-1000);
    expect(evaluate(softplus, [1000])).toBe(1000);
    expect(evaluate(softplus, [-40])).toBeCloseTo(4.248354255291589e-18, 30);
  });
  test("their derivatives keep the relative accuracy of small results", () => {
    for (const x of [-20, -40, -600]) {
      expect(partialOf(softplus, 0, [x]) / Math.exp(x)).toBeCloseTo(1, 8);
      expect(partialOf(sigmoid, 0, [x]) / Math.exp(x)).toBeCloseTo(1, 8);
      expect(partialOf(logSigmoid, 0, [-x]) / Math.exp(x)).toBeCloseTo(1, 8);
    }
    expect(partialOf(logSigmoid, 0, [-800])).toBe(1);
    expect(partialOf(softplus, 0, [800])).toBe(1);
  });
  test("gelu far out", () => {
    expect(evaluate(gelu, [40])).toBe(40);
    expect(Math.abs(evaluate(gelu, [-40]))).toBe(0);
    expect(partialOf(gelu, 0, [40])).toBe(1);
    expect(partialOf(geluTanh, 0, [-40])).toBeCloseTo(0, 12);
  });
});

describe("threefry", () => {
  const int = (value: number): Scalar => ({ value: value | 0, dtype: "int32" });
  test("gives the published words for 13 rounds", () => {
    const [x, y] = threefryBlock(scalarAlgebra, int(0), int(0), int(0), int(0));
    expect([x.value >>> 0, y.value >>> 0]).toEqual([0x9d1c5ec6, 0x8bd50731]);
    const ones = int(-1);
    const [v, w] = threefryBlock(scalarAlgebra, ones, ones, ones, ones);
    expect([v.value >>> 0, w.value >>> 0]).toEqual([0xfd36d048, 0x2d17272c]);
    const pi = threefryBlock(scalarAlgebra, int(0x243f6a88), int(0x85a308d3), int(0x13198a2e), int(0x03707344));
    expect(pi.map((word) => word.value >>> 0)).toEqual([0xba3e4725, 0xf27d669e]);
  });
  test("bits are even and change with every input", () => {
    const word = (counter: number, key0: number, key1: number): number =>
      threefry.body(scalarAlgebra, noAttrs, int(counter), int(key0), int(key1)).value;
    let ones = 0;
    for (let i = 0; i < 1000; i++) for (let bit = 0; bit < 32; bit++) ones += (word(i, 7, 9) >>> bit) & 1;
    expect(Math.abs(ones / 32000 - 0.5)).toBeLessThan(0.01);
    expect(new Set([word(0, 0, 0), word(1, 0, 0), word(0, 1, 0), word(0, 0, 1)]).size).toBe(4);
  });
});
