// Products whose stores do not walk evenly along their columns: [images, pixels] of a convolution become a batch of
// images, each of which is stored evenly. And the other way round: images of few pixels become columns of one product.
import { sizeOf } from "../../base/shape.ts";
import type { Guard } from "../../base/view.ts";
import type { ContractKernel } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";
import { collapseTogether, groupsOf, rearrange, splitAxis } from "./contract-axes.ts";

/** Columns that are left must be worth a tile. */
const fewestColumns = 32;

/** The same product with the first axes of n as axes of the batch, so that stores walk along n evenly; null if there is none. */
export function batchColumns(kernel: ContractKernel): ContractKernel | null {
  const { nStart, kStart } = groupsOf(kernel);
  const columns = storeCoefficients(kernel).map((strides) => strides.slice(nStart, kStart));
  for (let moved = 1; moved < kernel.n.length; moved++) {
    const rest = kernel.n.slice(moved);
    if (rest.reduce((size, n) => size * n, 1) < fewestColumns) return null;
    const { sizes } = collapseTogether(
      rest,
      columns.map((strides) => strides.slice(moved)),
    );
    if (sizes.length <= 1) return moveToBatch(kernel, moved);
  }
  return null;
}

/** The same product with the first axis of n as an axis of the batch; null where few columns would be left. */
export const firstToBatch = (kernel: ContractKernel): ContractKernel | null =>
  kernel.n.length > 1 && sizeOf(kernel.n.slice(1)) >= fewestColumns ? moveToBatch(kernel, 1) : null;

/** How all that stores write and read depends on the loop indices. */
function storeCoefficients({ stores }: ContractKernel): (readonly number[])[] {
  const guards = (list: readonly Guard[]): (readonly number[])[] => list.map((guard) => guard.coefficients);
  return [
    ...stores.map((store) => store.view.strides),
    ...exprOrder(stores.map((store) => store.value)).flatMap((expr) => {
      if (expr.kind === "load") return [expr.view.strides, ...guards(expr.view.guards)];
      if (expr.kind === "inside") return guards(expr.guards);
      return expr.kind === "index" ? [expr.coefficients] : [];
    }),
  ];
}

/** The same product with the first axes of n as the last ones of the batch. */
export function moveToBatch(kernel: ContractKernel, count: number): ContractKernel {
  const { batch, m, n, k } = kernel;
  const { mStart, nStart } = groupsOf(kernel);
  return rearrange(kernel, { batch: [...batch, ...n.slice(0, count)], m, n: n.slice(count), k }, (list) => [
    ...list.slice(0, mStart),
    ...list.slice(nStart, nStart + count),
    ...list.slice(mStart, nStart),
    ...list.slice(nStart + count),
  ]);
}

/** Images of fewer pixels are taken together, … */
const manyColumns = 128;
/** … but not more than this: threads share the rest. */
const mostColumns = 512;

/**
 * The same product with some of the batch at a time as columns: of the axis that moves b alone, where there are few columns. Null
 * where there is nothing to take.
 */
export function joinColumns(kernel: ContractKernel): ContractKernel | null {
  const { a, b, batch } = kernel;
  if (a.kind !== "load" || b.kind !== "load") return null;
  const columns = sizeOf(kernel.n);
  const axis = batch.findIndex((size, i) => size > 1 && a.view.strides[i] === 0 && b.view.strides[i] !== 0);
  const size = batch[axis] ?? 1;
  if (axis < 0 || columns >= manyColumns) return null;
  let count = Math.min(size, Math.ceil(manyColumns / columns));
  while (size % count !== 0) count++;
  while (count > 1 && (count * columns > mostColumns || size % count !== 0)) count--;
  return count > 1 ? moveToColumns(splitAxis(kernel, axis, count), axis + 1) : null;
}

/** The same product with an axis of the batch as the first one of n. */
function moveToColumns(kernel: ContractKernel, axis: number): ContractKernel {
  const { batch, m, n, k } = kernel;
  const { mStart, nStart } = groupsOf(kernel);
  const sizes = { batch: batch.toSpliced(axis, 1), m, n: [batch[axis] ?? 1, ...n], k };
  return rearrange(kernel, sizes, (list) => [
    ...list.slice(0, mStart).toSpliced(axis, 1),
    ...list.slice(mStart, nStart),
    ...list.slice(axis, axis + 1),
    ...list.slice(nStart),
  ]);
}
