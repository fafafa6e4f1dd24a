// Convolutions.
import { ArgumentError, type ConvPadding, conv1d, conv2d, conv3d, type Shape, type Tensor } from "@cotangent/core";
import { checkCounts } from "./arguments.ts";
import { defaultBias, defaultWeight, type InitOptions } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { Accepts, AsShape, Convolved, ShapeRule } from "./shape-rules.ts";

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[];

export interface ConvOptions extends InitOptions {
  /** 1 by default. */
  readonly stride?: PerAxis;
  /** Zeros on both sides, 0 by default; "same" keeps the extents at stride 1. */
  readonly padding?: ConvPadding;
  /** The distance of neighbouring taps, 1 by default. */
  readonly dilation?: PerAxis;
  /** Channels are split into so many groups that don't see each other, 1 by default. */
  readonly groups?: number;
  /** Whether to add a bias, true by default. */
  readonly bias?: boolean;
}

interface ConvShapes<Rank extends number, In extends number, Out extends number> extends ShapeRule {
  readonly output: Convolved<this["input"], Rank, In, Out>;
}

const functions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;

/** What convolutions of all ranks have in common. */
abstract class Conv<Rank extends 1 | 2 | 3, In extends number, Out extends number> extends Module {
  declare readonly shapeRule: ConvShapes<Rank, In, Out>;
  readonly inChannels: In;
  readonly outChannels: Out;
  /** [outChannels, inChannels / groups, ...kernel] */
  readonly weight: Parameter;
  /** [outChannels] */
  readonly bias: Parameter | null;
  readonly stride: PerAxis;
  readonly padding: ConvPadding;
  readonly dilation: PerAxis;
  readonly groups: number;

  constructor(inChannels: In, outChannels: Out, kernelSize: PerAxis, options: ConvOptions = {}) {
    super();
    const { name } = this.constructor;
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
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
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
    const shape = [outChannels, inChannels / groups, ...kernel];
    this.weight = new Parameter(defaultWeight(shape, options));
    this.bias = bias ? new Parameter(defaultBias(outChannels, shape, options)) : null;
  }

  protected abstract spatialRank(): Rank;

  override forward<S extends Shape>(
    x: Tensor<S> & Accepts<Convolved<S, Rank, In, Out>>,
  ): Tensor<AsShape<Convolved<S, Rank, In, Out>>>;
  override forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups, bias } = this;
    return functions[this.spatialRank()](x, this.weight, { stride, padding, dilation, groups, bias });
  }

  override toString(): string {
    const kernel = this.weight.shape.slice(2).join(", ");
    return `${this.constructor.name}(${this.inChannels}, ${this.outChannels}, [${kernel}])`;
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
