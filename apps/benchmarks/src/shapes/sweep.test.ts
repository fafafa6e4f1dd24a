import { describe, expect, test } from "vitest";
import { run } from "../run.ts";
import { shapeCases } from "./cases.ts";
import { groupsOf, timeCase } from "./sweep.ts";

test("60 products and 60 convolutions, each with a name of its own", () => {
  const { matmul, conv } = shapeCases();
  expect([matmul.length, conv.length]).toEqual([60, 60]);
  expect(new Set([...matmul, ...conv].map(({ name }) => name)).size).toBe(120);
});

test("rates are operations over the fastest time", () => {
  let runs = 0;
  const { minMs, gflops } = timeCase({ name: "", kind: "", flops: 1e9, prepare: () => () => runs++ }, 0, 0);
  expect(runs).toBe(8);
  expect(gflops * minMs).toBeCloseTo(1000);
});

test("cases are held against those of their kind and size", () => {
  const rate = (kind: string, flops: number, gflops: number) => ({ name: "", kind, flops, minMs: 1, gflops });
  const groups = groupsOf([...[rate("a", 9e6, 10), rate("a", 60e6, 40), rate("a", 70e6, 1), rate("b", 9e6, 2)]]);
  expect(groups.map(({ title, worstRatio, rates }) => [title, worstRatio, rates[0]?.gflops])).toEqual([
    ["a, 8 to 64 MFLOP", 0.25, 40],
    ["a, 64 to 510 MFLOP", 1, 1],
    ["b, 8 to 64 MFLOP", 1, 2],
  ]);
});

describe("npm run bench:shapes", () => {
  test("explains itself", async () => {
    const { status, output } = await run("bench-shapes.ts", ["--help"]);
    expect([status, output.includes("--threads")]).toEqual([0, true]);
  });

  test("shows each kind of shape", async () => {
    const args = ["--kinds", "matmul", "--threads", "2", "--share", "0.01"];
    const { status, output, errors } = await run("bench-shapes.ts", args);
    expect(status, errors).toBe(0);
    expect(output).toMatch(/127×784 by 784×300 +[\d.]+ +[\d.]+ +[\d.]+/);
    expect(output).toMatch(/matrix by vector, 1 to 8 MFLOP +2 +\d+ +[\d.]+ +[\d.]+/);
  });
});
