// Walking a graph: topological order without recursion, so that deep graphs do not overflow the stack.
import { beginWalk, type Node } from "./node.ts";

/**
 * The nodes that `roots` depend on and `roots` themselves, inputs before users, each once. Where `enter` says no,
 * a node and all that only it depends on are left out.
 */
export function topological(roots: readonly Node[], enter?: (node: Node) => boolean): Node[] {
  const walk = beginWalk();
  const order: Node[] = [];
  const path: Node[] = [];
  const next: number[] = [];
  for (const root of roots) {
    if (root.walk === walk) continue;
    root.walk = walk;
    if (enter && !enter(root)) continue;
    path.push(root);
    next.push(0);
    for (let top = path.length - 1; top >= 0; top = path.length - 1) {
      const node = path[top];
      const at = next[top] ?? 0;
      const input = node?.inputs[at];
      if (input) {
        next[top] = at + 1;
        if (input.walk === walk) continue;
        input.walk = walk;
        if (enter && !enter(input)) continue;
        path.push(input);
        next.push(0);
      } else {
        if (node) order.push(node);
        path.pop();
        next.pop();
      }
    }
  }
  return order;
}

/** How many times the nodes of `order` read each node; a node that reads another twice counts twice. */
export function userCounts(order: readonly Node[]): Map<Node, number> {
  const counts = new Map<Node, number>();
  for (const node of order) for (const input of node.inputs) counts.set(input, (counts.get(input) ?? 0) + 1);
  return counts;
}
