// Images: other resolutions, channels turned into pixels, patches.
import {
  channelShuffle,
  fold,
  type InterpolateOptions,
  interpolate,
  pixelShuffle,
  pixelUnshuffle,
  type Shape,
  type Tensor,
  type UnfoldOptions,
  unfold,
} from "@cotangent/core";
import type { PerAxis } from "./conv.ts";
import { Module } from "./module.ts";
import type { SameShape } from "./shape-rules.ts";

/**
 * [batch, channels, …] at another resolution.
 * @param options size or scaleFactor; mode "nearest" (the default), "linear" or "cubic" along each axis; alignCorners
 * @example new Upsample({ scaleFactor: 2 }).forward(zeros([1, 3, 4, 5])).shape // [1, 3, 8, 10]
 */
export class Upsample extends Module {
  readonly options: InterpolateOptions;

  constructor(options: InterpolateOptions) {
    super();
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return interpolate(x, this.options);
  }

  override toString(): string {
    return `Upsample(${JSON.stringify(this.options)})`;
  }
}

/**
 * Channels turned into pixels (Shi et al., 2016): [batch, C·r², H, W] → [batch, C, H·r, W·r].
 * @example new PixelShuffle(2).forward(zeros([1, 8, 3, 3])).shape // [1, 2, 6, 6]
 */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = upscaleFactor;
  }

  override forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor);
  }

  override toString(): string {
    return `PixelShuffle(${this.upscaleFactor})`;
  }
}

/** Pixels turned into channels, the inverse of `PixelShuffle`: [batch, C, H·r, W·r] → [batch, C·r², H, W]. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    this.downscaleFactor = downscaleFactor;
  }

  override forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }

  override toString(): string {
    return `PixelUnshuffle(${this.downscaleFactor})`;
  }
}

/** Channels of all groups in turn (Zhang et al., 2018). */
export class ChannelShuffle extends Module {
  declare readonly shapeRule: SameShape;
  readonly groups: number;

  constructor(groups: number) {
    super();
    this.groups = groups;
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return channelShuffle(x, this.groups);
  }

  override toString(): string {
    return `ChannelShuffle(${this.groups})`;
  }
}

/**
 * The patches that a convolution would read, as columns: [batch, C, H, W] → [batch, C·kernel, patches].
 * @param options stride, padding, dilation
 */
export class Unfold extends Module {
  readonly kernelSize: PerAxis;
  readonly options: UnfoldOptions;

  constructor(kernelSize: PerAxis, options: UnfoldOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return unfold(x, this.kernelSize, this.options);
  }

  override toString(): string {
    return `Unfold(${JSON.stringify(this.kernelSize)})`;
  }
}

/**
 * Patches added up where they overlap, the adjoint of `Unfold`: [batch, C·kernel, patches] → [batch, C, ...outputSize].
 * @param options stride, padding, dilation
 * @example await new Fold([3, 3], 2).forward(ones([1, 4, 4])).toArray() // [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]
 */
export class Fold extends Module {
  readonly outputSize: PerAxis;
  readonly kernelSize: PerAxis;
  readonly options: UnfoldOptions;

  constructor(outputSize: PerAxis, kernelSize: PerAxis, options: UnfoldOptions = {}) {
    super();
    this.outputSize = outputSize;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return fold(x, this.outputSize, this.kernelSize, this.options);
  }

  override toString(): string {
    return `Fold(${JSON.stringify(this.outputSize)}, ${JSON.stringify(this.kernelSize)})`;
  }
}
