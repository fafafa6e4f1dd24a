// Orthogonal decompositions, each of their parts an operation: QR, eigenvalues and eigenvectors, singular values and vectors;
// and what follows from them. Rules are written with the operations themselves, so that they can be differentiated again.
// Equal routines of one plan run once, whichever parts are asked for (docs/decisions/010-linear-algebra.md).
import { GraphError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Builder, Lowering } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Nonlinear } from "../graph/rules.ts";
import { floats, only } from "./expect.ts";
import { join } from "./join.ts";
import {
  lowerPart,
  matricesOf,
  ofBatch,
  partOf,
  resultOf,
  scaleColumns,
  squaresOf,
  symmetric,
  times,
  turned,
  upperPart,
  withDiagonal,
} from "./matrices.ts";
import { triangularSolve } from "./solve.ts";

/** `complete`: Q is m×m. */
export type Qr = { readonly complete: boolean };
/** `rtol`: singular values of at most so much times the largest count as zero. */
export type Pinv = { readonly rtol: number };

function lowerQr<L>(k: Lowering<L>, x: L, { complete }: Qr): { packed: L; m: number; n: number; size: number } {
  const { batch, m, n } = matricesOf("qr", { shape: k.shapeOf(x) });
  const size = complete ? m : Math.min(m, n);
  const numbers = [sizeOf(batch), m, n, Number(complete)];
  return { packed: k.routine("qr", [x], [...batch, m * size + size * n], k.dtypeOf(x), { numbers }), m, n, size };
}

/** Only tall or square matrices have derivatives here: functions/linalg.ts takes wide ones apart. */
function tall(x: Node, { complete }: Qr): void {
  const { m, n } = matricesOf("qr", x);
  if (m < n || (complete && m > n))
    throw new GraphError(
      `qr: expected a square matrix to differentiate the complete decomposition of, got shape ${showShape(x.shape)}. Use the reduced one`,
    );
}

/** x·R⁻¹, or x·R⁻ᵀ. */
const overR = (b: Builder, r: Node, x: Node, transposed: boolean): Node =>
  turned(
    b,
    makeNode(triangularSolve, [r, turned(b, x)], { upper: true, unitriangular: false, transposed: !transposed }),
  );

/** Strictly lower(x) − its transpose. */
function skew(b: Builder, x: Node): Node {
  const low = lowerPart(b, x, true);
  return b.sub(low, turned(b, low));
}

/** Lower(x) + its strict part's transpose. */
const mirrored = (b: Builder, x: Node): Node => b.add(lowerPart(b, x), turned(b, lowerPart(b, x, true)));

/** Q of A = Q·R: orthonormal columns. S. F. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions", 2010. */
export const qrQ: Nonlinear = {
  kind: "nonlinear",
  name: "qrQ",
  dtype: floats,
  shape([x], { complete }: Qr) {
    const { batch, m, n } = matricesOf("qr", only(x));
    return [...batch, m, complete ? m : Math.min(m, n)];
  },
  /** (g − Q·mirrored(gᵀ·Q))·R⁻ᵀ */
  vjp(b, g, q, attrs: Qr, [x]) {
    tall(only(x), attrs);
    const r = makeNode(qrR, [only(x)], attrs);
    const inner = mirrored(b, times(b, turned(b, g), q));
    return [overR(b, r, b.sub(g, times(b, q, inner)), true)];
  },
  /** dA·R⁻¹ − Q·(X − skew(X)) with X = Qᵀ·dA·R⁻¹ */
  jvp(b, [dx], q, attrs: Qr, [x]) {
    if (!dx) return null;
    tall(only(x), attrs);
    const right = overR(b, makeNode(qrR, [only(x)], attrs), dx, false);
    const inner = times(b, turned(b, q), right);
    return b.sub(right, times(b, q, b.sub(inner, skew(b, inner))));
  },
  batch: (_, attrs, inputs) => makeNode(qrQ, inputs, attrs),
  lower(k, [x], attrs: Qr) {
    const { packed, m, size } = lowerQr(k, only(x), attrs);
    return resultOf(k, packed, 0, [m, size]);
  },
};

