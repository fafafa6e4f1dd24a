// Which values get buffers of their own: results, what reductions and products come to, what these read, and what is dearer to
// compute again than to read back.
import { contiguousStrides, sizeOf } from "../base/shape.ts";
import { composeView, contiguousView } from "../base/view.ts";
import { readsInOrder } from "./access.ts";
import { factorsOf, sitesOf } from "./factors.ts";
import { argumentsOf, type Lowered } from "./lowered.ts";

/** A value that several kernels want is recomputed in each up to this cost, and stored above it. */
const recomputeCost = 6;
/** Functions that take several times as long as a load. */
const transcendental: ReadonlySet<string> = new Set([
  "exp",
  "expm1",
  "log",
  "log1p",
  "sin",
  "cos",
  "tan",
  "tanh",
  "erf",
  "pow",
  "atan2",
  "mod",
]);
const transcendentalCost = 8;
/** A value that one kernel reads through more different views is stored: each of them is a formula of its own. */
const maxViews = 16;
/** Cells of a padded value are checked where they are read: one that is read more often than this is stored with its zeros. */
const manyReads = 4;
/** Values for so many elements hardly count. */
const sharedBy = 16;
const slow: ReadonlySet<string> = new Set(["div", "sqrt"]);
const slowCost = 3;

export interface Stored {
  /** The nodes that others load instead of recomputing. */
  readonly stored: Set<Lowered>;
  /** Sums of several products, and which product is added last: its store adds the others. */
  readonly last: ReadonlyMap<Lowered, Lowered>;
}

/** `nodes`: arguments before their users. */
export function chooseStored(nodes: readonly Lowered[], roots: readonly Lowered[]): Stored {
  const stored = new Set<Lowered>(roots);
  for (const node of nodes) {
    const { kind } = node.body;
    if (kind === "reduce" || kind === "contract" || kind === "join" || kind === "place" || kind === "routine")
      stored.add(node);
  }
  for (const node of nodes) {
    if (node.body.kind === "contract") for (const x of argumentsOf(node)) storeOperand(x, stored, false);
    if (node.body.kind === "routine") for (const x of argumentsOf(node)) storeOperand(x, stored, true);
  }
  const last = storeSums(nodes, stored);
  storeFramed(nodes, stored);
  storeShared(nodes, roots, stored);
  storeColumns(nodes, stored);
  storeOftenViewed(nodes, stored);
  return { stored, last };
}

/**
 * Adds what a sum of products comes to before its last one, so that each product is added as it is computed, in place, and
 * none of them waits in memory for the others: a gradient that comes in parts.
 */
function storeSums(nodes: readonly Lowered[], stored: Set<Lowered>): Map<Lowered, Lowered> {
  const last = new Map<Lowered, Lowered>();
  /** The product that the formula of a sum contains. */
  const within = new Map<Lowered, Lowered>();
  const productOf = (x: Lowered): Lowered | undefined => {
    const base = arranged(x);
    return base.body.kind === "contract" ? base : within.get(base);
  };
  for (const node of nodes) {
    if (node.body.kind !== "apply" || node.body.op !== "add") continue;
    const [a, b] = node.body.args;
    if (!a || !b) continue;
    const [p, q] = [productOf(a), productOf(b)];
    const product = p && q ? (p.id > q.id ? p : q) : (p ?? q);
    if (!product) continue;
    within.set(node, product);
    if (!p || !q || p === q) continue;
    stored.add(arranged(product === p ? b : a));
    last.set(node, product);
  }
  return last;
}

/**
 * Adds values that a formula would contain again and again, each time through other views. Where every value reads the one
 * before it through two views, as in a running product, the formula doubles with each.
 */
function storeOftenViewed(nodes: readonly Lowered[], stored: Set<Lowered>): void {
  const ways = new Map<string, number>();
  const through = (way: number, view: Lowered): number => {
    const key = `${way} ${view.id}`;
    const known = ways.get(key) ?? ways.size + 1;
    ways.set(key, known);
    return known;
  };
  // From the users on: the chains of views by which the nearest buffers read each value.
  const all = new Map<Lowered, Set<number>>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node || node.body.kind === "input") continue;
    let own = all.get(node) ?? new Set<number>();
    if (own.size > maxViews && node.body.kind === "apply" && costOf(node, stored) > recomputeCost) stored.add(node);
    if (stored.has(node)) own = new Set([through(0, node)]);
    if (node.body.kind === "view") own = new Set([...own].map((way) => through(way, node)));
    for (const x of argumentsOf(node)) {
      const known = all.get(x);
      if (known) for (const way of own) known.add(way);
      else all.set(x, new Set(own));
    }
  }
}

/**
 * Adds what each column of a larger value shares, such as one over its deviation, where it is divided or dearer: loops along
 * rows would compute it for every row. What whole rows share they compute once.
 */
function storeColumns(nodes: readonly Lowered[], stored: Set<Lowered>): void {
  for (const node of nodes) {
    if (node.body.kind !== "apply") continue;
    for (const x of node.body.args) {
      if ((x.shape.at(-1) ?? 1) === 1 || sizeOf(x.shape) * sharedBy > sizeOf(node.shape)) continue;
      const value = arranged(x);
      if (value.body.kind === "apply" && costOf(value, stored) > slowCost) stored.add(value);
    }
  }
}

