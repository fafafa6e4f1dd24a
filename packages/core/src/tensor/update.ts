// Many assignments in one run: what optimizers are made of.
import { GraphError } from "../base/errors.ts";
import { realize } from "../engine/engine.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { stopGradient } from "../ops/cast.ts";
import { expectNotApart } from "./apart.ts";
import { checkAssignable, isResult } from "./assign.ts";
import { expectNotFixed } from "./fixed.ts";
import type { Tensor } from "./tensor.ts";

export interface Update {
  readonly target: Tensor;
  /** What is not computed yet becomes the target's own: read the target from then on. What is computed is copied. */
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
  for (const { target, value } of updates) {
    expectNotFixed(target);
    expectNotApart("update", target);
    checkAssignable("assign", target.node, value.node);
    if (isResult(target.node))
      throw new GraphError(
        "update: expected leaves to give values to, got a result that carries a gradient, which would end there. Give it to detach() of the result, or assign it",
      );
  }
  const taken = new Set<Node>();
  const donate: { old: Node; value: Node }[] = [];
  const settled = updates.map(({ target, value: { node }, inPlace }) => {
    // Targets own their values: what is somebody else's gets copied.
    const own = node.storage === null && !taken.has(node) ? node : makeNode(stopGradient, [node]);
    taken.add(own);
    if (inPlace) donate.push({ old: target.node, value: own });
    return own;
  });
  realize(settled, { donate });
  updates.forEach(({ target, inPlace }, i) => {
    const own = settled[i];
    if (own) target.settle(own, inPlace);
  });
}
