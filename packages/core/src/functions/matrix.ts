// Powers, exponentials, norms and chains of matrices. Leading axes are batches.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import * as matrices from "../ops/matrices.ts";
import * as ops from "../ops/reduce.ts";
import * as spectral from "../ops/spectral.ts";
import { matmulNode } from "../tensor/matmul.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf } from "./arguments.ts";
import { inverseNode } from "./linalg.ts";
import { normNode } from "./reduce.ts";

/**
 * The exponential Σ xᵏ/k! of a matrix: Padé's approximant with scaling and squaring (N. J. Higham, 2005).
 * @param x `[..., n, n]`
 * @throws {ShapeError} `matrixExp: expected square matrices [..., n, n], got shape [2, 3]`
 * @example (await matrixExp(tensor([[0, 1], [0, 0]])).toArray()) // [[1, 1], [0, 1]]
 */
export function matrixExp<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return new Tensor(makeNode(spectral.matrixExp, [floatOf("matrixExp", x)]));
}

/**
 * The n-th power of a matrix by repeated squaring; negative powers are those of the inverse.
 * @param x `[..., m, m]`
 * @param n whole
 * @throws {LinAlgError} when a negative power of a singular matrix is computed
 * @example (await matrixPower(tensor([[1, 1], [1, 0]]), 10).toArray()) // [[89, 55], [55, 34]]
 */
export function matrixPower<S extends Shape>(x: Tensor<S>, n: number): Tensor<S> {
  if (!Number.isInteger(n)) throw new ArgumentError(`matrixPower: expected a whole n, got ${n}`);
  const node = n < 0 ? floatOf("matrixPower", x) : nodeOf("matrixPower", x);
  const { m } = matrices.squaresOf("matrixPower", node);
  let square = n < 0 ? inverseNode(node) : node;
  let power: Node | null = null;
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = power ? matrices.times(b, power, square) : square;
    if (rest > 1) square = matrices.times(b, square, square);
  }
  return new Tensor(power ?? matrices.identityLike(b, node, m));
}

/** The order of a matrix norm. */
export type MatrixOrder = "fro" | "nuc" | number;

function matrixNormNode(operation: string, x: Node, ord: MatrixOrder): Node {
  const [rows, columns] = [x.shape.length - 2, x.shape.length - 1];
  const extreme = (y: Node, isLargest: boolean): Node =>
    makeNode(isLargest ? ops.max : ops.min, [y], { axes: [y.shape.length - 1], ties: "share" });
  switch (ord) {
    case "fro":
      return normNode(x, [rows, columns], 2);
    case "nuc":
      return b.sum(makeNode(spectral.singularValues, [x]), [columns - 1]);
    case 1:
    case -1:
      return extreme(b.sum(b.abs(x), [rows]), ord > 0);
    case 2:
    case -2:
      return extreme(makeNode(spectral.singularValues, [x]), ord > 0);
    case Number.POSITIVE_INFINITY:
    case Number.NEGATIVE_INFINITY:
      return extreme(b.sum(b.abs(x), [columns]), ord > 0);
    default:
      throw new ArgumentError(`${operation}: expected ord "fro", "nuc", ±1, ±2 or ±Infinity, got ${String(ord)}`);
  }
}

/**
 * A norm of matrices: "fro" √Σ|x|², "nuc" the sum of the singular values, ±2 the largest or smallest of them, ±1 and ±∞ the largest
 * or smallest sum of absolute values in a column or row.
 * @param x `[..., m, n]`
 * @param options.ord "fro" by default
 * @param options.keepdims keep both axes with size 1
 * @returns `[...]`
 * @throws {ArgumentError} `matrixNorm: expected ord "fro", "nuc", ±1, ±2 or ±Infinity, got 3`
 * @example (await matrixNorm(tensor([[1, 2], [3, 4]]), { ord: 1 }).item()) // 6
 */
export function matrixNorm(
  x: Tensor,
  options: { readonly ord?: MatrixOrder; readonly keepdims?: boolean } = {},
): Tensor {
  const node = floatOf("matrixNorm", x);
  const { batch } = matrices.matricesOf("matrixNorm", node);
  const y = matrixNormNode("matrixNorm", node, options.ord ?? "fro");
  return new Tensor(options.keepdims ? b.reshape(y, [...batch, 1, 1]) : y);
}

