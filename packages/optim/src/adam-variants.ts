// Adam's relatives: Adamax, NAdam and RAdam.
import { type Live, maximum, type Tensor } from "@cotangent/core";
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

/** What all three read. */
type AdaptiveValues = {
  readonly keep1: number;
  readonly share1: number;
  readonly keep2: number;
  readonly share2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly decays: boolean;
  readonly maximize: boolean;
};

abstract class Adaptive<Settings extends AdaptiveSettings, Values extends AdaptiveValues> extends Optimizer<
  Settings,
  Values
> {
  protected override check({ lr, betas, eps, weightDecay }: Settings): void {
    checkNotNegative(this.name, { lr, eps, weightDecay });
    checkDecay(this.name, { "betas[0]": betas[0], "betas[1]": betas[1] });
  }

  protected common({ betas: [beta1, beta2], eps, weightDecay, maximize }: AdaptiveSettings): AdaptiveValues {
    const averages = { keep1: beta1, share1: 1 - beta1, keep2: beta2, share2: 1 - beta2 };
    return { ...averages, eps, weightDecay, decays: weightDecay !== 0, maximize };
  }

  protected penalized(
    parameter: Tensor,
    gradient: Tensor,
    { weightDecay, decays, maximize }: Live<AdaptiveValues>,
  ): Tensor {
    const g = maximize ? gradient.neg() : gradient;
    return decays ? g.add(parameter.mul(weightDecay)) : g;
  }

  protected average(slots: Slots, name: string, x: Tensor, keep: Tensor, share: Tensor): Tensor {
    return slots.next(name, slots.tensor(name).mul(keep).add(x.mul(share)));
  }
}

const defaults = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false } as const;

type AdamaxValues = AdaptiveValues & { readonly rate: number };

/** Adam with the infinity norm in place of the root mean square (Kingma and Ba, 2015, section 7.1). */
export class Adamax extends Adaptive<AdaptiveSettings, AdamaxValues> {
  static readonly repeats = true;

  constructor(params: Parameters<AdaptiveSettings>, options: Partial<AdaptiveSettings> = {}) {
    super(params, { lr: 2e-3, ...defaults, ...options });
  }

  protected override reads(settings: ParameterGroup<AdaptiveSettings>, _slots: Slots, step: number): AdamaxValues {
    return { ...this.common(settings), rate: settings.lr / (1 - settings.betas[0] ** step) };
  }

  protected override advance(parameter: Tensor, gradient: Tensor, slots: Slots, values: Live<AdamaxValues>): Tensor {
    const { keep1, share1, keep2, rate, eps } = values;
    const g = this.penalized(parameter, gradient, values);
    const m = this.average(slots, "exp_avg", g, keep1, share1);
    const size = slots.next("exp_inf", maximum(slots.tensor("exp_inf").mul(keep2), g.abs().add(eps)));
    return parameter.sub(m.mul(rate).div(size));
  }
}

export interface NAdamSettings extends AdaptiveSettings {
  /** How fast the momentum approaches beta1. 0.004 by default. */
  momentumDecay: number;
}

type NAdamValues = AdaptiveValues & {
  readonly scale: number;
  readonly gradientRate: number;
  readonly momentumRate: number;
};

/** Adam with Nesterov's momentum (Dozat, "Incorporating Nesterov momentum into Adam", 2016). */
export class NAdam extends Adaptive<NAdamSettings, NAdamValues> {
  static readonly repeats = true;

  constructor(params: Parameters<NAdamSettings>, options: Partial<NAdamSettings> = {}) {
    super(params, { lr: 2e-3, ...defaults, momentumDecay: 4e-3, ...options });
  }

  protected override reads(settings: ParameterGroup<NAdamSettings>, slots: Slots, step: number): NAdamValues {
    const { lr, betas, momentumDecay } = settings;
    const momentum = (t: number): number => betas[0] * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    const product = slots.nextNumber("mu_product", slots.number("mu_product", 1) * momentum(step));
    const next = momentum(step + 1);
    return {
      ...this.common(settings),
      scale: 1 / (1 - betas[1] ** step),
      gradientRate: (lr * (1 - momentum(step))) / (1 - product),
      momentumRate: (lr * next) / (1 - product * next),
    };
  }

  protected override advance(parameter: Tensor, gradient: Tensor, slots: Slots, values: Live<NAdamValues>): Tensor {
    const { keep1, share1, keep2, share2, scale, gradientRate, momentumRate, eps } = values;
    const g = this.penalized(parameter, gradient, values);
    const m = this.average(slots, "exp_avg", g, keep1, share1);
    const v = this.average(slots, "exp_avg_sq", g.mul(g), keep2, share2);
    const direction = g.mul(gradientRate).add(m.mul(momentumRate));
    return parameter.sub(direction.div(v.mul(scale).sqrt().add(eps)));
  }
}

type RAdamValues = AdaptiveValues & { readonly rate: number; readonly divides: boolean };

/** Adam that waits with its division until the variance is known well enough (Liu et al., 2020). */
export class RAdam extends Adaptive<AdaptiveSettings, RAdamValues> {
  static readonly repeats = true;

  constructor(params: Parameters<AdaptiveSettings>, options: Partial<AdaptiveSettings> = {}) {
    super(params, { lr: 1e-3, ...defaults, ...options });
  }

  protected override reads(settings: ParameterGroup<AdaptiveSettings>, _slots: Slots, step: number): RAdamValues {
    const { lr, betas } = settings;
    const rate = lr / (1 - betas[0] ** step);
    const rest = betas[1] ** step;
    const longest = 2 / (1 - betas[1]) - 1;
    const length = longest - (2 * step * rest) / (1 - rest);
    if (length <= 5) return { ...this.common(settings), rate, divides: false };
    const rectification = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
    return { ...this.common(settings), rate: rate * rectification * Math.sqrt(1 - rest), divides: true };
  }

  protected override advance(parameter: Tensor, gradient: Tensor, slots: Slots, values: Live<RAdamValues>): Tensor {
    const { keep1, share1, keep2, share2, rate, eps, divides } = values;
    const g = this.penalized(parameter, gradient, values);
    const m = this.average(slots, "exp_avg", g, keep1, share1);
    const v = this.average(slots, "exp_avg_sq", g.mul(g), keep2, share2);
    return parameter.sub(divides ? m.mul(rate).div(v.sqrt().add(eps)) : m.mul(rate));
  }
}
