// Products whose stores do not walk evenly along their columns: [images, pixels] of a convolution become a batch of
// images, each of which is stored evenly.
import type { Guard, View } from "../../base/view.ts";
import type { ContractKernel, Expr, Store } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";
import { collapseTogether, groupsOf, rewrite } from "./contract-axes.ts";

/** Columns that are left must be worth a tile. */
const fewestColumns = 32;

/** The same product with the first axes of n as axes of the batch, so that stores walk along n evenly; null if there is none. */
export function batchColumns(kernel: ContractKernel): ContractKernel | null {
  const { nStart, kStart } = groupsOf(kernel);
  const columns = storeCoefficients(kernel).map((strides) => strides.slice(nStart, kStart));
  for (let moved = 1; moved < kernel.n.length; moved++) {
    const rest = kernel.n.slice(moved);
    if (rest.reduce((size, n) => size * n, 1) < fewestColumns) return null;
    const { sizes } = collapseTogether(
      rest,
      columns.map((strides) => strides.slice(moved)),
    );
    if (sizes.length <= 1) return moveToBatch(kernel, moved);
  }
  return null;
}

/** How all that stores write and read depends on the loop indices. */
function storeCoefficients({ stores }: ContractKernel): (readonly number[])[] {
  const guards = (list: readonly Guard[]): (readonly number[])[] => list.map((guard) => guard.coefficients);
  return [
    ...stores.map((store) => store.view.strides),
    ...exprOrder(stores.map((store) => store.value)).flatMap((expr) => {
      if (expr.kind === "load") return [expr.view.strides, ...guards(expr.view.guards)];
      if (expr.kind === "inside") return guards(expr.guards);
      return expr.kind === "index" ? [expr.coefficients] : [];
    }),
  ];
}

function moveToBatch(kernel: ContractKernel, count: number): ContractKernel {
  const { mStart, nStart } = groupsOf(kernel);
  const move = <T>(list: readonly T[]): T[] => [
    ...list.slice(0, mStart),
    ...list.slice(nStart, nStart + count),
    ...list.slice(mStart, nStart),
    ...list.slice(nStart + count),
  ];
  const moveGuard = (guard: Guard): Guard => ({ ...guard, coefficients: move(guard.coefficients) });
  const moveView = (view: View): View => ({
    ...view,
    shape: move(view.shape),
    strides: move(view.strides),
    guards: view.guards.map(moveGuard),
  });
  const mapped = rewrite([kernel.a, kernel.b, ...kernel.stores.map((store) => store.value)], (expr: Expr): Expr => {
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
    batch: [...kernel.batch, ...kernel.n.slice(0, count)],
    n: kernel.n.slice(count),
    a: mapped(kernel.a),
    b: mapped(kernel.b),
    stores: kernel.stores.map(moveStore),
  };
}
