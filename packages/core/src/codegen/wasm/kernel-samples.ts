// Pieces of loop kernels, and what a generated kernel does otherwise than the interpreter: for tests.
import { type DType, emptyArray, type TypedArray } from "../../base/dtype.ts";
import type { FoldOp, Instruction } from "../../base/instruction.ts";
import type { Guard } from "../../base/view.ts";
import { runKernel } from "../../kernel/interpret.ts";
import type { Expr, LoopKernel, Stage, Store } from "../../kernel/ir.ts";
import { loadKernel } from "./harness.ts";

/** As the Node runtime sets it: pairs of vectors become one. Functions are optimized after their first run, at once. */
export const engineFlags: readonly string[] = [
  "--experimental-wasm-revectorize",
  "--wasm-tiering-budget=1",
  "--wasm-sync-tier-up",
];

/** Numbers that repeat from run to run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function randomArray(dtype: DType, length: number, next: () => number): TypedArray {
  const out = emptyArray(dtype, length);
  const special = [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const whole = [0, -1, 1, 2147483647, -2147483648, 2, -3];
  for (let i = 0; i < length; i++) {
    const r = next();
    if (dtype === "bool") out[i] = r < 0.5 ? 0 : 1;
    else if (dtype === "uint8") out[i] = Math.floor(r * 256);
    else if (dtype === "int32") out[i] = r < 0.1 ? (whole[Math.floor(r * 70)] ?? 0) : Math.floor((next() - 0.5) * 40);
    else out[i] = r < 0.05 ? (special[Math.floor(r * 140)] ?? 0) : (next() - 0.5) * 8;
  }
  return out;
}

export const load = (
  slot: number,
  dtype: DType,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
  guards: readonly Guard[] = [],
): Expr => ({
  kind: "load",
  dtype,
  slot,
  view: { shape, offset, strides, guards },
});
export const apply = (op: Instruction, dtype: DType, ...args: Expr[]): Expr => ({ kind: "apply", op, dtype, args });
export const literal = (value: number, dtype: DType = "float32"): Expr => ({ kind: "literal", dtype, value });
export const acc = (index: number, dtype: DType = "float32"): Expr => ({ kind: "acc", dtype, index });
const stored = (
  slot: number,
  value: Expr,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Store => ({
  slot,
  dtype: value.dtype,
  view: { shape, offset, strides, guards: [] },
  value,
});
export const once = (
  slot: number,
  value: Expr,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Stage => ({
  kind: "once",
  store: stored(slot, value, shape, strides, offset),
});
export const each = (
  slot: number,
  value: Expr,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Stage => ({
  kind: "each",
  store: stored(slot, value, shape, strides, offset),
});
export const fold = (op: FoldOp, value: Expr, dtype: DType = value.dtype): Stage => ({
  kind: "fold",
  op,
  dtype,
  value,
});
export const map = (outer: readonly number[], ...stages: Stage[]): LoopKernel => ({
  form: "map",
  outer,
  inner: [],
  stages,
});

/** The error that is allowed: relative, or in units of the last place near 1. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}
export const exact: Tolerance = { relative: 0, absolute: 0 };
export const close: Tolerance = { relative: 3e-7, absolute: 1e-37 };

/** Runs the kernel twice, as the engine compiles it first and when it has optimized it. */
export function differences(
  kernel: LoopKernel,
  dtypes: readonly DType[],
  slots: readonly TypedArray[],
  tolerance: Tolerance,
  params: readonly number[] = [],
): string[] {
  const expected = slots.map((slot) => slot.slice());
  const status = { failed: -1, value: 0 };
  runKernel(kernel, expected, params, status);
  const loaded = loadKernel(kernel, dtypes, slots, params, { relaxedSimd: true });
  const wrong: string[] = [];
  for (const compiler of ["baseline", "optimizing"]) {
    slots.forEach((slot, i) => {
      loaded.slots[i]?.set(slot);
    });
    loaded.run();
    expected.forEach((array, slot) => {
      array.forEach((want, i) => {
        const value = loaded.slots[slot]?.[i] ?? Number.NaN;
        const isNear = Math.abs(value - want) <= tolerance.absolute + tolerance.relative * Math.abs(want);
        const isSame = Object.is(value, want) || (value === want && tolerance !== exact);
        if (!isSame && !isNear) wrong.push(`${compiler}: slot ${slot} [${i}]: expected ${want}, got ${value}`);
      });
    });
    if (!loaded.isPaddingIntact()) wrong.push(`${compiler}: wrote outside of the slots`);
    const { failed, value } = loaded.status();
    if (failed !== status.failed) wrong.push(`${compiler}: expected failed check ${status.failed}, got ${failed}`);
    if (failed >= 0 && value !== status.value) wrong.push(`${compiler}: expected value ${status.value}, got ${value}`);
  }
  return wrong.slice(0, 5);
}
