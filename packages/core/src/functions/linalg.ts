// Linear algebra: factorizations of matrices, and what they solve. Leading axes are batches. All of it is computed in double
// precision and rounded once, on the thread that asks.
import { ShapeError } from "../base/errors.ts";
import { broadcastShapes, type Shape, showShape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { stopGradient } from "../ops/cast.ts";
import { takeAlong } from "../ops/gather.ts";
import * as matrices from "../ops/matrices.ts";
import * as systems from "../ops/solve.ts";
import * as spectral from "../ops/spectral.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, floatPairOf, indexOf } from "./arguments.ts";
import { concatNodes } from "./join.ts";

/** Both with the batch that theirs broadcast to. */
function alike(operation: string, x: Node, y: Node): [Node, Node] {
  const batch = broadcastShapes(operation, x.shape.slice(0, -2), y.shape.slice(0, -2));
  return [b.expand(x, [...batch, ...x.shape.slice(-2)]), b.expand(y, [...batch, ...y.shape.slice(-2)])];
}

/**
 * The lower triangular L with L·Lᵀ = x, for a symmetric positive definite x; of any other square matrix, for its symmetric
 * part (x + xᵀ)/2, which is what the gradient is symmetric for.
 * @param x `[..., n, n]`
 * @param options.upper Lᵀ instead of L
 * @returns `[..., n, n]`, zeros above the diagonal; NaN where x is not finite
 * @throws {LinAlgError} when it is computed: `cholesky: expected a positive definite matrix, got one whose leading minor of order 2
 * is not positive`
 * @throws {ShapeError} `cholesky: expected square matrices [..., n, n], got shape [2, 3]`
 * @example (await cholesky(tensor([[4, 2], [2, 5]])).toArray()) // [[2, 0], [1, 2]]
 */
export function cholesky<S extends Shape>(x: Tensor<S>, options: { readonly upper?: boolean } = {}): Tensor<S> {
  const y = makeNode(systems.cholesky, [floatOf("cholesky", x)]);
  return new Tensor(options.upper ? matrices.turned(b, y) : y);
}

/**
 * The solution X of L·Lᵀ·X = y, given the Cholesky factor.
 * @param y `[..., n, k]`
 * @param l `[..., n, n]`, as `cholesky` gives it; batches broadcast
 * @param options.upper whether l is upper triangular: Lᵀ
 * @returns `[..., n, k]`
 * @example (await choleskySolve(tensor([[8], [9]]), tensor([[2, 0], [1, 2]])).toArray()) // [[1.375], [1.25]]
 */
export function choleskySolve(y: Tensor, l: Tensor, options: { readonly upper?: boolean } = {}): Tensor {
  const { upper = false } = options;
  const half = solveTriangular(l, y, { upper, transposed: upper });
  return solveTriangular(l, half, { upper, transposed: !upper });
}

/** Options of a triangular system. */
export interface TriangularOptions {
  /** Whether the matrix is upper triangular; the other triangle is not read. false by default. */
  readonly upper?: boolean;
  /** false solves X·T = y instead of T·X = y. */
  readonly left?: boolean;
  /** Whether the diagonal counts as ones, and is not read. */
  readonly unitriangular?: boolean;
  /** Solves with Tᵀ instead of T. */
  readonly transposed?: boolean;
}

/**
 * The solution X of T·X = y for a triangular T, by substitution. A zero on the diagonal gives infinities or NaN, no error.
 * @param t `[..., n, n]`; batches broadcast
 * @param y `[..., n, k]`, `[..., k, n]` where `left` is false
 * @param options upper, left, unitriangular, transposed
 * @throws {ShapeError} `solveTriangular: expected a right side [2, k], got [3, 1]`
 * @example (await solveTriangular(tensor([[2, 0], [1, 4]]), tensor([[2], [9]])).toArray()) // [[1], [2]]
 */
export function solveTriangular(t: Tensor, y: Tensor, options: TriangularOptions = {}): Tensor {
  const { upper = false, left = true, unitriangular = false, transposed = false } = options;
  const [matrix, right] = floatPairOf("solveTriangular", t, y);
  matrices.matricesOf("solveTriangular", right);
  const attrs = { upper, unitriangular, transposed: transposed === left };
  const [p, q] = alike("solveTriangular", matrix, left ? right : matrices.turned(b, right));
  const x = makeNode(systems.triangularSolve, [p, q], attrs);
  return new Tensor(left ? x : matrices.turned(b, x));
}

/** Factors of a matrix with its rows exchanged. */
export interface Lu {
  /** The permutation matrix: x = p·l·u. */
  readonly p: Tensor;
  /** Lower trapezoidal with ones on the diagonal. */
  readonly l: Tensor;
  readonly u: Tensor;
}

/**
 * x = P·L·U by elimination with partial pivoting.
 * @param x `[..., m, n]`
 * @returns p `[..., m, m]`, l `[..., m, k]`, u `[..., k, n]` with k = min(m, n); p has no gradient
 * @example (await lu(tensor([[0, 2], [4, 6]])).u.toArray()) // [[4, 6], [0, 2]]
 */
export function lu(x: Tensor): Lu {
  const node = floatOf("lu", x);
  const { m, n } = matrices.matricesOf("lu", node);
  const k = Math.min(m, n);
  const rows = makeNode(systems.luRows, [node]);
  const factors = makeNode(systems.luFactors, [node]);
  const columns = b.reshape(rows, [...rows.shape.slice(0, -1), 1, m]);
  const p = b.cast(b.eq(b.reshape(b.iota(m, node), [m, 1]), columns), node.dtype);
  const left = matrices.lowerPart(b, matrices.partOf(b, factors, [0, 0], [m, k]), true);
  return {
    p: new Tensor(p),
    l: new Tensor(matrices.withDiagonal(b, left, b.num(1, node))),
    u: new Tensor(matrices.upperPart(b, matrices.partOf(b, factors, [0, 0], [k, n]))),
  };
}

/** Both factors in one matrix, and the order of the rows. */
export interface LuFactors {
  /** U on and above the diagonal, L below it, without its ones. */
  readonly lu: Tensor;
  /** Row i of the factored matrix is row rows[i] of x, int32: the permutation itself, where LAPACK lists exchanges. */
  readonly rows: Tensor;
}

/**
 * The factors of x for `luSolve`.
 * @param x `[..., m, n]`
 * @returns lu `[..., m, n]`, rows `[..., m]`
 * @example (await luFactor(tensor([[0, 2], [4, 6]])).rows.toArray()) // [1, 0]
 */
export function luFactor(x: Tensor): LuFactors {
  const node = floatOf("luFactor", x);
  return {
    lu: new Tensor(makeNode(systems.luFactors, [node])),
    rows: new Tensor(makeNode(systems.luRows, [node])),
  };
}

/**
 * The solution X of A·X = y, given the factors of A.
 * @param factors as `luFactor` gives them, of square matrices `[..., n, n]`
 * @param y `[..., n, k]`; batches broadcast
 * @example (await luSolve(luFactor(tensor([[0, 2], [4, 6]])), tensor([[2], [10]])).toArray()) // [[1], [1]]
 */
export function luSolve(factors: LuFactors, y: Tensor): Tensor {
  const [compact, right] = floatPairOf("luSolve", factors.lu, y);
  const [p, q] = alike("luSolve", compact, right);
  const { batch, n } = matrices.squaresOf("luSolve", p);
  const rows = b.expand(b.reshape(indexOf("luSolve", factors.rows), [...factors.rows.shape, 1]), [...batch, n, 1]);
  const index = b.expand(rows, [...batch, n, q.shape.at(-1) ?? 1]);
  const ordered = new Tensor(makeNode(takeAlong, [q, index], { axis: batch.length, what: "luSolve" }));
  const half = solveTriangular(new Tensor(p), ordered, { unitriangular: true });
  return solveTriangular(new Tensor(p), half, { upper: true });
}

/**
 * The solution X of A·X = y.
 * @param a `[..., n, n]`
 * @param y `[..., n, k]`, or vectors: `[n]`, or `[..., n]` with a's batch; batches broadcast
 * @param options.left false solves X·A = y, with y `[..., k, n]`
 * @returns y's shape
 * @throws {LinAlgError} when it is computed: `solve: expected an invertible matrix, got a singular one: its U has a zero at row 2`
 * @throws {ShapeError} `solve: expected a right side [2, k], got [3, 1]`
 * @example (await solve(tensor([[2, 1], [1, 3]]), tensor([3, 5])).toArray()) // [0.8, 1.4]
 */
export function solve(a: Tensor, y: Tensor, options: { readonly left?: boolean } = {}): Tensor {
  const { left = true } = options;
  const [matrix, given] = floatPairOf("solve", a, y);
  matrices.squaresOf("solve", matrix);
  const isVector = given.shape.length === 1 || `${given.shape}` === `${matrix.shape.slice(0, -1)}`;
  const right = isVector ? b.reshape(given, [...given.shape, 1]) : given;
  const [p, q] = alike("solve", matrix, left || isVector ? right : matrices.turned(b, right));
  const x = makeNode(systems.solve, [p, q], { transposed: !left, what: "solve" });
  if (isVector) return new Tensor(b.reshape(x, x.shape.slice(0, -1)));
  return new Tensor(left ? x : matrices.turned(b, x));
}

/**
 * The inverse matrix. To solve a system, `solve` is faster and more accurate.
 * @param x `[..., n, n]`
 * @throws {LinAlgError} when it is computed: `inverse: expected an invertible matrix, got a singular one: its U has a zero at row 2`
 * @example (await inverse(tensor([[4, 7], [2, 6]])).toArray()) // [[0.6, -0.7], [-0.2, 0.4]]
 */
export function inverse<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(inverseNode(floatOf("inverse", x)));
}

