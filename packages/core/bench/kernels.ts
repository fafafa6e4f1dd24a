// The formulas and products that the scripts of this folder time.
import type { ContractKernel, Expr, Store } from "../src/kernel/ir.ts";

export type Load = Expr & { readonly kind: "load" };

export const load = (slot: number, shape: readonly number[], strides: readonly number[]): Load => ({
  kind: "load",
  dtype: "float32",
  slot,
  view: { shape, offset: 0, strides, guards: [] },
});
export const apply = (op: "add" | "sub" | "mul" | "div" | "sqrt" | "max" | "erf", ...args: Expr[]): Expr => ({
  kind: "apply",
  op,
  dtype: "float32",
  args,
});
export const number = (value: number): Expr => ({ kind: "literal", dtype: "float32", value });
export const result: Expr = { kind: "acc", dtype: "float32", index: 0 };
export const store = (slot: number, { view }: Load, value: Expr): Store => ({ slot, dtype: "float32", view, value });

/** T: stored the other way round. */
export type Layout = "N" | "T";
export type Finish = (dims: readonly number[], rows: Load) => readonly Store[];

const plain: Finish = (_, rows) => [store(2, rows, result)];

export const product = (
  [m, n, k]: readonly [number, number, number],
  [a, b]: readonly [Layout, Layout] = ["N", "N"],
  finish: Finish = plain,
): ContractKernel => {
  const dims = [m, n, k];
  return {
    form: "contract",
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    dtype: "float32",
    a: load(0, dims, a === "N" ? [k, 0, 1] : [1, 0, m]),
    b: load(1, dims, b === "N" ? [0, 1, n] : [0, k, 1]),
    stores: finish(dims, load(2, dims, [n, 1, 0])),
  };
};
