// What the engine runs by itself: a body of nodes, again and again or one of two.
import type { Attrs, Node } from "./node.ts";

/** A function as a graph: from its parameters, which have no values, to its results. */
export interface Body {
  readonly params: readonly Node[];
  readonly roots: readonly Node[];
}

/**
 * Runs a body `length` times. Its parameters are carries, slices of sequences along their first axis, and constants,
 * and so are the inputs of the node; its roots are the next carries and what each step yields. The node's results:
 * the last carries, the yields of all steps, and what each carry was before each step.
 */
export interface Loop {
  readonly kind: "loop";
  readonly body: Body;
  readonly length: number;
  readonly carries: number;
  readonly sequences: number;
  /** From the last slice to the first. */
  readonly reverse: boolean;
}

/** Runs the first body where the first input, a bool, holds, and the second otherwise, on the other inputs. */
export interface Branch {
  readonly kind: "branch";
  readonly bodies: readonly [Body, Body];
}

export type Control = Loop | Branch;

/** Bodies are graphs, and attributes are plain data: they are kept beside each other. */
const controls = new WeakMap<Attrs, Control>();

export const controlOf = (attrs: Attrs): Control | undefined => controls.get(attrs);
export const setControl = (attrs: Attrs, control: Control): void => {
  controls.set(attrs, control);
};
