// Which of the values that get buffers one kernel computes together.
import { contiguousStrides, type Shape, sameShape, sizeOf } from "../base/shape.ts";
import type { View } from "../base/view.ts";
import { readsInOrder } from "./access.ts";
import { denseOrder } from "./contract.ts";
import {
  aligned,
  frameDims,
  type Group,
  type Head,
  isContract,
  levelIn,
  makeGroup,
  makeHead,
  recut,
  refined,
  stridesIn,
} from "./groups.ts";
import { argumentsOf, type Lowered, type LoweredGraph } from "./lowered.ts";
import { order } from "./order.ts";
import { chooseStored } from "./stored.ts";

/** Rows longer than this are not kept in cache between passes; with few of them, passes are better kernels of their own. */
const longRow = 4096;
const fewRows = 8;

/** Values that do not need each other crowd each other's registers. */
const maxSiblings = 12;

export interface Fusion {
  /** In an order in which every buffer is written before it is read. */
  readonly groups: readonly Group[];
  /** Nodes that others load instead of recomputing. */
  readonly stored: ReadonlySet<Lowered>;
}

/** With `apart`, every value has a buffer and every kernel one head: slow, and what fusion is tested against. */
export function fuse(graph: LoweredGraph, roots: readonly Lowered[], apart = false): Fusion {
  const nodes = reachable(roots);
  const { stored, last } = chooseStored(nodes, roots);
  if (apart) for (const node of nodes) if (node.body.kind !== "input") stored.add(node);
  const heads: Head[] = [];
  const queue = [...stored].sort((a, b) => a.id - b.id);
  const known = new Set<Lowered>(queue);
  for (let i = 0; i < queue.length; i++) {
    const node = queue[i];
    if (!node) continue;
    const copy = (x: Lowered): void => {
      if (!known.has(x)) queue.push(x);
      known.add(x);
    };
    heads.push(makeHead(graph, node, (x) => stored.has(x), copy));
  }
  const groups = heads.map(makeGroup);
  return { groups: order(apart ? groups : merge(groups, last), roots), stored };
}

function reachable(roots: readonly Lowered[]): Lowered[] {
  const seen = new Set<Lowered>();
  const stack = [...roots];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...argumentsOf(node));
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** A producer and its consumer, or two siblings. */
type Pair = readonly [Group, Group];

class Links {
  readonly groupOf = new Map<Lowered, Group>();

  constructor(groups: readonly Group[]) {
    for (const group of groups) for (const head of group.heads) this.groupOf.set(head.node, group);
  }

  producers(group: Group): Set<Group> {
    const out = new Set<Group>();
    const add = (target: Lowered): void => {
      const producer = this.groupOf.get(target);
      if (producer && producer !== group) out.add(producer);
    };
    for (const head of group.heads) {
      for (const { target } of head.references) add(target);
      for (const target of head.after) add(target);
    }
    return out;
  }

  /** Whether `group` needs `other` by way of a third group. */
  needsIndirectly(group: Group, other: Group): boolean {
    const seen = new Set<Group>([group, other]);
    const stack = [...this.producers(group)].filter((g) => g !== other);
    for (let g = stack.pop(); g; g = stack.pop()) {
      if (seen.has(g)) continue;
      seen.add(g);
      for (const producer of this.producers(g)) {
        if (producer === other) return true;
        stack.push(producer);
      }
    }
    return false;
  }

  needs(group: Group, other: Group): boolean {
    return this.producers(group).has(other) || this.needsIndirectly(group, other);
  }

  /** `pair`: the two groups with their loops aligned. */
  join(into: Group, from: Group, [p, q]: Pair): void {
    into.frame = mergedFrame(p, q);
    into.heads = [...p.heads, ...q.heads];
    for (const head of from.heads) this.groupOf.set(head.node, into);
  }
}

