// Reverse mode: one sweep from the roots back to the inputs, adding up cotangents where a variable branches.
import { broadcastAxes, sameShape } from "../base/shape.ts";
import type { Builder } from "../graph/algebra.ts";
import type { Node } from "../graph/node.ts";
import { dependents } from "./dependents.ts";

/**
 * The cotangents of `wrt`, given those of `roots`: for each x the sum over roots y of g·∂y/∂x.
 * Null where no root depends on it by a differentiable path.
 */
export function reverse(
  b: Builder,
  roots: readonly Node[],
  cotangents: readonly Node[],
  wrt: readonly Node[],
): (Node | null)[] {
  const { totals } = reverseAll(b, roots, cotangents, wrt);
  return wrt.map((node) => totals.get(node) ?? null);
}

/** A part of a cotangent, and the user of the variable that it comes from; null for a root's own. */
export interface Contribution {
  readonly from: Node | null;
  readonly value: Node;
}

/** The cotangents of all nodes on the way, and the parts that they are sums of. */
export interface Adjoints {
  readonly totals: ReadonlyMap<Node, Node>;
  readonly contributions: ReadonlyMap<Node, readonly Contribution[]>;
}

export function reverseAll(
  b: Builder,
  roots: readonly Node[],
  cotangents: readonly Node[],
  wrt: readonly Node[],
): Adjoints {
  const order = dependents(roots, wrt);
  const differentiable = new Set(order);
  const contributions = new Map<Node, Contribution[]>();
  const totals = new Map<Node, Node>();

  const contribute = (to: Node, value: Node | null, from: Node | null): void => {
    if (value === null || !differentiable.has(to)) return;
    const own = sumTo(b, value, to);
    const list = contributions.get(to);
    if (list) list.push({ from, value: own });
    else contributions.set(to, [{ from, value: own }]);
    const total = totals.get(to);
    totals.set(to, total ? b.add(total, own) : own);
  };

  roots.forEach((root, i) => {
    contribute(root, cotangents[i] ?? null, null);
  });
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    const g = node && totals.get(node);
    if (node && g) pull(b, node, g, differentiable, contribute);
  }
  return { totals, contributions };
}

/** Hands the cotangent g of `node` on to its inputs, as its record says. */
function pull(
  b: Builder,
  node: Node,
  g: Node,
  differentiable: ReadonlySet<Node>,
  contribute: (to: Node, value: Node | null, from: Node) => void,
): void {
  const { op, inputs, attrs } = node;
  switch (op.kind) {
    case "elementwise": {
      const partials = op.partials(attrs);
      inputs.forEach((input, i) => {
        const partial = partials[i];
        if (partial && differentiable.has(input)) contribute(input, partial(b, g, node, ...inputs), node);
      });
      return;
    }
    case "linear": {
      const count = op.linearInputs ?? inputs.length;
      for (let i = 0; i < count; i++) {
        const input = inputs[i];
        if (input && differentiable.has(input)) contribute(input, op.transpose(b, g, attrs, inputs, i), node);
      }
      return;
    }
    case "bilinear": {
      const [left, right] = inputs;
      if (!left || !right) return;
      if (differentiable.has(left)) contribute(left, op.transposeA(b, g, attrs, left, right), node);
      if (differentiable.has(right)) contribute(right, op.transposeB(b, g, attrs, left, right), node);
      return;
    }
    case "nonlinear": {
      const values = op.vjp(b, g, node, attrs, inputs);
      inputs.forEach((input, i) => {
        contribute(input, values[i] ?? null, node);
      });
    }
  }
}

/** Undoes broadcasting: sums g over the axes along which x was repeated. */
function sumTo(b: Builder, g: Node, x: Node): Node {
  if (sameShape(g.shape, x.shape)) return g;
  return b.reshape(b.sum(g, broadcastAxes(x.shape, g.shape)), x.shape);
}
