// Decides how a float32 contraction runs: which operand is read as vectors, tile and block sizes, what is packed,
// where results go, and where everything lies in the workspace.
import { remember } from "../../base/remember.ts";
import type { ContractKernel, Expr, LoopKernel } from "../../kernel/ir.ts";
import { meetInOneSet } from "./cache-sets.ts";
import { type Axis, collapse, groupsOf, isAlong, isEven, isEvenInBlocks, isRun, swapRoles } from "./contract-axes.ts";
import { batchColumns, firstToBatch, joinColumns } from "./contract-batch.ts";
import { type Epilogue, planEpilogue } from "./contract-epilogue.ts";
import { type Lines, planLines } from "./contract-lines.ts";
import { type RowColumns, rowColumns, runColumns } from "./contract-rows.ts";
import { chooseDotTile, dotLanes, dotScratchBytes, suitsDots, turningCost } from "./dot-tile.ts";
import { ceilTo, chooseTile, type Tile, tileCost } from "./gemm-tile.ts";
import { unitFlops } from "./work.ts";

/** How an operand is walked: `lanes` are the axes of m (for a) or n (for b). */
export interface GemmOperand {
  readonly slot: number;
  readonly offset: number;
  readonly batch: readonly Axis[];
  readonly lanes: readonly Axis[];
  readonly k: readonly Axis[];
  /** The steps of each block have even distances. */
  readonly isEven: boolean;
  readonly packed: boolean;
  /** Read where it lies, by tables of offsets: of b the steps', of a those of rows and steps. */
  readonly tabled: boolean;
  /** Packed once for all: the batch does not move it, and it is one block. */
  readonly hoisted: boolean;
}

/** Where tiles are stored: a slot, or -1 for a temporary in the workspace. Rows are contiguous along n. */
export interface GemmTarget {
  readonly slot: number;
  readonly offset: number;
  readonly batch: readonly Axis[];
  readonly rows: readonly Axis[];
}

export interface GemmPlan {
  readonly kind: "gemm";
  /** The product with the roles of operands and axes that are taken here. */
  readonly kernel: ContractKernel;
  readonly a: GemmOperand;
  readonly b: GemmOperand;
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Columns that are computed: n, and what fills the last pair of vectors where the results lie in a temporary. */
  readonly lanes: number;
  readonly tile: Tile;
  /** Steps of k that lie in the lanes of each sum of a tile (see dot-tile.ts), or 1 where columns of b do. */
  readonly kLanes: number;
  /** Rows whose results are finished together; `rowBlock` of them are packed at a time. */
  readonly rowChunk: number;
  readonly rowBlock: number;
  readonly columnBlock: number;
  readonly kBlock: number;
  readonly rowChunks: number;
  readonly columnBlocks: number;
  /** b is packed for all steps at once, and so for all blocks of rows of a block of columns. */
  readonly holdsB: boolean;
  /** Where sums run along lines instead: a tile is rows × columns then. */
  readonly inLines: Lines | null;
  readonly target: GemmTarget;
  readonly epilogue: Epilogue;
  /** Offsets in the workspace, in bytes. */
  readonly work: {
    readonly aRows: number;
    readonly aSteps: number;
    readonly bRows: number;
    readonly bSteps: number;
    readonly targetRows: number;
    readonly aPacked: number;
    readonly bPacked: number;
    /** The number of the block of columns whose panels are there. */
    readonly held: number;
    readonly target: number;
    readonly sums: number;
    readonly epilogue: number;
    readonly bytes: number;
  };
}

export type ContractPlan =
  | { readonly kind: "empty" }
  | { readonly kind: "loops"; readonly kernel: LoopKernel }
  | GemmPlan;

const floatBytes = 4;
/** Elements of one k-block at most: it is summed up in registers, so this also bounds the rounding error. */
const kLimit = 320;
/** Steps of k that lie further apart than this, taken together, crowd each other out of the nearest cache. */
const farBytes = 64 << 10;
const uncachedBytes = 4 << 20;
/** Lines that a set of the nearest cache holds. */
const linesOfSet = 12;
/** Results that are finished together, so that they are still in the nearest cache. */
const finishedElements = 8192;
const packedABytes = 128 << 10;
const packedBBytes = 640 << 10;
/** All steps of so many columns, at least `fewestHeld`, lie in the second cache beside the results that steps are added to. */
const heldBytes = 512 << 10;
const fewestHeld = 128;
const addedElements = 16384;
/** The same where whole rows are finished, and their length matters more: where stores leave the second cache. */
const wholeRowsBytes = 1 << 20;
const beyondSecondCacheBytes = 1 << 20;
/** So many rows keep threads busy. */
const manyRows = 256;

