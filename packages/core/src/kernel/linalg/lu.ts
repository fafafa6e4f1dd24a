// LU with partial pivoting, by halves of the columns (S. Toledo, "Locality of reference in LU decomposition with partial
// pivoting", 1997).
import { addScaled, type Block, blockAt, matrixOf, subtractProduct, swapRows, transposed } from "./blocks.ts";
import { solveTriangular } from "./triangular.ts";

export interface Factors {
  /** P·A = L·U: row i of P·A is row rows[i] of A. */
  readonly rows: Int32Array;
  /** 1 or −1: the permutation's. */
  readonly sign: number;
}

const small = 8;

/** Overwrites the m×n matrix a by L below the diagonal and U on and above it. */
export function factorLu(m: number, n: number, a: Float64Array): Factors {
  const rows = Int32Array.from({ length: m }, (_, i) => i);
  let sign = 1;

  /** Columns from … to − 1, on the rows from `from` on, where all columns before are done. */
  function factor(from: number, to: number): void {
    if (to - from > small) {
      const middle = from + ((to - from) >> 1);
      factor(from, middle);
      const whole = matrixOf(a, n);
      const right = blockAt(whole, from, middle);
      solveTriangular(middle - from, to - middle, blockAt(whole, from, from), right, false, true);
      const left = blockAt(whole, middle, from);
      subtractProduct(m - middle, to - middle, middle - from, left, right, blockAt(whole, middle, middle));
      factor(middle, to);
      return;
    }
    for (let column = from; column < to; column++) {
      exchange(column, pivotOf(column));
      const pivot = a[column * n + column] ?? 0;
      if (pivot === 0) continue;
      for (let i = column + 1; i < m; i++) {
        const factor = (a[i * n + column] ?? 0) / pivot;
        a[i * n + column] = factor;
        if (factor !== 0) addScaled(to - column - 1, -factor, a, column * n + column + 1, a, i * n + column + 1);
      }
    }
  }

  function pivotOf(column: number): number {
    let best = column;
    let size = Math.abs(a[column * n + column] ?? 0);
    for (let i = column + 1; i < m; i++) {
      const other = Math.abs(a[i * n + column] ?? 0);
      if (!(other > size)) continue;
      size = other;
      best = i;
    }
    return best;
  }

  function exchange(i: number, j: number): void {
    if (i === j) return;
    swapRows(n, a, i * n, j * n);
    const kept = rows[i] ?? 0;
    rows[i] = rows[j] ?? 0;
    rows[j] = kept;
    sign = -sign;
  }

  const square = Math.min(m, n);
  factor(0, square);
  if (n > m) solveTriangular(m, n - m, matrixOf(a, n), blockAt(matrixOf(a, n), 0, m), false, true);
  return { rows, sign };
}

/** x with A·x = b, or Aᵀ·x = b, for an n×n matrix: `lu` has its factors, b is n×k. */
export function solveLu(
  n: number,
  k: number,
  lu: Float64Array,
  rows: ArrayLike<number>,
  b: Float64Array,
  isTransposed: boolean,
): Float64Array {
  const x = new Float64Array(n * k);
  if (!isTransposed) {
    for (let i = 0; i < n; i++) {
      const from = (rows[i] ?? 0) * k;
      for (let c = 0; c < k; c++) x[i * k + c] = b[from + c] ?? 0;
    }
    solveTriangular(n, k, matrixOf(lu, n), matrixOf(x, k), false, true);
    solveTriangular(n, k, matrixOf(lu, n), matrixOf(x, k), true, false);
    return x;
  }
  // Aᵀ = Uᵀ·Lᵀ·P.
  const turned: Block = matrixOf(transposed(matrixOf(lu, n), n, n), n);
  const y = b.slice();
  solveTriangular(n, k, turned, matrixOf(y, k), false, false);
  solveTriangular(n, k, turned, matrixOf(y, k), true, true);
  for (let i = 0; i < n; i++) {
    const to = (rows[i] ?? 0) * k;
    for (let c = 0; c < k; c++) x[to + c] = y[i * k + c] ?? 0;
  }
  return x;
}
