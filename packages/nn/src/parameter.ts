// Tensors that a model learns.
import { type Shape, Tensor } from "@cotangent/core";

/**
 * A tensor that a module's `parameters()` lists, with or without `requiresGrad`: a frozen parameter remains one.
 * @example
 * class Scale extends Module {
 *   readonly factor = new Parameter(tensor([2]));
 *   override forward(x: Tensor): Tensor {
 *     return x.mul(this.factor);
 *   }
 * }
 * new Scale().namedParameters().map(([name]) => name) // ["factor"]
 */
export class Parameter<S extends Shape = Shape> extends Tensor<S> {
  /** @param value the first value, which is copied */
  constructor(value: Tensor<S>, { requiresGrad = true }: { readonly requiresGrad?: boolean } = {}) {
    super(value.detach().node);
    this.requiresGrad_(requiresGrad);
  }
}

/** Whether a tensor is learned; a module's other tensors are its buffers. */
export const isParameter = (x: Tensor): boolean => x instanceof Parameter || x.requiresGrad;
