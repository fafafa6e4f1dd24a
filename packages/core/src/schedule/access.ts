// Turns lowered nodes into scalar expressions: views sink through arithmetic down to the loads.
import { type Shape, sameShape, sizeOf } from "../base/shape.ts";
import { composeView, foldViews, type Guard, type View, type ViewOp, viewShape } from "../base/view.ts";
import type { Expr } from "../kernel/ir.ts";
import type { Lowered, LoweredGraph } from "./lowered.ts";

/** View operations from a node's own indices to the loop indices of a kernel, innermost first. */
export interface Chain {
  readonly ops: readonly ViewOp[];
  readonly key: string;
}

export const emptyChain: Chain = { ops: [], key: "" };

export function prepend(op: ViewOp, shape: Shape, chain: Chain): Chain {
  if ((op.kind === "reshape" || op.kind === "expand") && sameShape(shape, op.shape)) return chain;
  return { ops: [op, ...chain.ops], key: `${JSON.stringify(op)}|${chain.key}` };
}

export function chainOf(shape: Shape, ops: readonly ViewOp[]): Chain {
  const shapes: Shape[] = [shape];
  for (const op of ops) shapes.push(viewShape(shapes.at(-1) ?? [], op));
  let chain = emptyChain;
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i];
    if (op) chain = prepend(op, shapes[i] ?? [], chain);
  }
  return chain;
}

/** What a walk needs to know from the kernel it works for. */
export interface Site {
  /** Whether the node has, or will have, a buffer of its own. */
  isStored(node: Lowered): boolean;
  /** The value of a node that this kernel computes itself, if it does. */
  inline(node: Lowered): Expr | null;
  load(node: Lowered, view: View): Expr;
  /** A view that no strides can express: it gets a buffer of its own. */
  copy(node: Lowered): void;
  /** What must be computed before the kernel runs, although it does not read it. */
  after?(node: Lowered): void;
}

export class Walk {
  /** The nodes whose formulas the walk has written, for the names of their operations. */
  readonly computed: Set<Lowered> = new Set();
  private readonly known = new Map<string, Expr>();
  private readonly graph: LoweredGraph;
  private readonly site: Site;

  constructor(graph: LoweredGraph, site: Site) {
    this.graph = graph;
    this.site = site;
  }

  /** The node as other nodes see it: a load where it has a buffer. */
  access(node: Lowered, chain: Chain): Expr {
    return this.hasBuffer(node) ? this.load(node, chain) : this.define(node, chain);
  }

  /** The node's own formula, even where it has a buffer. */
  define(node: Lowered, chain: Chain): Expr {
    const key = `${node.id}@${chain.key}`;
    const found = this.known.get(key);
    if (found) return found;
    this.computed.add(node);
    const expr = this.build(node, chain);
    this.known.set(key, expr);
    return expr;
  }

  private hasBuffer(node: Lowered): boolean {
    return node.body.kind === "input" || this.site.isStored(node);
  }

  /**
   * A load, or the value itself where this kernel computes it: kernels are merged where such loads are in order. A view that
   * one formula needs a copy of is part of other formulas, which see it elsewhere than it is computed.
   */
  private load(node: Lowered, chain: Chain): Expr {
    const inline = this.site.inline(node);
    if (inline) return inline;
    const key = `load${node.id}@${chain.key}`;
    const found = this.known.get(key);
    if (found) return found;
    const { view, folded } = foldViews(node.shape, chain.ops);
    let expr: Expr;
    if (folded === chain.ops.length) expr = this.site.load(node, view);
    else {
      let copy = node;
      for (const op of chain.ops.slice(0, folded)) copy = this.graph.view(copy, op);
      this.site.copy(copy);
      expr = this.load(copy, chainOf(copy.shape, chain.ops.slice(folded)));
    }
    this.known.set(key, expr);
    return expr;
  }

  private build(node: Lowered, chain: Chain): Expr {
    const { body, dtype, shape } = node;
    switch (body.kind) {
      case "literal":
        return { kind: "literal", dtype, value: body.value };
      case "param":
        return { kind: "param", dtype, index: body.index };
      case "iota": {
        const { view, folded } = foldViews(shape, chain.ops);
        if (folded < chain.ops.length || view.guards.some((g) => g.stride !== 0)) {
          this.site.copy(node);
          return this.load(node, chain);
        }
        return { kind: "index", dtype: "int32", offset: view.offset, coefficients: view.strides };
      }
      case "apply": {
        const args = body.args.map((arg) => this.access(arg, prepend({ kind: "expand", shape }, arg.shape, chain)));
        if (body.check < 0) return { kind: "apply", dtype, op: body.op, args };
        const bound = this.graph.checks[body.check]?.bound ?? 0;
        return {
          kind: "apply",
          dtype,
          op: body.op,
          args: [...args, { kind: "literal", dtype: "int32", value: bound }],
          check: body.check,
        };
      }
      case "view":
        for (const other of body.after ?? []) this.site.after?.(other);
        if (body.op.kind === "pad" && !(body.fill === 0 && this.isLoad(body.x)))
          return this.pad(node, body.x, body.op, body.fill, chain);
        return this.access(body.x, prepend(body.op, body.x.shape, chain));
      case "place":
        return this.access(body.x, chain);
      default:
        return this.load(node, chain);
    }
  }

  /** Whether the node is read straight from a buffer, through views alone. */
  private isLoad(node: Lowered): boolean {
    if (this.hasBuffer(node)) return this.site.inline(node) === null;
    return node.body.kind === "view" && node.body.op.kind !== "pad" && this.isLoad(node.body.x);
  }

  /** A pad of something computed: select(inside, value, fill). */
  private pad(node: Lowered, x: Lowered, op: ViewOp, fill: number, chain: Chain): Expr {
    const guards = padGuards(x.shape, op, chain.ops);
    if (!guards) {
      this.site.copy(node);
      return this.load(node, chain);
    }
    const value = this.access(x, prepend(op, x.shape, chain));
    const inside: Expr = { kind: "inside", dtype: "bool", guards };
    const outside: Expr = { kind: "literal", dtype: node.dtype, value: fill };
    return { kind: "apply", dtype: node.dtype, op: "select", args: [inside, value, outside] };
  }
}

/** The conditions that `pad` puts on the loop indices beyond `rest`, or null where they are not affine. */
function padGuards(shape: Shape, pad: ViewOp, rest: readonly ViewOp[]): Guard[] | null {
  let view = composeView({ shape, offset: 0, strides: shape.map(() => 0), guards: [] }, pad);
  const count = view?.guards.length ?? 0;
  for (const op of rest) {
    if (!view) return null;
    view = composeView(view, op);
  }
  return view?.guards.slice(0, count).map((g) => ({ ...g, stride: 0 })) ?? null;
}

/** Extents without the ones: loops over one element are no loops. */
export const dropOnes = (shape: Shape): number[] => shape.filter((n) => n !== 1);

/** Whether a view reads element after element of a buffer of `shape` in row-major order over `dims`. */
export function readsInOrder(view: View, strides: readonly number[]): boolean {
  return (
    view.offset === 0 &&
    view.guards.length === 0 &&
    (sizeOf(view.shape) === 0 || view.strides.every((s, i) => s === strides[i] || view.shape[i] === 1))
  );
}
