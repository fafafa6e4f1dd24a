// Adam's relatives: Adamax, NAdam and RAdam.
import { maximum, type Tensor } from "@cotangent/core";
import { checkDecay, checkNotNegative } from "./check.ts";
import { Optimizer, type OptimizerSettings, type ParameterGroup, type Parameters } from "./optimizer.ts";
import type { Slots } from "./slots.ts";

export interface AdaptiveSettings extends OptimizerSettings {
  /** Decay rates of the averages of the gradient and of its size. [0.9, 0.999] by default. */
  betas: readonly [number, number];
  /** Added to the denominator. 1e-8 by default. */
  eps: number;
  /** L2 penalty. 0 by default. */
  weightDecay: number;
  maximize: boolean;
}

abstract class Adaptive<Settings extends AdaptiveSettings> extends Optimizer<Settings> {
  protected override check({ lr, betas, eps, weightDecay }: Settings): void {
    checkNotNegative(this.name, { lr, eps, weightDecay });
    checkDecay(this.name, { "betas[0]": betas[0], "betas[1]": betas[1] });
  }

  protected penalized(parameter: Tensor, gradient: Tensor, { weightDecay, maximize }: AdaptiveSettings): Tensor {
    const g = maximize ? gradient.neg() : gradient;
    return weightDecay === 0 ? g : g.add(parameter.mul(weightDecay));
  }

  protected average(slots: Slots, name: string, x: Tensor, beta: number): Tensor {
    return slots.next(
      name,
      slots
        .tensor(name)
        .mul(beta)
        .add(x.mul(1 - beta)),
    );
  }
}

const defaults = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false } as const;

/** Adam with the infinity norm in place of the root mean square (Kingma and Ba, 2015, section 7.1). */
export class Adamax extends Adaptive<AdaptiveSettings> {
  constructor(params: Parameters<AdaptiveSettings>, options: Partial<AdaptiveSettings> = {}) {
    super(params, { lr: 2e-3, ...defaults, ...options });
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    settings: ParameterGroup<AdaptiveSettings>,
    step: number,
  ): Tensor {
    const { lr, betas, eps } = settings;
    const g = this.penalized(parameter, gradient, settings);
    const m = this.average(slots, "exp_avg", g, betas[0]);
    const size = slots.next("exp_inf", maximum(slots.tensor("exp_inf").mul(betas[1]), g.abs().add(eps)));
    return parameter.sub(m.mul(lr / (1 - betas[0] ** step)).div(size));
  }
}

export interface NAdamSettings extends AdaptiveSettings {
  /** How fast the momentum approaches beta1. 0.004 by default. */
  momentumDecay: number;
}

/** Adam with Nesterov's momentum (Dozat, "Incorporating Nesterov momentum into Adam", 2016). */
export class NAdam extends Adaptive<NAdamSettings> {
  constructor(params: Parameters<NAdamSettings>, options: Partial<NAdamSettings> = {}) {
    super(params, { lr: 2e-3, ...defaults, momentumDecay: 4e-3, ...options });
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    settings: ParameterGroup<NAdamSettings>,
    step: number,
  ): Tensor {
    const { lr, betas, eps, momentumDecay } = settings;
    const g = this.penalized(parameter, gradient, settings);
    const m = this.average(slots, "exp_avg", g, betas[0]);
    const v = this.average(slots, "exp_avg_sq", g.mul(g), betas[1]);
    const momentum = (t: number): number => betas[0] * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    const product = slots.nextNumber("mu_product", slots.number("mu_product", 1) * momentum(step));
    const next = momentum(step + 1);
    const denominator = v
      .mul(1 / (1 - betas[1] ** step))
      .sqrt()
      .add(eps);
    const direction = g.mul((lr * (1 - momentum(step))) / (1 - product)).add(m.mul((lr * next) / (1 - product * next)));
    return parameter.sub(direction.div(denominator));
  }
}

/** Adam that waits with its division until the variance is known well enough (Liu et al., 2020). */
export class RAdam extends Adaptive<AdaptiveSettings> {
  constructor(params: Parameters<AdaptiveSettings>, options: Partial<AdaptiveSettings> = {}) {
    super(params, { lr: 1e-3, ...defaults, ...options });
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    settings: ParameterGroup<AdaptiveSettings>,
    step: number,
  ): Tensor {
    const { lr, betas, eps } = settings;
    const g = this.penalized(parameter, gradient, settings);
    const m = this.average(slots, "exp_avg", g, betas[0]);
    const v = this.average(slots, "exp_avg_sq", g.mul(g), betas[1]);
    const rate = lr / (1 - betas[0] ** step);
    const rest = betas[1] ** step;
    const longest = 2 / (1 - betas[1]) - 1;
    const length = longest - (2 * step * rest) / (1 - rest);
    if (length <= 5) return parameter.sub(m.mul(rate));
    const rectification = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
    return parameter.sub(m.mul(rate * rectification * Math.sqrt(1 - rest)).div(v.sqrt().add(eps)));
  }
}
