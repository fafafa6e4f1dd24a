// Numbers and tensors of mixed dtypes, made to fit one operation.
import { type DType, isFloat, promote } from "../base/dtype.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { scalarNode } from "../ops/source.ts";

export const castNode = (x: Node, dtype: DType): Node => (x.dtype === dtype ? x : builder.cast(x, dtype));

/** Ints and bools become float32; floats stay. */
export const toFloat = (x: Node): Node => (isFloat(x.dtype) ? x : castNode(x, "float32"));

/** A number joins a tensor's dtype, except a fraction that meets an int: then both are float32. */
export function numberDType(value: number, other: DType): DType {
  if (isFloat(other)) return other;
  if (!Number.isInteger(value)) return "float32";
  return other === "bool" ? "int32" : other;
}

/** Both operands in one dtype. */
export function alike(a: Node, b: Node | number): [Node, Node] {
  if (typeof b === "number") {
    const dtype = numberDType(b, a.dtype);
    return [castNode(a, dtype), scalarNode(b, dtype, a.device)];
  }
  if (a.dtype === b.dtype) return [a, b];
  const dtype = promote(a.dtype, b.dtype);
  return [castNode(a, dtype), castNode(b, dtype)];
}
