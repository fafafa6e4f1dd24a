// Tensors of a given shape: constants, sequences and their like. They are computed where they are used, and cost no memory before.
import { type DType, dtypes, isFloat } from "../base/dtype.ts";
import { ArgumentError, DTypeError } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Literal, ShapeLike } from "../base/shape-types.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { constantNode, iotaNode, scalarNode } from "../ops/source.ts";
import { defaultDevice, deviceNamed } from "../runtime/devices.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, checkShape, nodeOf } from "./arguments.ts";

/** What functions that make tensors take besides the shape. */
export interface CreateOptions {
  /** float32 by default. */
  readonly dtype?: DType;
  /** The default device, unless told otherwise. */
  readonly device?: string;
  /** Makes a leaf that collects gradients. */
  readonly requiresGrad?: boolean;
}

export interface Placement {
  readonly dtype: DType;
  readonly device: string;
}

/** Checked dtype and device. */
export function placementOf(operation: string, options: CreateOptions, natural: DType = "float32"): Placement {
  const { dtype = natural } = options;
  if (!dtypes.includes(dtype))
    throw new DTypeError(`${operation}: expected a dtype of ${dtypes.join(", ")}, got ${String(dtype)}`);
  if (options.requiresGrad === true && !isFloat(dtype))
    throw new DTypeError(`${operation}: expected a float dtype with requiresGrad, got ${dtype}`);
  const device = options.device === undefined ? defaultDevice() : deviceNamed(options.device);
  return { dtype, device: device.name };
}

/** A new tensor, computed at once where it is to collect gradients. */
export function created<S extends Shape>(node: Node, options: CreateOptions): Tensor<S> {
  const made = new Tensor<S>(node);
  return options.requiresGrad === true ? made.requiresGrad_() : made;
}

function constant<S extends Shape>(operation: string, shape: Shape, value: number, options: CreateOptions): Tensor<S> {
  const { dtype, device } = placementOf(operation, options);
  return created(builder.expand(constantNode(value, dtype, device), checkShape(operation, shape)), options);
}

/**
 * Zeros.
 * @param shape sizes, `[]` for a scalar
 * @param options dtype (float32 by default), device, requiresGrad
 * @throws {ShapeError} `zeros: expected sizes that are whole and not negative, got [2, -1]`
 * @example (await zeros([2, 2]).toArray()) // [[0, 0], [0, 0]]
 */
export function zeros<const S extends ShapeLike>(shape: S, options: CreateOptions = {}): Tensor<Literal<S>> {
  return constant("zeros", shape, 0, options);
}

/**
 * Ones.
 * @param shape sizes, `[]` for a scalar
 * @param options dtype (float32 by default), device, requiresGrad
 * @example (await ones([3]).toArray()) // [1, 1, 1]
 */
export function ones<const S extends ShapeLike>(shape: S, options: CreateOptions = {}): Tensor<Literal<S>> {
  return constant("ones", shape, 1, options);
}

/**
 * The same value everywhere.
 * @param shape sizes, `[]` for a scalar
 * @param options dtype (float32 by default), device, requiresGrad
 * @example (await full([2], 7).toArray()) // [7, 7]
 */
export function full<const S extends ShapeLike>(
  shape: S,
  value: number,
  options: CreateOptions = {},
): Tensor<Literal<S>> {
  const { dtype, device } = placementOf("full", options);
  return created(builder.expand(scalarNode(value, dtype, device), checkShape("full", shape)), options);
}

const like = (node: Node, options: CreateOptions): CreateOptions => ({
  dtype: node.dtype,
  device: node.device,
  ...options,
});

/**
 * Zeros of the shape, dtype and device of x.
 * @example (await zerosLike(tensor([1, 2])).toArray()) // [0, 0]
 */
export function zerosLike<S extends Shape>(x: Tensor<S>, options: CreateOptions = {}): Tensor<S> {
  const node = nodeOf("zerosLike", x);
  return constant("zerosLike", node.shape, 0, like(node, options));
}

/**
 * Ones of the shape, dtype and device of x.
 * @example (await onesLike(tensor([5, 6])).toArray()) // [1, 1]
 */
export function onesLike<S extends Shape>(x: Tensor<S>, options: CreateOptions = {}): Tensor<S> {
  const node = nodeOf("onesLike", x);
  return constant("onesLike", node.shape, 1, like(node, options));
}

/**
 * The same value everywhere, in the shape, dtype and device of x.
 * @example (await fullLike(tensor([5, 6]), 3).toArray()) // [3, 3]
 */
