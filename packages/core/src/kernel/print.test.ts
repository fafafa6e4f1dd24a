import { expect, test } from "vitest";
import { acc, apply, each, fold, input, literal, load, output, param, planOf, strided } from "../testing/expr.ts";
import { planCases } from "../testing/plans.ts";
import { printPlan } from "./print.ts";

test("a softmax, readable", () => {
  const view = strided([7, 13], [13, 1]);
  const shifted = apply("exp", apply("mul", param(0), apply("sub", load(0, view), acc(0))));
  const plan = planOf({
    kernels: [
      {
        form: "rowwise",
        outer: [7],
        inner: [13],
        stages: [fold("max", load(0, view)), fold("add", shifted), each(1, view, apply("div", shifted, acc(1)))],
      },
      {
        form: "routine",
        name: "argsort",
        inputs: [{ slot: 1, dtype: "float32", size: 91 }],
        output: { slot: 2, dtype: "int32", size: 91 },
        numbers: [7, 13, 0],
        check: -1,
      },
    ],
    slots: [input(0, 91), output(0, 91, "float32", 0), output(1, 91, "int32")],
    params: ["float32"],
    checks: [{ what: "take", bound: 4 }],
    commitFrom: 0,
  });
  expect(printPlan(plan)).toBe(
    `
plan of 2 kernels: 1 inputs, 2 outputs, 1 params, 0 bytes of scratch
  input0: float32[91]
  output0: float32[91] in place of input0
  output1: int32[91]
  param0: float32
  check0: take, 0 to 3
-- checks done; donated buffers may change --
0: rowwise [7] over [13]
     acc0 = max input0[13·i0 + i1]
     t0 = exp(mul(param0, sub(input0[13·i0 + i1], acc0)))
     acc1 = add t0
     each output0[13·i0 + i1] = div(t0, acc1)
1: output1 = argsort(output0; 7, 13, 0)`.trim(),
  );
});

test("guards, literals and contractions", () => {
  const text = planCases.map(({ plan }) => printPlan(plan)).join("\n");
  expect(text).toContain("i0 - 1 in 0..1 by 2 moving 3");
  expect(text).toContain("[-3·i0 + 36]");
  expect(text).toContain(
    "contract batch [1] m [5] n [6] k [7]\n     acc0 = Σ input0[35·i0 + 7·i1 + i3] · input1[42·i0 + i2 + 6·i3]",
  );
  expect(text).toContain("check0(input0[i0], 10)");
});

test("shared expressions are written once", () => {
  let value = apply("add", literal(-0), load(0, strided([2], [1])));
  for (let i = 0; i < 50; i++) value = apply("mul", value, value);
  const plan = planOf({
    kernels: [{ form: "map", outer: [2], inner: [], stages: [each(1, strided([2], [1]), value)] }],
    slots: [input(0, 2), output(0, 2)],
  });
  const text = printPlan(plan);
  expect(text.split("\n").length).toBeLessThan(70);
  expect(text).toContain("t0 = add(-0, input0[i0])");
});

test("names of operations come first", () => {
  const view = strided([2], [1]);
  const plan = planOf({
    kernels: [
      {
        form: "map",
        outer: [2],
        inner: [],
        stages: [each(1, view, apply("exp", load(0, view)))],
        operations: ["exp", "cast"],
      },
    ],
    slots: [input(0, 2), output(0, 2)],
  });
  expect(printPlan(plan)).toContain("0: exp + cast: map [2]\n");
});
