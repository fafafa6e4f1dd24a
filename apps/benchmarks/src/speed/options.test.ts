import { describe, expect, test } from "vitest";
import { run } from "../run.ts";
import { readOptions } from "./options.ts";
import { workloadNames } from "./specification.ts";
import { shortened, timeSteps } from "./timing.ts";

describe("readOptions", () => {
  test("has defaults", () => {
    const options = readOptions(["--threads", "2"]);
    expect(options).toMatchObject({ repetitions: 3, quick: false, threads: 2 });
    expect(options.workloads).toEqual(workloadNames);
    expect(options.nodes).toEqual([]);
    expect(options.frameworks).toEqual(["cotangent", "torch", "jaxjs", "tfjs"]);
  });

  test("reads versions of Node", () => {
    expect(readOptions(["--nodes", "20,22.11"]).nodes).toEqual(["20", "22.11"]);
  });

  test("reads lists and files", () => {
    const options = readOptions(["--workloads", "W1,W3", "--frameworks", "torch", "--json", "a.json", "--quick"]);
    expect(options).toMatchObject({ workloads: ["W1", "W3"], frameworks: ["torch"], json: "a.json", repetitions: 1 });
  });
});

describe("npm run bench", { timeout: 60_000 }, () => {
  test.each([
    [["--workloads", "W1,W9"], "--workloads: "],
    [["--frameworks", "numpy"], "--frameworks: "],
    [["--repetitions", "0"], "--repetitions: "],
    [["--threads", "many"], "--threads: "],
    [["--nodes", "old"], "--nodes: expected versions such as 20,22"],
    [["--fast"], "--fast"],
    [["W1"], "too many arguments"],
  ])("refuses %s with a message and a status", async (args, message) => {
    const { status, output, errors } = await run("bench.ts", args);
    expect(status).toBe(1);
    expect(errors).toContain(message);
    expect(output).toBe("");
  });

  test("explains itself", async () => {
    const { status, output } = await run("bench.ts", ["--help"]);
    expect([status, output.includes("--workloads"), output.includes("python3-torch")]).toEqual([0, true, true]);
  });

  test("runs a workload and prints its tables", async () => {
    const args = ["--quick", "--workloads", "W7", "--frameworks", "cotangent", "--threads", "1"];
    const { status, output, errors } = await run("bench.ts", args);
    expect(status, errors).toBe(0);
    expect(output).toMatch(/W7 tiny +\d/);
    expect(output).toMatch(/Peak of 1 thread: /);
  });
});

describe("timeSteps", () => {
  const timing = { warmup_steps: 4, warmup_s: 9, min_steps: 3, max_steps: 5, budget_s: 0 };

  test("warms up, then counts steps", async () => {
    const seen: number[] = [];
    const { steps, minMs, medianMs } = await timeSteps(timing, (i) => seen.push(i));
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(steps).toBe(3);
    expect(minMs).toBeLessThanOrEqual(medianMs);
  });

  test("can be shortened", () => {
    expect(shortened({ ...timing, min_steps: 30, budget_s: 5 }, 0.1)).toMatchObject({ min_steps: 5, budget_s: 0.5 });
    expect(shortened(timing, 1)).toBe(timing);
  });
});