/** R of A = Q·R, upper triangular. */
export const qrR: Nonlinear = {
  kind: "nonlinear",
  name: "qrR",
  dtype: floats,
  shape([x], { complete }: Qr) {
    const { batch, m, n } = matricesOf("qr", only(x));
    return [...batch, complete ? m : Math.min(m, n), n];
  },
  /** Q·mirrored(R·gᵀ)·R⁻ᵀ */
  vjp(b, g, r, attrs: Qr, [x]) {
    tall(only(x), attrs);
    const q = makeNode(qrQ, [only(x)], attrs);
    return [overR(b, r, times(b, q, mirrored(b, times(b, r, turned(b, upperPart(b, g))))), true)];
  },
  /** (X − skew(X))·R with X = Qᵀ·dA·R⁻¹ */
  jvp(b, [dx], r, attrs: Qr, [x]) {
    if (!dx) return null;
    tall(only(x), attrs);
    const q = makeNode(qrQ, [only(x)], attrs);
    const inner = overR(b, r, times(b, turned(b, q), dx), false);
    return times(b, b.sub(inner, skew(b, inner)), r);
  },
  batch: (_, attrs, inputs) => makeNode(qrR, inputs, attrs),
  lower(k, [x], attrs: Qr) {
    const { packed, m, n, size } = lowerQr(k, only(x), attrs);
    return resultOf(k, packed, m * size, [size, n]);
  },
};

function lowerEigh<L>(k: Lowering<L>, x: L): { packed: L; n: number } {
  const { batch, n } = matricesOf("eigh", { shape: k.shapeOf(x) });
  const attrs = { numbers: [sizeOf(batch), n], what: "eigh", bound: 1, problem: divergent("QL steps", batch) };
  return { packed: k.routine("eigh", [x], [...batch, n + n * n], k.dtypeOf(x), attrs), n };
}

const divergent = (steps: string, batch: Shape): string =>
  `expected the ${steps} to converge, got no end of them${ofBatch(batch)}`;

/** x[.., i, j] / (s[j] − s[i]) and 0 on the diagonal. Equal s give what they must: ±∞ or NaN, not a number that looks right. */
function overGaps(b: Builder, x: Node, s: Node): Node {
  const gaps = b.sub(b.reshape(s, [...s.shape.slice(0, -1), 1, s.shape.at(-1) ?? 1]), b.reshape(s, [...s.shape, 1]));
  return b.div(withDiagonal(b, x, b.num(0, x)), withDiagonal(b, gaps, b.num(1, x)));
}

/** Eigenvalues of (A + Aᵀ)/2, ascending. M. B. Giles, "Collected matrix derivative results", 2008. */
export const eigenvalues: Nonlinear = {
  kind: "nonlinear",
  name: "eigenvalues",
  dtype: floats,
  shape([x]) {
    const { batch, n } = squaresOf("eigh", only(x));
    return [...batch, n];
  },
  /** V·diag(g)·Vᵀ */
  vjp(b, g, _, _attrs, [x]) {
    const v = makeNode(eigenvectors, [only(x)]);
    return [times(b, scaleColumns(b, v, g), turned(b, v))];
  },
  /** The diagonal of Vᵀ·dA·V */
  jvp(b, [dx], _, _attrs, [x]) {
    if (!dx) return null;
    const v = makeNode(eigenvectors, [only(x)]);
    return b.sum(b.mul(v, times(b, symmetric(b, dx), v)), [v.shape.length - 2]);
  },
  batch: (_, attrs, inputs) => makeNode(eigenvalues, inputs, attrs),
  lower(k, [x]) {
    const { packed, n } = lowerEigh(k, only(x));
    return resultOf(k, packed, 0, [n]);
  },
};

/** Eigenvectors of (A + Aᵀ)/2, in columns, in the order of the eigenvalues. With F = 1/(wⱼ − wᵢ): dV = V·(F ∘ Vᵀ·dA·V). */
export const eigenvectors: Nonlinear = {
  kind: "nonlinear",
  name: "eigenvectors",
  dtype: floats,
  shape([x]) {
    squaresOf("eigh", only(x));
    return only(x).shape;
  },
  vjp(b, g, v, _attrs, [x]) {
    const inner = overGaps(b, times(b, turned(b, v), g), makeNode(eigenvalues, [only(x)]));
    return [symmetric(b, times(b, times(b, v, inner), turned(b, v)))];
  },
  jvp(b, [dx], v, _attrs, [x]) {
    if (!dx) return null;
    const inner = times(b, times(b, turned(b, v), symmetric(b, dx)), v);
    return times(b, v, overGaps(b, inner, makeNode(eigenvalues, [only(x)])));
  },
  batch: (_, attrs, inputs) => makeNode(eigenvectors, inputs, attrs),
  lower(k, [x]) {
    const { packed, n } = lowerEigh(k, only(x));
    return resultOf(k, packed, n, [n, n]);
  },
};

function lowerSvd<L>(k: Lowering<L>, x: L): { packed: L; m: number; n: number; size: number } {
  const { batch, m, n } = matricesOf("svd", { shape: k.shapeOf(x) });
  const size = Math.min(m, n);
  const numbers = [sizeOf(batch), m, n];
  const attrs = { numbers, what: "svd", bound: 1, problem: divergent("rotations", batch) };
  return { packed: k.routine("svd", [x], [...batch, size * (m + 1 + n)], k.dtypeOf(x), attrs), m, n, size };
}

