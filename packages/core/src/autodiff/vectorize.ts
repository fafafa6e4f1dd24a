// Vectorization: the same graph over a batch, so that a function of one example maps over many.
import type { Builder } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { between } from "./dependents.ts";

/**
 * `roots` with each of `mapped` replaced by its counterpart in `batched`, which has a leading axis of length `size`;
 * so have the results. What does not depend on `mapped` is computed once and repeated at the end.
 */
export function vectorize(
  b: Builder,
  roots: readonly Node[],
  mapped: readonly Node[],
  batched: readonly Node[],
  size: number,
): Node[] {
  const found = new Map<Node, Node>();
  mapped.forEach((node, i) => {
    const replacement = batched[i];
    if (replacement) found.set(node, replacement);
  });
  const repeat = (x: Node): Node => found.get(x) ?? b.expand(x, [size, ...x.shape]);
  for (const node of between(roots, mapped, () => true))
    if (!found.has(node)) found.set(node, lift(b, node, found, repeat));
  return roots.map(repeat);
}

function lift(b: Builder, node: Node, found: ReadonlyMap<Node, Node>, repeat: (x: Node) => Node): Node {
  const { op, inputs, attrs, shape } = node;
  switch (op.kind) {
    case "elementwise": {
      const aligned = inputs.map((input) => {
        const x = found.get(input);
        return x ? alignRank(b, x, shape.length) : input;
      });
      return makeNode(op, aligned, attrs);
    }
    case "linear":
    case "bilinear":
    case "nonlinear":
    case "several":
      return op.batch(b, attrs, inputs.map(repeat));
    case "part":
      return op.again(attrs, inputs.map(repeat));
    default:
      return node;
  }
}

/** Broadcasting aligns axes on the right: between the batch axis and those of x, ones fill up to `rank`. */
function alignRank(b: Builder, x: Node, rank: number): Node {
  const [size = 1, ...rest] = x.shape;
  if (rest.length === rank) return x;
  return b.reshape(x, [size, ...new Array<number>(rank - rest.length).fill(1), ...rest]);
}
