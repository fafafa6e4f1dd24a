// The public face of @cotangent/nn.
export * from "./activation.ts";
export { accuracy, type CrossEntropyOptions, crossEntropy, type NLLOptions, nllLoss } from "./cross-entropy.ts";
export type { InitOptions } from "./init.ts";
export * as init from "./init.ts";
export { Linear } from "./linear.ts";
export { bce, bceWithLogits, huberLoss, klDiv, l1Loss, mse, smoothL1Loss } from "./losses.ts";
export { type Member, Module } from "./module.ts";
export { Parameter } from "./parameter.ts";
export type { Reduction, ReductionOptions } from "./reduction.ts";
export { type Layer, Sequential } from "./sequential.ts";
export type { SameShape, ShapeRule } from "./shape-rules.ts";
export type { KeyDifference, StateDict } from "./state.ts";
export type { Summary, SummaryOptions, SummaryRow } from "./summary.ts";
