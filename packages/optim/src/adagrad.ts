// Adagrad and Adadelta.
import type { Live, Tensor } from "@cotangent/core";
import { checkDecay, checkNotNegative } from "./check.ts";
import { Optimizer, type OptimizerSettings, type ParameterGroup, type Parameters } from "./optimizer.ts";
import type { Slots } from "./slots.ts";

export interface AdagradSettings extends OptimizerSettings {
  /** The rate falls as `lr / (1 + (t − 1)·lrDecay)`. 0 by default. */
  lrDecay: number;
  /** L2 penalty. 0 by default. */
  weightDecay: number;
  /** What the sum of squares starts from. 0 by default. */
  initialAccumulatorValue: number;
  /** Added to the denominator. 1e-10 by default. */
  eps: number;
  maximize: boolean;
}

type AdagradValues = {
  readonly rate: number;
  readonly weightDecay: number;
  readonly eps: number;
  readonly decays: boolean;
  readonly maximize: boolean;
};

/** Divides the gradient by the root of the sum of its squares so far (Duchi, Hazan and Singer, 2011). */
export class Adagrad extends Optimizer<AdagradSettings, AdagradValues> {
  static readonly repeats = true;

  constructor(params: Parameters<AdagradSettings>, options: Partial<AdagradSettings> = {}) {
    const defaults = { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10, maximize: false };
    super(params, { ...defaults, ...options });
  }

  protected override check({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps }: AdagradSettings): void {
    checkNotNegative(this.name, { lr, lrDecay, weightDecay, initialAccumulatorValue, eps });
  }

  protected override reads(settings: ParameterGroup<AdagradSettings>, slots: Slots, step: number): AdagradValues {
    const { lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize } = settings;
    slots.tensor("sum", initialAccumulatorValue);
    return { rate: lr / (1 + (step - 1) * lrDecay), weightDecay, eps, decays: weightDecay !== 0, maximize };
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { rate, weightDecay, eps, decays, maximize }: Live<AdagradValues>,
  ): Tensor {
    let g = maximize ? gradient.neg() : gradient;
    if (decays) g = g.add(parameter.mul(weightDecay));
    const sum = slots.next("sum", slots.tensor("sum").add(g.mul(g)));
    return parameter.sub(g.mul(rate).div(sum.sqrt().add(eps)));
  }
}

export interface AdadeltaSettings extends OptimizerSettings {
  /** Decay rate of both averages of squares. 0.9 by default. */
  rho: number;
  /** Added under both roots. 1e-6 by default. */
  eps: number;
  /** L2 penalty. 0 by default. */
  weightDecay: number;
  maximize: boolean;
}

type AdadeltaValues = {
  readonly lr: number;
  readonly keep: number;
  readonly share: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly decays: boolean;
  readonly maximize: boolean;
};

/** Steps as large as the last steps were, measured as the gradient is (Zeiler, 2012). */
export class Adadelta extends Optimizer<AdadeltaSettings, AdadeltaValues> {
  static readonly repeats = true;

  constructor(params: Parameters<AdadeltaSettings>, options: Partial<AdadeltaSettings> = {}) {
    super(params, { ...{ lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false }, ...options });
  }

  protected override check({ lr, rho, eps, weightDecay }: AdadeltaSettings): void {
    checkNotNegative(this.name, { lr, eps, weightDecay });
    checkDecay(this.name, { rho });
  }

  protected override reads(settings: ParameterGroup<AdadeltaSettings>): AdadeltaValues {
    const { lr, rho, eps, weightDecay, maximize } = settings;
    return { lr, keep: rho, share: 1 - rho, eps, weightDecay, decays: weightDecay !== 0, maximize };
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, keep, share, eps, weightDecay, decays, maximize }: Live<AdadeltaValues>,
  ): Tensor {
    let g = maximize ? gradient.neg() : gradient;
    if (decays) g = g.add(parameter.mul(weightDecay));
    const moved = slots.tensor("acc_delta");
    const square = slots.next("square_avg", slots.tensor("square_avg").mul(keep).add(g.mul(g).mul(share)));
    const delta = g.mul(moved.add(eps).sqrt()).div(square.add(eps).sqrt());
    slots.next("acc_delta", moved.mul(keep).add(delta.mul(delta).mul(share)));
    return parameter.sub(delta.mul(lr));
  }
}
