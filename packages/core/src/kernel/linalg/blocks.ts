// Loops that the factorizations are made of, on parts of row-major matrices in double precision. Rows are walked along, so
// that memory is read in order.

/** A part of a matrix: where it begins, and from one of its rows to the next. */
export interface Block {
  readonly data: Float64Array;
  readonly at: number;
  readonly stride: number;
}

/** The part that begins at a row and a column of `block`. */
export const blockAt = ({ data, at, stride }: Block, row: number, column: number): Block => ({
  data,
  at: at + row * stride + column,
  stride,
});

export const matrixOf = (data: Float64Array, columns: number): Block => ({ data, at: 0, stride: columns });

/** A copy in double precision of `size` elements. */
export function copyOf(x: ArrayLike<number>, at: number, size: number): Float64Array {
  const y = new Float64Array(size);
  for (let i = 0; i < size; i++) y[i] = x[at + i] ?? 0;
  return y;
}

export function areFinite(x: Float64Array): boolean {
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(x[i] ?? 0)) return false;
  return true;
}

/** The transpose of an m×n part, without gaps. */
export function transposed({ data, at, stride }: Block, m: number, n: number): Float64Array {
  const y = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    const row = at + i * stride;
    for (let j = 0; j < n; j++) y[j * m + i] = data[row + j] ?? 0;
  }
  return y;
}

export function identity(n: number, columns: number = n): Float64Array {
  const y = new Float64Array(n * columns);
  for (let i = 0; i < Math.min(n, columns); i++) y[i * columns + i] = 1;
  return y;
}

/** Σ x[i + k]·y[j + k] over k < n. */
export function dot(n: number, x: Float64Array, i: number, y: Float64Array, j: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 4 <= n; k += 4) {
    a += (x[i + k] ?? 0) * (y[j + k] ?? 0);
    b += (x[i + k + 1] ?? 0) * (y[j + k + 1] ?? 0);
    c += (x[i + k + 2] ?? 0) * (y[j + k + 2] ?? 0);
    d += (x[i + k + 3] ?? 0) * (y[j + k + 3] ?? 0);
  }
  for (; k < n; k++) a += (x[i + k] ?? 0) * (y[j + k] ?? 0);
  return a + b + (c + d);
}

/** y[j + k] += factor·x[i + k] for k < n. */
export function addScaled(n: number, factor: number, x: Float64Array, i: number, y: Float64Array, j: number): void {
  for (let k = 0; k < n; k++) y[j + k] = (y[j + k] ?? 0) + factor * (x[i + k] ?? 0);
}

export function scale(n: number, factor: number, x: Float64Array, i: number): void {
  for (let k = i; k < i + n; k++) x[k] = (x[k] ?? 0) * factor;
}

/** The rows at i and j turned: (c·xᵢ + s·xⱼ, c·xⱼ − s·xᵢ). */
export function rotate(n: number, c: number, s: number, x: Float64Array, i: number, j: number): void {
  for (let k = 0; k < n; k++) {
    const p = x[i + k] ?? 0;
    const q = x[j + k] ?? 0;
    x[i + k] = c * p + s * q;
    x[j + k] = c * q - s * p;
  }
}

export function swapRows(n: number, x: Float64Array, i: number, j: number): void {
  for (let k = 0; k < n; k++) {
    const kept = x[i + k] ?? 0;
    x[i + k] = x[j + k] ?? 0;
    x[j + k] = kept;
  }
}

/** c −= a·b, where a is m×k and b is k×n; m is even, n a multiple of 4. */
export type TiledProduct = (m: number, n: number, k: number, a: Block, b: Block, c: Block) => void;

let fastProduct: TiledProduct | null = null;
/** Smaller products are not worth packing. */
const minFastProducts = 40 ** 3;

/** Whoever has vectors may offer a faster product; it must give the same bits, so that nobody can tell who computes. */
export function offerProduct(product: TiledProduct | null): void {
  fastProduct = product;
}

/** c −= a·b, where a is m×k and b is k×n. */
export function subtractProduct(m: number, n: number, k: number, a: Block, b: Block, c: Block): void {
  const wide = n - (n % 4);
  const tall = m - (m % 2);
  const product = tall * wide * k >= minFastProducts ? (fastProduct ?? tiledProduct) : tiledProduct;
  product(tall, wide, k, a, b, c);
  for (let i = 0; i < m; i++) {
    const from = i < tall ? wide : 0;
    if (from === n) continue;
    const row = a.at + i * a.stride;
    const [x, y, to] = [b.at + from, c.data, c.at + i * c.stride + from];
    for (let p = 0; p < k; p++) addScaled(n - from, -(a.data[row + p] ?? 0), b.data, x + p * b.stride, y, to);
  }
}

/** Tiles of 2×4, whose sums stay in registers. */
export const tiledProduct: TiledProduct = (m, n, k, a, b, c) => {
  for (let i = 0; i < m; i += 2)
    for (let j = 0; j < n; j += 4) tile(k, blockAt(a, i, 0), blockAt(b, 0, j), blockAt(c, i, j));
};

function tile(k: number, a: Block, b: Block, c: Block): void {
  const [x, y, z] = [a.data, b.data, c.data];
  let [s0, s1, s2, s3, t0, t1, t2, t3] = [0, 0, 0, 0, 0, 0, 0, 0];
  let at = a.at;
  let below = a.at + a.stride;
  let from = b.at;
  for (let p = 0; p < k; p++, at++, below++, from += b.stride) {
    const u = x[at] ?? 0;
    const v = x[below] ?? 0;
    const b0 = y[from] ?? 0;
    const b1 = y[from + 1] ?? 0;
    const b2 = y[from + 2] ?? 0;
    const b3 = y[from + 3] ?? 0;
    s0 += u * b0;
    s1 += u * b1;
    s2 += u * b2;
    s3 += u * b3;
    t0 += v * b0;
    t1 += v * b1;
    t2 += v * b2;
    t3 += v * b3;
  }
  let to = c.at;
  z[to] = (z[to] ?? 0) - s0;
  z[to + 1] = (z[to + 1] ?? 0) - s1;
  z[to + 2] = (z[to + 2] ?? 0) - s2;
  z[to + 3] = (z[to + 3] ?? 0) - s3;
  to += c.stride;
  z[to] = (z[to] ?? 0) - t0;
  z[to + 1] = (z[to + 1] ?? 0) - t1;
  z[to + 2] = (z[to + 2] ?? 0) - t2;
  z[to + 3] = (z[to + 3] ?? 0) - t3;
}

/** a·b without gaps, where a is m×k and b is k×n. */
export function product(m: number, n: number, k: number, a: Float64Array, b: Float64Array): Float64Array {
  const y = new Float64Array(m * n);
  const negative = a.slice();
  scale(m * k, -1, negative, 0);
  subtractProduct(m, n, k, matrixOf(negative, k), matrixOf(b, n), matrixOf(y, n));
  return y;
}
