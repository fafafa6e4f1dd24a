// The units of fusion: values that get a buffer (heads), what they read, and groups of them that become one kernel.
import { contiguousStrides, type Shape, sameShape } from "../base/shape.ts";
import type { View, ViewOp } from "../base/view.ts";
import type { Expr } from "../kernel/ir.ts";
import { type Chain, chainOf, dropOnes, Walk } from "./access.ts";
import { argumentsOf, type Lowered, type LoweredGraph } from "./lowered.ts";

/** A read of a buffer, in the loops of the head that reads it. */
export interface Reference {
  readonly target: Lowered;
  readonly view: View;
}

/** The loops of a head alone: a map has no inner dims, a reduction folds over them. */
export interface Frame {
  readonly outer: Shape;
  readonly inner: Shape;
}

export interface Head {
  readonly node: Lowered;
  readonly frame: Frame;
  readonly references: readonly Reference[];
  /** Buffers that must be written before, although it does not read them. */
  readonly after: readonly Lowered[];
}

/** Heads that one kernel computes (join: several kernels, one buffer). */
export interface Group {
  readonly kind: "loop" | "contract" | "routine" | "join";
  frame: Frame;
  heads: Head[];
}

export const frameDims = (frame: Frame): number[] => [...frame.outer, ...frame.inner];

export function frameOf(node: Lowered): Frame {
  const { body, shape } = node;
  if (body.kind !== "reduce") return { outer: dropOnes(shape), inner: [] };
  return { outer: dropOnes(shape), inner: dropOnes(body.axes.map((axis) => body.x.shape[axis] ?? 1)) };
}

/** From the operand of a reduction to (kept, folded) loops. */
export function reduceViews(node: Lowered & { body: { kind: "reduce" } }, dims: Shape): ViewOp[] {
  const { x, axes } = node.body;
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  return [
    { kind: "permute", axes: [...kept, ...axes] },
    { kind: "reshape", shape: dims },
  ];
}

export const isReduce = (node: Lowered): node is Lowered & { body: { kind: "reduce" } } => node.body.kind === "reduce";
export const isContract = (node: Lowered): node is Lowered & { body: { kind: "contract" } } =>
  node.body.kind === "contract";

const nothing: Expr = { kind: "literal", dtype: "float32", value: 0 };

/**
 * Finds what a head reads. Copies that its views need are handed to `copy` and counted as buffers from then on.
 */
export function makeHead(
  graph: LoweredGraph,
  node: Lowered,
  isStored: (node: Lowered) => boolean,
  copy: (node: Lowered) => void,
): Head {
  const references: Reference[] = [];
  const after = new Set<Lowered>();
  const walk = new Walk(graph, {
    isStored,
    inline: () => null,
    load: (target, view) => {
      references.push({ target, view });
      return nothing;
    },
    copy,
    after: (other) => {
      for (const buffer of buffersBelow(other, isStored)) after.add(buffer);
    },
  });
  const frame = frameOf(node);
  const dims = frameDims(frame);
  const { body } = node;
  const into = (x: Lowered, ops: readonly ViewOp[]): Chain => chainOf(x.shape, ops);
  if (isReduce(node)) walk.access(node.body.x, into(node.body.x, reduceViews(node, dims)));
  else if (body.kind === "contract") for (const x of [body.a, body.b]) walk.access(x, into(x, []));
  else if (body.kind === "routine") for (const x of body.inputs) walk.access(x, into(x, []));
  else if (body.kind === "join")
    for (const x of body.parts) walk.access(x, into(x, [{ kind: "reshape", shape: dropOnes(x.shape) }]));
  else if (body.kind === "input") walk.access(node, into(node, [{ kind: "reshape", shape: dims }]));
  else walk.define(node, into(node, [{ kind: "reshape", shape: dims }]));
  after.delete(node);
  return { node, frame, references, after: [...after] };
}

/** The buffers that a value is computed from, or its own. */
function buffersBelow(node: Lowered, isStored: (node: Lowered) => boolean): Set<Lowered> {
  const found = new Set<Lowered>();
  const seen = new Set<Lowered>();
  const stack = [node];
  for (let x = stack.pop(); x; x = stack.pop()) {
    if (seen.has(x)) continue;
    seen.add(x);
    if (isStored(x)) found.add(x);
    else stack.push(...argumentsOf(x));
  }
  return found;
}

export function makeGroup(head: Head): Group {
  const { kind } = head.node.body;
  const loop = kind !== "contract" && kind !== "routine" && kind !== "join";
  return { kind: loop ? "loop" : kind, frame: head.frame, heads: [head] };
}

/** The strides that a buffer of one of the group's values has over the group's loops. */
export function stridesIn(frame: Frame, level: "row" | "full"): number[] {
  if (level === "full") return contiguousStrides(frameDims(frame));
  return [...contiguousStrides(frame.outer), ...frame.inner.map(() => 0)];
}

/** Where a value lives in a frame: once per outer index, or at each inner one as well. */
export function levelIn(frame: Frame, node: Lowered): "row" | "full" {
  if (frame.inner.length === 0 || node.body.kind === "reduce") return "row";
  return sameShape(dropOnes(node.shape), frame.outer) ? "row" : "full";
}
