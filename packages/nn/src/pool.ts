// Pooling: the largest or the mean of sliding windows.
import {
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  type Shape,
  type Tensor,
} from "@cotangent/core";
import type { PerAxis } from "./conv.ts";
import { Module } from "./module.ts";
import type { AsShape, Pooled, ShapeRule } from "./shape-rules.ts";

interface PoolShapes<Rank extends number> extends ShapeRule {
  readonly output: Pooled<this["input"], Rank>;
}

abstract class Pool<Rank extends number, Options> extends Module {
  declare readonly shapeRule: PoolShapes<Rank>;
  readonly kernelSize: PerAxis;
  protected readonly options: Options;

  constructor(kernelSize: PerAxis, options: Options) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<AsShape<Pooled<S, Rank>>>;
  override forward(x: Tensor): Tensor {
    return this.pool(x);
  }

  protected abstract pool(x: Tensor): Tensor;

  override toString(): string {
    return `${this.constructor.name}(${JSON.stringify(this.kernelSize)})`;
  }
}

/** The largest of each window of [batch, channels, length]; see `MaxPool2d`. */
export class MaxPool1d extends Pool<1, MaxPoolOptions> {
  constructor(kernelSize: PerAxis, options: MaxPoolOptions = {}) {
    super(kernelSize, options);
  }
  protected override pool(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * The largest of each window of [batch, channels, height, width].
 * @param kernelSize one number or [height, width]
 * @param options stride (the kernel by default), padding, dilation, ceilMode
 * @example new MaxPool2d(2).forward(zeros([32, 8, 28, 28])).shape // [32, 8, 14, 14]
 */
export class MaxPool2d extends Pool<2, MaxPoolOptions> {
  constructor(kernelSize: PerAxis, options: MaxPoolOptions = {}) {
    super(kernelSize, options);
  }
  protected override pool(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

/** The mean of each window of [batch, channels, length]; see `AvgPool2d`. */
export class AvgPool1d extends Pool<1, AvgPoolOptions> {
  constructor(kernelSize: PerAxis, options: AvgPoolOptions = {}) {
    super(kernelSize, options);
  }
  protected override pool(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * The mean of each window of [batch, channels, height, width].
 * @param kernelSize one number or [height, width]
 * @param options stride (the kernel by default), padding, ceilMode, countIncludePad
 */
export class AvgPool2d extends Pool<2, AvgPoolOptions> {
  constructor(kernelSize: PerAxis, options: AvgPoolOptions = {}) {
    super(kernelSize, options);
  }
  protected override pool(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}
