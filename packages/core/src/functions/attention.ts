// Attention: each query takes a weighted mean of the values, by how well the keys fit it.
import { reverse } from "../autodiff/reverse.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { stopGradient } from "../ops/cast.ts";
import { after, type CustomRule, customResults } from "../ops/control.ts";
import { matmulNode } from "../tensor/matmul.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, likeNode, nodeOf, scalarLike } from "./arguments.ts";
import { batchedRule } from "./custom.ts";
import { bitsAt, type Generator, isBelow, type Stretch, shared } from "./draw.ts";
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
  /**
   * The probability with which a weight is left out, 0 by default; the others are divided by 1 − dropoutP. A scalar tensor, which
   * gets no gradient, is one that may change in a compiled function.
   */
  readonly dropoutP?: number | Tensor;
  /** What decides which weights are left out; the shared generator, which `manualSeed` seeds, by default. */
  readonly generator?: Generator;
}

/** Options once they have been looked at. */
interface Options {
  readonly causal: boolean;
  readonly scale: number | undefined;
  readonly mask: Node | null;
}

interface Operands {
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
  readonly mask: Node | null;
  readonly draws: Draws | null;
}

/** What decides which weights are kept. */
interface Draws {
  /** Random words, a part for each query. */
  readonly words: Stretch;
  /** The share of weights that is kept, a scalar. */
  readonly keep: Node;
  /** The leading axes of all that is drawn, and the number of queries. */
  readonly batch: Shape;
  readonly queries: number;
}

const operation = "scaledDotProductAttention";

/** The products q·kᵀ. */
function products(q: Node, k: Node): Node {
  const size = q.shape.at(-1);
  if (size === undefined || q.shape.length < 2 || k.shape.length < 2 || k.shape.at(-1) !== size)
    throw new ShapeError(
      `${operation}: expected queries [..., T, D] and keys [..., S, D], got ${showShape(q.shape)} and ${showShape(k.shape)}`,
    );
  return matmulNode(q, moved(k, k.shape.length - 1, k.shape.length - 2));
}

/** The positions `[t, 1]` of t queries; a number of the run rather than of the plan, so that blocks share their kernels. */
function rowsFrom(start: number, t: number, like: Node): Node {
  const rows = b.reshape(b.iota(t, like), [t, 1]);
  return start === 0 ? rows : b.add(rows, scalarLike(start, rows));
}

/** The weights softmax(products·scale + mask); the first query, of `size` features, stands at position `start`. */
function weightsOf(raw: Node, size: number, { causal, mask, scale }: Options, start: number): Node {
  const [t = 0, s = 0] = raw.shape.slice(-2);
  let scores = b.mul(raw, scale === undefined ? b.num(1 / Math.sqrt(size), raw) : scalarLike(scale, raw));
  const lowest = b.num(Number.NEGATIVE_INFINITY, scores);
  if (causal) scores = b.select(b.le(b.iota(s, raw), rowsFrom(start, t, raw)), scores, lowest);
  if (mask)
    scores = mask.dtype === "bool" ? b.select(mask, scores, lowest) : b.add(scores, castNode(mask, scores.dtype));
  return softmaxNode(scores, scores.shape.length - 1);
}

/** The draws of one mask for all weights `[..., T, S]`: the bits that `bernoulli` of their shape takes. */
function drawsFor(
  { q, k, v, mask }: Omit<Operands, "draws">,
  { dropoutP = 0, generator }: AttentionOptions,
): Draws | null {
  if (dropoutP === 0) return null;
  if (typeof dropoutP === "number" && !(dropoutP > 0 && dropoutP <= 1))
    throw new ArgumentError(`${operation}: expected a dropoutP from 0 to 1, got ${dropoutP}`);
  const p = makeNode(stopGradient, [likeNode(operation, dropoutP, q)]);
  if (p.shape.length > 0)
    throw new ShapeError(
      `${operation}: expected a dropoutP that is a number or a scalar, got shape ${showShape(p.shape)}`,
    );
  const batch = batchOf(mask ? [q, k, v, mask] : [q, k, v]);
  const [queries = 0, s = 0] = [q.shape.at(-2), k.shape.at(-2)];
  const words = (generator ?? shared).stretch(s, q.device, sizeOf(batch) * queries);
  return { words, keep: b.sub(b.num(1, p), p), batch, queries };
}

