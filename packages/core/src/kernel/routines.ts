// The routines of kernel/ir.ts on typed arrays, by name.
import type { TypedArray } from "../base/dtype.ts";
import type { Kernel, Routine, RoutineKernel } from "./ir.ts";
import { linalgRoutines } from "./linalg/routines.ts";

/** Where checks report: `failed` is the number of the first check that failed, -1 while there is none. */
export interface CheckStatus {
  failed: number;
  value: number;
}

const noArray: TypedArray = new Float32Array(0);

function take([x = noArray, index = noArray]: readonly TypedArray[], out: TypedArray, numbers: readonly number[]) {
  const [batch = 0, outer = 0, n = 0, inner = 0, m = 0] = numbers;
  let wrong: number | null = null;
  let to = 0;
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outer; o++) {
      const from = (b * outer + o) * n;
      for (let j = 0; j < m; j++) {
        const i = index[b * m + j] ?? -1;
        const ok = i >= 0 && i < n;
        if (!ok) wrong ??= i;
        const start = (from + i) * inner;
        for (let c = 0; c < inner; c++) out[to++] = ok ? (x[start + c] ?? 0) : 0;
      }
    }
  return wrong;
}

function put([g = noArray, index = noArray]: readonly TypedArray[], out: TypedArray, numbers: readonly number[]) {
  const [batch = 0, outer = 0, n = 0, inner = 0, m = 0] = numbers;
  let wrong: number | null = null;
  let from = 0;
  const sums = accumulator(out);
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outer; o++) {
      const to = (b * outer + o) * n;
      for (let j = 0; j < m; j++, from += inner) {
        const i = index[b * m + j] ?? -1;
        if (i < 0 || i >= n) {
          wrong ??= i;
          continue;
        }
        const start = (to + i) * inner;
        for (let c = 0; c < inner; c++) sums[start + c] = (sums[start + c] ?? 0) + (g[from + c] ?? 0);
      }
    }
  if (sums !== out) out.set(sums);
  return wrong;
}

function takeAlong([x = noArray, index = noArray]: readonly TypedArray[], out: TypedArray, numbers: readonly number[]) {
  const [outer = 0, n = 0, inner = 0, m = 0] = numbers;
  let wrong: number | null = null;
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < m; j++)
      for (let c = 0; c < inner; c++, at++) {
        const i = index[at] ?? -1;
        const ok = i >= 0 && i < n;
        if (!ok) wrong ??= i;
        out[at] = ok ? (x[(o * n + i) * inner + c] ?? 0) : 0;
      }
  return wrong;
}

function putAlong([g = noArray, index = noArray]: readonly TypedArray[], out: TypedArray, numbers: readonly number[]) {
  const [outer = 0, n = 0, inner = 0, m = 0] = numbers;
  let wrong: number | null = null;
  let at = 0;
  const sums = accumulator(out);
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < m; j++)
      for (let c = 0; c < inner; c++, at++) {
        const i = index[at] ?? -1;
        if (i < 0 || i >= n) {
          wrong ??= i;
          continue;
        }
        const to = (o * n + i) * inner + c;
        sums[to] = (sums[to] ?? 0) + (g[at] ?? 0);
      }
  if (sums !== out) out.set(sums);
  return wrong;
}

/** Zeros to add up in: float32 sums are rounded once, at the end; integers wrap where they are stored. */
function accumulator(out: TypedArray): TypedArray {
  if (out instanceof Float32Array) return new Float64Array(out.length);
  return out.fill(0);
}

function argsort([x = noArray]: readonly TypedArray[], out: TypedArray, numbers: readonly number[]) {
  const [rows = 0, n = 0, descending = 0] = numbers;
  const order = new Uint32Array(n);
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * n, (row + 1) * n);
    for (let i = 0; i < n; i++) order[i] = i;
    // Ties go by position, so that the order is stable whatever the engine's sort does. NaN counts as the largest.
    order.sort((i, j) => {
      const a = values[i] ?? 0;
      const b = values[j] ?? 0;
      if (a < b) return descending ? 1 : -1;
      if (a > b) return descending ? -1 : 1;
      if (a === b) return i - j;
      const late = Number(Number.isNaN(a)) - Number(Number.isNaN(b));
      if (late === 0) return i - j;
      return descending ? -late : late;
    });
    out.set(order, row * n);
  }
  return null;
}

