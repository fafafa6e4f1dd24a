// Systems of linear equations: triangular factors, determinants, and what solves with them. Rules are written with the
// operations themselves, so that they can be differentiated again. Equal routines of one plan run once: the factors of a
// matrix serve its value and its gradient (docs/decisions/010-linear-algebra.md).
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Builder, Lowering } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Nonlinear } from "../graph/rules.ts";
import { floats, only } from "./expect.ts";
import { join } from "./join.ts";
import {
  beside,
  identityLike,
  lowerPart,
  matricesOf,
  ofBatch,
  partOf,
  resultOf,
  squaresOf,
  symmetric,
  times,
  total,
  turned,
  upperPart,
  withDiagonal,
} from "./matrices.ts";

/** `what` names the operation in errors. */
export type Solve = { readonly transposed: boolean; readonly what: string };
export type Triangular = { readonly upper: boolean; readonly unitriangular: boolean; readonly transposed: boolean };

/** The shape of b, which must have as many rows as the matrices, and their batch. */
function rightShape(operation: string, inputs: readonly Node[]): Shape {
  const [a, right] = [only(inputs[0]), only(inputs[1])];
  const { batch, n } = squaresOf(operation, a);
  if (right.shape.length !== a.shape.length || `${right.shape.slice(0, -1)}` !== `${[...batch, n]}`)
    throw new ShapeError(
      `${operation}: expected a right side [${[...batch, n, "k"].join(", ")}], got ${showShape(right.shape)}`,
    );
  return right.shape;
}

/** L with L·Lᵀ = (A + Aᵀ)/2. I. Murray, "Differentiation of the Cholesky decomposition", 2016. */
export const cholesky: Nonlinear = {
  kind: "nonlinear",
  name: "cholesky",
  dtype: floats,
  shape([x]) {
    squaresOf("cholesky", only(x));
    return only(x).shape;
  },
  /** L⁻ᵀ·Φ(Lᵀ·g)·L⁻¹, where Φ takes the lower triangle and half of the diagonal. */
  vjp(b, g, y) {
    const inner = symmetric(b, halved(b, times(b, turned(b, y), lowerPart(b, g))));
    const left = triangular(y, inner, true);
    return [turned(b, triangular(y, turned(b, left), true))];
  },
  /** L·Φ(L⁻¹·dA·L⁻ᵀ) */
  jvp(b, [dx], y) {
    if (!dx) return null;
    const left = triangular(y, symmetric(b, dx), false);
    return times(b, y, halved(b, turned(b, triangular(y, turned(b, left), false))));
  },
  batch: (_, attrs, inputs) => makeNode(cholesky, inputs, attrs),
  lower(k, [x]) {
    const shape = k.shapeOf(only(x));
    const { batch, n } = matricesOf("cholesky", { shape });
    return k.routine("cholesky", [only(x)], shape, k.dtypeOf(only(x)), {
      numbers: [sizeOf(batch), n],
      what: "cholesky",
      bound: n + 1,
      problem: `expected a positive definite matrix, got one whose leading minor of order {order} is not positive${ofBatch(batch)}`,
    });
  },
};

/** Φ: the lower triangle with half of the diagonal. */
const halved = (b: Builder, x: Node): Node => b.mul(b.add(lowerPart(b, x), lowerPart(b, x, true)), b.num(0.5, x));

const triangular = (l: Node, right: Node, transposed: boolean): Node =>
  makeNode(triangularSolve, [l, right], { upper: false, unitriangular: false, transposed });

/** X with T·X = B, or Tᵀ·X = B; the other triangle of T is not read. */
export const triangularSolve: Nonlinear = {
  kind: "nonlinear",
  name: "triangularSolve",
  dtype: floats,
  shape: (inputs) => rightShape("solveTriangular", inputs),
  vjp(b, g, x, attrs: Triangular, [t]) {
    const gb = makeNode(triangularSolve, [only(t), g], { ...attrs, transposed: !attrs.transposed });
    const outer = attrs.transposed ? times(b, x, turned(b, gb)) : times(b, gb, turned(b, x));
    return [b.neg(triangleOf(b, outer, attrs)), gb];
  },
  jvp(b, [dt, db], x, attrs: Triangular, [t]) {
    const right = movedRight(b, dt ? triangleOf(b, dt, attrs) : null, db, x, attrs.transposed);
    return right && makeNode(triangularSolve, [only(t), right], attrs);
  },
  batch: (_, attrs, inputs) => makeNode(triangularSolve, inputs, attrs),
  lower(k, [t, right], { upper, unitriangular, transposed }: Triangular) {
    const shape = k.shapeOf(only(right));
    const { batch, m, n } = matricesOf("solveTriangular", { shape });
    const flags = [upper, unitriangular, transposed].map(Number);
    return k.routine("triangularSolve", [only(t), only(right)], shape, k.dtypeOf(only(right)), {
      numbers: [sizeOf(batch), m, n, ...flags],
    });
  },
};