export function inverseNode(x: Node): Node {
  const { n } = matrices.squaresOf("inverse", x);
  return makeNode(systems.solve, [x, matrices.identityLike(b, x, n)], { transposed: false, what: "inverse" });
}

/** `inverse` by its name in torch.linalg. */
export const inv: typeof inverse = inverse;

/**
 * The determinant. Its first derivative is right for singular matrices, too; the second needs an inverse.
 * @param x `[..., n, n]`
 * @returns `[...]`
 * @example (await det(tensor([[1, 2], [3, 4]])).item()) // -2
 */
export function det(x: Tensor): Tensor {
  return new Tensor(makeNode(systems.det, [floatOf("det", x)]));
}

/** A determinant that would overflow: sign·exp(logabsdet). */
export interface SignedLogarithm {
  /** −1, 0 or 1; without a gradient. */
  readonly sign: Tensor;
  /** −∞ for singular matrices. */
  readonly logabsdet: Tensor;
}

/**
 * The sign of the determinant and the logarithm of its size. The gradient needs an invertible matrix.
 * @param x `[..., n, n]`
 * @returns sign and logabsdet, `[...]`
 * @example (await slogdet(tensor([[1, 2], [3, 4]])).sign.item()) // -1
 */
export function slogdet(x: Tensor): SignedLogarithm {
  const node = floatOf("slogdet", x);
  return {
    sign: new Tensor(makeNode(systems.signdet, [node])),
    logabsdet: new Tensor(makeNode(systems.logabsdet, [node])),
  };
}

