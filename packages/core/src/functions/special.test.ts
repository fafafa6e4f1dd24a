// Special functions against values of 30 digits, at their edges, and their derivatives.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, type Tensor, tensor, zeros } from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { specialValues } from "../testing/special-values.ts";

type Unary = (x: Tensor) => Tensor;

/** How far each may be off, in epsilons of the result or, where it cancels, of `least`. */
const functions: Record<string, { f: Unary; epsilons: number; least?: number }> = {
  erfc: { f: ct.erfc, epsilons: 8 },
  erfinv: { f: ct.erfinv, epsilons: 4 },
  lgamma: { f: ct.lgamma, epsilons: 6 },
  digamma: { f: ct.digamma, epsilons: 8, least: 4 },
  trigamma: { f: (x) => ct.polygamma(1, x), epsilons: 10 },
  tetragamma: { f: (x) => ct.polygamma(2, x), epsilons: 10 },
  i0: { f: ct.i0, epsilons: 8 },
  i1: { f: ct.i1, epsilons: 8 },
  i0e: { f: ct.i0e, epsilons: 6 },
  i1e: { f: ct.i1e, epsilons: 6 },
  sinc: { f: ct.sinc, epsilons: 4 },
  logit: { f: ct.logit, epsilons: 3 },
};

const { device: usual } = zeros([]);

