// RMSprop.
import type { Live, Tensor } from "@cotangent/core";
import { checkNotNegative } from "./check.ts";
import { Optimizer, type OptimizerSettings, type ParameterGroup, type Parameters } from "./optimizer.ts";
import type { Slots } from "./slots.ts";

export interface RMSpropSettings extends OptimizerSettings {
  /** Decay rate of the average of squares. 0.99 by default. */
  alpha: number;
  /** Added to the denominator. 1e-8 by default. */
  eps: number;
  /** L2 penalty. 0 by default. */
  weightDecay: number;
  momentum: number;
  /** Divide by the standard deviation instead of the root of the mean square. */
  centered: boolean;
  maximize: boolean;
}

type RMSpropValues = {
  readonly lr: number;
  readonly keep: number;
  readonly share: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly decays: boolean;
  readonly remembers: boolean;
  readonly centered: boolean;
  readonly maximize: boolean;
};

/** Divides the gradient by a running root mean square of it (Hinton, Coursera lecture 6e, 2012). */
export class RMSprop extends Optimizer<RMSpropSettings, RMSpropValues> {
  static readonly repeats = true;

  constructor(params: Parameters<RMSpropSettings>, options: Partial<RMSpropSettings> = {}) {
    const defaults = {
      lr: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
      maximize: false,
    };
    super(params, { ...defaults, ...options });
  }

  protected override check({ lr, alpha, eps, weightDecay, momentum }: RMSpropSettings): void {
    checkNotNegative(this.name, { lr, alpha, eps, weightDecay, momentum });
  }

  protected override reads(settings: ParameterGroup<RMSpropSettings>): RMSpropValues {
    const { lr, alpha, eps, weightDecay, momentum, centered, maximize } = settings;
    const choices = { decays: weightDecay !== 0, remembers: momentum !== 0, centered, maximize };
    return { lr, keep: alpha, share: 1 - alpha, eps, weightDecay, momentum, ...choices };
  }

  protected override advance(parameter: Tensor, gradient: Tensor, slots: Slots, values: Live<RMSpropValues>): Tensor {
    const { lr, keep, share, eps, weightDecay, momentum, decays, remembers, centered, maximize } = values;
    let g = maximize ? gradient.neg() : gradient;
    if (decays) g = g.add(parameter.mul(weightDecay));
    const average = (name: string, x: Tensor): Tensor =>
      slots.next(name, slots.tensor(name).mul(keep).add(x.mul(share)));
    let square = average("square_avg", g.mul(g));
    if (centered) {
      const mean = average("grad_avg", g);
      square = square.sub(mean.mul(mean));
    }
    const direction = g.div(square.sqrt().add(eps));
    if (!remembers) return parameter.sub(direction.mul(lr));
    const buffer = slots.next("momentum_buffer", slots.tensor("momentum_buffer").mul(momentum).add(direction));
    return parameter.sub(buffer.mul(lr));
  }
}
