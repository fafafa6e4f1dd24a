// Activation functions as layers.
import {
  ArgumentError,
  celu,
  elu,
  type Generator,
  gelu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  live,
  logSigmoid,
  logSoftmax,
  mish,
  prelu,
  rand,
  relu,
  relu6,
  type Shape,
  selu,
  sigmoid,
  silu,
  softmax,
  softmin,
  softplus,
  softshrink,
  softsign,
  type Tensor,
  tanh,
  tanhshrink,
  tensor,
  where,
} from "@cotangent/core";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { SameShape } from "./shape-rules.ts";

export interface RReLUOptions {
  readonly lower?: number;
  readonly upper?: number;
  /** What the slopes are drawn from; the shared generator by default. */
  readonly generator?: Generator;
}

/** A layer without state that keeps the shape. */
abstract class Activation extends Module {
  declare readonly shapeRule: SameShape;
  abstract override forward<S extends Shape>(x: Tensor<S>): Tensor<S>;
}

/** max(x, 0). */
export class ReLU extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return relu(x);
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return relu6(x);
  }
}

/** x where it is positive, `slope`·x elsewhere. */
export class LeakyReLU extends Activation {
  readonly slope: number;
  constructor({ slope = 0.01 }: { readonly slope?: number } = {}) {
    super();
    this.slope = slope;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return leakyRelu(x, { slope: this.slope });
  }
}

/** x where it is above `threshold`, `value` elsewhere. */
export class Threshold extends Activation {
  readonly threshold: number;
  readonly value: number;
  constructor(threshold: number, value: number) {
    super();
    this.threshold = threshold;
    this.value = value;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S>;
  override forward(x: Tensor): Tensor {
    return where(x.gt(this.threshold), x, this.value);
  }
}

/**
 * x where it is positive, slope·x elsewhere: while training, a slope of its own from `lower` to `upper` for each element,
 * otherwise the mean of the two (Xu et al., "Empirical evaluation of rectified activations", 2015).
 * @throws {ArgumentError} `RReLU: expected lower of at most upper, got 1 and 0.5`
 */
export class RReLU extends Activation {
  readonly lower: number;
  readonly upper: number;
  private readonly generator: Generator | undefined;
  constructor({ lower = 1 / 8, upper = 1 / 3, generator }: RReLUOptions = {}) {
    super();
    if (!(lower <= upper)) throw new ArgumentError(`RReLU: expected lower of at most upper, got ${lower} and ${upper}`);
    this.lower = lower;
    this.upper = upper;
    this.generator = generator;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S>;
  override forward(x: Tensor): Tensor {
    const { lower, upper, generator } = this;
    const { draws } = live(() => ({ draws: this.training }));
    if (!draws) return leakyRelu(x, { slope: (lower + upper) / 2 });
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    const drawn = rand(x.shape, { dtype, device: x.device, ...(generator && { generator }) });
    return where(x.gt(0), x, x.mul(drawn.mul(upper - lower).add(lower)));
  }
}

/** x where it is positive, weight·x elsewhere; the weight is learned, one for all or one for each channel. */
export class PReLU extends Activation {
  readonly weight: Parameter;
  constructor({ channels = 1, initial = 0.25 }: { readonly channels?: number; readonly initial?: number } = {}) {
    super();
    this.weight = new Parameter(tensor(new Float32Array(channels).fill(initial)));
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return prelu(x, this.weight);
  }
}

/** x where it is positive, alpha·(eˣ − 1) elsewhere. */
export class ELU extends Activation {
  readonly alpha: number;
  constructor({ alpha = 1 }: { readonly alpha?: number } = {}) {
    super();
    this.alpha = alpha;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return elu(x, { alpha: this.alpha });
  }
}

/** max(0, x) + min(0, alpha·(e^(x/alpha) − 1)). */
export class CELU extends Activation {
  readonly alpha: number;
  constructor({ alpha = 1 }: { readonly alpha?: number } = {}) {
    super();
    this.alpha = alpha;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return celu(x, { alpha: this.alpha });
  }
}

/** The self-normalizing ELU. */
export class SELU extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return selu(x);
  }
}

