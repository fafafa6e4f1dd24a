// The public face of @cotangent/nn.
export * from "./activation.ts";
export {
  type Attended,
  type AttentionMasks,
  MultiheadAttention,
  type MultiheadAttentionOptions,
} from "./attention.ts";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./batch-norm.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeOptions,
  type PerAxis,
} from "./conv.ts";
export { accuracy, type CrossEntropyOptions, crossEntropy, type NLLOptions, nllLoss } from "./cross-entropy.ts";
export { type CTCOptions, ctcLoss } from "./ctc-loss.ts";
export { CosineSimilarity, PairwiseDistance } from "./distance.ts";
export {
  AlphaDropout,
  Dropout,
  Dropout1d,
  Dropout2d,
  Dropout3d,
  type DropoutOptions,
  FeatureAlphaDropout,
} from "./dropout.ts";
export { type Bags, Embedding, EmbeddingBag, type EmbeddingBagOptions, type EmbeddingOptions } from "./embedding.ts";
export { Flatten, Unflatten } from "./flatten.ts";
export { functionalCall } from "./functional-call.ts";
export { ChannelShuffle, Fold, PixelShuffle, PixelUnshuffle, Unfold, Upsample } from "./image.ts";
export type { InitOptions } from "./init.ts";
export * as init from "./init.ts";
export { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, type InstanceNormOptions } from "./instance-norm.ts";
export { GroupNorm, LayerNorm, LocalResponseNorm, type NormOptions, RMSNorm } from "./layer-norm.ts";
export { Bilinear, Identity, Linear } from "./linear.ts";
export { bce, bceWithLogits, huberLoss, klDiv, l1Loss, mse, smoothL1Loss } from "./losses.ts";
export { type Member, Module } from "./module.ts";
export * from "./pad.ts";
export { Parameter } from "./parameter.ts";
export * from "./pool.ts";
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
export {
  type DecoderMasks,
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
  type TransformerMasks,
  type TransformerOptions,
} from "./transformer.ts";
