import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chart } from "./chart.ts";
import type { Configuration } from "./configurations.ts";
import { costOf } from "./costs.ts";
import { writeMarkdown } from "./markdown.ts";
import { asMarkdown, asText, notes, profileTable, ratesTable, showNumber, timesTable } from "./report.ts";
import { type Benchmark, bestOf, type Run, ratioOf, rowsOf, toJson } from "./results.ts";
import type { WorkloadName } from "./specification.ts";

const configuration = (id: string, framework: Configuration["framework"], threads: number): Configuration => ({
  id,
  framework,
  title: id,
  threads,
  command: [],
  environment: {},
  isExtra: false,
});

const run = (id: string, workload: WorkloadName, medianMs: number, minMs: number): Run => ({
  configuration: id,
  workload,
  seconds: 1,
  otherCores: 0.1,
  outcome: {
    medianMs,
    minMs,
    steps: 9,
    residentMiB: 100,
    evidence: { losses: [3, 2, 1] },
    ...(workload === "W4" ? { sizes: { 2048: { medianMs, minMs, steps: 9 } } } : {}),
  },
});

const benchmark: Benchmark = {
  threads: 2,
  configurations: [
    configuration("cotangent-2", "cotangent", 2),
    configuration("cotangent-1", "cotangent", 1),
    configuration("torch-2", "torch", 2),
    configuration("torch-1", "torch", 1),
    configuration("tfjs", "tfjs", 1),
  ],
  missing: ["jaxjs"],
  profiles: new Map([
    [
      "W1",
      {
        stepMs: 4,
        outsideMs: 1,
        kernels: 3,
        rows: [
          {
            operations: "matmul + relu",
            form: "contract",
            loops: "2×3 over 4",
            count: 2,
            stepMs: 2,
            gflops: 50,
            gigabytesPerSecond: 5,
          },
        ],
      },
    ],
  ]),
  peaks: [
    { threads: 1, gflops: 100, gigabytesPerSecond: 10 },
    { threads: 2, gflops: 200, gigabytesPerSecond: 15 },
  ],
  versions: { "torch-1": "PyTorch 9" },
  runs: [
    run("cotangent-2", "W1", 2, 1.5),
    run("cotangent-2", "W1", 4, 1.9),
    run("cotangent-2", "W1", 3, 1.7),
    run("cotangent-1", "W1", 1, 1),
    run("torch-2", "W1", 10, 9),
    run("torch-1", "W1", 6, 5),
    run("cotangent-2", "W4", 172, 170),
    { configuration: "tfjs", workload: "W1", seconds: 1, failure: "no kernel" },
  ],
};
const names: WorkloadName[] = ["W1", "W4"];
const [row, ...sizes] = rowsOf(names);

describe("results", () => {
  test("take the median of medians and the minimum of minima", () => {
    expect(row && bestOf(benchmark, "cotangent", row)?.summary).toMatchObject({ medianMs: 3, minMs: 1.5, runs: 3 });
  });

  test("compare Cotangent with all threads to the best setting of PyTorch", () => {
    expect(row && bestOf(benchmark, "torch", row)?.configuration).toBe("torch-1");
    expect(row && ratioOf(benchmark, row)).toBe(0.5);
    expect(sizes.map((size) => ratioOf(benchmark, size))).toEqual([null, null, null, null]);
  });

  test("are written by workload and framework", () => {
    expect(JSON.parse(JSON.stringify(toJson(benchmark, names)))).toMatchObject({
      missing: ["jaxjs"],
      workloads: {
        W1: {
          cotangent: { medianMs: 3, minMs: 1.5 },
          torch: { medianMs: 6, minMs: 5, configuration: "torch-1" },
          ratioToTorch: 0.5,
          configurations: { tfjs: { failure: "no kernel" }, "torch-2": { medianMs: 10 } },
        },
        W4: { configurations: { "cotangent-2": { sizes: { 256: null, 2048: { medianMs: 172 } } } } },
      },
    });
  });
});

describe("the report", () => {
  test("is a table of times, in which failures show", () => {
    const [header, first] = timesTable(benchmark, names);
    expect(header?.at(-1)).toBe("Cotangent / PyTorch");
    expect(first).toEqual(["W1 mlp", "3.00 (1.50)", "1.00 (1.00)", "10.0 (9.00)", "6.00 (5.00)", "fails", "0.50"]);
  });

  test("is a table of rates and what they are of the machine's peak", () => {
    const line = ratesTable(benchmark, names).at(-1);
    expect(line?.slice(0, 2)).toEqual(["W4 matmul 2048", "99.9 (50 %)"]);
  });

  test("shows the costliest kernels and what is left", () => {
    expect(profileTable(benchmark, "W4")).toBeNull();
    expect(profileTable(benchmark, "W1")?.slice(1)).toEqual([
      ["matmul + relu", "contract", "2×3 over 4", "2", "2.00 (50 %)", "50.0 (50 %)", "5.00"],
      ["all other kernels", "", "", "1", "1.00 (25 %)", "", ""],
      ["outside of kernels", "", "", "", "1.00 (25 %)", "", ""],
      ["a step", "", "", "3", "4.00", "", ""],
    ]);
  });

  test("goes between the marks of a page that exists", () => {
    const folder = mkdtempSync(join(tmpdir(), "bench-"));
    try {
      const [page, plain] = [join(folder, "page.md"), join(folder, "plain.md")];
      writeFileSync(page, "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n");
      writeMarkdown(page, "new");
      writeMarkdown(page, "newer");
      expect(readFileSync(page, "utf8")).toBe("before\n<!-- bench -->\n\nnewer\n\n<!-- /bench -->\nafter\n");
      writeMarkdown(plain, "new");
      expect(readFileSync(plain, "utf8")).toBe("new\n");
      expect(() => writeMarkdown(plain, "newer")).toThrow("expected lines <!-- bench -->");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("aligns columns, and writes Markdown", () => {
    const table = [
      ["a", "long"],
      ["longer", "1"],
    ];
    expect(asText(table)).toBe("a       long\nlonger     1");
    expect(asMarkdown(table)).toBe("| a | long |\n| --- | ---: |\n| longer | 1 |");
    expect([0.0123456, 1.5, 12.34, 123.4, 1234.5].map(showNumber)).toEqual(["0.0123", "1.50", "12.3", "123", "1235"]);
  });

  test("names peaks, versions, failures and what is missing", () => {
    expect(notes(benchmark)).toEqual([
      "Other processes used 0.10 cores meanwhile (median), 0.10 at most",
      "Peak of 1 thread: 100 GFLOP/s, 10.0 GB/s",
      "Peak of 2 threads: 200 GFLOP/s, 15.0 GB/s",
      "PyTorch 9",
      "Not found: jaxjs",
      "W1 tfjs fails: no kernel",
    ]);
  });

  test("is a chart with a bar for each framework that has a time", () => {
    const picture = chart(benchmark, names);
    expect(picture.match(/class="value">[^<]*/g)).toEqual(['class="value">0.5']);
    expect(picture).toMatch(/^<svg .*<\/svg>\n$/s);
  });
});

test("costs count the products of a step", () => {
  // Forward 128·(784·256 + 256·128 + 128·10) multiply-adds, as many by the weights, fewer by the inputs.
  expect(costOf("W1").flops).toBe(2 * 128 * (3 * (784 * 256 + 256 * 128 + 1280) - 784 * 256));
  expect(costOf("W6")).toEqual({ flops: 0, bytes: 8 * 4_194_304 });
  expect(costOf("W5").bytes).toBe(32 * 25_175_040);
});
