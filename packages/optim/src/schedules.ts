// Learning-rate schedules, each as a formula in the count of steps t. Names and formulas are PyTorch's.
import { ArgumentError } from "@cotangent/core";
import type { Optimizer } from "./optimizer.ts";
import { Schedule } from "./schedule.ts";

function checkCount(schedule: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value <= 0)
    throw new ArgumentError(`${schedule}: expected a whole ${name} above 0, got ${value}`);
}

/** `initial · gamma^⌊t / stepSize⌋`. */
export class StepLR extends Schedule {
  private readonly stepSize: number;
  private readonly gamma: number;
  constructor(optimizer: Optimizer, { stepSize, gamma = 0.1 }: { stepSize: number; gamma?: number }) {
    super(optimizer);
    checkCount("StepLR", "stepSize", stepSize);
    this.stepSize = stepSize;
    this.gamma = gamma;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    return initial * this.gamma ** Math.floor(step / this.stepSize);
  }
}

/** `initial · gamma^(number of milestones ≤ t)`. */
export class MultiStepLR extends Schedule {
  private readonly milestones: readonly number[];
  private readonly gamma: number;
  constructor(optimizer: Optimizer, { milestones, gamma = 0.1 }: { milestones: readonly number[]; gamma?: number }) {
    super(optimizer);
    this.milestones = milestones;
    this.gamma = gamma;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    return initial * this.gamma ** this.milestones.filter((at) => at <= step).length;
  }
}

/** `initial · gamma^t`. */
export class ExponentialLR extends Schedule {
  private readonly gamma: number;
  constructor(optimizer: Optimizer, { gamma }: { gamma: number }) {
    super(optimizer);
    this.gamma = gamma;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    return initial * this.gamma ** step;
  }
}

/** From `factor · initial` to `initial` at once after `totalIters` steps. */
export class ConstantLR extends Schedule {
  private readonly factor: number;
  private readonly totalIters: number;
  constructor(optimizer: Optimizer, { factor = 1 / 3, totalIters = 5 }: { factor?: number; totalIters?: number } = {}) {
    super(optimizer);
    this.factor = factor;
    this.totalIters = totalIters;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    return step < this.totalIters ? initial * this.factor : initial;
  }
}

/** A straight line from `startFactor · initial` to `endFactor · initial` in `totalIters` steps: warm-up, for example. */
export class LinearLR extends Schedule {
  private readonly startFactor: number;
  private readonly endFactor: number;
  private readonly totalIters: number;
  constructor(
    optimizer: Optimizer,
    {
      startFactor = 1 / 3,
      endFactor = 1,
      totalIters = 5,
    }: { startFactor?: number; endFactor?: number; totalIters?: number } = {},
  ) {
    super(optimizer);
    checkCount("LinearLR", "totalIters", totalIters);
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    const done = Math.min(step, this.totalIters) / this.totalIters;
    return initial * (this.startFactor + (this.endFactor - this.startFactor) * done);
  }
}

/** `initial · (1 − min(t, totalIters) / totalIters)^power`. */
export class PolynomialLR extends Schedule {
  private readonly totalIters: number;
  private readonly power: number;
  constructor(optimizer: Optimizer, { totalIters = 5, power = 1 }: { totalIters?: number; power?: number } = {}) {
    super(optimizer);
    checkCount("PolynomialLR", "totalIters", totalIters);
    this.totalIters = totalIters;
    this.power = power;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    return initial * (1 - Math.min(step, this.totalIters) / this.totalIters) ** this.power;
  }
}

