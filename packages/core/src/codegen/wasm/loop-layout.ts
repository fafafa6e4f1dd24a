// What is decided about a loop kernel before code is written: which loop runs in the lanes, how far loops are unrolled,
// which of them threads share.
import { elementBytes } from "../../base/dtype.ts";
import { remember } from "../../base/remember.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Expr, LoopKernel, Store } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";
import { meetInOneSet } from "./cache-sets.ts";
import { costOf, unrollFor } from "./cost.ts";
import type { WasmFeatures } from "./features.ts";
import { type FoldStage, isPlainSum, type Nest, simplifyNest } from "./nest.ts";
import { keepRows, rootsOf, rowBytesOf, type Step, stepsOf, storesOf } from "./steps.ts";
import { tiledVectors } from "./tiling.ts";
import { minSharedNs, workNs } from "./work.ts";

/** How a loop is cut: iterations side by side in a point, points side by side in one round. */
export interface Cut {
  readonly width: 1 | 4;
  readonly unroll: number;
  /** Loops of no more points than this are written out. */
  readonly straight: number;
}

export const oneByOne: Cut = { width: 1, unroll: 1, straight: 1 };
export const lanesPerVector = 4;
/** Windows of 3 × 3 are written out. */
const largestFlat = 9;

export interface LoopLayout {
  readonly nest: Nest;
  /** How the loop over an outer dim is cut. */
  readonly cutOf: (dim: number) => Cut;
  /** The dim in the lanes, or -1. */
  readonly vector: number;
  /** Loops in the lanes of no more points than this are written out. */
  readonly straight: number;
  readonly steps: readonly Step[];
  /** How many rows the workspace holds. */
  readonly rows: number;
  /** The last dim has two iterations, whose stores alternate: the lanes run along the dim before it. */
  readonly alternates: boolean;
  /** The inner dims are so small that all their iterations are written out. */
  readonly flat: boolean;
}

/** Rounds of this outer loop are the units that threads share. */
export interface Split {
  readonly dim: number;
  readonly units: number;
}

export const layoutOf: (kernel: LoopKernel) => LoopLayout = remember(makeLayout);

function makeLayout(kernel: LoopKernel): LoopLayout {
  const nest = simplifyNest(kernel);
  const { sizes, outer } = nest;
  const alternates = storesAlternate(nest);
  const vector = nest.tiled ?? (alternates ? outer - 2 : chooseVector(nest));
  const first = stepsOf(nest.stages);
  const cost = costOf(rootsOf(nest.stages));
  const straight = 2 * unrollFor(cost);
  const isLong = Math.ceil((sizes[vector] ?? 1) / lanesPerVector) > straight;
  const innerSize = sizeOf(sizes.slice(outer));
  const flat = vector < outer && innerSize > 0 && innerSize <= largestFlat && cost * innerSize <= 200;
  const { steps, rows } = vector >= outer && isLong ? keepRows(nest, first) : { steps: first, rows: 0 };
  const most = unrollFor(costOf(rootsOf(steps.flatMap((step) => step.stages))));
  const unroll =
    nest.tiled !== null ? Math.min(most, tiledVectors) : most === 4 && foldsSpread(nest, vector) ? 8 : most;
  const cutOf = (dim: number): Cut => (dim === vector ? { width: 4, unroll, straight } : oneByOne);
  return { nest, cutOf, vector, straight, steps, rows, alternates, flat };
}

/**
 * Whether folds in lanes apart from each other had better walk down columns of 32: where rows meet in one set of the
 * cache, as a line that was fetched along with its neighbour is gone before the next columns ask for it; and where
 * positions are looked for, as each comparison waits for the one before.
 */
function foldsSpread({ sizes, outer, stages }: Nest, vector: number): boolean {
  const last = sizes.length - 1;
  if (vector >= outer || last < outer || (sizes[last] ?? 1) <= 16) return false;
  const folds = stages.filter((stage): stage is FoldStage => stage.kind === "fold");
  if (stages.some((stage) => stage.kind === "each") || !(folds.length === 1 || folds.every(isPlainSum))) return false;
  const columns = exprOrder(rootsOf(stages)).filter((expr) => expr.kind === "load" && expr.view.strides[vector] === 1);
  return columns.length > 0 && (folds.some((fold) => fold.position) || columns.some((expr) => meets(expr, last)));
}

/** Whether what is read in one iteration over a dim falls into the same set as what is read in the next. */
const meets = (expr: Expr, dim: number): boolean =>
  expr.kind === "load" && meetInOneSet((expr.view.strides[dim] ?? 0) * elementBytes(expr.dtype));

/** Bytes at `work` that the kernel needs. */
export function loopsWorkspaceBytes(kernel: LoopKernel): number {
  const { nest, rows } = layoutOf(kernel);
  return rows * rowBytesOf(nest);
}

/** Enough units that threads come out even. */
const manyUnits = 32;

/** How threads share the kernel: null where it is one unit, as sharing so little work is not worth it. */
export function splitOf(kernel: LoopKernel, features: WasmFeatures): Split | null {
  if (workNs(kernel) < (features.minSharedNs ?? minSharedNs)) return null;
  const { nest, alternates, cutOf } = layoutOf(kernel);
  return chooseSplit(nest.sizes.slice(0, alternates ? nest.outer - 1 : nest.outer), cutOf);
}

/** How many rounds the loop over an outer dim has; written out, it is one. */
const roundsOf = (size: number, { width, unroll, straight }: Cut): number =>
  Math.ceil(size / width) <= straight ? 1 : Math.ceil(size / (width * unroll));

/** The outermost loop that has many rounds, or else the one that has most. */
function chooseSplit(sizes: readonly number[], cutOf: (dim: number) => Cut): Split | null {
  let best: Split | null = null;
  for (const [dim, size] of sizes.entries()) {
    if (best && best.units >= manyUnits) break;
    const units = roundsOf(size, cutOf(dim));
    if (units > (best?.units ?? 1)) best = { dim, units };
  }
  return best;
}

/** The stores of the last two dims fill memory without gaps, one iteration of the last after the other. */
const isAlternating = ({ dtype, view }: Store, vector: number): boolean =>
  (dtype === "float32" || dtype === "int32") && view.strides[vector] === 2 && view.strides[vector + 1] === 1;

function storesAlternate({ sizes, outer, stages }: Nest): boolean {
  if (sizes.length !== outer || outer < 2 || sizes[outer - 1] !== 2 || (sizes[outer - 2] ?? 1) < lanesPerVector)
    return false;
  return storesOf(stages).every((store) => isAlternating(store, outer - 2));
}

/** The dim whose iterations go into the lanes: one along which memory is contiguous, the last outer or inner one. */
function chooseVector({ sizes, outer, stages }: Nest): number {
  const rank = sizes.length;
  if (rank === 0) return -1;
  if (rank === outer) return outer - 1;
  const inner = rank - 1;
  if (outer === 0) return inner;
  const innerSize = sizes[inner] ?? 1;
  const outerSize = sizes[outer - 1] ?? 1;
  const views = [
    ...storesOf(stages.filter((stage) => stage.kind === "each")).map((store) => store.view),
    ...exprOrder(rootsOf(stages)).flatMap((expr) => (expr.kind === "load" ? [expr.view] : [])),
  ];
  const strided = (dim: number): number => views.filter((view) => Math.abs(view.strides[dim] ?? 0) > 1).length;
  if (innerSize >= 4 && strided(inner) <= strided(outer - 1)) return inner;
  if (outerSize >= 4) return outer - 1;
  return innerSize >= outerSize ? inner : outer - 1;
}
