import { setFlagsFromString } from "node:v8";
import { expect, test } from "vitest";
import { printPlan } from "../../kernel/print.ts";
import { firstDifference, runPlan } from "../../testing/plan-case.ts";
import { randomPlan } from "../../testing/random-plans.ts";
import { createReferenceDevice } from "../reference.ts";
import { createWasmDevice } from "./device.ts";

// Every kernel goes through V8's optimizing compiler: its vector passes are where surprises live.
setFlagsFromString("--wasm-tiering-budget=1");
// V8 knows the flag from Node 22 on, where it takes seconds for a kernel. Without it code gets better in the background.
if (Number.parseInt(process.versions.v8, 10) >= 13) setFlagsFromString("--wasm-sync-tier-up");

test.each([0, 1, 2, 3])("random kernels give what the reference gives, bit for bit (part %i)", (part) => {
  const reference = createReferenceDevice();
  const wasm = createWasmDevice();
  for (let seed = 100 * part; seed < 100 * (part + 1); seed++) {
    const { plan, inputs, params } = randomPlan(seed);
    const expected = runPlan(reference, plan, inputs, params);
    expect(expected.error).toBeNull();
    const executable = wasm.compile(plan);
    for (let round = 0; round < 2; round++) {
      const { outputs, error } = runPlan(wasm, plan, inputs, params, executable);
      expect(error).toBeNull();
      expected.outputs.forEach((values, i) => {
        const actual = outputs[i];
        const difference = actual && firstDifference(actual, values, 0);
        expect(difference, `seed ${seed}, output ${i} of\n${printPlan(plan)}`).toBeNull();
      });
    }
  }
});
