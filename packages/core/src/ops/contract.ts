// Contractions: batched matrix products over any axes.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import type { Builder, Contraction } from "../graph/algebra.ts";
import type { Node } from "../graph/node.ts";
import type { Bilinear } from "../graph/rules.ts";
import { numbers } from "./expect.ts";
import { repeated } from "./view.ts";

const freeAxes = (rank: number, batch: readonly number[], contract: readonly number[]): number[] => {
  const free: number[] = [];
  for (let i = 0; i < rank; i++) if (!batch.includes(i) && !contract.includes(i)) free.push(i);
  return free;
};

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
const shift = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

/** y[batch, m, n] = Σₖ a[batch, m, k] · b[batch, k, n], wherever these axes lie in a and b. */
export const contract: Bilinear = {
  kind: "bilinear",
  name: "matmul",
  symbol: "@",
  dtype: numbers,
  shape([a, b], attrs: Contraction) {
    const { batchA, batchB, contractA, contractB } = attrs;
    const left = a?.shape ?? [];
    const right = b?.shape ?? [];
    if (batchA.length === 0 && left.length === 2 && right.length === 2 && contractA.length === 1) {
      const [i = 0, j = 0] = [contractA[0], contractB[0]];
      pair(left, i, right, j);
      return [left[1 - i] ?? 1, right[1 - j] ?? 1];
    }
    const out: number[] = [];
    for (let i = 0; i < batchA.length; i++) out.push(pair(left, batchA[i], right, batchB[i]));
    for (let i = 0; i < contractA.length; i++) pair(left, contractA[i], right, contractB[i]);
    for (const axis of freeAxes(left.length, batchA, contractA)) out.push(left[axis] ?? 1);
    for (const axis of freeAxes(right.length, batchB, contractB)) out.push(right[axis] ?? 1);
    return out;
  },
  transposeA: (b, g, attrs: Contraction, a, other) => transposed(b, g, attrs, a, other, true),
  transposeB: (b, g, attrs: Contraction, a, other) => transposed(b, g, attrs, other, a, false),
  /** An operand that is the same for all examples is not repeated: the batch is a free axis of the other. */
  batch(b, { batchA, batchB, contractA, contractB }: Contraction, inputs) {
    const [x, y] = inputs;
    if (!x || !y) throw new ShapeError("matmul: expected two inputs");
    const count = batchA.length;
    const shiftedA = { batchA: shift(batchA), contractA: shift(contractA) };
    const shiftedB = { batchB: shift(batchB), contractB: shift(contractB) };
    const sharedB = repeated(y);
    if (sharedB) return moveToFront(b, b.contract(x, sharedB, { ...shiftedA, batchB, contractB }), count);
    const sharedA = repeated(x);
    if (sharedA) {
      const freeA = sharedA.shape.length - count - contractA.length;
      return moveToFront(b, b.contract(sharedA, y, { batchA, contractA, ...shiftedB }), count + freeA);
    }
    return b.contract(x, y, {
      batchA: [0, ...shiftedA.batchA],
      batchB: [0, ...shiftedB.batchB],
      contractA: shiftedA.contractA,
      contractB: shiftedB.contractB,
    });
  },
  lower(k, inputs, attrs: Contraction) {
    const [a, b] = inputs;
    if (a === undefined || b === undefined) throw new ShapeError("matmul: expected two inputs");
    return k.contract(a, b, attrs);
  },
};

const moveToFront = (b: Builder, x: Node, axis: number): Node =>
  b.permute(x, [axis, ...range(0, x.shape.length).filter((i) => i !== axis)]);

function pair(left: Shape, axisA: number | undefined, right: Shape, axisB: number | undefined): number {
  const m = left[axisA ?? -1];
  const n = right[axisB ?? -1];
  if (m === undefined || m !== n)
    throw new ShapeError(
      `matmul: expected equal sizes, got ${showShape(left)} and ${showShape(right)}: axis ${axisA} of the first (${m}) meets axis ${axisB} of the second (${n})`,
    );
  return m;
}

const swap = ({ batchA, batchB, contractA, contractB }: Contraction): Contraction => ({
  batchA: batchB,
  batchB: batchA,
  contractA: contractB,
  contractB: contractA,
});

/** How the cotangent of one operand comes about: a contraction of g and the other operand, and a permutation of its axes. */
interface Transposition {
  readonly otherFirst: boolean;
  readonly contraction: Contraction;
  readonly axes: readonly number[];
}

/** By attributes, which builders share between equal nodes; then by ranks and side. */
const transpositions = new WeakMap<Contraction, Map<number, Transposition>>();

/** The cotangent of `x`, whose contraction with `other` has cotangent g. `first` says which operand x is. */
function transposed(b: Builder, g: Node, attrs: Contraction, x: Node, other: Node, first: boolean): Node {
  const table = transpositions.get(attrs) ?? new Map<number, Transposition>();
  if (table.size === 0) transpositions.set(attrs, table);
  const key = (x.shape.length * 64 + other.shape.length) * 2 + (first ? 1 : 0);
  let known = table.get(key);
  if (!known) {
    known = transposition(first ? attrs : swap(attrs), x.shape.length, other.shape.length, first);
    table.set(key, known);
  }
  const { otherFirst, contraction, axes } = known;
  return b.permute(otherFirst ? b.contract(other, g, contraction) : b.contract(g, other, contraction), axes);
}

/**
 * g and `other` are contracted over other's free axes. g's axes are batch, then the free axes of the first operand,
 * then of the second; `first` says which one x is.
 */
function transposition(attrs: Contraction, rank: number, otherRank: number, first: boolean): Transposition {
  const { batchA, batchB, contractA, contractB } = attrs;
  const freeX = freeAxes(rank, batchA, contractA);
  const freeOther = freeAxes(otherRank, batchB, contractB);
  const count = batchA.length;
  const batchG = range(0, count);
  const sumG = range(first ? count + freeX.length : count, freeOther.length);
  // other's axes that remain, in its own order, are x's contracted ones.
  const order = contractB.map((_, i) => i).sort((i, j) => (contractB[i] ?? 0) - (contractB[j] ?? 0));
  const summed = order.map((i) => contractA[i] ?? 0);
  // Either operand may come first; the one that leaves the axes in x's own order needs no transposition.
  const otherFirst = (summed[0] ?? -1) < (freeX[0] ?? -1);
  const axes = [...batchA, ...(otherFirst ? [...summed, ...freeX] : [...freeX, ...summed])];
  return {
    otherFirst,
    contraction: otherFirst
      ? { batchA: batchB, batchB: batchG, contractA: freeOther, contractB: sumG }
      : { batchA: batchG, batchB, contractA: sumG, contractB: freeOther },
    axes: axes.map((_, axis) => axes.indexOf(axis)),
  };
}