/** The weights with some left out; the first query stands at position `start`. */
function kept(weights: Node, draws: Draws | null, start: number): Node {
  if (!draws) return weights;
  const { words, batch, queries } = draws;
  const [t = 0, s = 0] = weights.shape.slice(-2);
  const heads = b.reshape(b.iota(sizeOf(batch), weights), [...batch, 1, 1]);
  const query = b.add(b.mul(heads, b.num(queries, heads)), rowsFrom(start, t, weights));
  const isKept = isBelow(bitsAt(words, b.iota(s, weights), query), draws.keep);
  const share = castNode(draws.keep, weights.dtype);
  const one = b.num(1, share);
  // Where none is kept, nothing is multiplied by 1 / 0.
  const scale = b.div(one, b.select(b.lt(b.num(0, share), share), share, one));
  return b.mul(b.select(isKept, weights, b.num(0, weights)), scale);
}

const weighted = (weights: Node, v: Node): Node => matmulNode(weights, castNode(v, weights.dtype));

/**
 * From so many scores on, queries are taken block by block: for the memory, or, if causal, because blocks skip what their queries
 * may not see.
 */
const manyScores = { any: 2 ** 19, causal: 2 ** 17 } as const;
const rowsOfBlock = 128;
/** Blocks of a causal attention read this many different numbers of keys, so that their kernels are few. */
const differentLengths = 8;

/** `length` of x's positions along an axis counted from the end; one that broadcasts stays. */
function positions(x: Node, axis: number, start: number, length: number): Node {
  const at = x.shape.length + axis;
  return at < 0 || x.shape[at] === 1 ? x : narrowed(x, at, start, length);
}

/** Whether blocks are worth their while, and the operands fit: if not, what is computed whole says so. */
function isLong({ q, k, v, mask }: Operands, causal: boolean): boolean {
  const [t = 0, s = 0] = [q.shape.at(-2), k.shape.at(-2)];
  const [rows = 1, columns = 1] = [mask?.shape.at(-2), mask?.shape.at(-1)];
  const fits = (size: number, whole: number): boolean => size === 1 || size === whole;
  const many = causal ? manyScores.causal : manyScores.any;
  return t > rowsOfBlock && t * s >= many && v.shape.at(-2) === s && fits(rows, t) && fits(columns, s);
}

/** The queries from `start` on, and how many keys they may see. */
interface Block {
  readonly start: number;
  readonly rows: number;
  readonly keys: number;
}

function blocksOf(t: number, s: number, causal: boolean): Block[] {
  const grain = rowsOfBlock * Math.ceil(s / (rowsOfBlock * differentLengths));
  return Array.from({ length: Math.ceil(t / rowsOfBlock) }, (_, i) => {
    const start = i * rowsOfBlock;
    const rows = Math.min(rowsOfBlock, t - start);
    return { start, rows, keys: causal ? Math.min(s, grain * Math.ceil((start + rows) / grain)) : s };
  });
}

/** What a block reads, and what it comes to. */
function attend({ q, k, v, mask, draws }: Operands, options: Options, { start, rows, keys }: Block) {
  const queries = positions(q, -2, start, rows);
  const raw = products(queries, positions(k, -2, 0, keys));
  const masked = mask && positions(positions(mask, -2, start, rows), -1, 0, keys);
  const weights = weightsOf(raw, q.shape.at(-1) ?? 1, { ...options, mask: masked }, start);
  const left = kept(weights, draws, start);
  return { queries, raw, masked, weights: left, result: weighted(left, positions(v, -2, 0, keys)) };
}