/** So many units are enough for threads to share, and an odd number of so few leaves one of two waiting. */
const manyUnits = 32;
const fewUnits = 8;

/** From one packed panel to the next: not a power of two, or the panels' parts of one step would meet in few cache sets. */
export const packedPanelBytes = (pitch: number, kBlock: number): number => floatBytes * pitch * kBlock + 64;

/** All of b's packed panels of one block of steps. Where lanes run along k, so do panels: as many steps of all columns. */
export const packedStepBytes = ({
  tile,
  kLanes,
  columnBlock,
  kBlock,
}: Pick<GemmPlan, "tile" | "kLanes" | "columnBlock" | "kBlock">): number =>
  kLanes > 1
    ? floatBytes * columnBlock * ceilTo(kBlock, kLanes)
    : (columnBlock / tile.columns) * packedPanelBytes(tile.columns, kBlock);

/** The even split of `size` into blocks of at most about `limit`, each a multiple of `unit`. */
const evenBlock = (size: number, limit: number, unit: number): number =>
  Math.max(unit, ceilTo(Math.ceil(size / Math.ceil(size / Math.max(limit, unit))), unit));

/** The contraction as one fold for each result. */
const asReduce = (kernel: ContractKernel): LoopKernel => ({
  form: "reduce",
  outer: [...kernel.batch, ...kernel.m, ...kernel.n],
  inner: kernel.k,
  stages: [
    {
      kind: "fold",
      op: "add",
      dtype: kernel.dtype,
      value: { kind: "apply", dtype: kernel.dtype, op: "mul", args: [kernel.a, kernel.b] },
    },
    ...kernel.stores.map((store) => ({ kind: "once", store }) as const),
  ],
});

type PlainLoad = Expr & { kind: "load" };

const isPlain = (expr: Expr): expr is PlainLoad =>
  expr.kind === "load" && expr.dtype === "float32" && expr.view.guards.length === 0;

const planNarrow = remember((kernel: ContractKernel) => makePlan(kernel, false));
const planWide = remember((kernel: ContractKernel) => makePlan(kernel, true));

/** `wide`: whether the engine makes 256-bit operations of pairs (see WasmFeatures.wideVectors). */
export const planContract = (kernel: ContractKernel, wide: boolean): ContractPlan =>
  wide ? planWide(kernel) : planNarrow(kernel);

function makePlan(kernel: ContractKernel, wide: boolean): ContractPlan {
  const { batch, m, n, k } = groupsOf(kernel);
  if (batch * m * n === 0) return { kind: "empty" };
  if (kernel.dtype !== "float32" || k === 0 || !isPlain(kernel.a) || !isPlain(kernel.b))
    return { kind: "loops", kernel: asReduce(kernel) };
  const plan = planBatched(kernel, wide);
  for (const roles of [kernel, swapRoles(kernel)]) {
    const lines = planLines(roles, wide);
    if (lines && batch * lines.cost < 0.9 * total(plan, wide)) return lines.plan;
  }
  return isDotProducts(plan) ? { kind: "loops", kernel: asReduce(kernel) } : plan;
}

/** One or two rows along k on both sides: turning the other operand round would cost more than all the rest. */
const isDotProducts = ({ a, b, m, k }: GemmPlan): boolean =>
  b.packed && m <= 2 && k >= 16 && a.k.at(-1)?.stride === 1 && b.k.at(-1)?.stride === 1;

/** Results that cannot be finished block by block are taken apart into a batch, where that helps. */
function planBatched(kernel: ContractKernel, wide: boolean): GemmPlan {
  const plan = planApart(kernel, wide);
  for (const joined of [joinColumns(kernel), joinColumns(swapRoles(kernel))]) {
    const together = joined && planBlocks(joined, wide);
    if (together && together.epilogue.kind !== "whole" && total(together, wide) < 0.95 * total(plan, wide))
      return together;
  }
  for (const rows of [rowColumns(kernel), rowColumns(swapRoles(kernel))]) {
    const inPlace = rows && planGemm(rows.kernel, null, wide, rows);
    if (inPlace?.epilogue.kind === "blocks" && total(inPlace, wide) < total(plan, wide)) return inPlace;
  }
  for (const runs of [runColumns(kernel), runColumns(swapRoles(kernel))]) {
    const inPlace = runs && planBlocks(runs, wide);
    if (inPlace?.b.tabled && inPlace.epilogue.kind !== "whole" && total(inPlace, wide) < 0.9 * total(plan, wide))
      return inPlace;
  }
  return plan;
}

