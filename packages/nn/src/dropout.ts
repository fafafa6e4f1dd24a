// Layers that leave out what they are given, at random, while training.
import { ArgumentError, bernoulli, type Generator, type Shape, type Tensor, where } from "@cotangent/core";
import { Module } from "./module.ts";
import type { SameShape } from "./shape-rules.ts";

export interface DropoutOptions {
  /** What the masks are drawn from; the shared generator, which `manualSeed` seeds, by default. */
  readonly generator?: Generator;
}

/** Draws a mask of shape `maskShape`, which broadcasts to x, and scales what stays by 1/(1 − p). */
function drop<S extends Shape>(x: Tensor<S>, maskShape: Shape, p: number, { generator }: DropoutOptions): Tensor<S>;
function drop(x: Tensor, maskShape: Shape, p: number, { generator }: DropoutOptions): Tensor {
  const source = generator ? { generator } : {};
  const keeps = bernoulli(maskShape, 1 - p, { ...source, dtype: "bool", device: x.device });
  return where(keeps, x, 0).mul(p === 1 ? 0 : 1 / (1 - p));
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

  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    if (!this.training || this.p === 0) return x;
    return drop(x, this.maskShape(x.shape), this.p, this.options);
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

/** Zeros whole channels of [batch, channels, …] with probability `p` (Tompson et al., 2015). */
export class Dropout2d extends DropoutBase {
  protected override maskShape(shape: Shape): Shape {
    return shape.map((n, i) => (i < 2 ? n : 1));
  }
}
