// Tensors from data.
import { type DType, dtypes, elementBytes, emptyArray, isFloat, type TypedArray } from "../base/dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Fixed, Literal, LiteralCheck, LiteralShape, ShapeLike } from "../base/shape-types.ts";
import { leaf } from "../ops/source.ts";
import { defaultDevice, deviceNamed } from "../runtime/devices.ts";
import { DeviceStorage } from "../runtime/storage.ts";
import { flatten, type Nested } from "./nested.ts";
import { Tensor } from "./tensor.ts";

export interface TensorOptions<S extends Shape = Shape> {
  /** Shape of flat data; nested arrays carry their own. */
  readonly shape?: S;
  /** float32 for numbers, bool for booleans, a typed array's own type, unless told otherwise. */
  readonly dtype?: DType;
  readonly requiresGrad?: boolean;
  readonly device?: string;
}

/** The shape of data as it is written. */
type DataShape<T> = T extends TypedArray ? [number] : LiteralShape<T>;

/**
 * A tensor that holds a copy of `data`.
 * @param data a number, a boolean, nested arrays of them with rows of equal length, or a typed array. Sizes that are
 *   written down are part of the type; the compiler cannot do that for more than 10,000 numbers in a row: say `number[]` there
 * @param options shape (for flat data), dtype, device, requiresGrad
 * @throws {ShapeError} `tensor: expected 4 values for shape [2, 2], got 3`
 * @throws {DTypeError} `tensor: expected a float dtype with requiresGrad, got int32`
 * @example tensor([[1, 2, 3], [4, 5, 6]]).shape // [2, 3]
 * @example (await tensor(new Float32Array([1, 2, 3, 4]), { shape: [2, 2] }).toArray()) // [[1, 2], [3, 4]]
 */
export function tensor<const T extends Nested | TypedArray, const S extends ShapeLike = DataShape<T>>(
  data: T & LiteralCheck<T>,
  options?: TensorOptions<S>,
): Tensor<Literal<Fixed<S>>>;
export function tensor(data: Nested | TypedArray, options: TensorOptions = {}): Tensor {
  const { values, shape: given, dtype: natural } = ArrayBuffer.isView(data) ? typed(data) : plain(data);
  const shape = options.shape ?? given;
  const dtype = options.dtype ?? natural;
  if (!dtypes.includes(dtype))
    throw new DTypeError(`tensor: expected a dtype of ${dtypes.join(", ")}, got ${String(dtype)}`);
  if (!shape.every((n) => Number.isInteger(n) && n >= 0))
    throw new ShapeError(`tensor: expected sizes that are whole and not negative, got ${showShape(shape)}`);
  if (sizeOf(shape) !== values.length)
    throw new ShapeError(
      `tensor: expected ${sizeOf(shape)} values for shape ${showShape(shape)}, got ${values.length}`,
    );
  if (options.requiresGrad && !isFloat(dtype))
    throw new DTypeError(`tensor: expected a float dtype with requiresGrad, got ${dtype}`);
  const device = options.device === undefined ? defaultDevice() : deviceNamed(options.device);
  const buffer = device.allocate(values.length * elementBytes(dtype));
  device.write(buffer, dtype === natural && ArrayBuffer.isView(values) ? values : convert(values, dtype));
  return new Tensor(leaf(shape, dtype, device.name, new DeviceStorage(device, buffer), options.requiresGrad ?? false));
}

interface Flat {
  readonly values: TypedArray | readonly (number | boolean)[];
  readonly shape: Shape;
  readonly dtype: DType;
}

function typed(data: TypedArray): Flat {
  const shape = [data.length];
  if (data instanceof Float32Array) return { values: data, shape, dtype: "float32" };
  if (data instanceof Float64Array) return { values: data, shape, dtype: "float64" };
  if (data instanceof Int32Array) return { values: data, shape, dtype: "int32" };
  if (data instanceof Uint8Array) return { values: data, shape, dtype: "uint8" };
  throw new ArgumentError(
    "tensor: expected numbers, nested arrays, or a Float32Array, Float64Array, Int32Array or Uint8Array",
  );
}

function plain(data: Nested): Flat {
  const { shape, values } = flatten(data);
  const bools = values.length > 0 && values.every((value) => typeof value === "boolean");
  return { values, shape, dtype: bools ? "bool" : "float32" };
}

function convert(values: Flat["values"], dtype: DType): TypedArray {
  const out = emptyArray(dtype, values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    out[i] = dtype === "bool" ? (value === 0 ? 0 : 1) : value;
  }
  return out;
}
