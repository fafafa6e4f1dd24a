// Functions that are built once and run many times, or perhaps never: what they assign must not happen meanwhile.
import { GraphError } from "../base/errors.ts";
import { isComputable } from "../graph/gone.ts";
import type { Node } from "../graph/node.ts";

/** A handle, as far as assignments go. */
export interface Holder {
  node: Node;
}

interface Scope {
  readonly operation: string;
  readonly outer: Scope | null;
  /** Handles that the function has made itself: what it does with them is its own affair. */
  readonly made: WeakSet<Holder>;
  /** For each other handle that it has assigned to, what that held before. */
  readonly before: Map<Holder, Node>;
}

/** The function that is being built, the innermost one first. */
let scope: Scope | null = null;

/** What a function returns, and what the handles that it assigned to would hold after it. */
export interface Apart<R> {
  readonly result: R;
  readonly assigned: ReadonlyMap<Holder, Node>;
}

/** Runs `build`. Afterwards all handles hold what they held before. */
export function builtApart<R>(operation: string, build: () => R): Apart<R> {
  const own: Scope = { operation, outer: scope, made: new WeakSet(), before: new Map() };
  const assigned = new Map<Holder, Node>();
  scope = own;
  try {
    const result = build();
    for (const handle of own.before.keys()) assigned.set(handle, handle.node);
    return { result, assigned };
  } finally {
    scope = own.outer;
    for (const [handle, node] of own.before) handle.node = node;
  }
}

/** Runs `build`, which must not assign anything. `hint`: what to do instead. */
export function builtWithout<R>(operation: string, hint: string, build: () => R): R {
  const { result, assigned } = builtApart(operation, build);
  if (assigned.size > 0)
    throw new GraphError(`${operation}: expected a function that assigns nothing, got one that does. ${hint}`);
  return result;
}

/** As `builtApart`, for a function in which tensors stand for others: what it assigns must not depend on them. */
export function builtFrom<R>(operation: string, build: () => R): Apart<R> {
  const found = builtApart(operation, build);
  if (!isComputable([...found.assigned.values()]))
    throw new GraphError(
      `${operation}: expected a function that assigns nothing made of its arguments, got one that does. A layer with running statistics leaves them alone after eval()`,
    );
  return found;
}

export function noteMade(handle: Holder): void {
  for (let each = scope; each !== null; each = each.outer) each.made.add(handle);
}

/** Holds the assignment back while a function is built. Returns whether it did. */
export function heldBack(handle: Holder, value: Node): boolean {
  if (scope === null) return false;
  if (!scope.made.has(handle) && !scope.before.has(handle)) scope.before.set(handle, handle.node);
  handle.node = value;
  return true;
}

/** Says that a handle held `other` in another's place: what it was assigned since is not for it. */
export function forgetHeld(handle: Holder, other: Node): void {
  if (scope?.before.get(handle) === other) scope.before.delete(handle);
}

/** Refuses what changes a handle at once, unless the function that is being built has made it. */
export function expectNotApart(operation: string, handle: Holder): void {
  if (scope !== null && !scope.made.has(handle))
    throw new GraphError(
      `${operation}: expected to be called outside of ${scope.operation}, got a call inside of it. What it changes would change at once, however often the function runs. Return the value instead`,
    );
}
