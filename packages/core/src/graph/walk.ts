// Walking a graph: topological order without recursion, so that deep graphs do not overflow the stack.
import type { Node } from "./node.ts";

/**
 * The nodes that `roots` depend on and `roots` themselves, inputs before users, each once. Where `enter` says no,
 * a node and all that only it depends on are left out.
 */
export function topological(roots: readonly Node[], enter?: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const path: Node[] = [];
  const next: number[] = [];
  const push = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (enter && !enter(node)) return;
    path.push(node);
    next.push(0);
  };
  for (const root of roots) {
    push(root);
    while (path.length > 0) {
      const top = path.length - 1;
      const node = path[top];
      const at = next[top] ?? 0;
      const input = node?.inputs[at];
      if (input) {
        next[top] = at + 1;
        push(input);
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
