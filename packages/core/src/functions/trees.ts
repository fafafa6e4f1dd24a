// Trees of tensors: what transforms take and return. Arrays and plain objects, nested; other values are left alone.
import { Tensor } from "../tensor/tensor.ts";

/** The same tree with tensors of any shape. */
export type Reshapen<T> = T extends Tensor ? Tensor : T extends object ? { [K in keyof T]: Reshapen<T[K]> } : T;

/** The same tree with tensors that are not the class of the given ones. */
export type Plain<T> = T extends Tensor<infer S> ? Tensor<S> : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

const isPlainObject = (x: unknown): x is Record<string, unknown> => {
  if (typeof x !== "object" || x === null) return false;
  const prototype: unknown = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
};

/** The tensors of a tree, depth first. */
export function tensorsOf(tree: unknown): Tensor[] {
  if (tree instanceof Tensor) return [tree];
  if (Array.isArray(tree)) return tree.flatMap(tensorsOf);
  return isPlainObject(tree) ? Object.values(tree).flatMap(tensorsOf) : [];
}

/** The tree with each tensor replaced, depth first. */
export function mapTensors(tree: unknown, replace: (x: Tensor) => unknown): unknown {
  if (tree instanceof Tensor) return replace(tree);
  if (Array.isArray(tree)) return tree.map((part) => mapTensors(part, replace));
  if (!isPlainObject(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, mapTensors(part, replace)]));
}