/**
 * The condition number: how much an error in the right side of a system can grow. Infinite, or very large, for singular matrices.
 * @param x `[..., m, n]`, square where p is not ±2
 * @param options.p the norm, as in `matrixNorm`: ‖x‖·‖x⁻¹‖; 2 by default, the quotient of the extreme singular values
 * @returns `[...]`
 * @throws {LinAlgError} when it is computed for a singular matrix, where p is not ±2
 * @example (await conditionNumber(tensor([[2, 0], [0, 8]])).item()) // 4
 */
export function conditionNumber(x: Tensor, options: { readonly p?: MatrixOrder } = {}): Tensor {
  const { p = 2 } = options;
  const node = floatOf("conditionNumber", x);
  const norm = (y: Node, ord: MatrixOrder): Node => matrixNormNode("conditionNumber", y, ord);
  if (p === 2 || p === -2) return new Tensor(b.div(norm(node, p), norm(node, -p)));
  return new Tensor(b.mul(norm(node, p), norm(inverseNode(node), p)));
}

/**
 * The product of several matrices, in the order that takes the fewest multiplications (T. C. Hu, M. T. Shing, 1982, say how to
 * find it; here by dynamic programming).
 * @param tensors at least two matrices that fit; the first and the last may be vectors
 * @throws {ShapeError} `multiDot: expected matrices that fit, got [2, 3] before [2, 2]`
 * @example (await multiDot([tensor([1, 2]), tensor([[3], [4]]), tensor([5])]).item()) // 55
 */
export function multiDot(tensors: readonly Tensor[]): Tensor {
  if (tensors.length < 2) throw new ArgumentError(`multiDot: expected at least two matrices, got ${tensors.length}`);
  const last = tensors.length - 1;
  const nodes = tensors.map((x, i) => {
    const node = nodeOf("multiDot", x);
    if (node.shape.length === 2) return node;
    const [n = 1] = node.shape;
    if (node.shape.length === 1 && i === 0) return b.reshape(node, [1, n]);
    if (node.shape.length === 1 && i === last) return b.reshape(node, [n, 1]);
    throw new ShapeError(`multiDot: expected matrices, got shape ${showShape(node.shape)} at position ${i}`);
  });
  nodes.forEach(({ shape }, i) => {
    const next = nodes[i + 1]?.shape;
    if (next && next[0] !== shape[1])
      throw new ShapeError(`multiDot: expected matrices that fit, got ${showShape(shape)} before ${showShape(next)}`);
  });
  const shape = [...(tensors[0]?.rank === 1 ? [] : [nodes[0]?.shape[0] ?? 1])];
  if (tensors[last]?.rank !== 1) shape.push(nodes[last]?.shape[1] ?? 1);
  return new Tensor(b.reshape(chain(nodes), shape));
}

function chain(nodes: readonly Node[]): Node {
  const sizes = [nodes[0]?.shape[0] ?? 1, ...nodes.map(({ shape }) => shape[1] ?? 1)];
  /** The cheapest product of nodes from … to, and its cost. */
  const best = new Map<string, { readonly cost: number; readonly cut: number }>();
  const found = (from: number, to: number): { readonly cost: number; readonly cut: number } =>
    best.get(`${from},${to}`) ?? { cost: 0, cut: from };
  for (let length = 1; length < nodes.length; length++)
    for (let from = 0; from + length < nodes.length; from++) {
      const to = from + length;
      let [cost, cut] = [Number.POSITIVE_INFINITY, from];
      for (let middle = from; middle < to; middle++) {
        const outer = (sizes[from] ?? 1) * (sizes[middle + 1] ?? 1) * (sizes[to + 1] ?? 1);
        const sum = found(from, middle).cost + found(middle + 1, to).cost + outer;
        if (sum < cost) [cost, cut] = [sum, middle];
      }
      best.set(`${from},${to}`, { cost, cut });
    }
  const multiply = (from: number, to: number): Node => {
    const [only] = nodes.slice(from, from + 1);
    if (from === to && only) return only;
    const { cut } = found(from, to);
    return matmulNode(multiply(from, cut), multiply(cut + 1, to));
  };
  return multiply(0, nodes.length - 1);
}
