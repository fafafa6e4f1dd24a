// From losses of single elements to one number.
import { ArgumentError, type Shape, ShapeError, type Tensor } from "@cotangent/core";
import { showShape } from "./arguments.ts";

/** How losses come together: their mean, their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

export interface ReductionOptions {
  /** "mean" by default. */
  readonly reduction?: Reduction;
}

/** Throws where the mean would be that of nothing: NaN, which would spread through all parameters. */
export function checkNotEmpty(loss: string, shape: Shape, reduction: string): void {
  if (reduction === "mean" && shape.includes(0))
    throw new ArgumentError(
      `${loss}: expected at least one element to take the mean of, got shape ${showShape(shape)}. Skip empty batches`,
    );
}

/** Throws unless both shapes are the same: broadcasting here hides mistakes. */
export function checkSameShape(loss: string, input: Shape, target: Shape): void {
  if (input.length !== target.length || input.some((n, i) => n !== target[i]))
    throw new ShapeError(`${loss}: expected a target of shape ${showShape(input)}, got ${showShape(target)}`);
}

export function reduceLoss(loss: string, losses: Tensor, reduction: Reduction = "mean"): Tensor {
  checkNotEmpty(loss, losses.shape, reduction);
  switch (reduction) {
    case "mean":
      return losses.mean();
    case "sum":
      return losses.sum();
    case "none":
      return losses;
    default:
      throw new ArgumentError(`${loss}: expected a reduction of mean, sum or none, got ${String(reduction)}`);
  }
}
