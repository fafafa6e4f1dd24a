// Pooling: the largest, the mean or the power mean of sliding windows, or of so many windows as are asked for.
import {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type LpPoolOptions,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  type MaxPooled,
  type MaxPoolOptions,
  type MaxUnpoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
  type Shape,
  type Tensor,
} from "@cotangent/core";
import type { PerAxis } from "./conv.ts";
import { Module } from "./module.ts";
import type { AsShape, Pooled, ShapeRule } from "./shape-rules.ts";

interface PoolShapes<Rank extends number> extends ShapeRule {
  readonly output: Pooled<this["input"], Rank>;
}

type Rank = 1 | 2 | 3;

/** The functions behind the layers, by the number of spatial axes. */
const largest = { 1: maxPool1d, 2: maxPool2d, 3: maxPool3d } as const;
const largestWithIndices = { 1: maxPool1dWithIndices, 2: maxPool2dWithIndices, 3: maxPool3dWithIndices } as const;
const unpooled = { 1: maxUnpool1d, 2: maxUnpool2d, 3: maxUnpool3d } as const;
const average = { 1: avgPool1d, 2: avgPool2d, 3: avgPool3d } as const;
const powerMean = { 1: lpPool1d, 2: lpPool2d, 3: lpPool3d } as const;
const adaptiveAverage = { 1: adaptiveAvgPool1d, 2: adaptiveAvgPool2d, 3: adaptiveAvgPool3d } as const;
const adaptiveLargest = { 1: adaptiveMaxPool1d, 2: adaptiveMaxPool2d, 3: adaptiveMaxPool3d } as const;

/** What pooling layers have in common. */
abstract class Windows<R extends Rank> extends Module {
  declare readonly shapeRule: PoolShapes<R>;

  protected abstract spatialRank(): R;
  protected abstract pool(x: Tensor): Tensor;

  override forward<S extends Shape>(x: Tensor<S>): Tensor<AsShape<Pooled<S, R>>>;
  override forward(x: Tensor): Tensor {
    return this.pool(x);
  }
}

/** `Options` is what the function takes besides the size. */
abstract class Pool<R extends Rank, Options> extends Windows<R> {
  readonly kernelSize: PerAxis;
  protected readonly options: Options | undefined;

  constructor(kernelSize: PerAxis, options?: Options) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override toString(): string {
    return `${this.constructor.name}(${JSON.stringify(this.kernelSize)})`;
  }
}

abstract class MaxPool<R extends Rank> extends Pool<R, MaxPoolOptions> {
  protected override pool(x: Tensor): Tensor {
    return largest[this.spatialRank()](x, this.kernelSize, this.options);
  }

  /** As `forward`, with the position that each value was read at: what `MaxUnpool` takes. */
  withIndices(x: Tensor): MaxPooled {
    return largestWithIndices[this.spatialRank()](x, this.kernelSize, this.options);
  }
}

/** The largest of each window of [batch, channels, length]; see `MaxPool2d`. */
export class MaxPool1d extends MaxPool<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/**
 * The largest of each window of [batch, channels, height, width].
 * @param kernelSize size of the window: one number or [height, width]
 * @param options stride (the window by default), padding, dilation, ceilMode
 * @example new MaxPool2d(2).forward(zeros([32, 8, 28, 28])).shape // [32, 8, 14, 14]
 */
export class MaxPool2d extends MaxPool<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** The largest of each window of [batch, channels, depth, height, width]; see `MaxPool2d`. */
export class MaxPool3d extends MaxPool<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

abstract class MaxUnpool<R extends Rank> extends Module {
  readonly kernelSize: PerAxis;
  protected readonly options: Pick<MaxUnpoolOptions, "stride" | "padding">;

