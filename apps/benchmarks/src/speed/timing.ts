// How long a step takes, after it has warmed up.
import { median } from "../measure.ts";
import type { TimingSpec } from "./specification.ts";

export interface StepTiming {
  readonly medianMs: number;
  readonly minMs: number;
  readonly steps: number;
}

/** A step counts from 0; where it returns a promise, that is part of its time. */
export type Step = (i: number) => unknown;

export async function timeSteps(timing: TimingSpec, step: Step): Promise<StepTiming> {
  let i = 0;
  const begin = performance.now();
  for (; i < timing.warmup_steps && (i < 3 || performance.now() - begin < timing.warmup_s * 1000); i++)
    await settled(step(i));
  const times: number[] = [];
  const start = performance.now();
  while (
    times.length < timing.max_steps &&
    (times.length < timing.min_steps || performance.now() - start < timing.budget_s * 1000)
  ) {
    const before = performance.now();
    const result = step(i++);
    if (result instanceof Promise) await result;
    times.push(performance.now() - before);
  }
  return { medianMs: median(times), minMs: Math.min(...times), steps: times.length };
}

async function settled(result: unknown): Promise<void> {
  if (result instanceof Promise) await result;
}

/** A shorter measurement of the same thing: a share of its time, below 1. */
export const shortened = (timing: TimingSpec, share: number): TimingSpec =>
  share >= 1
    ? timing
    : {
        ...timing,
        warmup_s: timing.warmup_s * share,
        budget_s: timing.budget_s * share,
        min_steps: Math.min(timing.min_steps, 5),
      };
