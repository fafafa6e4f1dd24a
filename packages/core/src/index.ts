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
export type { ShapeMismatch } from "./base/shape-types.ts";
export { type EngineStatistics, engineStatistics } from "./engine/engine.ts";
export * from "./functions/activation.ts";
export * from "./functions/arithmetic.ts";
export * from "./functions/check-index.ts";
export * from "./functions/compare.ts";
export {
  arange,
  type CreateOptions,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from "./functions/create.ts";
export * from "./functions/evaluate.ts";
export * from "./functions/exponential.ts";
export * from "./functions/random.ts";
export {
  type AxisOptions,
  all,
  any,
  argmax,
  argmin,
  countNonzero,
  logsumexp,
  type MomentOptions,
  max,
  mean,
  min,
  type NormOptions,
  norm,
  normalize,
  prod,
  std,
  sum,
  variance,
} from "./functions/reduce.ts";
export * from "./functions/select.ts";
export { logSoftmax, softmax, softmin } from "./functions/softmax.ts";
export type { Operand } from "./functions/types.ts";
export { loadSafetensors, saveSafetensors } from "./io/safetensors.ts";
export { deviceNames, registerDevice, setDefaultDevice } from "./runtime/devices.ts";
export { type TensorOptions, tensor } from "./tensor/create.ts";
export { type ReduceOptions, Tensor } from "./tensor/tensor.ts";
export { type Update, update } from "./tensor/update.ts";
