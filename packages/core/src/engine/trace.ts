// What a function does while it is traced: which plans it runs on what, what it changes, and what it reads that may be
// another at the next call. compile() makes a program of it.
import { GraphError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import type { Compiled } from "./engine.ts";

/** Values that each call reads anew. */
export interface Reading {
  readonly kind: "reading";
  read(): readonly unknown[];
  /** For each number the node that stands for it, and null for other values: what was built may depend on those. */
  readonly nodes: readonly (Node | null)[];
  /** What was read while tracing. */
  readonly values: readonly unknown[];
  /** Reading changes something, as drawing random numbers does: to be done once a call, in its place. */
  readonly advances: boolean;
}

export interface Launch {
  readonly kind: "launch";
  readonly compiled: Compiled;
  readonly inputs: readonly Node[];
  readonly scalars: readonly Node[];
  readonly roots: readonly Node[];
}

/** A handle that takes over the storage of a computed node, in the node `leaf`. */
export interface Settling {
  readonly kind: "settling";
  readonly handle: object;
  readonly computed: Node;
  readonly leaf: Node;
  /** The old value stays readable for one more update. */
  readonly keeps: boolean;
}

/** What is done outside of tensors, such as counting steps. */
export interface Effect {
  readonly kind: "effect";
  run(): void;
}

export type Action = Reading | Launch | Settling | Effect;

export class Trace {
  readonly actions: Action[] = [];
  /** For each node that came from a handle which was there before: that handle. */
  readonly origins: Map<Node, object> = new Map<Node, object>();
  /** Handles made on the way. */
  readonly made: Set<object> = new Set<object>();
  /** Handles that were there before and have got another node. */
  readonly changed: Set<object> = new Set<object>();
  /** For handles whose gradient was touched: whether it was there, where that was asked first; null where it was reset first. */
  readonly gradients: Map<object, boolean | null> = new Map<object, boolean | null>();
  /** Gradients that were there before: whose they are. */
  readonly gradientOf: Map<object, object> = new Map<object, object>();
  /** Handles whose gradient was given up. */
  readonly reset: Set<object> = new Set<object>();
  /** Why no program can be made of it. */
  obstacle: string | null = null;
}

/** The trace under way. */
export let trace: Trace | null = null;

/** Runs `body` with its doings noted down in `next`; null: not at all. */
export function tracing<T>(next: Trace | null, body: () => T): T {
  const before = trace;
  trace = next;
  try {
    return body();
  } finally {
    trace = before;
  }
}

/**
 * Does something outside of tensors, such as counting steps: now, and again in each call of a compiled function that
 * does it.
 * @example [1, 2].map((n) => (effect(() => n), n)) // [1, 2]
 */
export function effect(run: () => void): void {
  run();
  trace?.actions.push({ kind: "effect", run });
}

/** Reading values inside of a compiled function would fix what depends on them. */
export function refuseReading(shape: Shape): void {
  if (trace !== null)
    throw new GraphError(
      `compile: expected a function that reads no values, got one that reads a tensor of shape ${showShape(shape)}. Return the tensor, and read it outside`,
    );
}
