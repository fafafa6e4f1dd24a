// The eager face of reverse mode: from a loss to the gradients of all leaves that want one.
import { type CotangentHook, reverseTracked } from "../autodiff/reverse.ts";
import { isFloat } from "../base/dtype.ts";
import { GraphError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape, sizeOf } from "../base/shape.ts";
import { joinNextRun, realize, releaseAfterNextRun } from "../engine/engine.ts";
import { trace } from "../engine/trace.ts";
import { expectComputable } from "../graph/gone.ts";
import { isRecording, makeNode, Node, withoutGradients } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";
import { builder } from "../ops/builder.ts";
import { alias } from "../ops/cast.ts";
import { builtApart } from "./apart.ts";
import { deferredGradients, type LeafGradient } from "./deferred-gradients.ts";
import { hookOf } from "./hooks.ts";

/** What a loss's forward run kept for its backward pass. */
export interface Kept {
  readonly root: Node;
  readonly nodes: readonly Node[];
}

/** The latest ones only: a loop that reads losses and never calls backward() must not pile them up. */
let kept: Kept[] = [];
const maxKept = 2;

function keepFor(root: Node, nodes: readonly Node[]): void {
  kept.push({ root, nodes });
  if (kept.length <= maxKept) return;
  const [oldest, ...rest] = kept;
  kept = rest;
  for (const node of oldest?.nodes ?? []) {
    node.storage?.release();
    node.storage = null;
  }
}

/** The leaves below `root` that require a gradient, and whether a value on the way there has been given up. */
function leavesOf(root: Node): { readonly leaves: readonly Node[]; readonly isLosing: boolean } {
  let isLosing = false;
  const order = topological([root], (node) => {
    isLosing ||= node.gone !== null;
    return node.requiresGrad;
  });
  return { leaves: order.filter((node) => node.op.kind === "leaf"), isLosing };
}

export interface BackwardOptions {
  /** Keep what the forward pass has computed for another backward() after this one, instead of computing it again. */
  readonly retainGraph?: boolean;
  /** Record how the gradients come about, so that they can be differentiated themselves; implies retainGraph. */
  readonly createGraph?: boolean;
}

interface Wanted {
  /** Whether any of the gradients has not been given up since. */
  isWanted(): boolean;
}

/** Throws where `node` has no gradient, or not one from this cotangent. */
function checkDifferentiable(node: Node, gradient: Node | undefined): void {
  if (!node.requiresGrad)
    throw new GraphError(
      isFloat(node.dtype)
        ? "backward: expected a value that depends on a tensor with requiresGrad, got one that does not. Were the inputs made under noGrad, or detached?"
        : `backward: expected a float value, got ${node.dtype}. Integers and bools have no gradient: convert the inputs, not the result`,
    );
  if (!gradient && sizeOf(node.shape) !== 1)
    throw new GraphError(
      `backward: expected a scalar, got shape ${showShape(node.shape)}. Reduce it (.sum(), .mean()) or pass the cotangent: backward(gradient)`,
    );
  if (gradient && !sameShape(gradient.shape, node.shape))
    throw new ShapeError(
      `backward: expected a gradient of shape ${showShape(node.shape)}, got ${showShape(gradient.shape)}`,
    );
}

const onesLike = (root: Node): Node => builder.fill(1, root.shape, root);

/** What backward() starts from. */
const cotangentFor = (node: Node, gradient: Node | undefined): Node =>
  gradient ? builder.cast(gradient, node.dtype) : onesLike(node);

/** The cotangents of leaves below `root`. Builds nodes, computes nothing. */
function sweep(
  root: Node,
  cotangent: Node,
  leaves: readonly Node[],
  hook: CotangentHook | null = null,
): (Node | null)[] {
  const newest = Node.latestId;
  const seen = new Set<Node>();
  return reverseTracked(builder, root, cotangent, leaves, hook).map((gradient) =>
    gradient ? ofItsOwn(gradient, newest, seen) : null,
  );
}

/** The leaves of `root`, each with its cotangent. */
function leafGradients(
  root: Node,
  cotangent: Node,
  leaves: readonly Node[],
  hook: CotangentHook | null = null,
): LeafGradient[] {
  const gradients = sweep(root, cotangent, leaves, hook);
  return leaves.map((leaf, i) => ({ leaf, gradient: gradients[i] ?? null }));
}

