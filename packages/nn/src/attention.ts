// Multi-head attention.
import {
  ArgumentError,
  arange,
  type Generator,
  linear,
  live,
  logicalAnd,
  logicalNot,
  matmul,
  narrow,
  ShapeError,
  scaledDotProductAttention,
  softmax,
  type Tensor,
  unsqueeze,
  where,
  zeros,
} from "@cotangent/core";
import { checkCounts, checkLastAxis, showShape } from "./arguments.ts";
import { Dropout } from "./dropout.ts";
import { type InitOptions, xavierUniform } from "./init.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface AttentionMasks {
  /** Position t attends to positions 0 to t only. */
  readonly causal?: boolean;
  /** bool `[batch, S]`: true for keys that nobody attends to. */
  readonly keyPaddingMask?: Tensor | null;
  /** Broadcasts to `[batch, heads, T, S]`: bool, true where attention is allowed; or floats that are added to the scores. */
  readonly mask?: Tensor | null;
}

export interface MultiheadAttentionOptions extends InitOptions {
  /** Whether projections have biases, true by default. */
  readonly bias?: boolean;
  /** The probability with which an attention weight is left out while training, 0 by default. */
  readonly dropout?: number;
}

/** What attention gives, and the weights it took: their mean over the heads. */
export interface Attended {
  /** `[batch, T, embedDim]` */
  readonly output: Tensor;
  /** `[batch, T, S]` */
  readonly weights: Tensor;
}

/**
 * Attention by several heads, each in its own projection of queries, keys and values (Vaswani et al., 2017). The batch comes first.
 * Parameters have PyTorch's names.
 * @param embedDim size of queries, keys, values and results
 * @param numHeads divides embedDim
 * @throws {ArgumentError} `MultiheadAttention: expected numHeads that divides 6, got 4`
 * @example new MultiheadAttention(8, 2).forward(zeros([3, 5, 8])).shape // [3, 5, 8]
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  /** [3·embedDim, embedDim]: rows for queries, keys, values */
  readonly inProjWeight: Parameter;
  /** [3·embedDim] */
  readonly inProjBias: Parameter | null;
  readonly outProj: Linear;
  readonly dropout: Dropout;
  private readonly draws: { readonly generator?: Generator };

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    checkCounts("MultiheadAttention", { embedDim, numHeads });
    if (embedDim % numHeads !== 0)
      throw new ArgumentError(`MultiheadAttention: expected numHeads that divides ${embedDim}, got ${numHeads}`);
    const { bias = true, dropout = 0, generator, dtype, device } = options;
    const init: InitOptions = { ...(generator && { generator }), ...(dtype && { dtype }), ...(device && { device }) };
    const place = { ...(dtype && { dtype }), ...(device && { device }) };
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.inProjWeight = new Parameter(xavierUniform([3 * embedDim, embedDim], init));
    this.inProjBias = bias ? new Parameter(zeros([3 * embedDim], place)) : null;
    this.outProj = new Linear(embedDim, embedDim, { ...init, bias });
    if (this.outProj.bias) this.outProj.bias.assign(zeros([embedDim], place));
    this.draws = generator ? { generator } : {};
    this.dropout = new Dropout(dropout, this.draws);
  }

  /** Attention of a sequence to itself, or of queries to keys and values. The weights of long sequences are never in memory together. */
  override forward(query: Tensor, key: Tensor = query, value: Tensor = key, masks: AttentionMasks = {}): Tensor {
    const { dropout } = this;
    const [q, k, v] = this.heads(query, key, value);
    const { causal = false, mask } = masks;
    const allowed = allowedIn(q, k, { ...masks, causal: false });
    const scoresMask = mask && mask.dtype !== "bool" ? forbidden(allowed, mask) : allowed;
    const { drops, p } = live(() => ({ drops: dropout.training && dropout.p > 0, p: dropout.p }), {
      dtype: q.dtype,
      device: q.device,
    });
    const left = drops ? { dropoutP: p, ...this.draws } : {};
    return this.joined(scaledDotProductAttention(q, k, v, { causal, mask: scoresMask, ...left }));
  }

  /** As `forward`, with the attention weights. */
  attend(query: Tensor, key: Tensor = query, value: Tensor = key, masks: AttentionMasks = {}): Attended {
    const [q, k, v] = this.heads(query, key, value);
    const scores = matmul(q, k.transpose()).mul(Math.sqrt(this.numHeads / this.embedDim));
    const { mask } = masks;
    const added = mask && mask.dtype !== "bool" ? scores.add(mask) : scores;
    const weights = softmax(forbidden(allowedIn(q, k, masks), added));
    return { output: this.joined(matmul(this.dropout.forward(weights), v)), weights: weights.mean({ axis: 1 }) };
  }

  /** [batch, heads, length, embedDim / heads] each. */
  private heads(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    const { embedDim, numHeads } = this;
    for (const x of [query, key, value]) {
      if (x.rank !== 3)
        throw new ShapeError(`MultiheadAttention: expected [batch, T, ${embedDim}], got ${showShape(x.shape)}`);
      checkLastAxis("MultiheadAttention", x.shape, embedDim);
    }
    const projected = (x: Tensor, part: number): Tensor => {
      const [batch = 0, length = 0] = x.shape;
      const weight = narrow(this.inProjWeight, 0, part * embedDim, embedDim);
      const bias = this.inProjBias && narrow(this.inProjBias, 0, part * embedDim, embedDim);
      return linear(x, weight, bias)
        .reshape([batch, length, numHeads, embedDim / numHeads])
        .permute([0, 2, 1, 3]);
    };
    return [projected(query, 0), projected(key, 1), projected(value, 2)];
  }

  /** What the heads found, side by side, and its projection. */
  private joined(mixed: Tensor): Tensor {
    const [batch = 0, , length = 0] = mixed.shape;
    return this.outProj.forward(mixed.permute([0, 2, 1, 3]).reshape([batch, length, this.embedDim]));
  }

  override toString(): string {
    return `MultiheadAttention(${this.embedDim}, ${this.numHeads})`;
  }
}

/** bool, true where queries may attend to keys; null where everywhere. */
function allowedIn(queries: Tensor, keys: Tensor, { causal, keyPaddingMask, mask }: AttentionMasks): Tensor | null {
  const [, , t = 0] = queries.shape;
  const [, , s = 0] = keys.shape;
  const order = { dtype: "int32", device: keys.device } as const;
  let allowed: Tensor | null = causal ? unsqueeze(arange(t, order), 1).ge(arange(s, order)) : null;
  const allow = (other: Tensor): void => {
    allowed = allowed ? logicalAnd(allowed, other) : other;
  };
  if (keyPaddingMask) {
    const [batch = 0] = keyPaddingMask.shape;
    allow(logicalNot(keyPaddingMask).reshape([batch, 1, 1, s]));
  }
  if (mask?.dtype === "bool") allow(mask);
  return allowed;
}

/** −∞ where attention is not allowed. */
const forbidden = (allowed: Tensor | null, scores: Tensor): Tensor =>
  allowed ? where(allowed, scores, Number.NEGATIVE_INFINITY) : scores;
