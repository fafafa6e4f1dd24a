// Where the time of a workload's steps goes: its costliest kernels, on one thread.
import { profile } from "@cotangent/core";
import { z } from "zod";
import { median } from "../measure.ts";
import { cotangent } from "./cotangent.ts";
import { uniformValues } from "./generator.ts";
import { type WorkloadName, workloads } from "./specification.ts";
import { batchesOf } from "./workload-run.ts";

const rowSchema = z.object({
  operations: z.string(),
  form: z.string(),
  loops: z.string(),
  /** Kernels of this kind in one step, and the time of all of them. */
  count: z.number(),
  stepMs: z.number(),
  gflops: z.number(),
  gigabytesPerSecond: z.number(),
});

export const kernelProfileSchema = z.object({
  /** Medians. One step, and what of it lies outside kernels: graphs, signatures, launches, reading, garbage collection. */
  stepMs: z.number(),
  outsideMs: z.number(),
  kernels: z.number(),
  rows: z.array(rowSchema),
});

export type KernelProfile = z.infer<typeof kernelProfileSchema>;
type Row = z.infer<typeof rowSchema>;

/** One step of a workload; null where there is none (W4 is a single kernel, W8 takes the steps of W1). */
async function stepOf(name: WorkloadName): Promise<((i: number) => unknown) | null> {
  const spec = workloads[name];
  if (spec.kind === "train") return cotangent.train(name, spec, batchesOf(spec));
  if (spec.kind !== "elementwise") return null;
  const { run } = await cotangent.elementwise(spec, uniformValues([spec.n], spec.bound, spec.seed));
  return run;
}

const [warmUpMs, profiledMs] = [2000, 2000];

/** Steps that the workload states at most: in far longer runs the moments of dead units decay to denormal numbers. */
function mostSteps(name: WorkloadName): number {
  const spec = workloads[name];
  return "timing" in spec ? spec.timing.warmup_steps + spec.timing.max_steps : 0;
}

export async function profileWorkload(name: WorkloadName, longest = 8): Promise<KernelProfile | null> {
  const step = await stepOf(name);
  if (!step) return null;
  const half = mostSteps(name) / 2;
  let i = 0;
  const start = performance.now();
  while (i < 3 || (i < half && performance.now() - start < warmUpMs)) await step(i++);
  const perMs = i / (performance.now() - start);
  const repeat = Math.round(Math.max(5, Math.min(half, 2000, perMs * profiledMs)));
  const steps: number[] = [];
  const timed = async (): Promise<void> => {
    const before = performance.now();
    await step(i++);
    steps.push(performance.now() - before);
  };
  const taken = await profile(timed, { repeat });

  const rows = new Map<string, Row>();
  for (const { operations, form, dims, runs, medianMs, flops, bytes } of taken.kernels) {
    const names = operations.join(" + ");
    const key = [names, form, dims].join(";");
    const before = rows.get(key);
    const count = runs / repeat;
    // Rates of a row are those of all its kernels together: amounts are kept until the end.
    rows.set(key, {
      operations: names,
      form,
      loops: dims,
      count: count + (before?.count ?? 0),
      stepMs: medianMs * count + (before?.stepMs ?? 0),
      gflops: flops * count + (before?.gflops ?? 0),
      gigabytesPerSecond: bytes * count + (before?.gigabytesPerSecond ?? 0),
    });
  }
  const sorted = [...rows.values()].toSorted((a, b) => b.stepMs - a.stepMs);
  const stepMs = median(steps);
  return {
    stepMs,
    outsideMs: stepMs - sorted.reduce((sum, row) => sum + row.stepMs, 0),
    kernels: [...rows.values()].reduce((sum, { count }) => sum + count, 0),
    rows: sorted.slice(0, longest).map((row) => ({
      ...row,
      gflops: row.gflops / row.stepMs / 1e6,
      gigabytesPerSecond: row.gigabytesPerSecond / row.stepMs / 1e6,
    })),
  };
}
