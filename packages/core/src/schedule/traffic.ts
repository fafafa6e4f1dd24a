// Which slots a kernel reads and writes.
import type { Expr, Kernel } from "../kernel/ir.ts";
import { exprOrder, kernelRoots, kernelStores } from "../kernel/walk.ts";

export type Load = Expr & { readonly kind: "load" };

export const loadsIn = (roots: readonly Expr[]): Load[] =>
  exprOrder(roots).filter((expr): expr is Load => expr.kind === "load");

export const loadsOf = (kernel: Kernel): Load[] => (kernel.form === "routine" ? [] : loadsIn(kernelRoots(kernel)));

/** Several passes ask, and the expressions of a kernel do not change. */
const known = new WeakMap<Kernel, ReadonlySet<number>>();

export function slotsRead(kernel: Kernel): ReadonlySet<number> {
  let slots = known.get(kernel);
  if (!slots) {
    slots = new Set((kernel.form === "routine" ? kernel.inputs : loadsOf(kernel)).map(({ slot }) => slot));
    known.set(kernel, slots);
  }
  return slots;
}

export const slotsWritten = (kernel: Kernel): number[] =>
  kernel.form === "routine" ? [kernel.output.slot] : kernelStores(kernel).map((store) => store.slot);
