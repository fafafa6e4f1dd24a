import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkpointCost, loopCost } from "./derivatives/costs.ts";
import { differenceErrors } from "./derivatives/differences.ts";
import { type DerivativeCosts, violations } from "./derivatives/report.ts";
import { linePlot } from "./line-plot.ts";
import { run } from "./run.ts";

const once = { warmUp: 0, rounds: 1, budgetMs: 0 };

describe("what does not depend on time", () => {
  test.each([4, 16, 64])("√L checkpoints hold at most 2√L of %i layers", async (layers) => {
    const { segments, keptBytes, checkpointBytes } = await checkpointCost(layers, "wasm", once);
    expect(segments).toBe(Math.sqrt(layers));
    expect(checkpointBytes).toBeLessThanOrEqual((2 * segments * keptBytes) / layers);
  });

  test("a longer loop compiles nothing", async () => {
    const [short, long] = [await loopCost(10, "wasm"), await loopCost(10_000, "wasm")];
    expect(short.plansCompiled).toBeGreaterThan(0);
    expect(short.plansCompiled).toBeLessThanOrEqual(6);
    expect(long.plansCompiled).toBe(0);
  });

  test("differences have a best step, and central ones are better there", () => {
    const errors = differenceErrors();
    const best = (of: (each: (typeof errors)[number]) => number) =>
      errors.reduce((least, each) => (of(each) < of(least) ? each : least));
    const [forward, central] = [best((each) => each.forward), best((each) => each.central)];
    expect(forward.forward).toBeGreaterThan(1e-12);
    expect(forward.step).toBeLessThan(1e-6);
    expect(central.step).toBeGreaterThan(forward.step);
    expect(central.central).toBeLessThan(1e-9);
    expect(errors.at(-1)?.central).toBeGreaterThan(1e-4);
  });
});

describe("violations", () => {
  const mode = (inputs: number, outputs: number, reverse: number, forward: number) => ({
    inputs,
    outputs,
    functionMs: 1,
    reverse,
    forward,
  });
  const point = (layers: number, timeRatio: number, checkpointBytes: number) => ({
    layers,
    segments: Math.sqrt(layers),
    keptMs: 1,
    checkpointMs: timeRatio,
    timeRatio,
    keptBytes: layers,
    checkpointBytes,
  });
  const good: DerivativeCosts = {
    device: "wasm",
    byInputs: [mode(1, 1, 2, 2), mode(64, 1, 2.2, 60)],
    byOutputs: [mode(1, 1, 2, 2), mode(1, 64, 60, 2.5)],
    hessian: { gradientMs: 1, hvpMs: 2, ratio: 2 },
    checkpoints: [point(4, 1.1, 2), point(64, 1.2, 8)],
    loops: [
      { steps: 10, plansCompiled: 4, microsecondsPerStep: 1 },
      { steps: 10_000, plansCompiled: 0, microsecondsPerStep: 1 },
    ],
  };
  test.each<[string, Partial<DerivativeCosts>]>([
    ["reverse mode by inputs", { byInputs: [mode(1, 1, 2, 2), mode(64, 1, 5, 60)] }],
    ["forward mode by outputs", { byOutputs: [mode(1, 1, 2, 2), mode(1, 64, 60, 9)] }],
    ["hvp", { hessian: { gradientMs: 1, hvpMs: 5, ratio: 5 } }],
    ["checkpoint of 64 layers", { checkpoints: [point(4, 1.1, 2), point(64, 1.5, 8)] }],
    ["memory to grow", { checkpoints: [point(4, 1.1, 2), point(64, 1.2, 32)] }],
    ["scan of 10000 steps", { loops: [...good.loops, { steps: 10_000, plansCompiled: 1, microsecondsPerStep: 1 }] }],
  ])("tells of %s", (what, changes) => {
    expect(violations(good)).toEqual([]);
    expect(violations({ ...good, ...changes }).join("\n")).toContain(what);
  });
});

test("linePlot places powers on its axes and escapes its texts", () => {
  const svg = linePlot("a < b", [
    {
      title: "t & u",
      across: "x",
      up: "y",
      series: [
        {
          name: "s",
          points: [
            [1, 1],
            [4, 2],
            [16, 16],
          ],
        },
      ],
    },
  ]);
  expect(svg).toContain("<title>a &lt; b</title>");
  expect(svg).toContain("t &amp; u");
  expect(svg).toContain('points="62.0,268.0 187.0,215.5 312.0,58.0"');
});

describe("npm run bench:derivatives", { timeout: 120_000 }, () => {
  const quick = ["--most", "4", "--layers", "4", "--seconds", "0.01"];

  test("prints tables, writes JSON and pictures", async () => {
    const folder = mkdtempSync(join(tmpdir(), "derivatives-"));
    try {
      const [json, charts] = [join(folder, "derivatives.json"), join(folder, "charts")];
      const { status, output, errors } = await run("derivatives.ts", [...quick, "--json", json, "--charts", charts]);
      expect(status, errors).toBe(0);
      expect(output).toMatch(/inputs +outputs +function ms +reverse × +forward ×/);
      const { byInputs, byOutputs, checkpoints } = JSON.parse(readFileSync(json, "utf8"));
      expect([byInputs.length, byOutputs.length, checkpoints.length]).toEqual([2, 2, 1]);
      expect(readdirSync(charts).toSorted()).toEqual(["derivative-costs.svg", "differences.svg", "explain.svg"]);
      const shown = readFileSync(new URL("../../../docs/derivatives/explain.svg", import.meta.url), "utf8");
      expect(readFileSync(join(charts, "explain.svg"), "utf8")).toBe(shown);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    [["--most", "x"], "--most: "],
    [["--layers", "4,x"], "--layers: "],
    [["--device", "abacus"], "--device: "],
    [["--fast"], "--fast"],
  ])("refuses %s with a message and a status", async (args, message) => {
    const { status, output, errors } = await run("derivatives.ts", args);
    expect([status, output]).toEqual([1, ""]);
    expect(errors).toContain(message);
  });

  test("explains itself", async () => {
    const { status, output } = await run("derivatives.ts", ["--help"]);
    expect([status, output.includes("--charts")]).toEqual([0, true]);
  });
});
