// Shapes that never come again: 3,000 training steps, each of which compiles a plan and kernels.
import { describe, expect, test } from "vitest";
import type { MemoryReport } from "./changing-shapes.ts";
import { run } from "./run.ts";

const steps = 3000;
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

describe.each(["1", "2"])("3,000 different shapes on threads: %s", { timeout: 600_000 }, (threads) => {
  test("leave no more behind than 250 do", async () => {
    const { status, output, errors } = await run(
      "changing-shapes.ts",
      [String(steps)],
      { COTANGENT_THREADS: threads },
      ["--expose-gc"],
    );
    expect(status, errors).toBe(0);
    const { readings, liveBytes }: MemoryReport = JSON.parse(output);
    expect(readings.at(-1)?.plansCompiled).toBeGreaterThan(steps);
    expect(Math.max(...readings.map(({ plansCached }) => plansCached))).toBeLessThan(300);
    const live = liveBytes.map(mebibytes);
    expect(Math.max(...live), `live: ${live} MiB`).toBeLessThan(72);
    const code = readings.map(({ codeBytes }) => mebibytes(codeBytes ?? 0));
    expect(Math.max(...code), `code: ${code} MiB`).toBeLessThan(48);
    // The nursery and the allocator have their share after some 1,000 steps.
    const resident = readings.map(({ residentBytes }) => mebibytes(residentBytes));
    const [early, late] = [resident.slice(3, 6), resident.slice(-4)];
    expect(Math.max(...late), `resident: ${resident} MiB`).toBeLessThan(1.25 * Math.max(...early));
  });
});
