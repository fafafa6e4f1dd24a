// A loss of a structure that was met before has gradients of a structure that was met before: nodes that stand for them are
// enough, until somebody looks into them. In a training loop nobody does, and no reverse sweep is made.
import { type Structure, structureOf } from "../engine/structure.ts";
import type { Node } from "../graph/node.ts";
import { type Deferred, followsFrom, type Promised, promised, StandIn } from "../graph/stand-in.ts";
import { topological } from "../graph/walk.ts";

export interface LeafGradient {
  readonly leaf: Node;
  readonly gradient: Node | null;
}

/** Finds the gradients of `leaves`, all of them nodes that did not exist before. */
export type Sweep = (leaves: readonly Node[]) => readonly (Node | null)[];

/** What the gradients of a structure are like, by leaf. */
interface Known {
  readonly key: Int32Array;
  /** Null where they have to be built each time. */
  readonly gradients: readonly (Promised | null)[] | null;
}

/** Structures before the table starts over. */
const maxKnown = 512;
const table = new Map<number, Known[]>();
let count = 0;

/** The sweep's nodes, built when somebody asks for them. */
class Later implements Deferred {
  private built: readonly Node[] | null;
  private readonly leaves: readonly Node[];
  private readonly sweep: Sweep;

  constructor(sweep: Sweep, leaves: readonly Node[], built: readonly Node[] | null) {
    this.sweep = sweep;
    this.leaves = leaves;
    this.built = built;
  }

  nodes(): readonly Node[] {
    this.built ??= this.sweep(this.leaves).flatMap((node) => node ?? []);
    return this.built;
  }
}

/** The gradients of all leaves below `root`: stand-ins where that is possible. Null where its structure cannot be told. */
export function deferredGradients(root: Node, sweep: Sweep): LeafGradient[] | null {
  const structure = structureOf(root);
  if (structure === null) return null;
  const { leaves } = structure;
  const hash = structure.words.hash;
  const known = lookUp(structure, hash);
  if (known?.gradients) return standIns(root, leaves, known.gradients, new Later(sweep, leaves, null));
  const key = known ? null : structure.words.copy();
  const found = sweep(leaves);
  if (key !== null) {
    const built = found.flatMap((node) => node ?? []);
    const gradients = followsFrom(new Set(topological([root])), built) ? promised(found) : null;
    if (count >= maxKnown) table.clear();
    if (table.size === 0) count = 0;
    count++;
    table.set(hash, [...(table.get(hash) ?? []), { key, gradients }]);
    if (gradients) return standIns(root, leaves, gradients, new Later(sweep, leaves, built));
  }
  return leaves.map((leaf, i) => ({ leaf, gradient: found[i] ?? null }));
}

function lookUp({ words }: Structure, hash: number): Known | null {
  const bucket = table.get(hash);
  if (bucket) for (const known of bucket) if (words.equals(known.key)) return known;
  return null;
}

function standIns(
  root: Node,
  leaves: readonly Node[],
  gradients: readonly (Promised | null)[],
  deferred: Deferred,
): LeafGradient[] {
  const inputs = [root];
  const found: LeafGradient[] = [];
  for (let i = 0; i < leaves.length; i++) {
    const [leaf, like] = [leaves[i], gradients[i]];
    if (leaf) found.push({ leaf, gradient: like ? new StandIn(inputs, like, root.device, deferred) : null });
  }
  return found;
}