const total = (plan: GemmPlan, wide: boolean): number => plan.batch * costOf(plan, wide);

function planApart(kernel: ContractKernel, wide: boolean): GemmPlan {
  const plan = planBlocks(kernel, wide);
  const isInBlocks = ({ epilogue }: GemmPlan): boolean =>
    epilogue.kind === "none" || (epilogue.kind === "blocks" && epilogue.splitColumns && epilogue.splitRows);
  if (isInBlocks(plan)) return plan;
  for (const apart of [batchColumns(kernel), batchColumns(swapRoles(kernel))]) {
    const better = apart && planBlocks(apart, wide);
    if (better && isInBlocks(better)) return better;
  }
  // Image by image at least: a block of everything is packed by each thread for itself.
  for (const apart of [firstToBatch(kernel), firstToBatch(swapRoles(kernel))]) {
    const better = apart && planBlocks(apart, wide);
    if (better?.epilogue.kind === "blocks" && total(better, wide) < 1.1 * total(plan, wide)) return better;
  }
  return plan;
}

/** Either operand may be the one that is read as vectors: where results can be stored at once, or where it costs less. */
function planBlocks(kernel: ContractKernel, wide: boolean): GemmPlan {
  const swapped = swapRoles(kernel);
  const [target, targetSwapped] = [directTarget(kernel), directTarget(swapped)];
  const plan = planGemm(kernel, target, wide);
  const planSwapped = planGemm(swapped, targetSwapped, wide);
  const isCheaper = costOf(planSwapped, wide) < 0.9 * costOf(plan, wide);
  const isTabled = (isCheaper ? planSwapped : plan).a.tabled;
  // What is read in place is worth a detour of the results.
  if ((target === null) !== (targetSwapped === null) && !isTabled) return target ? plan : planSwapped;
  return isCheaper ? planSwapped : plan;
}

/**
 * Cycles for each step of k: for the tiles, and nearly one for each element that is packed, less where whole vectors are.
 * What is read in place where steps are far apart comes from a distant cache: elements of a one by one, those of b as vectors.
 */
function costOf({ m, lanes: n, k, a, b, batch, kBlock, kLanes, target, tile }: GemmPlan, wide: boolean): number {
  const reading = (
    { packed, tabled, hoisted, lanes, k: steps }: GemmOperand,
    count: number,
    farCost: number,
  ): number => {
    if (tabled) return 0;
    if (packed) return ((kLanes > 1 ? turningCost : isRun(lanes) ? 0.3 : 0.8) * count) / (hoisted ? batch : 1);
    return spreadBytes(steps, kBlock) > farBytes ? farCost * count : 0;
  };
  const copying = target.slot < 0 ? (m * n) / k : 0;
  const tiles = kLanes > 1 ? chooseDotTile(m, n, k, wide).cost : tileCost(m, n, wide, a.tabled ? tabledRows : m);
  // Vectors that begin anywhere often lie in two lines of the cache.
  const split = b.tabled ? 0.1 * tiles : 0;
  // An address is added up for each row of a table: twelve multiply-adds hide that, six do not.
  const addresses = a.tabled && tile.columns <= (wide ? 8 : 4) ? 0.25 * tiles : 0;
  return tiles + split + addresses + reading(a, m, 0.8) + reading(b, n, 0.2) + copying;
}

/** How far apart the first and the last step of a block lie, where it is read in place. */
const spreadBytes = (k: readonly Axis[], kBlock: number): number =>
  kBlock * floatBytes * Math.abs(k.at(-1)?.stride ?? 0);

/** Whether the steps of a block, read in place, meet in one set of the nearest cache. */
const isCrowded = (k: readonly Axis[], kBlock: number): boolean =>
  kBlock > linesOfSet && meetInOneSet(floatBytes * (k.at(-1)?.stride ?? 0));

/** The store's own place, where it takes the bare result along contiguous n. */
function directTarget(kernel: ContractKernel): GemmTarget | null {
  const [store, ...others] = kernel.stores;
  if (!store || others.length > 0 || store.value.kind !== "acc" || store.dtype !== "float32") return null;
  const { mStart, nStart, kStart } = groupsOf(kernel);
  const { slot, view } = store;
  const columns = collapse(kernel.n, view.strides.slice(nStart, kStart));
  if (columns.length > 1 || (columns[0]?.stride ?? 1) !== 1) return null;
  return {
    slot,
    offset: view.offset,
    batch: collapse(kernel.batch, view.strides.slice(0, mStart)),
    rows: collapse(kernel.m, view.strides.slice(mStart, nStart)),
  };
}

