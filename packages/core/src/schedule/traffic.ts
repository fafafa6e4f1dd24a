// Which slots a kernel reads and writes.
import type { Expr, Kernel } from "../kernel/ir.ts";
import { exprOrder, kernelRoots, kernelStores } from "../kernel/walk.ts";

export type Load = Expr & { readonly kind: "load" };

export const loadsIn = (roots: readonly Expr[]): Load[] =>
  exprOrder(roots).filter((expr): expr is Load => expr.kind === "load");

export const loadsOf = (kernel: Kernel): Load[] => (kernel.form === "routine" ? [] : loadsIn(kernelRoots(kernel)));

export const slotsRead = (kernel: Kernel): number[] =>
  kernel.form === "routine" ? kernel.inputs.map((x) => x.slot) : loadsOf(kernel).map((load) => load.slot);

export const slotsWritten = (kernel: Kernel): number[] =>
  kernel.form === "routine" ? [kernel.output.slot] : kernelStores(kernel).map((store) => store.slot);
