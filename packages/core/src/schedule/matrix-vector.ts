// Products of a matrix by a vector along the matrix's rows. They read it once, as it lies in memory: sums of products do, while a
// tile of a matrix product would be a single column wide, and its panels nothing but copies.
import { sizeOf } from "../base/shape.ts";
import { foldViews, type ViewOp } from "../base/view.ts";
import type { Contraction } from "../graph/algebra.ts";
import { extents, freeAxes } from "./contract.ts";
import type { Lowered, LoweredGraph } from "./lowered.ts";

/** Shorter rows, and smaller matrices, are as well off in a tile. */
const longRow = 64;
const largeMatrix = 1 << 12;

interface Side {
  readonly x: Lowered;
  readonly batch: readonly number[];
  readonly summed: readonly number[];
}

/** The contraction as a sum of products, where one side is a vector for each batch; null where it is not, or not worth it. */
export function asSumOfProducts(graph: LoweredGraph, a: Lowered, b: Lowered, contraction: Contraction): Lowered | null {
  const first: Side = { x: a, batch: contraction.batchA, summed: contraction.contractA };
  const second: Side = { x: b, batch: contraction.batchB, summed: contraction.contractB };
  if (isVector(second)) return rowsTimes(graph, first, second);
  return isVector(first) ? rowsTimes(graph, second, first) : null;
}

const freeOf = ({ x, batch, summed }: Side): number[] => freeAxes(x, batch, summed);

const isVector = (side: Side): boolean => sizeOf(extents(side.x, freeOf(side))) === 1;

function rowsTimes(graph: LoweredGraph, matrix: Side, vector: Side): Lowered | null {
  const { x, batch, summed } = matrix;
  const free = freeOf(matrix);
  if (sizeOf(extents(x, [...free, ...summed])) < largeMatrix || !liesInRows(matrix)) return null;
  const inOrder = (side: Side): Lowered =>
    graph.view(side.x, { kind: "permute", axes: [...side.batch, ...freeOf(side), ...side.summed] });
  const factor = graph.view(inOrder(vector), {
    kind: "reshape",
    shape: [...extents(x, batch), ...free.map(() => 1), ...extents(x, summed)],
  });
  const last = batch.length + free.length;
  return graph.reduce(
    "add",
    graph.mul(inOrder(matrix), factor),
    summed.map((_, i) => last + i),
  );
}

/** Whether the matrix's fastest axis is a long one that is summed over. */
function liesInRows({ x, summed }: Side): boolean {
  const ops: ViewOp[] = [];
  let base = x;
  while (base.body.kind === "view") {
    ops.unshift(base.body.op);
    base = base.body.x;
  }
  const { view, folded } = foldViews(base.shape, ops);
  return folded === ops.length && summed.some((axis) => view.strides[axis] === 1 && (x.shape[axis] ?? 1) >= longRow);
}
