// Where gradients are usually wrong: first and second derivatives at kinks, zeros, ties and infinities, on every device.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, grad, type Tensor, tensor, vmap, where, zeros } from "../index.ts";

const { device: usual } = zeros([]);
const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;
type Numbers = number | readonly Numbers[];
const float64 = (x: Numbers): Tensor => tensor(x as never, { dtype: "float64" });

interface Place {
  readonly f: (x: Tensor) => Tensor;
  readonly x: Numbers;
  readonly gradient: Numbers;
  /** The Hessian, `[n, n]` over the flat input; null where there is none to speak of. */
  readonly hessian: readonly (readonly number[])[] | null;
}

const none = (n: number): number[][] => Array.from({ length: n }, () => new Array<number>(n).fill(0));
const diagonal = (...values: number[]): number[][] => values.map((v, i) => values.map((_, j) => (i === j ? v : 0)));
const index = (...values: number[]): Tensor => tensor(values, { dtype: "int32" });

const places: Record<string, Place> = {
  "prod with one zero": {
    f: (x) => ct.prod(x),
    x: [2, 0, 3],
    gradient: [0, 6, 0],
    hessian: [
      [0, 3, 0],
      [3, 0, 2],
      [0, 2, 0],
    ],
  },
  "prod with two zeros": {
    f: (x) => ct.prod(x),
    x: [0, 5, 0],
    gradient: [0, 0, 0],
    hessian: [
      [0, 0, 5],
      [0, 0, 0],
      [5, 0, 0],
    ],
  },
  // 2x₀ + … : Σ cumprod = x₀ + x₀x₁ + x₀x₁x₂
  "cumprod with a zero": {
    f: (x) => ct.cumprod(x, 0).sum(),
    x: [2, 0, 3],
    gradient: [1, 8, 0],
    hessian: [
      [0, 4, 0],
      [4, 0, 2],
      [0, 2, 0],
    ],
  },
  "cumprod with two zeros": {
    f: (x) => ct.cumprod(x, 0).sum(),
    x: [0, 0, 3],
    gradient: [1, 0, 0],
    hessian: [
      [0, 4, 0],
      [4, 0, 0],
      [0, 0, 0],
    ],
  },
  "norm at 0": { f: (x) => ct.norm(x), x: [0, 0], gradient: [0, 0], hessian: null },
  "norm beside 0": { f: (x) => ct.norm(x), x: [0, 2], gradient: [0, 1], hessian: diagonal(0.5, 0) },
  "norm of order 1 at 0": { f: (x) => ct.norm(x, { ord: 1 }), x: [0, -2], gradient: [0, -1], hessian: none(2) },
  "sqrt at 0, not chosen": {
    f: (x) => where(x.gt(0), x.sqrt(), 0).sum(),
    x: [0, 4],
    gradient: [0, 0.25],
    hessian: diagonal(0, -1 / 32),
  },
  "log of what is not chosen": {
    f: (x) => where(x.gt(0), x.log(), x.mul(x)).sum(),
    x: [0, -1, 2],
    gradient: [0, -2, 0.5],
    hessian: diagonal(2, 2, -0.25),
  },
  "softmax with a mask": {
    // softmax([0, log 3, −∞]) = [¼, ¾, 0], of which the first is looked at
    f: (x) => ct.select(ct.softmax(where(tensor([true, true, false]), x, -inf)), 0, 0),
    x: [0, Math.log(3), 7],
    gradient: [3 / 16, -3 / 16, 0],
    hessian: [
      [3 / 32, -3 / 32, 0],
      [-3 / 32, 3 / 32, 0],
      [0, 0, 0],
    ],
  },
  "log-softmax with a mask": {
    f: (x) => ct.select(ct.logSoftmax(where(tensor([true, true, false]), x, -inf)), 0, 0),
    x: [0, Math.log(3), 7],
    gradient: [3 / 4, -3 / 4, 0],
    hessian: [
      [-3 / 16, 3 / 16, 0],
      [3 / 16, -3 / 16, 0],
      [0, 0, 0],
    ],
  },
  "softmax of a row that is masked altogether": {
    // NaN where nothing is left, as in PyTorch; the other row stays sound, and so does what the mask hides
    f: (x) =>
      ct
        .select(
          ct.softmax(
            where(
              tensor([
                [false, false],
                [true, true],
              ]),
              x,
              -inf,
            ),
          ),
          0,
          1,
        )
        .mul(tensor([1, 0]))
        .sum(),
    x: [
      [1, 2],
      [0, Math.log(3)],
    ],
    gradient: [
      [0, 0],
      [3 / 16, -3 / 16],
    ],
    hessian: null,
  },
  "repeated indices in gather": {
    f: (x) =>
      ct
        .gather(x, index(1, 1, 0), { axis: 0 })
        .pow(2)
        .sum(),
    x: [3, 5, 7],
    gradient: [6, 20, 0],
    hessian: diagonal(2, 4, 0),
  },
  "repeated indices in indexSelect": {
    f: (x) =>
      ct
        .indexSelect(x, index(2, 2, 2), { axis: 0 })
        .pow(3)
        .sum(),
    x: [3, 5, 2],
    gradient: [0, 0, 36],
    hessian: diagonal(0, 0, 36),
  },
  "repeated indices in scatter": {
    f: (x) =>
      ct
        .scatter(zeros([2], { dtype: "float64" }), index(0, 0, 1), x, { axis: 0, reduce: "add" })
        .pow(2)
        .sum(),
    x: [1, 2, 4],
    gradient: [6, 6, 8],
    hessian: [
      [2, 2, 0],
      [2, 2, 0],
      [0, 0, 2],
    ],
  },
  "ties in max share": { f: (x) => x.max(), x: [1, 3, 3], gradient: [0, 0.5, 0.5], hessian: none(3) },
  "ties in min share": {
    f: (x) => x.min().pow(2),
    x: [1, 1],
    gradient: [1, 1],
    hessian: [
      [0.5, 0.5],
      [0.5, 0.5],
    ],
  },
  "ties in maximum share": {
    f: (x) => ct.maximum(x, tensor([1, 3], { dtype: "float64" })).sum(),
    x: [1, 4],
    gradient: [0.5, 1],
    hessian: none(2),
  },
  "pow of a zero base": { f: (x) => x.pow(2).sum(), x: [0, -3], gradient: [0, -6], hessian: diagonal(2, 2) },
  "pow of a negative base": { f: (x) => x.pow(3).sum(), x: [-2, 0], gradient: [12, 0], hessian: diagonal(-12, 0) },
  "pow with exponent 0": { f: (x) => x.pow(0).sum(), x: [0, -2], gradient: [0, 0], hessian: none(2) },
  "pow with exponent 1": { f: (x) => x.pow(1).sum(), x: [0, -2], gradient: [1, 1], hessian: none(2) },
  "pow with exponents from a tensor": {
    f: (x) => x.pow(float64([0, 1, 2, 3])).sum(),
    x: [0, 0, 0, -2],
    gradient: [0, 1, 0, 12],
    hessian: diagonal(0, 0, 2, -12),
  },
  "pow of 0 by its exponent": {
    // 0^y = 0 for y > 0; at y = 0 it is PyTorch's 0 as well
    f: (y) => ct.pow(float64([0, 2]), y).sum(),
    x: [2, 3],
    gradient: [0, 8 * Math.LN2],
    hessian: diagonal(0, 8 * Math.LN2 ** 2),
  },
  "logsumexp of huge values": {
    f: (x) => ct.logsumexp(x),
    x: [1e300, 1e300],
    gradient: [0.5, 0.5],
    hessian: [
      [0.25, -0.25],
      [-0.25, 0.25],
    ],
  },
  "logsumexp with −∞ beside": {
    f: (x) => ct.logsumexp(x),
    x: [-inf, 3],
    gradient: [0, 1],
    hessian: none(2),
  },
  "logsumexp of nothing but −∞": { f: (x) => ct.logsumexp(x), x: [-inf, -inf], gradient: [0, 0], hessian: null },
  "broadcasting from 0-d": {
    f: (x) =>
      float64([
        [1, 2],
        [3, 4],
      ])
        .mul(x)
        .pow(2)
        .sum(),
    x: 2,
    gradient: 120,
    hessian: [[60]],
  },
  "an empty tensor": { f: (x) => x.exp().sum(), x: [], gradient: [], hessian: [] },
  "prod of an empty tensor": { f: (x) => ct.prod(x), x: [], gradient: [], hessian: [] },
  "f(x, x)": { f: (x) => x.mul(x).mul(x.add(x)).sum(), x: [1, -2], gradient: [6, 24], hessian: diagonal(12, -24) },
  "x beside itself": {
    f: (x) => ct.concat([x, x]).pow(2).sum().add(x.matmul(x)),
    x: [1, 3],
    gradient: [6, 18],
    hessian: diagonal(6, 6),
  },
  "matmul with itself": {
    // tr(x·x)
    f: (x) => ct.trace(x.matmul(x as Tensor<[2, 2]>)),
    x: [
      [1, 2],
      [3, 4],
    ],
    gradient: [
      [2, 6],
      [4, 8],
    ],
    hessian: [
      [2, 0, 0, 0],
      [0, 0, 2, 0],
      [0, 2, 0, 0],
      [0, 0, 0, 2],
    ],
  },
  "abs and relu at 0": { f: (x) => x.abs().add(x.relu()).sum(), x: [0, -1], gradient: [0, -1], hessian: none(2) },
  "clamp outside of its bounds": {
    f: (x) => ct.clamp(x, { min: 0, max: 1 }).pow(2).sum(),
    x: [-1, 0.5, 2],
    gradient: [0, 1, 0],
    hessian: diagonal(0, 2, 0),
  },
  "division by what is not chosen": {
    f: (x) => where(x.ne(0), float64(1).div(x), x).sum(),
    x: [0, 2],
    gradient: [1, -0.25],
    hessian: diagonal(0, 0.25),
  },
  "xlogy at 0": {
    // Where both are 0 it is 0, as in PyTorch.
    f: (x) => ct.xlogy(x, float64([0, 2])).sum(),
    x: [0, 0],
    gradient: [0, Math.LN2],
    hessian: null,
  },
};

