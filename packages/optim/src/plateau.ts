// The schedule that watches a metric.
import { ArgumentError } from "@cotangent/core";
import type { Optimizer } from "./optimizer.ts";

export interface PlateauOptions {
  /** Whether a metric is better when it is smaller ("min", as a loss) or larger ("max", as an accuracy). */
  readonly mode?: "min" | "max";
  readonly factor?: number;
  /** Steps without progress that are tolerated. */
  readonly patience?: number;
  /** What counts as progress: relative to the best metric, or absolute. */
  readonly threshold?: number;
  readonly thresholdMode?: "rel" | "abs";
  /** Steps after a reduction in which nothing is counted. */
  readonly cooldown?: number;
  readonly minLr?: number;
  /** Smaller changes of the rate than this are not made. */
  readonly eps?: number;
}

export interface PlateauState {
  readonly best: number;
  readonly badSteps: number;
  readonly cooldownLeft: number;
}

/** Multiplies the rate by `factor` when the metric given to `step` has made no progress for more than `patience` steps. */
export class ReduceLROnPlateau {
  readonly optimizer: Optimizer;
  private readonly options: Required<PlateauOptions>;
  private best: number;
  private badSteps = 0;
  private cooldownLeft = 0;

  constructor(optimizer: Optimizer, options: PlateauOptions = {}) {
    const defaults = { mode: "min", factor: 0.1, patience: 10, threshold: 1e-4, thresholdMode: "rel" } as const;
    this.options = { ...defaults, cooldown: 0, minLr: 0, eps: 1e-8, ...options };
    if (!(this.options.factor < 1))
      throw new ArgumentError(`ReduceLROnPlateau: expected factor < 1, got ${this.options.factor}`);
    this.optimizer = optimizer;
    this.best = this.options.mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  step(metric: number): void {
    if (this.isBetter(metric)) {
      this.best = metric;
      this.badSteps = 0;
    } else this.badSteps++;
    if (this.cooldownLeft > 0) {
      this.cooldownLeft--;
      this.badSteps = 0;
    }
    if (this.badSteps <= this.options.patience) return;
    this.reduce();
    this.cooldownLeft = this.options.cooldown;
    this.badSteps = 0;
  }

  private reduce(): void {
    const { factor, minLr, eps } = this.options;
    for (const group of this.optimizer.paramGroups) {
      const lr = Math.max(group.lr * factor, minLr);
      if (group.lr - lr > eps) group.lr = lr;
    }
  }

  private isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const sign = mode === "min" ? -1 : 1;
    if (thresholdMode === "abs")
      return mode === "min" ? metric < this.best - threshold : metric > this.best + threshold;
    const bound = this.best * (1 + sign * threshold);
    return mode === "min" ? metric < bound : metric > bound;
  }

  stateDict(): PlateauState {
    return { best: this.best, badSteps: this.badSteps, cooldownLeft: this.cooldownLeft };
  }

  loadStateDict({ best, badSteps, cooldownLeft }: PlateauState): void {
    this.best = best;
    this.badSteps = badSteps;
    this.cooldownLeft = cooldownLeft;
  }
}