/** x·Φ(x), or its approximation by tanh. */
export class GELU extends Activation {
  readonly approximate: "none" | "tanh";
  constructor({ approximate = "none" }: { readonly approximate?: "none" | "tanh" } = {}) {
    super();
    this.approximate = approximate;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return gelu(x, { approximate: this.approximate });
  }
}

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return sigmoid(x);
  }
}

/** log(1 / (1 + e⁻ˣ)). */
export class LogSigmoid extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return logSigmoid(x);
  }
}

/** tanh x. */
export class Tanh extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return tanh(x);
  }
}

/** x·sigmoid(x). */
export class SiLU extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return silu(x);
  }
}

/** x·tanh(log(1 + eˣ)). */
export class Mish extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return mish(x);
  }
}

/** log(1 + e^(beta·x)) / beta. */
export class Softplus extends Activation {
  readonly beta: number;
  readonly threshold: number;
  constructor({ beta = 1, threshold = 20 }: { readonly beta?: number; readonly threshold?: number } = {}) {
    super();
    this.beta = beta;
    this.threshold = threshold;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return softplus(x, { beta: this.beta, threshold: this.threshold });
  }
}

/** x / (1 + |x|). */
export class Softsign extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return softsign(x);
  }
}

/** min(max(x + 3, 0), 6) / 6. */
export class Hardsigmoid extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return hardsigmoid(x);
  }
}

/** x·min(max(x + 3, 0), 6) / 6. */
export class Hardswish extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return hardswish(x);
  }
}

/** x limited to [min, max]. */
export class Hardtanh extends Activation {
  readonly min: number;
  readonly max: number;
  constructor({ min = -1, max = 1 }: { readonly min?: number; readonly max?: number } = {}) {
    super();
    this.min = min;
    this.max = max;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return hardtanh(x, { min: this.min, max: this.max });
  }
}

/** x where |x| > lambda, 0 elsewhere. */
export class Hardshrink extends Activation {
  readonly lambda: number;
  constructor({ lambda = 0.5 }: { readonly lambda?: number } = {}) {
    super();
    this.lambda = lambda;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return hardshrink(x, { lambda: this.lambda });
  }
}

/** x moved towards 0 by lambda, and 0 where it is nearer. */
export class Softshrink extends Activation {
  readonly lambda: number;
  constructor({ lambda = 0.5 }: { readonly lambda?: number } = {}) {
    super();
    this.lambda = lambda;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return softshrink(x, { lambda: this.lambda });
  }
}

/** x − tanh x. */
export class Tanhshrink extends Activation {
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return tanhshrink(x);
  }
}

/** a·sigmoid(b) of the two halves a and b along an axis, the last by default (Dauphin et al., 2017). */
export class GLU extends Module {
  readonly axis: number;
  constructor({ axis = -1 }: { readonly axis?: number } = {}) {
    super();
    this.axis = axis;
  }
  override forward(x: Tensor): Tensor {
    return glu(x, { axis: this.axis });
  }
}

/** Softmax along an axis, the last by default. */
export class Softmax extends Activation {
  readonly axis: number;
  constructor({ axis = -1 }: { readonly axis?: number } = {}) {
    super();
    this.axis = axis;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return softmax(x, { axis: this.axis });
  }
}

/** The logarithm of softmax along an axis, the last by default. */
export class LogSoftmax extends Activation {
  readonly axis: number;
  constructor({ axis = -1 }: { readonly axis?: number } = {}) {
    super();
    this.axis = axis;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return logSoftmax(x, { axis: this.axis });
  }
}

/** softmax(−x) along an axis, the last by default. */
export class Softmin extends Activation {
  readonly axis: number;
  constructor({ axis = -1 }: { readonly axis?: number } = {}) {
    super();
    this.axis = axis;
  }
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return softmin(x, { axis: this.axis });
  }
}
