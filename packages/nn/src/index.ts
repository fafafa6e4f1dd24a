// The public face of @cotangent/nn.
export * from "./activation.ts";
export {
  type Attended,
  type AttentionMasks,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  TransformerEncoderLayer,
  type TransformerEncoderLayerOptions,
} from "./attention.ts";
export { BatchNorm1d, BatchNorm2d, type BatchNormOptions } from "./batch-norm.ts";
export { Conv1d, Conv2d, Conv3d, type ConvOptions, type PerAxis } from "./conv.ts";
export { accuracy, type CrossEntropyOptions, crossEntropy, type NLLOptions, nllLoss } from "./cross-entropy.ts";
export { type CTCOptions, ctcLoss } from "./ctc-loss.ts";
export { Dropout, Dropout2d, type DropoutOptions } from "./dropout.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { Flatten } from "./flatten.ts";
export { functionalCall } from "./functional-call.ts";
export type { InitOptions } from "./init.ts";
export * as init from "./init.ts";
export { GroupNorm, LayerNorm, type NormOptions, RMSNorm } from "./layer-norm.ts";
export { Linear } from "./linear.ts";
export { bce, bceWithLogits, huberLoss, klDiv, l1Loss, mse, smoothL1Loss } from "./losses.ts";
export { type Member, Module } from "./module.ts";
export { Parameter } from "./parameter.ts";
export { AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d } from "./pool.ts";
export * from "./ranking-losses.ts";
export {
  GRU,
  GRUCell,
  LSTM,
  LSTMCell,
  type Recurrent,
  type RecurrentOptions,
  RNN,
  RNNCell,
  type States,
} from "./recurrent.ts";
export type { Reduction, ReductionOptions } from "./reduction.ts";
export { type Layer, Sequential } from "./sequential.ts";
export type { SameShape, ShapeRule } from "./shape-rules.ts";
export type { KeyDifference, StateDict } from "./state.ts";
export type { Summary, SummaryOptions, SummaryRow } from "./summary.ts";
