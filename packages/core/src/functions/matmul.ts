// Matrix products and their kin.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import type { LinearCheck, LinearOutput, MatMul, MatMulCheck, SizeAt } from "../base/shape-types.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { matmulNode } from "../tensor/matmul.ts";
import { alike } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf, pairOf } from "./arguments.ts";

/**
 * The matrix product, by NumPy's rules: 1-d operands are vectors, leading axes are batches and broadcast.
 * @param a `[..., m, k]` or `[k]`
 * @param b `[..., k, n]` or `[k]`
 * @returns `[..., m, n]`, without m or n where the operand is a vector
 * @throws {ShapeError} `matmul: expected matching inner sizes, got [2, 3] and [4, 5]: 3 and 4 differ`
 * @example (await matmul(tensor([[1, 2], [3, 4]]), tensor([5, 6])).toArray()) // [17, 39]
 */
export function matmul<A extends Shape, B extends Shape>(
  a: Tensor<A>,
  b: Tensor<B> & MatMulCheck<A, B>,
): Tensor<MatMul<A, B>>;
export function matmul(a: Tensor, b: Tensor): Tensor {
  return new Tensor(matmulNode(...pairOf("matmul", a, b)));
}

/**
 * The sum of the products of two vectors.
 * @throws {ShapeError} `dot: expected two vectors, got [2, 2] and [2]`
 * @example (await dot(tensor([1, 2]), tensor([3, 4])).item()) // 11
 */
export function dot(a: Tensor, b: Tensor): Tensor<[]> {
  const [x, y] = pairOf("dot", a, b);
  if (x.shape.length !== 1 || y.shape.length !== 1)
    throw new ShapeError(`dot: expected two vectors, got ${showShape(x.shape)} and ${showShape(y.shape)}`);
  return new Tensor(matmulNode(x, y));
}

/**
 * All products of the elements of two vectors.
 * @returns `[n, m]`
 * @throws {ShapeError} `outer: expected two vectors, got [2, 2] and [2]`
 * @example (await outer(tensor([1, 2]), tensor([3, 4])).toArray()) // [[3, 4], [6, 8]]
 */
export function outer<N extends number, M extends number>(a: Tensor<[N]>, b: Tensor<[M]>): Tensor<[N, M]>;
export function outer(a: Tensor, b: Tensor): Tensor;
export function outer(a: Tensor, b: Tensor): Tensor {
  const [x, y] = pairOf("outer", a, b);
  if (x.shape.length !== 1 || y.shape.length !== 1)
    throw new ShapeError(`outer: expected two vectors, got ${showShape(x.shape)} and ${showShape(y.shape)}`);
  return new Tensor(product(x, y));
}

const product = (x: Node, y: Node): Node => {
  const [n = 0] = x.shape;
  return b.mul(b.reshape(x, [n, 1]), y);
};

/**
 * beta·c + alpha·(a @ b).
 * @param options.alpha 1 by default
 * @param options.beta 1 by default
 * @example (await addmm(tensor([1, 1]), tensor([[1, 2]]), eye(2), { beta: 2 }).toArray()) // [[3, 4]]
 */
export function addmm(
  c: Tensor,
  a: Tensor,
  b: Tensor,
  options: { readonly alpha?: number; readonly beta?: number } = {},
): Tensor {
  const scaled = (x: Tensor, factor = 1): Tensor => (factor === 1 ? x : x.mul(factor));
  return scaled(matmul(a, b), options.alpha).add(scaled(c, options.beta));
}

/**
 * x·Wᵀ + bias: a layer of a network.
 * @param x `[..., inputs]`
 * @param weight `[outputs, inputs]`
 * @param bias `[outputs]`
 * @returns `[..., outputs]`
 * @throws {ShapeError} `linear: expected inputs of size 3, got shape [2, 4]`
 * @example (await linear(tensor([1, 2]), tensor([[3, 4]]), tensor([5])).toArray()) // [16]
 */
export function linear<S extends Shape, W extends Shape>(
  x: Tensor<S>,
  weight: Tensor<W> & LinearCheck<S, W>,
  bias?: Tensor | null,
): Tensor<LinearOutput<S, SizeAt<W, 0>>>;
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  const [node, w] = pairOf("linear", x, weight);
  const [, inputs] = w.shape;
  if (w.shape.length !== 2 || node.shape.at(-1) !== inputs)
    throw new ShapeError(
      `linear: expected inputs of size ${inputs}, got shape ${showShape(node.shape)} for a weight ${showShape(w.shape)}`,
    );
  const y = b.contract(node, w, { batchA: [], batchB: [], contractA: [node.shape.length - 1], contractB: [1] });
  return new Tensor(bias ? b.add(...alike(y, nodeOf("linear", bias))) : y);
}

/**
 * x1ᵀ·W·x2 + bias for each output.
 * @param x1 `[..., I]`
 * @param x2 `[..., J]`
 * @param weight `[O, I, J]`
 * @param bias `[O]`
 * @returns `[..., O]`
 * @example (await bilinear(tensor([1, 2]), tensor([3, 4]), ones([1, 2, 2])).toArray()) // [21]
 */
export function bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  const [left, w] = pairOf("bilinear", x1, weight);
  const right = nodeOf("bilinear", x2);
  const [outputs = 0, first, second] = w.shape;
  if (w.shape.length !== 3 || left.shape.at(-1) !== first || right.shape.at(-1) !== second)
    throw new ShapeError(
      `bilinear: expected inputs of sizes ${first} and ${second}, got shapes ${showShape(left.shape)} and ${showShape(right.shape)} for a weight ${showShape(w.shape)}`,
    );
  // [..., O, J], then its products with x2 summed over J.
  const half = b.contract(left, w, { batchA: [], batchB: [], contractA: [left.shape.length - 1], contractB: [1] });
  const spread = b.reshape(right, [...right.shape.slice(0, -1), 1, second ?? 1]);
  const y = b.sum(b.mul(half, b.cast(spread, half.dtype)), [half.shape.length - 1]);
  const shape = [...left.shape.slice(0, -1), outputs];
  return new Tensor(b.reshape(bias ? b.add(...alike(y, nodeOf("bilinear", bias))) : y, shape));
}