/**
 * Attention of some queries at a time: the weights of all queries are never in memory together. Gradients compute them again,
 * block by block, and add up what comes to keys and values.
 */
function inBlocks(given: Operands, options: Options): Node {
  const operands = alike(given);
  const [t = 0, s = 0] = [operands.q.shape.at(-2), operands.k.shape.at(-2)];
  const blocks = blocksOf(t, s, options.causal);
  const results = blocks.map((block) => attend(operands, options, block).result);
  const joined = concatNodes(results, (results[0]?.shape.length ?? 0) - 2);
  const rule: CustomRule = {
    vjp: ([g], inputs) => (g ? gradients(g, fromList(inputs, operands), options, blocks) : []),
    jvp: (_tangents, _inputs, _results, own) => own,
    batch: (size) => batchedRule(rule, size),
  };
  const [result] = customResults(toList(operands), [joined], rule);
  return result ?? joined;
}

/** What a rule is given: nodes that a transform may put others in place of. */
const toList = ({ q, k, v, mask, draws }: Operands): Node[] =>
  [q, k, v, mask, draws?.words.start, draws?.words.low, draws?.words.high, draws?.words.part, draws?.keep].filter(
    (x) => x !== null && x !== undefined,
  );

/** What `toList` made a list of, in other nodes. */
function fromList(nodes: readonly Node[], like: Operands): Operands {
  const rest = [...nodes];
  const next = (known: Node): Node => rest.shift() ?? known;
  const [q, k, v, mask] = [next(like.q), next(like.k), next(like.v), like.mask && next(like.mask)];
  if (!like.draws) return { q, k, v, mask, draws: null };
  const { start, low, high, part } = like.draws.words;
  const words = { ...like.draws.words, start: next(start), low: next(low), high: next(high), part: part && next(part) };
  return { q, k, v, mask, draws: { ...like.draws, words, keep: next(like.draws.keep) } };
}

/** The leading axes of all, broadcast. */
const batchOf = (nodes: readonly Node[]): Shape =>
  nodes.reduce<Shape>((shape, x) => broadcastShapes(operation, shape, x.shape.slice(0, -2)), []);

/**
 * Where heads share keys, each has them to itself: what blocks add to their gradients is added in place then, and summed
 * over the heads once, in the end.
 */
function alike({ q, k, v, ...rest }: Operands): Operands {
  const batch = batchOf([q, k, v]);
  const expanded = (x: Node): Node => {
    const shape = [...batch, ...x.shape.slice(-2)];
    return sameShape(x.shape, shape) ? x : b.expand(x, shape);
  };
  return { q: expanded(q), k: expanded(k), v: expanded(v), ...rest };
}

/** The cotangents of queries, keys, values and mask. */
function gradients(g: Node, given: Operands, options: Options, blocks: readonly Block[]): (Node | null)[] {
  const queries: Node[] = [];
  let known: Node | null = null;
  let values: Node | null = null;
  let masks: Node | null = null;
  let before = 0;
  for (const block of blocks) {
    // Nothing of the forward pass is kept: what is computed again waits for the cotangent, and for the block before.
    const others = [g, known, values].filter((x) => x !== null);
    const late = (x: Node): Node => makeNode(after, [x, ...others]);
    const operands: Operands = fromList(toList(given).map(late), given);
    const { k, v, mask } = operands;
    const own = attend(operands, options, block);
    const gs = positions(g, -2, block.start, block.rows);
    const [dWeights] = reverse(b, [own.result], [gs], [own.weights]);
    const [dRaw, dMask] = dWeights ? reverse(b, [own.weights], [dWeights], [own.raw, own.masked ?? own.raw]) : [];
    if (!dRaw) continue;
    const [dq] = reverse(b, [own.raw], [dRaw], [own.queries]);
    if (dq) queries.push(dq);
    if (mask && own.masked && dMask) {
      const [part = null] = reverse(b, [own.masked], [dMask], [mask]);
      masks = sum(masks, part);
    }
    // Keys that no block has seen yet are a product apart: the others are added to what is there, in place.
    const ends = before > 0 && before < block.keys ? [before, block.keys] : [block.keys];
    const parts = ends.map((end, i) => {
      const [start, length] = i === 0 ? [0, end] : [before, end - before];
      const [seen, worth] = [positions(k, -2, start, length), positions(v, -2, start, length)];
      const [dk = null] = reverse(b, [products(own.queries, seen)], [positions(dRaw, -1, start, length)], [seen]);
      const [dv = null] = reverse(b, [weighted(positions(own.weights, -1, start, length), worth)], [gs], [worth]);
      return { dk, dv };
    });
    known = grown(
      known,
      parts.map(({ dk }) => dk),
    );
    values = grown(
      values,
      parts.map(({ dv }) => dv),
    );
    before = block.keys;
  }
  return [concatNodes(queries, given.q.shape.length - 2), whole(known, given.k), whole(values, given.v), masks];
}

