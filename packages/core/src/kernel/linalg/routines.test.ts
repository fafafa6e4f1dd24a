// The factorizations by what they must satisfy: products that give the matrix back, orthonormal vectors, order; and by matrices
// whose answer is known.
import { describe, expect, test } from "vitest";
import { identity, matrixOf, transposed } from "./blocks.ts";
import { linalgRoutines } from "./routines.ts";

function random(size: number, seed: number): Float64Array {
  let state = (seed * 2654435761) >>> 0;
  return Float64Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
}

/** A product by its definition. */
function times(m: number, n: number, k: number, a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const y = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) for (let p = 0; p < k; p++) y[i * n + j]! += a[i * k + p]! * b[p * n + j]!;
  return y;
}
const turned = (m: number, n: number, a: Float64Array): Float64Array => transposed(matrixOf(a, n), m, n);
const symmetric = (n: number, a: Float64Array): Float64Array =>
  a.map((x, i) => x + a[(i % n) * n + Math.floor(i / n)]!);

function run(name: string, inputs: readonly Float64Array[], size: number, numbers: readonly number[]) {
  const out = new Float64Array(size).fill(7);
  const failed = linalgRoutines[name]!(inputs, out, numbers);
  return { failed, out };
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, epsilons: number): void {
  expect(actual.length).toBe(expected.length);
  const size = Math.max(1, ...Array.from(expected, Math.abs));
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!), `element ${i}`).toBeLessThanOrEqual(epsilons * 2 ** -52 * size);
}

const squares = [0, 1, 2, 3, 5, 16, 17, 33, 70];
const shapes = [
  ...squares.map((n) => [n, n] as const),
  [5, 3],
  [3, 5],
  [1, 4],
  [4, 1],
  [40, 33],
  [33, 40],
  [3, 0],
] as const;

describe.each(shapes)("%i × %i", (m, n) => {
  const a = random(m * n, m + 3 * n + 1);
  const k = Math.min(m, n);
  const bound = 16 * (m + n);
  test("lu", () => {
    const { out } = run("lu", [a], m * n + m + (m === n ? 3 : 0), [1, m, n]);
    const l = Float64Array.from({ length: m * k }, (_, at) => {
      const [i, j] = [Math.floor(at / k), at % k];
      return i === j ? 1 : i > j ? out[i * n + j]! : 0;
    });
    for (const x of l) expect(Math.abs(x)).toBeLessThanOrEqual(1);
    const u = Float64Array.from({ length: k * n }, (_, at) => (Math.floor(at / n) <= at % n ? out[at]! : 0));
    const rows = [...out.subarray(m * n, m * n + m)];
    expect(rows.toSorted((p, q) => p - q)).toEqual(rows.map((_, i) => i));
    const ordered = rows.flatMap((row) => [...a.subarray(row * n, (row + 1) * n)]);
    expectNear(times(m, n, k, l, u), ordered, bound);
  });
  test.each([0, 1])("qr, complete: %i", (complete) => {
    const size = complete ? m : k;
    const { out } = run("qr", [a], m * size + size * n, [1, m, n, complete]);
    const [q, r] = [out.slice(0, m * size), out.slice(m * size)];
    expectNear(times(m, n, size, q, r), a, bound);
    expectNear(times(size, size, m, turned(m, size, q), q), identity(size), bound);
    expect(r.filter((_, at) => Math.floor(at / n) > at % n).every((x) => x === 0)).toBe(true);
  });
  test("svd and pinv", () => {
    const { out, failed } = run("svd", [a], k * (m + 1 + n), [1, m, n]);
    expect(failed).toBeNull();
    const [u, s, vh] = [out.slice(0, m * k), out.slice(m * k, m * k + k), out.slice(m * k + k)];
    expect([...s]).toEqual([...s].toSorted((p, q) => q - p));
    const scaled = u.map((x, at) => x * s[at % k]!);
    expectNear(times(m, n, k, scaled, vh), a, bound);
    expectNear(times(k, k, m, turned(m, k, u), u), identity(k), bound);
    expectNear(times(k, k, n, vh, turned(k, n, vh)), identity(k), bound);
    const p = run("pinv", [a], n * m, [1, m, n, 1e-13]).out;
    expectNear(times(m, n, m, times(m, m, n, a, p), a), a, 1e4 * bound);
  });
});

