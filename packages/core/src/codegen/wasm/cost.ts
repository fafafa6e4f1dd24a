// What expressions cost, roughly, in vector instructions.
import type { Expr } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";

const transcendental: ReadonlySet<string> = new Set(
  "exp expm1 log log1p sin cos tan tanh erf pow atan2 mod".split(" "),
);

/** Each expression counts once. */
export function costOf(roots: readonly Expr[]): number {
  let cost = 0;
  for (const expr of exprOrder(roots)) {
    if (expr.kind === "load") cost += 1 + 8 * expr.view.guards.length;
    else if (expr.kind === "apply") cost += transcendental.has(expr.op) ? 25 : 1;
  }
  return cost;
}

/** How many vectors a round of a loop works on: enough to hide latencies, few enough to stay small. */
export const unrollFor = (cost: number): 1 | 2 | 4 => (cost <= 10 ? 4 : cost <= 200 ? 2 : 1);
