// Householder reflections and QR (A. S. Householder, "Unitary triangularization of a nonsymmetric matrix", 1958); signs as in
// LAPACK.
import { addScaled, type Block } from "./blocks.ts";

/** I − tau·v·vᵀ, which takes a vector to a multiple of the first axis. */
export interface Reflector {
  readonly v: Float64Array;
  readonly tau: number;
  /** What the vector's first component becomes; all others vanish. */
  readonly first: number;
}

/** The reflector of a vector, which it keeps and overwrites. */
export function reflectorOf(v: Float64Array): Reflector {
  const alpha = v[0] ?? 0;
  let largest = 0;
  for (let i = 1; i < v.length; i++) largest = Math.max(largest, Math.abs(v[i] ?? 0));
  if (largest === 0) return { v, tau: 0, first: alpha };
  // Scaled, so that squares neither overflow nor vanish.
  largest = Math.max(largest, Math.abs(alpha));
  let squares = 0;
  for (let i = 0; i < v.length; i++) squares += ((v[i] ?? 0) / largest) ** 2;
  const norm = largest * Math.sqrt(squares);
  const first = alpha > 0 ? -norm : norm;
  for (let i = 1; i < v.length; i++) v[i] = (v[i] ?? 0) / (alpha - first);
  v[0] = 1;
  return { v, tau: (first - alpha) / first, first };
}

/** a ← (I − tau·v·vᵀ)·a for a part with as many rows as v, and n columns. */
export function reflect(n: number, { v, tau }: Reflector, { data, at, stride }: Block): void {
  if (tau === 0 || n === 0) return;
  const w = new Float64Array(n);
  for (let i = 0; i < v.length; i++) addScaled(n, v[i] ?? 0, data, at + i * stride, w, 0);
  for (let i = 0; i < v.length; i++) addScaled(n, -tau * (v[i] ?? 0), w, 0, data, at + i * stride);
}

/** Overwrites the m×n matrix a by R, and returns the reflectors: Q is their product. */
export function factorQr(m: number, n: number, a: Float64Array): Reflector[] {
  const reflectors: Reflector[] = [];
  for (let j = 0; j < Math.min(m, n); j++) {
    const column = new Float64Array(m - j);
    for (let i = j; i < m; i++) column[i - j] = a[i * n + j] ?? 0;
    const reflector = reflectorOf(column);
    reflectors.push(reflector);
    a[j * n + j] = reflector.first;
    for (let i = j + 1; i < m; i++) a[i * n + j] = 0;
    reflect(n - j - 1, reflector, { data: a, at: j * n + j + 1, stride: n });
  }
  return reflectors;
}

/** The first n columns of the product of reflectors; number j acts on the rows from j + offset on. */
export function productOf(reflectors: readonly Reflector[], m: number, n: number, offset = 0): Float64Array {
  const q = new Float64Array(m * n);
  for (let i = 0; i < Math.min(m, n); i++) q[i * n + i] = 1;
  for (let j = reflectors.length - 1; j >= 0; j--) {
    const reflector = reflectors[j];
    const start = j + offset;
    // The columns before still are those of the identity, which it leaves alone.
    if (reflector) reflect(n - start, reflector, { data: q, at: start * n + start, stride: n });
  }
  return q;
}
