import { describe, expect, test } from "vitest";
import { DeviceError, IndexError } from "../../base/errors.ts";
import { contiguousView } from "../../base/view.ts";
import { apply, input, literal, load, mapTo, output, param, planOf, scratch } from "../../testing/expr.ts";
import { firstDifference, runPlan } from "../../testing/plan-case.ts";
import { planCases } from "../../testing/plans.ts";
import { createReferenceDevice } from "../reference.ts";
import { createWasmDevice } from "./device.ts";
import { wasmFeatures } from "./features.ts";

const settings = [
  { name: "with what this engine has", features: wasmFeatures() },
  { name: "without relaxed vectors", features: { relaxedSimd: false } },
];

describe.each(settings)("plans $name", ({ features }) => {
  const device = createWasmDevice(features);
  test.each(planCases)("$name", ({ plan, inputs, params, outputs, tolerance, error }) => {
    const executable = device.compile(plan);
    const reference = createReferenceDevice();
    // Twice on different addresses, so that what a run leaves behind shows.
    for (let round = 0; round < 2; round++) {
      const moved = device.allocate(64 + 4096 * round);
      const result = runPlan(device, plan, inputs, params, executable);
      if (error) expect(result.error).toEqual(new IndexError(error));
      else if (result.error) throw result.error;
      outputs.forEach((expected, i) => {
        const actual = result.outputs[i];
        expect(actual && firstDifference(actual, expected, tolerance), `output ${i}`).toBeNull();
      });
      if (!error)
        runPlan(reference, plan, inputs, params).outputs.forEach((expected, i) => {
          const actual = result.outputs[i];
          expect(actual && firstDifference(actual, expected, tolerance), `output ${i} of the reference`).toBeNull();
        });
      device.free(moved);
    }
    expect(device.allocatedBytes).toBe(0);
  });
});

const view = contiguousView([8]);
const eight = Float32Array.from({ length: 8 }, (_, i) => i);

describe("runs", () => {
  test("follow buffers, params and growing memory", () => {
    const device = createWasmDevice();
    const plan = planOf({
      kernels: [
        mapTo([8], [2, apply("mul", load(0, view), param(0))]),
        mapTo([8], [1, apply("add", load(2, view), literal(1))]),
      ],
      slots: [input(0, 8), output(0, 8), scratch(0, 8)],
      params: ["float32"],
      scratchBytes: 64,
    });
    const executable = device.compile(plan);
    for (let i = 0; i < 20; i++) {
      const held = device.allocate(3 << 20);
      const { outputs, error } = runPlan(device, plan, [eight], [i], executable);
      expect(error).toBeNull();
      expect(outputs[0]).toEqual(eight.map((x) => x * i + 1));
      // A larger plan moves the scratch arena.
      device.compile({ ...plan, scratchBytes: 64 << i });
      if (i % 2 === 0) device.free(held);
    }
  });

  test("a failed check does not stick", () => {
    const device = createWasmDevice();
    const failing = planCases.find(({ name }) => name === "a check that fails");
    const passing = planCases.find(({ name }) => name === "a check that passes");
    if (!failing || !passing) throw new Error("no such plans");
    const executable = device.compile(failing.plan);
    expect(runPlan(device, failing.plan, failing.inputs, [], executable).error).toBeInstanceOf(IndexError);
    expect(runPlan(device, failing.plan, passing.inputs, [], executable).error).toBeNull();
    expect(runPlan(device, failing.plan, failing.inputs, [], executable).error).toBeInstanceOf(IndexError);
  });

  test("buffers that are free, foreign or too small are refused", () => {
    const device = createWasmDevice();
    const plan = planOf({ kernels: [mapTo([8], [1, load(0, view)])], slots: [input(0, 8), output(0, 8)] });
    const executable = device.compile(plan);
    const [x, y, small] = [device.allocate(32), device.allocate(32), device.allocate(31)];
    expect(() => executable.run([x], [small], [])).toThrow("wasm: expected at least 32 bytes for output 0, got 31");
    expect(() => executable.run([createReferenceDevice().allocate(32)], [y], [])).toThrow(DeviceError);
    expect(() => executable.run([x], [], [])).toThrow(DeviceError);
    device.free(x);
    expect(() => executable.run([x], [y], [])).toThrow(DeviceError);
    expect(() => device.free(x)).toThrow(DeviceError);
    expect(() => device.read(x, "float32", 1)).toThrow(DeviceError);
    expect(() => device.write(small, new Float32Array(8))).toThrow(DeviceError);
  });
});

describe("memory", () => {
  test("of every dtype goes in and out", () => {
    const device = createWasmDevice();
    const buffer = device.allocate(64);
    device.write(buffer, Float64Array.from([1.5, -0, Number.NaN]));
    expect(device.read(buffer, "float64", 3)).toEqual(Float64Array.from([1.5, -0, Number.NaN]));
    device.write(buffer, new Int32Array([9, 8, 7, 6]).subarray(1, 3));
    expect(device.read(buffer, "int32", 2)).toEqual(Int32Array.from([8, 7]));
    device.write(buffer, Uint8Array.from([1, 2, 3]));
    const copy = device.read(buffer, "uint8", 3);
    device.write(buffer, Uint8Array.from([9, 9, 9]));
    expect(copy).toEqual(Uint8Array.from([1, 2, 3]));
    expect(device.read(device.allocate(0), "float32", 0)).toEqual(new Float32Array(0));
  });

  test("too much of it: an error, and what was held stays", () => {
    const device = createWasmDevice();
    const held = device.allocate(16);
    device.write(held, Float32Array.from([1, 2, 3, 4]));
    expect(() => device.allocate(2 ** 32)).toThrow(DeviceError);
    expect(device.read(held, "float32", 4)).toEqual(Float32Array.from([1, 2, 3, 4]));
    expect(device.allocatedBytes).toBe(16);
  });
});