/** Adds values with zeros around them of which views overlap, as those of windows' positions do. */
function storeFramed(nodes: readonly Lowered[], stored: Set<Lowered>): void {
  const reads = new Map<Lowered, number>();
  for (const node of nodes) {
    if (node.body.kind !== "view" || isRearranged(node)) continue;
    const framed = arranged(node.body.x);
    if (isFramed(framed)) reads.set(framed, (reads.get(framed) ?? 0) + sizeOf(node.shape));
  }
  for (const [node, count] of reads) if (count > manyReads * sizeOf(node.shape)) stored.add(node);
}

/** Whether the node is a value with something around it: all of it, not a part. */
const isFramed = ({ body }: Lowered): boolean =>
  body.kind === "view" &&
  body.op.kind === "pad" &&
  body.op.interior.every((step) => step === 1) &&
  arranged(body.x).body.kind !== "view";

const isRearranged = ({ body }: Lowered): boolean =>
  body.kind === "view" && (body.op.kind === "reshape" || body.op.kind === "permute");

/** The value of which the node is another arrangement. */
function arranged(node: Lowered): Lowered {
  let x = node;
  while (x.body.kind === "view" && isRearranged(x)) x = x.body.x;
  return x;
}

/**
 * Adds values that several kernels want and that are dearer to compute again than to read back. What is dear by itself
 * comes first: what follows from it cheaply need not be stored then.
 */
function storeShared(nodes: readonly Lowered[], roots: readonly Lowered[], stored: Set<Lowered>): void {
  const dear = new Set<Lowered>();
  const isDear = ({ body }: Lowered): boolean => body.kind === "apply" && transcendental.has(body.op);
  const sites = sitesOf(nodes);
  const known = new Map<Lowered, ReadonlySet<Lowered>>();
  eachReaders(nodes, stored, (node, readers) => known.set(node, readers));
  for (const factor of factorsOf(nodes, new Set(roots), stored, sites, known, isDear)) stored.add(factor);
  /** Kernels: what one product's results come to is one. */
  const countOf = (readers: ReadonlySet<Lowered>): number =>
    new Set([...readers].map((reader) => sites.get(reader) ?? reader)).size;
  eachReaders(nodes, stored, (node, readers) => {
    // Roots and operands have buffers already, and keep them however few read them in the end.
    if (isDear(node) && !stored.has(node) && countOf(readers) > 1) dear.add(node);
  });
  for (const node of dear) stored.add(node);
  eachReaders(nodes, stored, (node, readers) => {
    if (readers.size > 1 && !stored.has(node) && costOf(node, stored) > recomputeCost && countOf(readers) > 1)
      stored.add(node);
  });
  const single: Lowered[] = [];
  eachReaders(nodes, stored, (node, readers) => {
    if (countOf(readers) <= 1 && dear.has(node)) single.push(node);
  });
  for (const node of single) stored.delete(node);
}

/** Visits the nodes, users first, with the stored values whose formulas would contain them. */
function eachReaders(
  nodes: readonly Lowered[],
  stored: ReadonlySet<Lowered>,
  visit: (node: Lowered, readers: ReadonlySet<Lowered>) => void,
): void {
  const all = new Map<Lowered, Set<Lowered>>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node || node.body.kind === "input") continue;
    const readers = all.get(node) ?? new Set<Lowered>();
    visit(node, readers);
    const own = stored.has(node) ? [node] : readers;
    for (const x of argumentsOf(node)) {
      const known = all.get(x);
      if (known) for (const reader of own) known.add(reader);
      else all.set(x, new Set(own));
    }
  }
}

/** Contractions and routines read buffers, not formulas: what they read must be a buffer seen through plain views. */
function storeOperand(x: Lowered, stored: Set<Lowered>, whole: boolean): void {
  const chain: Lowered[] = [];
  let base = x;
  while (base.body.kind === "view" && !stored.has(base)) {
    chain.unshift(base);
    base = base.body.x;
  }
  // What views cannot express is copied; what the first copy is made of needs no buffer for its sake.
  const copies = new Set<Lowered>();
  let view = contiguousView(base.shape);
  for (const node of chain) {
    if (node.body.kind !== "view") continue;
    let next = composeView(view, node.body.op);
    if (!next) {
      copies.add(node.body.x);
      next = composeView(contiguousView(node.body.x.shape), node.body.op);
    }
    // Cells outside a pad have no address: the padded value gets a buffer.
    if (!next || next.guards.length > 0) {
      copies.add(node);
      next = contiguousView(node.shape);
    }
    view = next;
  }
  if (copies.size === 0 && base.body.kind !== "input") copies.add(base);
  for (const node of copies) stored.add(node);
  const first = chain.findLast((node) => stored.has(node)) ?? base;
  const inOrder = readsInOrder(view, contiguousStrides(view.shape)) && sizeOf(view.shape) === sizeOf(first.shape);
  if (whole && !inOrder) stored.add(x);
}

/** Roughly the instructions and loads that one element takes, down to the nearest buffers; what whole rows share takes none. */
function costOf(node: Lowered, stored: ReadonlySet<Lowered>): number {
  const seen = new Set<Lowered>();
  const visit = (x: Lowered): number => {
    if (seen.has(x)) return 0;
    seen.add(x);
    const isShared = sizeOf(x.shape) * sharedBy <= sizeOf(node.shape);
    if (x.body.kind === "input" || (x !== node && stored.has(x))) return 1;
    return argumentsOf(x).reduce((sum, arg) => sum + visit(arg), isShared ? 0 : ownCost(x));
  };
  return visit(node);
}

function ownCost({ body }: Lowered): number {
  if (body.kind !== "apply") return 0;
  return transcendental.has(body.op) ? transcendentalCost : slow.has(body.op) ? slowCost : 1;
}
