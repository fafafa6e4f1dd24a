// Vectors for ids.
import {
  ArgumentError,
  arange,
  embedding,
  indexAdd,
  logicalAnd,
  maximum,
  ne,
  oneHot,
  type Shape,
  ShapeError,
  searchsorted,
  type Tensor,
  transpose,
  unsqueeze,
  where,
  zeros,
} from "@cotangent/core";
import { checkCounts, showShape } from "./arguments.ts";
import { type InitOptions, normal } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import type { ShapeRule } from "./shape-rules.ts";

type Embedded<S, Size extends number> = S extends Shape ? readonly [...S, Size] : Shape;

interface EmbeddingShapes<Size extends number> extends ShapeRule {
  readonly output: Embedded<this["input"], Size>;
}

export interface EmbeddingOptions extends InitOptions {
  /** An id whose vector starts as zeros and gets no gradient. */
  readonly paddingIdx?: number;
}

/**
 * A vector for each id, from a table that is learned; standard normal at first. For vectors that stay short (PyTorch's `maxNorm`),
 * `weight.assign(renorm(weight, 1))` after each step.
 * @param count how many ids there are
 * @param size length of each vector
 * @throws {IndexError} when it is computed, for an id outside of 0 … count − 1
 * @example new Embedding(1000, 64).forward(tensor([[1, 2, 3]], { dtype: "int32" })).shape // [1, 3, 64]
 */
export class Embedding<Size extends number = number> extends Module {
  declare readonly shapeRule: EmbeddingShapes<Size>;
  /** [count, size] */
  readonly weight: Parameter;
  readonly paddingIdx: number | null;

  constructor(count: number, size: Size, options: EmbeddingOptions = {}) {
    super();
    checkCounts("Embedding", { count, size });
    this.paddingIdx = checkPadding("Embedding", count, options);
    this.weight = new Parameter(initialTable(count, size, this.paddingIdx, options));
  }

  override forward<S extends Shape>(ids: Tensor<S>): Tensor<readonly [...S, Size]>;
  override forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids, { paddingIndex: this.paddingIdx });
  }

  override toString(): string {
    return `Embedding(${this.weight.shape.join(", ")})`;
  }
}

export interface EmbeddingBagOptions extends InitOptions {
  /** What a bag's vectors come to, "mean" by default. */
  readonly mode?: "sum" | "mean" | "max";
  /** An id that counts for nothing, whose vector starts as zeros and gets no gradient. */
  readonly paddingIdx?: number;
  /** Whether offsets end with N, where the last bag ends; false by default. */
  readonly includeLastOffset?: boolean;
}

export interface Bags {
  /**
   * int32 `[bags]`, or `[bags + 1]` with `includeLastOffset`: where each bag begins among ids `[N]`. The first is 0, and they
   * ascend.
   */
  readonly offsets?: Tensor | null;
  /** What each vector is multiplied by before it is added up, of the ids' shape; for the mode "sum". */
  readonly perSampleWeights?: Tensor | null;
}

/**
 * One vector for each bag of ids: the sum, mean or maximum of theirs. Bags are rows of ids `[bags, length]`, or pieces of
 * ids `[N]`. A bag of none comes to zeros.
 * @param count how many ids there are
 * @param size length of each vector
 * @returns from `forward`: `[bags, size]`
 * @throws {ArgumentError} `EmbeddingBag: expected offsets beside ids of shape [3], got none`
 * @throws {IndexError} when it is computed, for an id outside of 0 … count − 1, or one outside of all bags
 * @example new EmbeddingBag(1000, 64).forward(tensor([[1, 2, 3]], { dtype: "int32" })).shape // [1, 64]
 */
export class EmbeddingBag extends Module {
  /** [count, size] */
  readonly weight: Parameter;
  readonly mode: "sum" | "mean" | "max";
  readonly paddingIdx: number | null;
  readonly includeLastOffset: boolean;

  constructor(count: number, size: number, options: EmbeddingBagOptions = {}) {
    super();
    checkCounts("EmbeddingBag", { count, size });
    const { mode = "mean" } = options;
    if (!["sum", "mean", "max"].includes(mode))
      throw new ArgumentError(`EmbeddingBag: expected mode sum, mean or max, got ${mode}`);
    this.mode = mode;
    this.paddingIdx = checkPadding("EmbeddingBag", count, options);
    this.includeLastOffset = options.includeLastOffset ?? false;
    this.weight = new Parameter(initialTable(count, size, this.paddingIdx, options));
  }

