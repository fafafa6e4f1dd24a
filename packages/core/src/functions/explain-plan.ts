// The plan that computing tensors would run, as text.
import { ArgumentError } from "../base/errors.ts";
import { planText } from "../engine/plan-text.ts";
import { keptForReading } from "../tensor/backward.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { nodeOf } from "./arguments.ts";

/**
 * The plan that computing the tensors together would run now, as readable text: its buffers, then each kernel with the
 * operations fused into it, its loops (i0, i1, …), its formulas with the views that they read through, and its stores.
 * Nothing is computed. What joins the next run, such as gradients that wait for it, is part of the plan. Before it come
 * the plans of loops' and branches' bodies, and of what these read.
 * @returns `nothing to compute: …` where all values are known
 * @example explainPlan(tensor([1, 2]).exp().add(1)).includes("0: exp + add: map [2]") // true
 * @example explainPlan(tensor([1, 2])) // "nothing to compute: the values are known"
 */
export function explainPlan(...tensors: readonly Tensor[]): string {
  if (tensors.length === 0) throw new ArgumentError("explainPlan: expected at least one tensor, got none");
  const roots = tensors.map((x) => nodeOf("explainPlan", x));
  if (roots.every((root) => root.storage !== null)) return "nothing to compute: the values are known";
  return planText(
    roots,
    keptForReading(roots).flatMap(({ nodes }) => nodes),
  );
}
