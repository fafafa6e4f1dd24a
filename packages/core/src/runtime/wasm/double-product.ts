// Products in double precision for the algorithms of kernel/linalg: packed into a small memory, a strip of rows at a time.
import { emitDoubleTile, tileColumns, tileRows } from "../../codegen/wasm/double-tile.ts";
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import type { Block, TiledProduct } from "../../kernel/linalg/blocks.ts";
import { withOptimizedCode } from "./engine-flags.ts";

const pageBytes = 65536;
/** Rows of a that are packed at a time. */
const stripRows = 128;

/** c −= a·b, the same bits as JavaScript's. */
export function doubleProduct(features: WasmFeatures): TiledProduct {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const rows = tileRows(features);
  const multiply = withOptimizedCode(() => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(emitDoubleTile(features)), { env: { memory } });
    if (typeof exports.multiply !== "function") throw new TypeError("doubleProduct: expected a function");
    exports.multiply(0, 0, 0, 0, 0);
    return exports.multiply;
  });
  let packed = new Float64Array(memory.buffer);

  return (m, n, k, a, b, c) => {
    const [bAt, outAt] = [stripRows * k, (stripRows + tileColumns) * k];
    const needed = outAt + stripRows * tileColumns;
    if (needed > packed.length) {
      memory.grow(Math.ceil((8 * (needed - packed.length)) / pageBytes));
      packed = new Float64Array(memory.buffer);
    }
    for (let i = 0; i < m; i += stripRows) {
      const height = Math.min(stripRows, m - i);
      const tiles = Math.ceil(height / rows);
      packRows(packed, a, i, height, k, rows);
      for (let j = 0; j < n; j += tileColumns) {
        const width = Math.min(tileColumns, n - j);
        packColumns(packed, bAt, b, j, width, k);
        multiply(0, 8 * bAt, 8 * outAt, tiles, k);
        subtract(packed, outAt, c, i, j, height, width);
      }
    }
  };
}

/** Rows of a side by side, so many at a time; what is missing of the last ones is of no account. */
function packRows(to: Float64Array, a: Block, from: number, height: number, k: number, rows: number): void {
  for (let i = 0; i < height; i++) {
    const row = a.at + (from + i) * a.stride;
    let at = (i - (i % rows)) * k + (i % rows);
    for (let p = 0; p < k; p++, at += rows) to[at] = a.data[row + p] ?? 0;
  }
}

function packColumns(to: Float64Array, at: number, b: Block, from: number, width: number, k: number): void {
  for (let p = 0; p < k; p++) {
    const row = b.at + p * b.stride + from;
    for (let j = 0; j < width; j++) to[at + p * tileColumns + j] = b.data[row + j] ?? 0;
  }
}

function subtract(
  from: Float64Array,
  at: number,
  c: Block,
  top: number,
  left: number,
  height: number,
  width: number,
): void {
  for (let i = 0; i < height; i++) {
    const row = c.at + (top + i) * c.stride + left;
    for (let j = 0; j < width; j++) c.data[row + j] = (c.data[row + j] ?? 0) - (from[at + i * tileColumns + j] ?? 0);
  }
}
