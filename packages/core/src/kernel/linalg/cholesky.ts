// The Cholesky factor of a symmetric positive definite matrix, by halves.
import { type Block, blockAt, dot, matrixOf, subtractProduct, transposed } from "./blocks.ts";
import { solveTriangular } from "./triangular.ts";

const small = 16;
/** So many rows of a symmetric product are computed at a time: to the right of the last of them nothing is needed. */
const strip = 32;

/**
 * Overwrites the lower triangle of the n×n matrix by L with L·Lᵀ = a; above the diagonal there may be anything.
 * Returns 0, or the order of the first leading minor that is not positive.
 */
export function factorCholesky(n: number, a: Block): number {
  if (n > small) {
    const half = n >> 1;
    const first = factorCholesky(half, a);
    if (first > 0) return first;
    const rest = n - half;
    const below = blockAt(a, half, 0);
    // L₂₁ᵀ = L₁₁⁻¹·A₂₁ᵀ
    const turned = transposed(below, rest, half);
    solveTriangular(half, rest, a, matrixOf(turned, rest), false, false);
    for (let i = 0; i < rest; i++)
      for (let j = 0; j < half; j++) a.data[below.at + i * a.stride + j] = turned[j * rest + i] ?? 0;
    const corner = blockAt(a, half, half);
    for (let i = 0; i < rest; i += strip) {
      const rows = Math.min(strip, rest - i);
      subtractProduct(rows, i + rows, half, blockAt(below, i, 0), matrixOf(turned, rest), blockAt(corner, i, 0));
    }
    const second = factorCholesky(rest, corner);
    return second > 0 ? half + second : 0;
  }
  const { data, at, stride } = a;
  for (let i = 0; i < n; i++) {
    const row = at + i * stride;
    for (let j = 0; j < i; j++) {
      const above = at + j * stride;
      data[row + j] = ((data[row + j] ?? 0) - dot(j, data, row, data, above)) / (data[above + j] ?? 0);
    }
    const square = (data[row + i] ?? 0) - dot(i, data, row, data, row);
    if (!(square > 0)) return i + 1;
    data[row + i] = Math.sqrt(square);
  }
  return 0;
}