/** `last`: which product a sum joins. */
function merge(groups: readonly Group[], last: ReadonlyMap<Lowered, Lowered>): Group[] {
  const links = new Links(groups);
  const alive = new Set(groups);
  for (const group of groups) {
    // A producer may have joined others before its turn.
    if (!alive.has(group)) continue;
    let current = group;
    for (let again = true; again; ) {
      again = false;
      const first = current.heads.flatMap(({ node }) => links.groupOf.get(last.get(node) ?? node) ?? []);
      for (const producer of new Set([...first, ...links.producers(current)])) {
        if (producer === current) continue;
        const pair = mergeable(producer, current);
        if (!pair || links.needsIndirectly(current, producer)) continue;
        links.join(producer, current, pair);
        alive.delete(current);
        current = producer;
        again = true;
        break;
      }
    }
  }
  mergeSiblings([...alive], links, alive);
  return [...alive];
}

/** Loops over the same elements that read the same values and do not wait for each other share a pass. */
function mergeSiblings(groups: readonly Group[], links: Links, alive: Set<Group>): void {
  const readers = new Map<string, Group[]>();
  for (const first of groups) {
    let group = first;
    if (group.kind !== "loop") continue;
    const keys = new Set<string>();
    for (const { references } of group.heads)
      for (const { target, view } of references) if (!isRepeated(view)) keys.add(`${target.id};${walkKey(view)}`);
    for (const key of keys) {
      const others = readers.get(key) ?? [];
      for (const partner of others) {
        const pair = alive.has(partner) && partner !== group && areSiblings(partner, group, links);
        if (!pair) continue;
        links.join(partner, group, pair);
        alive.delete(group);
        group = partner;
        break;
      }
      readers.set(key, [...others, group]);
    }
  }
}

/** Cells that loops come back to, such as a mask that all rows share, are near the second time: a pass for two saves nothing. */
const isRepeated = ({ shape, strides }: View): boolean => shape.some((size, i) => size > 1 && strides[i] === 0);

/** Which cells a view walks over in which order, however its loops are cut. */
function walkKey({ shape, offset, strides }: View): string {
  const runs: [size: number, stride: number][] = [];
  shape.forEach((size, i) => {
    const stride = strides[i] ?? 0;
    const last = runs.at(-1);
    if (last && last[1] === stride * size) runs[runs.length - 1] = [last[0] * size, stride];
    else runs.push([size, stride]);
  });
  return `${offset};${runs}`;
}

/** The two with their loops aligned, if they can share them. */
function areSiblings(a: Group, b: Group, links: Links): Pair | null {
  if (crowding(a) + crowding(b) > maxSiblings || links.needs(a, b) || links.needs(b, a)) return null;
  const pair = aligned(a, b);
  if (!pair) return null;
  const [p, q] = pair;
  const isSame = sameShape(p.frame.inner, q.frame.inner);
  if (!isSame && (!sameShape(frameDims(p.frame), frameDims(q.frame)) || hasLongRows(mergedFrame(p, q)))) return null;
  return pair;
}

/** Values in the innermost loop: what is stored once for each row is not there. */
const crowding = ({ frame, heads }: Group): number =>
  heads.filter((head) => head.node.body.kind === "reduce" || sizeOf(frameDims(head.frame)) === sizeOf(frameDims(frame)))
    .length;

const hasLongRows = ({ outer, inner }: Group["frame"]): boolean => sizeOf(outer) < fewRows && sizeOf(inner) > longRow;

function mergedFrame(p: Group, q: Group): Group["frame"] {
  return p.frame.inner.length > 0 || p.kind === "contract" ? p.frame : q.frame;
}

/** The two with their loops aligned, if the consumer reads the producer where the loops stand. */
function mergeable(producer: Group, consumer: Group): Pair | null {
  // What only has to come later gains nothing from the same loops.
  if (consumer.kind !== "loop" || !reads(consumer, producer)) return null;
  if (producer.kind === "contract") {
    const cut = cutLikeProduct(producer, consumer);
    return cut && epilogueFits(producer, cut) ? [producer, cut] : null;
  }
  const pair = producer.kind === "loop" ? aligned(producer, consumer) : null;
  return pair && readsWhereLoopsStand(...pair) ? pair : null;
}