const expectNear = (actual: Tensor, expected: Numbers, scale = 1): void => {
  const want = [expected].flat(9) as number[];
  const found = [...actual.dataSync()];
  expect(found.length).toBe(want.length);
  found.forEach((x, i) => {
    const y = want[i] ?? nan;
    if (Number.isFinite(y))
      expect(Math.abs(x - y), `element ${i}: ${x}, expected ${y}`).toBeLessThanOrEqual(
        1e-10 * Math.max(scale, Math.abs(y)),
      );
    else expect(x).toBe(y);
  });
};

/** Functions whose derivative at x is infinite or NaN, where a selection leaves them out; all are finite at `other`. */
const singular: Record<string, readonly [f: (x: Tensor) => Tensor, x: number, other: number]> = {
  sqrt: [(x) => x.sqrt(), 0, 2],
  "sqrt of a negative number": [(x) => x.sqrt(), -1, 2],
  rsqrt: [(x) => ct.rsqrt(x), 0, 2],
  log: [(x) => x.log(), 0, 2],
  log1p: [(x) => ct.log1p(x), -1, 2],
  "1/x": [(x) => ct.reciprocal(x), 0, 2],
  "x/x": [(x) => x.div(x.mul(x)), 0, 2],
  "x^-½": [(x) => x.pow(-0.5), 0, 2],
  "x^y by y": [(y) => ct.pow(float64(0), y), -1, 2],
  asin: [(x) => ct.asin(x), 1, 0.5],
  acos: [(x) => ct.acos(x), 2, 0.5],
  acosh: [(x) => ct.acosh(x), 1, 2],
  atanh: [(x) => ct.atanh(x), 1, 0.5],
  atan2: [(x) => ct.atan2(x, x.mul(0)), 0, 0.5],
  erfinv: [(x) => ct.erfinv(x), 1, 0.5],
  "erfinv outside": [(x) => ct.erfinv(x), 2, 0.5],
  "rsqrt below 0": [(x) => ct.rsqrt(x), -1, 2],
  "log below 0": [(x) => x.log(), -1, 2],
  lgamma: [(x) => ct.lgamma(x), 0, 2.5],
  digamma: [(x) => ct.digamma(x), -1, 2.5],
  xlogy: [(x) => ct.xlogy(2, x), -1, 2],
};

