// Walks over the expressions of kernels.
import type { ContractKernel, Expr, LoopKernel, Store } from "./ir.ts";

const noExprs: readonly Expr[] = [];

export const argsOf = (expr: Expr): readonly Expr[] => (expr.kind === "apply" ? expr.args : noExprs);

/** Every expression under `roots` once, arguments before the expressions that use them. */
export function exprOrder(roots: readonly Expr[]): Expr[] {
  const order: Expr[] = [];
  const done = new Set<Expr>();
  const stack: { expr: Expr; args: readonly Expr[]; next: number }[] = [];
  const enter = (expr: Expr): void => {
    if (done.has(expr)) return;
    const args = argsOf(expr);
    if (args.length > 0) stack.push({ expr, args, next: 0 });
    else {
      done.add(expr);
      order.push(expr);
    }
  };
  for (const root of roots) {
    enter(root);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const child = top.args[top.next++];
      if (child) {
        enter(child);
        continue;
      }
      stack.pop();
      if (done.has(top.expr)) continue;
      done.add(top.expr);
      order.push(top.expr);
    }
  }
  return order;
}

/** The loop extents: outer and inner, or batch, m, n and k. */
export const kernelDims = (kernel: LoopKernel | ContractKernel): readonly number[] =>
  kernel.form === "contract"
    ? [...kernel.batch, ...kernel.m, ...kernel.n, ...kernel.k]
    : [...kernel.outer, ...kernel.inner];

export function kernelStores(kernel: LoopKernel | ContractKernel): readonly Store[] {
  if (kernel.form === "contract") return kernel.stores;
  return kernel.stages.flatMap((stage) => (stage.kind === "fold" ? [] : [stage.store]));
}

/** The expressions in the kernel's holes, in the order in which they are needed. */
export function kernelRoots(kernel: LoopKernel | ContractKernel): Expr[] {
  if (kernel.form === "contract") return [kernel.a, kernel.b, ...kernel.stores.map((store) => store.value)];
  return kernel.stages.map((stage) => (stage.kind === "fold" ? stage.value : stage.store.value));
}
