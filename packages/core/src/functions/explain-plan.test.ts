import { describe, expect, test } from "vitest";
import { ArgumentError } from "../base/errors.ts";
import { engineStatistics } from "../engine/engine.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cond, scan } from "./control.ts";
import { realize } from "./evaluate.ts";
import { explainPlan } from "./explain-plan.ts";

const kernelsIn = (text: string): number => Number(/^plan of (\d+) kernels/.exec(text)?.[1]);

describe.each(["wasm", "reference"])("on %s", (device) => {
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { device },
  );

  test("operations, views, fused stores and scratch", () => {
    const y = x.transpose().matmul(x).add(1).relu();
    const { runs } = engineStatistics();
    expect(explainPlan(y, y.matmul(x))).toBe(
      `
plan of 2 kernels: 1 inputs, 2 outputs, 1 params, 0 bytes of scratch
  input0: float32[4]
  output0: float32[4]
  output1: float32[4]
  param0: float32
0: matmul + add + relu: contract batch [] m [2] n [2] k [2]
     acc0 = Σ input0[i0 + 2·i2] · input0[i1 + 2·i2]
     output0[2·i0 + i1] = max(add(acc0, param0), 0)
1: matmul: contract batch [] m [2] n [2] k [2]
     acc0 = Σ output0[2·i0 + i2] · input0[i1 + 2·i2]
     output1[2·i0 + i1] = acc0`.trim(),
    );
    expect(explainPlan(y.matmul(x))).toContain("64 bytes of scratch");
    expect(engineStatistics().runs).toBe(runs);
  });

  test("is the plan that runs, with the gradients that wait for it", () => {
    const w = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { device, requiresGrad: true },
    );
    const loss = x.matmul(w).tanh().sum();
    loss.backward();
    const text = explainPlan(loss);
    const { kernels } = engineStatistics();
    realize(loss);
    expect(engineStatistics().kernels - kernels).toBe(kernelsIn(text));
    expect(text).toContain("3 outputs");
    expect(explainPlan(loss)).toBe("nothing to compute: the values are known");
  });

  test("is the plan that runs, with what a later backward() needs", () => {
    const w = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { device, requiresGrad: true },
    );
    const loss = x.matmul(w).tanh().sum();
    const text = explainPlan(loss);
    const { kernels } = engineStatistics();
    realize(loss);
    expect(engineStatistics().kernels - kernels).toBe(kernelsIn(text));
    expect(text).toContain("2 outputs");
  });
});

test("loops and branches: the plans of their bodies, and what comes before and after", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const [last] = scan((carry: Tensor, row: Tensor) => [carry.add(row.tanh()), carry], tensor([0, 0]), x.exp());
  const text = explainPlan(last.mul(2));
  const titles = text.split("\n\n").map((part) => part.split(/(?<=plan of \d+) kernels/)[0]);
  expect(titles).toEqual(["what a loop reads: plan of 1", "loop, 2 times: plan of 1", "plan of 1"]);
  expect(text).toContain("tanh + add: map [2]");
  expect(last.toArraySync()).toHaveLength(2);
  expect(explainPlan(last.mul(2))).toMatch(/^plan of 1 kernels: 1 inputs/);
});

test("branches: both bodies, and nothing to compute in one that hands on what it got", () => {
  const x = tensor([1, 2]);
  const chosen = cond(
    x.sum().gt(0),
    (v: Tensor) => v.exp(),
    (v: Tensor) => v,
    x,
  );
  const text = explainPlan(chosen);
  expect(text).toMatch(/^what a branch reads: plan of 1 kernels/);
  expect(text).toContain("branch, if so: plan of 1 kernels");
  expect(text.endsWith("branch, if not: nothing to compute")).toBe(true);
  expect(chosen.toArraySync()).toHaveLength(2);
});

test("wants a tensor", () => {
  expect(() => explainPlan()).toThrow(ArgumentError);
});
