// Singular values by one-sided Jacobi rotations on the triangular factor of a QR decomposition: small ones are as accurate as
// large ones (J. Demmel, K. Veselić, "Jacobi's method is more accurate than QR", 1992; Z. Drmač, 1997).
import { addScaled, dot, identity, matrixOf, product, rotate, scale, swapRows, transposed } from "./blocks.ts";
import { factorEigh } from "./eigh.ts";
import { factorQr, productOf } from "./qr.ts";

/** a = u·diag(s)·vh; with k = min(m, n), u is m×k and vh k×n. */
export interface Svd {
  readonly u: Float64Array;
  /** Descending. */
  readonly s: Float64Array;
  readonly vh: Float64Array;
}

/** Sweeps over all pairs of rows; six to ten are usual without a start. */
const patience = 60;

/** The m×n matrix is overwritten. Null where the sweeps do not converge. */
export function factorSvd(m: number, n: number, a: Float64Array): Svd | null {
  if (m < n) {
    const turned = factorSvd(n, m, transposed(matrixOf(a, n), m, n));
    if (!turned) return null;
    const { u, s, vh } = turned;
    return { u: transposed(matrixOf(vh, m), m, m), s, vh: transposed(matrixOf(u, m), n, m) };
  }
  let largest = 0;
  for (let i = 0; i < m * n; i++) largest = Math.max(largest, Math.abs(a[i] ?? 0));
  if (largest > 0) for (let i = 0; i < m * n; i++) a[i] = (a[i] ?? 0) / largest;
  const q = productOf(factorQr(m, n, a), m, n);
  // Rows are rotated until they are orthogonal: turns·r = diag(s)·rows, or of rᵀ, so that what differs in size are columns: a
  // start that mixes rows of different sizes would leave nothing of the small ones.
  const upper = a.slice(0, n * n);
  const lower = n >= minStart ? transposed(matrixOf(upper, n), n, n) : null;
  const isTurned = lower !== null && spreadOf(n, upper) > spreadOf(n, lower);
  const r = isTurned ? lower : upper;
  const start = lower ? directionsOf(n, r) : null;
  const rows = start ? product(n, n, n, start, r) : r;
  const turns = start ?? identity(n);
  if (!orthogonalize(n, rows, turns)) return null;
  const s = new Float64Array(n);
  let rank = 0;
  for (let i = 0; i < n; i++) {
    const norm = Math.sqrt(dot(n, rows, i * n, rows, i * n));
    s[i] = norm * largest;
    if (norm < tiny) continue;
    scale(n, 1 / norm, rows, i * n);
    rank = i + 1;
  }
  complete(n, rank, rows);
  const [left, right] = isTurned ? [rows, turns] : [turns, rows];
  return { u: product(m, n, n, q, transposed(matrixOf(left, n), n, n)), s, vh: right };
}

/** How much longer the longest row is than the shortest. */
function spreadOf(n: number, rows: Float64Array): number {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < n; i++) {
    const norm = Math.sqrt(dot(n, rows, i * n, rows, i * n));
    least = Math.min(least, norm);
    most = Math.max(most, norm);
  }
  return most / least;
}

/** Rows shorter than this, beside one of about 1, have squares that vanish. */
const tiny = 1e-150;

/** Smaller matrices are rotated as they are. */
const minStart = 32;

/**
 * Eigenvectors of r·rᵀ in rows, that of the largest first: they make the rows of r nearly orthogonal in one product, so that two
 * or three sweeps are left. What small singular values lose in the squares, the rotations repair. Null where the
 * eigenvectors do not converge.
 */
function directionsOf(n: number, r: Float64Array): Float64Array | null {
  const found = factorEigh(n, product(n, n, n, r, transposed(matrixOf(r, n), n, n)));
  if (!found) return null;
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows.set(found.vectors.subarray((n - 1 - i) * n, (n - i) * n), i * n);
  return rows;
}

/** Rotates pairs of rows until all are orthogonal, the longest first; `turns` follows. Whether it converged. */
function orthogonalize(n: number, rows: Float64Array, turns: Float64Array): boolean {
  const tolerance = Math.max(4, n) * Number.EPSILON;
  const squares = new Float64Array(n);
  const measure = (i: number): void => {
    squares[i] = dot(n, rows, i * n, rows, i * n);
  };
  for (let sweep = 0; sweep < patience; sweep++) {
    let isDone = true;
    for (let i = 0; i < n; i++) measure(i);
    for (let i = 0; i < n - 1; i++)
      for (let j = i + 1; j < n; j++) {
        if ((squares[i] ?? 0) < (squares[j] ?? 0)) {
          swapRows(n, rows, i * n, j * n);
          swapRows(n, turns, i * n, j * n);
          [squares[i], squares[j]] = [squares[j] ?? 0, squares[i] ?? 0];
        }
        const [alpha, beta] = [squares[i] ?? 0, squares[j] ?? 0];
        if (beta < tiny * tiny) continue;
        const gamma = dot(n, rows, i * n, rows, j * n);
        if (Math.abs(gamma) <= tolerance * Math.sqrt(alpha) * Math.sqrt(beta)) continue;
        isDone = false;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        rotate(n, c, -c * t, rows, i * n, j * n);
        rotate(n, c, -c * t, turns, i * n, j * n);
        measure(i);
        measure(j);
      }
    if (isDone) return true;
  }
  return false;
}

/** Fills the rows from `rank` on with unit vectors orthogonal to all others: Gram and Schmidt, twice. */
function complete(n: number, rank: number, rows: Float64Array): void {
  for (let row = rank; row < n; row++) {
    // The axis that the rows so far reach least.
    const reached = new Float64Array(n);
    for (let i = 0; i < row; i++)
      for (let j = 0; j < n; j++) reached[j] = (reached[j] ?? 0) + (rows[i * n + j] ?? 0) ** 2;
    const axis = reached.indexOf(Math.min(...reached));
    rows.fill(0, row * n, (row + 1) * n);
    rows[row * n + axis] = 1;
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < row; i++) addScaled(n, -dot(n, rows, i * n, rows, row * n), rows, i * n, rows, row * n);
      scale(n, 1 / Math.sqrt(dot(n, rows, row * n, rows, row * n)), rows, row * n);
    }
  }
}
