// Layers one after the other.
import type { Shape, Tensor } from "@cotangent/core";
import { type Member, Module } from "./module.ts";
import type { Accepts, AsShape, Fitting, ShapeRule, Through } from "./shape-rules.ts";

/** A module from one tensor to one tensor. */
export type Layer = Module & { forward(x: never): Tensor };

interface SequentialShapes<Layers extends readonly Layer[]> extends ShapeRule {
  readonly output: Through<Layers, this["input"]>;
}

/**
 * Layers one after the other. Where their sizes are literal, two neighbours that do not fit are a compile error that
 * names both sizes. Names in the state dict are `0.weight`, `1.bias`, …
 * @example
 * const model = new Sequential(new Linear(784, 256), new ReLU(), new Linear(256, 10));
 * model.forward(zeros([32, 784])).shape // [32, 10]
 */
export class Sequential<const Layers extends readonly Layer[] = readonly Layer[]> extends Module {
  declare readonly shapeRule: SequentialShapes<Layers>;
  readonly layers: Layers;

  constructor(...layers: Layers & Fitting<Layers>) {
    super();
    this.layers = layers;
  }

  override forward<S extends Shape>(x: Tensor<S> & Accepts<Through<Layers, S>>): Tensor<AsShape<Through<Layers, S>>>;
  override forward(x: Tensor): Tensor {
    const layers: readonly { forward(x: Tensor): Tensor }[] = this.layers;
    return layers.reduce((y, layer) => layer.forward(y), x);
  }

  protected override members(): Iterable<readonly [string, Member]> {
    return this.layers.map((layer, i) => [`${i}`, layer] as const);
  }
}
