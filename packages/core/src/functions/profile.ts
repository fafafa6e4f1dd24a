// Which kernels ran in a piece of program, what was fused into each, and how long they took.
import { ArgumentError } from "../base/errors.ts";
import { type Phase, type RecordedKernel, type Recording, startRecording, stopRecording } from "../engine/profiling.ts";
import { type MachinePeaks, machinePeaks } from "../runtime/wasm/peaks.ts";
import { checkCount } from "./arguments.ts";
import { realize } from "./evaluate.ts";
import { chromeTrace, profileTable } from "./profile-text.ts";
import { tensorsOf } from "./trees.ts";

export interface ProfileOptions {
  /** How often the function is called, 1 by default. */
  readonly repeat?: number;
  /** How often it is called before, without being recorded: the first call of a step compiles its plan. 0 by default. */
  readonly warmUp?: number;
}

/** One kernel; equal ones, in whichever plan, are one line. */
export interface KernelProfile {
  readonly device: string;
  /** The names of the operations whose values it computes: what was fused into it. */
  readonly operations: readonly string[];
  /** `map`, `reduce`, `rowwise`, `contract` or `routine`; `plan` on a device that cannot time kernels apart. */
  readonly form: string;
  /** What it loops over: `128×256`, `128 over 10` for a fold, `16 of 64×64 over 32` for products. */
  readonly dims: string;
  readonly runs: number;
  readonly totalMs: number;
  readonly medianMs: number;
  /** Floating-point operations of one run: 2mnk for a matrix product; exp and the like count as one. */
  readonly flops: number;
  /** Bytes that one run reads and writes, each element once. */
  readonly bytes: number;
  /** Bytes of scratch memory that it touches. */
  readonly scratchBytes: number;
  /** By the median time. */
  readonly gflopsPerSecond: number;
  readonly gigabytesPerSecond: number;
  /**
   * How near it comes to the machine's peak of what binds it, by the median time: the time that its arithmetic or its
   * traffic would take at the peak, over the time that it took. Above 1 where data stay in caches. NaN without a peak.
   */
  readonly peakShare: number;
  /** Which of the two would take longer at the peak. */
  readonly bound: "arithmetic" | "memory";
}

/** The time of the main thread outside kernels, by what it did. */
export interface PhaseProfile {
  readonly phase: Exclude<Phase, "kernels">;
  readonly totalMs: number;
}

export interface Profile {
  /** By total time, the longest first. */
  readonly kernels: readonly KernelProfile[];
  /** `program` is everything outside the engine: building graphs, and waiting. */
  readonly phases: readonly PhaseProfile[];
  /** From begin to end. */
  readonly totalMs: number;
  readonly kernelMs: number;
  /** How many different plans ran, and the largest scratch memory of one. */
  readonly plans: number;
  readonly scratchBytes: number;
  /** What this machine can do on one thread, measured at the first profile; null where it has no WebAssembly with vectors. */
  readonly peaks: MachinePeaks | null;
  /** A table of the kernels, and a line for each phase. */
  toString(): string;
  /** A file for chrome://tracing or ui.perfetto.dev, as JSON (Trace Event Format). */
  toChromeTrace(): string;
}

/**
 * Runs a function and records each kernel that runs in it. Tensors that it returns, alone or in arrays and objects, are
 * computed as well. Results are what they are without; runs of other code that come between awaits are recorded with it.
 * @param f the function, synchronous or not
 * @param options.repeat how often it is called
 * @param options.warmUp how often it is called before, without being recorded
 * @throws {GraphError} `profile: expected no other profile under way, got one that has not ended. Await it first`
 * @example (await profile(() => tensor([1, 2]).exp().add(1))).kernels.map((kernel) => kernel.operations) // [["exp", "add"]]
 * @example (await profile(() => zeros([8, 4]).matmul(zeros([4, 5])))).kernels[0].dims // "8×5 over 4"
 */
export async function profile(f: () => unknown, options: ProfileOptions = {}): Promise<Profile> {
  if (typeof f !== "function") throw new ArgumentError(`profile: expected a function, got ${typeof f}`);
  const repeat = checkCount("profile", "repeat", options.repeat ?? 1, 1);
  const warmUp = checkCount("profile", "warmUp", options.warmUp ?? 0);
  const peaks = machinePeaks();
  for (let i = 0; i < warmUp; i++) await callAndCompute(f);
  startRecording();
  let recording: Recording;
  try {
    for (let i = 0; i < repeat; i++) await callAndCompute(f);
  } finally {
    recording = stopRecording();
  }
  return summaryOf(recording, peaks);
}

async function callAndCompute(f: () => unknown): Promise<void> {
  const returned = f();
  const tensors = tensorsOf(returned instanceof Promise ? await returned : returned);
  if (tensors.length > 0) realize(...tensors);
}

function summaryOf(recording: Recording, peaks: MachinePeaks | null): Profile {
  const kernels = recording.kernels
    .map((kernel) => kernelProfile(kernel, peaks))
    .toSorted((a, b) => b.totalMs - a.totalMs);
  const timeOf = (wanted: Phase): number =>
    recording.spans.reduce((sum, { phase, startMs, endMs }) => (phase === wanted ? sum + endMs - startMs : sum), 0);
  const phases = (["program", "signature", "compile", "launch"] as const).map((phase) => ({
    phase,
    totalMs: timeOf(phase),
  }));
  const { plans, scratchBytes } = recording;
  const summary = {
    kernels,
    phases,
    totalMs: recording.endMs - recording.startMs,
    kernelMs: kernels.reduce((sum, kernel) => sum + kernel.totalMs, 0),
    plans,
    scratchBytes,
    peaks,
  };
  return {
    ...summary,
    toString: () => profileTable(summary),
    toChromeTrace: () => chromeTrace(recording),
  };
}

function kernelProfile(kernel: RecordedKernel, peaks: MachinePeaks | null): KernelProfile {
  const { device, operations, form, dims, flops, bytes, scratchBytes, timesMs } = kernel;
  const medianMs = median(timesMs);
  const rate = (amount: number): number => (amount === 0 ? 0 : amount / (medianMs * 1e6));
  const arithmeticMs = peaks ? (1000 * flops) / peaks.flopsPerSecond : Number.NaN;
  const memoryMs = peaks ? (1000 * bytes) / peaks.bytesPerSecond : Number.NaN;
  return {
    device,
    operations,
    form,
    dims,
    runs: timesMs.length,
    totalMs: timesMs.reduce((sum, time) => sum + time, 0),
    medianMs,
    flops,
    bytes,
    scratchBytes,
    gflopsPerSecond: rate(flops),
    gigabytesPerSecond: rate(bytes),
    peakShare: Math.max(arithmeticMs, memoryMs) / medianMs,
    bound: arithmeticMs > memoryMs ? "arithmetic" : "memory",
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