/**
 * The logarithm of the determinant: −∞ where it is 0, NaN where it is negative.
 * @param x `[..., n, n]`
 * @returns `[...]`
 * @example (await logdet(tensor([[2, 0], [0, 3]])).item()) // Math.log(6)
 */
export function logdet(x: Tensor): Tensor {
  const node = floatOf("logdet", x);
  const [sign, size] = [makeNode(systems.signdet, [node]), makeNode(systems.logabsdet, [node])];
  return new Tensor(b.select(b.lt(sign, b.num(0, sign)), b.num(Number.NaN, size), size));
}

/**
 * x = Q·R with orthonormal columns in Q and an upper triangular R, by Householder's reflections; signs as in LAPACK: the
 * diagonal of R may be negative.
 * @param x `[..., m, n]`
 * @param options.mode "reduced" (default) or "complete": Q is square. With m > n the complete one has no gradient
 * @returns q `[..., m, k]`, r `[..., k, n]` with k = min(m, n), or m where complete
 * @throws {GraphError} by the gradient of a complete decomposition with m > n, and NaN in a gradient where the first k columns
 * depend on each other
 * @example (await qr(tensor([[3, 1], [4, 2]])).r.toArray()) // [[-5, -2.2], [0, 0.4]]
 */
export function qr(x: Tensor, options: { readonly mode?: "reduced" | "complete" } = {}): { q: Tensor; r: Tensor } {
  const node = floatOf("qr", x);
  const { m, n } = matrices.matricesOf("qr", node);
  const attrs = { complete: options.mode === "complete" && m > n };
  if (m >= n)
    return {
      q: new Tensor(makeNode(spectral.qrQ, [node], attrs)),
      r: new Tensor(makeNode(spectral.qrR, [node], attrs)),
    };
  // The columns beyond the square are the others' R: Qᵀ times them.
  const first = matrices.partOf(b, node, [0, 0], [m, m]);
  const q = makeNode(spectral.qrQ, [first], attrs);
  const rest = matrices.times(b, matrices.turned(b, q), matrices.partOf(b, node, [0, m], [m, n - m]));
  const r = concatNodes([makeNode(spectral.qrR, [first], attrs), rest], node.shape.length - 1);
  return { q: new Tensor(q), r: new Tensor(r) };
}

