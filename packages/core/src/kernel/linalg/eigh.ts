// Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to three diagonals, then QL steps with implicit
// shifts (H. Bowdler, R. S. Martin, C. Reinsch, J. H. Wilkinson, "The QR and QL algorithms for symmetric matrices", 1968).
import { addScaled, dot, matrixOf, rotate, transposed } from "./blocks.ts";
import { productOf, type Reflector, reflectorOf } from "./qr.ts";

export interface Eigen {
  /** Ascending. */
  readonly values: Float64Array;
  /** An eigenvector in each row. */
  readonly vectors: Float64Array;
}

/** Steps for one eigenvalue; two or three are usual. */
const patience = 100;

/** The symmetric n×n matrix is overwritten. Null where the steps do not converge. */
export function factorEigh(n: number, a: Float64Array): Eigen | null {
  let largest = 0;
  for (let i = 0; i < n * n; i++) largest = Math.max(largest, Math.abs(a[i] ?? 0));
  if (largest > 0) for (let i = 0; i < n * n; i++) a[i] = (a[i] ?? 0) / largest;
  const { diagonal, beside, reflectors } = tridiagonalize(n, a);
  const vectors = transposed(matrixOf(productOf(reflectors, n, n, 1), n), n, n);
  if (!diagonalize(n, diagonal, beside, vectors)) return null;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort(
    (i, j) => (diagonal[i] ?? 0) - (diagonal[j] ?? 0) || i - j,
  );
  const sorted = new Float64Array(n * n);
  const values = new Float64Array(n);
  order.forEach((from, to) => {
    values[to] = (diagonal[from] ?? 0) * largest;
    sorted.set(vectors.subarray(from * n, (from + 1) * n), to * n);
  });
  return { values, vectors: sorted };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Beside the diagonal; the last is 0. */
  readonly beside: Float64Array;
  /** Number j acts on the rows from j + 1 on. */
  readonly reflectors: readonly Reflector[];
}

function tridiagonalize(n: number, a: Float64Array): Tridiagonal {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const reflectors: Reflector[] = [];
  for (let j = 0; j < n; j++) {
    diagonal[j] = a[j * n + j] ?? 0;
    if (j === n - 1) break;
    const size = n - j - 1;
    const reflector = reflectorOf(a.slice(j * n + j + 1, (j + 1) * n));
    const { v, tau } = reflector;
    reflectors.push(reflector);
    beside[j] = reflector.first;
    if (tau === 0) continue;
    // H·A·H = A − v·wᵀ − w·vᵀ with p = tau·A·v and w = p − tau/2·(pᵀ·v)·v.
    const w = new Float64Array(size);
    for (let i = 0; i < size; i++) w[i] = tau * dot(size, a, (j + 1 + i) * n + j + 1, v, 0);
    addScaled(size, (-tau / 2) * dot(size, w, 0, v, 0), v, 0, w, 0);
    for (let i = 0; i < size; i++) {
      const row = (j + 1 + i) * n + j + 1;
      addScaled(size, -(v[i] ?? 0), w, 0, a, row);
      addScaled(size, -(w[i] ?? 0), v, 0, a, row);
    }
  }
  return { diagonal, beside, reflectors };
}

/** Leaves the eigenvalues in d, in no order, and turns the rows of z along. Whether it converged. */
function diagonalize(n: number, d: Float64Array, e: Float64Array, z: Float64Array): boolean {
  for (let start = 0; start < n; start++) {
    for (let round = 0; ; round++) {
      const end = endOfBlock(n, start, d, e);
      if (end === start) break;
      if (round === patience) return false;
      step(n, start, end, d, e, z);
    }
  }
  return true;
}

/** The last row of the block that begins at `start`: what is beside it is too small to count. */
function endOfBlock(n: number, start: number, d: Float64Array, e: Float64Array): number {
  let end = start;
  for (; end < n - 1; end++) {
    const size = Math.abs(d[end] ?? 0) + Math.abs(d[end + 1] ?? 0);
    if (Math.abs(e[end] ?? 0) <= Number.EPSILON * size || e[end] === 0) break;
  }
  return end;
}

/** One QL step on rows start … end: rotations from the bottom up chase the shift out at the top. */
function step(n: number, start: number, end: number, d: Float64Array, e: Float64Array, z: Float64Array): void {
  const top = d[start] ?? 0;
  const near = e[start] ?? 0;
  const half = ((d[start + 1] ?? 0) - top) / (2 * near);
  // The eigenvalue of the upper 2×2 part that is closer to `top`, as the shift.
  const shift = top - near / (half + Math.sign(half || 1) * Math.hypot(half, 1));
  let bulge = (d[end] ?? 0) - shift;
  let [c, s, moved] = [1, 1, 0];
  for (let i = end - 1; i >= start; i--) {
    const off = s * (e[i] ?? 0);
    const kept = c * (e[i] ?? 0);
    const length = Math.hypot(off, bulge);
    e[i + 1] = length;
    if (length === 0) {
      // The block falls apart here.
      d[i + 1] = (d[i + 1] ?? 0) - moved;
      e[end] = 0;
      return;
    }
    s = off / length;
    c = bulge / length;
    const lower = (d[i + 1] ?? 0) - moved;
    const change = ((d[i] ?? 0) - lower) * s + 2 * c * kept;
    moved = s * change;
    d[i + 1] = lower + moved;
    bulge = c * change - kept;
    rotate(n, c, s, z, (i + 1) * n, i * n);
  }
  d[start] = (d[start] ?? 0) - moved;
  e[start] = bulge;
  e[end] = 0;
}
