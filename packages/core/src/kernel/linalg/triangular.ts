// Triangular systems, by halves: most of the work becomes products.
import { addScaled, type Block, blockAt, subtractProduct } from "./blocks.ts";

/** Systems of this size or less are solved row by row. */
const small = 16;

/** b ← t⁻¹·b, where t is n×n, lower or upper, with or without ones on its diagonal, and b is n×k. */
export function solveTriangular(n: number, k: number, t: Block, b: Block, isUpper: boolean, isUnit: boolean): void {
  if (n > small) {
    const half = n >> 1;
    const [top, bottom] = [b, blockAt(b, half, 0)];
    const [first, last] = [t, blockAt(t, half, half)];
    if (isUpper) {
      solveTriangular(n - half, k, last, bottom, isUpper, isUnit);
      subtractProduct(half, k, n - half, blockAt(t, 0, half), bottom, top);
      solveTriangular(half, k, first, top, isUpper, isUnit);
    } else {
      solveTriangular(half, k, first, top, isUpper, isUnit);
      subtractProduct(n - half, k, half, blockAt(t, half, 0), top, bottom);
      solveTriangular(n - half, k, last, bottom, isUpper, isUnit);
    }
    return;
  }
  for (let step = 0; step < n; step++) {
    const i = isUpper ? n - 1 - step : step;
    const row = b.at + i * b.stride;
    for (let j = isUpper ? i + 1 : 0; j < (isUpper ? n : i); j++) {
      const factor = t.data[t.at + i * t.stride + j] ?? 0;
      if (factor !== 0) addScaled(k, -factor, b.data, b.at + j * b.stride, b.data, row);
    }
    if (isUnit) continue;
    const pivot = t.data[t.at + i * t.stride + i] ?? 0;
    for (let c = row; c < row + k; c++) b.data[c] = (b.data[c] ?? 0) / pivot;
  }
}
