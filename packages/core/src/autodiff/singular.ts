// Formulas in which infinities may meet zeros: the derivatives of singular operations.
import type { Builder } from "../graph/algebra.ts";
import { makeNode, Node } from "../graph/node.ts";
import type { Elementwise } from "../graph/rules.ts";

const records = new Map<Elementwise, Elementwise>();
const builders = new WeakMap<Builder, Builder>();

const isNumber = ({ op }: Node): boolean => op.kind === "constant" || op.kind === "scalar";

function singularOf(op: Elementwise): Elementwise {
  const made = records.get(op) ?? { ...op, singular: (inputs: readonly Node[]) => !inputs.some(isNumber) };
  records.set(op, made);
  return made;
}

/** The same node, singular itself; but not one that is older than `since`. */
function marked(since: number, node: Node): Node {
  const { id, op, inputs, attrs } = node;
  return id > since && op.kind === "elementwise" && !op.singular ? makeNode(singularOf(op), inputs, attrs) : node;
}

/**
 * The builder for such formulas: its products and functions are singular as well, so that a cotangent of 0 stays 0
 * when they are differentiated themselves, in any order. Factors that are numbers are finite.
 */
export function singularly(b: Builder): Builder {
  const known = builders.get(b);
  if (known) return known;
  const made: Builder = {
    ...b,
    mul: (x, y) => marked(Node.latestId, b.mul(x, y)),
    exp: (x) => marked(Node.latestId, b.exp(x)),
    expm1: (x) => marked(Node.latestId, b.expm1(x)),
    sin: (x) => marked(Node.latestId, b.sin(x)),
    cos: (x) => marked(Node.latestId, b.cos(x)),
    tan: (x) => marked(Node.latestId, b.tan(x)),
    tanh: (x) => marked(Node.latestId, b.tanh(x)),
    erf: (x) => marked(Node.latestId, b.erf(x)),
  };
  builders.set(b, made);
  return made;
}
