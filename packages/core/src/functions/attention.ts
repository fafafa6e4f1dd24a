// Attention: each query takes a weighted mean of the values, by how well the keys fit it.
import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { matmulNode } from "../tensor/matmul.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf, scalarLike } from "./arguments.ts";
import { moved } from "./shape.ts";
import { softmaxNode } from "./softmax.ts";

export interface AttentionOptions {
  /** Broadcasts to `[..., T, S]`: bool, true where a query may attend to a key; or floats that are added to the scores. */
  readonly mask?: Tensor | null;
  /** Query t attends to keys 0 to t only. */
  readonly causal?: boolean;
  /** What scores are multiplied by, 1/√D by default. */
  readonly scale?: number;
}

/** The weights softmax(q·kᵀ·scale + mask). */
export function attentionWeights(operation: string, q: Node, k: Node, options: AttentionOptions): Node {
  const size = q.shape.at(-1);
  const [t, s] = [q.shape.at(-2), k.shape.at(-2)];
  if (size === undefined || t === undefined || s === undefined || k.shape.at(-1) !== size)
    throw new ShapeError(
      `${operation}: expected queries [..., T, D] and keys [..., S, D], got ${showShape(q.shape)} and ${showShape(k.shape)}`,
    );
  const scale = options.scale === undefined ? b.num(1 / Math.sqrt(size), q) : scalarLike(options.scale, q);
  let scores = b.mul(matmulNode(q, moved(k, k.shape.length - 1, k.shape.length - 2)), scale);
  const lowest = b.num(Number.NEGATIVE_INFINITY, scores);
  if (options.causal === true) {
    const row = b.reshape(b.iota(t, q), [t, 1]);
    scores = b.select(b.le(b.iota(s, q), row), scores, lowest);
  }
  if (options.mask) {
    const mask = nodeOf(operation, options.mask);
    scores = mask.dtype === "bool" ? b.select(mask, scores, lowest) : b.add(scores, castNode(mask, scores.dtype));
  }
  return softmaxNode(scores, scores.shape.length - 1);
}

/**
 * softmax(q·kᵀ / √D + mask)·v (Vaswani et al., 2017).
 * @param q queries `[..., T, D]`
 * @param k keys `[..., S, D]`
 * @param v values `[..., S, E]`
 * @param options mask, causal, scale
 * @returns `[..., T, E]`; NaN for a query that may attend to nothing
 * @throws {ShapeError} `scaledDotProductAttention: expected queries [..., T, D] and keys [..., S, D], got [2, 3] and [2, 4]`
 * @example (await scaledDotProductAttention(ones([2, 1]), ones([2, 1]), tensor([[1], [3]]), { causal: true }).toArray()) // [[1], [2]]
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const operation = "scaledDotProductAttention";
  const weights = attentionWeights(operation, floatOf(operation, q), floatOf(operation, k), options);
  return new Tensor(matmulNode(weights, castNode(nodeOf(operation, v), weights.dtype)));
}