/** Gradients without a graph of their own that are not built before somebody looks into them; null where that cannot be. */
function laterGradients(root: Node, gradient: Node | undefined): LeafGradient[] | null {
  if (gradient !== undefined || hookOf() !== null || trace !== null || isRecording()) return null;
  return deferredGradients(root, (leaves) => withoutGradients(() => sweep(root, onesLike(root), leaves)));
}

/** Gradients that are built now. Throws where a value that they need is gone. */
function builtGradients(root: Node, gradient: Node | undefined, createGraph: boolean): LeafGradient[] {
  const { leaves, isLosing } = leavesOf(root);
  const build = (): LeafGradient[] => leafGradients(root, cotangentFor(root, gradient), leaves, hookOf());
  const found = createGraph ? build() : withoutGradients(build);
  if (isLosing) {
    // The loss joins them, unless it is there or was given up.
    const joining = root.storage === null && root.gone === null ? [root] : [];
    expectComputable("backward", [...joining, ...found.flatMap((x) => x.gradient ?? [])]);
  }
  return found;
}

/** A node that is this gradient's alone: when its memory is given back, nobody else must lose a value. */
function ofItsOwn(gradient: Node, newest: number, seen: Set<Node>): Node {
  const isShared = gradient.id <= newest || gradient.op.kind === "constant" || seen.has(gradient);
  seen.add(gradient);
  return isShared ? makeNode(alias, [gradient]) : gradient;
}

/** The gradients of all leaves below `node`: `add` adds one up, and returns the sum, which the next run computes. */
export function backward(
  node: Node,
  gradient: Node | undefined,
  options: BackwardOptions & Wanted,
  add: (leaf: Node, gradient: Node) => Node | null,
): void {
  checkDifferentiable(node, gradient);
  const { createGraph = false } = options;
  const found = (createGraph ? null : laterGradients(node, gradient)) ?? builtGradients(node, gradient, createGraph);
  const totals: Node[] = [];
  for (const { leaf, gradient: g } of found) {
    const total = g && add(leaf, g);
    if (total) totals.push(total);
  }
  expectGradients(node, totals, options);
}

/** Says that the gradients of `root` are wanted: the next run computes it with them, and then lets go of what it kept. */
function expectGradients(
  root: Node,
  gradients: readonly Node[],
  { createGraph = false, retainGraph = createGraph, isWanted }: BackwardOptions & Wanted,
): void {
  joinNextRun(root, { isWanted });
  for (const gradient of gradients) joinNextRun(gradient);
  if (retainGraph || kept.length === 0) return;
  const held = kept.find((entry) => entry.root === root);
  if (!held) return;
  releaseAfterNextRun(held.nodes);
  kept = kept.filter((entry) => entry !== held);
}

/**
 * Computes nodes. Where one depends on a leaf that requires a gradient, what its reverse rules will read is kept, so
 * that a later backward() runs no second forward pass.
 */
export function realizeForReading(roots: readonly Node[]): void {
  const needed = keptForReading(roots);
  for (const { root, nodes } of needed) keepFor(root, nodes);
  realize(roots, { keep: needed.flatMap(({ nodes }) => nodes) });
}

/** What is computed beside `roots` where they are computed to be read. */
export const keptForReading = (roots: readonly Node[]): Kept[] =>
  roots
    .filter((root) => root.storage === null && root.requiresGrad)
    .map((root) => ({ root, nodes: neededByReverse(root).filter((node) => !roots.includes(node)) }));

/** The pending nodes below `root` that its reverse sweep reads. */
function neededByReverse(root: Node): Node[] {
  const newest = Node.latestId;
  const gradients: Node[] = [];
  // What rules assign happens in backward() itself.
  const { result: found } = builtApart("reading", () =>
    withoutGradients(() => leafGradients(root, onesLike(root), leavesOf(root).leaves)),
  );
  for (const { gradient } of found) if (gradient) gradients.push(gradient);
  const needed = new Set<Node>();
  for (const node of topological(gradients, (x) => x.id > newest))
    for (const input of node.inputs)
      if (input.id <= newest && input !== root && input.storage === null && isVarying(input)) needed.add(input);
  return [...needed];
}

const isVarying = (node: Node): boolean =>
  node.op.kind !== "constant" &&
  node.op.kind !== "scalar" &&
  node.op.kind !== "iota" &&
  node.op.kind !== "leaf" &&
  node.op.kind !== "several";