/** dB − dA·X, the right side of the system that dX solves; null where nothing moves. */
function movedRight(
  b: Builder,
  da: Node | null | undefined,
  db: Node | null | undefined,
  x: Node,
  transposed: boolean,
): Node | null {
  if (!da) return db ?? null;
  const product = times(b, transposed ? turned(b, da) : da, x);
  return db ? b.sub(db, product) : b.neg(product);
}

const triangleOf = (b: Builder, x: Node, { upper, unitriangular }: Triangular): Node =>
  upper ? upperPart(b, x, unitriangular) : lowerPart(b, x, unitriangular);

/** What the routine lu gives for each matrix: the factors, the rows' order, and for square ones three numbers. */
function lowerLu<L>(k: Lowering<L>, x: L): L {
  const { batch, m, n } = matricesOf("lu", { shape: k.shapeOf(x) });
  const size = m * n + m + (m === n ? 3 : 0);
  return k.routine("lu", [x], [...batch, size], k.dtypeOf(x), { numbers: [sizeOf(batch), m, n] });
}

/** One of the three numbers. */
function lowerNumber<L>(k: Lowering<L>, x: L, which: 0 | 1 | 2): L {
  const { n } = matricesOf("lu", { shape: k.shapeOf(x) });
  return resultOf(k, lowerLu(k, x), n * n + n + which, []);
}

/** X with A·X = B, or Aᵀ·X = B. */
export const solve: Nonlinear = {
  kind: "nonlinear",
  name: "solve",
  dtype: floats,
  shape: (inputs, { what }: Solve) => rightShape(what, inputs),
  vjp(b, g, x, attrs: Solve, [a]) {
    const gb = makeNode(solve, [only(a), g], { ...attrs, transposed: !attrs.transposed });
    return [b.neg(attrs.transposed ? times(b, x, turned(b, gb)) : times(b, gb, turned(b, x))), gb];
  },
  jvp(b, [da, db], x, attrs: Solve, [a]) {
    const right = movedRight(b, da, db, x, attrs.transposed);
    return right && makeNode(solve, [only(a), right], attrs);
  },
  batch: (_, attrs, inputs) => makeNode(solve, inputs, attrs),
  lower(k, [a, right], { transposed, what }: Solve) {
    const shape = k.shapeOf(only(right));
    const { batch, m, n } = matricesOf(what, { shape });
    return k.routine("luSolve", [lowerLu(k, only(a)), only(right)], shape, k.dtypeOf(only(right)), {
      numbers: [sizeOf(batch), m, n, Number(transposed)],
      what,
      bound: m + 1,
      problem: `expected an invertible matrix, got a singular one: its U has a zero at row {order}${ofBatch(batch)}`,
    });
  },
};

const transposedInverse = (b: Builder, a: Node, what: string): Node =>
  makeNode(solve, [a, identityLike(b, a, a.shape.at(-1) ?? 1)], { transposed: true, what });

const batchShape = (operation: string, x: Node | undefined): Shape => squaresOf(operation, only(x)).batch;

/** The determinant; its gradient is right for singular matrices, too. */
export const det: Nonlinear = {
  kind: "nonlinear",
  name: "det",
  dtype: floats,
  shape: ([x]) => batchShape("det", x),
  vjp: (b, g, _, _attrs, [x]) => [b.mul(beside(b, g), makeNode(cofactor, [only(x)]))],
  jvp: (b, [dx], _, _attrs, [x]) => (dx ? total(b, b.mul(dx, makeNode(cofactor, [only(x)]))) : null),
  batch: (_, attrs, inputs) => makeNode(det, inputs, attrs),
  lower: (k, [x]) => lowerNumber(k, only(x), 0),
};

