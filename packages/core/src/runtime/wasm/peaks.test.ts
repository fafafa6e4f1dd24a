import { describe, expect, test } from "vitest";
import { emitPeaks, peakOperandBytes } from "../../codegen/wasm/peaks.ts";
import { wasmFeatures } from "./features.ts";
import { machinePeaks, measurePeaks } from "./peaks.ts";

const features = wasmFeatures();
const settings = [features, { relaxedSimd: features.relaxedSimd }, { relaxedSimd: false }];

test.each(settings)("does the multiply-adds and the copy that it counts: %o", (features) => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(emitPeaks(features));
  const { multiplyAdd, copy } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  if (typeof multiplyAdd !== "function" || typeof copy !== "function") throw new Error("expected two functions");
  const floats = new Float32Array(memory.buffer);
  const operands = peakOperandBytes(features) / 4;
  const perRow = operands / 7;
  for (let i = 0; i < operands; i++) floats[i] = i % 7;
  const start = floats.slice(0, operands + 8);
  multiplyAdd(0, 3);
  const [left = 0] = start.subarray(6 * perRow);
  start.forEach((x, i) => {
    const sum = i < 6 * perRow ? x + 3 * left * (start[6 * perRow + (i % perRow)] ?? 0) : x;
    expect(floats[i]).toBe(sum);
  });
  copy(0, 4096, 128);
  expect(floats.slice(1024, 1024 + 33)).toEqual(Float32Array.from([...floats.slice(0, 32), 0]));
});

describe("peaks", () => {
  test("are measured once", () => {
    const peaks = machinePeaks();
    expect(machinePeaks()).toBe(peaks);
    expect(peaks?.flopsPerSecond).toBeGreaterThan(1e8);
    expect(peaks?.bytesPerSecond).toBeGreaterThan(1e7);
  });

  test("no machine does so much", () => {
    const { flopsPerSecond, bytesPerSecond } = measurePeaks({ relaxedSimd: false });
    expect(flopsPerSecond).toBeLessThan(1e12);
    expect(bytesPerSecond).toBeLessThan(1e12);
  });
});