/** Singular values, descending. */
export const singularValues: Nonlinear = {
  kind: "nonlinear",
  name: "singularValues",
  dtype: floats,
  shape([x]) {
    const { batch, m, n } = matricesOf("svd", only(x));
    return [...batch, Math.min(m, n)];
  },
  /** U·diag(g)·Vᵀ */
  vjp(b, g, _, _attrs, [x]) {
    const [u, v] = [makeNode(leftVectors, [only(x)]), makeNode(rightVectors, [only(x)])];
    return [times(b, scaleColumns(b, u, g), turned(b, v))];
  },
  /** The diagonal of Uᵀ·dA·V */
  jvp(b, [dx], _, _attrs, [x]) {
    if (!dx) return null;
    const [u, v] = [makeNode(leftVectors, [only(x)]), makeNode(rightVectors, [only(x)])];
    return b.sum(b.mul(u, times(b, dx, v)), [u.shape.length - 2]);
  },
  batch: (_, attrs, inputs) => makeNode(singularValues, inputs, attrs),
  lower(k, [x]) {
    const { packed, m, size } = lowerSvd(k, only(x));
    return resultOf(k, packed, m * size, [size]);
  },
};

/**
 * x / (sⱼ² − sᵢ²), as two quotients: squares would lose small gaps.
 */
function overSquareGaps(b: Builder, x: Node, s: Node): Node {
  const sums = b.add(b.reshape(s, [...s.shape.slice(0, -1), 1, s.shape.at(-1) ?? 1]), b.reshape(s, [...s.shape, 1]));
  return b.div(overGaps(b, x, s), withDiagonal(b, sums, b.num(1, x)));
}

/**
 * The cotangent of A for that of vectors `w`, whose others are `z`: both belong to the matrix whose columns w spans.
 * w·((wᵀg − gᵀw) / E)·S·zᵀ + (I − w·wᵀ)·g·S⁻¹·zᵀ with E = sⱼ² − sᵢ².
 */
function vectorsCotangent(b: Builder, g: Node, w: Node, z: Node, s: Node): Node {
  const inner = times(b, turned(b, w), g);
  const antisymmetric = b.sub(inner, turned(b, inner));
  let left = times(b, w, scaleColumns(b, overSquareGaps(b, antisymmetric, s), s));
  const { m, n } = matricesOf("svd", w);
  if (m > n) left = b.add(left, scaleColumns(b, b.sub(g, times(b, w, inner)), b.div(b.num(1, s), s)));
  return times(b, left, turned(b, z));
}

/** Their tangent: w·((P·S + S·Pᵀ) / E) + (I − w·wᵀ)·dA·z·S⁻¹ with P = wᵀ·dA·z. */
function vectorsTangent(b: Builder, dx: Node, w: Node, z: Node, s: Node): Node {
  const right = times(b, dx, z);
  const inner = times(b, turned(b, w), right);
  const scaled = scaleColumns(b, inner, s);
  const moved = times(b, w, overSquareGaps(b, b.add(scaled, turned(b, scaled)), s));
  const { m, n } = matricesOf("svd", w);
  if (m === n) return moved;
  return b.add(moved, scaleColumns(b, b.sub(right, times(b, w, inner)), b.div(b.num(1, s), s)));
}

/** U of A = U·diag(s)·Vᵀ, [..., m, k]. */
export const leftVectors: Nonlinear = {
  kind: "nonlinear",
  name: "leftVectors",
  dtype: floats,
  shape([x]) {
    const { batch, m, n } = matricesOf("svd", only(x));
    return [...batch, m, Math.min(m, n)];
  },
  vjp(b, g, u, _attrs, [x]) {
    return [vectorsCotangent(b, g, u, makeNode(rightVectors, [only(x)]), makeNode(singularValues, [only(x)]))];
  },
  jvp(b, [dx], u, _attrs, [x]) {
    if (!dx) return null;
    return vectorsTangent(b, dx, u, makeNode(rightVectors, [only(x)]), makeNode(singularValues, [only(x)]));
  },
  batch: (_, attrs, inputs) => makeNode(leftVectors, inputs, attrs),
  lower(k, [x]) {
    const { packed, m, size } = lowerSvd(k, only(x));
    return resultOf(k, packed, 0, [m, size]);
  },
};