/**
 * x = U·diag(s)·Vᵀ with orthonormal columns in U and V. Small singular values are as accurate as large ones.
 *
 * Singular vectors are unique only up to sign, and for equal singular values only up to a rotation; a gradient makes sense where
 * the loss does not depend on that, and is infinite or NaN where singular values are equal. Gradients of s alone are always finite.
 * @param x `[..., m, n]`
 * @param options.fullMatrices U `[..., m, m]` and Vᵀ `[..., n, n]`; false by default (true in PyTorch). What is added is arbitrary,
 * and has no gradient
 * @returns u `[..., m, k]`, s `[..., k]` descending, vh `[..., k, n]` with k = min(m, n)
 * @example (await svd(tensor([[3, 0], [0, 4]])).s.toArray()) // [4, 3]
 */
export function svd(
  x: Tensor,
  options: { readonly fullMatrices?: boolean } = {},
): { u: Tensor; s: Tensor; vh: Tensor } {
  const node = floatOf("svd", x);
  const part = (op: Parameters<typeof makeNode>[0]): Node => makeNode(op, [node]);
  const [u, s, v] = [part(spectral.leftVectors), part(spectral.singularValues), part(spectral.rightVectors)];
  const whole = options.fullMatrices ? squared : (vectors: Node): Node => vectors;
  return { u: new Tensor(whole(u)), s: new Tensor(s), vh: new Tensor(matrices.turned(b, whole(v))) };
}

/** Orthonormal columns, and as many more as make them a square matrix. */
function squared(u: Node): Node {
  const { m, n } = matrices.matricesOf("svd", u);
  if (m === n) return u;
  const q = makeNode(spectral.qrQ, [makeNode(stopGradient, [u])], { complete: true });
  const more = makeNode(stopGradient, [matrices.partOf(b, q, [0, n], [m, m - n])]);
  return concatNodes([u, more], u.shape.length - 1);
}

/**
 * The singular values, descending. Gradients are finite.
 * @param x `[..., m, n]`
 * @returns `[..., min(m, n)]`
 * @example (await svdvals(tensor([[0, 2], [1, 0]])).toArray()) // [2, 1]
 */