/** Fewer steps than this are not worth a block. */
const shortestBlock = 96;

/** Steps of k in one block. It ends where k takes a jump in one of `operands`, if that spares packing it. */
function stepsInBlock(k: number, operands: readonly (readonly Axis[])[]): number {
  if (k <= kLimit) return k;
  for (const axes of operands) {
    const size = axes.length > 1 ? (axes.at(-1)?.size ?? 0) : 0;
    for (let steps = Math.min(size, kLimit); steps >= shortestBlock; steps--) if (size % steps === 0) return steps;
  }
  return evenBlock(k, kLimit, 4);
}

/** Each lane takes as many as a sum otherwise does. */
const dotSteps = (k: number, kLanes: number): number =>
  k <= kLanes * kLimit ? k : evenBlock(k, kLanes * kLimit, kLanes);

/**
 * Few rows by a matrix that the second cache does not hold, but the third one does: short blocks of steps, which go far along
 * its rows. Of hundreds of rows, each in another page, the processor does not see what comes next.
 */
const fewRows = 4;
const streamSteps = 16;
const streamColumns = 512;
const streamBytes = { least: 1 << 20, most: 8 << 20 };
/** Blocks are added up one by one. */
const mostStreamed = 4096;
const isStreamed = (k: number, n: number, steps: readonly Axis[]): boolean =>
  steps.length <= 1 &&
  k <= mostStreamed &&
  k * n * floatBytes > streamBytes.least &&
  k * n * floatBytes <= streamBytes.most &&
  spreadBytes(steps, kLimit) > farBytes;

/** Each row of a tile has an address of its own there, in a register. */
const tabledRows = 6;
/** More steps than this are not worth a table, which is filled for every run. */
const mostTabled = 4096;
/** Columns that are so many are worth packing rows of a for, and rows that are so many b. */
const manyReaders = 128;
/** The same where the steps of a block meet in one set of the cache. */
const crowdedReaders = 8;

