// The values of computed nodes, wherever they are.
import { emptyArray, type TypedArray } from "../base/dtype.ts";
import { DeviceError, GraphError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { missing } from "../graph/gone.ts";
import type { Node } from "../graph/node.ts";
import type { Buffer } from "../runtime/device.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { NumberStorage } from "../runtime/number-storage.ts";
import { DeviceStorage } from "../runtime/storage.ts";

/** The storage that kernels read a node's values from. */
export function storageOf(node: Node): DeviceStorage {
  const { storage } = node;
  if (storage?.isReleased) throw missing("realize", node);
  if (storage instanceof DeviceStorage) return storage;
  if (storage instanceof NumberStorage) {
    const placed = storage.placed(deviceNamed(node.device));
    node.storage = placed;
    return placed;
  }
  throw new DeviceError(`realize: expected a storage of device ${node.device}`);
}

export const bufferOf = (node: Node): Buffer => storageOf(node).buffer;

/** A copy of the values of a computed node. */
export function valuesOf(node: Node): TypedArray {
  const { storage, dtype, shape, device } = node;
  if (storage === null) throw new GraphError("data: the value could not be computed");
  if (storage.isReleased) throw missing("data", node);
  if (storage instanceof DeviceStorage) return deviceNamed(device).read(storage.buffer, dtype, sizeOf(shape));
  if (!(storage instanceof NumberStorage)) throw new GraphError("data: the value could not be computed");
  const values = emptyArray(dtype, 1);
  values[0] = storage.value;
  return values;
}