/** Half a cosine: from `from` at share 0 to `to` at share 1. */
const cosine = (from: number, to: number, share: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
const line = (from: number, to: number, share: number): number => from + (to - from) * share;

/** Half a cosine from the initial rate down to `etaMin` in `tMax` steps, and up again in the next `tMax`. */
export class CosineAnnealingLR extends Schedule {
  private readonly tMax: number;
  private readonly etaMin: number;
  constructor(optimizer: Optimizer, { tMax, etaMin = 0 }: { tMax: number; etaMin?: number }) {
    super(optimizer);
    checkCount("CosineAnnealingLR", "tMax", tMax);
    this.tMax = tMax;
    this.etaMin = etaMin;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    return cosine(initial, this.etaMin, step / this.tMax);
  }
}

/**
 * Half a cosine down to `etaMin`, then all over again: cycles of `t0`, `t0 · tMult`, `t0 · tMult²`, … steps
 * (Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017).
 */
export class CosineAnnealingWarmRestarts extends Schedule {
  private readonly t0: number;
  private readonly tMult: number;
  private readonly etaMin: number;
  constructor(optimizer: Optimizer, { t0, tMult = 1, etaMin = 0 }: { t0: number; tMult?: number; etaMin?: number }) {
    super(optimizer);
    checkCount("CosineAnnealingWarmRestarts", "t0", t0);
    checkCount("CosineAnnealingWarmRestarts", "tMult", tMult);
    this.t0 = t0;
    this.tMult = tMult;
    this.etaMin = etaMin;
    this.apply();
  }
  override rate(initial: number, step: number): number {
    let [at, length] = [step, this.t0];
    if (this.tMult === 1) at %= length;
    while (at >= length) {
      at -= length;
      length *= this.tMult;
    }
    return cosine(initial, this.etaMin, at / length);
  }
}

export interface OneCycleOptions {
  readonly maxLr: number;
  /** Steps of the whole cycle; `step()` may be called once less. */
  readonly totalSteps: number;
  /** Share of the steps in which the rate rises. */
  readonly pctStart?: number;
  readonly annealStrategy?: "cos" | "linear";
  /** The first rate is `maxLr / divFactor`, the last one `maxLr / divFactor / finalDivFactor`. */
  readonly divFactor?: number;
  readonly finalDivFactor?: number;
  /** Fall as fast as the rise, and only then to the last rate. */
  readonly threePhase?: boolean;
  /** Move momentum (or beta1) against the rate. */
  readonly cycleMomentum?: boolean;
  readonly baseMomentum?: number;
  readonly maxMomentum?: number;
}

/** Up to `maxLr` and down to almost nothing (Smith and Topin, "Super-convergence", 2018). Takes the place of the optimizer's own rate. */
export class OneCycleLR extends Schedule {
  private readonly options: Required<OneCycleOptions>;
  constructor(optimizer: Optimizer, options: OneCycleOptions) {
    super(optimizer);
    checkCount("OneCycleLR", "totalSteps", options.totalSteps);
    const defaults = {
      pctStart: 0.3,
      annealStrategy: "cos",
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
    } as const;
    this.options = { ...defaults, cycleMomentum: true, baseMomentum: 0.85, maxMomentum: 0.95, ...options };
    this.apply();
  }
  override rate(_initial: number, step: number): number {
    const { maxLr, divFactor, finalDivFactor } = this.options;
    const first = maxLr / divFactor;
    return this.along(step, [first, maxLr, first, first / finalDivFactor]);
  }
  protected override apply(): void {
    super.apply();
    const { cycleMomentum, baseMomentum, maxMomentum } = this.options;
    if (!cycleMomentum) return;
    setMomentum(this.optimizer, this.along(this.steps, [maxMomentum, baseMomentum, maxMomentum, maxMomentum]));
  }
  /** @param values at the start, the peak, the end of the second of three phases, and the end */
  private along(step: number, [start, peak, back, end]: readonly [number, number, number, number]): number {
    const { totalSteps, pctStart, threePhase, annealStrategy } = this.options;
    if (step >= totalSteps)
      throw new ArgumentError(`OneCycleLR: expected at most ${totalSteps - 1} calls of step(), got ${step}`);
    const between = annealStrategy === "cos" ? cosine : line;
    const top = pctStart * totalSteps - 1;
    const last = totalSteps - 1;
    if (step <= top) return between(start, peak, step / top);
    if (!threePhase) return between(peak, end, (step - top) / (last - top));
    const low = 2 * pctStart * totalSteps - 2;
    return step <= low
      ? between(peak, back, (step - top) / (low - top))
      : between(back, end, (step - low) / (last - low));
  }
}

export interface CyclicOptions {
  readonly baseLr: number;
  readonly maxLr: number;
  readonly stepSizeUp?: number;
  readonly stepSizeDown?: number;
  /** `triangular2` halves the height after each cycle, `expRange` multiplies it by `gamma^t`. */
  readonly mode?: "triangular" | "triangular2" | "expRange";
  readonly gamma?: number;
  /** Move momentum (or beta1) against the rate. */
  readonly cycleMomentum?: boolean;
  readonly baseMomentum?: number;
  readonly maxMomentum?: number;
}

/** Triangles between two rates (Smith, "Cyclical learning rates for training neural networks", 2017). */
export class CyclicLR extends Schedule {
  private readonly options: Required<CyclicOptions>;
  constructor(optimizer: Optimizer, options: CyclicOptions) {
    super(optimizer);
    const stepSizeUp = options.stepSizeUp ?? 2000;
    const stepSizeDown = options.stepSizeDown ?? stepSizeUp;
    checkCount("CyclicLR", "stepSizeUp", stepSizeUp);
    checkCount("CyclicLR", "stepSizeDown", stepSizeDown);
    const defaults = {
      mode: "triangular",
      gamma: 1,
      cycleMomentum: false,
      baseMomentum: 0.8,
      maxMomentum: 0.9,
    } as const;
    this.options = { ...defaults, ...options, stepSizeUp, stepSizeDown };
    this.apply();
  }
  override rate(_initial: number, step: number): number {
    const { baseLr, maxLr } = this.options;
    return baseLr + (maxLr - baseLr) * this.height(step);
  }
  protected override apply(): void {
    super.apply();
    const { cycleMomentum, baseMomentum, maxMomentum } = this.options;
    if (cycleMomentum)
      setMomentum(this.optimizer, maxMomentum - (maxMomentum - baseMomentum) * this.height(this.steps));
  }
  /** 0 at the foot of a triangle, 1 at its top, and lower at later ones by the mode. */
  private height(step: number): number {
    const { stepSizeUp, stepSizeDown, mode, gamma } = this.options;
    const cycle = Math.floor(step / (stepSizeUp + stepSizeDown));
    const at = step - cycle * (stepSizeUp + stepSizeDown);
    const triangle = at <= stepSizeUp ? at / stepSizeUp : 1 - (at - stepSizeUp) / stepSizeDown;
    if (mode === "triangular2") return triangle / 2 ** cycle;
    return mode === "expRange" ? triangle * gamma ** step : triangle;
  }
}

/** Sets the momentum of groups that have one, or Adam's first beta. */
function setMomentum(optimizer: Optimizer, momentum: number): void {
  for (const group of optimizer.paramGroups)
    if ("momentum" in group) Object.assign(group, { momentum });
    else if ("betas" in group && Array.isArray(group.betas))
      Object.assign(group, { betas: [momentum, group.betas[1]] });
}
