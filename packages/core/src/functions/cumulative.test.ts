// Running products and logarithms of sums where gradients are usually wrong: zeros, infinities, long axes.
import { describe, expect, test } from "vitest";
import { cumprod, engineStatistics, grad, jvp, logcumsumexp, ones, type Tensor, tensor, zeros } from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededValues } from "../testing/seeded-values.ts";

const values = (x: Tensor): number[] => [...x.dataSync()];
const f64 = (list: readonly number[]): Tensor => tensor(Float64Array.from(list));

/** Σᵢ gᵢ·∂yᵢ/∂xⱼ for running products, by the definition: products that leave x[j] out. */
const slopesOf = (x: readonly number[], g: readonly number[]): number[] =>
  x.map((_, j) =>
    g.reduce(
      (sum, gi, i) => sum + (i < j ? 0 : gi * x.slice(0, i + 1).reduce((p, v, k) => (k === j ? p : p * v), 1)),
      0,
    ),
  );

describe("cumprod", () => {
  test.each([[[2, 0, 3, 4]], [[0, 2, 0, 3]], [[0, 0, 0]], [[-1, 2, -0.5]], [[5]]])(
    "the gradient of %s leaves factors out",
    (x) => {
      const g = x.map((_, i) => 0.5 + i);
      const actual = values(grad((y: Tensor) => cumprod(y, 0).mul(f64(g)).sum())(f64(x)));
      const expected = slopesOf(x, g);
      for (const [i, slope] of expected.entries()) expect(actual[i]).toBeCloseTo(slope, 12);
    },
  );
  test("derivatives of both orders and modes", async () => {
    await gradcheck((x) => cumprod(x, 0), [f64([2, 0, 3, 0, -1])], { order: 2 });
    await gradcheck((x) => cumprod(x, 1), [seededValues([2, 4, 2], { dtype: "float64" })], { order: 2 });
  });
  test("keeps the sign of zeros, wraps integers, takes bools and empty ones", () => {
    expect(values(cumprod(tensor([-1, 0, 5]), 0))).toEqual([-1, -0, -0]);
    expect(values(cumprod(tensor([65536, 65537, 3], { dtype: "int32" }), 0))).toEqual([65536, 65536, 196608]);
    expect(values(cumprod(tensor([true, false, true]), 0))).toEqual([1, 0, 0]);
    expect(values(cumprod(zeros([2, 0]), 1))).toEqual([]);
    expect(values(grad((x: Tensor) => cumprod(x, 1).sum())(zeros([2, 0])))).toEqual([]);
  });
  test("a long axis takes no more kernels than a short one", () => {
    const kernelsFor = (n: number): number => {
      const start = engineStatistics().kernels;
      expect(values(cumprod(ones([n]), 0)).at(-1)).toBe(1);
      return engineStatistics().kernels - start;
    };
    expect(kernelsFor(100_000)).toBe(kernelsFor(2));
    const slopes = values(grad((x: Tensor) => cumprod(x, 0).sum())(ones([100_000])));
    expect([slopes[0], slopes.at(-1)]).toEqual([100_000, 1]);
  });
});

describe("logcumsumexp", () => {
  const inf = Number.POSITIVE_INFINITY;
  test("huge, tiny and infinite values", () => {
    const naive = (x: readonly number[]): number[] =>
      x.map((_, i) => {
        const part = x.slice(0, i + 1);
        const m = Math.max(...part);
        return Number.isFinite(m) ? m + Math.log(part.reduce((sum, v) => sum + Math.exp(v - m), 0)) : m;
      });
    for (const x of [
      [1000, 1001, -1000, 999],
      [-1000, -1001, 5, 4],
      [-inf, -inf, -1000, 3],
      [-inf, 2, -inf, 1],
      [1, inf, 2],
      [-inf, inf, -inf],
      [-inf],
    ])
      for (const [i, y] of values(logcumsumexp(f64(x), 0)).entries()) {
        const expected = naive(x)[i] ?? Number.NaN;
        if (Number.isFinite(expected)) expect(y).toBeCloseTo(expected, 12);
        else expect(y).toBe(expected);
      }
    expect(values(logcumsumexp(tensor([1, Number.NaN, 2]), 0)).map(Number.isNaN)).toEqual([false, true, true]);
    expect(values(logcumsumexp(zeros([0]), 0))).toEqual([]);
  });
  test("gradients are shares, 0 where nothing but −∞ came", () => {
    expect(values(grad((x: Tensor) => logcumsumexp(x, 0).sum())(f64([-inf, 0, 0])))).toEqual([0, 1.5, 0.5]);
    expect(values(grad((x: Tensor) => logcumsumexp(x, 0).sum())(f64([1000, 1000])))).toEqual([1.5, 0.5]);
    expect(values(jvp((x: Tensor) => logcumsumexp(x, 0), [f64([1000, 1000])], [f64([1, 0])])[1])).toEqual([1, 0.5]);
  });
  test("derivatives of both orders and modes", async () => {
    await gradcheck((x) => logcumsumexp(x, 0), [f64([3, -2, 0.5, 0.5, 4])], { order: 2 });
    await gradcheck((x) => logcumsumexp(x, -1), [seededValues([2, 5], { dtype: "float64" })], { order: 2 });
  });
  test("integers become float32; a long axis", () => {
    expect(logcumsumexp(tensor([1, 2], { dtype: "int32" }), 0).dtype).toBe("float32");
    const y = values(logcumsumexp(zeros([100_000]), 0));
    expect(y.at(-1)).toBeCloseTo(Math.log(100_000), 5);
  });
});
