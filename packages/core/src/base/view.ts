// Views: ways to read a buffer without copying it. A chain of view operations folds into strides and guards.
import { contiguousStrides, type Shape, sizeOf } from "./shape.ts";

/** Axis arithmetic on indices. Shapes are checked where nodes are built; here they are taken as right. */
export type ViewOp =
  | { readonly kind: "reshape"; readonly shape: Shape }
  | { readonly kind: "permute"; readonly axes: readonly number[] }
  /** NumPy broadcasting to `shape`: new axes on the left, size 1 repeats. */
  | { readonly kind: "expand"; readonly shape: Shape }
  /** out[i] = in[start + i·step] per axis; `step` may be negative, `size` is the resulting extent. */
  | { readonly kind: "slice"; readonly start: Shape; readonly step: Shape; readonly size: Shape }
  /** `low` and `high` cells around, `interior` - 1 cells between neighbours (interior 1 is none); all filled. */
  | { readonly kind: "pad"; readonly low: Shape; readonly high: Shape; readonly interior: Shape }
  /** Sliding windows: each of `axes` becomes its count of windows; their sizes are appended as new last axes. */
  | {
      readonly kind: "windows";
      readonly axes: readonly number[];
      readonly size: Shape;
      readonly step: Shape;
      readonly dilation: Shape;
    };

/**
 * A condition on loop indices that a load must meet: with e = offset + Σ coefficients·i, it holds where
 * 0 ≤ e ≤ (size − 1)·step and e is a multiple of step. Its axis adds stride·(e / step) to the address.
 */
export interface Guard {
  readonly coefficients: readonly number[];
  readonly offset: number;
  readonly size: number;
  readonly step: number;
  readonly stride: number;
}

/** How a loop nest over `shape` reads a buffer: element offset + Σ strides·i + Σ guard terms, 0 where a guard fails. */
export interface View {
  readonly shape: Shape;
  readonly offset: number;
  readonly strides: readonly number[];
  readonly guards: readonly Guard[];
}

export const contiguousView = (shape: Shape): View => ({
  shape,
  offset: 0,
  strides: contiguousStrides(shape),
  guards: [],
});

/** The shape after `op`. */
export function viewShape(shape: Shape, op: ViewOp): Shape {
  switch (op.kind) {
    case "reshape":
    case "expand":
      return op.shape;
    case "permute":
      return op.axes.map((axis) => shape[axis] ?? 1);
    case "slice":
      return op.size;
    case "pad":
      return shape.map(
        (n, i) => (op.low[i] ?? 0) + (op.high[i] ?? 0) + (n === 0 ? 0 : (n - 1) * (op.interior[i] ?? 1) + 1),
      );
    case "windows": {
      const out = [...shape];
      op.axes.forEach((axis, j) => {
        out[axis] = windowCount(shape[axis] ?? 1, op.size[j] ?? 1, op.step[j] ?? 1, op.dilation[j] ?? 1);
      });
      return [...out, ...op.size];
    }
  }
}

/** How many windows fit into n cells. */
export const windowCount = (n: number, size: number, step: number, dilation: number): number =>
  Math.max(0, Math.floor((n - dilation * (size - 1) - 1) / step) + 1);

/** Per loop axis: its address stride followed by its coefficient in each guard. */
type Column = readonly number[];

const columnsOf = (view: View): Column[] =>
  view.strides.map((stride, i) => [stride, ...view.guards.map((g) => g.coefficients[i] ?? 0)]);

const scale = (column: Column, factor: number): Column => column.map((c) => c * factor);
const isMultiple = (outer: Column, inner: Column, factor: number): boolean =>
  outer.every((c, i) => c === (inner[i] ?? 0) * factor);

function assemble(view: View, shape: Shape, columns: readonly Column[], shift: readonly number[]): View {
  return {
    shape,
    offset: view.offset + (shift[0] ?? 0),
    strides: columns.map((c) => c[0] ?? 0),
    guards: view.guards.map((g, j) => ({
      ...g,
      offset: g.offset + (shift[j + 1] ?? 0),
      coefficients: columns.map((c) => c[j + 1] ?? 0),
    })),
  };
}

