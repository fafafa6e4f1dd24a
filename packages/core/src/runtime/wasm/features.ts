// Finds out what the engine's WebAssembly can do.

import { DeviceError } from "../../base/errors.ts";
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import { emitPeaks, peakOperandBytes } from "../../codegen/wasm/peaks.ts";
import { disableWideVectors, enableWideVectors, environment, withOptimizedCode } from "./engine-flags.ts";

const types = { f32: 0x7d, v128: 0x7b };

/** A module with one exported function `f`, whose result `body` makes. */
function moduleOf(result: keyof typeof types, body: readonly number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 11];
  const type = [1, 5, 1, 0x60, 0, 1, types[result]];
  const exported = [7, 5, 1, 1, 0x66, 0, 0];
  const section = [10, code.length + 2, 1, code.length, ...code];
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, 3, 2, 1, 0, ...exported, ...section]);
}

/** i32.const 0, i8x16.splat */
const zeros = [0x41, 0, 0xfd, 0x0f];
const relaxedMadd = [0xfd, 0x85, 0x02];
/** Of the sums in the loop of peaks.ts. */
const wideColumns = 16;

/** f32.const x, f32x4.splat */
const splat = (x: number): number[] => [0x43, ...new Uint8Array(Float32Array.of(x).buffer), 0xfd, 0x13];
/** f32x4.extract_lane 3 */
const lastLane = [0xfd, 0x1f, 3];

const validates = (bytes: Uint8Array<ArrayBuffer>): boolean =>
  typeof WebAssembly === "object" && WebAssembly.validate(bytes);

/** Whether the wasm device runs here at all: it needs 128-bit vectors. */
export const hasWasm = (): boolean => validates(moduleOf("v128", zeros));

/** Whether relaxed multiply-add is there and multiplies and adds, rounded once or twice: (1 + ε)² − 1 tells which. */
function hasRelaxedSimd(): boolean {
  const factor = splat(1 + 2 ** -12);
  const bytes = moduleOf("f32", [...factor, ...factor, ...splat(-1), ...relaxedMadd, ...lastLane]);
  if (!validates(bytes)) return false;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const result: unknown = typeof exports.f === "function" ? exports.f() : undefined;
  return result === 2 ** -11 + 2 ** -24 || result === 2 ** -11;
}

/** Whether 256-bit operations, once they are turned on, add up products as 128-bit ones do: of whole numbers, and exactly. */
function hasWideVectors(relaxedSimd: boolean): boolean {
  if (!hasWasm() || !enableWideVectors()) return false;
  const features = { relaxedSimd, wideVectors: true };
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(emitPeaks(features)), { env: { memory } });
  const { multiplyAdd } = exports;
  const values = new Float32Array(memory.buffer, 0, peakOperandBytes(features) / 4);
  values.forEach((_, i) => {
    values[i] = (i % 61) - 30;
  });
  const before = values.slice();
  const steps = 3;
  if (typeof multiplyAdd === "function") withOptimizedCode(() => multiplyAdd(0, steps));
  // Rows of sums, and the right side after them, whose first number is the left side as well.
  const right = before.subarray(-wideColumns);
  const works = values.every((sum, i) => {
    const product = (right[0] ?? 0) * (right[i % wideColumns] ?? 0);
    return sum === (before[i] ?? 0) + (i < values.length - wideColumns ? steps * product : 0);
  });
  if (!works) disableWideVectors();
  return works;
}

/** What `COTANGENT_WASM` may say, by commas. */
const switches = ["baseline", "no-relaxed-simd", "no-wide-vectors"];

/** What `COTANGENT_WASM` turns off. */
function turnedOff(): { readonly relaxedSimd: boolean; readonly wideVectors: boolean } {
  const words = (environment()?.COTANGENT_WASM ?? "").split(",").filter((word) => word !== "");
  const unknown = words.find((word) => !switches.includes(word));
  if (unknown !== undefined)
    throw new DeviceError(`COTANGENT_WASM: expected ${switches.join(", ")}, got ${JSON.stringify(unknown)}`);
  const baseline = words.includes("baseline");
  return {
    relaxedSimd: baseline || words.includes("no-relaxed-simd"),
    wideVectors: baseline || words.includes("no-wide-vectors"),
  };
}

/**
 * What kernels may use: all that works here, less what `COTANGENT_WASM` turns off. Where V8 can make 256-bit operations
 * it is told to, for all code that the process compiles from here on.
 * @throws {DeviceError} `COTANGENT_WASM: expected baseline, no-relaxed-simd, no-wide-vectors, got "fast"`
 */
export function wasmFeatures(): WasmFeatures {
  const off = turnedOff();
  const relaxedSimd = !off.relaxedSimd && hasRelaxedSimd();
  return { relaxedSimd, wideVectors: !off.wideVectors && hasWideVectors(relaxedSimd) };
}
