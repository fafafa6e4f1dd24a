// What the gradients of a graph follow from, as a list of words: equal lists, equal gradients.
import type { Node } from "../graph/node.ts";
import { beginWalk } from "../graph/node.ts";
import { attrsNumber, dtypeNumbers, ops, texts, Words } from "./collect.ts";

export interface Structure {
  /** Valid until the next call. */
  readonly words: Words;
  /** The leaves that require a gradient, in the order of the walk. */
  readonly leaves: readonly Node[];
}

const words = new Words();
const path: Node[] = [];
const next: number[] = [];

/**
 * The structure below a pending root: operations, attributes, dtypes, who carries a gradient, and the kind of inputs. Null
 * where a rule might read more than that: values on the way that are computed already, and functions with rules of their own.
 */
export function structureOf(root: Node): Structure | null {
  const leaves: Node[] = [];
  words.clear();
  path.length = 0;
  next.length = 0;
  words.push(texts.of(root.device));
  const walk = beginWalk();
  let count = 0;
  path.push(root);
  next.push(0);
  root.walk = walk;
  for (let top = 0; top >= 0; top = path.length - 1) {
    const node = path[top];
    if (!node) break;
    const at = next[top] ?? 0;
    const input = node.inputs[at];
    if (input && node.storage === null) {
      next[top] = at + 1;
      if (input.walk === walk) continue;
      input.walk = walk;
      path.push(input);
      next.push(0);
      continue;
    }
    path.pop();
    next.pop();
    node.position = count++;
    if (!describe(node)) return null;
    if (node.requiresGrad && node.storage !== null) leaves.push(node);
  }
  return { words, leaves };
}

/** False where it cannot be described. */
function describe(node: Node): boolean {
  const { storage, requiresGrad, opKind: kind } = node;
  if (node.gone !== null || kind === "several" || kind === "part" || kind === "standIn") return false;
  words.push((ops.of(node.op) * 8 + dtypeNumbers[node.dtype]) * 2 + (requiresGrad ? 1 : 0));
  if (storage !== null) {
    if (storage.isReleased || kind === "scalar" || node.inputs.length > 0 || (requiresGrad && kind !== "leaf"))
      return false;
    words.push(-2 - node.shape.length);
    words.push(attrsNumber(node.attrs));
    for (const extent of node.shape) words.push(extent);
    return true;
  }
  if (kind === "leaf") return false;
  if (kind === "scalar") return true;
  words.push(attrsNumber(node.attrs));
  for (const { position } of node.inputs) words.push(position);
  return true;
}
