// Convolutions, and their transposes.
import {
  ArgumentError,
  type ConvPadding,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type Shape,
  type Tensor,
} from "@cotangent/core";
import { checkCounts } from "./arguments.ts";
import { defaultBias, defaultWeight, type InitOptions } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { Accepts, AsShape, Convolved, ShapeRule } from "./shape-rules.ts";

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[];

interface KernelOptions extends InitOptions {
  /** 1 by default. */
  readonly stride?: PerAxis;
  /** The distance of neighbouring taps, 1 by default. */
  readonly dilation?: PerAxis;
  /** Channels are split into so many groups that don't see each other, 1 by default. */
  readonly groups?: number;
  /** Whether to add a bias, true by default. */
  readonly bias?: boolean;
}

export interface ConvOptions extends KernelOptions {
  /** Zeros on both sides, 0 by default; "same" keeps the extents at stride 1. */
  readonly padding?: ConvPadding;
}

export interface ConvTransposeOptions extends KernelOptions {
  /** What the convolution that this undoes had padded, 0 by default. */
  readonly padding?: PerAxis;
  /** Cells added at the end, for sizes that the stride leaves open, 0 by default. */
  readonly outputPadding?: PerAxis;
}

interface ConvShapes<Rank extends number, In extends number, Out extends number> extends ShapeRule {
  readonly output: Convolved<this["input"], Rank, In, Out>;
}

const functions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;
const transposed = { 1: convTranspose1d, 2: convTranspose2d, 3: convTranspose3d } as const;

/** What convolutions of all ranks, and their transposes, have in common. */
abstract class Kernels<Rank extends 1 | 2 | 3, In extends number, Out extends number> extends Module {
  declare readonly shapeRule: ConvShapes<Rank, In, Out>;
  readonly inChannels: In;
  readonly outChannels: Out;
  /** [outChannels, inChannels / groups, ...kernel], or of transposes [inChannels, outChannels / groups, ...kernel] */
  readonly weight: Parameter;
  /** [outChannels] */
  readonly bias: Parameter | null;
  readonly stride: PerAxis;
  readonly dilation: PerAxis;
  readonly groups: number;

  constructor(inChannels: In, outChannels: Out, kernelSize: PerAxis, options: KernelOptions) {
    super();
    const { name } = this.constructor;
    const { stride = 1, dilation = 1, groups = 1, bias = true } = options;
    checkCounts(name, { inChannels, outChannels, groups });
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new ArgumentError(
        `${name}: expected channels that ${groups} groups divide, got ${inChannels} in and ${outChannels} out`,
      );
    const rank = this.spatialRank();
    const kernel = typeof kernelSize === "number" ? new Array<number>(rank).fill(kernelSize) : kernelSize;
    for (const size of kernel) checkCounts(name, { kernelSize: size });
    if (kernel.length !== rank)
      throw new ArgumentError(`${name}: expected a kernelSize of ${rank} numbers, got [${kernel.join(", ")}]`);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.stride = stride;
    this.dilation = dilation;
    this.groups = groups;
    const shape = [...this.weightRows(), ...kernel];
    this.weight = new Parameter(defaultWeight(shape, options));
    this.bias = bias ? new Parameter(defaultBias(outChannels, shape, options)) : null;
  }

  protected abstract spatialRank(): Rank;
  /** The weight's extents before those of the kernel. */
  protected abstract weightRows(): Shape;
  protected abstract convolve(x: Tensor): Tensor;

  override forward<S extends Shape>(
    x: Tensor<S> & Accepts<Convolved<S, Rank, In, Out>>,
  ): Tensor<AsShape<Convolved<S, Rank, In, Out>>>;
  override forward(x: Tensor): Tensor {
    return this.convolve(x);
  }

  override toString(): string {
    const kernel = this.weight.shape.slice(2).join(", ");
    return `${this.constructor.name}(${this.inChannels}, ${this.outChannels}, [${kernel}])`;
  }
}

abstract class Conv<Rank extends 1 | 2 | 3, In extends number, Out extends number> extends Kernels<Rank, In, Out> {
  readonly padding: ConvPadding;

