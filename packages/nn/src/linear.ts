// Fully connected layers.
import { bilinear, linear, type Shape, type Tensor } from "@cotangent/core";
import { checkCounts, checkLastAxis } from "./arguments.ts";
import { defaultBias, defaultWeight, type InitOptions, uniform } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { Accepts, AsShape, LastAxis, SameShape, ShapeRule } from "./shape-rules.ts";

interface LinearShapes<In extends number, Out extends number> extends ShapeRule {
  readonly output: LastAxis<this["input"], "Linear", In, Out>;
}

/**
 * `x·weightᵀ + bias` over the last axis. Initialized as PyTorch does: uniform in ±1/√inFeatures.
 * @param inFeatures size of the input's last axis
 * @param outFeatures size of the output's last axis
 * @param options.bias whether to add a bias, true by default
 * @param options.generator what the first values are drawn from
 * @throws {ShapeError} `Linear: expected last axis 784, got shape [32, 100]`
 * @example new Linear(784, 10).forward(zeros([32, 784])).shape // [32, 10]
 */
export class Linear<In extends number = number, Out extends number = number> extends Module {
  declare readonly shapeRule: LinearShapes<In, Out>;
  readonly inFeatures: In;
  readonly outFeatures: Out;
  /** [outFeatures, inFeatures] */
  readonly weight: Parameter;
  /** [outFeatures] */
  readonly bias: Parameter | null;

  constructor(inFeatures: In, outFeatures: Out, options: InitOptions & { readonly bias?: boolean } = {}) {
    super();
    checkCounts("Linear", { inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const shape = [outFeatures, inFeatures];
    this.weight = new Parameter(defaultWeight(shape, options));
    this.bias = options.bias === false ? null : new Parameter(defaultBias(outFeatures, shape, options));
  }

  override forward<S extends Shape>(
    x: Tensor<S> & Accepts<LastAxis<S, "Linear", In, Out>>,
  ): Tensor<AsShape<LastAxis<S, "Linear", In, Out>>>;
  override forward(x: Tensor): Tensor {
    checkLastAxis("Linear", x.shape, this.inFeatures);
    return linear(x, this.weight, this.bias);
  }

  override toString(): string {
    return `Linear(${this.inFeatures}, ${this.outFeatures}${this.bias ? "" : ", { bias: false }"})`;
  }
}

/** What it is given, unchanged: for a place where a layer may be. */
export class Identity extends Module {
  declare readonly shapeRule: SameShape;
  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return x;
  }
}

/**
 * x1ᵀ·W·x2 + bias for each output. Initialized as PyTorch does: uniform in ±1/√in1Features.
 * @throws {ShapeError} `Bilinear: expected last axis 3, got shape [2, 5]`
 * @example new Bilinear(3, 4, 2).forward(zeros([8, 3]), zeros([8, 4])).shape // [8, 2]
 */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  /** [outFeatures, in1Features, in2Features] */
  readonly weight: Parameter;
  /** [outFeatures] */
  readonly bias: Parameter | null;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    options: InitOptions & { readonly bias?: boolean } = {},
  ) {
    super();
    checkCounts("Bilinear", { in1Features, in2Features, outFeatures });
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    const bound = 1 / Math.sqrt(in1Features);
    const draw = (shape: Shape): Parameter => new Parameter(uniform(shape, { ...options, low: -bound, high: bound }));
    this.weight = draw([outFeatures, in1Features, in2Features]);
    this.bias = options.bias === false ? null : draw([outFeatures]);
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    checkLastAxis("Bilinear", x1.shape, this.in1Features);
    checkLastAxis("Bilinear", x2.shape, this.in2Features);
    return bilinear(x1, x2, this.weight, this.bias);
  }

  override toString(): string {
    return `Bilinear(${this.in1Features}, ${this.in2Features}, ${this.outFeatures})`;
  }
}