  override forward(ids: Tensor, { offsets = null, perSampleWeights = null }: Bags = {}): Tensor {
    this.check(ids, offsets, perSampleWeights);
    const { weight, mode, paddingIdx } = this;
    const { device } = weight;
    const order = { dtype: "int32", device } as const;
    const [count = 0] = ids.shape;
    const size = weight.shape[1] ?? 0;
    const bags = offsets ? (offsets.shape[0] ?? 0) - Number(this.includeLastOffset) : count;
    const rows = embedding(weight, ids, { paddingIndex: paddingIdx });
    // No id is −1: all count where there is no padding.
    const counts = ne(ids, paddingIdx ?? -1);
    const bagOf = offsets && searchsorted(offsets, arange(count, order), { right: true }).sub(1);
    if (mode === "max") {
      if (ids.size === 0) return zeros([bags, size], { dtype: weight.dtype, device });
      const isIn = bagOf ? logicalAnd(transpose(oneHot(bagOf, bags)), counts) : counts;
      const largest = where(unsqueeze(isIn, -1), rows, Number.NEGATIVE_INFINITY).max({ axis: 1 });
      return where(isIn.to("int32").max({ axis: 1, keepdims: true }).gt(0), largest, 0);
    }
    const total = (x: Tensor): Tensor =>
      bagOf
        ? indexAdd(zeros([bags, ...x.shape.slice(1)], { dtype: x.dtype, device }), bagOf, x)
        : (x.sum({ axis: 1 }) as Tensor);
    const weighted = perSampleWeights ? rows.mul(unsqueeze(perSampleWeights, -1)) : rows;
    const sum = total(where(unsqueeze(counts, -1), weighted, 0));
    return mode === "sum" ? sum : sum.div(unsqueeze(maximum(total(counts.to(weight.dtype)), 1), -1));
  }

  private check(ids: Tensor, offsets: Tensor | null, perSampleWeights: Tensor | null): void {
    const shape = showShape(ids.shape);
    if (ids.rank !== 1 && ids.rank !== 2)
      throw new ShapeError(`EmbeddingBag: expected ids [bags, length] or [N], got ${shape}`);
    if (offsets ? ids.rank === 2 : ids.rank === 1)
      throw new ArgumentError(
        `EmbeddingBag: expected ${offsets ? "no " : ""}offsets beside ids of shape ${shape}, got ${offsets ? "some" : "none"}`,
      );
    if (offsets && (offsets.rank !== 1 || (this.includeLastOffset && offsets.size === 0)))
      throw new ShapeError(
        `EmbeddingBag: expected offsets [bags${this.includeLastOffset ? " + 1" : ""}], got ${showShape(offsets.shape)}`,
      );
    if (!perSampleWeights) return;
    if (this.mode !== "sum")
      throw new ArgumentError(`EmbeddingBag: expected perSampleWeights with mode sum alone, got ${this.mode}`);
    if (showShape(perSampleWeights.shape) !== shape)
      throw new ShapeError(
        `EmbeddingBag: expected perSampleWeights of shape ${shape}, got ${showShape(perSampleWeights.shape)}`,
      );
  }

  override toString(): string {
    return `EmbeddingBag(${this.weight.shape.join(", ")})`;
  }
}

function checkPadding(
  name: string,
  count: number,
  { paddingIdx = null }: { paddingIdx?: number | null },
): number | null {
  if (paddingIdx !== null && !(Number.isInteger(paddingIdx) && paddingIdx >= 0 && paddingIdx < count))
    throw new ArgumentError(`${name}: expected paddingIdx from 0 to ${count - 1}, got ${paddingIdx}`);
  return paddingIdx;
}

function initialTable(count: number, size: number, paddingIdx: number | null, options: InitOptions): Tensor {
  const table = normal([count, size], options);
  if (paddingIdx === null) return table;
  const row = arange(count, { dtype: "int32", device: table.device }).reshape([count, 1]);
  return where(ne(row, paddingIdx), table, 0);
}
