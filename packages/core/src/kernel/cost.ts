// What a kernel has to do, by counting: arithmetic and traffic. Devices may do it with less, or more.
import { elementBytes, isFloat } from "../base/dtype.ts";
import type { Instruction } from "../base/instruction.ts";
import type { View } from "../base/view.ts";
import type { Expr, Kernel, LoopKernel, Slot } from "./ir.ts";
import { mostReadBy } from "./routines.ts";
import { exprOrder, kernelRoots, kernelStores } from "./walk.ts";

export interface KernelCost {
  /** Floating-point operations; each instruction counts as one, exp and the like too. */
  readonly flops: number;
  /** Bytes of the elements that it reads and writes, each counted once. */
  readonly bytes: number;
  /** Bytes of the scratch slots that it touches. */
  readonly scratchBytes: number;
}

export function kernelCost(kernel: Kernel, slots: readonly Slot[]): KernelCost {
  const touched = elementsTouched(kernel, slots);
  let bytes = 0;
  let scratchBytes = 0;
  for (const [number, elements] of touched) {
    const slot = slots[number];
    if (!slot) continue;
    bytes += elements * elementBytes(slot.dtype);
    if (slot.kind === "scratch") scratchBytes += slot.size * elementBytes(slot.dtype);
  }
  return { flops: flopsOf(kernel), bytes, scratchBytes };
}

/** Elements of each slot that a kernel can reach, at most all. */
function elementsTouched(kernel: Kernel, slots: readonly Slot[]): Map<number, number> {
  const touched = new Map<number, number>();
  const touch = (number: number, elements: number): void => {
    touched.set(number, Math.min(slots[number]?.size ?? 0, (touched.get(number) ?? 0) + elements));
  };
  if (kernel.form === "routine") {
    const { inputs, output } = kernel;
    for (const { slot, size } of inputs) touch(slot, Math.min(size, mostReadBy(kernel)));
    touch(output.slot, output.size);
    return touched;
  }
  const loads = new Set<string>();
  for (const expr of exprOrder(kernelRoots(kernel))) {
    if (expr.kind !== "load") continue;
    const place = `${expr.slot}@${expr.view.offset}@${expr.view.strides}`;
    if (!loads.has(place)) touch(expr.slot, reach(expr.view));
    loads.add(place);
  }
  const stored = new Set<number>();
  for (const { slot, view } of kernelStores(kernel)) {
    // An update in place reads and writes the same elements.
    if (!stored.has(slot)) touch(slot, reach(view));
    stored.add(slot);
  }
  return touched;
}

/** How many places a view can address. */
const reach = (view: View): number => view.shape.reduce((n, extent, i) => (view.strides[i] === 0 ? n : n * extent), 1);

const free: ReadonlySet<Instruction> = new Set<Instruction>(["cast", "select", "check"]);
const isArithmetic = (expr: Expr): boolean => expr.kind === "apply" && isFloat(expr.dtype) && !free.has(expr.op);

const product = (extents: readonly number[]): number => extents.reduce((n, extent) => n * extent, 1);

function flopsOf(kernel: Kernel): number {
  if (kernel.form === "routine") return 0;
  const done = new Set<Expr>();
  /** Arithmetic under `roots` that was not counted before. */
  const count = (roots: readonly Expr[]): number => {
    const fresh = exprOrder(roots).filter((expr) => !done.has(expr));
    for (const expr of fresh) done.add(expr);
    return fresh.filter(isArithmetic).length;
  };
  if (kernel.form === "contract") {
    const [batch, m, n, k] = [kernel.batch, kernel.m, kernel.n, kernel.k].map(product);
    const [rows = 1, columns = 1, depth = 1] = [m, n, k];
    const each = batch ?? 1;
    return (
      2 * each * rows * columns * depth +
      count([kernel.a]) * each * rows * depth +
      count([kernel.b]) * each * columns * depth +
      count(kernel.stores.map((store) => store.value)) * each * rows * columns
    );
  }
  return flopsOfLoops(kernel, count);
}

function flopsOfLoops({ outer, inner, stages }: LoopKernel, count: (roots: readonly Expr[]) => number): number {
  const rows = product(outer);
  const all = rows * product(inner);
  let flops = 0;
  // What runs for every element first: what the rows use again of it is not counted twice.
  for (const stage of stages) {
    if (stage.kind === "once") continue;
    flops += all * count([stage.kind === "fold" ? stage.value : stage.store.value]);
    if (stage.kind === "fold" && isFloat(stage.dtype)) flops += all;
  }
  for (const stage of stages) if (stage.kind === "once") flops += rows * count([stage.store.value]);
  return flops;
}