  constructor(kernelSize: PerAxis, options: Pick<MaxUnpoolOptions, "stride" | "padding"> = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  protected abstract spatialRank(): R;

  /** @param options.size extents of the result, where pooling left several open */
  override forward(x: Tensor, indices: Tensor, options: Pick<MaxUnpoolOptions, "size"> = {}): Tensor {
    return unpooled[this.spatialRank()](x, indices, this.kernelSize, { ...this.options, ...options });
  }

  override toString(): string {
    return `${this.constructor.name}(${JSON.stringify(this.kernelSize)})`;
  }
}

/** Values put where `MaxPool1d` had read them, zeros elsewhere; see `MaxUnpool2d`. */
export class MaxUnpool1d extends MaxUnpool<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/**
 * Values put where `MaxPool2d` had read them, zeros elsewhere (Zeiler and Fergus, 2014).
 * @param kernelSize size of the window, as that of the pooling
 * @param options stride and padding, as those of the pooling
 * @example
 * const { values, indices } = new MaxPool2d(2).withIndices(tensor([[[1, 2], [4, 3]]]));
 * await new MaxUnpool2d(2).forward(values, indices).toArray() // [[[0, 0], [4, 0]]]
 */
export class MaxUnpool2d extends MaxUnpool<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** Values put where `MaxPool3d` had read them, zeros elsewhere; see `MaxUnpool2d`. */
export class MaxUnpool3d extends MaxUnpool<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

abstract class AvgPool<R extends Rank> extends Pool<R, AvgPoolOptions> {
  protected override pool(x: Tensor): Tensor {
    return average[this.spatialRank()](x, this.kernelSize, this.options);
  }
}

/** The mean of each window of [batch, channels, length]; see `AvgPool2d`. */
export class AvgPool1d extends AvgPool<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/**
 * The mean of each window of [batch, channels, height, width].
 * @param kernelSize size of the window: one number or [height, width]
 * @param options stride (the window by default), padding, ceilMode, countIncludePad
 */
export class AvgPool2d extends AvgPool<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** The mean of each window of [batch, channels, depth, height, width]; see `AvgPool2d`. */
export class AvgPool3d extends AvgPool<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

abstract class LPPool<R extends Rank> extends Pool<R, LpPoolOptions> {
  readonly p: number;

  /** @param p 1: the sum, 2: the Euclidean norm. @param kernelSize size of the window. @param options stride (the window by default), ceilMode */
  constructor(p: number, kernelSize: PerAxis, options?: LpPoolOptions) {
    super(kernelSize, options);
    this.p = p;
  }

  protected override pool(x: Tensor): Tensor {
    return powerMean[this.spatialRank()](x, this.p, this.kernelSize, this.options);
  }

  override toString(): string {
    return `${this.constructor.name}(${this.p}, ${JSON.stringify(this.kernelSize)})`;
  }
}

/** (Σ xᵖ)^(1/p) of each window of [batch, channels, length]. */
export class LPPool1d extends LPPool<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/** (Σ xᵖ)^(1/p) of each window of [batch, channels, height, width]. */
export class LPPool2d extends LPPool<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** (Σ xᵖ)^(1/p) of each window of [batch, channels, depth, height, width]. */
export class LPPool3d extends LPPool<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

abstract class AdaptivePool<R extends Rank> extends Windows<R> {
  readonly outputSize: number | readonly (number | null)[];

  constructor(outputSize: number | readonly (number | null)[]) {
    super();
    this.outputSize = outputSize;
  }

  /** The sizes of the result for x: null keeps that of x. */
  protected sizesFor({ shape }: Tensor): PerAxis {
    const { outputSize } = this;
    if (typeof outputSize === "number") return outputSize;
    return outputSize.map((n, i) => n ?? shape[shape.length - this.spatialRank() + i] ?? 1);
  }

  override toString(): string {
    return `${this.constructor.name}(${JSON.stringify(this.outputSize)})`;
  }
}

abstract class AdaptiveAvgPool<R extends Rank> extends AdaptivePool<R> {
  protected override pool(x: Tensor): Tensor {
    return adaptiveAverage[this.spatialRank()](x, this.sizesFor(x));
  }
}

abstract class AdaptiveMaxPool<R extends Rank> extends AdaptivePool<R> {
  protected override pool(x: Tensor): Tensor {
    return adaptiveLargest[this.spatialRank()](x, this.sizesFor(x));
  }
}

/** The mean of each of `outputSize` windows of [batch, channels, length]; see `AdaptiveAvgPool2d`. */
export class AdaptiveAvgPool1d extends AdaptiveAvgPool<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/**
 * The means of windows of [batch, channels, height, width], so large that there are `outputSize` of them along each axis.
 * @param outputSize of the result: one number or [height, width], with null for as many as there are
 * @example new AdaptiveAvgPool2d(1).forward(zeros([32, 8, 7, 5])).shape // [32, 8, 1, 1]
 */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** The mean of each of `outputSize` windows of [batch, channels, depth, height, width]; see `AdaptiveAvgPool2d`. */
export class AdaptiveAvgPool3d extends AdaptiveAvgPool<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

/** The largest of each of `outputSize` windows of [batch, channels, length]; see `AdaptiveAvgPool2d`. */
export class AdaptiveMaxPool1d extends AdaptiveMaxPool<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/** The largest of each of `outputSize` windows of [batch, channels, height, width]; see `AdaptiveAvgPool2d`. */
export class AdaptiveMaxPool2d extends AdaptiveMaxPool<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** The largest of each of `outputSize` windows of [batch, channels, depth, height, width]; see `AdaptiveAvgPool2d`. */
export class AdaptiveMaxPool3d extends AdaptiveMaxPool<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}
