import { describe, expect, test } from "vitest";
import { contiguousView } from "../base/view.ts";
import { apply, cast, check, literal, load, mapTo, param, strided } from "../testing/expr.ts";
import { planCases } from "../testing/plans.ts";
import { canonicalKernel } from "./canonical.ts";
import { runKernel } from "./interpret.ts";
import type { Expr, Kernel } from "./ir.ts";

const view = contiguousView([4]);
const keyOf = (kernel: Kernel): string => canonicalKernel(kernel).key;
const keyOfMap = (value: Expr): string => keyOf(mapTo([4], [1, value]));

test("slots, params and checks are numbered as they appear", () => {
  const value = apply(
    "add",
    apply("mul", load(9, view, "int32"), param(5, "int32")),
    check(load(4, view, "int32"), 3, 8),
  );
  const { kernel, slots, params, checks } = canonicalKernel(mapTo([4], [7, value], [2, load(9, view, "int32")]));
  expect(slots).toEqual([9, 4, 7, 2]);
  expect(params).toEqual([5]);
  expect(checks).toEqual([8]);
  const first = load(0, view, "int32");
  const expected = apply("add", apply("mul", first, param(0, "int32")), check(load(1, view, "int32"), 3, 0));
  expect(kernel).toEqual(mapTo([4], [2, expected], [3, first]));
});

test("plans that number differently share their code", () => {
  const make = (a: number, b: number, out: number, p: number): string =>
    keyOf(mapTo([4], [out, apply("sub", load(a, view), apply("mul", param(p), load(b, view)))]));
  expect(make(0, 1, 2, 0)).toBe(make(12, 3, 7, 4));
  expect(make(0, 1, 2, 0)).not.toBe(make(1, 1, 2, 0));
});

describe("whatever changes the code changes the key", () => {
  const x = load(0, view);
  const different: Record<string, Expr> = {
    plain: x,
    "another dtype": load(0, view, "float64"),
    "another stride": load(0, strided([4], [2])),
    "another offset": load(0, strided([4], [1], 1)),
    "a guard": load(0, { ...view, guards: [{ coefficients: [1], offset: -1, size: 2, step: 1, stride: 0 }] }),
    "another guard": load(0, { ...view, guards: [{ coefficients: [1], offset: -1, size: 2, step: 2, stride: 0 }] }),
    "literal 0": literal(0),
    "literal −0": literal(-0),
    "literal NaN": literal(Number.NaN),
    "literal ∞": literal(Number.POSITIVE_INFINITY),
    "literal −∞": literal(Number.NEGATIVE_INFINITY),
    "literal 0 of float64": literal(0, "float64"),
    "a close literal": literal(Number.MIN_VALUE),
    "x + x": apply("add", x, x),
    "x − x": apply("sub", x, x),
    "x + y": apply("add", x, load(2, view)),
    "y = stored slot": load(1, view),
    "a cast": cast(x, "int32"),
    "another cast": cast(x, "bool"),
    "a bound": check(load(0, view, "int32"), 5, 0),
    "another bound": check(load(0, view, "int32"), 6, 0),
    "a param": param(0),
    "an int param": param(0, "int32"),
  };
  test("within a map", () => {
    const keys = Object.entries(different).map(([name, expr]) => [keyOfMap(expr), name] as const);
    keys.push([keyOf(mapTo([2, 2], [1, load(0, strided([2, 2], [2, 1]))])), "other loops"]);
    expect(new Map(keys).size).toBe(keys.length);
  });

  test("in the plans by hand", () => {
    const kernels = planCases.flatMap(({ plan }) => plan.kernels);
    const texts = new Map<string, Set<string>>();
    for (const kernel of kernels) {
      const canonical = canonicalKernel(kernel);
      const text = JSON.stringify(canonical.kernel, (_, v) => (typeof v === "number" ? String(v) : v));
      texts.set(canonical.key, (texts.get(canonical.key) ?? new Set()).add(text));
    }
    for (const same of texts.values()) expect(same.size).toBe(1);
  });
});

test("sharing stays, and equal expressions become shared", () => {
  let value: Expr = load(0, view);
  for (let i = 0; i < 60; i++) value = apply("add", value, value);
  expect(keyOfMap(value).length).toBeLessThan(2000);
  const twice = apply("add", load(0, view), load(0, view));
  const once = load(0, view);
  expect(keyOfMap(twice)).toBe(keyOfMap(apply("add", once, once)));
});

test("a canonical kernel is canonical, and computes the same", () => {
  for (const { plan } of planCases)
    for (const kernel of plan.kernels) {
      const first = canonicalKernel(kernel);
      const second = canonicalKernel(first.kernel);
      expect(second.key).toBe(first.key);
      expect(second.kernel).toEqual(first.kernel);
    }
  const out = new Float32Array(4);
  const kernel = mapTo([4], [3, apply("mul", load(5, view), param(2))]);
  const canonical = canonicalKernel(kernel);
  const status = { failed: -1, value: 0 };
  runKernel(canonical.kernel, [Float32Array.from([1, 2, 3, 4]), out], [10], status);
  expect([...out]).toEqual([10, 20, 30, 40]);
});
