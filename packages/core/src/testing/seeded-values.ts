// Repeatable values for tests, independent of the generator that they test.
import { type DType, emptyArray, type TypedArray } from "../base/dtype.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface SeededOptions {
  readonly seed?: number;
  /** The values lie in [low, high); −1 and 1 by default, 0 and 10 for integers. bools are even odds. */
  readonly low?: number;
  readonly high?: number;
  readonly dtype?: DType;
  readonly device?: string;
  readonly requiresGrad?: boolean;
}

/** 32 well-mixed bits for each counter (the finalizer of MurmurHash3, Austin Appleby, 2011). */
function mix(seed: number, counter: number): number {
  let h = (Math.imul(seed, 0x9e3779b1) + Math.imul(counter + 1, 0x85ebca77)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** As `seededValues`, without a tensor around the values. */
export function seededArray(count: number, options: SeededOptions = {}): TypedArray {
  const { seed = 1, dtype = "float32" } = options;
  const values = emptyArray(dtype, count);
  const isInteger = dtype === "int32" || dtype === "uint8";
  const low = dtype === "bool" ? 0 : (options.low ?? (isInteger ? 0 : -1));
  const high = dtype === "bool" ? 2 : (options.high ?? (isInteger ? 10 : 1));
  for (let i = 0; i < count; i++) {
    const x = low + (mix(seed, i) / 2 ** 32) * (high - low);
    values[i] = isInteger || dtype === "bool" ? Math.floor(x) : x;
  }
  return values;
}

/**
 * A tensor of values that look random and follow from the seed alone, the same on every device and in every version.
 * @example (await seededValues([2], { seed: 7, low: 1, high: 6, dtype: "int32" }).toArray()) // [5, 1]
 */
export function seededValues<const S extends Shape>(shape: S, options: SeededOptions = {}): Tensor<S> {
  const { dtype = "float32", device, requiresGrad } = options;
  return tensor(seededArray(sizeOf(shape), options), {
    shape,
    dtype,
    ...(device !== undefined && { device }),
    ...(requiresGrad !== undefined && { requiresGrad }),
  }) as Tensor<S>;
}