/** C = det(A)·A⁻ᵀ, where A is singular its limit. */
export const cofactor: Nonlinear = {
  kind: "nonlinear",
  name: "cofactor",
  dtype: floats,
  shape([x]) {
    squaresOf("det", only(x));
    return only(x).shape;
  },
  /** ⟨g, C⟩·A⁻ᵀ − C·gᵀ·A⁻ᵀ; linear for 2×2, constant for 1×1 */
  vjp(b, g, y, _attrs, [x]) {
    const n = y.shape.at(-1) ?? 0;
    if (n < 2) return [null];
    if (n === 2) return [makeNode(cofactor, [g])];
    const inverse = transposedInverse(b, only(x), "det");
    const product = times(b, times(b, y, turned(b, g)), inverse);
    return [b.sub(b.mul(beside(b, total(b, b.mul(g, y))), inverse), product)];
  },
  /** ⟨A⁻ᵀ, dA⟩·C − A⁻ᵀ·dAᵀ·C */
  jvp(b, [dx], y, _attrs, [x]) {
    const n = y.shape.at(-1) ?? 0;
    if (!dx || n < 2) return null;
    if (n === 2) return makeNode(cofactor, [dx]);
    const inverse = transposedInverse(b, only(x), "det");
    const product = times(b, times(b, inverse, turned(b, dx)), y);
    return b.sub(b.mul(beside(b, total(b, b.mul(dx, inverse))), y), product);
  },
  batch: (_, attrs, inputs) => makeNode(cofactor, inputs, attrs),
  lower(k, [x]) {
    const shape = k.shapeOf(only(x));
    const { batch, n } = matricesOf("det", { shape });
    return k.routine("cofactor", [only(x)], shape, k.dtypeOf(only(x)), {
      numbers: [sizeOf(batch), n],
      what: "det",
      bound: 1,
      problem: `expected Jacobi's rotations to converge, got no end of them${ofBatch(batch)}`,
    });
  },
};

/** log |det A|; −∞ for a singular matrix. */
export const logabsdet: Nonlinear = {
  kind: "nonlinear",
  name: "logabsdet",
  dtype: floats,
  shape: ([x]) => batchShape("slogdet", x),
  vjp: (b, g, _, _attrs, [x]) => [b.mul(beside(b, g), transposedInverse(b, only(x), "slogdet"))],
  jvp: (b, [dx], _, _attrs, [x]) => (dx ? total(b, b.mul(dx, transposedInverse(b, only(x), "slogdet"))) : null),
  batch: (_, attrs, inputs) => makeNode(logabsdet, inputs, attrs),
  lower: (k, [x]) => lowerNumber(k, only(x), 2),
};

/** The sign of the determinant: −1, 0 or 1. */
export const signdet: Nonlinear = {
  kind: "nonlinear",
  name: "signdet",
  dtype: floats,
  shape: ([x]) => batchShape("slogdet", x),
  vjp: () => [null],
  jvp: () => null,
  batch: (_, attrs, inputs) => makeNode(signdet, inputs, attrs),
  lower: (k, [x]) => lowerNumber(k, only(x), 1),
};

/** P·A = L·U: row i of P·A is row luRows[i] of A. int32 `[..., m]`. */
export const luRows: Nonlinear = {
  kind: "nonlinear",
  name: "luRows",
  dtype(inputs) {
    floats.call(luRows, inputs);
    return "int32";
  },
  shape([x]) {
    const { batch, m } = matricesOf("lu", only(x));
    return [...batch, m];
  },
  vjp: () => [null],
  jvp: () => null,
  batch: (_, attrs, inputs) => makeNode(luRows, inputs, attrs),
  lower(k, [x]) {
    const { m, n } = matricesOf("lu", { shape: k.shapeOf(only(x)) });
    return k.cast(resultOf(k, lowerLu(k, only(x)), m * n, [m]), "int32");
  },
};

/**
 * L below the diagonal, without its ones, and U on and above it, of the rows in the order of luRows. With k = min(m, n) and
 * F = L₁⁻¹·dA₁·U₁⁻¹ for the leading k×k parts: dL₁ = L₁·strictly lower(F), dU₁ = upper(F)·U₁.
 */
