// The eager face of reverse mode: from a loss to the gradients of all leaves that want one.
import { reverse } from "../autodiff/reverse.ts";
import { joinNextRun, realize, releaseAfterNextRun } from "../engine/engine.ts";
import { Node, withoutGradients } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";
import { builder } from "../ops/builder.ts";

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

const leavesOf = (root: Node): Node[] =>
  topological([root], (node) => node.requiresGrad).filter((node) => node.op.kind === "leaf");

/** The leaves below `root` that require a gradient, each with its cotangent. Builds nodes, computes nothing. */
export function leafGradients(root: Node, cotangent: Node): { leaf: Node; gradient: Node | null }[] {
  return withoutGradients(() => {
    const leaves = leavesOf(root);
    const gradients = reverse(builder, [root], [cotangent], leaves);
    return leaves.map((leaf, i) => ({ leaf, gradient: gradients[i] ?? null }));
  });
}

/** Says that the gradients of `root` are wanted: the next run computes it with them, and then lets go of what it kept. */
export function expectGradients(root: Node, gradients: readonly Node[]): void {
  joinNextRun(root);
  for (const gradient of gradients) joinNextRun(gradient);
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
  for (const { gradient } of leafGradients(
    root,
    withoutGradients(() => builder.fill(1, root.shape, root)),
  ))
    if (gradient) gradients.push(gradient);
  const needed = new Set<Node>();
  for (const node of topological(gradients, (x) => x.id > newest))
    for (const input of node.inputs)
      if (input.id <= newest && input !== root && input.storage === null && isVarying(input)) needed.add(input);
  return [...needed];
}

const isVarying = (node: Node): boolean =>
  node.op.kind !== "constant" && node.op.kind !== "scalar" && node.op.kind !== "iota" && node.op.kind !== "leaf";
