// All runs of a benchmark, and what they come to: the median of the medians, the minimum of the minima.
import { median } from "../measure.ts";
import { type Configuration, type FrameworkName, frameworkNames } from "./configurations.ts";
import { type Cost, costOf, productFlops } from "./costs.ts";
import type { KernelProfile } from "./kernel-profile.ts";
import type { Outcome } from "./outcome.ts";
import type { Peak } from "./peaks.ts";
import { type WorkloadName, workloads } from "./specification.ts";

export interface Run {
  readonly configuration: string;
  readonly workload: WorkloadName;
  readonly seconds: number;
  /** Cores that other processes used meanwhile: with more than a fraction of one, times say little. */
  readonly otherCores?: number;
  readonly outcome?: Outcome & { readonly residentMiB: number };
  readonly failure?: string;
}

/** A line of the tables: a workload, or one size of W4. */
export interface Row {
  readonly workload: WorkloadName;
  readonly size: number | null;
  readonly title: string;
  readonly cost: Cost;
}

export interface Summary {
  readonly medianMs: number;
  readonly minMs: number;
  readonly runs: number;
  readonly residentMiB: number;
  /** Of the workload's products, and of the memory that it cannot but move; null where it has none to speak of. */
  readonly gflops: number | null;
  readonly gigabytesPerSecond: number | null;
}

export interface Benchmark {
  readonly threads: number;
  readonly configurations: readonly Configuration[];
  readonly missing: readonly FrameworkName[];
  readonly peaks: readonly Peak[];
  readonly runs: readonly Run[];
  readonly versions: Readonly<Record<string, string>>;
  readonly profiles: ReadonlyMap<WorkloadName, KernelProfile>;
}

export function rowsOf(names: readonly WorkloadName[]): Row[] {
  return names.flatMap((workload): Row[] => {
    const { name } = workloads[workload];
    if (workload !== "W4") return [{ workload, size: null, title: `${workload} ${name}`, cost: costOf(workload) }];
    return workloads.W4.sizes.map((size) => ({
      workload,
      size,
      title: `W4 ${name} ${size}`,
      cost: { flops: productFlops(size), bytes: 0 },
    }));
  });
}

/** What a configuration's runs of a row come to; null where none succeeded. */
export function summarize(runs: readonly Run[], configuration: string, row: Row): Summary | null {
  const timings: { medianMs: number; minMs: number; residentMiB: number }[] = [];
  for (const { configuration: id, workload, outcome } of runs) {
    if (id !== configuration || workload !== row.workload || !outcome) continue;
    const timing = row.size === null ? outcome : outcome.sizes?.[row.size];
    if (timing) timings.push({ ...timing, residentMiB: outcome.residentMiB });
  }
  if (timings.length === 0) return null;
  const medianMs = median(timings.map((timing) => timing.medianMs));
  const rate = (amount: number): number | null => (amount === 0 ? null : amount / medianMs / 1e6);
  return {
    medianMs,
    minMs: Math.min(...timings.map((timing) => timing.minMs)),
    runs: timings.length,
    residentMiB: Math.max(...timings.map((timing) => timing.residentMiB)),
    gflops: rate(row.cost.flops),
    gigabytesPerSecond: rate(row.cost.bytes),
  };
}

export const failureOf = (runs: readonly Run[], configuration: string, workload: WorkloadName): string | undefined =>
  runs.find((run) => run.configuration === configuration && run.workload === workload && run.failure !== undefined)
    ?.failure;

export interface Best {
  readonly configuration: string;
  readonly summary: Summary;
}

/** A framework's time: Cotangent's with all threads, of the others that of the best setting. */
export function bestOf(benchmark: Benchmark, framework: FrameworkName, row: Row): Best | null {
  let best: Best | null = null;
  for (const { id, framework: owner } of benchmark.configurations) {
    if (owner !== framework || (owner === "cotangent" && id !== `cotangent-${benchmark.threads}`)) continue;
    const summary = summarize(benchmark.runs, id, row);
    if (summary && (!best || summary.medianMs < best.summary.medianMs)) best = { configuration: id, summary };
  }
  return best;
}

/** Time of Cotangent over PyTorch's best. */
export function ratioOf(benchmark: Benchmark, row: Row): number | null {
  const [ours, theirs] = [bestOf(benchmark, "cotangent", row), bestOf(benchmark, "torch", row)];
  return ours && theirs ? ours.summary.medianMs / theirs.summary.medianMs : null;
}

/** Everything, in the form in which it is written to a file. */
export function toJson(benchmark: Benchmark, names: readonly WorkloadName[]): object {
  const { configurations, runs, threads, missing, peaks, versions } = benchmark;
  const described: Record<string, object> = {};
  for (const { id, title, threads: count, environment } of configurations)
    described[id] = { title, threads: count, environment, version: versions[id] };
  const workloadEntries: Record<string, object> = {};
  for (const name of names) workloadEntries[name] = workloadEntry(benchmark, name);
  return { threads, versions, missing, peaks, configurations: described, workloads: workloadEntries, runs };
}

/** What each framework needs at best, and what each of its configurations does. */
function workloadEntry(benchmark: Benchmark, name: WorkloadName): object {
  const { configurations, runs } = benchmark;
  const rows = rowsOf([name]);
  const row = rows.at(-1);
  if (!row) return {};
  const frameworks: Record<string, object> = {};
  for (const framework of frameworkNames) {
    const best = bestOf(benchmark, framework, row);
    if (best) frameworks[framework] = { ...best.summary, configuration: best.configuration };
  }
  const details: Record<string, object> = {};
  for (const { id } of configurations) {
    const summary = summarize(runs, id, row);
    const failure = failureOf(runs, id, name);
    if (!summary) {
      if (failure !== undefined) details[id] = { failure };
      continue;
    }
    const run = runs.find(
      ({ configuration, workload, outcome }) => configuration === id && workload === name && outcome,
    );
    const sizes: Record<string, Summary | null> = {};
    if (rows.length > 1) for (const one of rows) sizes[one.size ?? 0] = summarize(runs, id, one);
    details[id] = { ...summary, ...(rows.length > 1 ? { sizes } : {}), evidence: run?.outcome?.evidence };
  }
  return {
    ...frameworks,
    ratioToTorch: ratioOf(benchmark, row),
    configurations: details,
    profile: benchmark.profiles.get(name),
  };
}
