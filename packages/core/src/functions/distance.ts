// How far vectors are from each other.
import { ShapeError } from "../base/errors.ts";
import { broadcastShapes, normalizeAxis, showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatPairOf, scalarLike } from "./arguments.ts";
import { normNode } from "./reduce.ts";

/**
 * The cosine of the angle between vectors: a·b / (max(|a|, eps)·max(|b|, eps)).
 * @param options.axis the axis of the vectors, 1 by default, as in PyTorch
 * @param options.eps 1e-8 by default
 * @returns the broadcast shape without the axis
 * @example (await cosineSimilarity(tensor([[1, 0]]), tensor([[1, 1]])).toArray()) // [0.7071]
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  options: { readonly axis?: number; readonly eps?: number } = {},
): Tensor {
  const [left, right] = floatPairOf("cosineSimilarity", x1, x2);
  const shape = broadcastShapes("cosineSimilarity", left.shape, right.shape);
  const axes = [normalizeAxis("cosineSimilarity", options.axis ?? 1, shape)];
  const [p, q] = [b.expand(left, shape), b.expand(right, shape)];
  const least = scalarLike(options.eps ?? 1e-8, p);
  const size = (x: Node): Node => {
    const norm = normNode(x, axes, 2);
    return b.select(b.lt(norm, least), least, norm);
  };
  return new Tensor(b.div(b.sum(b.mul(p, q), axes), b.mul(size(p), size(q))));
}

/**
 * The distance of each vector of a from each of b. The gradient of a distance 0 is 0.
 * @param a `[..., n, d]`
 * @param b `[..., m, d]`
 * @param options.p order of the norm, 2 by default
 * @returns `[..., n, m]`
 * @throws {ShapeError} `cdist: expected [..., n, d] and [..., m, d], got [2, 3] and [2, 4]`
 * @example (await cdist(tensor([[0, 0]]), tensor([[3, 4], [0, 1]])).toArray()) // [[5, 1]]
 */
export function cdist(a: Tensor, b: Tensor, options: { readonly p?: number } = {}): Tensor {
  return new Tensor(distances(...floatPairOf("cdist", a, b), options.p ?? 2));
}

function distances(x: Node, y: Node, p: number): Node {
  const [n, d] = x.shape.slice(-2);
  const [m, other] = y.shape.slice(-2);
  if (n === undefined || m === undefined || d === undefined || d !== other)
    throw new ShapeError(
      `cdist: expected [..., n, d] and [..., m, d], got ${showShape(x.shape)} and ${showShape(y.shape)}`,
    );
  const left = b.reshape(x, [...x.shape.slice(0, -2), n, 1, d]);
  const right = b.reshape(y, [...y.shape.slice(0, -2), 1, m, d]);
  const difference = b.sub(left, right);
  return normNode(difference, [difference.shape.length - 1], p);
}