/** V of A = U·diag(s)·Vᵀ, [..., n, k]. */
export const rightVectors: Nonlinear = {
  kind: "nonlinear",
  name: "rightVectors",
  dtype: floats,
  shape([x]) {
    const { batch, m, n } = matricesOf("svd", only(x));
    return [...batch, n, Math.min(m, n)];
  },
  vjp(b, g, v, _attrs, [x]) {
    const u = makeNode(leftVectors, [only(x)]);
    return [turned(b, vectorsCotangent(b, g, v, u, makeNode(singularValues, [only(x)])))];
  },
  jvp(b, [dx], v, _attrs, [x]) {
    if (!dx) return null;
    const u = makeNode(leftVectors, [only(x)]);
    return vectorsTangent(b, turned(b, dx), v, u, makeNode(singularValues, [only(x)]));
  },
  batch: (_, attrs, inputs) => makeNode(rightVectors, inputs, attrs),
  lower(k, [x]) {
    const { packed, m, n, size } = lowerSvd(k, only(x));
    const vh = resultOf(k, packed, size * (m + 1), [size, n]);
    const rank = k.shapeOf(vh).length;
    const axes = k.shapeOf(vh).map((_, i) => (i === rank - 2 ? rank - 1 : i === rank - 1 ? rank - 2 : i));
    return k.view(vh, { kind: "permute", axes });
  },
};

/**
 * Moore and Penrose's inverse P; its derivative takes the rank to be constant. G. H. Golub, V. Pereyra, "The differentiation of
 * pseudo-inverses and nonlinear least squares problems whose variables separate", 1973.
 */
export const pinv: Nonlinear = {
  kind: "nonlinear",
  name: "pinv",
  dtype: floats,
  shape([x]) {
    const { batch, m, n } = matricesOf("pinv", only(x));
    return [...batch, n, m];
  },
  /** −Pᵀ·g·Pᵀ + (I − A·P)·gᵀ·P·Pᵀ + Pᵀ·P·gᵀ·(I − P·A) */
  vjp(b, g, p, _attrs, [x]) {
    const [pt, gt] = [turned(b, p), turned(b, g)];
    const a = only(x);
    const first = times(b, gt, times(b, p, pt));
    const second = times(b, times(b, pt, p), gt);
    const rest = b.add(b.sub(first, times(b, a, times(b, p, first))), b.sub(second, times(b, times(b, second, p), a)));
    return [b.sub(rest, times(b, times(b, pt, g), pt))];
  },
  /** −P·dA·P + P·Pᵀ·dAᵀ·(I − A·P) + (I − P·A)·dAᵀ·Pᵀ·P */
  jvp(b, [dx], p, _attrs, [x]) {
    if (!dx) return null;
    const [pt, dt] = [turned(b, p), turned(b, dx)];
    const a = only(x);
    const first = times(b, times(b, p, pt), dt);
    const second = times(b, dt, times(b, pt, p));
    const rest = b.add(b.sub(first, times(b, times(b, first, a), p)), b.sub(second, times(b, p, times(b, a, second))));
    return b.sub(rest, times(b, times(b, p, dx), p));
  },
  batch: (_, attrs, inputs) => makeNode(pinv, inputs, attrs),
  lower(k, [x], { rtol }: Pinv) {
    const { batch, m, n } = matricesOf("pinv", { shape: k.shapeOf(only(x)) });
    return k.routine("pinv", [only(x)], [...batch, n, m], k.dtypeOf(only(x)), {
      numbers: [sizeOf(batch), m, n, rtol],
      what: "pinv",
      bound: 1,
      problem: divergent("rotations", batch),
    });
  },
};

/**
 * exp(A). Its derivative stands in the exponential of a block matrix: exp [A E; 0 A] = [exp A, L(A, E); 0, exp A].
 * R. Mathias, "A chain rule for matrix functions and applications", 1996.
 */
export const matrixExp: Nonlinear = {
  kind: "nonlinear",
  name: "matrixExp",
  dtype: floats,
  shape([x]) {
    squaresOf("matrixExp", only(x));
    return only(x).shape;
  },
  vjp: (b, g, _, _attrs, [x]) => [alongExp(b, turned(b, only(x)), g)],
  jvp: (b, [dx], _, _attrs, [x]) => (dx ? alongExp(b, only(x), dx) : null),
  batch: (_, attrs, inputs) => makeNode(matrixExp, inputs, attrs),
  lower(k, [x]) {
    const shape = k.shapeOf(only(x));
    const { batch, n } = matricesOf("matrixExp", { shape });
    return k.routine("matrixExp", [only(x)], shape, k.dtypeOf(only(x)), { numbers: [sizeOf(batch), n] });
  },
};

/** L(A, E): the derivative of exp at A along E. */
function alongExp(b: Builder, a: Node, e: Node): Node {
  const n = a.shape.at(-1) ?? 0;
  const rank = a.shape.length;
  const zeros = b.fill(0, a.shape, a);
  const beside = (left: Node, right: Node): Node => makeNode(join, [left, right], { axis: rank - 1 });
  const blocks = makeNode(join, [beside(a, e), beside(zeros, a)], { axis: rank - 2 });
  return partOf(b, makeNode(matrixExp, [blocks]), [0, n], [n, n]);
}
