// Which numbers of a blocked product its code is told when it runs, so that products that differ in them alone share it.
import { remember } from "../../base/remember.ts";
import type { LoopKernel } from "../../kernel/ir.ts";
import { anySize } from "./abi.ts";
import { type Axis, groupsOf } from "./contract-axes.ts";
import { type GemmPlan, packedPanelBytes, packedStepBytes } from "./contract-plan.ts";
import { anyRestSteps, restSteps } from "./gemm-tile.ts";
import { runsAs, slowestAxis } from "./told-sizes.ts";

/** A number that is known when code is written, or which of the numbers it is that the code is told. */
export type Size = number | { readonly told: number };

type Told = "m" | "k" | "batch" | "rowChunk" | "rowBlock" | "kBlock" | "rowChunks";

/** A plan as far as its code depends on it. Outermost axes are of size 0 here: nothing depends on theirs. */
export interface GemmCode extends Omit<GemmPlan, "kernel" | "work" | Told> {
  readonly m: Size;
  readonly k: Size;
  readonly rowChunk: Size;
  readonly rowBlock: Size;
  readonly kBlock: Size;
  readonly rowChunks: Size;
  readonly units: Size;
  /** From one packed panel to the next. */
  readonly panelBytes: { readonly a: Size; readonly b: Size };
  /** From b's packed panels of one block of steps to those of the next. */
  readonly stepBytes: Size;
  readonly work: { readonly [Name in keyof Omit<GemmPlan["work"], "bytes">]: Size };
  readonly isBatched: boolean;
  /** There is one block: in all, of rows, of steps. */
  readonly isOneUnit: boolean;
  readonly isOneRowBlock: boolean;
  readonly isOneStep: boolean;
  /** What blocks of steps may leave beyond whole rounds of the tiles' loop; 0 where that is nothing. */
  readonly restSteps: number;
  /** How many rows may be left for the last row of tiles. */
  readonly restRows: readonly number[];
}

export interface CodedGemm {
  readonly code: GemmCode;
  readonly sizes: readonly number[];
  /** All that the code depends on, but for the kernel's views and expressions. */
  readonly key: string;
}

export const codeGemm: (plan: GemmPlan) => CodedGemm = remember(makeCode);

function makeCode(plan: GemmPlan): CodedGemm {
  const { kernel, m, k, batch, rowChunk, rowBlock, kBlock, rowChunks, work, ...rest } = plan;
  const { a, b, tile, kLanes, columnBlocks, target, epilogue } = rest;
  const sizes: number[] = [];
  const told = (size: number): Size => ({ told: sizes.push(size) - 1 });
  const { mStart, nStart, kStart } = groupsOf(kernel);
  const axis = slowestAxis(kernel);
  const areRowsTold = finishesAnyRows(plan);
  const rows = areRowsTold ? told : (size: number): Size => size;
  const restRows = m % tile.rows;
  const units = batch * columnBlocks * rowChunks;
  const isOneStep = kBlock >= k;
  const { bytes: _, ...places } = work;
  const anyOutermost = (axes: readonly Axis[]): Axis[] => axes.map((one, i) => (i === 0 ? { ...one, size: 0 } : one));
  const operand = (one: GemmPlan["a"]): GemmPlan["a"] => ({
    ...one,
    batch: anyOutermost(one.batch),
    lanes: anyOutermost(one.lanes),
    k: anyOutermost(one.k),
  });
  const code: GemmCode = {
    ...rest,
    a: operand(a),
    b: operand(b),
    target: { ...target, batch: anyOutermost(target.batch), rows: anyOutermost(target.rows) },
    m: rows(m),
    rowChunk: rows(rowChunk),
    rowBlock: told(rowBlock),
    rowChunks: told(rowChunks),
    units: told(units),
    k: told(k),
    kBlock: told(kBlock),
    panelBytes: {
      a: told(packedPanelBytes(4 * Math.ceil(tile.rows / 4), kBlock)),
      b: told(packedPanelBytes(tile.columns, kBlock)),
    },
    stepBytes: told(packedStepBytes(plan)),
    work: {
      aRows: told(places.aRows),
      aSteps: told(places.aSteps),
      bRows: told(places.bRows),
      bSteps: told(places.bSteps),
      targetRows: told(places.targetRows),
      aPacked: told(places.aPacked),
      bPacked: told(places.bPacked),
      held: told(places.held),
      target: told(places.target),
      sums: told(places.sums),
      epilogue: told(places.epilogue),
    },
    isBatched: batch > 1,
    isOneUnit: units === 1,
    isOneRowBlock: m <= rowBlock,
    isOneStep,
    restSteps: axis >= kStart ? anyRestSteps : kLanes > 1 ? k % kLanes : restSteps(k, kBlock),
    restRows:
      areRowsTold && axis >= mStart && axis < nStart
        ? Array.from({ length: tile.rows - 1 }, (_, i) => i + 1)
        : restRows > 0
          ? [restRows]
          : [],
  };
  const anyBatch = <S extends { readonly batch: readonly Axis[] }>(shift: S): S => ({
    ...shift,
    batch: anyOutermost(shift.batch),
  });
  const stores =
    epilogue.kind === "none"
      ? null
      : {
          kind: epilogue.kind,
          splits: [epilogue.splitRows, epilogue.splitColumns],
          params: epilogue.params,
          slots: epilogue.slots.map(anyBatch),
          indices: epilogue.indices.map(anyBatch),
          batch: epilogue.kind === "whole" ? kernel.batch : null,
          m: areRowsTold ? null : kernel.m,
          n: kernel.n,
          strides: kernel.stores.map(({ view }) => view.strides),
        };
  return { code, sizes, key: JSON.stringify([{ ...code, epilogue: null }, stores]) };
}

/** Whether the stores run over blocks of any number of rows as they do over this plan's. */
function finishesAnyRows({ m, n, rowChunk, columnBlock, target, epilogue }: GemmPlan): boolean {
  if (epilogue.kind === "none") return true;
  if (epilogue.kind === "whole" || !epilogue.splitRows) return false;
  const loops = (rows: number): LoopKernel =>
    epilogue.loops(rows, Math.min(n, columnBlock), target.rows[0]?.stride ?? n);
  return runsAs(loops(Math.min(m, rowChunk)), loops(anySize));
}
