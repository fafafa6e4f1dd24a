// Groups → kernels: expressions with slots in them.

import { GraphError } from "../base/errors.ts";
import { contiguousStrides, type Shape } from "../base/shape.ts";
import { composeView, contiguousView, type View } from "../base/view.ts";
import type { Expr, Kernel, Operand, Stage, Store } from "../kernel/ir.ts";
import { chainOf, dropOnes, Walk } from "./access.ts";
import { contractLoops, denseOrder, operandViews, storeView } from "./contract.ts";
import { contractStrides } from "./fuse.ts";
import { frameDims, type Group, type Head, isContract, isReduce, levelIn, reduceViews, stridesIn } from "./groups.ts";
import { argumentsOf, type Lowered, type LoweredGraph } from "./lowered.ts";

/** Where values live while kernels are written. */
export interface Slots {
  /** The slot that a node is read from. */
  read(node: Lowered): number;
  /** The slots that a computed node is written to; none if nobody else reads it. */
  written(node: Lowered): readonly number[];
}

export function emitGroup(graph: LoweredGraph, group: Group, stored: ReadonlySet<Lowered>, slots: Slots): Kernel[] {
  switch (group.kind) {
    case "loop":
      return [emitLoop(graph, group, stored, slots)];
    case "contract":
      return [emitContract(graph, group, stored, slots)];
    case "routine":
      return group.heads.flatMap((head) => emitRoutine(head, slots));
    case "join":
      return [];
  }
}

/** A walk whose loads have slots; `values` holds what the kernel computes itself. */
function walkFor(
  graph: LoweredGraph,
  stored: ReadonlySet<Lowered>,
  slots: Slots,
  values: ReadonlyMap<Lowered, Expr>,
): Walk {
  return new Walk(graph, {
    isStored: (node) => stored.has(node),
    inline: (node) => values.get(node) ?? null,
    load: (node, view) => ({ kind: "load", dtype: node.dtype, slot: slots.read(node), view }),
    copy: () => {},
  });
}

/** The slots that a computed node is written to: those of its join, if it is part of one. */
const slotsOf = (graph: LoweredGraph, node: Lowered, slots: Slots): readonly number[] =>
  slots.written(graph.homes.get(node) ?? node);

/** Where a place is written, over loops of which those over `own` are its own; null for other nodes. */
function boxOf({ shape, body }: Lowered, dims: Shape, own: Shape): View | null {
  if (body.kind !== "place") return null;
  const box: View = { shape, offset: body.box.offset, strides: body.box.strides, guards: [] };
  const cut = composeView(box, { kind: "reshape", shape: own });
  if (!cut) throw new GraphError(`schedule: a part of shape [${shape}] has no view over [${dims}]`);
  const { strides } = cut;
  return { ...cut, shape: dims, strides: [...strides, ...dims.slice(own.length).map(() => 0)] };
}

const viewOver = (shape: Shape, strides: readonly number[]): View => ({ shape, offset: 0, strides, guards: [] });

/** What operations are called that compute these nodes: views count where there is nothing else. */
function operationsOf(nodes: Iterable<Lowered>): string[] {
  const named = [...nodes].filter((node) => node.operation !== "").sort((a, b) => a.id - b.id);
  const computing = named.filter(({ body }) => body.kind !== "view" && argumentsOf({ body }).length > 0);
  const names = new Set((computing.length > 0 ? computing : named).map((node) => node.operation));
  return names.size > 0 ? [...names] : ["copy"];
}

const nodesOf = (group: Group): Lowered[] => group.heads.map((head) => head.node);

