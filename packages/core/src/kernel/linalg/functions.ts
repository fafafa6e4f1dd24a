// Functions of matrices that the factorizations give.
import { identity, matrixOf, product, scale, transposed } from "./blocks.ts";
import { factorLu, solveLu } from "./lu.ts";
import { factorSvd } from "./svd.ts";

/** The determinant, given the factors of an n×n matrix. */
export function determinant(n: number, lu: Float64Array, sign: number): number {
  let value = sign;
  for (let i = 0; i < n; i++) value *= lu[i * n + i] ?? 0;
  return value;
}

/** The pseudoinverse n×m: singular values of at most rtol times the largest count as zero. Overwrites a; null as factorSvd. */
export function pseudoinverse(m: number, n: number, a: Float64Array, rtol: number): Float64Array | null {
  const found = factorSvd(m, n, a);
  if (!found) return null;
  const { u, s, vh } = found;
  const k = s.length;
  const turned = transposed(matrixOf(u, k), m, k);
  for (let i = 0; i < k; i++) scale(m, (s[i] ?? 0) > rtol * (s[0] ?? 0) ? 1 / (s[i] ?? 0) : 0, turned, i * m);
  return product(n, m, k, transposed(matrixOf(vh, n), k, n), turned);
}

/** The cofactors of an n×n matrix, singular or not: the derivative of its determinant. Null as factorSvd. */
export function cofactors(n: number, a: Float64Array): Float64Array | null {
  const lu = a.slice();
  const { rows, sign } = factorLu(n, n, lu);
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < n; i++) {
    const size = Math.abs(lu[i * n + i] ?? 0);
    least = Math.min(least, size);
    most = Math.max(most, size);
  }
  if (least > most * 1e-8) {
    const y = solveLu(n, n, lu, rows, identity(n), true);
    scale(n * n, determinant(n, lu, sign), y, 0);
    return y;
  }
  // det(U)·det(V)·U·diag(∏ⱼ≠ᵢ sⱼ)·Vᵀ
  const found = factorSvd(n, n, a.slice());
  if (!found) return null;
  const { u, s, vh } = found;
  const orientation = signOf(n, u) * signOf(n, vh);
  for (let i = 0; i < n; i++) {
    let others = orientation;
    for (let j = 0; j < n; j++) if (j !== i) others *= s[j] ?? 0;
    scale(n, others, vh, i * n);
  }
  return product(n, n, n, u, vh);
}

/** 1 or −1 for an orthogonal matrix. */
function signOf(n: number, q: Float64Array): number {
  const lu = q.slice();
  const { sign } = factorLu(n, n, lu);
  return Math.sign(determinant(n, lu, sign));
}

/** Where Padé's approximant of degree 13 is as good as double precision. */
const theta = 5.371920351148152;
const degree = 13;

/** exp(a) by scaling and squaring (N. J. Higham, "The scaling and squaring method for the matrix exponential revisited", 2005). */
export function exponential(n: number, a: Float64Array): Float64Array {
  let norm = 0;
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += Math.abs(a[i * n + j] ?? 0);
    norm = Math.max(norm, sum);
  }
  const squarings = norm > theta ? Math.ceil(Math.log2(norm / theta)) : 0;
  const x = a.slice();
  scale(n * n, 2 ** -squarings, x, 0);
  const times = (p: Float64Array, q: Float64Array): Float64Array => product(n, n, n, p, q);
  const x2 = times(x, x);
  const x4 = times(x2, x2);
  const x6 = times(x2, x4);
  const powers = [identity(n), x2, x4, x6];
  const c = coefficients();
  /** Σ c[from + 2·i]·x²ⁱ over i < count. */
  const sum = (from: number, count: number, first = 0): Float64Array => {
    const y = new Float64Array(n * n);
    for (let i = 0; i < count; i++) {
      const power = powers[first + i] ?? x;
      const factor = c[from + 2 * i] ?? 0;
      for (let at = 0; at < n * n; at++) y[at] = (y[at] ?? 0) + factor * (power[at] ?? 0);
    }
    return y;
  };
  const plus = (p: Float64Array, q: Float64Array): Float64Array => p.map((value, i) => value + (q[i] ?? 0));
  const odd = times(x, plus(times(x6, sum(9, 3, 1)), sum(1, 4)));
  const even = plus(times(x6, sum(8, 3, 1)), sum(0, 4));
  const denominator = even.map((value, i) => value - (odd[i] ?? 0));
  const { rows } = factorLu(n, n, denominator);
  let y = solveLu(n, n, denominator, rows, plus(even, odd), false);
  for (let i = 0; i < squarings; i++) y = times(y, y);
  return y;
}

/** Padé's: (26 − j)!·13! / (26!·(13 − j)!·j!). */
function coefficients(): number[] {
  const c = [1];
  for (let j = 1; j <= degree; j++) c.push(((c[j - 1] ?? 0) * (degree + 1 - j)) / ((2 * degree + 1 - j) * j));
  return c;
}
