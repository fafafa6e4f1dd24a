// Adam, and AdamW with its decoupled weight decay.
import { type Live, maximum, type Tensor } from "@cotangent/core";
import { checkDecay, checkNotNegative } from "./check.ts";
import { Optimizer, type OptimizerSettings, type ParameterGroup, type Parameters } from "./optimizer.ts";
import type { Slots } from "./slots.ts";

export interface AdamSettings extends OptimizerSettings {
  /** Decay rates of the averages of the gradient and of its square. [0.9, 0.999] by default. */
  betas: readonly [number, number];
  /** Added to the denominator. 1e-8 by default. */
  eps: number;
  /** Adam: L2 penalty in the gradient, 0 by default. AdamW: share of the parameter taken off, times lr; 0.01 by default. */
  weightDecay: number;
  /** Divide by the largest average of squares so far (Reddi, Kale and Kumar, 2018). */
  amsgrad: boolean;
  /** Go up the gradient instead of down. */
  maximize: boolean;
}

const defaults = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, amsgrad: false, maximize: false } as const;

type AdamValues = {
  /** Of the old average in the next one, and of the gradient, or of its square. */
  readonly keep1: number;
  readonly share1: number;
  readonly keep2: number;
  readonly share2: number;
  /** The learning rate, and the factor of the root of squares, corrected for averages that have started at zero. */
  readonly rate: number;
  readonly scale: number;
  readonly eps: number;
  /** Adam: of the parameter in its gradient. AdamW: of the parameter that is left. */
  readonly decay: number;
  readonly decays: boolean;
  readonly amsgrad: boolean;
  readonly maximize: boolean;
};

/** What Adam and AdamW have in common: all but the weight decay. */
abstract class AdamBase extends Optimizer<AdamSettings, AdamValues> {
  protected override check({ lr, betas, eps, weightDecay }: AdamSettings): void {
    checkNotNegative(this.name, { lr, eps, weightDecay });
    checkDecay(this.name, { "betas[0]": betas[0], "betas[1]": betas[1] });
  }

  protected override reads(settings: ParameterGroup<AdamSettings>, _slots: Slots, step: number): AdamValues {
    const {
      lr,
      betas: [beta1, beta2],
      eps,
      weightDecay,
      amsgrad,
      maximize,
    } = settings;
    return {
      keep1: beta1,
      share1: 1 - beta1,
      keep2: beta2,
      share2: 1 - beta2,
      rate: lr / (1 - beta1 ** step),
      scale: 1 / Math.sqrt(1 - beta2 ** step),
      eps,
      decay: this.decayOf(settings),
      decays: weightDecay !== 0,
      amsgrad,
      maximize,
    };
  }

  protected abstract decayOf(settings: AdamSettings): number;

  /** `parameter − lr·m̂ / (√v̂ + eps)`. */
  protected move(
    parameter: Tensor,
    g: Tensor,
    slots: Slots,
    { keep1, share1, keep2, share2, rate, scale, eps, amsgrad }: Live<AdamValues>,
  ): Tensor {
    const m = slots.next("exp_avg", slots.tensor("exp_avg").mul(keep1).add(g.mul(share1)));
    const v = slots.next("exp_avg_sq", slots.tensor("exp_avg_sq").mul(keep2).add(g.mul(g).mul(share2)));
    const square = amsgrad ? slots.next("max_exp_avg_sq", maximum(slots.tensor("max_exp_avg_sq"), v)) : v;
    return parameter.sub(m.mul(rate).div(square.sqrt().mul(scale).add(eps)));
  }
}

/**
 * Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015).
 * @throws {ArgumentError} `Adam: expected 0 ≤ betas[0] < 1, got 1`
 * @example
 * const weight = tensor([1], { requiresGrad: true });
 * const optimizer = new Adam([weight], { lr: 0.1 });
 * weight.mul(weight).sum().backward();
 * optimizer.step();
 * await weight.toArray() // [0.9]
 */
export class Adam extends AdamBase {
  static readonly repeats = true;

  constructor(params: Parameters<AdamSettings>, options: Partial<AdamSettings> = {}) {
    super(params, { ...defaults, weightDecay: 0, ...options });
  }

  protected override decayOf({ weightDecay }: AdamSettings): number {
    return weightDecay;
  }

  protected override advance(parameter: Tensor, gradient: Tensor, slots: Slots, values: Live<AdamValues>): Tensor {
    const g = values.maximize ? gradient.neg() : gradient;
    return this.move(parameter, values.decays ? g.add(parameter.mul(values.decay)) : g, slots, values);
  }
}

/**
 * Adam with weight decay that does not go through the averages (Loshchilov and Hutter, "Decoupled weight decay
 * regularization", 2019): `p −= lr·weightDecay·p` before Adam's step.
 * @throws {ArgumentError} `AdamW: expected weightDecay ≥ 0, got -1`
 * @example
 * const weight = tensor([1], { requiresGrad: true });
 * const optimizer = new AdamW([weight], { lr: 0.1, weightDecay: 0.5 });
 * weight.mul(weight).sum().backward();
 * optimizer.step();
 * await weight.toArray() // [0.85]
 */
export class AdamW extends AdamBase {
  static readonly repeats = true;

  constructor(params: Parameters<AdamSettings>, options: Partial<AdamSettings> = {}) {
    super(params, { ...defaults, weightDecay: 0.01, ...options });
  }

  protected override decayOf({ lr, weightDecay }: AdamSettings): number {
    return 1 - lr * weightDecay;
  }

  protected override advance(parameter: Tensor, gradient: Tensor, slots: Slots, values: Live<AdamValues>): Tensor {
    const decayed = values.decays ? parameter.mul(values.decay) : parameter;
    return this.move(decayed, values.maximize ? gradient.neg() : gradient, slots, values);
  }
}
