// Runs all configurations on all workloads, in rotation, so that what else the machine does hits all of them alike.
import { z } from "zod";
import {
  type Configuration,
  configurationsOf,
  type FrameworkName,
  isQuick,
  onNodes,
  peaksCommand,
  profileCommand,
  sumToleranceOf,
} from "./configurations.ts";
import { type KernelProfile, kernelProfileSchema } from "./kernel-profile.ts";
import { launch, waitForQuiet } from "./launch.ts";
import type { BenchOptions } from "./options.ts";
import { differences, outcomeSchema } from "./outcome.ts";
import type { Peak } from "./peaks.ts";
import { showNumber } from "./report.ts";
import { type Benchmark, quietCores, type Run } from "./results.ts";
import type { WorkloadName } from "./specification.ts";

const resultSchema = outcomeSchema.extend({ version: z.string(), residentMiB: z.number(), cpuSeconds: z.number() });
const peakSchema = z.object({ threads: z.number(), gflops: z.number(), gigabytesPerSecond: z.number() });

/** Seconds of a whole quick run, and of a single process at most. */
const quickSeconds = 110;
const processSeconds = 300;
/** A process that took longer than this is not run again. */
const slowSeconds = 60;
/** Processes of an epoch in each repetition: each gives one time. */
const epochs = 3;
/** The share of the specified measuring time that a quick run spends. */
const quickShare = 0.1;

export interface Finished {
  readonly benchmark: Benchmark;
  /** Results that are not the expected ones, and failures of Cotangent. */
  readonly mismatches: readonly string[];
}

export async function runBenchmark(options: BenchOptions, report: (line: string) => void): Promise<Finished> {
  const { threads, quick } = options;
  const deadline = performance.now() + (quick ? quickSeconds * 1000 : Number.POSITIVE_INFINITY);
  const secondsLeft = (): number => Math.min(processSeconds, (deadline - performance.now()) / 1000);

  const configurations: Configuration[] = [];
  const missing: FrameworkName[] = [];
  for (const framework of options.frameworks) {
    const found = configurationsOf(framework, threads);
    if (found.length === 0) missing.push(framework);
    configurations.push(...found.filter((one) => !quick || !one.isExtra));
  }
  configurations.push(...onNodes(options.nodes, threads));
  for (const framework of missing) report(`${framework} is not installed here: left out`);

  const counts = [...new Set([1, threads])];
  const first = await measureAll(counts, options.patience, secondsLeft);
  const runs: Run[] = [];
  const versions: Record<string, string> = {};
  const mismatches: string[] = [];
  const isSettled = (id: string, workload: WorkloadName): boolean =>
    runs.some(
      (run) =>
        run.configuration === id &&
        run.workload === workload &&
        (run.failure !== undefined || run.seconds > slowSeconds),
    );

  for (const { configuration, workload } of jobsOf(options, configurations)) {
    const { id, framework } = configuration;
    if (isSettled(id, workload)) continue;
    // Who has patience wants runs that nobody disturbed.
    for (let attempts = options.patience > 0 ? 2 : 1; attempts > 0; attempts--) {
      if (secondsLeft() < 1) {
        report(`${workload} ${id}: no time left`);
        break;
      }
      await waitForQuiet(options.patience);
      const { run, version, isMissing } = await runOnce(configuration, workload, quick ? quickShare : 1, secondsLeft());
      runs.push(run);
      if (version !== undefined) versions[id] = version;
      const { failure, outcome, otherCores = 0 } = run;
      // A kernel that another framework lacks is worth a note; a wrong result, or any failure of ours, is an error.
      if (failure !== undefined && (!isMissing || framework === "cotangent"))
        mismatches.push(`${workload} ${id}: ${failure}`);
      if (outcome)
        report(`${workload} ${id}: ${showNumber(outcome.medianMs)} ms (others used ${otherCores.toFixed(1)} cores)`);
      else report(`${workload} ${id}: fails: ${failure}`);
      if (!outcome || otherCores <= quietCores || run.seconds > slowSeconds) break;
    }
  }
  const profiles = new Map<WorkloadName, KernelProfile>();
  if (options.profile)
    for (const workload of options.workloads) {
      await waitForQuiet(options.patience);
      const launched = await launch(profileCommand(workload), { COTANGENT_THREADS: "1" }, secondsLeft());
      if ("failure" in launched) throw new Error(`profile of ${workload}: ${launched.failure}`);
      const taken = kernelProfileSchema.nullable().parse(launched.result);
      if (taken) profiles.set(workload, taken);
    }
  // Whatever disturbs the measurement of a peak makes it too low.
  const again = quick ? [] : await measureAll(counts, options.patience, secondsLeft);
  const peaks = first.map((peak, n): Peak => {
    const other = again[n] ?? peak;
    return {
      threads: peak.threads,
      gflops: Math.max(peak.gflops, other.gflops),
      gigabytesPerSecond: Math.max(peak.gigabytesPerSecond, other.gigabytesPerSecond),
    };
  });
  return { benchmark: { threads, configurations, missing, peaks, runs, versions, profiles }, mismatches };
}

interface Attempt {
  readonly run: Run;
  readonly version?: string;
  /** Whether it failed without a result: the framework cannot do it, or not in time. */
  readonly isMissing: boolean;
}

async function runOnce(
  { id, framework, command, environment }: Configuration,
  workload: WorkloadName,
  share: number,
  limitSeconds: number,
): Promise<Attempt> {
  const launched = await launch([...command, workload, String(share)], environment, limitSeconds);
  const { seconds, busySeconds } = launched;
  const about = { configuration: id, workload, seconds };
  if ("failure" in launched) return { run: { ...about, failure: launched.failure }, isMissing: true };
  const { version, cpuSeconds, ...outcome } = resultSchema.parse(launched.result);
  const wrong = differences(workload, outcome.evidence, sumToleranceOf(framework));
  if (wrong.length > 0) return { run: { ...about, failure: wrong.join("; ") }, version, isMissing: false };
  const otherCores = Math.max(0, (busySeconds - cpuSeconds) / seconds);
  return { run: { ...about, otherCores, outcome }, version, isMissing: false };
}

interface Job {
  readonly configuration: Configuration;
  readonly workload: WorkloadName;
}

/** Every configuration on every workload, each time beginning with another one. The slow ones are last in a quick run. */
function jobsOf({ workloads, repetitions, quick }: BenchOptions, configurations: readonly Configuration[]): Job[] {
  const jobs: Job[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++)
    for (const workload of workloads)
      for (let round = 0; round < (workload === "W8" && !quick ? epochs : 1); round++) {
        const start = (repetition + round) % Math.max(1, configurations.length);
        const turned = [...configurations.slice(start), ...configurations.slice(0, start)];
        for (const configuration of turned)
          if (configuration.workloads?.includes(workload) ?? true) jobs.push({ configuration, workload });
      }
  if (!quick) return jobs;
  const isPeer = ({ configuration: { framework } }: Job): boolean => framework === "jaxjs" || framework === "tfjs";
  const chosen = jobs.filter(({ configuration, workload }) => isQuick(configuration, workload));
  return [...chosen.filter((job) => !isPeer(job)), ...chosen.filter(isPeer)];
}

async function measureAll(counts: readonly number[], patience: number, secondsLeft: () => number): Promise<Peak[]> {
  const peaks: Peak[] = [];
  for (const count of counts) {
    await waitForQuiet(patience);
    const launched = await launch(peaksCommand(count), {}, secondsLeft());
    if ("failure" in launched) throw new Error(`peaks: ${launched.failure}`);
    peaks.push(peakSchema.parse(launched.result));
  }
  return peaks;
}