/** The view that reads `view` through `op`, or null where only a copy can do that. */
export function composeView(view: View, op: ViewOp): View | null {
  const columns = columnsOf(view);
  const zero: Column = [0, ...view.guards.map(() => 0)];
  const at = (i: number): Column => columns[i] ?? zero;
  switch (op.kind) {
    case "reshape":
      return reshapeView(view, op.shape, columns, zero);
    case "permute":
      return assemble(view, viewShape(view.shape, op), op.axes.map(at), zero);
    case "expand": {
      const lead = op.shape.length - view.shape.length;
      const grown = op.shape.map((n, i) => (i < lead || (view.shape[i - lead] === 1 && n !== 1) ? zero : at(i - lead)));
      return assemble(view, op.shape, grown, zero);
    }
    case "slice": {
      const shift = zero.map((_, row) => op.start.reduce((sum, start, i) => sum + start * (at(i)[row] ?? 0), 0));
      return assemble(
        view,
        op.size,
        columns.map((c, i) => scale(c, op.step[i] ?? 1)),
        shift,
      );
    }
    case "windows": {
      const counted = [...columns];
      op.axes.forEach((axis, j) => {
        counted[axis] = scale(at(axis), op.step[j] ?? 1);
      });
      const inner = op.axes.map((axis, j) => scale(at(axis), op.dilation[j] ?? 1));
      return assemble(view, viewShape(view.shape, op), [...counted, ...inner], zero);
    }
    case "pad":
      return padView(view, op, columns, zero);
  }
}

function padView(view: View, op: ViewOp & { kind: "pad" }, columns: readonly Column[], zero: Column): View | null {
  const shape = viewShape(view.shape, op);
  const shift = [...zero];
  const kept = [...columns];
  const added: Guard[] = [];
  for (let i = 0; i < shape.length; i++) {
    const low = op.low[i] ?? 0;
    const step = op.interior[i] ?? 1;
    const size = view.shape[i] ?? 1;
    const column = columns[i] ?? zero;
    if (low === 0 && (op.high[i] ?? 0) === 0 && (step === 1 || size <= 1)) continue;
    const stretched = step > 1 && size > 1;
    if (stretched && column.slice(1).some((c) => c !== 0)) return null;
    if (stretched) kept[i] = zero;
    else
      column.forEach((c, row) => {
        shift[row] = (shift[row] ?? 0) - low * c;
      });
    added.push({
      coefficients: shape.map((_, j) => (j === i ? 1 : 0)),
      offset: -low,
      size,
      step: stretched ? step : 1,
      stride: stretched ? (column[0] ?? 0) : 0,
    });
  }
  const moved = assemble(view, shape, kept, shift);
  return { ...moved, guards: [...moved.guards, ...added] };
}

/** Splits axes freely and merges neighbours whose columns line up; null where they do not. */
function reshapeView(view: View, shape: Shape, columns: readonly Column[], zero: Column): View | null {
  if (sizeOf(shape) === 0)
    return assemble(
      view,
      shape,
      shape.map(() => zero),
      zero,
    );
  const from: { size: number; column: Column }[] = [];
  view.shape.forEach((size, i) => {
    if (size === 1) return;
    const column = columns[i] ?? zero;
    const last = from.at(-1);
    if (last && isMultiple(last.column, column, size)) from[from.length - 1] = { size: last.size * size, column };
    else from.push({ size, column });
  });
  const out: Column[] = shape.map(() => zero);
  let axis = shape.length - 1;
  for (let i = from.length - 1; i >= 0; i--) {
    const block = from[i];
    if (!block) break;
    let rest = block.size;
    let inner = 1;
    while (rest > 1) {
      const n = shape[axis] ?? 1;
      if (rest % n !== 0) return null;
      out[axis] = n === 1 ? zero : scale(block.column, inner);
      inner *= n;
      rest /= n;
      axis--;
    }
  }
  return assemble(view, shape, out, zero);
}

/** Folds a chain, innermost first. Stops at the first operation that needs a copy and says how far it came. */
export function foldViews(shape: Shape, chain: readonly ViewOp[]): { view: View; folded: number } {
  let view = contiguousView(shape);
  for (let i = 0; i < chain.length; i++) {
    const op = chain[i];
    const next = op && composeView(view, op);
    if (!next) return { view, folded: i };
    view = next;
  }
  return { view, folded: chain.length };
}
