// Layers with a closed form: thresholds, random slopes, dropout that keeps mean and variance, distances.
import { compile, Generator, grad, randn, type Tensor, tensor } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import {
  AdaptiveAvgPool2d,
  AdaptiveMaxPool2d,
  AlphaDropout,
  CosineSimilarity,
  FeatureAlphaDropout,
  PairwiseDistance,
  RReLU,
  Threshold,
} from "./index.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const moments = (x: Tensor): [mean: number, variance: number] => {
  const list = numbers(x);
  const mean = list.reduce((sum, v) => sum + v, 0) / list.length;
  return [mean, list.reduce((sum, v) => sum + (v - mean) ** 2, 0) / list.length];
};

test("Threshold replaces what is not above", () => {
  const layer = new Threshold(0.5, 20);
  expect(numbers(layer.forward(tensor([0.4, 0.5, 0.6, Number.NaN, -1])))).toEqual([20, 20, Math.fround(0.6), 20, 20]);
  expect(numbers(grad((x: Tensor) => layer.forward(x).sum())(tensor([0.4, 0.6])))).toEqual([0, 1]);
});

describe("RReLU", () => {
  test("has the mean slope in evaluation, and slopes of its own for each element while training", () => {
    const layer = new RReLU({ lower: 0.25, upper: 0.75, generator: new Generator(1) });
    const x = tensor(new Float64Array(2000).map((_, i) => (i % 2 === 0 ? -2 : 3)));
    expect(numbers(layer.eval().forward(tensor([-2, 0, 3])))).toEqual([-1, 0, 3]);
    layer.train();
    const y = layer.forward(x);
    const slopes = numbers(y)
      .filter((_, i) => i % 2 === 0)
      .map((v) => v / -2);
    expect(numbers(y).filter((_, i) => i % 2 === 1)).toEqual(new Array(1000).fill(3));
    expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.25);
    expect(Math.max(...slopes)).toBeLessThan(0.75);
    const [mean, variance] = moments(tensor(slopes, { dtype: "float64" }));
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
    expect(Math.abs(variance - 0.25 / 12)).toBeLessThan(0.002);
    expect(numbers(layer.forward(x))).not.toEqual(numbers(y));
  });
  test("passes the gradient by the slope that it has drawn, in compiled steps as well", () => {
    const layer = new RReLU();
    let y = tensor(0) as Tensor;
    const g = grad((x: Tensor) => {
      y = layer.forward(x);
      return y.sum();
    })(tensor([-1, 2, -4]));
    const [a = 0, , c = 0] = numbers(y);
    expect(numbers(g)[0]).toBeCloseTo(-a, 6);
    expect(numbers(g)[2]).toBeCloseTo(-c / 4, 6);
    const step = compile((x: Tensor) => layer.forward(x));
    const seen = [0, 1, 2, 3, 4].map(() => `${numbers(step(tensor([-1, -1])))}`);
    expect(new Set(seen).size).toBe(5);
    layer.eval();
    expect(numbers(step(tensor([-1, 1])))).toEqual([Math.fround(-11 / 48), 1]);
  });
  test("wants an interval", () => {
    expect(() => new RReLU({ lower: 1, upper: 0.5 })).toThrow("RReLU: expected lower of at most upper, got 1 and 0.5");
  });
});

describe("AlphaDropout", () => {
  const saturated = -1.7580993408473766;
  test.each([0.1, 0.5, 0.9])("with p = %s keeps mean 0 and variance 1", (p) => {
    const x = randn([40_000], { generator: new Generator(2), dtype: "float64" });
    const [mean, variance] = moments(new AlphaDropout(p, { generator: new Generator(3) }).forward(x));
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
  });
  test("scales and shifts by the formula, and leaves evaluation, p = 0 and p = 1 alone", () => {
    const x = tensor(new Float64Array(100).fill(2));
    const p = 0.25;
    const a = 1 / Math.sqrt((1 - p) * (1 + p * saturated ** 2));
    const shift = -a * p * saturated;
    const y = numbers(new AlphaDropout(p, { generator: new Generator(1) }).forward(x));
    for (const v of y)
      expect(Math.min(Math.abs(v - (2 * a + shift)), Math.abs(v - (saturated * a + shift)))).toBeLessThan(1e-12);
    expect(new Set(y.map((v) => v.toFixed(9))).size).toBe(2);
    expect(numbers(new AlphaDropout(p).eval().forward(x))).toEqual(numbers(x));
    expect(numbers(new AlphaDropout(0).forward(x))).toEqual(numbers(x));
    expect(numbers(new AlphaDropout(1).forward(x))).toEqual(new Array(100).fill(0));
    expect(() => new AlphaDropout(2)).toThrow("AlphaDropout: expected a probability from 0 to 1, got 2");
  });
  test("of features keeps or drops channels whole", () => {
    const y = new FeatureAlphaDropout(0.5, { generator: new Generator(4) }).forward(
      tensor(new Float64Array(2 * 50 * 3).fill(1), { shape: [2, 50, 3] }),
    );
    const channels = (y.toArraySync() as number[][][]).flat();
    for (const channel of channels) expect(new Set(channel).size).toBe(1);
    expect(new Set(channels.map(([v]) => v)).size).toBe(2);
  });
});

test("adaptive pooling keeps the sizes that are null", () => {
  const x = randn([2, 3, 5, 4], { generator: new Generator(1), dtype: "float64" });
  expect(new AdaptiveAvgPool2d([null, 2]).forward(x).shape).toEqual([2, 3, 5, 2]);
  expect(numbers(new AdaptiveAvgPool2d([null, 2]).forward(x))).toEqual(
    numbers(new AdaptiveAvgPool2d([5, 2]).forward(x)),
  );
  expect(numbers(new AdaptiveMaxPool2d([1, null]).forward(x))).toEqual(numbers(x.max({ axis: 2 })));
});

test("distances", () => {
  const [a, b] = [
    tensor(
      [
        [3, 4],
        [1, 0],
      ],
      { dtype: "float64" },
    ),
    tensor(
      [
        [0, 0],
        [1, 1],
      ],
      { dtype: "float64" },
    ),
  ];
  expect(numbers(new PairwiseDistance({ eps: 0 }).forward(a, b))).toEqual([5, 1]);
  expect(numbers(new PairwiseDistance({ p: 1, eps: 0 }).forward(a, b))).toEqual([7, 1]);
  expect(new PairwiseDistance({ keepdims: true }).forward(a, b).shape).toEqual([2, 1]);
  expect(numbers(new PairwiseDistance().forward(a, a))[0]).toBeCloseTo(Math.SQRT2 * 1e-6, 12);
  expect(
    numbers(
      new CosineSimilarity().forward(
        a,
        tensor(
          [
            [3, 4],
            [1, 1],
          ],
          { dtype: "float64" },
        ),
      ),
    ),
  ).toEqual([1, expect.closeTo(Math.SQRT1_2, 12)]);
  expect(numbers(new CosineSimilarity({ axis: 0 }).forward(a, a))).toEqual([expect.closeTo(1, 12), 1]);
});
