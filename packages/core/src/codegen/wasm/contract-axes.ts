// Loop axes of contractions: groups of axes, merging of neighbours, and rewriting of expressions over other axes.
import { remember } from "../../base/remember.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Guard, View } from "../../base/view.ts";
import type { ContractKernel, Expr, Store } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";

/** One axis of a walk through a buffer; the stride counts elements. */
export interface Axis {
  readonly size: number;
  readonly stride: number;
}

/** The axes of a group, outermost first: without those of size 1, neighbours merged where their strides line up. */
export function collapse(sizes: readonly number[], strides: readonly number[]): readonly Axis[] {
  const out: Axis[] = [];
  sizes.forEach((size, i) => {
    if (size === 1) return;
    const axis = { size, stride: strides[i] ?? 0 };
    const last = out.at(-1);
    if (last && last.stride === axis.stride * size)
      out[out.length - 1] = { size: last.size * size, stride: axis.stride };
    else out.push(axis);
  });
  return out;
}

/** Whether the lanes of a have even distances, so that tiles may read it where it lies. */
export const isEven = (lanes: readonly Axis[]): boolean => lanes.length <= 1 && (lanes[0]?.stride ?? 0) >= 0;

/** Whether the steps of each block have even distances. */
export const isEvenInBlocks = (k: readonly Axis[], kBlock: number): boolean =>
  k.length <= 1 || (k.at(-1)?.size ?? 0) % kBlock === 0;

/** Whether lanes lie side by side. */
export const isRun = (lanes: readonly Axis[]): boolean => lanes.length <= 1 && (lanes[0]?.stride ?? 1) === 1;

/** Whether steps lie side by side. */
export const isAlong = (k: readonly Axis[]): boolean => k.length <= 1 && k[0]?.stride === 1;

/** Neighbours merged where the strides of all columns line up. */
export function collapseTogether(
  sizes: readonly number[],
  columns: readonly (readonly number[])[],
): { sizes: number[]; columns: number[][] } {
  const kept: { size: number; strides: number[] }[] = [];
  sizes.forEach((size, i) => {
    if (size === 1) return;
    const strides = columns.map((column) => column[i] ?? 0);
    const last = kept.at(-1);
    if (last?.strides.every((stride, j) => stride === (strides[j] ?? 0) * size))
      kept[kept.length - 1] = { size: last.size * size, strides };
    else kept.push({ size, strides });
  });
  return {
    sizes: kept.map((axis) => axis.size),
    columns: columns.map((_, j) => kept.map((axis) => axis.strides[j] ?? 0)),
  };
}

/** Where each group of a contraction's axes begins, and how many indices it has. */
export interface Groups {
  readonly mStart: number;
  readonly nStart: number;
  readonly kStart: number;
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export function groupsOf(kernel: ContractKernel): Groups {
  const mStart = kernel.batch.length;
  const nStart = mStart + kernel.m.length;
  return {
    mStart,
    nStart,
    kStart: nStart + kernel.n.length,
    batch: sizeOf(kernel.batch),
    m: sizeOf(kernel.m),
    n: sizeOf(kernel.n),
    k: sizeOf(kernel.k),
  };
}

/** Expressions with new leaves; what was shared stays shared. */
export function rewrite(roots: readonly Expr[], leaf: (expr: Expr) => Expr): (root: Expr) => Expr {
  const made = new Map<Expr, Expr>();
  for (const expr of exprOrder(roots))
    made.set(
      expr,
      expr.kind === "apply" ? { ...expr, args: expr.args.map((arg) => made.get(arg) ?? arg) } : leaf(expr),
    );
  return (root) => made.get(root) ?? root;
}

/** Strides over other loops: for each list over the kernel's own axes, the one over the new axes. */
export type Rearrange = (strides: readonly number[]) => number[];

/** The same product over other loops, which `sizes` has as batch, m, n and k; `a` and `b` stay what they are. */
export function rearrange(
  kernel: ContractKernel,
  sizes: Pick<ContractKernel, "batch" | "m" | "n" | "k">,
  move: Rearrange,
): ContractKernel {
  const shape = [...sizes.batch, ...sizes.m, ...sizes.n, ...sizes.k];
  const moveGuard = (guard: Guard): Guard => ({ ...guard, coefficients: move(guard.coefficients) });
  const moveView = (view: View): View => ({
    ...view,
    shape,
    strides: move(view.strides),
    guards: view.guards.map(moveGuard),
  });
  const mapped = rewrite([kernel.a, kernel.b, ...kernel.stores.map((store) => store.value)], (expr) => {
    switch (expr.kind) {
      case "load":
        return { ...expr, view: moveView(expr.view) };
      case "index":
        return { ...expr, coefficients: move(expr.coefficients) };
      case "inside":
        return { ...expr, guards: expr.guards.map(moveGuard) };
      default:
        return expr;
    }
  });
  const moveStore = (store: Store): Store => ({ ...store, view: moveView(store.view), value: mapped(store.value) });
  return {
    ...kernel,
    ...sizes,
    a: mapped(kernel.a),
    b: mapped(kernel.b),
    stores: kernel.stores.map(moveStore),
  };
}

/** The same product with one of its axes as two, of which the second has `inner` indices. */
export function splitAxis(kernel: ContractKernel, axis: number, inner: number): ContractKernel {
  const { batch, m, n, k } = kernel;
  const { mStart, nStart, kStart } = groupsOf(kernel);
  const split = (sizes: readonly number[], from: number): readonly number[] =>
    sizes.flatMap((size, i) => (from + i === axis ? [size / inner, inner] : [size]));
  const sizes = { batch: split(batch, 0), m: split(m, mStart), n: split(n, nStart), k: split(k, kStart) };
  return rearrange(kernel, sizes, (list) =>
    list.flatMap((stride, i) => (i === axis ? [stride * inner, stride] : [stride])),
  );
}

/** The same product with a and b, m and n in each other's place. */
export const swapRoles: (kernel: ContractKernel) => ContractKernel = remember(makeSwapped);

function makeSwapped(kernel: ContractKernel): ContractKernel {
  const { batch, m, n, k } = kernel;
  const { mStart, nStart, kStart } = groupsOf(kernel);
  const swapped = rearrange(kernel, { batch, m: n, n: m, k }, (list) => [
    ...list.slice(0, mStart),
    ...list.slice(nStart, kStart),
    ...list.slice(mStart, nStart),
    ...list.slice(kStart),
  ]);
  return { ...swapped, a: swapped.b, b: swapped.a };
}
