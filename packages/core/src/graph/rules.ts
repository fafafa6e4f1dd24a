// What an operation's record must say. A rule that is missing does not compile; `null` means "no gradient, by mathematics".
import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Algebra, Builder, Lowering } from "./algebra.ts";
import type { Attrs, Node } from "./node.ts";

interface Common {
  readonly name: string;
  /** How it is written before its input, or between its two, where a graph is printed. */
  readonly symbol?: string;
  /** The result's dtype; throws DTypeError for inputs that it does not take. */
  dtype(inputs: readonly Node[], attrs: Attrs): DType;
  /** The result's shape; throws ShapeError. */
  shape(inputs: readonly Node[], attrs: Attrs): Shape;
}

/** g · ∂y/∂xᵢ as one formula: reverse mode passes a cotangent as g, forward mode the tangent of xᵢ. */
export type Partial = <V>(a: Algebra<V>, g: V, y: V, ...xs: V[]) => V;

export interface Elementwise extends Common {
  readonly kind: "elementwise";
  body<V>(a: Algebra<V>, attrs: Attrs, ...xs: V[]): V;
  /** One for each input; attributes are read off the node where a formula needs them. */
  partials(attrs: Attrs): readonly (Partial | null)[];
  /** Whether a derivative may be infinite or NaN for finite inputs: there, a cotangent of 0 stays 0 in reverse mode. */
  singular?(inputs: readonly Node[]): boolean;
  /** In formulas of derivatives: which inputs are cotangents, in each of which it is linear. Where one is 0, the others are left out. */
  readonly cotangents?: readonly number[];
}

/** Linear in all of its inputs together (join has many). */
export interface Linear extends Common {
  readonly kind: "linear";
  /** The cotangent of input `index`; null where the input is not differentiable. */
  transpose(b: Builder, g: Node, attrs: Attrs, inputs: readonly Node[], index: number): Node | null;
  /** The same operation with a leading batch axis on every input. */
  batch(b: Builder, attrs: Attrs, inputs: readonly Node[]): Node;
  lower<L>(k: Lowering<L>, inputs: readonly L[], attrs: Attrs): L;
  /** Inputs from this position on are indices: they are not differentiated, and forward mode keeps them. */
  readonly linearInputs?: number;
  /** The identity with gradient zero. */
  readonly stops?: boolean;
}

/** Linear in each of its two inputs. */
export interface Bilinear extends Common {
  readonly kind: "bilinear";
  transposeA(b: Builder, g: Node, attrs: Attrs, a: Node, other: Node): Node;
  transposeB(b: Builder, g: Node, attrs: Attrs, a: Node, other: Node): Node;
  /** Both inputs have a leading batch axis. */
  batch(b: Builder, attrs: Attrs, inputs: readonly Node[]): Node;
  lower<L>(k: Lowering<L>, inputs: readonly L[], attrs: Attrs): L;
}

export interface Nonlinear extends Common {
  readonly kind: "nonlinear";
  /** An operation on single elements whose derivative may be infinite or NaN, as of elementwise ones. */
  readonly singular?: true;
  /** The cotangents of all inputs. */
  vjp(b: Builder, g: Node, y: Node, attrs: Attrs, inputs: readonly Node[]): readonly (Node | null)[];
  /** The tangent of y; `tangents` has null where an input does not move. */
  jvp(b: Builder, tangents: readonly (Node | null)[], y: Node, attrs: Attrs, inputs: readonly Node[]): Node | null;
  batch(b: Builder, attrs: Attrs, inputs: readonly Node[]): Node;
  lower<L>(k: Lowering<L>, inputs: readonly L[], attrs: Attrs): L;
}

export interface Result {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Several results at once: the node itself has no value, `part` nodes read its results. */
export interface Several extends Common {
  readonly kind: "several";
  results(inputs: readonly Node[], attrs: Attrs): readonly Result[];
  /** The cotangents of all inputs; `gs` has null for results that nobody uses. */
  vjp(b: Builder, gs: readonly (Node | null)[], node: Node): readonly (Node | null)[];
  /** The tangents of the results; `tangents` has null where an input does not move. */
  jvp(b: Builder, tangents: readonly (Node | null)[], node: Node): readonly (Node | null)[];
  batch(b: Builder, attrs: Attrs, inputs: readonly Node[]): Node;
  /** The same on other inputs of the same shapes. */
  again(attrs: Attrs, inputs: readonly Node[]): Node;
}

/** Result number `attrs.index` of its first input. Where there is a second input, it is the value. */
export interface Part extends Common {
  readonly kind: "part";
  /** The same part of another node of that kind: one over a batch, or one with other inputs. */
  again(attrs: Attrs, inputs: readonly Node[]): Node;
}

/**
 * Where values come from: `leaf` holds a buffer, `scalar` a run-time number, `constant` a literal, `iota` counts, `standIn`
 * stands for a node that is not built yet.
 */
export interface Source extends Common {
  readonly kind: "leaf" | "scalar" | "constant" | "iota" | "standIn";
}

export type Op = Elementwise | Linear | Bilinear | Nonlinear | Several | Part | Source;
