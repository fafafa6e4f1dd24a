// What learning-rate schedules share, and the ones that combine others.
import { ArgumentError, effect } from "@cotangent/core";
import type { Optimizer } from "./optimizer.ts";

export interface ScheduleState {
  readonly steps: number;
}

/**
 * A learning rate as a function of the count of steps. Construction sets the first rate; `step()`, called after
 * `optimizer.step()`, sets the next one. Each group starts from its own rate, kept as `initialLr`.
 */
export abstract class Schedule {
  readonly optimizer: Optimizer;
  /** How often `step()` was called. */
  steps = 0;

  constructor(optimizer: Optimizer) {
    this.optimizer = optimizer;
    for (const group of optimizer.paramGroups) group.initialLr ??= group.lr;
  }

  /** The rate after `step` steps, for a group that starts from `initial`. */
  abstract rate(initial: number, step: number, group: number): number;

  step(): void {
    effect(() => {
      this.steps++;
      this.apply();
    });
  }

  /** Sets the rates that belong to the count of steps. Subclasses call it once they are constructed. */
  protected apply(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.rate(group.initialLr ?? group.lr, this.steps, i);
    });
  }

  /** The rates in use, one for each group. */
  lastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  stateDict(): ScheduleState {
    return { steps: this.steps };
  }

  loadStateDict({ steps }: ScheduleState): void {
    this.steps = steps;
    this.apply();
  }
}

/** The rate times a factor of your own. */
export class LambdaLR extends Schedule {
  private readonly factor: (step: number, group: number) => number;
  /** @param factor from the count of steps and the group's number to the factor */
  constructor(optimizer: Optimizer, factor: (step: number, group: number) => number) {
    super(optimizer);
    this.factor = factor;
    this.apply();
  }
  override rate(initial: number, step: number, group: number): number {
    return initial * this.factor(step, group);
  }
}

/** One schedule after the other: each counts its steps from its milestone. */
export class SequentialLR extends Schedule {
  private readonly parts: readonly Schedule[];
  private readonly milestones: readonly number[];
  /**
   * @param options.milestones the steps at which the second, third, … schedule begins
   * @throws {ArgumentError} unless there is one milestone less than schedules, in ascending order
   * @example
   * const optimizer = new SGD([tensor([1], { requiresGrad: true })], { lr: 0.1 });
   * const warmup = new LinearLR(optimizer, { totalIters: 100 });
   * const schedule = new SequentialLR(optimizer, [warmup, new ConstantLR(optimizer, { factor: 1 })], { milestones: [100] });
   * schedule.lastLr() // [0.1 / 3]
   */
  constructor(
    optimizer: Optimizer,
    schedules: readonly Schedule[],
    { milestones }: { readonly milestones: readonly number[] },
  ) {
    super(optimizer);
    if (milestones.length !== schedules.length - 1 || milestones.some((at, i) => at <= (milestones[i - 1] ?? 0)))
      throw new ArgumentError(
        `SequentialLR: expected ${schedules.length - 1} ascending milestones for ${schedules.length} schedules, got [${milestones.join(", ")}]`,
      );
    this.parts = schedules;
    this.milestones = milestones;
    this.apply();
  }
  override rate(initial: number, step: number, group: number): number {
    const passed = this.milestones.filter((at) => at <= step);
    const part = this.parts[passed.length];
    return part ? part.rate(initial, step - (passed.at(-1) ?? 0), group) : initial;
  }
}