const sum = (a: Node | null, b_: Node | null): Node | null => (a && b_ ? b.add(a, b_) : (a ?? b_));

/** The total with the first part added to it and the second, if there is one, behind it. */
function grown(total: Node | null, [first = null, second = null]: readonly (Node | null)[]): Node | null {
  const same = sum(total, first);
  return same && second ? concatNodes([same, second], same.shape.length - 2) : same;
}

/** With zeros for the keys that no query may see. */
function whole(gradient: Node | null, like: Node): Node | null {
  const axis = like.shape.length - 2;
  const rest = (like.shape[axis] ?? 0) - (gradient?.shape[axis] ?? 0);
  if (!gradient || rest === 0) return gradient;
  const zeros = like.shape.map(() => 0);
  return b.pad(
    gradient,
    zeros,
    zeros.with(axis, rest),
    like.shape.map(() => 1),
  );
}

/**
 * softmax(q·kᵀ / √D + mask)·v (Vaswani et al., 2017). Long sequences are taken 128 queries at a time, and gradients compute
 * their weights again (as in Rabe and Staats, "Self-attention does not need O(n²) memory", 2021): the weights are never in
 * memory together. Causal blocks skip keys that none of their queries may see. Weights are left out (Srivastava et al.,
 * "Dropout", 2014) by a mask that is drawn once for each call, and is not in memory either: it is the one that
 * `bernoulli([..., T, S], 1 - dropoutP)` draws.
 * @param q queries `[..., T, D]`
 * @param k keys `[..., S, D]`
 * @param v values `[..., S, E]`
 * @param options mask, causal, scale, dropoutP and generator
 * @returns `[..., T, E]`; NaN for a query that may attend to nothing
 * @throws {ShapeError} `scaledDotProductAttention: expected queries [..., T, D] and keys [..., S, D], got [2, 3] and [2, 4]`
 * @throws {ArgumentError} `scaledDotProductAttention: expected a dropoutP from 0 to 1, got 2`
 * @example (await scaledDotProductAttention(ones([2, 1]), ones([2, 1]), tensor([[1], [3]]), { causal: true }).toArray()) // [[1], [2]]
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const mask = options.mask ? nodeOf(operation, options.mask) : null;
  const given = { q: floatOf(operation, q), k: floatOf(operation, k), v: nodeOf(operation, v), mask };
  const operands: Operands = { ...given, draws: drawsFor(given, options) };
  const own: Options = { causal: options.causal === true, scale: options.scale, mask };
  if (isLong(operands, own.causal)) return new Tensor(inBlocks(operands, own));
  const weights = weightsOf(products(operands.q, operands.k), operands.q.shape.at(-1) ?? 1, own, 0);
  return new Tensor(weighted(kept(weights, operands.draws, 0), operands.v));
}