/** At the edge of where a function or one of its derivatives is finite, and beyond. */
const leftOut: Record<string, readonly [f: (x: Tensor) => Tensor, xs: readonly number[]]> = {
  "x^x": [(x) => x.pow(x), [0, -1, -0.5]],
  "x^1.5": [(x) => x.pow(1.5), [0, -1]],
  "x^2.5": [(x) => x.pow(2.5), [0, -1]],
  "x^-½": [(x) => x.pow(-0.5), [0, -1]],
  "x^y for a tensor y": [(x) => ct.pow(x, float64(1.5)), [0, -1]],
  "0^x": [(x) => ct.pow(float64(0), x), [0, -1, 1]],
  "√(x^1.5)": [(x) => x.pow(1.5).sqrt(), [0, -1]],
  "log √x": [(x) => x.sqrt().log(), [0, -1]],
  "√x²": [(x) => x.mul(x).sqrt(), [0]],
  "1/x": [(x) => float64(1).div(x), [0]],
  "x/x²": [(x) => x.div(x.mul(x)), [0]],
  "1/(1 + x^1.5)": [(x) => float64(1).div(x.pow(1.5).add(1)), [0, -1]],
  reciprocal: [(x) => ct.reciprocal(x), [0]],
  sqrt: [(x) => x.sqrt(), [0, -1]],
  rsqrt: [(x) => ct.rsqrt(x), [0, -1]],
  log: [(x) => x.log(), [0, -1]],
  log1p: [(x) => ct.log1p(x), [-1, -2]],
  xlogy: [(x) => ct.xlogy(x, x), [0, -1]],
  asin: [(x) => ct.asin(x), [1, -1, 2]],
  acos: [(x) => ct.acos(x), [1, -1, 2]],
  acosh: [(x) => ct.acosh(x), [1, 0]],
  atanh: [(x) => ct.atanh(x), [1, -1, 2]],
  atan2: [(x) => ct.atan2(x, x), [0]],
  erfinv: [(x) => ct.erfinv(x), [1, -1, 2]],
  lgamma: [(x) => ct.lgamma(x), [0, -1]],
  digamma: [(x) => ct.digamma(x), [0, -1]],
};

