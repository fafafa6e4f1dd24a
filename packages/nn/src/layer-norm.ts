// Normalizations of single examples.
import {
  ArgumentError,
  groupNorm,
  layerNorm,
  localResponseNorm,
  ones,
  rmsNorm,
  type Shape,
  type Tensor,
  zeros,
} from "@cotangent/core";
import { checkCounts } from "./arguments.ts";
import type { InitOptions } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { Accepts, SameChannels, SameLastAxis, SameShape, ShapeRule } from "./shape-rules.ts";

export interface NormOptions extends Pick<InitOptions, "dtype" | "device"> {
  /** Added to the variance. 1e-5 by default. */
  readonly eps?: number;
  /** Whether to scale and shift the result by learned numbers, true by default. */
  readonly affine?: boolean;
}

interface LayerNormShapes<Size extends number> extends ShapeRule {
  readonly output: SameLastAxis<this["input"], "LayerNorm", Size>;
}

/**
 * Layer normalization over the last axes (Ba, Kiros and Hinton, 2016): mean 0 and variance 1, then a learned scale and shift.
 * @param normalizedShape the size of the last axis, or the sizes of several last axes
 * @throws {ShapeError} `layerNorm: expected an input that ends in [64], got [32, 100]`
 * @example new LayerNorm(64).forward(zeros([32, 64])).shape // [32, 64]
 */
export class LayerNorm<Size extends number = number> extends Module {
  declare readonly shapeRule: LayerNormShapes<Size>;
  readonly normalizedShape: Shape;
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  constructor(normalizedShape: Size | Shape, { eps = 1e-5, affine = true, ...placement }: NormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    for (const size of this.normalizedShape) checkCounts("LayerNorm", { normalizedShape: size });
    this.eps = eps;
    this.weight = affine ? new Parameter(ones(this.normalizedShape, placement)) : null;
    this.bias = affine ? new Parameter(zeros(this.normalizedShape, placement)) : null;
  }

  override forward<S extends Shape>(x: Tensor<S> & Accepts<SameLastAxis<S, "LayerNorm", Size>>): Tensor<S> {
    const { weight, bias, eps } = this;
    return layerNorm<S>(x, this.normalizedShape, { weight, bias, eps });
  }

  override toString(): string {
    return `LayerNorm(${this.normalizedShape.join(", ")})`;
  }
}

/** Division by the root of the mean square of the last axis, times a learned scale (Zhang and Sennrich, 2019). */
export class RMSNorm extends Module {
  declare readonly shapeRule: SameShape;
  readonly eps: number;
  readonly weight: Parameter;

  /** @param size of the last axis. @param options.eps 1e-6 by default */
  constructor(size: number, { eps = 1e-6, ...placement }: Omit<NormOptions, "affine"> = {}) {
    super();
    checkCounts("RMSNorm", { size });
    this.eps = eps;
    this.weight = new Parameter(ones([size], placement));
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return rmsNorm(x, { weight: this.weight, eps: this.eps });
  }

  override toString(): string {
    return `RMSNorm(${this.weight.size})`;
  }
}

interface GroupNormShapes<Channels extends number> extends ShapeRule {
  readonly output: SameChannels<this["input"], "GroupNorm", Channels>;
}

/** Normalization of each example over groups of channels (Wu and He, 2018), then a learned scale and shift for each channel. */
export class GroupNorm<Channels extends number = number> extends Module {
  declare readonly shapeRule: GroupNormShapes<Channels>;
  readonly groups: number;
  readonly channels: Channels;
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  constructor(groups: number, channels: Channels, { eps = 1e-5, affine = true, ...placement }: NormOptions = {}) {
    super();
    checkCounts("GroupNorm", { groups, channels });
    if (channels % groups !== 0)
      throw new ArgumentError(`GroupNorm: expected channels that ${groups} groups divide, got ${channels}`);
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
    this.weight = affine ? new Parameter(ones([channels], placement)) : null;
    this.bias = affine ? new Parameter(zeros([channels], placement)) : null;
  }

  override forward<S extends Shape>(x: Tensor<S> & Accepts<SameChannels<S, "GroupNorm", Channels>>): Tensor<S> {
    const { weight, bias, eps } = this;
    return groupNorm<S>(x, this.groups, { weight, bias, eps });
  }

  override toString(): string {
    return `GroupNorm(${this.groups}, ${this.channels})`;
  }
}

/** Division by the activity of neighbouring channels (Krizhevsky et al., 2012): x / (k + alpha·mean of x² over them)^beta. */
export class LocalResponseNorm extends Module {
  declare readonly shapeRule: SameShape;
  readonly size: number;
  private readonly options: { readonly alpha?: number; readonly beta?: number; readonly k?: number };

  /** @param size how many neighbouring channels. @param options alpha (1e-4 by default), beta (0.75), k (1) */
  constructor(size: number, options: { readonly alpha?: number; readonly beta?: number; readonly k?: number } = {}) {
    super();
    checkCounts("LocalResponseNorm", { size });
    this.size = size;
    this.options = options;
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return localResponseNorm(x, this.size, this.options);
  }

  override toString(): string {
    return `LocalResponseNorm(${this.size})`;
  }
}
