// Fully connected layers.
import { linear, type Shape, type Tensor } from "@cotangent/core";
import { checkCounts, checkLastAxis } from "./arguments.ts";
import { defaultBias, defaultWeight, type InitOptions } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { Accepts, AsShape, LastAxis, ShapeRule } from "./shape-rules.ts";

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