export function fullLike<S extends Shape>(x: Tensor<S>, value: number, options: CreateOptions = {}): Tensor<S> {
  const node = nodeOf("fullLike", x);
  const { dtype, device } = placementOf("fullLike", like(node, options));
  return created(builder.expand(scalarNode(value, dtype, device), node.shape), options);
}

/**
 * Numbers from `start` up to but not including `stop`; with one number, from 0 up to it.
 * @param step 1 by default; may be negative
 * @param options dtype (float32 by default), device
 * @returns `[⌈(stop − start) / step⌉]`
 * @throws {ArgumentError} `arange: expected a step other than 0, got 0`
 * @example (await arange(1, 4).toArray()) // [1, 2, 3]
 */
export function arange(stop: number, options?: CreateOptions): Tensor<[number]>;
export function arange(start: number, stop: number, options?: CreateOptions): Tensor<[number]>;
export function arange(start: number, stop: number, step: number, options?: CreateOptions): Tensor<[number]>;
export function arange(...args: readonly (number | CreateOptions | undefined)[]): Tensor<[number]> {
  const numbers = args.filter((x) => typeof x === "number");
  const options = args.find((x) => typeof x === "object") ?? {};
  const [first = 0, second, step = 1] = numbers;
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (![start, stop, step].every(Number.isFinite) || step === 0)
    throw new ArgumentError(
      step === 0
        ? "arange: expected a step other than 0, got 0"
        : `arange: expected finite numbers, got ${[start, stop, step].join(", ")}`,
    );
  const placement = placementOf("arange", options);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  return created(sequence(placement, count, start, step), options);
}

/** start + i·step for i < n. */
function sequence({ dtype, device }: Placement, n: number, start: number, step: number): Node {
  const carrier =
    dtype === "float64" ? "float64" : Number.isInteger(start) && Number.isInteger(step) ? "int32" : "float32";
  const index = builder.cast(iotaNode(n, device), carrier);
  const scaled = step === 1 ? index : builder.mul(index, scalarNode(step, carrier, device));
  const moved = start === 0 ? scaled : builder.add(scaled, scalarNode(start, carrier, device));
  return builder.cast(moved, dtype);
}

/**
 * `count` numbers in equal steps from `start` to `stop`, both included.
 * @param options dtype (float32 by default), device
 * @throws {ArgumentError} `linspace: expected a whole count of at least 0, got 2.5`
 * @example (await linspace(0, 1, 5).toArray()) // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace<const N extends number>(
  start: number,
  stop: number,
  count: N,
  options: CreateOptions = {},
): Tensor<[N]> {
  checkCount("linspace", "count", count);
  const { dtype, device } = placementOf("linspace", options);
  const carrier = dtype === "float64" ? "float64" : "float32";
  const step = count > 1 ? (stop - start) / (count - 1) : 0;
  const index = iotaNode(count, device);
  const from = (end: number, sign: number, i: Node): Node =>
    builder.add(
      scalarNode(end, carrier, device),
      builder.mul(builder.cast(i, carrier), scalarNode(sign * step, carrier, device)),
    );
  // Each half counts from its own end, so that both ends are exact.
  const rest = builder.sub(builder.num(count - 1, index), index);
  const isFirstHalf = builder.lt(index, builder.num(Math.ceil(count / 2), index));
  const values = builder.select(isFirstHalf, from(start, 1, index), from(stop, -1, rest));
  return created(builder.cast(values, dtype), options);
}

/**
 * Ones on the diagonal, zeros elsewhere.
 * @param rows number of rows
 * @param columns number of columns, as many as rows by default
 * @param options dtype (float32 by default), device
 * @example (await eye(2).toArray()) // [[1, 0], [0, 1]]
 */
export function eye<const N extends number>(rows: N): Tensor<[N, N]>;
export function eye<const N extends number, const M extends number>(
  rows: N,
  columns: M,
  options?: CreateOptions,
): Tensor<[N, M]>;
export function eye(rows: number, columns: number = rows, options: CreateOptions = {}): Tensor<[number, number]> {
  checkCount("eye", "number of rows", rows);
  checkCount("eye", "number of columns", columns);
  const { dtype, device } = placementOf("eye", options);
  const row = builder.reshape(iotaNode(rows, device), [rows, 1]);
  return created(builder.cast(builder.eq(row, iotaNode(columns, device)), dtype), options);
}
