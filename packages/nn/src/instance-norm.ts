// Normalization of single images.
import { batchNorm, instanceNorm, noGrad, type Shape, ShapeError, type Tensor, variance } from "@cotangent/core";
import { checkChannels, showShape } from "./arguments.ts";
import { type BatchNormOptions, RunningNorm } from "./batch-norm.ts";
import type { Accepts, SameChannels, ShapeRule } from "./shape-rules.ts";

export interface InstanceNormOptions extends Omit<BatchNormOptions, "affine" | "trackRunningStats"> {
  /** Whether to scale and shift the result by learned numbers, false by default. */
  readonly affine?: boolean;
  /** Whether to keep running statistics for evaluation, false by default: then the input's own are always used. */
  readonly trackRunningStats?: boolean;
}

interface InstanceNormShapes<Channels extends number> extends ShapeRule {
  readonly output: SameChannels<this["input"], "InstanceNorm", Channels>;
}

abstract class InstanceNorm<Channels extends number> extends RunningNorm<Channels> {
  declare readonly shapeRule: InstanceNormShapes<Channels>;

  constructor(channels: Channels, options: InstanceNormOptions = {}) {
    super(channels, { affine: false, trackRunningStats: false, ...options });
  }

  /** How many axes an input has. */
  protected abstract readonly rank: number;

  override forward<S extends Shape>(x: Tensor<S> & Accepts<SameChannels<S, "InstanceNorm", Channels>>): Tensor<S>;
  override forward(x: Tensor): Tensor {
    checkChannels(this.constructor.name, x.shape, this.channels, [this.rank]);
    const { weight, bias, eps } = this;
    const running = this.running();
    if (running) return batchNorm(x, running, { weight, bias, eps });
    const count = x.shape.slice(2).reduce((product, n) => product * n, 1);
    if (this.training && count <= 1)
      throw new ShapeError(
        `${this.constructor.name}: expected more than one position for each channel while training, got shape ${showShape(x.shape)}`,
      );
    if (this.training && this.runningMean) noGrad(() => this.follow(x, count));
    return instanceNorm(x, { weight, bias, eps });
  }

  /** The running statistics follow the mean over the examples. */
  private follow(x: Tensor, count: number): void {
    const axis = x.shape.map((_, i) => i).slice(2);
    const own = variance(x, { axis, correction: 0 });
    this.track(x.mean({ axis: [0, ...axis] }), own.mean({ axis: 0 }), count);
  }
}

/** Normalization of each channel of each example of [batch, channels, length]; see `InstanceNorm2d`. */
export class InstanceNorm1d<Channels extends number = number> extends InstanceNorm<Channels> {
  protected override get rank(): number {
    return 3;
  }
}

/**
 * Normalization of each channel of each example of [batch, channels, height, width] (Ulyanov et al., 2016): mean 0 and
 * variance 1 over its positions.
 * @param options eps, affine, trackRunningStats, momentum
 * @throws {ShapeError} `InstanceNorm2d: expected 4 axes, got shape [32, 64]`
 * @example new InstanceNorm2d(3, { affine: true }).forward(zeros([8, 3, 4, 4])).shape // [8, 3, 4, 4]
 */
export class InstanceNorm2d<Channels extends number = number> extends InstanceNorm<Channels> {
  protected override get rank(): number {
    return 4;
  }
}

/** Normalization of each channel of each example of [batch, channels, depth, height, width]; see `InstanceNorm2d`. */
export class InstanceNorm3d<Channels extends number = number> extends InstanceNorm<Channels> {
  protected override get rank(): number {
    return 5;
  }
}
