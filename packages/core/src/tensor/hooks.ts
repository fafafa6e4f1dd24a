// Functions that see a gradient on its way back, and may put another in its place.
import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { trace } from "../engine/trace.ts";
import type { Node } from "../graph/node.ts";

export type NodeHook = (gradient: Node) => Node;

const hooks = new WeakMap<Node, Set<NodeHook>>();
let registered = 0;
let changes = 0;

/** Another number whenever a hook has come or gone; those of a traced function are its own. */
export const hooksVersion = (): number => changes;

/** Calls `hook` with the whole cotangent of `node` in every backward(). Returns what takes it back. */
export function addHook(node: Node, hook: NodeHook): () => void {
  const list = hooks.get(node) ?? new Set<NodeHook>();
  hooks.set(node, list.add(hook));
  registered++;
  if (trace === null) changes++;
  return () => {
    if (!list.delete(hook)) return;
    registered--;
    if (trace === null) changes++;
  };
}

/** After an update, a parameter's hooks belong to its new node as well. */
export function shareHooks(from: Node, to: Node): void {
  const list = registered > 0 ? hooks.get(from) : undefined;
  if (list) hooks.set(to, list);
}

/** What a reverse sweep does with each cotangent; null where there is nothing to do. */
export function hookOf(): ((node: Node, gradient: Node) => Node) | null {
  if (registered === 0) return null;
  return (node, gradient) => {
    let current = gradient;
    for (const hook of hooks.get(node) ?? []) current = hook(current);
    return current;
  };
}

/** What a hook has returned, in place of the gradient that it saw. */
export function replacedBy(returned: Node | undefined, gradient: Node): Node {
  if (!returned) return gradient;
  if (!sameShape(returned.shape, gradient.shape) || returned.dtype !== gradient.dtype)
    throw new ShapeError(
      `registerHook: expected a gradient like the one that the hook was given, ${showShape(gradient.shape)} of ${gradient.dtype}, got ${showShape(returned.shape)} of ${returned.dtype}`,
    );
  return returned;
}
