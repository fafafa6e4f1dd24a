// Runs one kernel by itself, in a memory of its own: for tests and measurements.

import type { DType } from "../../base/dtype.ts";
import { type TypedArray, viewArray } from "../../base/dtype.ts";
import { erf } from "../../kernel/erf.ts";
import type { CheckStatus } from "../../kernel/interpret.ts";
import type { Kernel } from "../../kernel/ir.ts";
import { pow } from "../../kernel/scalar.ts";
import { emitModule, type Sized, sizedKernel, unitsOf, type WasmFeatures, workspaceBytes } from "./emit.ts";

export interface LoadedKernel {
  /** The slots' arrays in the kernel's memory. */
  readonly slots: readonly TypedArray[];
  readonly params: Float64Array;
  /** All units, or those from … to − 1. */
  run(from?: number, to?: number): void;
  readonly units: number;
  status(): CheckStatus;
  /** Bytes of the module. */
  readonly moduleBytes: number;
  /** Whether the bytes between and behind the slots, and behind the workspace, are as they were. */
  isPaddingIntact(): boolean;
}

/** As floats it is NaN, so that what is read beyond a slot must not count. */
const canary = 0xff;
const roundUp = (bytes: number): number => Math.ceil(bytes / 64) * 64;

const math = { ...pickMath(), erf, pow };

function pickMath(): Record<string, (...x: number[]) => number> {
  const { exp, expm1, log, log1p, sin, cos, tan, tanh, atan2 } = Math;
  return { exp, expm1, log, log1p, sin, cos, tan, tanh, atan2: (y = 0, x = 0) => atan2(y, x) };
}

/** Runs `code` in place of the kernel, as it was written for a kernel of the same key. Lays the slots out with at least 64 bytes of padding after each. */
export function loadKernel(
  kernel: Kernel,
  dtypes: readonly DType[],
  slots: readonly TypedArray[],
  params: readonly number[],
  features: WasmFeatures,
  code: Sized = sizedKernel({ kernel, key: "" }, features),
  written: Kernel = code.kernel,
): LoadedKernel {
  const table = roundUp(16 + 4 * code.sizes.length);
  const header = roundUp(table + 4 * slots.length) + roundUp(8 * params.length);
  let end = header;
  const starts = slots.map((slot) => {
    const start = end;
    end += roundUp(slot.byteLength) + 64;
    return start;
  });
  const work = end;
  const workEnd = work + workspaceBytes(code, features);
  end = roundUp(workEnd) + 64;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65536) });
  const bytes = new Uint8Array(memory.buffer).fill(canary);
  const arrays = slots.map((slot, i) => {
    const array = viewArray(dtypes[i] ?? "float32", memory.buffer, starts[i] ?? 0, slot.length);
    array.set(slot);
    return array;
  });
  const paramsAt = roundUp(table + 4 * slots.length);
  new Int32Array(memory.buffer, table, slots.length).set(starts);
  new Int32Array(memory.buffer, table - 4 * code.sizes.length, code.sizes.length).set(code.sizes.toReversed());
  const numbers = new Float64Array(memory.buffer, paramsAt, params.length);
  numbers.set(params);
  const status = new Int32Array(memory.buffer, 0, 2);
  const module = emitModule([written], features);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory }, math });
  const units = unitsOf(code, features);
  const k0 = instance.exports.k0;
  if (typeof k0 !== "function") throw new TypeError("loadKernel: the module has no k0");
  return {
    slots: arrays,
    params: numbers,
    moduleBytes: module.length,
    units,
    run: (from = 0, to = units) => {
      status.fill(0);
      k0(table, paramsAt, 0, work, from, to);
    },
    status: () => ({ failed: (status[0] ?? 0) - 1, value: status[1] ?? 0 }),
    isPaddingIntact: () =>
      bytes.subarray(workEnd).every((byte) => byte === canary) &&
      slots.every((slot, i) => {
        const start = (starts[i] ?? 0) + slot.byteLength;
        const stop = starts[i + 1] ?? work;
        return bytes.subarray(start, stop).every((byte) => byte === canary);
      }),
  };
}