  constructor(inChannels: In, outChannels: Out, kernelSize: PerAxis, options: ConvOptions = {}) {
    super(inChannels, outChannels, kernelSize, options);
    this.padding = options.padding ?? 0;
  }

  protected override weightRows(): Shape {
    return [this.outChannels, this.inChannels / this.groups];
  }

  protected override convolve(x: Tensor): Tensor {
    const { stride, padding, dilation, groups, bias } = this;
    return functions[this.spatialRank()](x, this.weight, { stride, padding, dilation, groups, bias });
  }
}

/** Convolution of [batch, channels, length], without the batch too; see `Conv2d`. */
export class Conv1d<In extends number = number, Out extends number = number> extends Conv<1, In, Out> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/**
 * Convolution of [batch, channels, height, width], without the batch too. Initialized as PyTorch does: uniform in ±1/√fanIn.
 * @param kernelSize one number or [height, width]
 * @param options stride, padding, dilation, groups, bias, generator
 * @throws {ShapeError} `conv2d: expected 3 channels for 1 groups, got [1, 4, 8, 8] and [16, 3, 5, 5]`
 * @example new Conv2d(1, 16, 5, { padding: 2 }).forward(zeros([32, 1, 28, 28])).shape // [32, 16, 28, 28]
 */
export class Conv2d<In extends number = number, Out extends number = number> extends Conv<2, In, Out> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** Convolution of [batch, channels, depth, height, width], without the batch too; see `Conv2d`. */
export class Conv3d<In extends number = number, Out extends number = number> extends Conv<3, In, Out> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

abstract class ConvTranspose<Rank extends 1 | 2 | 3, In extends number, Out extends number> extends Kernels<
  Rank,
  In,
  Out
> {
  readonly padding: PerAxis;
  readonly outputPadding: PerAxis;

  constructor(inChannels: In, outChannels: Out, kernelSize: PerAxis, options: ConvTransposeOptions = {}) {
    super(inChannels, outChannels, kernelSize, options);
    this.padding = options.padding ?? 0;
    this.outputPadding = options.outputPadding ?? 0;
  }

  protected override weightRows(): Shape {
    return [this.inChannels, this.outChannels / this.groups];
  }

  /** @param options.outputSize the extents to come to where the stride leaves several open, in place of `outputPadding` */
  override forward<S extends Shape>(
    x: Tensor<S> & Accepts<Convolved<S, Rank, In, Out>>,
    options?: { readonly outputSize?: PerAxis },
  ): Tensor<AsShape<Convolved<S, Rank, In, Out>>>;
  override forward(x: Tensor, options?: { readonly outputSize?: PerAxis }): Tensor {
    return this.convolve(x, options);
  }

  protected override convolve(x: Tensor, sizes: { readonly outputSize?: PerAxis } = {}): Tensor {
    const { stride, padding, outputPadding, dilation, groups, bias } = this;
    const options = { stride, padding, outputPadding, dilation, groups, bias, ...sizes };
    return transposed[this.spatialRank()](x, this.weight, options);
  }
}

/** Transposed convolution of [batch, channels, length], without the batch too; see `ConvTranspose2d`. */
export class ConvTranspose1d<In extends number = number, Out extends number = number> extends ConvTranspose<
  1,
  In,
  Out
> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/**
 * The transpose of a convolution (Zeiler et al., 2010), which makes larger what that made smaller: [batch, channels, height,
 * width], without the batch too. Initialized as PyTorch does.
 * @param kernelSize one number or [height, width]
 * @param options stride, padding, outputPadding, dilation, groups, bias, generator
 * @example new ConvTranspose2d(16, 8, 2, { stride: 2 }).forward(zeros([32, 16, 7, 7])).shape // [32, 8, 14, 14]
 */
export class ConvTranspose2d<In extends number = number, Out extends number = number> extends ConvTranspose<
  2,
  In,
  Out
> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** Transposed convolution of [batch, channels, depth, height, width], without the batch too; see `ConvTranspose2d`. */
export class ConvTranspose3d<In extends number = number, Out extends number = number> extends ConvTranspose<
  3,
  In,
  Out
> {
  protected override spatialRank(): 3 {
    return 3;
  }
}