function scatter(
  [g = noArray, index = noArray, x = noArray]: readonly TypedArray[],
  out: TypedArray,
  numbers: readonly number[],
) {
  const [outer = 0, n = 0, inner = 0, m = 0, mode = 0] = numbers;
  let wrong: number | null = null;
  let at = 0;
  out.set(x);
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < m; j++)
      for (let c = 0; c < inner; c++, at++) {
        const i = index[at] ?? -1;
        if (i < 0 || i >= n) {
          wrong ??= i;
          continue;
        }
        const to = (o * n + i) * inner + c;
        const value = g[at] ?? 0;
        const old = out[to] ?? 0;
        out[to] = mode === 0 ? value : mode === 1 ? Math.max(old, value) : Math.min(old, value);
      }
  return wrong;
}

function scan([x = noArray, y = noArray]: readonly TypedArray[], out: TypedArray, numbers: readonly number[]) {
  const [outer = 0, n = 0, inner = 0, mode = 0, reverse = 0] = numbers;
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < inner; c++) {
      let total = 0;
      let place = -1;
      for (let j = 0; j < n; j++) {
        const k = reverse ? n - 1 - j : j;
        const at = (o * n + k) * inner + c;
        const value = x[at] ?? 0;
        if (mode === 0) {
          total += value;
          out[at] = total;
          continue;
        }
        if (mode === 3) {
          total = j === 0 ? value : out instanceof Int32Array ? Math.imul(total, value) : total * value;
          out[at] = total;
          continue;
        }
        if (mode === 4) {
          total = j === 0 ? (y[at] ?? 0) : value * total + (y[at] ?? 0);
          out[at] = total;
          continue;
        }
        // The latest of equals; a NaN is followed only by another.
        if (place < 0 || Number.isNaN(value) || (mode === 1 ? value >= total : value <= total)) {
          total = value;
          place = k;
        }
        out[at] = place;
      }
    }
  return null;
}

/** By the definition; sums in double precision. */
function dft([x = noArray, roots = noArray]: readonly TypedArray[], out: TypedArray, numbers: readonly number[]) {
  const [groups = 0, rows = 0, n = 0, inverse = 0, scale = 1] = numbers;
  const sign = inverse ? 1 : -1;
  for (let row = 0; row < groups * rows; row++) {
    const from = 2 * n * row;
    const table = 2 * n * Math.floor(row / rows);
    for (let k = 0; k < n; k++) {
      let [re, im] = [0, 0];
      for (let j = 0; j < n; j++) {
        const at = table + 2 * ((j * k) % n);
        const [c, s] = [roots[at] ?? 0, sign * (roots[at + 1] ?? 0)];
        const [a, b] = [x[from + 2 * j] ?? 0, x[from + 2 * j + 1] ?? 0];
        re += a * c - b * s;
        im += a * s + b * c;
      }
      out[from + 2 * k] = re * scale;
      out[from + 2 * k + 1] = im * scale;
    }
  }
  return null;
}

/** They read no more of an input than they write. */
const pickingRoutines = { take, takeAlong } satisfies Readonly<Record<string, Routine>>;

export const routines: Readonly<Record<string, Routine>> = {
  ...pickingRoutines,
  put,
  putAlong,
  scatter,
  argsort,
  scan,
  dft,
  ...linalgRoutines,
};

/** The most elements of an input that a routine reads. */
export const mostReadBy = ({ name, output }: RoutineKernel): number =>
  name in pickingRoutines ? output.size : Number.POSITIVE_INFINITY;

/** Whether the definition here is also what runs on other devices: too much of an algorithm for a kernel. */
export const runsOnHost = (kernel: Kernel): kernel is RoutineKernel =>
  kernel.form === "routine" && kernel.name in linalgRoutines;
