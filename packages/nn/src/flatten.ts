// From images to vectors and back.
import { ArgumentError, flatten, type Shape, ShapeError, type Tensor } from "@cotangent/core";
import { showShape } from "./arguments.ts";
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

/**
 * Makes several axes of one: the inverse of `Flatten`.
 * @param axis the axis to split; negative counts from the end
 * @param sizes of the axes in its place; one may be −1 and follows from the others
 * @throws {ShapeError} `Unflatten: expected an axis 3 of shape [2, 8]. Its last one is 1`
 * @example new Unflatten(1, [8, 7, 7]).forward(zeros([32, 392])).shape // [32, 8, 7, 7]
 */
export class Unflatten extends Module {
  readonly axis: number;
  readonly sizes: Shape;

  constructor(axis: number, sizes: Shape) {
    super();
    if (sizes.filter((n) => n === -1).length > 1)
      throw new ArgumentError(`Unflatten: expected at most one size −1, got ${showShape(sizes)}`);
    this.axis = axis;
    this.sizes = sizes;
  }

  override forward(x: Tensor): Tensor {
    const axis = this.axis < 0 ? this.axis + x.rank : this.axis;
    const n = x.shape[axis];
    if (n === undefined)
      throw new ShapeError(
        `Unflatten: expected an axis ${this.axis} of shape ${showShape(x.shape)}. Its last one is ${x.rank - 1}`,
      );
    const known = this.sizes.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const sizes = this.sizes.map((size) => (size === -1 ? n / known : size));
    if (sizes.some((size) => !Number.isInteger(size)) || sizes.reduce((product, size) => product * size, 1) !== n)
      throw new ShapeError(`Unflatten: expected sizes of ${n} elements, got ${showShape(this.sizes)}`);
    return x.reshape([...x.shape.slice(0, axis), ...sizes, ...x.shape.slice(axis + 1)]);
  }

  override toString(): string {
    return `Unflatten(${this.axis}, ${showShape(this.sizes)})`;
  }
}
