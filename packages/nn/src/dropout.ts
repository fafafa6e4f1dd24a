// Layers that leave out what they are given, at random, while training.
import { ArgumentError, bernoulli, type Generator, live, type Shape, type Tensor, where } from "@cotangent/core";
import { Module } from "./module.ts";
import type { SameShape } from "./shape-rules.ts";

export interface DropoutOptions {
  /** What the masks are drawn from; the shared generator, which `manualSeed` seeds, by default. */
  readonly generator?: Generator;
}

interface Amounts {
  readonly scale: number;
  readonly left?: number;
  readonly shift?: number;
}

abstract class DropoutBase extends Module {
  declare readonly shapeRule: SameShape;
  /** The probability with which something is left out. Change it at any time: it compiles nothing. */
  p: number;
  protected readonly options: DropoutOptions;

  constructor(p = 0.5, options: DropoutOptions = {}) {
    super();
    if (!(p >= 0 && p <= 1))
      throw new ArgumentError(`${this.constructor.name}: expected a probability from 0 to 1, got ${p}`);
    this.p = p;
    this.options = options;
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<S>;
  override forward(x: Tensor): Tensor {
    const { dtype, device } = x;
    const { drops, keep, left, scale, shift } = live(
      () => {
        const { training, p } = this;
        return { drops: training && p > 0, keep: 1 - p, ...this.amounts(p) };
      },
      { dtype: dtype === "float64" ? dtype : "float32", device },
    );
    if (!drops) return x;
    const { generator } = this.options;
    // The mask broadcasts to x.
    const keeps = bernoulli(this.maskShape(x.shape), keep, { ...(generator && { generator }), dtype: "bool", device });
    const scaled = where(keeps, x, left ?? 0).mul(scale);
    return shift ? scaled.add(shift) : scaled;
  }

  /** What stands where something is left out, if not 0, and what all is multiplied by, and shifted by afterwards. */
  protected amounts(p: number): Amounts {
    return { scale: p === 1 ? 0 : 1 / (1 - p) };
  }

  protected abstract maskShape(shape: Shape): Shape;

  override toString(): string {
    return `${this.constructor.name}(${this.p})`;
  }
}

/**
 * Zeros elements with probability `p` and scales the others by 1/(1 − p), while training (Srivastava et al., 2014).
 * Each forward pass draws a new mask.
 * @param p from 0 to 1, 0.5 by default
 * @throws {ArgumentError} `Dropout: expected a probability from 0 to 1, got 2`
 */
export class Dropout extends DropoutBase {
  protected override maskShape(shape: Shape): Shape {
    return shape;
  }
}

abstract class ChannelDropout extends DropoutBase {
  protected override maskShape(shape: Shape): Shape {
    return shape.map((n, i) => (i < 2 ? n : 1));
  }
}

/** Zeros whole channels of [batch, channels, length] with probability `p`; see `Dropout2d`. */
export class Dropout1d extends ChannelDropout {}

/** Zeros whole channels of [batch, channels, …] with probability `p` (Tompson et al., 2015). */
export class Dropout2d extends ChannelDropout {}

/** Zeros whole channels of [batch, channels, depth, height, width] with probability `p`; see `Dropout2d`. */
export class Dropout3d extends ChannelDropout {}

/** SELU at −∞. */
const saturated = -1.7580993408473766;

/** Mean 0 and variance 1 stay what they are: a·(x or s) + b with a = 1/√((1 − p)(1 + p·s²)) and b = −a·p·s. */
function selfNormalizing(p: number): Required<Amounts> {
  if (p === 1) return { left: 0, scale: 0, shift: 0 };
  const scale = 1 / Math.sqrt((1 - p) * (1 + p * saturated * saturated));
  return { left: saturated, scale, shift: -scale * p * saturated };
}

/**
 * Dropout for networks of SELU: elements become what SELU has at −∞, and all is scaled and shifted so that mean 0 and
 * variance 1 stay (Klambauer et al., "Self-Normalizing Neural Networks", 2017).
 * @param p from 0 to 1, 0.5 by default
 */
export class AlphaDropout extends Dropout {
  protected override amounts(p: number): Amounts {
    return selfNormalizing(p);
  }
}

/** `AlphaDropout` of whole channels of [batch, channels, …]. */
export class FeatureAlphaDropout extends ChannelDropout {
  protected override amounts(p: number): Amounts {
    return selfNormalizing(p);
  }
}
