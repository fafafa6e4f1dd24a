// Decides where a product is taken as sums along lines that lie side by side in both operands, see line-tile.ts: where many
// steps lead to few results, packing operands for tiles of other lanes costs as much as multiplying them.
import type { ContractKernel } from "../../kernel/ir.ts";
import { collapse, collapseTogether, groupsOf } from "./contract-axes.ts";
import { planEpilogue } from "./contract-epilogue.ts";
import type { GemmOperand, GemmPlan } from "./contract-plan.ts";
import { ceilTo, coverCost, type TileChoice } from "./gemm-tile.ts";
import { laneTiles } from "./lane-sums.ts";
import { besideFirst, columnTiles, type LineSteps } from "./line-tile.ts";
import { unitFlops } from "./work.ts";

/** How a product is taken as sums along lines. */
export interface Lines extends LineSteps {
  /** Where each column of b lies, in bytes. */
  readonly columns: readonly number[];
}

/** For each row or column: of fewer steps, the results weigh more. */
const manySteps = 16;
/** Vectors of a sum between two additions to what is in memory. */
const mostSteps = 320;
/** Columns are written out, tile by tile; tiles whose columns lie alike share code. */
const mostColumns = 256;
const mostKinds = 4;
/** More sums than this don't stay in the second cache. */
const mostSumBytes = 256 << 10;
const mostUnits = 8;

/** Cycles for a sum that goes to memory and is read again, and for adding up its lanes. */
const flushCost = 1.5;
const resultCost = 4;

/** The plan of a product of plain operands, and what a step of k costs in it; null where operands do not lie so. */
export function planLines(kernel: ContractKernel, wide: boolean): { plan: GemmPlan; cost: number } | null {
  const { a, b } = kernel;
  if (a.kind !== "load" || b.kind !== "load") return null;
  const { mStart, nStart, kStart, batch, m, n, k } = groupsOf(kernel);
  if (n > mostColumns || k < manySteps * Math.max(m, n, 16)) return null;
  const steps = collapseTogether(kernel.k, [a.view.strides.slice(kStart), b.view.strides.slice(kStart)]);
  const [aSteps = [], bSteps = []] = steps.columns;
  const length = steps.sizes.at(-1) ?? 1;
  const aLanes = collapse(kernel.m, a.view.strides.slice(mStart, nStart));
  const aRow = 4 * (aLanes[0]?.stride ?? 0);
  if (aSteps.at(-1) !== 1 || bSteps.at(-1) !== 1 || aLanes.length > 1 || aRow < 0) return null;

  const vectors = wide ? 2 : 1;
  const perLine = Math.ceil(length / (4 * vectors));
  if (perLine > mostSteps) return null;
  const height = steps.sizes.at(-2) ?? 1;
  let lines = Math.min(height, Math.floor(mostSteps / perLine));
  while (height % lines !== 0) lines--;
  const kBlock = lines * length;

  const columns = offsetsOf(kernel.n, b.view.strides.slice(nStart, kStart)).map((offset) => 4 * offset);
  const choice = chooseTile(m, columns);
  if (!choice || m * n * 16 * vectors > mostSumBytes) return null;
  const cost = (choice.cost * perLine) / length + (m * n * flushCost) / kBlock + (m * n * resultCost) / k;

  const epilogue = planEpilogue(kernel);
  if (epilogue.kind === "whole") return null;
  const units = Math.min(mostUnits, Math.max(1, (2 * batch * m * n * k) / unitFlops));
  const chunks = epilogue.splitRows ? Math.ceil(units / batch) : 1;
  const rowChunk = ceilTo(Math.ceil(m / chunks), choice.tile.rows);

  let bytes = 0;
  const place = (count: number): number => {
    const at = bytes;
    bytes += ceilTo(count, 64);
    return at;
  };
  const work = {
    aRows: 0,
    aSteps: 0,
    bRows: 0,
    bSteps: 0,
    targetRows: 0,
    aPacked: 0,
    bPacked: 0,
    held: 0,
    sums: place(rowChunk * n * 16 * vectors),
    target: place(4 * rowChunk * n),
    epilogue: place(epilogue.workBytes),
  };
  const operand = (load: typeof a, lanes: GemmOperand["lanes"], strides: readonly number[]): GemmOperand => ({
    slot: load.slot,
    offset: load.view.offset,
    batch: collapse(kernel.batch, load.view.strides.slice(0, mStart)),
    lanes,
    k: collapse(steps.sizes, strides),
    isEven: true,
    packed: false,
    tabled: false,
    hoisted: false,
  });
  const plan: GemmPlan = {
    kind: "gemm",
    kernel,
    a: operand(a, aLanes, aSteps),
    b: operand(b, [], bSteps),
    batch,
    m,
    n,
    k,
    lanes: n,
    tile: choice.tile,
    kLanes: 1,
    rowChunk,
    rowBlock: rowChunk,
    columnBlock: n,
    kBlock,
    rowChunks: Math.ceil(m / rowChunk),
    columnBlocks: 1,
    holdsB: false,
    inLines: { lines, length, aLine: 4 * (aSteps.at(-2) ?? 0), bLine: 4 * (bSteps.at(-2) ?? 0), columns, vectors },
    target: { slot: -1, offset: 0, batch: [], rows: [{ size: rowChunk, stride: n }] },
    epilogue,
    work: { ...work, bytes },
  };
  return { plan, cost };
}

/** Σ stride·index of every element of a walk. */
function offsetsOf(sizes: readonly number[], strides: readonly number[]): number[] {
  let offsets = [0];
  sizes.forEach((size, i) => {
    offsets = offsets.flatMap((at) => Array.from({ length: size }, (_, index) => at + index * (strides[i] ?? 0)));
  });
  return offsets;
}

/** The tile that covers all rows and columns with the least work for each vector of steps. */
function chooseTile(m: number, columns: readonly number[]): TileChoice | null {
  const n = columns.length;
  const fits = laneTiles
    .filter(({ rows }) => rows === 1)
    .map(({ columns: count }) => count <= n && kindsOf(columns, count) <= mostKinds);
  let best: TileChoice | null = null;
  for (const tile of laneTiles) {
    if (tile.rows > m || fits[tile.columns - 1] !== true) continue;
    const cost = coverCost(tile, m, n, tile.columns, n % tile.columns);
    if (cost < (best?.cost ?? Number.POSITIVE_INFINITY)) best = { tile, cost };
  }
  return best;
}

/** How many pieces of code tiles of so many columns need. */
const kindsOf = (columns: readonly number[], size: number): number =>
  new Set(columnTiles(columns, size).map((tile) => besideFirst(tile).beside.join(" "))).size;