describe.each(squares)("%i × %i, square", (n) => {
  const a = random(n * n, n + 9);
  const bound = 32 * Math.max(1, n);
  const steady = a.map((x, at) => (Math.floor(at / n) === at % n ? x + n : x));
  test("eigh takes the symmetric part", () => {
    const { out, failed } = run("eigh", [a], n + n * n, [1, n]);
    expect(failed).toBeNull();
    const [w, v] = [out.slice(0, n), out.slice(n)];
    expect([...w]).toEqual([...w].toSorted((p, q) => p - q));
    const s = symmetric(n, a).map((x) => x / 2);
    expectNear(
      times(n, n, n, s, v),
      v.map((x, at) => x * w[at % n]!),
      bound,
    );
    expectNear(times(n, n, n, turned(n, n, v), v), identity(n), bound);
  });
  test("cholesky", () => {
    const p = times(n, n, n, steady, turned(n, n, steady));
    const { out, failed } = run("cholesky", [p], n * n, [1, n]);
    expect(failed).toBeNull();
    expect(out.filter((_, at) => Math.floor(at / n) < at % n).every((x) => x === 0)).toBe(true);
    expectNear(times(n, n, n, out, turned(n, n, out)), p, bound);
  });
  test.each([0, 1])("luSolve, transposed: %i", (isTransposed) => {
    const factors = run("lu", [steady], n * n + n + 3, [1, n, n]).out;
    const right = random(n * 5, 4);
    const { out, failed } = run("luSolve", [factors, right], n * 5, [1, n, 5, isTransposed]);
    expect(failed).toBeNull();
    expectNear(times(n, 5, n, isTransposed ? turned(n, n, steady) : steady, out), right, 8 * bound);
  });
  test.each([0, 1, 2, 3, 4, 5, 6, 7])("triangularSolve, case %i", (bits) => {
    const [upper, unit, isTransposed] = [bits & 1, (bits >> 1) & 1, (bits >> 2) & 1];
    const right = random(n * 3, 4);
    const small = steady.map((x, at) => (Math.floor(at / n) === at % n ? x : x / Math.max(1, n)));
    const { out } = run("triangularSolve", [small, right], n * 3, [1, n, 3, upper, unit, isTransposed]);
    const t = small.map((x, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return i === j ? (unit ? 1 : x) : (upper ? i < j : i > j) ? x : 0;
    });
    expectNear(times(n, 3, n, isTransposed ? turned(n, n, t) : t, out), right, 8 * bound);
  });
  test("cofactor times the transpose is the determinant", () => {
    const det = run("lu", [steady], n * n + n + 3, [1, n, n]).out[n * n + n]!;
    const c = run("cofactor", [steady], n * n, [1, n]).out;
    const scaled = times(n, n, n, steady, turned(n, n, c)).map((x) => x / det);
    expectNear(scaled, identity(n), 8 * bound);
  });
  test("exp(a)·exp(−a) is the identity", () => {
    const half = a.map((x) => x / Math.sqrt(Math.max(1, n)));
    const there = run("matrixExp", [half], n * n, [1, n]).out;
    const back = run("matrixExp", [half.map((x) => -x)], n * n, [1, n]).out;
    expectNear(times(n, n, n, there, back), identity(n), 64 * bound);
  });
});

