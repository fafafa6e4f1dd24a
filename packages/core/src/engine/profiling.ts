// What runs, and when: recorded while somebody takes a profile. Otherwise each hook costs one comparison.
import { GraphError } from "../base/errors.ts";
import { canonicalKernel } from "../kernel/canonical.ts";
import { kernelCost } from "../kernel/cost.ts";
import type { Kernel, Plan } from "../kernel/ir.ts";
import type { Buffer, Executable } from "../runtime/device.ts";

/**
 * What the main thread is doing: `program` is everything outside the engine, the building of graphs above all; `signature`
 * puts the pending graph in order and looks its plan up; `compile` makes a plan that is not known yet; `launch` allocates
 * results and hands them out; `kernels` is the run itself.
 */
export type Phase = "program" | "signature" | "compile" | "launch" | "kernels";

export interface Span {
  readonly phase: Phase;
  readonly startMs: number;
  readonly endMs: number;
}

/** One kernel, and all its runs. Kernels with the same code and sizes are one, in whichever plan they are. */
export interface RecordedKernel {
  readonly device: string;
  /** The names of the operations whose values it computes. */
  readonly operations: readonly string[];
  /** `plan`: all kernels of a plan together, on a device that cannot time them apart. */
  readonly form: Kernel["form"] | "plan";
  /** Its loops, as text. */
  readonly dims: string;
  /** Of one run: floating-point operations, bytes read and written, bytes of scratch touched. */
  readonly flops: number;
  readonly bytes: number;
  readonly scratchBytes: number;
  readonly startsMs: readonly number[];
  readonly timesMs: readonly number[];
}

export interface Recording {
  readonly startMs: number;
  readonly endMs: number;
  readonly kernels: readonly RecordedKernel[];
  readonly spans: readonly Span[];
  /** The plans that ran. */
  readonly plans: number;
  /** The largest scratch arena among them. */
  readonly scratchBytes: number;
}

interface Run {
  readonly plan: Plan;
  readonly device: string;
  /** When the first kernel began, and when each ended; begin and end alone where the device cannot tell. */
  readonly times: Float64Array;
}

class Recorder {
  readonly runs: Run[] = [];
  readonly spans: Span[] = [];
  readonly startMs: number = performance.now();
  phase: Phase = "program";
  private since: number = this.startMs;

  enter(phase: Phase): void {
    const now = performance.now();
    if (now > this.since) this.spans.push({ phase: this.phase, startMs: this.since, endMs: now });
    this.since = now;
    this.phase = phase;
  }
}

let recorder: Recorder | null = null;

/** Begins to record. Only one recording can be made at a time. */
export function startRecording(): void {
  if (recorder !== null)
    throw new GraphError("profile: expected no other profile under way, got one that has not ended. Await it first");
  recorder = new Recorder();
}

/** Ends it. */
export function stopRecording(): Recording {
  const ended = recorder;
  if (ended === null) throw new GraphError("profile: expected a profile under way, got none");
  recorder = null;
  ended.enter("program");
  const plans = new Set(ended.runs.map((run) => run.plan));
  return {
    startMs: ended.startMs,
    endMs: performance.now(),
    kernels: summarize(ended.runs),
    spans: ended.spans,
    plans: plans.size,
    scratchBytes: Math.max(0, ...[...plans].map((plan) => plan.scratchBytes)),
  };
}

/** Says what the main thread does from here on. Returns what it did before. */
export function enterPhase(phase: Phase): Phase {
  if (recorder === null) return "program";
  const before = recorder.phase;
  recorder.enter(phase);
  return before;
}

/** Runs a compiled plan, and times its kernels if that is wanted. */
export function execute(
  { plan, device, executable }: { readonly plan: Plan; readonly device: string; readonly executable: Executable },
  inputs: readonly Buffer[],
  outputs: readonly Buffer[],
  params: readonly number[],
): void {
  const active = recorder;
  if (active === null) {
    executable.run(inputs, outputs, params);
    return;
  }
  const before = enterPhase("kernels");
  try {
    const times = new Float64Array(executable.runTimed ? plan.kernels.length + 1 : 2);
    if (executable.runTimed) executable.runTimed(inputs, outputs, params, times);
    else {
      times[0] = performance.now();
      executable.run(inputs, outputs, params);
      times[1] = performance.now();
    }
    active.runs.push({ plan, device, times });
  } finally {
    enterPhase(before);
  }
}

type Row = RecordedKernel & { readonly startsMs: number[]; readonly timesMs: number[] };

function summarize(runs: readonly Run[]): Row[] {
  const rows = new Map<string, Row>();
  const rowsOf = new Map<Plan, readonly Row[]>();
  const row = (key: string, fields: Omit<Row, "startsMs" | "timesMs">): Row => {
    const known = rows.get(key) ?? { ...fields, startsMs: [], timesMs: [] };
    rows.set(key, known);
    return known;
  };
  for (const { plan, device, times } of runs) {
    const whole = times.length !== plan.kernels.length + 1;
    const parts =
      rowsOf.get(plan) ??
      (whole
        ? [row(`plan ${rowsOf.size}`, wholePlan(plan, device))]
        : plan.kernels.map((kernel) => {
            const fields = oneKernel(plan, kernel, device);
            const { operations, flops, bytes, scratchBytes } = fields;
            const key = [device, operations, flops, bytes, scratchBytes, canonicalKernel(kernel).key].join(";");
            return row(key, fields);
          }));
    rowsOf.set(plan, parts);
    parts.forEach((part, i) => {
      const start = times[i] ?? 0;
      part.startsMs.push(start);
      part.timesMs.push((times[i + 1] ?? start) - start);
    });
  }
  return [...rows.values()];
}

const oneKernel = (plan: Plan, kernel: Kernel, device: string): Omit<Row, "startsMs" | "timesMs"> => ({
  device,
  operations: kernel.operations ?? [],
  form: kernel.form,
  dims: dimsOf(kernel),
  ...kernelCost(kernel, plan.slots),
});

function wholePlan(plan: Plan, device: string): Omit<Row, "startsMs" | "timesMs"> {
  const costs = plan.kernels.map((kernel) => kernelCost(kernel, plan.slots));
  return {
    device,
    operations: [...new Set(plan.kernels.flatMap((kernel) => kernel.operations ?? []))],
    form: "plan",
    dims: `${plan.kernels.length} kernels`,
    flops: costs.reduce((sum, cost) => sum + cost.flops, 0),
    bytes: costs.reduce((sum, cost) => sum + cost.bytes, 0),
    scratchBytes: plan.scratchBytes,
  };
}

/** `128×256`, `128 over 10`, `16 of 64×64 over 32`: what a kernel loops over; folded axes come after `over`. */
function dimsOf(kernel: Kernel): string {
  const by = (extents: readonly number[]): string => (extents.length > 0 ? extents.join("×") : "1");
  if (kernel.form === "routine") return `${kernel.name} ${kernel.numbers.join(", ")}`;
  if (kernel.form !== "contract")
    return kernel.inner.length > 0 ? `${by(kernel.outer)} over ${by(kernel.inner)}` : by(kernel.outer);
  const flat = (extents: readonly number[]): number => extents.reduce((n, extent) => n * extent, 1);
  const [m, n, k] = [kernel.m, kernel.n, kernel.k].map(flat);
  return `${kernel.batch.length > 0 ? `${by(kernel.batch)} of ` : ""}${m}×${n} over ${k}`;
}
