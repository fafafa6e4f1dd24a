// Values given to handles now and computed with the next run.
import { DTypeError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { joinNextRun, leaveNextRun } from "../engine/engine.ts";
import type { Kind, Node } from "../graph/node.ts";

/** Whether a handle can hold a value in place of another. */
export function checkAssignable(operation: string, old: Kind, value: Kind): void {
  if (!sameShape(value.shape, old.shape))
    throw new ShapeError(`${operation}: expected shape ${showShape(old.shape)}, got ${showShape(value.shape)}`);
  if (value.dtype !== old.dtype)
    throw new DTypeError(
      `${operation}: expected ${old.dtype}, got ${value.dtype}. Convert it with .to("${old.dtype}")`,
    );
}

/** What a handle held before values that are not computed yet. */
const lastGood = new WeakMap<object, Node>();

/** The handle shows the value at once. If the run that should compute it fails, it shows its last good one again. */
export function assignLater(handle: { node: Node }, value: Node): void {
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
