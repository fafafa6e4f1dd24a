// Finds what must be computed for some roots, in a canonical order, with a signature of its structure.
import { isMissing, missing } from "../graph/gone.ts";
import type { Attrs, AttrValue, Node } from "../graph/node.ts";
import { beginWalk, noAttrs } from "../graph/node.ts";
import type { Op } from "../graph/rules.ts";

/** Small numbers for things that are compared often. */
class Interned<K> {
  private readonly numbers = new Map<K, number>();
  of(key: K): number {
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(key, number);
    }
    return number;
  }
}

export const ops: Interned<Op> = new Interned<Op>();
export const texts: Interned<string> = new Interned<string>();
const attrNumbers = new WeakMap<Attrs, number>();
export const dtypeNumbers = { float32: 0, float64: 1, int32: 2, uint8: 3, bool: 4 } as const;

export function attrsNumber(attrs: Attrs): number {
  if (attrs === noAttrs) return -1;
  const known = attrNumbers.get(attrs);
  if (known !== undefined) return known;
  const number = texts.of(textOf(attrs));
  attrNumbers.set(attrs, number);
  return number;
}

/** A text that tells all values apart, also -0, infinities and NaN. */
function textOf(value: AttrValue): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : `${value}`;
  if (typeof value !== "object" || value === null)
    return typeof value === "string" ? JSON.stringify(value) : `${value}`;
  let text = "";
  if (isList(value)) for (const item of value) text += `${textOf(item)},`;
  else for (const key of Object.keys(value)) text += `${key}:${textOf(value[key] ?? null)};`;
  return `(${text})`;
}

const isList = (value: object): value is readonly AttrValue[] => Array.isArray(value);

/** A growing list of int32, reused from call to call. */
export class Words {
  private words = new Int32Array(1024);
  private length = 0;
  /** Of all words so far (FNV-1a). */
  hash = 0;
  clear(): void {
    this.length = 0;
    this.hash = 0x811c9dc5;
  }
  push(word: number): void {
    if (this.length === this.words.length) {
      const grown = new Int32Array(this.length * 2);
      grown.set(this.words);
      this.words = grown;
    }
    this.words[this.length++] = word;
    this.hash = Math.imul(this.hash ^ word, 0x01000193);
  }
  copy(): Int32Array {
    return this.words.slice(0, this.length);
  }
  equals(other: Int32Array): boolean {
    if (other.length !== this.length) return false;
    for (let i = 0; i < this.length; i++) if (this.words[i] !== other[i]) return false;
    return true;
  }
}

/** What a run needs: valid until the next call of `collect`. */
export interface Collected {
  readonly nodes: Node[];
  readonly inputs: Node[];
  readonly scalars: Node[];
  /** Results of loops and branches that have not run yet: no plan computes them. */
  readonly controls: Node[];
  /** Whether some of the nodes stand for others. */
  hasStandIns: boolean;
  /** Whether the graph goes on below some of the inputs, where the signature doesn't look. */
  isCut: boolean;
  readonly signature: Words;
}

const signature = new Words();
/** Words below 0. Those of scalars and inputs go down from here by dtype and by rank. */
export const mark = { roots: -1, apart: -2, scalar: -3, input: -8 } as const;
/** The way from a root to where the walk is, and which input of each node comes next. */
const path: Node[] = [];
const next: number[] = [];

/**
 * Inputs before users, from the roots in their order. The signature numbers operations, attributes, dtypes and the
 * shapes of inputs; values of buffers and of run-time numbers are not in it.
 */
export function collect(roots: readonly Node[]): Collected {
  const found: Collected = {
    nodes: [],
    inputs: [],
    scalars: [],
    controls: [],
    hasStandIns: false,
    isCut: false,
    signature,
  };
  const { nodes, controls } = found;
  signature.clear();
  path.length = 0;
  next.length = 0;
  const walk = beginWalk();
  let count = 0;
  for (const root of roots) {
    if (root.walk !== walk) count += enter(root, walk, count, found);
    while (path.length > 0) {
      const top = path.length - 1;
      const node = path[top];
      const at = next[top] ?? 0;
      const input = node?.inputs[at];
      if (input) {
        next[top] = at + 1;
        if (input.walk !== walk) count += enter(input, walk, count, found);
        continue;
      }
      path.pop();
      next.pop();
      if (!node) continue;
      node.position = count++;
      nodes.push(node);
      const { opKind, inputs } = node;
      if (opKind === "part" && inputs.length === 1) controls.push(node);
      else if (opKind === "standIn") found.hasStandIns = true;
      signature.push((ops.of(node.op) * 8 + Math.min(inputs.length, 7)) * 8 + dtypeNumbers[node.dtype]);
      if (inputs.length >= 7) signature.push(inputs.length);
      signature.push(attrsNumber(node.attrs));
      for (const x of inputs) signature.push(x.position);
    }
  }
  signature.push(mark.roots);
  for (const root of roots) signature.push(root.position);
  return found;
}

/** The operation that the walk has come to a node from; of a root, its own. */
const user = (node: Node): string => (path[path.length - 1] ?? node).op.name;

/** Takes note of a node: a value takes its position at once, all else when its inputs have. Returns how many positions it took. */
function enter(node: Node, walk: number, count: number, found: Collected): 0 | 1 {
  node.walk = walk;
  if (node.storage !== null) {
    if (node.storage.isReleased) throw missing(user(node), node);
    node.position = count;
    found.inputs.push(node);
    if (node.inputs.length > 0) found.isCut = true;
    signature.push(mark.input - (node.shape.length * 8 + dtypeNumbers[node.dtype]));
    for (const extent of node.shape) signature.push(extent);
    return 1;
  }
  if (node.opKind === "scalar") {
    node.position = count;
    found.scalars.push(node);
    signature.push(mark.scalar - dtypeNumbers[node.dtype]);
    return 1;
  }
  if (isMissing(node)) throw missing(user(node), node);
  path.push(node);
  next.push(0);
  return 0;
}
