// Distributions: moments and distribution functions of many draws, edges, seeds, and the gradients of parameters.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, Generator, type RandomOptions, type Tensor, tensor, zeros } from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { differentiable } from "./gamma-gradient.ts";

const { device: usual } = zeros([]);
/** Draws for each comparison: the interpreter is slow. */
let count = 4000;
const list = (x: Tensor): number[] => [...x.dataSync()];
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const erf = (x: number): number => {
  // Enough terms of the series for |x| < 4.
  let [term, sum] = [x, x];
  for (let k = 1; k < 100; k++) {
    term *= (-x * x) / k;
    sum += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
};
const normal = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;

type Draw = (options: RandomOptions) => Tensor;

/** The largest distance of the draws' distribution function from the true one: below 1.95/√n but once in 1000 times. */
function distance(values: readonly number[], distribution: (x: number) => number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.max(
    ...sorted.map((x, i) => {
      const p = distribution(x);
      return Math.max(Math.abs(p - i / values.length), Math.abs(p - (i + 1) / values.length));
    }),
  );
}

const continuous: Record<string, [Draw, (x: number) => number]> = {
  exponential: [(o) => ct.exponential([count], { ...o, rate: 2 }), (x) => 1 - Math.exp(-2 * x)],
  laplace: [
    (o) => ct.laplace([count], { ...o, loc: 1, scale: 2 }),
    (x) => (x < 1 ? Math.exp((x - 1) / 2) / 2 : 1 - Math.exp((1 - x) / 2) / 2),
  ],
  gumbel: [(o) => ct.gumbel([count], { ...o, loc: -1, scale: 0.5 }), (x) => Math.exp(-Math.exp(-(x + 1) / 0.5))],
  cauchy: [(o) => ct.cauchy([count], { ...o, loc: 3 }), (x) => 0.5 + Math.atan(x - 3) / Math.PI],
  logNormal: [(o) => ct.logNormal([count], { ...o, std: 0.5 }), (x) => normal(Math.log(x) / 0.5)],
  truncatedNormal: [
    (o) => ct.truncatedNormal([count], { ...o, mean: 1, std: 2, low: 0, high: 4 }),
    (x) => (normal((x - 1) / 2) - normal(-0.5)) / (normal(1.5) - normal(-0.5)),
  ],
  "gamma of 1": [(o) => ct.gamma([count], 1, { ...o, rate: 3 }), (x) => 1 - Math.exp(-3 * x)],
  "gamma of ½": [(o) => ct.gamma([count], 0.5, o), (x) => erf(Math.sqrt(x))],
  "gamma of 3": [(o) => ct.gamma([count], 3, o), (x) => 1 - Math.exp(-x) * (1 + x + (x * x) / 2)],
  "beta of 2 and 1": [(o) => ct.beta([count], 2, 1, o), (x) => x * x],
  "beta of ½ and ½": [(o) => ct.beta([count], 0.5, 0.5, o), (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
};

const poissonOf = (rate: number, most: number): number[] => {
  let p = Math.exp(-rate);
  return Array.from({ length: most }, (_, k) => {
    if (k > 0) p *= rate / k;
    return p;
  });
};

const discrete: Record<string, [Draw, number[]]> = {
  "poisson of 0.3": [(o) => ct.poisson([count], 0.3, o), poissonOf(0.3, 10)],
  "poisson of 7": [(o) => ct.poisson([count], 7, o), poissonOf(7, 40)],
  "poisson of 10": [(o) => ct.poisson([count], 10, o), poissonOf(10, 60)],
  "poisson of 60": [(o) => ct.poisson([count], tensor(60), o), poissonOf(60, 160)],
  geometric: [
    (o) => ct.geometric([count], 0.3, o),
    Array.from({ length: 60 }, (_, k) => (k === 0 ? 0 : 0.3 * 0.7 ** (k - 1))),
  ],
  binomial: [(o) => ct.binomial([count], 3, 0.25, o), [27 / 64, 27 / 64, 9 / 64, 1 / 64]],
  categorical: [
    (o) =>
      ct.categorical(tensor([0, Math.log(3), -Infinity, Math.log(4)]), {
        ...(o.generator ? { generator: o.generator } : {}),
        shape: [count],
      }),
    [1 / 8, 3 / 8, 0, 4 / 8],
  ],
  multinomial: [
    (o) =>
      ct.multinomial(tensor([2, 0, 6]), count, {
        ...(o.generator ? { generator: o.generator } : {}),
        replacement: true,
      }),
    [1 / 4, 0, 3 / 4],
  ],
};

describe.each(deviceNames())("distributions on %s", (device) => {
  beforeAll(() => {
    ct.setDefaultDevice(device);
    count = device === "reference" ? 400 : 4000;
  });
  afterAll(() => ct.setDefaultDevice(usual));

  for (const dtype of ["float32", "float64"] as const)
    test.each(Object.entries(continuous))(
      `%s, ${dtype}, follows its distribution function`,
      (_, [draw, distribution]) => {
        const values = list(draw({ generator: new Generator(1), dtype }));
        expect(values.every(Number.isFinite)).toBe(true);
        expect(distance(values, distribution)).toBeLessThan(1.95 / Math.sqrt(count));
      },
    );
  test.each(Object.entries(discrete))("%s has the right frequencies", (_, [draw, probabilities]) => {
    const values = list(draw({ generator: new Generator(2) }));
    expect(values.every((x) => Number.isInteger(x) && x >= 0 && x < probabilities.length)).toBe(true);
    let squares = 0;
    let classes = 0;
    for (const [k, p] of probabilities.entries()) {
      const found = values.filter((x) => x === k).length;
      if (p === 0) expect(found).toBe(0);
      if (p * count < 5) continue;
      squares += (found - p * count) ** 2 / (p * count);
      classes++;
    }
    // χ² exceeds its mean by 5 deviations about once in 10⁴ times.
    expect(squares).toBeLessThan(classes + 5 * Math.sqrt(2 * classes));
  });
  test("poisson of large rates, and of several at once", () => {
    const rates = tensor([0, 2, 50, 1e5]);
    const draws = ct.poisson([count, 4], rates, { generator: new Generator(3) });
    const columns = [0, 1, 2, 3].map((j) => list(ct.select(draws, 1, j)));
    [0, 2, 50, 1e5].forEach((rate, j) => {
      expect(Math.abs(mean(columns[j]!) - rate)).toBeLessThanOrEqual(4 * Math.sqrt(rate / count));
      const spread = mean(columns[j]!.map((x) => (x - rate) ** 2));
      if (rate > 0) expect(Math.abs(spread / rate - 1)).toBeLessThan(10 / Math.sqrt(count));
    });
  });
  test("parameters broadcast to the shape", () => {
    const scale = tensor([[1], [1000]]);
    const draws = ct.exponential([2, 500], { rate: ct.reciprocal(scale), generator: new Generator(4) });
    const [few, many] = ct.unstack(draws).map((x) => mean(list(x)));
    expect(many! / few!).toBeGreaterThan(500);
    expect(() => ct.exponential([3], { rate: tensor([1, 2]) })).toThrow();
    expect(ct.gamma([2, 3], tensor([1, 2, 3])).shape).toEqual([2, 3]);
  });
  test("dirichlet sums to 1 and has its means", () => {
    const draws = ct.dirichlet(tensor([1, 2, 5]), { shape: [count], generator: new Generator(5) });
    for (const sum of list(draws.sum({ axis: 1 }))) expect(sum).toBeCloseTo(1, 5);
    list(draws.mean({ axis: 0 })).forEach((m, i) => {
      expect(Math.abs(m - [1, 2, 5][i]! / 8)).toBeLessThan(1 / Math.sqrt(count));
    });
  });
  test("multinomial without replacement draws each class once, likely ones first", () => {
    const p = tensor([
      [1, 1, 8],
      [0, 1, 1],
    ]);
    const draws = Array.from({ length: 200 }, (_, i) => ct.multinomial(p, 2, { generator: new Generator(i) }));
    const rows = draws.map((x) => list(x));
    expect(draws[0]!.shape).toEqual([2, 2]);
    expect(rows.every(([a, b, c, d]) => a !== b && new Set([c, d]).size === 2 && c !== 0 && d !== 0)).toBe(true);
    const share = mean(rows.map(([a]) => (a === 2 ? 1 : 0)));
    expect(Math.abs(share - 0.8)).toBeLessThan(0.12);
    expect(() => ct.multinomial(p, 4)).toThrow("multinomial: expected at most 3 draws without replacement, got 4");
  });
  test("multivariate normal numbers have their covariance", () => {
    const factor = tensor([
      [2, 0],
      [1, 0.5],
    ]);
    const draws = ct.multivariateNormal(tensor([10, -10]), factor, { shape: [count], generator: new Generator(6) });
    const [a, b, c, d] = list(ct.cov(ct.transpose(draws)));
    for (const [found, expected] of [
      [a, 4],
      [b, 2],
      [c, 2],
      [d, 1.25],
    ] as const)
      expect(Math.abs(found! - expected)).toBeLessThan(25 / Math.sqrt(count));
    list(draws.mean({ axis: 0 })).forEach((m, i) => {
      expect(Math.abs(m - [10, -10][i]!)).toBeLessThan(8 / Math.sqrt(count));
    });
    expect(ct.multivariateNormal(zeros([3, 2]), factor).shape).toEqual([3, 2]);
  });
  test("same seed, same numbers", () => {
    count = 30;
    for (const [draw] of [...Object.values(continuous), ...Object.values(discrete)])
      expect(list(draw({ generator: new Generator(7) }))).toEqual(list(draw({ generator: new Generator(7) })));
  });
  test("gradients flow to locations and scales", async () => {
    const at = [tensor(0.4), tensor(1.3)];
    const generator = (): Generator => new Generator(8);
    await gradcheck((s) => ct.exponential([3], { rate: s!, generator: generator(), dtype: "float64" }), [at[1]!]);
    for (const f of [ct.laplace, ct.gumbel, ct.cauchy])
      await gradcheck((m, s) => f([3], { loc: m!, scale: s!, generator: generator(), dtype: "float64" }), at);
    await gradcheck((m, s) => ct.logNormal([3], { mean: m!, std: s!, generator: generator(), dtype: "float64" }), at);
    await gradcheck(
      (m, s) => ct.truncatedNormal([3], { mean: m!, std: s!, generator: generator(), dtype: "float64" }),
      at,
      { rtol: 1e-5 },
    );
  });
  test("another parameter needs no other plan", () => {
    const generator = new Generator(9);
    list(ct.gamma([17], 2, { generator }));
    const { plansCompiled } = ct.engineStatistics();
    list(ct.gamma([17], 3, { generator }));
    expect(ct.engineStatistics().plansCompiled).toBe(plansCompiled);
  });
});

test("devices draw the same numbers, to rounding", () => {
  count = 50;
  for (const [name, [draw]] of Object.entries({ ...continuous, ...discrete })) {
    const [first, ...others] = deviceNames().map((device) => {
      ct.setDefaultDevice(device);
      return list(draw({ generator: new Generator(10), device }));
    });
    ct.setDefaultDevice(usual);
    for (const other of others)
      other.forEach((x, i) => {
        expect(Math.abs(x - first![i]!), `${name} ${i}`).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(x)));
      });
  }
});

test("parameters that make no sense are refused", () => {
  expect(() => ct.exponential([1], { rate: 0 })).toThrow("exponential: expected a rate above 0, got 0");
  expect(() => ct.gamma([1], -1)).toThrow("gamma: expected a concentration above 0, got -1");
  expect(() => ct.poisson([1], -1)).toThrow("poisson: expected a rate of at least 0, got -1");
  expect(() => ct.truncatedNormal([1], { low: 2, high: 1 })).toThrow(
    "truncatedNormal: expected low < high, got 2 and 1",
  );
  expect(() => ct.gumbel([1], { dtype: "int32" })).toThrow("gumbel: expected float32 or float64, got int32");
  expect(() => ct.multivariateNormal(zeros([2]), ct.eye(3))).toThrow("expected a factor [..., 2, 2], got [3, 3]");
});

describe("gradients through gamma-distributed numbers", () => {
  const float64 = { dtype: "float64" } as const;
  // α, x, dx/dα where P(α, x) stays, and how that changes along; computed with 30 digits.
  const known = [
    [0.05, 0.00046656368489526217, 0.06696011961916871, 6.950065781566663],
    [0.3, 1.514147144569685e-6, 6.678137722233792e-5, 0.002505907895828996],
    [0.3, 0.07313113586695198, 0.642064162445568, 1.8966652277332712],
    [0.3, 4.618936042791333, 4.602218344008006, -8.827180088976002],
    [1, 1.0000050000333344e-5, 0.00011935826658328343, 0.0011923718308416013],
    [1, 0.916290731874155, 1.122167641142331, -0.03322810589551988],
    [1.5, 1.0547332531963933, 0.9288878686987789, 0.043388330686654354],
    [1.5, 2.320813838043725, 1.3778571912581026, -0.1453328151589648],
    [3, 0.43604516507829316, 0.3440249384155967, 0.09784903833569117],
    [3, 2.6337106391958525, 0.9895403393529681, 0.00345161061455351],
    [10, 9.668714614714128, 0.9997879018331381, 4.388552851088448e-5],
    [10, 41.739562216623746, 1.9088172144179187, -0.04274102673406867],
    [80, 72.3916864631445, 0.9528471695548427, 0.00029602831591288666],
    [1000, 1040.73430801369, 1.0202661294638726, -1.0136086971065021e-5],
  ];
  const column = (i: number): Tensor =>
    tensor(
      known.map((row) => row[i]!),
      float64,
    );
  const moved = (alpha: Tensor): Tensor => new ct.Tensor(differentiable(column(1).node, alpha.node));
  const relative = (actual: Tensor, i: number): number =>
    Math.max(...list(actual).map((x, row) => Math.abs(x / known[row]![i]! - 1)));

  test.each(deviceNames())("first and second derivatives, in all modes, on %s", (device) => {
    onTestFinished(() => ct.setDefaultDevice(usual));
    ct.setDefaultDevice(device);
    const slope = ct.grad((alpha: Tensor) => moved(alpha).sum());
    expect(list(moved(column(0)))).toEqual(list(column(1)));
    expect(relative(slope(column(0)), 2)).toBeLessThan(1e-7);
    const ones = ct.ones([known.length], float64);
    expect(relative(ct.jvp(moved, [column(0)], [ones])[1], 2)).toBeLessThan(1e-7);
    expect(relative(ct.grad((alpha: Tensor) => slope(alpha).sum())(column(0)), 3)).toBeLessThan(1e-5);
    expect(relative(ct.jvp(slope, [column(0)], [ones])[1], 3)).toBeLessThan(1e-5);
  });
  test("the mean's derivative is the derivatives' mean", () => {
    const draws = 20_000;
    const near = (f: (alpha: Tensor) => Tensor, at: number, expected: number, spread: number): void => {
      const found = ct.grad(f)(tensor(at, float64)).itemSync();
      expect(Math.abs(found - expected)).toBeLessThan((4 * spread) / Math.sqrt(draws));
    };
    for (const alpha of [0.2, 1, 2.5, 30]) {
      // E x = α/rate, E log x = ψ(α) − log rate
      const draw = (a: Tensor): Tensor => ct.gamma([draws], a, { ...float64, rate: 2, generator: new Generator(3) });
      near((a) => draw(a).mean(), alpha, 0.5, 3);
      near((a) => ct.log(draw(a)).mean(), alpha, ct.polygamma(1, tensor(alpha, float64)).itemSync(), 40 / alpha);
    }
    // E x = α/(α + β)
    const beta = (a: Tensor, b: Tensor): Tensor => ct.beta([draws], a, b, { ...float64, generator: new Generator(4) });
    near((a) => beta(a, tensor(3, float64)).mean(), 2, 3 / 25, 1);
    near((b) => beta(tensor(2, float64), b).mean(), 3, -2 / 25, 1);
    const weights = tensor([1, 2, 4], float64);
    const simplex = (a: Tensor): Tensor =>
      ct
        .dirichlet(a, { ...float64, shape: [draws], generator: new Generator(5) })
        .mul(weights)
        .sum()
        .div(draws);
    const at = [1, 2, 0.5];
    const [total, sum] = [3.5, 1 * 1 + 2 * 2 + 0.5 * 4];
    list(ct.grad(simplex)(tensor(at, float64))).forEach((g, i) => {
      expect(Math.abs(g - ([1, 2, 4][i]! / total - sum / total ** 2))).toBeLessThan(10 / Math.sqrt(draws));
    });
  });
  test("float32, a sample of 0, batches, and eager gradients", () => {
    const alphas = tensor([1e-4, 0.5, 2, 1e4]);
    const draw = (a: Tensor): Tensor => ct.gamma(a.shape, a, { generator: new Generator(1) });
    expect(list(draw(alphas))[0]).toBe(0);
    const gradients = list(ct.grad((a: Tensor) => draw(a).sum())(alphas));
    expect(gradients[0]).toBe(0);
    expect(gradients.slice(1).every((g) => g > 0 && g < 10)).toBe(true);
    const each = ct.vmap(ct.grad((a: Tensor) => ct.gamma([], a, { generator: new Generator(1) })))(alphas);
    list(each).forEach((g, i) => {
      expect(g).toBeCloseTo(gradients[i]!, 6);
    });
    const w = tensor([0.5, 2], { requiresGrad: true });
    const loss = draw(w).sum();
    loss.itemSync();
    loss.backward();
    expect(list(w.grad!)).toEqual(list(ct.grad((a: Tensor) => draw(a).sum())(tensor([0.5, 2]))));
  });
});
