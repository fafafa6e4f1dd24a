// The public face of @cotangent/core.
export type { DType, TypedArray } from "./base/dtype.ts";
export {
  ArgumentError,
  AxisError,
  CotangentError,
  DeviceError,
  DTypeError,
  GraphError,
  IndexError,
  ShapeError,
} from "./base/errors.ts";
export type { Shape } from "./base/shape.ts";
export { type EngineStatistics, engineStatistics } from "./engine/engine.ts";
export { loadSafetensors, saveSafetensors } from "./io/safetensors.ts";
export { deviceNames, registerDevice, setDefaultDevice } from "./runtime/devices.ts";
export { type TensorOptions, tensor } from "./tensor/create.ts";
export { type ReduceOptions, Tensor } from "./tensor/tensor.ts";
export { type Update, update } from "./tensor/update.ts";