function emitLoop(graph: LoweredGraph, group: Group, stored: ReadonlySet<Lowered>, slots: Slots): Kernel {
  const { frame } = group;
  const dims = frameDims(frame);
  const values = new Map<Lowered, Expr>();
  const walk = walkFor(graph, stored, slots, values);
  const stages: Stage[] = [];
  let folds = 0;
  let passes = 0;
  for (const { node } of group.heads) {
    const level = levelIn(frame, node);
    let value: Expr;
    if (isReduce(node)) {
      const { x, op } = node.body;
      const folded = walk.access(x, chainOf(x.shape, reduceViews(node, dims)));
      stages.push({ kind: "fold", op, dtype: node.dtype, value: folded });
      value = { kind: "acc", dtype: node.dtype, index: folds++ };
    } else {
      const ones = frame.inner.map(() => 1);
      const chain = chainOf(
        node.shape,
        level === "full" || frame.inner.length === 0
          ? [{ kind: "reshape", shape: dims }]
          : [
              { kind: "reshape", shape: [...frame.outer, ...ones] },
              { kind: "expand", shape: dims },
            ],
      );
      value = node.body.kind === "input" ? walk.access(node, chain) : walk.define(node, chain);
    }
    values.set(node, value);
    const kind = level === "full" && frame.inner.length > 0 ? "each" : "once";
    if (kind === "each") passes++;
    const strides = stridesIn(frame, frame.inner.length === 0 ? "row" : level);
    const view = boxOf(node, dims, level === "row" ? frame.outer : dims) ?? viewOver(dims, strides);
    for (const slot of slotsOf(graph, node, slots))
      stages.push({ kind, store: { slot, dtype: node.dtype, view, value } });
  }
  const form = frame.inner.length === 0 && folds === 0 ? "map" : folds <= 1 && passes === 0 ? "reduce" : "rowwise";
  const operations = operationsOf(new Set([...walk.computed, ...nodesOf(group)]));
  return { form, outer: frame.outer, inner: frame.inner, stages, operations };
}

function emitContract(graph: LoweredGraph, group: Group, stored: ReadonlySet<Lowered>, slots: Slots): Kernel {
  const node = group.heads.map((h) => h.node).find(isContract);
  if (!node) throw new GraphError("schedule: a contraction's group has no contraction");
  const strides = contractStrides(group);
  const dims = strides ? group.frame.outer : dropOnes(node.shape);
  const order = (strides && denseOrder(node.shape, viewOver(dims, strides))) ?? dims.map((_, i) => i);
  const loops = contractLoops(node, dims, order);
  const all = [...loops.batch, ...loops.m, ...loops.n, ...loops.k];
  const values = new Map<Lowered, Expr>([[node, { kind: "acc", dtype: node.dtype, index: 0 }]]);
  const walk = walkFor(graph, stored, slots, values);
  const operand = (side: "a" | "b"): Expr => {
    const x = node.body[side];
    return walk.access(x, chainOf(x.shape, operandViews(node, side, loops)));
  };
  const kept = [...loops.batch, ...loops.m, ...loops.n];
  const ones = loops.k.map(() => 1);
  const stores: Store[] = [];
  for (const head of group.heads) {
    const value =
      head.node === node
        ? values.get(node)
        : walk.define(
            head.node,
            chainOf(head.node.shape, [
              { kind: "reshape", shape: dims },
              { kind: "permute", axes: loops.order },
              { kind: "reshape", shape: [...kept, ...ones] },
              { kind: "expand", shape: all },
            ]),
          );
    if (!value) continue;
    values.set(head.node, value);
    const view =
      head.node === node
        ? viewOver(all, [...contiguousStrides(kept), ...loops.k.map(() => 0)])
        : storeView(boxOf(head.node, dims, dims) ?? contiguousView(dims), loops);
    for (const slot of slotsOf(graph, head.node, slots)) stores.push({ slot, dtype: head.node.dtype, view, value });
  }
  const [a, b] = [operand("a"), operand("b")];
  const operations = operationsOf(new Set([...walk.computed, ...nodesOf(group)]));
  return { form: "contract", ...pick(loops), dtype: node.dtype, a, b, stores, operations };
}

const pick = ({
  batch,
  m,
  n,
  k,
}: {
  batch: Shape;
  m: Shape;
  n: Shape;
  k: Shape;
}): { batch: Shape; m: Shape; n: Shape; k: Shape } => ({
  batch,
  m,
  n,
  k,
});

function emitRoutine(head: Head, slots: Slots): Kernel[] {
  const { node } = head;
  const { body } = node;
  if (body.kind !== "routine") return [];
  const operand = (x: Lowered, slot: number): Operand => ({
    slot,
    dtype: x.dtype,
    size: x.shape.reduce((p, n) => p * n, 1),
  });
  const inputs = head.references.map(({ target }) => operand(target, slots.read(target)));
  return slots.written(node).map((slot) => ({
    form: "routine",
    name: body.name,
    inputs,
    output: operand(node, slot),
    numbers: body.numbers,
    check: body.check,
    operations: operationsOf([node]),
  }));
}
