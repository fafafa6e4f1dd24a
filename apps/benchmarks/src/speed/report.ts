// The benchmark's tables, for terminals and for Markdown.
import { median } from "../measure.ts";
import { type Benchmark, bestOf, failureOf, type Row, ratioOf, rowsOf, summarize } from "./results.ts";
import type { WorkloadName } from "./specification.ts";

type Table = readonly (readonly string[])[];

/** Three digits that count. */
export function showNumber(value: number): string {
  if (value >= 1000) return String(Math.round(value));
  return value.toPrecision(3);
}

const share = (value: number | null | undefined, peak: number | undefined): string => {
  if (value === null || value === undefined) return "";
  return peak === undefined ? showNumber(value) : `${showNumber(value)} (${Math.round((100 * value) / peak)} %)`;
};

/** Milliseconds of a step for each configuration: the median, and in brackets the minimum. */
export function timesTable(benchmark: Benchmark, names: readonly WorkloadName[]): Table {
  const { configurations, runs } = benchmark;
  const cell = (row: Row, id: string): string => {
    const summary = summarize(runs, id, row);
    if (summary) return `${showNumber(summary.medianMs)} (${showNumber(summary.minMs)})`;
    return failureOf(runs, id, row.workload) === undefined ? "" : "fails";
  };
  const header = ["ms: median (minimum)", ...configurations.map(({ title }) => title), "Cotangent / PyTorch"];
  const lines = rowsOf(names).map((row) => {
    const ratio = ratioOf(benchmark, row);
    return [row.title, ...configurations.map(({ id }) => cell(row, id)), ratio === null ? "" : ratio.toFixed(2)];
  });
  return [header, ...lines];
}

/** How near Cotangent comes to what the machine can do. */
export function ratesTable(benchmark: Benchmark, names: readonly WorkloadName[]): Table {
  const { configurations, runs, peaks } = benchmark;
  const ours = configurations.filter(({ framework, node }) => framework === "cotangent" && node === undefined);
  const header = [
    "",
    ...ours.flatMap(({ title }) => [`${title}: GFLOP/s (of peak)`, "GB/s (of peak)"]),
    "MiB resident",
    "PyTorch's MiB",
  ];
  const lines = rowsOf(names).map((row) => {
    const rates = ours.flatMap(({ id, threads }) => {
      const peak = peaks.find((one) => one.threads === threads);
      const summary = summarize(runs, id, row);
      return [share(summary?.gflops, peak?.gflops), share(summary?.gigabytesPerSecond, peak?.gigabytesPerSecond)];
    });
    const resident = (["cotangent", "torch"] as const).map((framework) =>
      String(bestOf(benchmark, framework, row)?.summary.residentMiB ?? ""),
    );
    return [row.title, ...rates, ...resident];
  });
  return [header, ...lines];
}

/** The costliest kernels of a workload's step on one thread; null where it was not profiled. */
export function profileTable({ profiles, peaks }: Benchmark, name: WorkloadName): Table | null {
  const taken = profiles.get(name);
  if (!taken) return null;
  const { stepMs, outsideMs, kernels, rows } = taken;
  const peak = peaks.find(({ threads }) => threads === 1);
  const ofStep = (ms: number): string => `${showNumber(ms)} (${Math.round((100 * ms) / stepMs)} %)`;
  const header = [`${name}: operations`, "form", "loops", "of a step", "ms", "GFLOP/s (of peak)", "GB/s"];
  const rest = stepMs - outsideMs - rows.reduce((sum, row) => sum + row.stepMs, 0);
  const restCount = kernels - rows.reduce((sum, row) => sum + row.count, 0);
  const lines = rows.map(({ operations, form, loops, count, stepMs: ms, gflops, gigabytesPerSecond }) => [
    operations,
    form,
    loops,
    String(Math.round(count)),
    ofStep(ms),
    form === "contract" ? share(gflops, peak?.gflops) : "",
    showNumber(gigabytesPerSecond),
  ]);
  return [
    header,
    ...lines,
    ["all other kernels", "", "", String(Math.round(restCount)), ofStep(rest), "", ""],
    ["outside of kernels", "", "", "", ofStep(outsideMs), "", ""],
    ["a step", "", "", String(Math.round(kernels)), showNumber(stepMs), "", ""],
  ];
}

/** Columns are as wide as their longest cell; numbers stand on the right. */
export function asText(table: Table): string {
  const widths = (table[0] ?? []).map((_, i) => Math.max(...table.map((line) => line[i]?.length ?? 0)));
  return table
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}

export function asMarkdown([header = [], ...lines]: Table): string {
  const rule = header.map((_, i) => (i === 0 ? "---" : "---:"));
  return [header, rule, ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** One line about each peak, each missing framework and each failure. */
export function notes({ peaks, missing, runs, versions }: Benchmark): string[] {
  const failures = new Map(
    runs.flatMap(({ configuration, workload, failure }) =>
      failure === undefined ? [] : [[`${workload} ${configuration}`, failure] as const],
    ),
  );
  const others = runs.flatMap(({ otherCores }) => otherCores ?? []);
  return [
    ...(others.length > 0
      ? [
          `Other processes used ${median(others).toFixed(2)} cores meanwhile (median), ${Math.max(...others).toFixed(2)} at most`,
        ]
      : []),
    ...peaks.map(
      ({ threads, gflops, gigabytesPerSecond }) =>
        `Peak of ${threads} ${threads === 1 ? "thread" : "threads"}: ${showNumber(gflops)} GFLOP/s, ${showNumber(gigabytesPerSecond)} GB/s`,
    ),
    ...new Set(Object.values(versions)),
    ...missing.map((framework) => `Not found: ${framework}`),
    ...[...failures].map(([run, failure]) => `${run} fails: ${failure}`),
  ];
}
