// The stores of a contraction as a loop kernel over a finished block of results, so that they are read while in cache.
// A block's start is not known when the loops are generated: each distinct way in which loads, stores and indices
// depend on it becomes an operand whose address is moved, or a param.
import { type DType, elementBytes } from "../../base/dtype.ts";
import { contiguousStrides } from "../../base/shape.ts";
import type { Guard, View } from "../../base/view.ts";
import type { ContractKernel, Expr, LoopKernel, Store } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";
import { type Axis, collapse, collapseTogether, groupsOf, rewrite } from "./contract-axes.ts";
import { loopsWorkspaceBytes } from "./loop-layout.ts";

/** How far something moves, in units of `scale`, with the index of the batch and the start of the block. */
export interface Shift {
  readonly batch: readonly Axis[];
  readonly row: number;
  readonly column: number;
}

/** An operand of the loops: a slot of the kernel, or -1 for the temporary that holds the results. */
export interface ShiftedSlot extends Shift {
  readonly slot: number;
  readonly bytes: number;
}

export interface BlockEpilogue {
  /** `blocks`: after each block of rows and columns. `whole`: once, after everything. */
  readonly kind: "blocks" | "whole";
  readonly splitRows: boolean;
  readonly splitColumns: boolean;
  readonly slots: readonly ShiftedSlot[];
  /** How many of the kernel's params come first; then one for each of `indices`. */
  readonly params: number;
  readonly indices: readonly Shift[];
  readonly workBytes: number;
  /** The loops over a block of the temporary, whose rows lie `pitch` elements apart. */
  loops(rows: number, columns: number, pitch: number): LoopKernel;
}

export type Epilogue = { readonly kind: "none"; readonly workBytes: 0 } | BlockEpilogue;

/** More results than this are not held at once where their block cannot be moved. */
const holdLimit = 1 << 16;

