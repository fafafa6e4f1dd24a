// Adam, and AdamW with its decoupled weight decay.
import { maximum, type Tensor } from "@cotangent/core";
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

/** What Adam and AdamW have in common: all but the weight decay. */
abstract class AdamBase extends Optimizer<AdamSettings> {
  protected override check({ lr, betas, eps, weightDecay }: AdamSettings): void {
    checkNotNegative(this.name, { lr, eps, weightDecay });
    checkDecay(this.name, { "betas[0]": betas[0], "betas[1]": betas[1] });
  }

  /** `parameter − lr·m̂ / (√v̂ + eps)`, with averages corrected for having started at zero. */
  protected move(
    parameter: Tensor,
    g: Tensor,
    slots: Slots,
    { lr, betas: [beta1, beta2], eps, amsgrad }: AdamSettings,
    step: number,
  ): Tensor {
    const m = slots.next(
      "exp_avg",
      slots
        .tensor("exp_avg")
        .mul(beta1)
        .add(g.mul(1 - beta1)),
    );
    const v = slots.next(
      "exp_avg_sq",
      slots
        .tensor("exp_avg_sq")
        .mul(beta2)
        .add(g.mul(g).mul(1 - beta2)),
    );
    const square = amsgrad ? slots.next("max_exp_avg_sq", maximum(slots.tensor("max_exp_avg_sq"), v)) : v;
    const denominator = square
      .sqrt()
      .mul(1 / Math.sqrt(1 - beta2 ** step))
      .add(eps);
    return parameter.sub(m.mul(lr / (1 - beta1 ** step)).div(denominator));
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
  constructor(params: Parameters<AdamSettings>, options: Partial<AdamSettings> = {}) {
    super(params, { ...defaults, weightDecay: 0, ...options });
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    settings: ParameterGroup<AdamSettings>,
    step: number,
  ): Tensor {
    const { weightDecay, maximize } = settings;
    const g = maximize ? gradient.neg() : gradient;
    return this.move(parameter, weightDecay === 0 ? g : g.add(parameter.mul(weightDecay)), slots, settings, step);
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
  constructor(params: Parameters<AdamSettings>, options: Partial<AdamSettings> = {}) {
    super(params, { ...defaults, weightDecay: 0.01, ...options });
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    settings: ParameterGroup<AdamSettings>,
    step: number,
  ): Tensor {
    const { lr, weightDecay, maximize } = settings;
    const decayed = weightDecay === 0 ? parameter : parameter.mul(1 - lr * weightDecay);
    return this.move(decayed, maximize ? gradient.neg() : gradient, slots, settings, step);
  }
}
