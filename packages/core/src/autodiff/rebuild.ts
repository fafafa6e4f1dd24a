// The same graph on other inputs: what a function would build if it were called again.
import { makeNode, type Node } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";

/** What a function built, and what it built it from. */
export interface Recorded {
  readonly roots: readonly Node[];
  /** Nodes that it uses and has not built; literals are not among them. */
  readonly inputs: readonly Node[];
}

/** The graph below `roots`, down to where `isOwn` says no. */
export function recorded(roots: readonly Node[], isOwn: (node: Node) => boolean): Recorded {
  const own = (node: Node): boolean => node.inputs.length > 0 && isOwn(node);
  const inputs = new Set<Node>();
  const meet = (node: Node): void => {
    if (!own(node) && node.op.kind !== "constant") inputs.add(node);
  };
  for (const node of topological(roots, own)) node.inputs.forEach(meet);
  roots.forEach(meet);
  return { roots, inputs: [...inputs] };
}

/** `roots` with each of `inputs` replaced; what does not depend on them stays the same node. */
export function rebuild({ roots, inputs }: Recorded, replacements: readonly Node[]): Node[] {
  const found = new Map<Node, Node>();
  inputs.forEach((node, i) => {
    found.set(node, replacements[i] ?? node);
  });
  const get = (node: Node): Node => found.get(node) ?? node;
  // Inputs are made before their users, so nothing older than the oldest of them depends on it.
  const oldest = inputs.reduce((id, node) => Math.min(id, node.id), Number.POSITIVE_INFINITY);
  for (const node of topological(roots, (x) => x.id > oldest && !found.has(x)))
    found.set(node, again(node, node.inputs.map(get)));
  return roots.map(get);
}

function again(node: Node, inputs: readonly Node[]): Node {
  const { op, attrs } = node;
  if (inputs.every((x, i) => x === node.inputs[i])) return node;
  if (op.kind === "several") return op.again(attrs, inputs);
  return op.kind === "part" ? op.again(attrs, inputs) : makeNode(op, inputs, attrs);
}
