import { describe, expect, test } from "vitest";
import { DeviceError, IndexError } from "../base/errors.ts";
import { firstDifference, runPlan } from "../testing/plan-case.ts";
import { planCases } from "../testing/plans.ts";
import { createReferenceDevice } from "./reference.ts";

describe("plans", () => {
  test.each(planCases)("$name", ({ plan, inputs, params, outputs, tolerance, error }) => {
    const device = createReferenceDevice();
    const executable = device.compile(plan);
    for (let round = 0; round < 2; round++) {
      const result = runPlan(device, plan, inputs, params, executable);
      if (error) expect(result.error).toEqual(new IndexError(error));
      else if (result.error) throw result.error;
      outputs.forEach((expected, i) => {
        const actual = result.outputs[i];
        expect(actual && firstDifference(actual, expected, tolerance), `output ${i}`).toBeNull();
      });
    }
    expect(device.allocatedBytes).toBe(0);
  });
});

describe("memory", () => {
  test("what is written can be read", () => {
    const device = createReferenceDevice();
    const buffer = device.allocate(12);
    device.write(buffer, Int32Array.from([1, -2, 3]));
    expect(device.read(buffer, "int32", 2)).toEqual(Int32Array.from([1, -2]));
    expect(device.allocatedBytes).toBe(12);
  });

  test("a free buffer cannot be used", () => {
    const device = createReferenceDevice();
    const buffer = device.allocate(4);
    device.free(buffer);
    expect(() => device.free(buffer)).toThrow(DeviceError);
    expect(() => device.read(buffer, "float32", 1)).toThrow(DeviceError);
    expect(() => device.write(buffer, new Float32Array(1))).toThrow(DeviceError);
    expect(device.allocatedBytes).toBe(0);
  });

  test("memory that nobody wrote reads as NaN", () => {
    const device = createReferenceDevice();
    expect(device.read(device.allocate(4), "float32", 1)[0]).toBeNaN();
  });

  test("a buffer that is too small for its slot is refused", () => {
    const [first] = planCases;
    if (!first) throw new Error("no cases");
    const device = createReferenceDevice();
    const small = device.allocate(4);
    const executable = device.compile(first.plan);
    expect(() => executable.run([small, small], [small], [1, 1])).toThrow(
      /at least 35 elements of float32 for input 0/,
    );
  });
});
