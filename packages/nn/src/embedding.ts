// Vectors for ids.
import { ArgumentError, arange, embedding, ne, type Shape, type Tensor, where } from "@cotangent/core";
import { checkCounts } from "./arguments.ts";
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
 * A vector for each id, from a table that is learned; standard normal at first.
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
    const { paddingIdx = null } = options;
    if (paddingIdx !== null && !(Number.isInteger(paddingIdx) && paddingIdx >= 0 && paddingIdx < count))
      throw new ArgumentError(`Embedding: expected paddingIdx from 0 to ${count - 1}, got ${paddingIdx}`);
    this.paddingIdx = paddingIdx;
    this.weight = new Parameter(initialTable(count, size, paddingIdx, options));
  }

  override forward<S extends Shape>(ids: Tensor<S>): Tensor<readonly [...S, Size]>;
  override forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids, { paddingIndex: this.paddingIdx });
  }

  override toString(): string {
    return `Embedding(${this.weight.shape.join(", ")})`;
  }
}

function initialTable(count: number, size: number, paddingIdx: number | null, options: InitOptions): Tensor {
  const table = normal([count, size], options);
  if (paddingIdx === null) return table;
  const row = arange(count, { dtype: "int32", device: table.device }).reshape([count, 1]);
  return where(ne(row, paddingIdx), table, 0);
}
