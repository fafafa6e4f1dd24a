// How far two batches of vectors are from each other, as layers.
import { cosineSimilarity, norm, type Tensor } from "@cotangent/core";
import { Module } from "./module.ts";

/** The cosine of the angle between x1 and x2 along `axis`, 1 by default: x1·x2 / (max(|x1|, eps)·max(|x2|, eps)). */
export class CosineSimilarity extends Module {
  readonly axis: number;
  readonly eps: number;
  constructor({ axis = 1, eps = 1e-8 }: { readonly axis?: number; readonly eps?: number } = {}) {
    super();
    this.axis = axis;
    this.eps = eps;
  }
  override forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, { axis: this.axis, eps: this.eps });
  }
}

/** The p-norm of x1 − x2 + eps along the last axis. */
export class PairwiseDistance extends Module {
  readonly p: number;
  readonly eps: number;
  readonly keepdims: boolean;
  constructor({
    p = 2,
    eps = 1e-6,
    keepdims = false,
  }: { readonly p?: number; readonly eps?: number; readonly keepdims?: boolean } = {}) {
    super();
    this.p = p;
    this.eps = eps;
    this.keepdims = keepdims;
  }
  override forward(x1: Tensor, x2: Tensor): Tensor {
    return norm(x1.sub(x2).add(this.eps), { ord: this.p, axis: -1, keepdims: this.keepdims });
  }
}
