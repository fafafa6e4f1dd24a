// From images to vectors and back.
import { flatten, type Shape, type Tensor } from "@cotangent/core";
import { Module } from "./module.ts";
import type { AsShape, Flattened, ShapeRule } from "./shape-rules.ts";

interface FlattenShapes<Start extends number, End extends number> extends ShapeRule {
  readonly output: Flattened<this["input"], Start, End>;
}

/**
 * Makes one axis of the axes `start` to `end`: by default of all but the first, [batch, …] → [batch, n].
 * @example new Flatten().forward(zeros([32, 8, 7, 7])).shape // [32, 392]
 */
export class Flatten<Start extends number = 1, End extends number = -1> extends Module {
  declare readonly shapeRule: FlattenShapes<Start, End>;
  readonly start: number;
  readonly end: number;

  constructor(options: { readonly start?: Start; readonly end?: End } = {}) {
    super();
    this.start = options.start ?? 1;
    this.end = options.end ?? -1;
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<AsShape<Flattened<S, Start, End>>>;
  override forward(x: Tensor): Tensor {
    return flatten(x, { start: this.start, end: this.end });
  }
}