function readsWhereLoopsStand(p: Group, q: Group): boolean {
  const frame = mergedFrame(p, q);
  const produced = new Set(p.heads.map((h) => h.node));
  for (const head of q.heads) {
    const level = head.frame.inner.length > 0 ? "full" : levelIn(frame, head.node);
    for (const { target, view } of head.references) {
      if (!produced.has(target)) continue;
      const targetLevel = levelIn(frame, target);
      if (level === "row" && targetLevel === "full") return false;
      const strides = level === "row" ? contiguousStrides(frame.outer) : stridesIn(frame, targetLevel);
      if (!readsInOrder(view, strides)) return false;
      if (level === "full" && p.frame.inner.length > 0 && hasLongRows(frame)) return false;
    }
  }
  return true;
}

const reads = (q: Group, p: Group): boolean =>
  q.heads.some((head) => head.references.some(({ target }) => p.heads.some((other) => other.node === target)));

/** The map with its loops cut as the stores' are, or where the axes of the contraction that it reads end. */
function cutLikeProduct(p: Group, q: Group): Group | null {
  const product = p.heads.map((head) => head.node).find(isContract);
  if (!product || q.frame.inner.length > 0) return null;
  const read = q.heads.flatMap((head) => head.references).find(({ target }) => target === product);
  const outer =
    p.heads.length > 1 ? refined(p.frame.outer, q.frame.outer) : read && axesWithin(product.shape, read.view);
  return outer ? recut(q, { outer, inner: [] }) : null;
}

/** The extents of a view of a buffer of `shape`, cut so that none of them runs across several of its axes; null where cuts cross. */
function axesWithin(shape: Shape, { shape: sizes, strides }: View): number[] | null {
  const steps = contiguousStrides(shape);
  const out: number[] = [];
  for (const [i, size] of sizes.entries()) {
    const own: number[] = [];
    let rest = size;
    let stride = strides[i] ?? 0;
    while (rest > 1) {
      const axis = steps.findIndex((step, j) => step <= stride && stride < step * (shape[j] ?? 1));
      const room = ((shape[axis] ?? 1) * (steps[axis] ?? 1)) / stride;
      const run = axis < 0 ? rest : Math.min(rest, room);
      if (!Number.isInteger(run) || rest % run !== 0) return null;
      own.unshift(run);
      rest /= run;
      stride *= run;
    }
    out.push(...(size === 1 ? [1] : own));
  }
  return out;
}

/** A map may join a contraction whose every element it reads once, if its loops divide the contraction's. */
function epilogueFits(p: Group, q: Group): boolean {
  if (q.frame.inner.length > 0) return false;
  const dims = frameDims(q.frame);
  const contract = p.heads.find((h) => isContract(h.node));
  const others = p.heads.filter((h) => h !== contract);
  if (!contract || (others.length > 0 && !sameShape(dims, p.frame.outer))) return false;
  let strides: readonly number[] | null = contractStrides(p);
  for (const head of q.heads)
    for (const { target, view } of head.references) {
      if (target === contract.node) {
        if (view.guards.length > 0 || view.offset !== 0) return false;
        if (strides && !sameShape(strides, view.strides)) return false;
        if (!strides && !denseOrder(contract.node.shape, view)) return false;
        strides = view.strides;
      } else if (others.some((h) => h.node === target) && !readsInOrder(view, contiguousStrides(dims))) return false;
    }
  if (!strides) return false;
  if (others.length === 0) p.frame = { outer: dims, inner: [] };
  return true;
}

/** How the group's stores read the contraction, once one has joined. */
export function contractStrides(group: Group): readonly number[] | null {
  for (const head of group.heads)
    for (const { target, view } of head.references)
      if (isContract(target) && group.heads.some((h) => h.node === target)) return view.strides;
  return null;
}
