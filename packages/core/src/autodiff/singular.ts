// Formulas in which infinities may meet zeros: the derivatives of singular operations.
import type { Builder } from "../graph/algebra.ts";
import { asOp, Node } from "../graph/node.ts";
import type { Elementwise } from "../graph/rules.ts";

/** By operation, then by which inputs are cotangents, as the bits of a number. */
const records = new Map<Elementwise, Elementwise[]>();
const builders = new WeakMap<Builder, Builder>();

/** Cotangents in the formula that is being built, and multiples of them. */
let multiples: Node[] = [];

const isNumber = ({ op }: Node): boolean => op.kind === "constant" || op.kind === "scalar";

/** The same operation, singular itself, with cotangents among its inputs. */
function singularOf(op: Elementwise, bits: number): Elementwise {
  const known = records.get(op) ?? [];
  records.set(op, known);
  known[bits] ??= {
    ...op,
    singular: op.singular ?? ((inputs: readonly Node[]): boolean => !inputs.some(isNumber)),
    cotangents: [0, 1].filter((i) => bits & (1 << i)),
  };
  return known[bits];
}

/** The same node, singular itself; but not one that is older than `since`. */
function marked(since: number, node: Node): Node {
  const { id, op, inputs } = node;
  if (id <= since || op.kind !== "elementwise") return node;
  let bits = 0;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (input && multiples.includes(input)) bits |= 1 << i;
  }
  if (op.singular && bits === 0) return node;
  const made = asOp(singularOf(op, bits), node);
  if (bits !== 0) multiples.push(made);
  return made;
}

/** The cotangents that a node of such a formula is a product of. */
export const cotangentsOf = ({ op, inputs }: Node): readonly Node[] =>
  op.kind === "elementwise" && op.cotangents ? op.cotangents.flatMap((i) => inputs[i] ?? []) : [];

/** They, and the product. */
export function multiplesIn(node: Node): readonly Node[] {
  const cotangents = cotangentsOf(node);
  return cotangents.length > 0 ? [...cotangents, node] : cotangents;
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
    div: (x, y) => marked(Node.latestId, b.div(x, y)),
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

/** A formula that is linear in each of `factors`: its products remember the one they have, for forward mode. */
export function linearIn<R>(factors: readonly Node[], formula: () => R): R {
  const before = multiples;
  multiples = [...factors];
  try {
    return formula();
  } finally {
    multiples = before;
  }
}

/**
 * A contribution g·∂y/∂x, and 0 for 0·∞: what a selection has left out hands back nothing. Only where it is NaN, so that
 * derivatives by g, where that happens to be 0, are still there.
 */
export function unlessUnused(b: Builder, g: Node, value: Node): Node {
  if (value === g) return g;
  const zero = b.num(0, g);
  return b.select(b.and(b.eq(g, zero), b.ne(value, value)), b.num(0, value), value);
}