/** `rows`: takes the columns as one run, see contract-rows.ts. */
function planGemm(
  kernel: ContractKernel,
  direct: GemmTarget | null,
  wide: boolean,
  rows: RowColumns | null = null,
): GemmPlan {
  const { mStart, nStart, kStart, batch, m, k, ...groups } = groupsOf(kernel);
  const n = rows?.lanes ?? groups.n;
  const { a, b } = kernel;
  if (!isPlain(a) || !isPlain(b)) throw new TypeError("planGemm: operands are plain loads");
  const axesOf = (sizes: readonly number[], load: PlainLoad, from: number): readonly Axis[] =>
    collapse(sizes, load.view.strides.slice(from, from + sizes.length));

  const aLanes = axesOf(kernel.m, a, mStart);
  const bLanes = rows ? [{ size: n, stride: 1 }] : axesOf(kernel.n, b, nStart);
  const aSteps = axesOf(kernel.k, a, kStart);
  const bSteps = axesOf(kernel.k, b, kStart);
  const liesAlongK = isEven(bLanes) && isAlong(bSteps);
  const isDots = rows === null && suitsDots({ m, n, k, wide }, aLanes, aSteps, bLanes, liesAlongK);
  const kLanes = isDots ? dotLanes(wide) : 1;
  const lanes = direct || isDots ? n : ceilTo(n, wide ? 8 : 4);
  const isBRun = isRun(bLanes) || (!isEven(aLanes) && m <= 96);
  const isStream = !isDots && m <= fewRows && isRun(bLanes) && aSteps.length <= 1 && isStreamed(k, n, bSteps);
  const kBlock = isStream
    ? evenBlock(k, streamSteps, 4)
    : isDots
      ? dotSteps(k, kLanes)
      : stepsInBlock(k, [...(isEven(aLanes) ? [aSteps] : []), ...(isBRun ? [bSteps] : [])]);
  const oneStep = kBlock === k;
  const aIsFar = spreadBytes(aSteps, kBlock) > farBytes;
  const bIsFar = spreadBytes(bSteps, kBlock) > farBytes;
  const columnsToPack = isCrowded(aSteps, kBlock) ? crowdedReaders : 64;
  const aUneven = !isEven(aLanes) || !isEvenInBlocks(aSteps, kBlock) || (aIsFar && m > 64 && n > columnsToPack);
  const aTabled = aUneven && n > 2 && n <= manyReaders && Math.abs(aSteps.at(-1)?.stride ?? 0) <= 4;
  const aPacked = aUneven && !aTabled;
  // An operand that no cache holds is packed for few rows already: its far rows would meet in the same cache sets.
  const rowsToPack = k * n * floatBytes > uncachedBytes ? 12 : isCrowded(bSteps, kBlock) ? crowdedReaders : 128;
  const bTabled =
    !isDots && isRun(bLanes) && bSteps.length > 1 && k <= mostTabled && (rows !== null || m < manyReaders);
  const bPacked = isDots
    ? !liesAlongK
    : !bTabled && (!isRun(bLanes) || !isEvenInBlocks(bSteps, kBlock) || (bIsFar && m > rowsToPack));

  const tile = isDots ? chooseDotTile(m, n, k, wide).tile : chooseTile(m, lanes, wide, aTabled ? tabledRows : m);
  const width = tile.columns;
  const epilogue = direct ? null : planEpilogue(kernel, rows?.strides);
  const heldColumns = Math.floor(heldBytes / floatBytes / k);
  const holdsSteps = bPacked && !oneStep && m >= manyReaders && heldColumns >= Math.min(n, fewestHeld);
  const holdsB = bPacked && (oneStep || holdsSteps);
  const columnLimit = holdsSteps ? heldColumns : Math.floor(packedBBytes / floatBytes / kBlock);
  // Whole rows of what no cache holds, where possible: what stores read and write is then walked from start to end.
  const isLarge = oneStep && m >= manyRows && m * n * floatBytes > (epilogue ? beyondSecondCacheBytes : uncachedBytes);
  const columnsHeld = (splitRows: boolean): number => {
    if (!oneStep) return Math.min(columnLimit, isStream ? streamColumns : 256);
    if (!splitRows) return Math.min(columnLimit, finishedElements / m);
    return isLarge ? Math.min(wholeRowsBytes / floatBytes / kBlock, 4096) : Math.min(columnLimit, 1024);
  };
  let columnBlock = evenBlock(n, columnLimit, width);
  let rowBlock = evenBlock(m, Math.floor(packedABytes / floatBytes / kBlock), tile.rows);
  let rowChunk = ceilTo(m, rowBlock);
  if (epilogue?.kind === "blocks") {
    columnBlock = epilogue.splitColumns ? evenBlock(n, columnsHeld(epilogue.splitRows), width) : ceilTo(n, width);
    // Where b is packed again for every chunk of rows and block of k, larger chunks make up for it.
    const limit = (oneStep ? finishedElements : holdsSteps ? addedElements : 65536) / columnBlock;
    rowChunk = epilogue.splitRows ? evenBlock(m, limit, tile.rows) : ceilTo(m, tile.rows);
    rowBlock = Math.min(rowBlock, rowChunk);
    rowChunk = ceilTo(rowChunk, rowBlock);
  }
  const still = (axes: readonly Axis[]): boolean => axes.every((axis) => axis.stride === 0);
  const aBatch = collapse(kernel.batch, a.view.strides.slice(0, mStart));
  const bBatch = collapse(kernel.batch, b.view.strides.slice(0, mStart));
  const packedOnce = { a: oneStep && still(aBatch), b: (oneStep || holdsSteps) && still(bBatch) };
  if (epilogue?.kind !== "whole") {
    const shares = Math.min(Math.floor(manyUnits / batch), (2 * m * n * k) / unitFlops);
    // Fewer than four would be claimed two at a time: two alike are better than those, of which the last one is short.
    const wanted = batch * shares < 4 ? Math.min(2, shares) : shares;
    // Columns first: each thread packs b for its own. They stay wide where a is packed for every block of columns, or b
    // from far rows in several steps, or where stores run along them; and whole where rows are.
    const rowsFirst = isLarge && (aPacked || epilogue !== null) && epilogue?.splitRows !== false;
    const isFarOrLong = (bIsFar && bPacked && !oneStep) || (epilogue !== null && n >= 512);
    const narrowestForB = isStream ? Math.min(streamColumns, n / 2) : holdsSteps ? fewestHeld : isFarOrLong ? 256 : 64;
    const narrowest = rowsFirst ? n : aPacked && !(packedOnce.a && m <= 64) ? 512 : narrowestForB;
    if (wanted > 1 && epilogue?.splitColumns !== false && !(bPacked && packedOnce.b && batch > 1))
      columnBlock = Math.min(columnBlock, evenBlock(n, Math.max(narrowest, n / wanted), width));
    // Where b is packed for every block of rows, these stay tall; but two threads should find two.
    const columnBlocks = Math.ceil(n / columnBlock);
    const wantedRows = wanted / columnBlocks;
    const tallest = Math.min(512, batch * columnBlocks < 4 ? Math.ceil(m / 2) : m);
    const shortest = bPacked && !packedOnce.b ? (oneStep ? 64 : aTabled ? Math.min(192, tallest) : tallest) : 32;
    if (wantedRows > 1 && epilogue?.splitRows !== false)
      rowChunk = Math.min(rowChunk, evenBlock(m, Math.max(shortest, m / wantedRows), tile.rows));
    if (holdsSteps) rowChunk = Math.min(rowChunk, evenBlock(m, addedElements / columnBlock, tile.rows));
    // Of few units, an odd number leaves one thread of two waiting for the last.
    const chunks = Math.ceil(m / rowChunk);
    const units = batch * columnBlocks * chunks;
    if (wanted > 1 && units % 2 === 1 && units > 1 && units < fewUnits && epilogue?.splitRows !== false)
      rowChunk = evenBlock(m, m / (chunks + 1), tile.rows);
    rowBlock = evenBlock(rowChunk, rowBlock, tile.rows);
    rowChunk = ceilTo(rowChunk, rowBlock);
  }

  let bytes = 0;
  const placeBytes = (needed: boolean, count: number): number => {
    const at = bytes;
    if (needed) bytes += ceilTo(count, 64);
    return at;
  };
  const place = (needed: boolean, count: number): number => placeBytes(needed, count * floatBytes);
  const target: GemmTarget = direct ?? {
    slot: -1,
    offset: 0,
    batch: epilogue?.kind === "whole" ? [{ size: batch, stride: m * n }] : [],
    rows: [{ size: m, stride: epilogue?.kind === "whole" ? n : columnBlock }],
  };
  const rowPitch = ceilTo(tile.rows, 4);
  const heldSteps = holdsSteps ? Math.ceil(k / kBlock) : 1;
  const work = {
    aRows: aTabled ? place(true, m) : place(aPacked && !isRun(aLanes), (rowBlock / tile.rows) * rowPitch),
    aSteps: place(aTabled || (aPacked && aSteps.length > 1), kBlock),
    bRows: isDots ? place(bPacked, ceilTo(kBlock, kLanes)) : place(bPacked && !isRun(bLanes), columnBlock),
    bSteps: bTabled ? place(true, k) : place(bPacked && bSteps.length > 1, kBlock),
    targetRows: place(target.rows.length > 1, rowBlock),
    aPacked: placeBytes(aPacked, (rowBlock / tile.rows) * packedPanelBytes(rowPitch, kBlock)),
    bPacked: placeBytes(bPacked, heldSteps * packedStepBytes({ tile, kLanes, columnBlock, kBlock })),
    held: place(holdsB, 1),
    target: place(!direct, epilogue?.kind === "whole" ? batch * m * n : rowChunk * columnBlock),
    sums: placeBytes(isDots, dotScratchBytes(tile)),
    epilogue: place(!direct, (epilogue?.workBytes ?? 0) / floatBytes),
  };
  return {
    kind: "gemm",
    kernel,
    a: {
      slot: a.slot,
      offset: a.view.offset,
      batch: aBatch,
      lanes: aLanes,
      k: aSteps,
      isEven: isEvenInBlocks(aSteps, kBlock),
      packed: aPacked,
      tabled: aTabled,
      hoisted: packedOnce.a && m <= rowBlock,
    },
    b: {
      slot: b.slot,
      offset: b.view.offset,
      batch: bBatch,
      lanes: bLanes,
      k: bSteps,
      isEven: isEvenInBlocks(bSteps, kBlock),
      packed: bPacked,
      tabled: bTabled,
      hoisted: packedOnce.b && n <= columnBlock,
    },
    batch,
    m,
    n,
    k,
    lanes,
    tile,
    kLanes,
    rowChunk,
    rowBlock,
    columnBlock,
    kBlock,
    rowChunks: Math.ceil(m / rowChunk),
    columnBlocks: Math.ceil(n / columnBlock),
    holdsB,
    inLines: null,
    target,
    epilogue: epilogue ?? { kind: "none", workBytes: 0 },
    work: { ...work, bytes },
  };
}
