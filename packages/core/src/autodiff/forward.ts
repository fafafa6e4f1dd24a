// Forward mode: one sweep from the inputs to the roots, carrying a tangent with every value.
import { sameShape } from "../base/shape.ts";
import type { Builder } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { dependents } from "./dependents.ts";
import { cotangentsOf, linearIn, singularly, unlessUnused } from "./singular.ts";

/** The tangents of `roots`, given those of `wrt`; null where a root does not depend on them. */
export function forward(
  b: Builder,
  roots: readonly Node[],
  wrt: readonly Node[],
  tangents: readonly Node[],
): (Node | null)[] {
  const all = forwardAll(b, roots, wrt, tangents);
  return roots.map((root) => all.get(root) ?? null);
}

/** The tangents of all nodes on the way. */
export function forwardAll(
  b: Builder,
  roots: readonly Node[],
  wrt: readonly Node[],
  tangents: readonly Node[],
): Map<Node, Node> {
  const found = new Map<Node, Node>();
  wrt.forEach((node, i) => {
    const tangent = tangents[i];
    if (tangent) found.set(node, tangent);
  });
  const parts = new Map<Node, readonly (Node | null)[]>();
  for (const node of dependents(roots, wrt)) {
    if (found.has(node)) continue;
    if (node.op.kind === "several") {
      const tangents = node.inputs.map((x) => found.get(x) ?? null);
      parts.set(node, node.op.jvp(b, tangents, node));
      continue;
    }
    const [whole] = node.inputs;
    const tangent =
      node.op.kind === "part"
        ? whole && parts.get(whole)?.[Number(node.attrs.index)]
        : push(b, node, (x) => found.get(x) ?? null);
    if (tangent) found.set(node, tangent);
  }
  return found;
}

/** The tangent of `node` from those of its inputs, as its record says. */
function push(b: Builder, node: Node, tangentOf: (x: Node) => Node | null): Node | null {
  const { op, inputs, attrs } = node;
  switch (op.kind) {
    case "elementwise": {
      const partials = op.partials(attrs);
      const a = op.singular?.(inputs) ? singularly(b) : b;
      let total: Node | null = null;
      inputs.forEach((input, i) => {
        const partial = partials[i];
        const dx = tangentOf(input);
        if (!partial || !dx) return;
        const term = ofProduct(b, node, input, dx, () => partial(a, dx, node, ...inputs));
        total = total ? b.add(total, term) : term;
      });
      return total && expandTo(b, total, node);
    }
    case "linear": {
      const count = op.linearInputs ?? inputs.length;
      let moves = false;
      const moved = inputs.map((input, i) => {
        if (i >= count) return input;
        const dx = tangentOf(input);
        moves ||= dx !== null;
        return dx ?? b.fill(0, input.shape, input);
      });
      return moves ? makeNode(op, moved, attrs) : null;
    }
    case "bilinear": {
      const [left, right] = inputs;
      if (!left || !right) return null;
      const dLeft = tangentOf(left);
      const dRight = tangentOf(right);
      const first = dLeft && makeNode(op, [dLeft, right], attrs);
      const second = dRight && makeNode(op, [left, dRight], attrs);
      return first && second ? b.add(first, second) : (first ?? second);
    }
    case "nonlinear":
      return op.jvp(op.singular ? singularly(b) : b, inputs.map(tangentOf), node, attrs, inputs);
    default:
      return null;
  }
}

/** How a product g·a of a cotangent moves with a: not at all where g is 0, even if a has an infinite derivative there. */
function ofProduct(b: Builder, node: Node, input: Node, dx: Node, term: () => Node): Node {
  const cotangents = cotangentsOf(node);
  if (cotangents.length === 0) return term();
  const others = cotangents.filter((g) => g !== input);
  const factors = cotangents.includes(input) ? [dx, ...others] : [...others, node];
  return others.reduce((value, g) => unlessUnused(b, g, value), linearIn(factors, term));
}

/** A tangent of a small input of a broadcasting operation is as large as the result. */
const expandTo = (b: Builder, dx: Node, y: Node): Node => (sameShape(dx.shape, y.shape) ? dx : b.expand(dx, y.shape));
