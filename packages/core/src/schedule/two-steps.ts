// Sums with few results and many terms, taken in two steps, so that there is something to share between threads: each
// part by itself, then the parts. It depends on sizes alone.
import type { FoldOp } from "../base/instruction.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Contraction } from "../graph/algebra.ts";

/** Results that are enough to share, and terms for each that are worth a second step. */
const enoughResults = 16;
const manyTerms = 1 << 14;
/** So many parts are looked for. */
const fewestParts = 8;
const mostParts = 64;

/** An axis of `before` that is cut into [parts, size / parts]; or that stays whole, where `parts` is its size. */
export interface Cut {
  readonly axis: number;
  readonly parts: number;
}

/** How to cut the axis into parts; null where its size has no fitting divisor. */
function cutAxis(axis: number, size: number, wanted: number): Cut | null {
  for (let parts = wanted; parts <= mostParts; parts++) if (size % parts === 0) return { axis, parts };
  for (let parts = wanted - 1; parts >= fewestParts; parts--) if (size % parts === 0) return { axis, parts };
  return null;
}

/** The cut of a reduction of `shape` over `axes`; null where one step is better. */
export function cutOfReduce(op: FoldOp, shape: Shape, axes: readonly number[]): Cut | null {
  if (op === "argmax" || op === "argmin") return null;
  const terms = sizeOf(axes.map((axis) => shape[axis] ?? 1));
  if (sizeOf(shape) / terms >= enoughResults || terms < manyTerms) return null;
  for (const axis of axes) {
    const cut = cutAxis(axis, shape[axis] ?? 1, 32);
    if (cut) return cut;
  }
  return null;
}

/** Products: terms for each result, and results, that make a second step worth its while. */
const manySteps = 1 << 12;
const fewProducts = 1 << 15;

/** The cut of the first contracted axis that fits, as an axis of `a`; null where one step is better. */
export function cutOfContract(a: Shape, b: Shape, { contractA, contractB }: Contraction): Cut | null {
  const steps = sizeOf(contractA.map((axis) => a[axis] ?? 1));
  const results = (sizeOf(a) / steps) * (sizeOf(b) / sizeOf(contractB.map((axis) => b[axis] ?? 1)));
  if (steps < manySteps || results > fewProducts || steps * results < 1 << 22) return null;
  for (const axis of contractA) {
    const cut = cutAxis(axis, a[axis] ?? 1, fewestParts);
    if (cut) return cut;
  }
  return null;
}

/** The shape with the axis cut in two. */
export const cutShape = (shape: Shape, { axis, parts }: Cut): Shape =>
  shape.flatMap((size, i) => (i === axis ? [parts, size / parts] : [size]));

/** Where axes stand after the cut: the one that was cut is its second part. */
export const cutAxes = (axes: readonly number[], { axis }: Cut): number[] =>
  axes.map((one) => (one >= axis ? one + 1 : one));
