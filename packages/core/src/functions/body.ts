// Bodies of loops and branches: a function's graph, closed over parameters that have no values.
import { rebuild, recorded } from "../autodiff/rebuild.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { sameShape } from "../base/shape.ts";
import type { Body } from "../graph/control.ts";
import type { Node } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";
import { builder as b } from "../ops/builder.ts";
import { unknownLeaf } from "../ops/source.ts";
import { expand } from "../ops/view.ts";
import { builtWithout } from "../tensor/apart.ts";
import { Tensor } from "../tensor/tensor.ts";
import { mapTensors, Substituted } from "./trees.ts";

export type Nodes = readonly Node[];
export type Sparse = readonly (Node | null)[];

/** Differentiates a body, whose own rules must not assign: the derivative is built once as well. */
export const byRules = <R>(build: () => R): R =>
  builtWithout("scan and cond", "A rule of customVjp or customJvp inside of them can return values only", build);

export const isNode = (x: Node | null | undefined): x is Node => x !== null && x !== undefined;
export const zerosLike = (x: Node): Node => b.fill(0, x.shape, x);

/** For each node, what was found for it, or zeros. */
export const orZeros = (nodes: Nodes, found: readonly (Node | null | undefined)[]): Node[] =>
  nodes.map((node, i) => found[i] ?? zerosLike(node));

/** A tree with its tensors replaced, in their order. */
export function filled(tree: unknown, nodes: Nodes): unknown {
  let next = 0;
  return mapTensors(tree, (x) => new Tensor(nodes[next++] ?? x.node));
}

/** Runs `f` on arguments with other nodes in them; modules are themselves, and compute with those. */
export function calledWith<A extends readonly unknown[], R>(
  operation: string,
  args: A,
  nodes: Nodes,
  f: (...args: A) => R,
): R {
  const substituted = new Substituted();
  let next = 0;
  const others = substituted.of(args, (x) => new Tensor(nodes[next++] ?? x.node)) as A;
  return substituted.during(operation, () => f(...others));
}

/** A parameter for values like `x`, or of another shape. */
export const parameter = (x: Node, shape: readonly number[] = x.shape): Node =>
  unknownLeaf(shape, x.dtype, x.device, "inside of scan and cond a tensor has no values of its own");

const isSource = ({ op }: Node): boolean => op.kind === "constant" || op.kind === "scalar" || op.kind === "iota";

/** What the graph of `roots` needs from outside: all that doesn't depend on `params`, but for numbers. */
export function captured(roots: Nodes, params: Nodes): Nodes {
  const inside = new Set<Node>(params);
  const plain = new Set<Node>();
  const oldest = params.reduce((id, node) => Math.min(id, node.id), Number.POSITIVE_INFINITY);
  const isPlain = (node: Node): boolean => isSource(node) || plain.has(node);
  for (const node of topological(roots, (x) => x.id >= oldest)) {
    if (node.inputs.some((x) => inside.has(x))) inside.add(node);
    else if (node.inputs.length > 0 && node.inputs.every(isPlain)) plain.add(node);
  }
  const isOwn = (node: Node): boolean => inside.has(node) || plain.has(node);
  return recorded(roots, isOwn).inputs.filter((node) => !isOwn(node) && !isSource(node));
}

/** What was built after node number `since` needs from outside. */
export const capturedSince = (roots: Nodes, since: number): Nodes =>
  recorded(roots, (node) => node.id > since).inputs.filter((node) => !isSource(node));

/** A body of `params` and a parameter for each of `outer`. */
export function closed(roots: Nodes, params: Nodes, outer: Nodes): Body {
  const own = outer.map((node) => parameter(node));
  return { params: [...params, ...own], roots: rebuild({ roots, inputs: outer }, own) };
}

/** What is repeated for a batch, if it is nothing else: one for all examples. */
export function sharedBy(batched: Node): Node | null {
  const [one] = batched.inputs;
  return batched.op === expand && one && sameShape(one.shape, batched.shape.slice(1)) ? one : null;
}

/** The body over a batch; parameters that all examples share stay as they are. */
export function batchedBody({ params, roots }: Body, isShared: (index: number) => boolean, size: number): Body {
  const next = params.map((param, i) => (isShared(i) ? param : parameter(param, [size, ...param.shape])));
  const mapped = params.filter((_, i) => !isShared(i));
  const replacements = next.filter((_, i) => !isShared(i));
  return { params: next, roots: vectorize(b, roots, mapped, replacements, size) };
}
