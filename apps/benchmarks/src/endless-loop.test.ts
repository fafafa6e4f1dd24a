// No memory management: loops of 10,000 steps that call nothing to free memory, each in a process of its own.
import { describe, expect, test } from "vitest";
import type { LoopReport } from "./endless-loop.ts";
import { run } from "./run.ts";

const iterations = 10_000;

async function report(mode: string): Promise<LoopReport> {
  // One thread: when the others wake for the first time, and take their few MiB, depends on what else the machine does.
  const variables = { COTANGENT_THREADS: "1" };
  const { status, output, errors } = await run("endless-loop.ts", [mode, String(iterations), "wasm"], variables, [
    "--expose-gc",
  ]);
  expect(status, errors).toBe(0);
  return JSON.parse(output);
}

/** How far the values lie apart, on both sides of their middle: 0.05 is ±5 %. */
function spread(values: readonly number[]): number {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return (most - least) / (most + least);
}
const megabytes = (values: readonly number[]): string => values.map((value) => Math.round(value / 2 ** 20)).join(" ");

const afterStart = ({ readings }: LoopReport): LoopReport["readings"] =>
  readings.filter(({ iteration }) => iteration >= 500);

describe.each(["train", "infer"])("a loop that %ss 10,000 times", { timeout: 600_000 }, (mode) => {
  test("keeps memory flat", async () => {
    const all = await report(mode);
    const [early = 0, late = 0] = all.liveBytes;
    expect(late / early, `live: ${megabytes(all.liveBytes)} MiB`).toBeLessThan(1.05);
    const resident = afterStart(all).map((each) => each.residentBytes);
    expect(spread(resident), `MiB from step 500 on: ${megabytes(resident)}`).toBeLessThan(0.05);
  });

  test("compiles nothing after its first steps", async () => {
    const all = await report(mode);
    expect(all.readings.at(-1)?.iteration).toBe(iterations);
    expect(new Set(afterStart(all).map(({ plansCompiled }) => plansCompiled)).size).toBe(1);
    // Training alternates between two orders of reading the loss, and inference has one: each runs the same kernels every time.
    const period = mode === "train" ? 2 : 1;
    expect(all.kernelsPerIteration.slice(period)).toEqual(all.kernelsPerIteration.slice(0, -period));
  });
});
