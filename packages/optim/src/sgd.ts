// Stochastic gradient descent.
import { ArgumentError, type Live, type Tensor } from "@cotangent/core";
import { checkNotNegative } from "./check.ts";
import { Optimizer, type OptimizerSettings, type ParameterGroup, type Parameters } from "./optimizer.ts";
import type { Slots } from "./slots.ts";

export interface SGDSettings extends OptimizerSettings {
  /** Share of the last step's direction that is kept. 0 by default. */
  momentum: number;
  /** How much less a new gradient counts in the momentum. 0 by default. */
  dampening: number;
  /** L2 penalty: this much of the parameter is added to its gradient. 0 by default. */
  weightDecay: number;
  /** Look ahead along the momentum (Nesterov, 1983; Sutskever et al., 2013). */
  nesterov: boolean;
  /** Go up the gradient instead of down. */
  maximize: boolean;
}

type SGDValues = {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Of the gradient in the momentum. */
  readonly share: number;
  readonly remembers: boolean;
  readonly decays: boolean;
  readonly nesterov: boolean;
  readonly maximize: boolean;
};

/**
 * Stochastic gradient descent with momentum, by PyTorch's formula: `g += weightDecay·p`; the buffer is `g` at first and
 * then `momentum·buffer + (1 − dampening)·g`; `p −= lr·buffer`, with Nesterov's `g + momentum·buffer` in its place.
 * @throws {ArgumentError} `SGD: expected lr ≥ 0, got -1`
 * @example
 * const weight = tensor([1], { requiresGrad: true });
 * const optimizer = new SGD([weight], { lr: 0.1, momentum: 0.9 });
 * weight.mul(weight).sum().backward();
 * optimizer.step();
 * await weight.toArray() // [0.8]
 */
export class SGD extends Optimizer<SGDSettings, SGDValues> {
  static readonly repeats = true;

  constructor(params: Parameters<SGDSettings>, options: Partial<SGDSettings> = {}) {
    const defaults = { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false };
    super(params, { ...defaults, ...options });
  }

  protected override check({ lr, momentum, dampening, weightDecay, nesterov }: SGDSettings): void {
    checkNotNegative(this.name, { lr, momentum, weightDecay });
    if (nesterov && (momentum === 0 || dampening !== 0))
      throw new ArgumentError(
        `${this.name}: expected a momentum and no dampening with nesterov, got momentum ${momentum} and dampening ${dampening}`,
      );
  }

  protected override reads(
    { lr, momentum, dampening, weightDecay, nesterov, maximize }: ParameterGroup<SGDSettings>,
    slots: Slots,
  ): SGDValues {
    // A buffer of zeros and a whole first gradient: the first step then has the same plan as all others.
    const share = slots.has("momentum_buffer") ? 1 - dampening : 1;
    return {
      lr,
      momentum,
      weightDecay,
      share,
      remembers: momentum !== 0,
      decays: weightDecay !== 0,
      nesterov,
      maximize,
    };
  }

  protected override advance(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, momentum, weightDecay, share, remembers, decays, nesterov, maximize }: Live<SGDValues>,
  ): Tensor {
    let g = maximize ? gradient.neg() : gradient;
    if (decays) g = g.add(parameter.mul(weightDecay));
    if (remembers) {
      const buffer = slots.next("momentum_buffer", slots.tensor("momentum_buffer").mul(momentum).add(g.mul(share)));
      g = nesterov ? g.add(buffer.mul(momentum)) : buffer;
    }
    return parameter.sub(g.mul(lr));
  }
}
