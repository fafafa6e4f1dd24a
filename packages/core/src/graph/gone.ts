// Values that are needed and not there (any more): what has happened to them, and what to do instead.
import { GraphError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { beginWalk, type Node } from "./node.ts";

/** Why a node's values are gone for good, and the way out. */
export const whyGone = {
  disposed:
    "dispose() has freed them. Call it after all that needs them is computed, backward() with step() or realize() too",
  former:
    "two later updates (step() or assign()) have replaced them. Call backward() and read what depends on them before the second, or build it anew",
  overwritten:
    "an update in place has overwritten them. Call backward() and read what depends on them before it, or update without inPlace",
  handed:
    "update() has handed them to a tensor that has got others since. Read that one, or pass update() a copy: x.detach()",
  gradient: "zeroGrad() has given the gradient's memory back. Read it before, or keep a copy: realize(x.grad.detach())",
} as const;

/** The error of an operation that needs the values of a node that has none. */
export function missing(operation: string, { op, shape, gone }: Node): GraphError {
  const what = op.kind === "leaf" ? "a tensor" : `a result of ${op.name}`;
  return new GraphError(
    `${operation}: expected the values of ${what} of shape ${showShape(shape)}, got none: ${gone ?? "they were released"}`,
  );
}

export const isMissing = ({ storage, opKind, gone }: Node): boolean =>
  storage === null ? gone !== null || opKind === "leaf" : storage.isReleased;

const pending: Node[] = [];

/** Throws where a value is gone that `roots` cannot be computed without. */
export function expectComputable(operation: string, roots: readonly Node[]): void {
  const node = firstMissing(roots);
  if (node) throw missing(operation, node);
}

export const isComputable = (roots: readonly Node[]): boolean => firstMissing(roots) === null;

function firstMissing(roots: readonly Node[]): Node | null {
  const walk = beginWalk();
  let found: Node | null = null;
  pending.length = 0;
  const enter = (node: Node): void => {
    if (node.walk === walk) return;
    node.walk = walk;
    if (isMissing(node)) found ??= node;
    else if (node.storage === null) pending.push(node);
  };
  roots.forEach(enter);
  for (let node = pending.pop(); node && !found; node = pending.pop()) node.inputs.forEach(enter);
  return found;
}
