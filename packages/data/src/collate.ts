// From a list of samples to one batch: every part of a sample gets a leading batch axis.
import { ArgumentError, ShapeError, stack, Tensor, type TypedArray, tensor } from "@cotangent/core";

/** The batch that {@link collate} makes of samples of type `T`. */
export type Collated<T> =
  T extends Tensor<infer S>
    ? Tensor<[number, ...S]>
    : T extends TypedArray
      ? Tensor<[number, number]>
      : T extends number | boolean
        ? Tensor<[number]>
        : T extends object
          ? { -readonly [K in keyof T]: Collated<T[K]> }
          : never;

/**
 * Stacks samples into a batch, part by part: tensors of equal shape, typed arrays of equal length (which keep their
 * element type), numbers (float32) and booleans (bool), in arrays and objects of any depth.
 * @throws {ArgumentError} for no samples, for parts of other types, and for samples of different structure
 * @throws {ShapeError} `collate: expected equal lengths, got 784 and 783 at image`
 * @example collate([{ x: Float32Array.of(1, 2), y: 0 }, { x: Float32Array.of(3, 4), y: 1 }]).x.shape // [2, 2]
 */
export function collate<T>(samples: readonly T[]): Collated<T>;
export function collate(samples: readonly unknown[]): unknown {
  return join(samples, "");
}

function join(parts: readonly unknown[], path: string): unknown {
  const first = parts[0];
  if (parts.length === 0) throw new ArgumentError("collate: expected at least one sample, got none");
  if (first instanceof Tensor) return stack(all(parts, isTensor, "tensors", path));
  if (isTypedArray(first)) return joinArrays(all(parts, isTypedArray, "typed arrays", path), path);
  if (typeof first === "number") return tensor(Float32Array.from(all(parts, isNumber, "numbers", path)));
  if (typeof first === "boolean") return tensor(all(parts, isBoolean, "booleans", path));
  if (Array.isArray(first)) {
    const rows = all(parts, isArray, "arrays", path);
    if (rows.some((row) => row.length !== first.length))
      throw new ArgumentError(`collate: expected arrays of ${first.length} parts${at(path)}, got other lengths too`);
    return first.map((_, i) => join(column(rows, i), `${path}[${i}]`));
  }
  if (isRecord(first)) {
    const records = all(parts, isRecord, "objects", path);
    const keys = Object.keys(first);
    for (const record of records)
      if (Object.keys(record).length !== keys.length || keys.some((key) => !Object.hasOwn(record, key)))
        throw new ArgumentError(`collate: expected the keys ${keys}${at(path)}, got ${Object.keys(record)}`);
    const below = path === "" ? "" : `${path}.`;
    return Object.fromEntries(keys.map((key) => [key, join(column(records, key), below + key)]));
  }
  throw new ArgumentError(
    `collate: expected tensors, typed arrays, numbers, booleans, or arrays and objects of them${at(path)}, got ${kindOf(first)}. Pass a collate function`,
  );
}

const column = <K extends PropertyKey, V>(rows: readonly { readonly [key in K]?: V }[], key: K): unknown[] =>
  rows.map((row) => row[key]);

function joinArrays(arrays: readonly TypedArray[], path: string): Tensor {
  const first = arrays[0] ?? new Float32Array();
  const size = first.length;
  const joined = emptyLike(first, size * arrays.length);
  arrays.forEach((array, i) => {
    if (array.length !== size)
      throw new ShapeError(`collate: expected equal lengths, got ${size} and ${array.length}${at(path)}`);
    if (array.constructor !== first.constructor)
      throw new ArgumentError(`collate: expected ${kindOf(first)}${at(path)}, got ${kindOf(array)} too`);
    joined.set(array, i * size);
  });
  return tensor(joined, { shape: [arrays.length, size] });
}

/** An array of the type of `array`, of `length` zeros. */
export function emptyLike(array: TypedArray, length: number): TypedArray {
  if (array instanceof Float32Array) return new Float32Array(length);
  if (array instanceof Float64Array) return new Float64Array(length);
  return array instanceof Int32Array ? new Int32Array(length) : new Uint8Array(length);
}

function all<T>(parts: readonly unknown[], is: (part: unknown) => part is T, kind: string, path: string): T[] {
  return parts.map((part) => {
    if (is(part)) return part;
    throw new ArgumentError(`collate: expected ${kind}${at(path)}, got ${kindOf(part)} too`);
  });
}

const at = (path: string): string => (path === "" ? "" : ` at ${path}`);

const kindOf = (value: unknown): string =>
  typeof value === "object" && value !== null ? (value.constructor?.name ?? "an object") : typeof value;

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;
const isNumber = (value: unknown): value is number => typeof value === "number";
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isArray = (value: unknown): value is unknown[] => Array.isArray(value);

const isTypedArray = (value: unknown): value is TypedArray =>
  value instanceof Float32Array ||
  value instanceof Float64Array ||
  value instanceof Int32Array ||
  value instanceof Uint8Array;

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
