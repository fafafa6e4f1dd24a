// How the loops of a contraction and of the stores fused behind it line up.
import { type Shape, sizeOf } from "../base/shape.ts";
import { composeView, type View, type ViewOp } from "../base/view.ts";
import { dropOnes } from "./access.ts";
import type { Lowered } from "./lowered.ts";

/** The loops of a contraction: kernel axis i runs over store axis order[i]; k comes after. */
export interface ContractLoops {
  readonly batch: readonly number[];
  readonly m: readonly number[];
  readonly n: readonly number[];
  readonly k: readonly number[];
  readonly order: readonly number[];
}

/**
 * If `view` reads each element of a dense buffer of `shape` once, and its axes divide those of `shape`: its axes from
 * the slowest to the fastest. Null otherwise.
 */
export function denseOrder(shape: Shape, view: View): number[] | null {
  const order = view.shape.map((_, i) => i).sort((a, b) => (view.strides[b] ?? 0) - (view.strides[a] ?? 0));
  if (sizeOf(view.shape) !== sizeOf(shape) || sizeOf(shape) === 0) return null;
  let stride = 1;
  for (let i = order.length - 1; i >= 0; i--) {
    const axis = order[i] ?? 0;
    if (view.strides[axis] !== stride) return null;
    stride *= view.shape[axis] ?? 1;
  }
  return (
    splitBy(
      dropOnes(shape),
      order.map((axis) => view.shape[axis] ?? 1),
    ) && order
  );
}

/** Cuts `fine` into one run for each extent of `coarse`; null where the runs' products differ. */
function splitBy(coarse: Shape, fine: Shape): number[][] | null {
  const out: number[][] = [];
  let next = 0;
  for (const extent of coarse) {
    const run: number[] = [];
    for (let product = 1; product < extent; ) {
      const n = fine[next++];
      if (n === undefined) return null;
      run.push(n);
      product *= n;
      if (product > extent) return null;
    }
    out.push(run);
  }
  return next === fine.length ? out : null;
}

/** The loops of a contraction, cut as finely as its stores over `dims` (read through `strides`) need. */
export function contractLoops(
  node: Lowered & { body: { kind: "contract" } },
  dims: Shape,
  order: readonly number[],
): ContractLoops {
  const { a, b, contraction } = node.body;
  const batch = dropOnes(extents(a, contraction.batchA));
  const m = dropOnes(extents(a, freeAxes(a, contraction.batchA, contraction.contractA)));
  const n = dropOnes(extents(b, freeAxes(b, contraction.batchB, contraction.contractB)));
  const runs =
    splitBy(
      [...batch, ...m, ...n],
      order.map((axis) => dims[axis] ?? 1),
    ) ?? [...batch, ...m, ...n].map((x) => [x]);
  return {
    batch: runs.slice(0, batch.length).flat(),
    m: runs.slice(batch.length, batch.length + m.length).flat(),
    n: runs.slice(batch.length + m.length).flat(),
    k: dropOnes(extents(a, contraction.contractA)),
    order,
  };
}

/** The sizes of some axes. */
export const extents = ({ shape }: Lowered, axes: readonly number[]): number[] => axes.map((axis) => shape[axis] ?? 1);

/** The axes of an operand that are neither of the batch nor summed over. */
export const freeAxes = (x: Lowered, batch: readonly number[], contract: readonly number[]): number[] =>
  x.shape.map((_, i) => i).filter((i) => !batch.includes(i) && !contract.includes(i));

/** Views from an operand's own axes to the loops batch, m, n, k; the operand does not depend on the free axes of the other. */
export function operandViews(
  node: Lowered & { body: { kind: "contract" } },
  side: "a" | "b",
  loops: ContractLoops,
): ViewOp[] {
  const { contraction } = node.body;
  const x = node.body[side];
  const batch = side === "a" ? contraction.batchA : contraction.batchB;
  const summed = side === "a" ? contraction.contractA : contraction.contractB;
  const ones = (list: readonly number[]): number[] => list.map(() => 1);
  const free = side === "a" ? [...loops.m, ...ones(loops.n)] : [...ones(loops.m), ...loops.n];
  return [
    { kind: "permute", axes: [...batch, ...freeAxes(x, batch, summed), ...summed] },
    { kind: "reshape", shape: [...loops.batch, ...free, ...loops.k] },
    { kind: "expand", shape: [...loops.batch, ...loops.m, ...loops.n, ...loops.k] },
  ];
}

/** A view over the stores' dims, over the kernel's loops. */
export function storeView(view: View, loops: ContractLoops): View {
  const all = [...loops.batch, ...loops.m, ...loops.n];
  const ops: ViewOp[] = [
    { kind: "permute", axes: loops.order },
    { kind: "reshape", shape: [...all, ...loops.k.map(() => 1)] },
    { kind: "expand", shape: [...all, ...loops.k] },
  ];
  return ops.reduce((before, op) => composeView(before, op) ?? before, view);
}
