// Many assignments in one run: what optimizers are made of.
import { realize } from "../engine/engine.ts";
import type { Node } from "../graph/node.ts";
import { checkAssignable } from "./assign.ts";
import type { Tensor } from "./tensor.ts";

export interface Update {
  readonly target: Tensor;
  readonly value: Tensor;
  /**
   * Write into the target's own buffer. Only for state that nobody else reads: what was built from the old value can
   * not be computed any more. Otherwise the old value stays readable until the next update.
   */
  readonly inPlace?: boolean;
}

/**
 * Computes all values in one plan, with all that waits to be computed, and hands them to their targets. If anything
 * fails, every target keeps its value.
 */
export function update(updates: readonly Update[]): void {
  for (const { target, value } of updates) checkAssignable(target.node, value.node);
  const values = updates.map(({ value }) => value.node);
  const donate: { old: Node; value: Node }[] = [];
  for (const { target, value, inPlace } of updates) if (inPlace) donate.push({ old: target.node, value: value.node });
  realize(values, { donate });
  for (const { target, value, inPlace } of updates) target.settle(value.node, inPlace);
}
