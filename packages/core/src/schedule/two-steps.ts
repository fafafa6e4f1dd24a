// Sums taken in two steps, each part by itself, then the parts: those with few results and many terms, so that there is
// something to share between threads, and those of high columns, which caches cannot foresee. It depends on sizes alone.
import type { FoldOp } from "../base/instruction.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Contraction } from "../graph/algebra.ts";

/** Results that are enough to share, and terms for each that are worth a second step. */
const enoughResults = 16;
const manyTerms = 1 << 14;
/** So many parts are looked for. */
const fewestParts = 8;
const mostParts = 64;

/** Rows that are so many, of so many elements in all, are added up a block at a time. */
const manyRows = 256;
const manyElements = 1 << 16;
const rowsOfBlock = 32;
/** Shorter rows share cache lines. */
const longRow = 64;

/** An axis of `before` that is cut into [parts, size / parts], or into [size / parts, parts]: every part takes one of each row. */
export interface Cut {
  readonly axis: number;
  readonly parts: number;
  readonly interleaved?: boolean;
}

/** How to cut the axis into parts; null where its size has no fitting divisor. */
function cutAxis(axis: number, size: number, wanted: number, fewest = fewestParts, most = mostParts): Cut | null {
  for (let parts = wanted; parts <= most; parts++) if (size % parts === 0) return { axis, parts };
  for (let parts = wanted - 1; parts >= fewest; parts--) if (size % parts === 0) return { axis, parts };
  return null;
}

/**
 * The cut of a sum of rows. Loops run down a few columns at a time: of a block of rows, the columns next to them are on
 * their way meanwhile; of hundreds of rows, each of which lies in another page, they are not, and every load waits.
 */
function cutOfRows(shape: Shape, axes: readonly number[], terms: number): Cut | null {
  if (terms < manyRows || sizeOf(shape) < manyElements || sizeOf(shape.slice(Math.max(...axes) + 1)) < longRow)
    return null;
  for (const axis of axes) {
    const size = shape[axis] ?? 1;
    if (size === 1) continue;
    const wanted = Math.min(Math.ceil(terms / rowsOfBlock), size);
    const cut = cutAxis(axis, size, wanted, Math.max(2, wanted / 4), Math.min(size, 2 * wanted));
    if (cut) return cut;
  }
  return null;
}

/** The cut of a reduction of `shape` over `axes`; null where one step is better. */
export function cutOfReduce(op: FoldOp, shape: Shape, axes: readonly number[]): Cut | null {
  if (op === "argmax" || op === "argmin") return null;
  const terms = sizeOf(axes.map((axis) => shape[axis] ?? 1));
  const rows = cutOfRows(shape, axes, terms);
  if (rows) return rows;
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
/** Of images. */
const manyPositions = 1 << 11;
const fewestOfImages = 4;

/**
 * The cut of the first contracted axis that fits, as an axis of `a`; null where one step is better. Where others are summed over
 * within it, as positions are within images, parts take turns: no stride then depends on how many images there are.
 */
export function cutOfContract(a: Shape, b: Shape, { contractA, contractB }: Contraction): Cut | null {
  const steps = sizeOf(contractA.map((axis) => a[axis] ?? 1));
  const results = (sizeOf(a) / steps) * (sizeOf(b) / sizeOf(contractB.map((axis) => b[axis] ?? 1)));
  const areImages = contractA.length > 1;
  if (steps < (areImages ? manyPositions : manySteps) || results > fewProducts || steps * results < 1 << 22)
    return null;
  for (const axis of contractA) {
    const cut = cutAxis(axis, a[axis] ?? 1, fewestParts, areImages ? fewestOfImages : fewestParts);
    if (cut) return { ...cut, interleaved: areImages };
  }
  return null;
}

/** The shape with the axis cut in two. */
export const cutShape = (shape: Shape, { axis, parts, interleaved }: Cut): Shape =>
  shape.flatMap((size, i) => (i !== axis ? [size] : interleaved ? [size / parts, parts] : [parts, size / parts]));

/** Which axis counts the parts after the cut. */
export const partsAxis = ({ axis, interleaved }: Cut): number => (interleaved ? axis + 1 : axis);

/** Where axes stand after the cut: the one that was cut is what is within the parts. */
export const cutAxes = (axes: readonly number[], { axis, interleaved }: Cut): number[] =>
  axes.map((one) => (one > axis || (one === axis && !interleaved) ? one + 1 : one));
