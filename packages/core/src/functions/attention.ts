// Attention: each query takes a weighted mean of the values, by how well the keys fit it.
import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { matmulNode } from "../tensor/matmul.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf, scalarLike } from "./arguments.ts";
import { checkpoint } from "./checkpoint.ts";
import { concatNodes } from "./join.ts";
import { moved, narrowed } from "./shape.ts";
import { softmaxNode } from "./softmax.ts";

export interface AttentionOptions {
  /** Broadcasts to `[..., T, S]`: bool, true where a query may attend to a key; or floats that are added to the scores. */
  readonly mask?: Tensor | null;
  /** Query t attends to keys 0 to t only. */
  readonly causal?: boolean;
  /** What scores are multiplied by, 1/√D by default. */
  readonly scale?: number;
}

const operation = "scaledDotProductAttention";

/** The weights softmax(q·kᵀ·scale + mask); the first query stands at position `start`. */
function attentionWeights(q: Node, k: Node, options: AttentionOptions, start: number): Node {
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
    const rows = b.reshape(b.iota(t, q), [t, 1]);
    // A number of the run rather than of the plan: blocks share their kernels.
    const row = start === 0 ? rows : b.add(rows, scalarLike(start, rows));
    scores = b.select(b.le(b.iota(s, q), row), scores, lowest);
  }
  if (options.mask) {
    const mask = nodeOf(operation, options.mask);
    scores = mask.dtype === "bool" ? b.select(mask, scores, lowest) : b.add(scores, castNode(mask, scores.dtype));
  }
  return softmaxNode(scores, scores.shape.length - 1);
}

/** From so many scores on, queries are taken block by block. */
const manyScores = 2 ** 19;
const rowsOfBlock = 128;
/** Blocks of a causal attention read this many different numbers of keys, so that their kernels are few. */
const differentLengths = 8;

/** `length` of x's positions along an axis counted from the end; one that broadcasts stays. */
function positions(x: Node, axis: number, start: number, length: number): Node {
  const at = x.shape.length + axis;
  return at < 0 || x.shape[at] === 1 ? x : narrowed(x, at, start, length);
}

/** Whether blocks are worth their while, and the operands fit: if not, what is computed whole says so. */
function isLong(q: Node, k: Node, v: Node, { mask }: AttentionOptions): boolean {
  const [t = 0, s = 0] = [q.shape.at(-2), k.shape.at(-2)];
  const [rows = 1, columns = 1] = [mask?.shape.at(-2), mask?.shape.at(-1)];
  const fits = (size: number, whole: number): boolean => size === 1 || size === whole;
  return t > rowsOfBlock && t * s >= manyScores && v.shape.at(-2) === s && fits(rows, t) && fits(columns, s);
}

/**
 * Attention of some queries at a time: the weights of all queries are never in memory together. Gradients compute them again,
 * block by block.
 */
function inBlocks(q: Node, k: Node, v: Node, options: AttentionOptions): Node {
  const [t = 0, s = 0] = [q.shape.at(-2), k.shape.at(-2)];
  const grain = rowsOfBlock * Math.ceil(s / (rowsOfBlock * differentLengths));
  const blocks: Node[] = [];
  for (let start = 0; start < t; start += rowsOfBlock) {
    const rows = Math.min(rowsOfBlock, t - start);
    const keys = options.causal === true ? Math.min(s, grain * Math.ceil((start + rows) / grain)) : s;
    const mask = options.mask && nodeOf(operation, options.mask);
    const masked = mask ? new Tensor(positions(positions(mask, -2, start, rows), -1, 0, keys)) : null;
    const attend = (queries: Tensor, known: Tensor, values: Tensor): Tensor => {
      const weights = attentionWeights(queries.node, known.node, { ...options, mask: masked }, start);
      return new Tensor(matmulNode(weights, castNode(values.node, weights.dtype)));
    };
    const parts = [positions(q, -2, start, rows), positions(k, -2, 0, keys), positions(v, -2, 0, keys)];
    const [queries, known, values] = parts.map((x) => new Tensor(x));
    if (queries && known && values) blocks.push(checkpoint(attend)(queries, known, values).node);
  }
  return concatNodes(blocks, (blocks[0]?.shape.length ?? 0) - 2);
}

/**
 * softmax(q·kᵀ / √D + mask)·v (Vaswani et al., 2017). Long sequences are taken 128 queries at a time, and gradients compute
 * their weights again (as in Rabe and Staats, "Self-attention does not need O(n²) memory", 2021): the weights are never in
 * memory together. Causal blocks skip keys that none of their queries may see.
 * @param q queries `[..., T, D]`
 * @param k keys `[..., S, D]`
 * @param v values `[..., S, E]`
 * @param options mask, causal, scale
 * @returns `[..., T, E]`; NaN for a query that may attend to nothing
 * @throws {ShapeError} `scaledDotProductAttention: expected queries [..., T, D] and keys [..., S, D], got [2, 3] and [2, 4]`
 * @example (await scaledDotProductAttention(ones([2, 1]), ones([2, 1]), tensor([[1], [3]]), { causal: true }).toArray()) // [[1], [2]]
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const [queries, keys] = [floatOf(operation, q), floatOf(operation, k)];
  const values = nodeOf(operation, v);
  if (isLong(queries, keys, values, options)) return new Tensor(inBlocks(queries, keys, values, options));
  const weights = attentionWeights(queries, keys, options, 0);
  return new Tensor(matmulNode(weights, castNode(values, weights.dtype)));
}
