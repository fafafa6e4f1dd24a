// Runs that are timed do what other runs do.
import { describe, expect, test } from "vitest";
import { CotangentError, IndexError } from "../base/errors.ts";
import { firstDifference, runPlan } from "../testing/plan-case.ts";
import { planCases } from "../testing/plans.ts";
import type { Executable } from "./device.ts";
import { createReferenceDevice } from "./reference.ts";
import { createWasmDevice } from "./wasm/device.ts";

const devices = [
  { name: "reference", create: createReferenceDevice },
  { name: "wasm", create: createWasmDevice },
];

describe.each(devices)("$name", ({ create }) => {
  const device = create();
  test.each(planCases)("$name", ({ plan, inputs, params, outputs, tolerance, error }) => {
    const executable = device.compile(plan);
    const times = new Float64Array(plan.kernels.length + 1).fill(Number.NaN);
    const timed: Executable = {
      run: (from, to, numbers) => {
        if (!executable.runTimed) throw new CotangentError(`${device.name}: expected runTimed, got a device without`);
        executable.runTimed(from, to, numbers, times);
      },
    };
    const result = runPlan(device, plan, inputs, params, timed);
    if (error) expect(result.error).toEqual(new IndexError(error));
    else if (result.error) throw result.error;
    outputs.forEach((expected, i) => {
      const actual = result.outputs[i];
      expect(actual && firstDifference(actual, expected, tolerance), `output ${i}`).toBeNull();
    });
    if (!error) expect([...times]).toEqual([...times].toSorted((a, b) => a - b));
    if (!error) expect(times.every((time) => time > 0)).toBe(true);
  });
});
