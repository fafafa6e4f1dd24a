// Equal attributes as one object: steps of a loop build the same nodes, and the engine knows objects it has met before.
import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Contraction } from "../graph/algebra.ts";

/** Kept attributes before a table starts over. */
const maxKept = 4096;

/** Up to three numbers from 0 below 2¹⁶, or four below 2¹², as one number; -1 for longer lists and other numbers. */
function pack(list: readonly number[]): number {
  if (list.length > 4) return -1;
  const limit = list.length === 4 ? 4096 : 65536;
  let key = list.length;
  for (const n of list) {
    if (n < 0 || n >= limit) return -1;
    key = key * limit + n;
  }
  return key;
}

/** Two lists of at most four axes below 8 as one number; -1 otherwise. */
function packAxes(a: readonly number[], b: readonly number[]): number {
  if (a.length > 4 || b.length > 4) return -1;
  let key = a.length * 8 + b.length;
  for (const axis of a) {
    if (axis >= 8) return -1;
    key = key * 8 + axis;
  }
  for (const axis of b) {
    if (axis >= 8) return -1;
    key = key * 8 + axis;
  }
  return key;
}

function kept<K, V>(table: Map<K, V>, key: K, value: V): V {
  if (table.size >= maxKept) table.clear();
  table.set(key, value);
  return value;
}

const shapes = new Map<number, { readonly shape: Shape }>();

/** Of a list that may be the user's, who may change it later. */
export function shapeAttrs(shape: Shape): { readonly shape: Shape } {
  const key = pack(shape);
  return (key < 0 ? undefined : shapes.get(key)) ?? copied(key, shape);
}

function copied(key: number, shape: Shape): { readonly shape: Shape } {
  const attrs = { shape: [...shape] };
  return key < 0 ? attrs : kept(shapes, key, attrs);
}

const axesLists = new Map<number, { readonly axes: readonly number[] }>();

export function axesAttrs(axes: readonly number[]): { readonly axes: readonly number[] } {
  const key = pack(axes);
  return key < 0 ? { axes } : (axesLists.get(key) ?? kept(axesLists, key, { axes }));
}

const checks = new Map<string, { readonly bound: number; readonly what: string }>();

export function checkAttrs(bound: number, what: string): { readonly bound: number; readonly what: string } {
  const key = `${bound} ${what}`;
  return checks.get(key) ?? kept(checks, key, { bound, what });
}

const dtypeAttrs = {
  float32: { dtype: "float32" },
  float64: { dtype: "float64" },
  int32: { dtype: "int32" },
  uint8: { dtype: "uint8" },
  bool: { dtype: "bool" },
} as const;

export const castAttrs = (dtype: DType): { readonly dtype: DType } => dtypeAttrs[dtype];

const contractions = new Map<number, Map<number, Contraction>>();

export function contractionAttrs(contraction: Contraction): Contraction {
  const keyA = packAxes(contraction.batchA, contraction.contractA);
  const keyB = packAxes(contraction.batchB, contraction.contractB);
  if (keyA < 0 || keyB < 0) return contraction;
  const table = contractions.get(keyA) ?? kept(contractions, keyA, new Map<number, Contraction>());
  return table.get(keyB) ?? kept(table, keyB, contraction);
}

const axisNumbers = new Map<number, { readonly axis: number }>();

export const axisAttrs = (axis: number): { readonly axis: number } =>
  axisNumbers.get(axis) ?? kept(axisNumbers, axis, { axis });

const counts = new Map<number, { readonly n: number }>();

export const countAttrs = (n: number): { readonly n: number } => counts.get(n) ?? kept(counts, n, { n });

/** Where a slice begins, which cells it takes and how many of them. */
type Part = { readonly start: Shape; readonly step: Shape; readonly size: Shape };
const parts = new Map<number, Map<number, Part>>();

/** Of slices that leave out no cells between: splits and narrow ones. */
export function sliceAttrs(start: Shape, step: Shape, size: Shape): Part {
  const [keyStart, keySize] = [pack(start), pack(size)];
  if (keyStart < 0 || keySize < 0 || step.length !== start.length || !step.every((n) => n === 1))
    return { start, step, size };
  const table = parts.get(keyStart) ?? kept(parts, keyStart, new Map<number, Part>());
  return table.get(keySize) ?? kept(table, keySize, { start, step, size });
}
