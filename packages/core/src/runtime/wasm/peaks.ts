// What this machine can do at most, measured once: one thread, code that is generated like that of kernels.

import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import { emitPeaks, peakOperandBytes, peakStepFlops } from "../../codegen/wasm/peaks.ts";
import { withOptimizedCode } from "./engine-flags.ts";
import { hasWasm, wasmFeatures } from "./features.ts";

export interface MachinePeaks {
  /** float32 operations per second, a multiply-add counting as two. */
  readonly flopsPerSecond: number;
  /** Bytes read and bytes written per second, together, in a copy between buffers that fit in no cache. */
  readonly bytesPerSecond: number;
}

const pageBytes = 65536;
/** Larger than the caches of most machines. */
const copiedBytes = 32 * 2 ** 20;

let peaks: MachinePeaks | null = null;

/** Takes about a tenth of a second at the first call; null where there is no WebAssembly with vectors. */
export function machinePeaks(): MachinePeaks | null {
  if (!hasWasm()) return null;
  peaks ??= measurePeaks(wasmFeatures());
  return peaks;
}

export function measurePeaks(features: WasmFeatures): MachinePeaks {
  const operandPages = Math.ceil(peakOperandBytes(features) / pageBytes);
  const memory = new WebAssembly.Memory({ initial: operandPages + (2 * copiedBytes) / pageBytes });
  const from = operandPages * pageBytes;
  const { multiplyAdd, copy } = withOptimizedCode(() => {
    const module = new WebAssembly.Module(emitPeaks(features));
    const made = new WebAssembly.Instance(module, { env: { memory } }).exports;
    if (typeof made.multiplyAdd !== "function" || typeof made.copy !== "function")
      throw new TypeError("peaks: expected two functions");
    made.multiplyAdd(0, 1);
    made.copy(from, from, 64);
    return { multiplyAdd: made.multiplyAdd, copy: made.copy };
  });
  // Short calls: elsewhere, a function that is running is not replaced by its optimized code.
  const steps = 20_000;
  const arithmeticMs = shortest(20, 20, () => multiplyAdd(0, steps));
  const copyMs = shortest(3, 40, () => copy(from, from + copiedBytes, copiedBytes));
  return {
    flopsPerSecond: (1000 * steps * peakStepFlops(features)) / arithmeticMs,
    bytesPerSecond: (1000 * 2 * copiedBytes) / copyMs,
  };
}

/** The shortest time of a call, of at least `count` and for at least `budgetMs`. */
function shortest(count: number, budgetMs: number, body: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  const start = performance.now();
  for (let i = 0; i < count || performance.now() - start < budgetMs; i++) {
    const before = performance.now();
    body();
    least = Math.min(least, performance.now() - before);
  }
  return least;
}
