// How long kernels take, roughly: enough to tell what is worth sharing between threads.
import { elementBytes } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Kernel, LoopKernel } from "../../kernel/ir.ts";
import { exprOrder, kernelRoots, kernelStores } from "../../kernel/walk.ts";
import { costOf } from "./cost.ts";

/** Kernels that take less are not worth waking anybody. */
export const minSharedNs = 20_000;

/** So long takes what one thread does at a time, at least. */
export const minClaimNs = 8_000;

/** A part of a product that threads share is at least so large, as far as there are many of them. */
export const unitFlops: number = 1 << 19;

/** One thread's time. */
export function workNs(kernel: Kernel): number {
  switch (kernel.form) {
    case "contract":
      // 80 GFLOP/s, and as much again for what is packed and stored.
      return sizeOf(kernel.batch) * sizeOf(kernel.m) * sizeOf(kernel.n) * (sizeOf(kernel.k) / 40 + 0.2);
    case "routine":
      return kernel.output.size * (kernel.name === "argsort" ? 50 : kernel.name === "dft" ? 1.5 : 0.5);
    default:
      return loopWorkNs(kernel);
  }
}

function loopWorkNs(kernel: LoopKernel): number {
  const roots = kernelRoots(kernel);
  const bytes = [
    ...exprOrder(roots).flatMap((expr) =>
      expr.kind === "load" ? [expr.view.strides.some((s) => s !== 0) ? elementBytes(expr.dtype) : 0] : [],
    ),
    ...kernelStores(kernel).map((store) => elementBytes(store.dtype)),
  ].reduce((sum, size) => sum + size, 0);
  return sizeOf(kernel.outer) * sizeOf(kernel.inner) * (costOf(roots) / 16 + bytes / 25);
}
