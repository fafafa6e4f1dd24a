// Nodes that stand for others which always come out the same on a graph of that structure, such as those of a reverse
// sweep. The others are built where somebody looks into them, or where no plan is known yet.
import type { DType } from "../base/dtype.ts";
import { GraphError } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import { type Attrs, Node, noAttrs } from "./node.ts";
import type { Source } from "./rules.ts";
import { topological } from "./walk.ts";

/** Several nodes, to be built at most once. */
export interface Deferred {
  nodes(): readonly Node[];
}

const standInOp: Source = { kind: "standIn", name: "standIn", dtype: () => "float32", shape: () => [] };

/** What is there before the nodes are: their kind. The number tells structures apart, with `index` what they build. */
export interface Promised {
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: DType;
}

const noInputs: readonly Node[] = [];
let structures = 0;

/**
 * Its inputs are what the nodes that it stands for are built from, so that the engine's signature, which has them and the number
 * of the structure, says what is computed. Seen by the engine and by handles alone, which put the real node in its place.
 */
export class StandIn extends Node {
  private deferred: Deferred | null;

  constructor(inputs: readonly Node[], { attrs, shape, dtype }: Promised, device: string, deferred: Deferred | null) {
    super(standInOp, inputs, attrs, shape, dtype, device, false);
    this.deferred = deferred;
  }

  /** The node that it stands for. */
  get real(): Node {
    const node = this.deferred?.nodes()[Number(this.attrs.index)];
    if (!node) throw new GraphError("stand-in: expected a node to stand for, got none");
    return node;
  }

  override forget(): void {
    this.inputs = noInputs;
    this.deferred = null;
  }
}

/** The node that has the operation in it. */
export const realNode = (node: Node): Node => (node instanceof StandIn ? node.real : node);

/** Whether nodes are made of `inputs` and literals alone, so that on other inputs of the same kind they would come out the same. */
export function followsFrom(inputs: ReadonlySet<Node>, nodes: readonly Node[]): boolean {
  for (const { op, storage } of topological(nodes, (node) => !inputs.has(node)))
    if (storage !== null || op.kind === "leaf" || op.kind === "scalar" || op.kind === "several" || op.kind === "part")
      return false;
  return true;
}

/** A structure that builds nodes like these. */
export function promised<T extends Node | null>(nodes: readonly T[]): (Promised | (null & T))[];
export function promised(nodes: readonly (Node | null)[]): (Promised | null)[] {
  const structure = ++structures;
  let index = 0;
  return nodes.map((node) => node && { attrs: { structure, index: index++ }, shape: node.shape, dtype: node.dtype });
}

/** What several stand-ins have as their input, where what they are built from is a list of nodes. */
export const inputsOf = (inputs: readonly Node[], device: string): Node =>
  new Node(standInOp, inputs, noAttrs, [], "float32", device, false);
