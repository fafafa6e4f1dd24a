// What a derivative has to visit: the nodes between the inputs and the roots.
import { isFloat } from "../base/dtype.ts";
import type { Node } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";

/** Nodes that `roots` depend on and that depend on `wrt` through floating-point values alone, inputs before users. */
export function dependents(roots: readonly Node[], wrt: readonly Node[]): Set<Node> {
  return between(roots, wrt, isDifferentiable);
}

/** As `dependents`, by nodes alone that record gradients: not by what was built under noGrad. */
export function trackedDependents(roots: readonly Node[], wrt: readonly Node[]): Set<Node> {
  return between(roots, wrt, (node) => node.requiresGrad && isDifferentiable(node));
}

const isDifferentiable = ({ dtype, op }: Node): boolean =>
  isFloat(dtype) && !(op.kind === "linear" && op.stops === true);

/** Nodes from `wrt` to `roots` whose way leads only through nodes that `passes` lets through. */
export function between(roots: readonly Node[], wrt: readonly Node[], passes: (node: Node) => boolean): Set<Node> {
  const given = new Set(wrt);
  // Inputs are made before their users, so nothing older than the oldest of `wrt` depends on it.
  let oldest = Number.POSITIVE_INFINITY;
  for (const node of wrt) oldest = Math.min(oldest, node.id);
  const found = new Set<Node>();
  for (const node of topological(roots, (node) => node.id >= oldest && (passes(node) || given.has(node))))
    if (given.has(node) || node.inputs.some((input) => found.has(input))) found.add(node);
  return found;
}