describe.each(deviceNames())("special functions on %s", (device) => {
  beforeAll(() => ct.setDefaultDevice(device));
  afterAll(() => ct.setDefaultDevice(usual));
  for (const dtype of ["float32", "float64"] as const)
    test.each(Object.entries(functions))(`%s is right in ${dtype}`, (name, { f, epsilons, least = 0 }) => {
      const rows = specialValues[name]!;
      const found = f(tensor(Float64Array.from(rows.map(([x]) => x))).to(dtype)).dataSync();
      const epsilon = dtype === "float32" ? 2 ** -23 : 2 ** -52;
      const off = rows.flatMap(([x, y], i) => {
        // Below 0 lgamma and the polygammas lie between poles, where they cancel, and the argument's distance counts.
        const scale = Math.max(Math.abs(y), least, x < 0 && /gamma/.test(name) ? 4 : 0);
        const far = Math.abs(found[i]! - y) / (epsilon * scale);
        return far <= epsilons || found[i] === y ? [] : [`${x}: ${found[i]} instead of ${y}, ${far} epsilons`];
      });
      expect(off).toEqual([]);
    });
  test("edges", () => {
    const inf = Number.POSITIVE_INFINITY;
    const at = (f: Unary, ...xs: number[]): number[] => [...f(tensor(xs)).dataSync()];
    expect(at(ct.erfc, inf, -inf, Number.NaN)).toEqual([0, 2, Number.NaN]);
    expect(at(ct.erfinv, 1, -1, 1.5, -0, Number.NaN)).toEqual([inf, -inf, Number.NaN, -0, Number.NaN]);
    expect(at(ct.lgamma, 0, -0, -1, -2, 1, 2, inf, -inf)).toEqual([inf, inf, inf, inf, 0, 0, inf, inf]);
    expect(at(ct.digamma, 0, -0, -1, inf, Number.NaN)).toEqual([-inf, inf, Number.NaN, inf, Number.NaN]);
    expect(at((x) => ct.polygamma(1, x), 0, -1, inf)).toEqual([inf, inf, 0]);
    expect(at(ct.i0, inf, -inf, Number.NaN)).toEqual([inf, inf, Number.NaN]);
    expect(at(ct.i1, inf, -inf, 0)).toEqual([inf, -inf, 0]);
    expect(at(ct.i0e, inf)).toEqual([0]);
    expect(at(ct.sinc, 0, 1, -2, 7)).toEqual([1, 0, -0, 0].map((x) => expect.closeTo(x, 30)));
    expect(at(ct.entr, 0, -1, 1, inf, Number.NaN)).toEqual([0, -inf, -0, -inf, Number.NaN]);
    expect(at(ct.logit, 0, 1, 2, Number.NaN)).toEqual([-inf, inf, Number.NaN, Number.NaN]);
    expect(at((x) => ct.logit(x, { eps: 0.25 }), 0, 1)).toEqual([-1, 1].map((s) => expect.closeTo(s * Math.log(3), 6)));
    const two = (f: (x: Tensor, y: Tensor) => Tensor, x: number[], y: number[]): number[] => [
      ...f(tensor(x), tensor(y)).dataSync(),
    ];
    expect(two(ct.xlogy, [0, 0, 0, 0, 1], [0, -1, inf, Number.NaN, 0])).toEqual(
      [0, 0, 0, Number.NaN, -inf].map((x) => x + 0),
    );
    expect(two(ct.xlog1py, [0, 0, 2], [-1, -3, 0])).toEqual([0, 0, 0]);
    expect(two(ct.logaddexp2, [inf, -inf], [inf, -inf])).toEqual([inf, -inf]);
  });
  test("are differentiable in both modes, twice", async () => {
    const points = tensor([0.3, 0.8, 2.4, 6.5]);
    const mixed = tensor([-2.6, -0.3, 0, 0.45, 1.7]);
    const inside = tensor([0.1, 0.4, 0.6, 0.85]);
    const cases: [(...xs: Tensor[]) => Tensor, Tensor[]][] = [
      [(x) => ct.lgamma(x!), [points]],
      [(x) => ct.digamma(x!), [points]],
      [(x) => ct.i0(x!), [mixed]],
      [(x) => ct.i1(x!), [mixed]],
      [(x) => ct.i1e(x!), [points]],
      [(x) => ct.sinc(x!), [mixed]],
      [(x) => ct.entr(x!), [points]],
      [(x) => ct.logit(x!), [inside]],
      [(x, y) => ct.xlogy(x!, y!), [mixed, points.add(0.1).reshape([4, 1])]],
      [(x, y) => ct.xlog1py(x!, y!), [mixed, points.reshape([4, 1])]],
      [(x, y) => ct.betaln(x!, y!), [points, inside.reshape([4, 1])]],
      [(x, y) => ct.betaFunction(x!, y!), [inside, inside.reshape([4, 1])]],
      [(x, y) => ct.logaddexp2(x!, y!), [inside, inside.reshape([4, 1])]],
    ];
    for (const [i, [f, xs]] of cases.entries())
      await gradcheck(f, xs, { order: 2, rtol: 1e-5, atol: 1e-7 }).catch((e) => {
        throw new Error(`case ${i}: ${e.message}`);
      });
  });
  test("the gradient of xlogy at x = 0 is log y, and 0 where y is not positive", () => {
    const slope = ct.grad((x: Tensor, y: Tensor) => ct.xlogy(x, y).sum() as Tensor<[]>);
    expect([...slope(tensor([0, 0, 0]), tensor([Math.E, 0, -1])).dataSync()]).toEqual(
      [1, 0, 0].map((x) => expect.closeTo(x, 6)),
    );
  });
  test("second derivatives of logaddexp are finite for distant, infinite and equal arguments", () => {
    const slope = (x: Tensor, y: Tensor): Tensor<[]> =>
      ct
        .grad((z: Tensor) => ct.logaddexp(z, y).sum() as Tensor<[]>)(x)
        .sum() as Tensor<[]>;
    const second = ct.grad(slope);
    const [x, y] = [tensor([0, 0, 300, Number.NEGATIVE_INFINITY, 2]), tensor([300, -300, 0, 1, 2])];
    expect([...second(x, y).dataSync()]).toEqual([0, 0, 0, 0, 0.25]);
  });
  test("derivatives of sinc stay exact next to 0", () => {
    const second = ct.grad(
      (x: Tensor) =>
        ct
          .grad((y: Tensor) => ct.sinc(y).sum() as Tensor<[]>)(x)
          .sum() as Tensor<[]>,
    );
    for (const v of second(tensor([0, 1e-4, -1e-3])).dataSync()) expect(v).toBeCloseTo(-(Math.PI ** 2) / 3, 4);
  });
});

test("orders and dtypes that make no sense are refused", () => {
  expect(() => ct.polygamma(21, tensor([1]))).toThrow("polygamma: expected an order of at most 20, got 21");
  expect(() => ct.polygamma(-1, tensor([1]))).toThrow("polygamma: expected a whole order of at least 0, got -1");
  expect(ct.lgamma(tensor([3], { dtype: "int32" })).dtype).toBe("float32");
});
