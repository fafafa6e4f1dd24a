// What records expect of their inputs: the shape and dtype rules that families share. They are called as methods of a record.
import { type DType, isFloat } from "../base/dtype.ts";
import { DTypeError, GraphError } from "../base/errors.ts";
import { broadcastShapes, type Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";

interface Named {
  readonly name: string;
}

/** An input that is there: records with a fixed number of inputs open their list with it. */
export function only<V>(x: V | undefined): V {
  if (x === undefined)
    throw new GraphError("expected an input, got none. A node that forgot its inputs cannot be used here");
  return x;
}

/** The shape that all inputs broadcast to. */
export function broadcast(this: Named, inputs: readonly Node[]): Shape {
  let shape = inputs[0]?.shape ?? [];
  for (let i = 1; i < inputs.length; i++) shape = broadcastShapes(this.name, shape, inputs[i]?.shape ?? shape);
  return shape;
}

/** The dtype of the inputs from position `from` on, which must be one. */
export function sharedDType(operation: string, inputs: readonly Node[], from = 0): DType {
  const dtype = inputs[from]?.dtype ?? "float32";
  for (let i = from + 1; i < inputs.length; i++) {
    const other = inputs[i]?.dtype ?? dtype;
    if (other !== dtype)
      throw new DTypeError(
        `${operation}: expected inputs of one dtype, got ${dtype} and ${other}. Convert one with cast`,
      );
  }
  return dtype;
}

/** Any one dtype. */
export function anything(this: Named, inputs: readonly Node[]): DType {
  return sharedDType(this.name, inputs);
}

/** One dtype, but not bool. */
export function numbers(this: Named, inputs: readonly Node[]): DType {
  const dtype = sharedDType(this.name, inputs);
  if (dtype === "bool")
    throw new DTypeError(`${this.name}: expected numbers, got bool. Convert it with cast("int32") or cast("float32")`);
  return dtype;
}

/** One floating-point dtype. */
export function floats(this: Named, inputs: readonly Node[]): DType {
  const dtype = sharedDType(this.name, inputs);
  if (!isFloat(dtype))
    throw new DTypeError(`${this.name}: expected float32 or float64, got ${dtype}. Convert it with cast("float32")`);
  return dtype;
}

/** int32 only. */
export function integers(this: Named, inputs: readonly Node[]): DType {
  const dtype = sharedDType(this.name, inputs);
  if (dtype !== "int32")
    throw new DTypeError(`${this.name}: expected int32, got ${dtype}. Convert it with cast("int32")`);
  return dtype;
}

/** int32, uint8 or bool. */
export function bits(this: Named, inputs: readonly Node[]): DType {
  const dtype = sharedDType(this.name, inputs);
  if (isFloat(dtype))
    throw new DTypeError(
      `${this.name}: expected bool, uint8 or int32, got ${dtype}. Convert it with cast, or compare it`,
    );
  return dtype;
}

/** bool only. */
export function truths(this: Named, inputs: readonly Node[]): DType {
  const dtype = sharedDType(this.name, inputs);
  if (dtype !== "bool")
    throw new DTypeError(`${this.name}: expected bool, got ${dtype}. Compare it, for example with ne(0)`);
  return dtype;
}

/** Inputs of one dtype, a bool out. */
export function comparison(this: Named, inputs: readonly Node[]): DType {
  sharedDType(this.name, inputs);
  return "bool";
}

/** The dtype that sums and products of `dtype` are kept in. */
export const accumulator = (dtype: DType): DType => (isFloat(dtype) ? dtype : "int32");
