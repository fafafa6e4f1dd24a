// Short hands for kernels written by hand.
import type { DType } from "../base/dtype.ts";
import type { FoldOp, Instruction } from "../base/instruction.ts";
import { contiguousView, foldViews, type View, type ViewOp } from "../base/view.ts";
import type { Expr, Kernel, Plan, Slot, Stage, Store } from "../kernel/ir.ts";

export const literal = (value: number, dtype: DType = "float32"): Expr => ({ kind: "literal", dtype, value });
export const param = (index: number, dtype: DType = "float32"): Expr => ({ kind: "param", dtype, index });
export const load = (slot: number, view: View, dtype: DType = "float32"): Expr => ({ kind: "load", dtype, slot, view });
export const acc = (index: number, dtype: DType = "float32"): Expr => ({ kind: "acc", dtype, index });
export const index = (offset: number, coefficients: readonly number[]): Expr => ({
  kind: "index",
  dtype: "int32",
  offset,
  coefficients,
});

/** The result has the dtype of the last argument; a comparison's is bool. */
export function apply(op: Instruction, ...args: readonly Expr[]): Expr {
  const compares = op === "eq" || op === "ne" || op === "lt" || op === "le" || op === "not";
  return { kind: "apply", dtype: compares ? "bool" : (args.at(-1)?.dtype ?? "float32"), op, args };
}
export const cast = (x: Expr, dtype: DType): Expr => ({ kind: "apply", dtype, op: "cast", args: [x] });
export const check = (x: Expr, bound: number, number: number): Expr => ({
  kind: "apply",
  dtype: "int32",
  op: "check",
  args: [x, literal(bound, "int32")],
  check: number,
});

/** Element offset + Σ strides·i over the loops of `shape`. */
export const strided = (shape: readonly number[], strides: readonly number[], offset = 0): View => ({
  shape,
  offset,
  strides,
  guards: [],
});

/** A contiguous buffer of `shape` seen through view operations. */
export const seenThrough = (shape: readonly number[], ...chain: readonly ViewOp[]): View => {
  const { view, folded } = foldViews(shape, chain);
  if (folded !== chain.length) throw new Error(`expected one view, got a copy before operation ${folded}`);
  return view;
};

export const store = (slot: number, view: View, value: Expr): Store => ({ slot, dtype: value.dtype, view, value });
export const once = (slot: number, view: View, value: Expr): Stage => ({
  kind: "once",
  store: store(slot, view, value),
});
export const each = (slot: number, view: View, value: Expr): Stage => ({
  kind: "each",
  store: store(slot, view, value),
});
export const fold = (op: FoldOp, value: Expr): Stage => ({
  kind: "fold",
  op,
  dtype: op.startsWith("arg") ? "int32" : value.dtype,
  value,
});

/** A map over `dims` that writes each value to its slot, contiguously. */
export const mapTo = (
  dims: readonly number[],
  ...targets: readonly (readonly [slot: number, value: Expr])[]
): Kernel => ({
  form: "map",
  outer: dims,
  inner: [],
  stages: targets.map(([slot, value]) => once(slot, contiguousView(dims), value)),
});

export const input = (number: number, size: number, dtype: DType = "float32"): Slot => ({
  kind: "input",
  dtype,
  size,
  index: number,
});
export const output = (number: number, size: number, dtype: DType = "float32", alias = -1): Slot => ({
  kind: "output",
  dtype,
  size,
  index: number,
  alias,
});
export const scratch = (offsetBytes: number, size: number, dtype: DType = "float32"): Slot => ({
  kind: "scratch",
  dtype,
  size,
  offsetBytes,
});

/** A plan with its required fields filled in. */
export const planOf = (fields: Pick<Plan, "kernels" | "slots"> & Partial<Plan>): Plan => ({
  params: [],
  checks: [],
  scratchBytes: 0,
  commitFrom: fields.kernels.length,
  ...fields,
});