describe("what is known", () => {
  test("eigenvalues of the second difference are 2 − 2·cos(πj / (n + 1))", () => {
    const n = 30;
    const a = Float64Array.from({ length: n * n }, (_, at) => [2, -1][Math.abs(Math.floor(at / n) - (at % n))] ?? 0);
    const { out } = run("eigh", [a], n + n * n, [1, n]);
    const expected = Array.from({ length: n }, (_, j) => 2 - 2 * Math.cos((Math.PI * (j + 1)) / (n + 1)));
    expectNear(out.subarray(0, n), expected, 20);
  });
  test.each(["columns", "rows"])("tiny singular values of larger matrices whose %s differ by 1e-25", (which) => {
    const n = 48;
    const a = random(n * n, 9);
    for (let i = 0; i < n; i++) a[i * n + i]! += 8;
    const grade = (j: number): number => 10 ** (-(which === "rows" ? j : (j * 29) % n) * (25 / n));
    const graded = a.map((x, i) => x * grade(which === "rows" ? Math.floor(i / n) : i % n));
    const s = run("svd", [graded], 2 * n * n + n, [1, n, n]).out.subarray(n * n, n * n + n);
    expect(s[n - 1]! / s[0]!).toBeLessThan(1e-22);
    // Their product is the determinant. Elimination without rows exchanged is safe, since the diagonal dominates.
    let logarithm = 0;
    for (let k = 0; k < n; k++) {
      logarithm += Math.log(Math.abs(a[k * n + k]!)) + Math.log(grade(k));
      for (let i = k + 1; i < n; i++) {
        const factor = a[i * n + k]! / a[k * n + k]!;
        for (let j = k; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!;
      }
    }
    const found = s.reduce((sum, x) => sum + Math.log(x), 0);
    expect(Math.abs(found - logarithm)).toBeLessThan(1e-11);
  });
  test("small singular values of a graded matrix are as accurate as large ones", () => {
    // diag(1, 1e-10, 1e-20)·R with a well conditioned R: to first order, products of scales.
    const q = [0.6, 0.8, 0, -0.8, 0.6, 0, 0, 0, 1];
    const a = Float64Array.from(q, (x, at) => x * [1, 1e-10, 1e-20][Math.floor(at / 3)]!);
    const s = run("svd", [a], 9 + 3 + 9, [1, 3, 3]).out.subarray(9, 12);
    [1, 1e-10, 1e-20].forEach((x, i) => {
      expect(Math.abs(s[i]! / x - 1)).toBeLessThan(1e-14);
    });
  });
  test("the exponential of a rotation's generator, and of what is nilpotent", () => {
    const angle = 30;
    const out = run("matrixExp", [Float64Array.of(0, -angle, angle, 0)], 4, [1, 2]).out;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    expectNear(out, [c, -s, s, c], 100);
    expect([...run("matrixExp", [Float64Array.of(0, 5, 0, 0)], 4, [1, 2]).out]).toEqual([1, 5, 0, 1]);
  });
  test("cofactors of singular matrices, by determinants of what is left", () => {
    const a = Float64Array.of(1, 2, 3, 2, 4, 6, 1, 1, 1);
    expectNear(run("cofactor", [a], 9, [1, 3]).out, [-2, 4, -2, 1, -2, 1, 0, 0, 0], 50);
    expectNear(run("cofactor", [new Float64Array(9)], 9, [1, 3]).out, new Float64Array(9), 0);
  });
  test("matrices of which a part is not finite give NaN, and leave their neighbours alone", () => {
    const a = Float64Array.of(Number.NaN, 0, 0, 1, 4, 0, 0, 9);
    const sizes = { cholesky: 8, lu: 18, eigh: 12, matrixExp: 8, cofactor: 8 };
    for (const [name, size] of Object.entries(sizes)) {
      const { out, failed } = run(name, [a], size, name === "lu" ? [2, 2, 2] : [2, 2]);
      expect(failed).toBeNull();
      expect(out.subarray(0, size / 2).every(Number.isNaN)).toBe(true);
      expect(out.subarray(size / 2).some(Number.isNaN)).toBe(false);
    }
  });
  test("solutions: NaN in one column stays there, NaN in the matrix is everywhere", () => {
    const right = Float64Array.of(2, Number.NaN, 4, 1);
    const factors = run("lu", [Float64Array.of(2, 0, 1, 4)], 9, [1, 2, 2]).out;
    const solution = (isTransposed: number) => [...run("luSolve", [factors, right], 4, [1, 2, 2, isTransposed]).out];
    expect(solution(0)).toEqual([1, Number.NaN, 0.75, Number.NaN]);
    expect(solution(1).slice(0, 3)).toEqual([0.5, Number.NaN, 1]);
    const unknown = run("lu", [Float64Array.of(2, Number.NaN, 0, 4)], 9, [1, 2, 2]).out;
    for (const isTransposed of [0, 1])
      expect(run("luSolve", [unknown, right], 4, [1, 2, 2, isTransposed]).out.every(Number.isNaN)).toBe(true);
  });
  test("failures name the matrix and how far it came", () => {
    const a = Float64Array.of(1, 0, 0, 1, 1, 2, 2, 1, -1, 0, 0, 1);
    expect(run("cholesky", [a], 12, [3, 2]).failed).toBe(1 * 3 + 2);
    const factors = run("lu", [Float64Array.of(1, 2, 2, 4)], 9, [1, 2, 2]).out;
    expect([...factors.subarray(6)]).toEqual([0, 0, Number.NEGATIVE_INFINITY]);
    expect(run("luSolve", [factors, Float64Array.of(1, 1)], 2, [1, 2, 1, 0]).failed).toBe(2);
  });
});
