// A module as a function of its tensors.
import { ArgumentError, ShapeError, standingFor, type Tensor } from "@cotangent/core";
import type { Module } from "./module.ts";
import type { StateDict } from "./state.ts";

/**
 * What `model.forward(...inputs)` gives with other tensors in place of some of its own, which it keeps: as
 * `torch.func.functional_call`. For gradients `grad` takes modules themselves; this is for several sets of parameters of
 * one model, under `vmap` for example.
 * @param tensors by the names of the state dict; those that are left out stay the model's own. Buffers among them, such as
 * running statistics, are what the call updates; the model's stay as they were
 * @throws {ArgumentError} `functionalCall: expected names of the model's state dict, got wieght`
 * @throws {GraphError} `functionalCall: expected a function that assigns to none of its arguments`, where it assigns to a parameter
 * @throws {GraphError} `functionalCall: expected another tensor for each that is assigned to, got one of shape [2] for several`
 * @throws {ShapeError} `functionalCall: expected weight of shape [2, 3], got [3, 2]`
 * @example
 * const params = { weight: zeros([2, 3]), bias: ones([2]) };
 * (await functionalCall(new Linear(3, 2), params, ones([1, 3])).toArray()) // [[1, 1]]
 */
export function functionalCall<M extends Module>(
  model: M,
  tensors: StateDict,
  ...inputs: Parameters<M["forward"]>
): ReturnType<M["forward"]> {
  const own = model.stateDict();
  const pairs = Object.entries(tensors).map(([name, other]): [Tensor, Tensor] => {
    const tensor = own[name];
    if (!tensor) throw new ArgumentError(`functionalCall: expected names of the model's state dict, got ${name}`);
    if (`${tensor.shape}` !== `${other.shape}`)
      throw new ShapeError(
        `functionalCall: expected ${name} of shape [${tensor.shape.join(", ")}], got [${other.shape.join(", ")}]`,
      );
    return [tensor, other];
  });
  return standingFor(pairs, () => model.forward(...inputs) as ReturnType<M["forward"]>, "functionalCall");
}
