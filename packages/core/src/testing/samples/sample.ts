// What the conformance suite knows of an operation: inputs to try it on, and how far a device may be off.
import { type DType, isFloat } from "../../base/dtype.ts";
import { type Shape, sizeOf } from "../../base/shape.ts";
import { type Attrs, noAttrs } from "../../graph/node.ts";
import type { Bilinear, Elementwise, Linear, Nonlinear } from "../../graph/rules.ts";
import { seededArray } from "../seeded-values.ts";

/** A record of an operation with inputs. */
export type Operation = Elementwise | Linear | Bilinear | Nonlinear;

export interface Input {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: readonly number[];
}

export interface Sample {
  readonly inputs: readonly Input[];
  readonly attrs: Attrs;
  /** Small, in float64 and away from kinks: derivatives and batches are checked here as well. */
  readonly probes: boolean;
}

/**
 * How far a device may be from the interpreter, which computes in double precision and rounds after each instruction.
 * NaN and infinities are where they are in any case, and so are the signs of zeros but for sums; integers and bools are exact.
 * - exact: not at all
 * - ulps: so many units in the last place, for float32 and float64
 * - scaled: so many epsilons of the dtype, relative to `scale` of the inputs where that is more than the result:
 *   for formulas that cancel
 * - sum: so many epsilons of the dtype, given the number of terms, relative to the result for the inputs' absolute values
 */
export type Bound =
  | { readonly kind: "exact" }
  | { readonly kind: "ulps"; readonly float32: number; readonly float64: number }
  | { readonly kind: "scaled"; readonly epsilons: number; readonly scale: (...xs: number[]) => number }
  | { readonly kind: "sum"; readonly epsilons: (terms: number) => number };

export interface Samples {
  readonly bound: Bound;
  readonly list: readonly Sample[];
}

/** The names under which a module of ops/ exports operations. */
export type OperationsIn<Module> = {
  [Name in keyof Module]: Module[Name] extends Operation ? Name : never;
}[keyof Module];

/** Samples for every operation of a module: one without samples does not compile. */
export type SamplesOf<Module> = Readonly<Record<OperationsIn<Module>, Samples>>;

export const exact: Bound = { kind: "exact" };
export const ulps = (float32: number, float64: number = float32): Bound => ({ kind: "ulps", float32, float64 });
/** Sums whose error does not pile up: in blocks, pairs or double precision. */
export const blocked: Bound = { kind: "sum", epsilons: (terms) => 2 + Math.log2(1 + terms) / 2 };
/** Sums in one accumulator for each result, whose roundings take a random walk. */
export const running: Bound = { kind: "sum", epsilons: (terms) => 2 + Math.sqrt(terms) };

/** Values in [low, high) that look random. */
export interface Range {
  readonly low?: number;
  readonly high?: number;
  readonly seed?: number;
}

export function random(shape: Shape, dtype: DType = "float32", { low, high, seed = 1 }: Range = {}): Input {
  const isSigned = dtype === "int32";
  const values = seededArray(sizeOf(shape), {
    dtype,
    seed,
    low: low ?? (isFloat(dtype) ? -2 : isSigned ? -9 : 0),
    high: high ?? (isFloat(dtype) ? 2 : 10),
  });
  return { shape, dtype, values: [...values] };
}

export const given = (shape: Shape, values: readonly number[], dtype: DType = "float32"): Input => ({
  shape,
  dtype,
  values,
});

export const sample = (inputs: readonly Input[], attrs: Attrs = noAttrs): Sample => ({ inputs, attrs, probes: false });
export const probe = (inputs: readonly Input[], attrs: Attrs = noAttrs): Sample => ({ inputs, attrs, probes: true });
