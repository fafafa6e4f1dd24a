// Windows of stride 1: the columns of a product are rows of cells that lie a little further apart than they are long. Taken as
// one run, with the cells between the rows, they are read where they lie, and nothing is packed: what the cells in between
// come to is thrown away.
import type { ContractKernel } from "../../kernel/ir.ts";
import { groupsOf, splitAxis } from "./contract-axes.ts";
import { moveToBatch } from "./contract-batch.ts";

/** A product whose columns are such rows: `lanes` from the first cell to the last, of which n's axes lie at `strides`. */
export interface RowColumns {
  readonly kernel: ContractKernel;
  readonly lanes: number;
  readonly strides: readonly number[];
}

/** The cells between the rows are work for nothing. */
const widestPitch = 1.5;
/** Results of so many lanes for a few rows of a are still in the nearest cache when they are stored. */
const mostLanes = 1024;
/** Columns side by side that are worth a product of their own. */
const shortestRun = 128;

/** How far back from `end` axes lie at the distance given, and how many cells they have. */
function runBefore(
  sizes: readonly number[],
  strides: readonly number[],
  end: number,
  distance: number,
): { start: number; size: number } {
  let [start, size] = [end, 1];
  for (; start > 0; start--) {
    const extent = sizes[start - 1] ?? 1;
    if (extent !== 1 && strides[start - 1] !== distance * size) break;
    size *= extent;
  }
  return { start, size };
}

const columnStrides = ({ b, ...kernel }: ContractKernel): readonly number[] => {
  const { nStart, kStart } = groupsOf({ b, ...kernel });
  return b.kind === "load" ? b.view.strides.slice(nStart, kStart) : [];
};

/** The product with those axes of n in front of the rows as axes of the batch; null where b's columns are not such rows. */
export function rowColumns(kernel: ContractKernel): RowColumns | null {
  const strides = columnStrides(kernel);
  const cells = runBefore(kernel.n, strides, kernel.n.length, 1);
  const pitch = strides[cells.start - 1] ?? 0;
  if (cells.size === 1 || pitch <= cells.size || pitch > widestPitch * cells.size) return null;
  const { start } = runBefore(kernel.n, strides, cells.start, pitch);
  const rows = shorten(moveToBatch(kernel, start), cells.start - start, pitch);
  const own = columnStrides(rows);
  const lanes = 1 + rows.n.reduce((sum, size, i) => sum + (size - 1) * (own[i] ?? 0), 0);
  return lanes > 2 * mostLanes ? null : { kernel: rows, lanes, strides: own };
}

/** The product with columns that lie side by side, and those axes of n in front of them as axes of the batch; null where there are none. */
export function runColumns(kernel: ContractKernel): ContractKernel | null {
  const { start, size } = runBefore(kernel.n, columnStrides(kernel), kernel.n.length, 1);
  return start > 0 && size >= shortestRun ? moveToBatch(kernel, start) : null;
}

/** So many of the rows at a time as make few enough lanes: the first `axes` of n count rows. */
function shorten(kernel: ContractKernel, axes: number, pitch: number): ContractKernel {
  const count = kernel.n.slice(0, axes).reduce((product, size) => product * size, 1);
  if (count * pitch <= mostLanes) return kernel;
  const [first = 1] = kernel.n;
  if (axes > 1) return shorten(moveToBatch(kernel, 1), axes - 1, pitch);
  let kept = Math.max(1, Math.floor(mostLanes / pitch));
  while (first % kept !== 0) kept--;
  // A few rows alone are mostly ends.
  return kept * 4 < mostLanes / pitch ? kernel : moveToBatch(splitAxis(kernel, groupsOf(kernel).nStart, kept), 1);
}
