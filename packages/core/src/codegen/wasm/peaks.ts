// A module that does nothing but multiply-adds, and nothing but copy: what kernels can be held against.
import { ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { f32x4, v128 } from "./instructions.ts";

/** Twelve registers of sums: enough to hide how long a multiply-add takes (ten come to 0.96 of it on Zen 5), and they fit. */
const rows = 6;
const vectorsFor = (features: WasmFeatures): number => (features.wideVectors ? 4 : 2);
const copyStepBytes = 64;

/** Bytes of memory, all zero, that `multiplyAdd` reads and writes. */
export const peakOperandBytes = (features: WasmFeatures): number => 16 * vectorsFor(features) * (rows + 1);
/** Floating-point operations in one step of `multiplyAdd`. */
export const peakStepFlops = (features: WasmFeatures): number => 2 * 4 * rows * vectorsFor(features);

/**
 * Imports `env.memory`; exports multiplyAdd(address, steps), which keeps to registers, and copy(from, to, sizeBytes) for
 * sizes that are multiples of 64.
 */
export function emitPeaks(features: WasmFeatures): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory", minimumPages: 0 });
  const vectors = vectorsFor(features);

  const multiplyAdd = module.function(["i32", "i32"], null);
  const [address, steps] = [multiplyAdd.param("i32", 0), multiplyAdd.param("i32", 1)];
  const offset = (row: number, j: number): number => 16 * (row * vectors + j);
  const across = Array.from({ length: vectors }, (_, j) => j);
  const sums = Array.from({ length: rows }, (_, row) =>
    across.map((j) => multiplyAdd.local("v128", v128.load(address, offset(row, j)))),
  );
  const right = across.map((j) => multiplyAdd.local("v128", v128.load(address, offset(rows, j))));
  const left = multiplyAdd.local("v128", v128.load32Splat(address, offset(rows, 0)));
  multiplyAdd.for(multiplyAdd.local("i32"), 0, steps, 1, () => {
    for (const row of sums)
      row.forEach((sum, j) => {
        const x = right[j] ?? left;
        multiplyAdd.set(
          sum,
          features.relaxedSimd ? f32x4.relaxedMadd(left, x, sum) : f32x4.add(sum, f32x4.mul(left, x)),
        );
      });
  });
  sums.forEach((row, r) => {
    row.forEach((sum, j) => {
      multiplyAdd.store(address, sum, offset(r, j));
    });
  });
  module.export("multiplyAdd", multiplyAdd);

  const copy = module.function(["i32", "i32", "i32"], null);
  const [from, to, sizeBytes] = [copy.param("i32", 0), copy.param("i32", 1), copy.param("i32", 2)];
  copy.for(copy.local("i32"), 0, sizeBytes, copyStepBytes, () => {
    const moved = Array.from({ length: copyStepBytes / 16 }, (_, i) => copy.local("v128", v128.load(from, 16 * i)));
    // From the last to the first: see storeAll in loops.ts.
    for (const [i, vector] of [...moved.entries()].reverse()) copy.store(to, vector, 16 * i);
    copy.increase(from, copyStepBytes);
    copy.increase(to, copyStepBytes);
  });
  module.export("copy", copy);
  return module.finish();
}
