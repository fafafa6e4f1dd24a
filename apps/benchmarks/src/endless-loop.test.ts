// No memory management: loops of 10,000 steps that call nothing to free memory, each in a process of its own.
import { describe, expect, test } from "vitest";
import type { LoopReport } from "./endless-loop.ts";
import { median } from "./measure.ts";
import { run } from "./run.ts";

const iterations = 10_000;

async function report(mode: string): Promise<LoopReport> {
  const { status, output, errors } = await run("endless-loop.ts", [mode, String(iterations), "wasm"]);
  expect(status, errors).toBe(0);
  return JSON.parse(output);
}

/** Whether all values lie within so large a share of their median. */
function isFlat(values: readonly number[], share: number): boolean {
  const center = median(values);
  return values.every((value) => Math.abs(value - center) <= share * center);
}
const megabytes = (values: readonly number[]): string => values.map((value) => Math.round(value / 2 ** 20)).join(" ");

describe.each(["train", "infer"])("a loop that %ss 10,000 times", { timeout: 300_000 }, (mode) => {
  test("keeps memory flat and compiles nothing after its first steps", async () => {
    const { readings, kernelsPerIteration } = await report(mode);
    expect(readings.at(-1)?.iteration).toBe(iterations);

    const later = readings.filter(({ iteration }) => iteration >= 500);
    const resident = later.map((each) => each.residentBytes);
    expect(isFlat(resident, 0.05), `MiB: ${megabytes(resident)}`).toBe(true);

    expect(new Set(later.map(({ plansCompiled }) => plansCompiled)).size).toBe(1);
    // Training alternates between two orders of reading the loss, and inference has one: each runs the same kernels every time.
    const period = mode === "train" ? 2 : 1;
    expect(kernelsPerIteration.slice(period)).toEqual(kernelsPerIteration.slice(0, -period));
  });
});
