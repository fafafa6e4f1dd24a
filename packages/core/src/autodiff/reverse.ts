// Reverse mode: one sweep from the roots back to the inputs, adding up cotangents where a variable branches.
import { broadcastAxes, sameShape } from "../base/shape.ts";
import type { Builder } from "../graph/algebra.ts";
import type { Node } from "../graph/node.ts";
import { dependents, trackedDependents } from "./dependents.ts";
import { linearIn, multiplesIn, singularly, unlessUnused } from "./singular.ts";

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

/** Sees the whole cotangent of a node before it goes on, and says what goes on. */
export type CotangentHook = (node: Node, cotangent: Node) => Node;

/**
 * The cotangents of `wrt`, given those of `roots`: for each x the sum over roots y of g·∂y/∂x.
 * Null where no root depends on it by a differentiable path.
 */
export function reverse(
  b: Builder,
  roots: readonly Node[],
  cotangents: readonly Node[],
  wrt: readonly Node[],
  hook: CotangentHook | null = null,
): (Node | null)[] {
  const { totals } = new Sweep(b, null, hook).run(roots, cotangents, dependents(roots, wrt));
  return wrt.map((node) => totals.get(node) ?? null);
}

/** The same for leaves that require a gradient, by nodes that record them. */
export function reverseTracked(
  b: Builder,
  root: Node,
  cotangent: Node,
  leaves: readonly Node[],
  hook: CotangentHook | null,
): (Node | null)[] {
  const { totals } = new Sweep(b, null, hook).run([root], [cotangent], trackedDependents([root], leaves));
  return leaves.map((node) => totals.get(node) ?? null);
}

/** As `reverse`, with everything that it came across: for showing how a gradient comes about. */
export function reverseAll(
  b: Builder,
  roots: readonly Node[],
  cotangents: readonly Node[],
  wrt: readonly Node[],
): Adjoints {
  const contributions = new Map<Node, Contribution[]>();
  const { totals } = new Sweep(b, contributions, null).run(roots, cotangents, dependents(roots, wrt));
  return { totals, contributions };
}

class Sweep {
  readonly totals: Map<Node, Node> = new Map<Node, Node>();
  /** The cotangents of the results of nodes that have several. */
  private readonly parts: Map<Node, (Node | null)[]> = new Map<Node, (Node | null)[]>();
  private readonly b: Builder;
  private readonly hook: CotangentHook | null;
  private readonly contributions: Map<Node, Contribution[]> | null;
  /** The nodes between the variables and the roots. */
  private between: ReadonlySet<Node> = new Set<Node>();

  constructor(b: Builder, contributions: Map<Node, Contribution[]> | null, hook: CotangentHook | null) {
    this.b = b;
    this.hook = hook;
    this.contributions = contributions;
  }

  run(roots: readonly Node[], cotangents: readonly Node[], between: ReadonlySet<Node>): this {
    this.between = between;
    roots.forEach((root, i) => {
      this.contribute(root, cotangents[i] ?? null, null);
    });
    const order = [...this.between];
    for (let i = order.length - 1; i >= 0; i--) {
      const node = order[i];
      let g = node && this.totals.get(node);
      if (node && g && this.hook) {
        g = this.hook(node, g);
        this.totals.set(node, g);
      }
      if (node && g) this.pull(node, g);
      const gs = node && this.parts.get(node);
      if (node && gs && node.op.kind === "several") this.spread(node, node.op.vjp(this.b, gs, node));
    }
    return this;
  }

  private contribute(to: Node, value: Node | null, from: Node | null): void {
    if (value === null || !this.between.has(to)) return;
    const own = sumTo(this.b, value, to);
    const total = this.totals.get(to);
    this.totals.set(to, total ? this.b.add(total, own) : own);
    if (this.contributions === null) return;
    const list = this.contributions.get(to);
    if (list) list.push({ from, value: own });
    else this.contributions.set(to, [{ from, value: own }]);
  }

  /** Hands the cotangent g of `node` on to its inputs, as its record says. */
  private pull(node: Node, g: Node): void {
    const { b, between } = this;
    const { op, inputs, attrs } = node;
    switch (op.kind) {
      case "elementwise": {
        const partials = op.partials(attrs);
        const isSingular = op.singular?.(inputs) ?? false;
        inputs.forEach((input, i) => {
          const partial = partials[i];
          if (!partial || !between.has(input)) return;
          const value = isSingular
            ? linearIn([g, ...multiplesIn(node)], () => partial(singularly(b), g, node, ...inputs))
            : partial(b, g, node, ...inputs);
          this.contribute(input, isSingular ? unlessUnused(b, g, value) : value, node);
        });
        return;
      }
      case "linear": {
        const count = op.linearInputs ?? inputs.length;
        inputs.forEach((input, i) => {
          if (i < count && between.has(input)) this.contribute(input, op.transpose(b, g, attrs, inputs, i), node);
        });
        return;
      }
      case "bilinear": {
        const [left, right] = inputs;
        if (!left || !right) return;
        if (between.has(left)) this.contribute(left, op.transposeA(b, g, attrs, left, right), node);
        if (between.has(right)) this.contribute(right, op.transposeB(b, g, attrs, left, right), node);
        return;
      }
      case "nonlinear": {
        const values = op.singular
          ? linearIn([g], () => op.vjp(singularly(b), g, node, attrs, inputs)).map((x) => x && unlessUnused(b, g, x))
          : op.vjp(b, g, node, attrs, inputs);
        this.spread(node, values);
        return;
      }
      case "part": {
        const [whole] = inputs;
        if (whole?.op.kind !== "several") return;
        const gs = this.parts.get(whole) ?? whole.op.results(whole.inputs, whole.attrs).map(() => null);
        const index = Number(attrs.index);
        const before = gs[index];
        gs[index] = before ? b.add(before, g) : g;
        this.parts.set(whole, gs);
      }
    }
  }

  private spread(node: Node, values: readonly (Node | null)[]): void {
    node.inputs.forEach((input, i) => {
      this.contribute(input, values[i] ?? null, node);
    });
  }
}

/** Undoes broadcasting: sums g over the axes along which x was repeated. */
function sumTo(b: Builder, g: Node, x: Node): Node {
  if (sameShape(g.shape, x.shape)) return g;
  return b.reshape(b.sum(g, broadcastAxes(x.shape, g.shape)), x.shape);
}
