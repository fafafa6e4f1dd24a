// Values given to handles now and computed with the next run.
import { DTypeError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { joinNextRun, leaveNextRun } from "../engine/engine.ts";
import { type Kind, makeNode, type Node } from "../graph/node.ts";
import { alias, stopGradient } from "../ops/cast.ts";
import { type Apart, type Holder, heldBack } from "./apart.ts";

/** Whether a handle can hold a value in place of another. */
export function checkAssignable(operation: string, old: Kind, value: Kind): void {
  if (!sameShape(value.shape, old.shape))
    throw new ShapeError(`${operation}: expected shape ${showShape(old.shape)}, got ${showShape(value.shape)}`);
  if (value.dtype !== old.dtype)
    throw new DTypeError(
      `${operation}: expected ${old.dtype}, got ${value.dtype}. Convert it with .to("${old.dtype}")`,
    );
}

/** Whether gradients go through a node to what it was made of. */
export const isResult = (node: Node): boolean => node.requiresGrad && node.opKind !== "leaf";

/**
 * What a handle holds after an assignment. Results take the trail with the value; leaves, and state, the value alone.
 * What nobody else computes needs no memory of its own.
 */
export function given(old: Node, value: Node): Node {
  if (value.requiresGrad && !isResult(old)) return makeNode(stopGradient, [value]);
  return value.storage !== null || value.opKind === "leaf" ? makeNode(alias, [value]) : value;
}

/** What a handle held before values that are not computed yet. */
const lastGood = new WeakMap<object, Node>();

/** The handle shows the value at once. If the run that should compute it fails, it shows its last good one again. */
export function assignLater(handle: Holder, value: Node): void {
  if (heldBack(handle, value)) return;
  const before = handle.node;
  if (before.storage !== null || !lastGood.has(handle)) lastGood.set(handle, before);
  leaveNextRun(before);
  handle.node = value;
  joinNextRun(value, {
    undo: () => {
      if (handle.node === value && value.storage === null) handle.node = lastGood.get(handle) ?? before;
    },
  });
}

/** Lets the assignments happen that were held back while a function was built. */
export function assigning<R>({ result, assigned }: Apart<R>): R {
  for (const [handle, value] of assigned) assignLater(handle, value);
  return result;
}