/** `lanes`: where n's axes lie in a row of the temporary, if not side by side; such rows are not split. */
export function planEpilogue(kernel: ContractKernel, lanes: readonly number[] | null = null): BlockEpilogue {
  const groups = groupsOf(kernel);
  const { mStart, nStart, kStart } = groups;
  const roots = kernel.stores.map((store) => store.value);
  const exprs = exprOrder(roots);
  const guards = [
    ...exprs.flatMap((expr) => (expr.kind === "load" ? expr.view.guards : expr.kind === "inside" ? expr.guards : [])),
  ];
  const moves = (from: number, to: number): boolean =>
    guards.some((guard) => guard.coefficients.slice(from, to).some((c) => c !== 0));
  const columns = [
    ...kernel.stores.map((store) => store.view.strides),
    ...exprs.flatMap((expr) =>
      expr.kind === "load" ? [expr.view.strides] : expr.kind === "index" ? [expr.coefficients] : [],
    ),
    ...guards.map((guard) => guard.coefficients),
  ];
  const rowAxes = collapseTogether(
    kernel.m,
    columns.map((column) => column.slice(mStart, nStart)),
  );
  const columnAxes = collapseTogether(
    kernel.n,
    columns.map((column) => column.slice(nStart, kStart)),
  );
  const splitRows = rowAxes.sizes.length <= 1 && !moves(mStart, nStart);
  const splitColumns = lanes === null && columnAxes.sizes.length <= 1 && !moves(nStart, kStart);
  const held = splitRows ? (splitColumns ? 0 : groups.n * 32) : splitColumns ? groups.m * 32 : groups.m * groups.n;
  const whole = moves(0, mStart) || held > holdLimit;

  const slots: ShiftedSlot[] = [];
  const indices: Shift[] = [];
  const rowStride = (column: readonly number[]): number =>
    collapse(kernel.m, column.slice(mStart, nStart)).at(-1)?.stride ?? 0;
  const columnStride = (column: readonly number[]): number =>
    collapse(kernel.n, column.slice(nStart, kStart)).at(-1)?.stride ?? 0;
  const shiftOf = (column: readonly number[]): Shift =>
    whole
      ? { batch: [], row: 0, column: 0 }
      : {
          batch: collapse(kernel.batch, column.slice(0, mStart)).filter((_, __, all) =>
            all.some((x) => x.stride !== 0),
          ),
          row: splitRows ? rowStride(column) : 0,
          column: splitColumns ? columnStride(column) : 0,
        };
  const numberIn = <T>(list: T[], item: T): number => {
    const key = JSON.stringify(item);
    const known = list.findIndex((one) => JSON.stringify(one) === key);
    return known < 0 ? list.push(item) - 1 : known;
  };
  const slotFor = (slot: number, dtype: DType, view: View): number =>
    numberIn(slots, { slot, bytes: elementBytes(dtype), ...shiftOf(view.strides) });
  const params = exprs.reduce((most, expr) => (expr.kind === "param" ? Math.max(most, expr.index + 1) : most), 0);

  const makeLoops = (rows: number, blockColumns: number, pitch: number): LoopKernel => {
    const batchSizes = whole ? kernel.batch : [];
    const rowSizes = splitRows && !whole ? [rows] : kernel.m;
    const columnSizes = splitColumns && !whole ? [blockColumns] : kernel.n;
    const outer = [...batchSizes, ...rowSizes, ...columnSizes];
    const spread = (column: readonly number[]): number[] => [
      ...(whole ? column.slice(0, mStart) : []),
      ...(splitRows && !whole ? [rowStride(column)] : column.slice(mStart, nStart)),
      ...(splitColumns && !whole ? [columnStride(column)] : column.slice(nStart, kStart)),
    ];
    const spreadGuard = (guard: Guard): Guard => ({ ...guard, coefficients: spread(guard.coefficients) });
    const spreadView = (view: View): View => ({
      shape: outer,
      offset: view.offset,
      strides: spread(view.strides),
      guards: view.guards.map(spreadGuard),
    });
    const result: View = {
      shape: outer,
      offset: 0,
      strides: [
        ...contiguousStrides(batchSizes).map((stride) => stride * groups.m * pitch),
        ...contiguousStrides(rowSizes).map((stride) => stride * pitch),
        ...(lanes ?? contiguousStrides(columnSizes)),
      ],
      guards: [],
    };
    const resultSlot = numberIn(slots, { slot: -1, bytes: 4, batch: [], row: 0, column: 0 });
    const moveIndex = (expr: Expr & { kind: "index" }, shift: Shift): Expr =>
      shift.batch.length === 0 && shift.row === 0 && shift.column === 0
        ? expr
        : {
            kind: "apply",
            dtype: "int32",
            op: "add",
            args: [expr, { kind: "param", dtype: "int32", index: params + numberIn(indices, shift) }],
          };
    const mapped = rewrite(roots, (expr) => {
      switch (expr.kind) {
        case "acc":
          return { kind: "load", dtype: expr.dtype, slot: resultSlot, view: result };
        case "load":
          return { ...expr, slot: slotFor(expr.slot, expr.dtype, expr.view), view: spreadView(expr.view) };
        case "inside":
          return { ...expr, guards: expr.guards.map(spreadGuard) };
        case "index":
          return moveIndex({ ...expr, coefficients: spread(expr.coefficients) }, shiftOf(expr.coefficients));
        default:
          return expr;
      }
    });
    const placed = (store: Store): Store => ({
      ...store,
      slot: slotFor(store.slot, store.dtype, store.view),
      view: spreadView(store.view),
      value: mapped(store.value),
    });
    return {
      form: "map",
      outer,
      inner: [],
      stages: kernel.stores.map((store) => ({ kind: "once", store: placed(store) }) as const),
    };
  };
  // The same object each time: its layout is then made once.
  const known = new Map<string, LoopKernel>();
  const loops = (rows: number, blockColumns: number, pitch: number): LoopKernel => {
    const key = `${rows} ${blockColumns} ${pitch}`;
    const before = known.get(key);
    if (before) return before;
    const made = makeLoops(rows, blockColumns, pitch);
    known.set(key, made);
    return made;
  };
  // Names all slots and indices, in an order that does not depend on the block.
  const sample = loops(1, 1, 1);
  return {
    kind: whole ? "whole" : "blocks",
    splitRows,
    splitColumns,
    slots,
    params,
    indices,
    workBytes: Math.ceil((slots.length * 4) / 8) * 8 + (params + indices.length) * 8 + 64 + loopsWorkspaceBytes(sample),
    loops,
  };
}
