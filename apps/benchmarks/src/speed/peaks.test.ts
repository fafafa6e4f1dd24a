import { expect, test } from "vitest";
import { chainCounts, peakModule } from "./peak-module.ts";
import { measurePeaks } from "./peaks.ts";

const isFunction = (value: unknown): value is (...args: number[]) => void => typeof value === "function";

test("the kernels that measure the machine compute what they say", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(peakModule(false));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const floats = new Float32Array(memory.buffer);
  floats.fill(0.5);
  for (const chains of chainCounts) {
    const arithmetic = exports[`arithmetic${chains}`];
    if (!isFunction(arithmetic)) throw new TypeError("expected a function");
    arithmetic(1);
    // 0.5·0.5 + 0.5
    expect(new Set(floats.subarray(0, 4 * chains))).toEqual(new Set([0.75]));
    floats.fill(0.5);
  }
  const { triad } = exports;
  if (!isFunction(triad)) throw new TypeError("expected a function");
  floats[0] = 2;
  const [x, y, z] = [1024, 2048, 4096];
  floats.fill(3, x / 4, x / 4 + 32).fill(5, y / 4, y / 4 + 32);
  triad(128, x, y, z);
  expect([...floats.subarray(z / 4, z / 4 + 33)]).toEqual([
    ...Array.from({ length: 8 }, () => [13, 5.5, 5.5, 5.5]).flat(),
    0.5,
  ]);
});

test("peaks of one thread are found in a moment", async () => {
  const { threads, gflops, gigabytesPerSecond } = await measurePeaks(1, 0.01);
  expect(threads).toBe(1);
  expect(gflops).toBeGreaterThan(0.5);
  expect(gigabytesPerSecond).toBeGreaterThan(0.1);
});
