// No memory management: loops of 10,000 steps that call nothing to free memory, each in a process of its own.
import { describe, expect, test } from "vitest";
import type { LoopReport } from "./endless-loop.ts";
import { median } from "./measure.ts";
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

/** Whether all values lie within so large a share of their median. */
function isFlat(values: readonly number[], share: number): boolean {
  const center = median(values);
  return values.every((value) => Math.abs(value - center) <= share * center);
}
const megabytes = (values: readonly number[]): string => values.map((value) => Math.round(value / 2 ** 20)).join(" ");

const afterStart = ({ readings }: LoopReport): LoopReport["readings"] =>
  readings.filter(({ iteration }) => iteration >= 500);

describe.each(["train", "infer"])("a loop that %ss 10,000 times", { timeout: 600_000 }, (mode) => {
  // V8 settles late: it compiles in the background, and enlarges its nursery by some 10 MiB when it sees fit. That is 15 % of
  // so small a process; what is alive does not grow.
  test("keeps memory flat", async () => {
    const all = await report(mode);
    const [early = 0, late = 0] = all.liveBytes;
    expect(late / early, `live: ${megabytes(all.liveBytes)} MiB`).toBeLessThan(1.05);
    const resident = afterStart(all).map((each) => each.residentBytes);
    expect(isFlat(resident, 0.15), `MiB from step 500 on: ${megabytes(resident)}`).toBe(true);
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