export const luFactors: Nonlinear = {
  kind: "nonlinear",
  name: "luFactors",
  dtype: floats,
  shape([x]) {
    matricesOf("lu", only(x));
    return only(x).shape;
  },
  vjp(b, g, y, _attrs, [x]) {
    const { k, l1, u1, l2, u2, corner } = parts(b, y);
    const { m, n } = matricesOf("lu", y);
    const inner = corner(g);
    let gl = lowerPart(b, inner, true);
    let gu = upperPart(b, inner);
    let more: Node | null = null;
    if (m > n) {
      more = turned(b, upperSolve(u1, turned(b, partOf(b, g, [k, 0], [m - k, k])), false));
      gu = b.sub(gu, times(b, turned(b, l2), more));
    } else if (m < n) {
      more = lowerSolve(l1, partOf(b, g, [0, k], [k, n - k]), true);
      gl = b.sub(gl, times(b, more, turned(b, u2)));
    }
    const f = b.add(lowerPart(b, times(b, turned(b, l1), gl), true), upperPart(b, times(b, gu, turned(b, u1))));
    const first = turned(b, upperSolve(u1, turned(b, lowerSolve(l1, f, true)), false));
    const moved = more ? placed(first, more, m > n) : first;
    return [times(b, turned(b, permutation(b, only(x))), moved)];
  },
  jvp(b, [dx], y, _attrs, [x]) {
    if (!dx) return null;
    const { k, l1, u1, l2, u2, corner } = parts(b, y);
    const { m, n } = matricesOf("lu", y);
    const moved = times(b, permutation(b, only(x)), dx);
    const f = turned(b, upperSolve(u1, turned(b, lowerSolve(l1, corner(moved), false)), true));
    const dl = times(b, l1, lowerPart(b, f, true));
    const du = times(b, upperPart(b, f), u1);
    const first = b.add(lowerPart(b, dl, true), upperPart(b, du));
    if (m === n) return first;
    if (m > n) {
      const rest = b.sub(partOf(b, moved, [k, 0], [m - k, k]), times(b, l2, du));
      return placed(first, turned(b, upperSolve(u1, turned(b, rest), true)), true);
    }
    const rest = b.sub(partOf(b, moved, [0, k], [k, n - k]), times(b, dl, u2));
    return placed(first, lowerSolve(l1, rest, false), false);
  },
  batch: (_, attrs, inputs) => makeNode(luFactors, inputs, attrs),
  lower(k, [x]) {
    const { m, n } = matricesOf("lu", { shape: k.shapeOf(only(x)) });
    return resultOf(k, lowerLu(k, only(x)), 0, [m, n]);
  },
};

const lowerSolve = (l: Node, right: Node, transposed: boolean): Node =>
  makeNode(triangularSolve, [l, right], { upper: false, unitriangular: true, transposed });
const upperSolve = (u: Node, right: Node, transposed: boolean): Node =>
  makeNode(triangularSolve, [u, right], { upper: true, unitriangular: false, transposed });

/** The parts of compact factors: leading triangles, what is below L's and right of U's. */
function parts(b: Builder, y: Node) {
  const { m, n } = matricesOf("lu", y);
  const k = Math.min(m, n);
  const corner = (z: Node): Node => partOf(b, z, [0, 0], [k, k]);
  const square = corner(y);
  return {
    k,
    corner,
    l1: withDiagonal(b, lowerPart(b, square), b.num(1, y)),
    u1: upperPart(b, square),
    l2: partOf(b, y, [k, 0], [m - k, k]),
    u2: partOf(b, y, [0, k], [k, n - k]),
  };
}

/** A part above another, or left of it. */
function placed(first: Node, second: Node, isAbove: boolean): Node {
  const axis = first.shape.length - (isAbove ? 2 : 1);
  return makeNode(join, [first, second], { axis });
}

/** P as a matrix. */
function permutation(b: Builder, x: Node): Node {
  const rows = makeNode(luRows, [x]);
  const m = rows.shape.at(-1) ?? 1;
  return b.cast(b.eq(b.reshape(rows, [...rows.shape, 1]), b.iota(m, rows)), x.dtype);
}
