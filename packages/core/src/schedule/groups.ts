// The units of fusion: values that get a buffer (heads), what they read, and groups of them that become one kernel.
import { contiguousStrides, type Shape, sameShape, sizeOf } from "../base/shape.ts";
import { composeView, type View, type ViewOp } from "../base/view.ts";
import type { Expr } from "../kernel/ir.ts";
import { type Chain, chainOf, dropOnes, Walk } from "./access.ts";
import { endsBelow, type Lowered, type LoweredGraph } from "./lowered.ts";

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

/** Heads that one kernel computes (join: none of its own, it comes after its places). */
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
      for (const buffer of endsBelow([other], isStored)) after.add(buffer);
    },
  });
  const frame = frameOf(node);
  const dims = frameDims(frame);
  const { body } = node;
  const into = (x: Lowered, ops: readonly ViewOp[]): Chain => chainOf(x.shape, ops);
  if (isReduce(node)) walk.access(node.body.x, into(node.body.x, reduceViews(node, dims)));
  else if (body.kind === "contract") for (const x of [body.a, body.b]) walk.access(x, into(x, []));
  else if (body.kind === "routine") for (const x of body.inputs) walk.access(x, into(x, []));
  else if (body.kind === "join") for (const place of body.parts) after.add(place);
  else if (body.kind === "input") walk.access(node, into(node, [{ kind: "reshape", shape: dims }]));
  else walk.define(node, into(node, [{ kind: "reshape", shape: dims }]));
  after.delete(node);
  return { node, frame, references, after: [...after] };
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
  // Inner loops do not have one iteration: sizes tell the two apart, unless there is nothing to compute.
  const rows = sizeOf(frame.outer);
  const isRow = rows > 0 ? sizeOf(node.shape) === rows : sameShape(dropOnes(node.shape), frame.outer);
  return isRow ? "row" : "full";
}

/** Loops over the same elements in the same order that are cut as finely as both need; null where cuts cross. */
export function refined(a: Shape, b: Shape): number[] | null {
  if (sameShape(a, b) || a.includes(0) || b.includes(0)) return sameShape(a, b) ? [...a] : null;
  const out: number[] = [];
  const [restA, restB] = [[...a], [...b]];
  let [m, n] = [restA.pop() ?? 1, restB.pop() ?? 1];
  while (m > 1 || n > 1) {
    const step = m === 1 ? n : n === 1 ? m : Math.min(m, n);
    if (step === 0 || m % step !== 0 || n % step !== 0) return null;
    out.unshift(step);
    m = m === step ? (restA.pop() ?? 1) : m / step;
    n = n === step ? (restB.pop() ?? 1) : n / step;
  }
  return out;
}

/** The group with its loops cut to a finer frame; null where a view cannot follow. */
export function recut({ frame, heads, kind }: Group, to: Frame): Group | null {
  if (sameShape(frame.outer, to.outer) && sameShape(frame.inner, to.inner)) return { kind, frame, heads };
  const cut: Head[] = [];
  for (const head of heads) {
    const isRow = frame.inner.length > 0 && head.frame.inner.length === 0 && levelIn(frame, head.node) === "row";
    const dims = isRow ? to.outer : frameDims(to);
    const references: Reference[] = [];
    for (const { target, view } of head.references) {
      const fine = composeView(view, { kind: "reshape", shape: dims });
      if (!fine) return null;
      references.push({ target, view: fine });
    }
    const isFold = head.frame.inner.length > 0;
    cut.push({ ...head, frame: isFold ? to : { outer: dims, inner: [] }, references });
  }
  return { kind, frame: to, heads: cut };
}

/**
 * Two groups with their loops cut in the same places, where they run over the same elements or one of them over the
 * rows of the other; null where they do not.
 */
export function aligned(p: Group, q: Group): [Group, Group] | null {
  const [a, b] = [p.frame, q.frame];
  const [sizeA, sizeB] = [frameDims(a), frameDims(b)].map(sizeOf);
  if (a.inner.length > 0 && b.inner.length > 0) {
    const outer = refined(a.outer, b.outer);
    const inner = refined(a.inner, b.inner);
    return outer && inner && both(p, { outer, inner }, q, { outer, inner });
  }
  if (a.inner.length === 0 && b.inner.length === 0) {
    const outer = refined(a.outer, b.outer);
    return outer && both(p, { outer, inner: [] }, q, { outer, inner: [] });
  }
  if (a.inner.length === 0) {
    const swapped = aligned(q, p);
    return swapped && [swapped[1], swapped[0]];
  }
  if (sizeA === sizeB) {
    const dims = refined(frameDims(a), b.outer);
    if (!dims) return null;
    const rows = dims.includes(0) ? a.outer.length : axesOf(sizeOf(a.outer), dims);
    return both(p, { outer: dims.slice(0, rows), inner: dims.slice(rows) }, q, { outer: dims, inner: [] });
  }
  const outer = sizeOf(a.outer) === sizeB ? refined(a.outer, b.outer) : null;
  return outer && both(p, { outer, inner: a.inner }, q, { outer, inner: [] });
}

/** How many of the first axes have `size` elements together. */
function axesOf(size: number, dims: Shape): number {
  let axes = 0;
  for (let count = 1; count < size; axes++) count *= dims[axes] ?? 1;
  return axes;
}

function both(p: Group, frameP: Frame, q: Group, frameQ: Frame): [Group, Group] | null {
  const [a, b] = [recut(p, frameP), recut(q, frameQ)];
  return a && b && [a, b];
}
