// From one device to another: a copy of the values, as a leaf there.
import { type DType, dtypes, type TypedArray } from "../base/dtype.ts";
import { DeviceError, GraphError } from "../base/errors.ts";
import type { Node } from "../graph/node.ts";
import { leaf } from "../ops/source.ts";
import { deviceNamed, deviceNames } from "../runtime/devices.ts";
import { DeviceStorage } from "../runtime/storage.ts";

export const isDType = (name: string): name is DType => dtypes.some((dtype) => dtype === name);

/** Throws where there is no such device, and where a gradient would get lost on the way. */
export function checkMove({ requiresGrad, op }: Node, target: string): void {
  if (!deviceNames().includes(target))
    throw new DeviceError(`to: expected a dtype or one of ${deviceNames().join(", ")}, got ${JSON.stringify(target)}`);
  if (requiresGrad && op.kind !== "leaf")
    throw new GraphError(
      "to: expected a leaf or a detached tensor to move, got a result that carries a gradient. Move the inputs instead, or detach() it",
    );
}

/** A leaf on another device, like `x`, that holds `values`. */
export function leafOn(target: string, { shape, dtype, requiresGrad }: Node, values: TypedArray): Node {
  const owner = deviceNamed(target);
  const buffer = owner.allocate(values.byteLength);
  owner.write(buffer, values);
  return leaf(shape, dtype, target, new DeviceStorage(owner, buffer), requiresGrad);
}
