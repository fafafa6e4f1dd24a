// Nodes from numbers and numbers from nodes, for tests below the tensor layer.
import { type DType, elementBytes, emptyArray } from "../base/dtype.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import { realize } from "../engine/engine.ts";
import type { Node } from "../graph/node.ts";
import { leaf } from "../ops/source.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { DeviceStorage } from "../runtime/storage.ts";

/** A leaf that holds `data`, row-major. */
export function nodeOf(
  shape: Shape,
  data: readonly number[],
  dtype: DType = "float64",
  { device = "reference", requiresGrad = false }: { device?: string; requiresGrad?: boolean } = {},
): Node {
  const owner = deviceNamed(device);
  const array = emptyArray(dtype, sizeOf(shape));
  array.set(data);
  const buffer = owner.allocate(array.length * elementBytes(dtype));
  owner.write(buffer, array);
  return leaf(shape, dtype, device, new DeviceStorage(owner, buffer), requiresGrad);
}

/** The values of a node, computed if need be. */
export function valuesOf(node: Node): number[] {
  realize([node]);
  if (!(node.storage instanceof DeviceStorage)) throw new Error(`${node.op.name} has no values`);
  return [...deviceNamed(node.device).read(node.storage.buffer, node.dtype, sizeOf(node.shape))];
}

/** Repeatable numbers in (−1, 1) that are neither special nor equal. */
export function samples(count: number, seed = 1): number[] {
  let state = (seed * 2654435761) >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
}