/** A function, a place, and its derivatives there. */
const atEdges: Record<string, readonly [f: (x: Tensor) => Tensor, x: number, ...derivatives: number[]]> = {
  "x^1.5 at 0": [(x) => x.pow(1.5), 0, 0, inf, -inf],
  "x^2.5 at 0": [(x) => x.pow(2.5), 0, 0, 0, inf],
  "√x at 0": [(x) => x.sqrt(), 0, inf, -inf, inf],
  "log x at 0": [(x) => x.log(), 0, inf, -inf, inf],
  "1/x at 0": [(x) => ct.reciprocal(x), 0, -inf, inf, -inf],
  "asin at 1": [(x) => ct.asin(x), 1, inf, inf, inf],
  "asin at −1": [(x) => ct.asin(x), -1, inf, -inf, inf],
  "acos at 1": [(x) => ct.acos(x), 1, -inf, -inf, -inf],
  "acos at −1": [(x) => ct.acos(x), -1, -inf, inf, -inf],
  "acosh at 1": [(x) => ct.acosh(x), 1, inf, -inf, inf],
  "atanh at 1": [(x) => ct.atanh(x), 1, inf, inf, inf],
  "atanh at −1": [(x) => ct.atanh(x), -1, inf, -inf, inf],
  "x^x at 2": [(x) => x.pow(x), 2, ...powers(2)],
  "x^1.5 at 4": [(x) => x.pow(1.5), 4, 3, 3 / 8, -3 / 64],
  "(x − 1)·x^1.5 at 1": [(x) => x.sub(1).mul(x.pow(1.5)), 1, 1, 3, 9 / 4],
  "(x − 1)·√x at 1": [(x) => x.sub(1).mul(x.sqrt()), 1, 1, 1, -3 / 4],
  "(x − 1)/x at 1": [(x) => x.sub(1).div(x), 1, 1, -2, 6],
};

/** The first three derivatives of xˣ = y, with l = 1 + log x: y·l, y·(l² + 1/x), y·(l³ + 3l/x − 1/x²). */
function powers(x: number): readonly [number, number, number] {
  const [y, l] = [x ** x, 1 + Math.log(x)];
  return [y * l, y * (l * l + 1 / x), y * (l ** 3 + (3 * l) / x - 1 / (x * x))];
}

