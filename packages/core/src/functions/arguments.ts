// What public functions do with their arguments before they build nodes.
import type { DType } from "../base/dtype.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { scalarNode } from "../ops/source.ts";
import { alike, castNode, numberDType, toFloat } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Operand } from "./types.ts";

const describe = (x: unknown): string =>
  x === null || x === undefined
    ? `${x}`
    : Array.isArray(x)
      ? "an array"
      : typeof x === "object"
        ? "an object"
        : `${typeof x} ${String(x)}`;

/** The node behind a tensor argument. */
export function nodeOf(operation: string, x: Tensor): Node {
  if (x instanceof Tensor) return x.node;
  throw new ArgumentError(`${operation}: expected a tensor, got ${describe(x)}. Make one with tensor(…)`);
}

/** The node behind a tensor argument, integers and bools converted to float32. */
export const floatOf = (operation: string, x: Tensor): Node => toFloat(nodeOf(operation, x));

/** The nodes behind two operands, in one dtype. */
export function pairOf(operation: string, a: Operand, b: Operand): [Node, Node] {
  if (typeof b === "number") return alike(nodeOf(operation, a as Tensor), b);
  if (typeof a !== "number") return alike(nodeOf(operation, a), nodeOf(operation, b));
  const [right, left] = alike(nodeOf(operation, b), a);
  return [left, right];
}

/** As `pairOf`, integers and bools converted to float32. */
export function floatPairOf(operation: string, a: Operand, b: Operand): [Node, Node] {
  const [x, y] = pairOf(operation, a, b);
  return [toFloat(x), toFloat(y)];
}

/** An operand beside a node whose dtype it takes. */
export function likeNode(operation: string, x: Operand, like: Node): Node {
  if (typeof x === "number") return scalarNode(x, like.dtype, like.device);
  return castNode(nodeOf(operation, x), like.dtype);
}

/** A number of the user's beside a float node. */
export const scalarLike = (value: number, like: Node): Node => scalarNode(value, like.dtype, like.device);

/** Three operands, of which the last two share a dtype. */
export function branchesOf(operation: string, a: Operand, b: Operand, device: string): [Node, Node] {
  if (typeof a !== "number" || typeof b !== "number") return pairOf(operation, a, b);
  const dtype: DType = Number.isInteger(a) && Number.isInteger(b) ? numberDType(a, "float32") : "float32";
  return [scalarNode(a, dtype, device), scalarNode(b, dtype, device)];
}

/** A condition: bools as they are, numbers by x ≠ 0. */
export function truthOf(operation: string, x: Tensor): Node {
  const node = nodeOf(operation, x);
  return node.dtype === "bool" ? node : builder.ne(node, builder.num(0, node));
}

/** An index as int32. */
export function indexOf(operation: string, x: Tensor): Node {
  const node = nodeOf(operation, x);
  if (node.dtype === "int32") return node;
  if (node.dtype === "uint8") return builder.cast(node, "int32");
  throw new ArgumentError(`${operation}: expected an int32 index, got ${node.dtype}. Convert it with .to("int32")`);
}

/** Checked sizes of a shape that the caller wrote. */
export function checkShape(operation: string, shape: Shape): Shape {
  if (!Array.isArray(shape) || !shape.every((n) => Number.isInteger(n) && n >= 0))
    throw new ShapeError(
      `${operation}: expected sizes that are whole and not negative, got ${Array.isArray(shape) ? showShape(shape) : describe(shape)}`,
    );
  return shape;
}

/** A whole number of at least `least`. */
export function checkCount(operation: string, what: string, value: number, least = 0): number {
  if (!Number.isInteger(value) || value < least)
    throw new ArgumentError(`${operation}: expected a whole ${what} of at least ${least}, got ${value}`);
  return value;
}

export const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);
