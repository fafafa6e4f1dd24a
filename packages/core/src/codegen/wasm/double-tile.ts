// A product of small packed matrices in double precision, for algorithms that run in JavaScript. Sums are taken in the order of
// kernel/linalg/blocks.ts, without fused operations: the results have the same bits.
import { ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { f64x2, v128 } from "./instructions.ts";

/** Columns of b and of the result; one step of b is so many doubles. */
export const tileColumns = 8;

/** Rows of a tile: as many sums as registers hold. */
export const tileRows = ({ wideVectors }: WasmFeatures): number => (wideVectors ? 4 : 2);

/**
 * A module that imports `env.memory` and exports multiply(a, b, out, tiles, steps): for each tile of `tileRows` rows, out =
 * Σ over steps of a's next `tileRows` doubles times b's next `tileColumns`. Addresses are in bytes; b is the same for all tiles.
 */
export function emitDoubleTile(features: WasmFeatures): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory", minimumPages: 0 });
  const f = module.function(["i32", "i32", "i32", "i32", "i32"], null);
  const [a, start, out] = [f.param("i32", 0), f.param("i32", 1), f.param("i32", 2)];
  const [tiles, steps] = [f.param("i32", 3), f.param("i32", 4)];
  const rows = tileRows(features);
  const vectors = tileColumns / 2;
  const [tile, step] = [f.local("i32"), f.local("i32")];
  const b = f.local("i32");
  const splat = f.local("v128");
  const right = Array.from({ length: vectors }, () => f.local("v128"));
  const sums = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.local("v128")));
  f.for(tile, 0, tiles, 1, () => {
    for (const sum of sums.flat()) f.set(sum, f64x2.const(0));
    f.set(b, start);
    f.for(step, 0, steps, 1, () => {
      right.forEach((local, j) => {
        f.set(local, v128.load(b, 16 * j));
      });
      sums.forEach((row, i) => {
        f.set(splat, v128.load64Splat(a, 8 * i));
        row.forEach((sum, j) => {
          f.set(sum, f64x2.add(sum, f64x2.mul(splat, right[j] ?? splat)));
        });
      });
      f.increase(a, 8 * rows);
      f.increase(b, 8 * tileColumns);
    });
    sums.forEach((row, i) => {
      row.forEach((sum, j) => {
        f.store(out, sum, 8 * tileColumns * i + 16 * j);
      });
    });
    f.increase(out, 8 * tileColumns * rows);
  });
  module.export("multiply", f);
  return module.finish();
}
