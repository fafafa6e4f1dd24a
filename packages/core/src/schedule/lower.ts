// Node graph → lowered graph: every pending node is opened up by its own record.
import type { DType } from "../base/dtype.ts";
import { GraphError } from "../base/errors.ts";
import type { Node } from "../graph/node.ts";
import type { Check } from "../kernel/ir.ts";
import { type Lowered, LoweredGraph } from "./lowered.ts";

/** A pending graph in a canonical order: what a plan is compiled from. */
export interface Pending {
  /** Pending nodes, inputs before users. */
  readonly nodes: readonly Node[];
  /** Computed nodes that they read: the plan's inputs. */
  readonly inputs: readonly Node[];
  /** Run-time numbers that they read: the plan's params. */
  readonly scalars: readonly Node[];
  readonly roots: readonly Node[];
}

export interface LoweredPlan {
  readonly graph: LoweredGraph;
  readonly roots: readonly Lowered[];
  readonly params: readonly DType[];
  readonly checks: readonly Check[];
}

export function lower(pending: Pending): LoweredPlan {
  const graph = new LoweredGraph();
  const lowered = new Map<Node, Lowered>();
  pending.inputs.forEach((node, i) => {
    lowered.set(node, graph.input(i, node.shape, node.dtype));
  });
  pending.scalars.forEach((node, i) => {
    lowered.set(node, graph.param(i, node.dtype));
  });
  const get = (node: Node): Lowered => {
    const found = lowered.get(node);
    if (!found) throw new GraphError(`lower: ${node.op.name} comes before its input`);
    return found;
  };
  for (const node of pending.nodes) {
    graph.operation = node.op.name;
    lowered.set(node, lowerNode(graph, node, node.inputs.map(get)));
  }
  graph.operation = "copy";
  return {
    graph,
    roots: pending.roots.map(get),
    params: pending.scalars.map((node) => node.dtype),
    checks: graph.checks,
  };
}

function lowerNode(graph: LoweredGraph, node: Node, inputs: readonly Lowered[]): Lowered {
  const { op, attrs } = node;
  switch (op.kind) {
    case "elementwise":
      // A formula may ignore an input whose shape counts.
      return graph.view(op.body(graph, attrs, ...inputs), { kind: "expand", shape: node.shape });
    case "linear":
    case "bilinear":
    case "nonlinear":
      return op.lower(graph, inputs, attrs);
    case "several":
      // Nobody reads it: its parts have values of their own.
      return graph.literal(0, node.dtype);
    case "part": {
      const [, value] = inputs;
      if (!value) throw new GraphError(`lower: ${op.name} comes before its value`);
      return value;
    }
    case "constant": {
      const { value } = attrs;
      return graph.literal(Number(value), node.dtype);
    }
    case "iota":
      return graph.iota(node.shape[0] ?? 0);
    case "leaf":
    case "standIn":
    case "scalar":
      throw new GraphError(`lower: ${op.name} has no value: ${node.gone ?? "it was never computed"}`);
  }
}
