// Layers that leave out what they are given, at random, while training.
import { ArgumentError, bernoulli, type Generator, live, type Shape, type Tensor, where } from "@cotangent/core";
import { Module } from "./module.ts";
import type { SameShape } from "./shape-rules.ts";

export interface DropoutOptions {
  /** What the masks are drawn from; the shared generator, which `manualSeed` seeds, by default. */
  readonly generator?: Generator;
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
    const { drops, keep, scale } = live(
      () => {
        const { training, p } = this;
        return { drops: training && p > 0, keep: 1 - p, scale: p === 1 ? 0 : 1 / (1 - p) };
      },
      { dtype: dtype === "float64" ? dtype : "float32", device },
    );
    if (!drops) return x;
    const { generator } = this.options;
    // The mask broadcasts to x.
    const keeps = bernoulli(this.maskShape(x.shape), keep, { ...(generator && { generator }), dtype: "bool", device });
    return where(keeps, x, 0).mul(scale);
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
