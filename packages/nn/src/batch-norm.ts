// Batch normalization.
import { batchMoments, batchNorm, noGrad, ones, type Shape, ShapeError, type Tensor, zeros } from "@cotangent/core";
import { checkChannels, checkCounts, showShape } from "./arguments.ts";
import type { InitOptions } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { Accepts, SameChannels, ShapeRule } from "./shape-rules.ts";

export interface BatchNormOptions extends Pick<InitOptions, "dtype" | "device"> {
  /** Added to the variance. 1e-5 by default. */
  readonly eps?: number;
  /** Share of the new batch in the running statistics, 0.1 by default; null for the plain mean over all batches. */
  readonly momentum?: number | null;
  /** Whether to scale and shift the result by learned numbers, true by default. */
  readonly affine?: boolean;
  /** Whether to keep running statistics for evaluation, true by default; without them the batch's are always used. */
  readonly trackRunningStats?: boolean;
}

interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

interface BatchNormShapes<Channels extends number> extends ShapeRule {
  readonly output: SameChannels<this["input"], "BatchNorm", Channels>;
}

/** A normalization with running statistics, which take the place of the input's own in evaluation mode. */
export abstract class RunningNorm<Channels extends number> extends Module {
  readonly channels: Channels;
  readonly eps: number;
  readonly momentum: number | null;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Tensor | null;
  readonly runningVar: Tensor | null;
  readonly numBatchesTracked: Tensor | null;

  constructor(channels: Channels, options: BatchNormOptions = {}) {
    super();
    checkCounts(this.constructor.name, { channels });
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, ...placement } = options;
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(ones([channels], placement)) : null;
    this.bias = affine ? new Parameter(zeros([channels], placement)) : null;
    this.runningMean = trackRunningStats ? zeros([channels], placement) : null;
    this.runningVar = trackRunningStats ? ones([channels], placement) : null;
    this.numBatchesTracked = trackRunningStats ? zeros([], { ...placement, dtype: "int32" }) : null;
  }

  /** The running statistics where they take the place of the input's own. */
  protected running(): Moments | null {
    const { training, runningMean: mean, runningVar: variance } = this;
    return !training && mean && variance ? { mean, variance } : null;
  }

  /** Moves the running statistics towards those of a batch; the variance is that of the population (n − 1). */
  protected track(mean: Tensor, variance: Tensor, count: number): void {
    const { runningMean, runningVar, numBatchesTracked, momentum } = this;
    if (!runningMean || !runningVar || !numBatchesTracked) return;
    const batches = numBatchesTracked.add(1);
    const share = momentum === null ? batches.to(runningMean.dtype).pow(-1) : momentum;
    const follow = (running: Tensor, batch: Tensor): void =>
      running.assign(running.add(batch.to(running.dtype).sub(running).mul(share)));
    follow(runningMean, mean);
    follow(runningVar, variance.mul(count / (count - 1)));
    numBatchesTracked.assign(batches);
  }

  override toString(): string {
    return `${this.constructor.name}(${this.channels})`;
  }
}

abstract class BatchNorm<Channels extends number> extends RunningNorm<Channels> {
  declare readonly shapeRule: BatchNormShapes<Channels>;

  /** How many axes an input may have. */
  protected abstract readonly ranks: readonly number[];

  override forward<S extends Shape>(x: Tensor<S> & Accepts<SameChannels<S, "BatchNorm", Channels>>): Tensor<S>;
  override forward(x: Tensor): Tensor {
    checkChannels(this.constructor.name, x.shape, this.channels, this.ranks);
    const { weight, bias, eps } = this;
    return batchNorm(x, this.running() ?? this.moments(x), { weight, bias, eps });
  }

  /** The batch's own, which the running ones follow. */
  private moments(x: Tensor): Moments {
    const count = x.size / this.channels;
    if (this.training && count <= 1)
      throw new ShapeError(
        `${this.constructor.name}: expected more than one value for each channel while training, got shape ${showShape(x.shape)}`,
      );
    const moments = batchMoments(x);
    if (this.training) noGrad(() => this.track(moments.mean, moments.variance, count));
    return moments;
  }
}

/**
 * Batch normalization of [batch, channels] or [batch, channels, length] (Ioffe and Szegedy, 2015): each channel gets
 * mean 0 and variance 1 over the batch, then a scale and a shift that are learned. In evaluation mode the running
 * statistics take the batch's place.
 * @throws {ShapeError} `BatchNorm1d: expected 64 channels in axis 1, got shape [32, 100]`
 */
export class BatchNorm1d<Channels extends number = number> extends BatchNorm<Channels> {
  protected override get ranks(): readonly number[] {
    return [2, 3];
  }
}

/**
 * Batch normalization of [batch, channels, height, width]; see `BatchNorm1d`.
 * @throws {ShapeError} `BatchNorm2d: expected 4 axes, got shape [32, 64]`
 */
export class BatchNorm2d<Channels extends number = number> extends BatchNorm<Channels> {
  protected override get ranks(): readonly number[] {
    return [4];
  }
}

/** Batch normalization of [batch, channels, depth, height, width]; see `BatchNorm1d`. */
export class BatchNorm3d<Channels extends number = number> extends BatchNorm<Channels> {
  protected override get ranks(): readonly number[] {
    return [5];
  }
}
