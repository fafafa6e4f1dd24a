// Which slots a kernel reads and writes, and what it may write over what it reads.
import { remember } from "../base/remember.ts";
import type { Expr, Kernel, Stage, Store } from "../kernel/ir.ts";
import { exprOrder, kernelRoots, kernelStores } from "../kernel/walk.ts";

export type Load = Expr & { readonly kind: "load" };

export const loadsIn = (roots: readonly Expr[]): Load[] =>
  exprOrder(roots).filter((expr): expr is Load => expr.kind === "load");

export const loadsOf = (kernel: Kernel): Load[] => (kernel.form === "routine" ? [] : loadsIn(kernelRoots(kernel)));

/** Several passes ask, and the expressions of a kernel do not change. */
export const slotsRead: (kernel: Kernel) => ReadonlySet<number> = remember(
  (kernel: Kernel) => new Set((kernel.form === "routine" ? kernel.inputs : loadsOf(kernel)).map(({ slot }) => slot)),
);

export const slotsWritten = (kernel: Kernel): number[] =>
  kernel.form === "routine" ? [kernel.output.slot] : kernelStores(kernel).map((store) => store.slot);

const valueIn = (stage: Stage): Expr => (stage.kind === "fold" ? stage.value : stage.store.value);

/**
 * Whether `slot` may have the buffer of slot `read`: the kernel reads each of its cells in the iteration that writes the same cell,
 * and in none that comes later.
 */
export function writesInPlace(kernel: Kernel, slot: number, read: number): boolean {
  if (kernel.form === "routine") return false;
  const stores = kernelStores(kernel).filter((store) => store.slot === slot);
  const [store] = stores;
  if (!store || stores.length > 1) return false;
  if (!loadsOf(kernel).every((load) => load.slot !== read || isSameCell(load, store))) return false;
  if (kernel.form === "contract") return loadsIn([kernel.a, kernel.b]).every((load) => load.slot !== read);
  const at = kernel.stages.findIndex((stage) => stage.kind !== "fold" && stage.store === store);
  return loadsIn(kernel.stages.slice(at + 1).map(valueIn)).every((load) => load.slot !== read);
}

const isSameCell = ({ view, dtype }: Load, store: Store): boolean =>
  dtype === store.dtype &&
  view.guards.length === 0 &&
  view.offset === store.view.offset &&
  view.strides.every((stride, i) => stride === store.view.strides[i]);
