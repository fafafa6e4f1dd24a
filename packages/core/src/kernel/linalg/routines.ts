// The routines of linear algebra: each matrix of a batch is factored in double precision, and rounded once. They run here, in
// JavaScript, on every device.
import type { Routine } from "../ir.ts";
import { areFinite, copyOf, matrixOf, transposed } from "./blocks.ts";
import { factorCholesky } from "./cholesky.ts";
import { factorEigh } from "./eigh.ts";
import { cofactors, determinant, exponential, pseudoinverse } from "./functions.ts";
import { factorLu, solveLu } from "./lu.ts";
import { factorQr, productOf } from "./qr.ts";
import { factorSvd } from "./svd.ts";
import { solveTriangular } from "./triangular.ts";

/** The results for one matrix, one after another; or how far they came; null for NaN. */
type Factored = readonly ArrayLike<number>[] | { readonly failedAt: number } | null;

interface Batch {
  readonly batch: number;
  readonly size: number;
  /** How far a matrix can come. */
  readonly orders: number;
  /** Whether `factor` takes what is not finite as well. */
  readonly takesAll?: boolean;
}

/**
 * Runs `factor` on each of `batch` matrices of `size` elements, which may overwrite its copy. What is not finite gives NaN.
 * The routine's failure is the number of the matrix times (`orders` + 1), and how far it came.
 */
function eachMatrix(
  x: ArrayLike<number>,
  out: {
    fill(value: number, from: number, to: number): unknown;
    set(values: ArrayLike<number>, at: number): void;
    readonly length: number;
  },
  { batch, size, orders, takesAll = false }: Batch,
  factor: (a: Float64Array, number: number) => Factored,
): number | null {
  let failed: number | null = null;
  const results = batch > 0 ? out.length / batch : 0;
  for (let number = 0; number < batch; number++) {
    const a = copyOf(x, number * size, size);
    const found = takesAll || areFinite(a) ? factor(a, number) : null;
    if (found === null || "failedAt" in found) {
      out.fill(Number.NaN, number * results, (number + 1) * results);
      if (found) failed ??= number * (orders + 1) + found.failedAt;
      continue;
    }
    let at = number * results;
    for (const part of found) {
      out.set(part, at);
      at += part.length;
    }
  }
  return failed;
}

const none = new Float64Array(0);
const orFailed = (found: Factored): Factored => found ?? { failedAt: 0 };

const cholesky: Routine = ([x = none], out, [batch = 0, n = 0]) =>
  eachMatrix(x, out, { batch, size: n * n, orders: n }, (a) => {
    for (let i = 0; i < n; i++)
      for (let j = 0; j < i; j++) a[i * n + j] = (a[i * n + j] ?? 0) / 2 + (a[j * n + i] ?? 0) / 2;
    const failedAt = factorCholesky(n, matrixOf(a, n));
    if (failedAt > 0) return { failedAt };
    for (let i = 0; i < n; i++) a.fill(0, i * n + i + 1, (i + 1) * n);
    return [a];
  });

const lu: Routine = ([x = none], out, [batch = 0, m = 0, n = 0]) =>
  eachMatrix(x, out, { batch, size: m * n, orders: 0 }, (a) => {
    const { rows, sign } = factorLu(m, n, a);
    if (m !== n) return [a, rows];
    let [logarithm, direction] = [0, sign];
    for (let i = 0; i < n; i++) {
      const pivot = a[i * n + i] ?? 0;
      logarithm += Math.log(Math.abs(pivot));
      direction *= Math.sign(pivot);
    }
    // No −0 where it is 0.
    return [a, rows, [determinant(n, a, sign) + 0, direction + 0, logarithm]];
  });

const luSolve: Routine = ([f = none, b = none], out, [batch = 0, n = 0, k = 0, isTransposed = 0]) => {
  const stride = n * n + n + 3;
  return eachMatrix(b, out, { batch, size: n * k, orders: n, takesAll: true }, (right, number) => {
    const factors = copyOf(f, number * stride, n * n);
    if (!areFinite(factors)) return null;
    for (let i = 0; i < n; i++) if (factors[i * n + i] === 0) return { failedAt: i + 1 };
    const rows = copyOf(f, number * stride + n * n, n);
    return [solveLu(n, k, factors, rows, right, isTransposed !== 0)];
  });
};

const triangularSolve: Routine = (
  [t = none, b = none],
  out,
  [batch = 0, n = 0, k = 0, isUpper = 0, isUnit = 0, isTransposed = 0],
) =>
  eachMatrix(b, out, { batch, size: n * k, orders: n, takesAll: true }, (right, number) => {
    const given = copyOf(t, number * n * n, n * n);
    const turned = isTransposed ? transposed(matrixOf(given, n), n, n) : given;
    solveTriangular(
      n,
      k,
      matrixOf(turned, n),
      matrixOf(right, k),
      (isUpper !== 0) !== (isTransposed !== 0),
      isUnit !== 0,
    );
    return [right];
  });

const qr: Routine = ([x = none], out, [batch = 0, m = 0, n = 0, isComplete = 0]) =>
  eachMatrix(x, out, { batch, size: m * n, orders: 0 }, (a) => {
    const k = isComplete ? m : Math.min(m, n);
    const reflectors = factorQr(m, n, a);
    return [productOf(reflectors, m, k), a.subarray(0, k * n)];
  });

const eigh: Routine = ([x = none], out, [batch = 0, n = 0]) =>
  eachMatrix(x, out, { batch, size: n * n, orders: 0 }, (a) => {
    for (let i = 0; i < n; i++)
      for (let j = 0; j < i; j++) {
        const mean = (a[i * n + j] ?? 0) / 2 + (a[j * n + i] ?? 0) / 2;
        a[i * n + j] = mean;
        a[j * n + i] = mean;
      }
    const found = factorEigh(n, a);
    return orFailed(found && [found.values, transposed(matrixOf(found.vectors, n), n, n)]);
  });

const svd: Routine = ([x = none], out, [batch = 0, m = 0, n = 0]) =>
  eachMatrix(x, out, { batch, size: m * n, orders: 0 }, (a) => {
    const found = factorSvd(m, n, a);
    return orFailed(found && [found.u, found.s, found.vh]);
  });

const pinv: Routine = ([x = none], out, [batch = 0, m = 0, n = 0, rtol = 0]) =>
  eachMatrix(x, out, { batch, size: m * n, orders: 0 }, (a) => {
    const found = pseudoinverse(m, n, a, rtol);
    return orFailed(found && [found]);
  });

const cofactor: Routine = ([x = none], out, [batch = 0, n = 0]) =>
  eachMatrix(x, out, { batch, size: n * n, orders: 0 }, (a) => {
    const found = cofactors(n, a);
    return orFailed(found && [found]);
  });

const matrixExp: Routine = ([x = none], out, [batch = 0, n = 0]) =>
  eachMatrix(x, out, { batch, size: n * n, orders: 0 }, (a) => [exponential(n, a)]);

export const linalgRoutines: Readonly<Record<string, Routine>> = {
  cholesky,
  lu,
  luSolve,
  triangularSolve,
  qr,
  eigh,
  svd,
  pinv,
  cofactor,
  matrixExp,
};