type Mode = "forward" | "reverse";
const derivative: Record<Mode, (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor> = {
  forward: (f) => (x) => ct.jvp(f, [x], [float64(1)])[1],
  reverse: (f) => grad((x: Tensor) => f(x) as Tensor<[]>),
};

/** All sequences of n modes, the innermost first. */
const ordersOf = (n: number): Mode[][] =>
  n === 0
    ? [[]]
    : ordersOf(n - 1).flatMap((order): Mode[][] => [
        [...order, "forward"],
        [...order, "reverse"],
      ]);

describe.each(deviceNames())("on %s", (device) => {
  beforeAll(() => ct.setDefaultDevice(device));
  afterAll(() => ct.setDefaultDevice(usual));
  test.each(Object.entries(places))("%s", (_, { f, x, gradient, hessian }) => {
    const at = float64(x);
    const slope = grad((a: Tensor) => f(a).reshape([]));
    expect(slope(at).shape).toEqual(at.shape);
    expectNear(slope(at), gradient);
    // Eagerly, and as one of a batch.
    const leaf = float64(x).requiresGrad_();
    f(leaf).reshape([]).backward();
    expectNear(leaf.grad ?? zeros(at.shape), gradient);
    expectNear(vmap(slope)(ct.stack([at, at])), [gradient, gradient]);
    if (hessian === null) return;
    const n = at.size;
    const rows = [
      ct.hessian((a: Tensor) => f(a).reshape([]))(at),
      ct.jacobian(slope, 0, { mode: "reverse" })(at),
      ct.jacobian(
        ct.jacobian((a: Tensor) => f(a).reshape([]), 0, { mode: "forward" }),
        0,
        { mode: "reverse" },
      )(at),
    ];
    for (const found of rows) expectNear(found.reshape([n, n]), hessian);
  });
  test.each(Object.entries(singular))("%s, left out", (_, [f, x, other]) => {
    const chosen = (xs: Tensor): Tensor => where(tensor([false, true]), f(xs), xs.mul(3)).sum();
    const at = float64([x, other]);
    const one = grad((a: Tensor) => f(a).sum())(float64([other])).itemSync();
    const two = ct
      .hessian((a: Tensor) => f(a).sum())(float64([other]))
      .itemSync();
    expect(Number.isFinite(one)).toBe(true);
    expectNear(grad(chosen)(at), [3, one]);
    expectNear(ct.hessian(chosen)(at), diagonal(0, two));
    const [forward, reverse] = [{ mode: "forward" }, { mode: "reverse" }] as const;
    for (const [outer, inner] of [
      [reverse, reverse],
      [reverse, forward],
      [forward, forward],
    ] as const)
      expectNear(ct.jacobian(ct.jacobian(chosen, 0, inner), 0, outer)(at), diagonal(0, two));
    const third = grad((a: Tensor) => ct.select(grad((c: Tensor) => ct.select(grad(chosen)(c), 0, 1))(a), 0, 1))(at);
    const three = grad(grad(grad((a: Tensor) => f(a).sum())))(float64([other]).reshape([])).itemSync();
    expectNear(third, [0, three]);
  });
  test.each(Object.entries(leftOut))("%s, left out: all derivatives up to the third, in every order", (_, [f, xs]) => {
    for (const x of xs) {
      const chosen = (a: Tensor): Tensor => where(tensor(false), f(a), a.mul(a).mul(a));
      for (const [n, want] of [3 * x * x, 6 * x, 6].entries())
        for (const order of ordersOf(n + 1))
          expectNear(order.reduce((g, mode) => derivative[mode](g), chosen)(float64(x)), want);
    }
  });
  test.each(Object.entries(atEdges))("%s, in every order", (_, [f, x, ...wants]) => {
    for (const [n, want] of wants.entries())
      for (const order of ordersOf(n + 1))
        expectNear(order.reduce((g, mode) => derivative[mode](g), f)(float64(x)), want);
  });
  test("a factor that happens to be 0 hides no derivative", () => {
    // f = w·√x at w = 0: ∂²f/∂w∂x = 1/(2√x)
    const f = (x: Tensor): Tensor => ct.select(x, 0, 0).mul(ct.select(x, 0, 1).sqrt());
    const at = float64([0, 4]);
    expectNear(grad(f)(at), [2, 0]);
    for (const mode of ["forward", "reverse"] as const)
      expectNear(ct.jacobian(grad(f), 0, { mode })(at), [
        [0, 0.25],
        [0.25, 0],
      ]);
    // And a derivative that is infinite where it counts stays so.
    expectNear(grad((x: Tensor) => x.sqrt())(float64(0)), inf);
  });
  test("in float32 as well: no infinity or NaN where there should be none", () => {
    for (const [name, { f, x, gradient }] of Object.entries(places)) {
      if (name === "logsumexp of huge values") continue; // 10³⁰⁰ is infinite there
      const found = grad((a: Tensor) => f(a).reshape([]).to("float32"))(tensor(x as never, { dtype: "float32" }));
      const want = [gradient].flat(9) as number[];
      [...found.dataSync()].forEach((g, i) => {
        if (Number.isFinite(want[i]))
          expect(Math.abs(g - want[i]!), `${name}: ${g}`).toBeLessThan(1e-4 * Math.max(1, Math.abs(want[i]!)));
      });
    }
  });
  test("a row that is masked altogether is NaN, and no other is", () => {
    const mask = tensor([
      [false, false],
      [true, false],
    ]);
    const y = ct.softmax(
      where(
        mask,
        float64([
          [1, 2],
          [3, 4],
        ]),
        -inf,
      ),
    );
    expect([...y.dataSync()]).toEqual([nan, nan, 1, 0]);
  });
});
