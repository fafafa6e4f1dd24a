import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { backwardCost, widthFor } from "./backward-cost.ts";
import { measure, median } from "./measure.ts";
import { run } from "./run.ts";

describe("measure", () => {
  test("takes medians of turns", async () => {
    const order: string[] = [];
    const times = await measure(
      { a: async () => order.push("a"), b: async () => order.push("b") },
      { warmUp: 1, rounds: 3, budgetMs: 0 },
    );
    expect(order.join("")).toBe("abababab");
    expect([times.a.runs, times.b.runs]).toEqual([3, 3]);
    expect(times.a.minMs).toBeLessThanOrEqual(times.a.medianMs);
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});

describe("backwardCost", () => {
  test.each([1000, 100_000])("of %d parameters compiles no plan after the first steps", async (parameters) => {
    const effort = { warmUp: 1, rounds: 2, budgetMs: 0 };
    const cost = await backwardCost(parameters, { batchSize: 8, device: "wasm", steps: 20, effort });
    expect(Math.abs(cost.parameters / parameters - 1)).toBeLessThan(0.1);
    expect(cost.width).toBe(widthFor(parameters));
    expect(cost.plansLater).toBe(0);
    expect(cost.plansAtFirst).toBeLessThanOrEqual(3);
    expect(cost.ratio).toBeCloseTo(cost.gradientMs / cost.forwardMs, 12);
  });
});

describe("npm run bench:backward", { timeout: 60_000 }, () => {
  const quick = ["--sizes", "1000,5000", "--batch-size", "4", "--seconds", "0.01", "--steps", "5"];

  test("prints a table and writes what it says as JSON", async () => {
    const folder = mkdtempSync(join(tmpdir(), "backward-"));
    try {
      const file = join(folder, "backward.json");
      const { status, output, errors } = await run("backward.ts", [...quick, "--json", file]);
      expect(status, errors).toBe(0);
      expect(output).toMatch(/parameters +width +forward ms/);
      expect(output).toContain("no plans compiled after step 3");
      const { costs, worst, device } = JSON.parse(readFileSync(file, "utf8"));
      expect(costs).toHaveLength(2);
      expect(worst).toBe(Math.max(...costs.map((cost: { ratio: number }) => cost.ratio)));
      expect(device).toBe("wasm");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    [["--sizes", "1000,x"], "--sizes: "],
    [["--sizes", "1.5"], "--sizes: "],
    [["--batch-size", "0"], "--batch-size: "],
    [["--device", "abacus"], "--device: "],
    [["--fast"], "--fast"],
    [["1000"], "1000"],
  ])("refuses %s with a message and a status", async (args, message) => {
    const file = join(tmpdir(), "backward-refused.json");
    const { status, output, errors } = await run("backward.ts", [...args, "--json", file]);
    expect(status).toBe(1);
    expect(errors).toContain(message);
    expect(output).toBe("");
    expect(existsSync(file)).toBe(false);
  });

  test("explains itself", async () => {
    const { status, output } = await run("backward.ts", ["--help"]);
    expect([status, output.includes("--batch-size")]).toEqual([0, true]);
  });
});
