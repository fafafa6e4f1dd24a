// V8 compiles kernels twice: quickly, then well. These tests run the second kind of code, which the others seldom reach.
import { setFlagsFromString } from "node:v8";
import { beforeAll, describe, expect, test } from "vitest";
import { firstDifference, runPlan } from "../../testing/plan-case.ts";
import { planCases } from "../../testing/plans.ts";
import { createWasmDevice } from "./device.ts";
import { wasmFeatures } from "./features.ts";

setFlagsFromString("--wasm-tiering-budget=100");

const all = wasmFeatures();
const sets = [all, { ...all, wideVectors: false }, { ...all, relaxedSimd: false }, { relaxedSimd: false }];

describe.each(sets.map((features) => ({ features })))("$features", ({ features }) => {
  const device = createWasmDevice(features);
  const cases = planCases.map((planCase) => ({ ...planCase, executable: device.compile(planCase.plan) }));

  beforeAll(async () => {
    for (const { plan, inputs, params, executable } of cases)
      for (let i = 0; i < 30; i++) runPlan(device, plan, inputs, params, executable);
    // The compiler works in the background.
    await new Promise((resolve) => setTimeout(resolve, 300));
  });

  test.each(cases)("$name", ({ plan, inputs, params, outputs, tolerance, executable }) => {
    const result = runPlan(device, plan, inputs, params, executable);
    outputs.forEach((expected, i) => {
      const actual = result.outputs[i];
      expect(actual && firstDifference(actual, expected, tolerance), `output ${i}`).toBeNull();
    });
  });
});