export function svdvals(x: Tensor): Tensor {
  return new Tensor(makeNode(spectral.singularValues, [floatOf("svdvals", x)]));
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix; of any other square matrix, of its symmetric part (x + xᵀ)/2.
 *
 * Eigenvectors are unique only up to sign, and for equal eigenvalues only up to a rotation; a gradient makes sense where the loss
 * does not depend on that, and is infinite or NaN where eigenvalues are equal. Gradients of the eigenvalues alone are always finite.
 * @param x `[..., n, n]`
 * @returns eigenvalues `[..., n]` ascending, eigenvectors `[..., n, n]` in columns
 * @example (await eigh(tensor([[2, 1], [1, 2]])).eigenvalues.toArray()) // [1, 3]
 */
export function eigh(x: Tensor): { eigenvalues: Tensor; eigenvectors: Tensor } {
  const node = floatOf("eigh", x);
  return {
    eigenvalues: new Tensor(makeNode(spectral.eigenvalues, [node])),
    eigenvectors: new Tensor(makeNode(spectral.eigenvectors, [node])),
  };
}

/**
 * The eigenvalues of a symmetric matrix, ascending. Gradients are finite.
 * @param x `[..., n, n]`, as in `eigh`
 * @returns `[..., n]`
 * @example (await eigvalsh(tensor([[2, 1], [1, 2]])).toArray()) // [1, 3]
 */
export function eigvalsh(x: Tensor): Tensor {
  return new Tensor(makeNode(spectral.eigenvalues, [floatOf("eigvalsh", x)]));
}

/** The least singular value that counts, relative to the largest: PyTorch's. */
const defaultTolerance = (x: Node): number => {
  const { m, n } = matrices.matricesOf("pinv", x);
  return Math.max(m, n) * (x.dtype === "float64" ? 2 ** -52 : 2 ** -23);
};

/**
 * Moore and Penrose's pseudoinverse. Its gradient takes the rank to be constant.
 * @param x `[..., m, n]`
 * @param options.rtol singular values of at most rtol times the largest count as zero; max(m, n)·ε of the dtype by default
 * @returns `[..., n, m]`
 * @example (await pinv(tensor([[1, 1], [1, 1]])).toArray()) // [[0.25, 0.25], [0.25, 0.25]]
 */
export function pinv(x: Tensor, options: { readonly rtol?: number } = {}): Tensor {
  const node = floatOf("pinv", x);
  return new Tensor(makeNode(spectral.pinv, [node], { rtol: options.rtol ?? defaultTolerance(node) }));
}

/** The best solution of a system with too many equations, or the shortest of one with too few. */
export interface LeastSquares {
  readonly solution: Tensor;
  /** Σ (A·X − y)² for each column. */
  readonly residuals: Tensor;
  readonly rank: Tensor;
  readonly singularValues: Tensor;
}

/**
 * The X that makes ‖A·X − y‖ smallest, and among several the shortest: pinv(A)·y.
 * @param a `[..., m, n]`, of any rank
 * @param y `[..., m, k]`; batches broadcast
 * @param options.rcond singular values of at most so much times the largest count as zero; max(m, n)·ε by default
 * @returns solution `[..., n, k]`, residuals `[..., k]`, rank `[...]` (int32), singularValues `[..., min(m, n)]`
 * @throws {ShapeError} `lstsq: expected a right side [3, k], got [2, 1]`
 * @example (await lstsq(tensor([[1, 0], [1, 1], [1, 2]]), tensor([[1], [2], [4]])).solution.toArray()) // [[0.8333], [1.5]]
 */
export function lstsq(a: Tensor, y: Tensor, options: { readonly rcond?: number } = {}): LeastSquares {
  const [matrix, right] = floatPairOf("lstsq", a, y);
  const { m } = matrices.matricesOf("lstsq", matrix);
  if (right.shape.length < 2 || right.shape.at(-2) !== m)
    throw new ShapeError(
      `lstsq: expected a right side [${[...matrix.shape.slice(0, -2), m, "k"].join(", ")}], got ${showShape(right.shape)}`,
    );
  const rtol = options.rcond ?? defaultTolerance(matrix);
  const [inverse, target] = alike("lstsq", makeNode(spectral.pinv, [matrix], { rtol }), right);
  const solution = matrices.times(b, inverse, target);
  const [wide] = alike("lstsq", matrix, right);
  const rest = b.sub(matrices.times(b, wide, solution), target);
  return {
    solution: new Tensor(solution),
    residuals: new Tensor(b.sum(b.mul(rest, rest), [rest.shape.length - 2])),
    rank: matrixRank(new Tensor(matrix), { rtol }),
    singularValues: svdvals(new Tensor(matrix)),
  };
}

/**
 * How many singular values are not zero.
 * @param x `[..., m, n]`
 * @param options.rtol those of at most rtol times the largest count as zero; max(m, n)·ε of the dtype by default, 0 beside an atol
 * @param options.atol those of at most so much count as zero
 * @returns `[...]`, int32
 * @example (await matrixRank(tensor([[1, 2], [2, 4]])).item()) // 1
 */
export function matrixRank(x: Tensor, options: { readonly rtol?: number; readonly atol?: number } = {}): Tensor {
  const node = floatOf("matrixRank", x);
  const { atol = 0, rtol = options.atol === undefined ? defaultTolerance(node) : 0 } = options;
  const s = makeNode(spectral.singularValues, [node]);
  const last = s.shape.length - 1;
  if (s.shape[last] === 0) return new Tensor(b.fill(0, s.shape.slice(0, last), b.iota(1, s)));
  const largest = b.slice(
    s,
    s.shape.map(() => 0),
    s.shape.map(() => 1),
    s.shape.with(last, 1),
  );
  const least = b.max(b.mul(largest, b.num(rtol, s)), b.num(atol, s));
  return new Tensor(b.sum(b.cast(b.lt(least, s), "int32"), [last]));
}
