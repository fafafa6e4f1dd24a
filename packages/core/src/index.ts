// The public face of @cotangent/core.
export type { DType, TypedArray } from "./base/dtype.ts";
export {
  ArgumentError,
  AxisError,
  CotangentError,
  DeviceError,
  DTypeError,
  GraphError,
  IndexError,
  LinAlgError,
  ShapeError,
} from "./base/errors.ts";
export type { Shape } from "./base/shape.ts";
export type { Broadcast, LinearOutput, MatMul, Reduced, ShapeMismatch } from "./base/shape-types.ts";
export { type EngineStatistics, engineStatistics } from "./engine/engine.ts";
export { effect } from "./engine/trace.ts";
export * from "./functions/activation.ts";
export * from "./functions/adaptive-pool.ts";
export * from "./functions/arithmetic.ts";
export { type AttentionOptions, scaledDotProductAttention } from "./functions/attention.ts";
export * from "./functions/check-index.ts";
export { checkpoint } from "./functions/checkpoint.ts";
export * from "./functions/compare.ts";
export { compile } from "./functions/compile.ts";
export {
  complex,
  complexAbs,
  complexAngle,
  complexConj,
  complexDiv,
  complexExp,
  complexMul,
  imag,
  polar,
  real,
} from "./functions/complex.ts";
export { cond, type ScanOptions, scan } from "./functions/control.ts";
export {
  type ConvOptions,
  type ConvPadding,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from "./functions/conv.ts";
export type { Randomness } from "./functions/copies.ts";
export {
  arange,
  type CreateOptions,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from "./functions/create.ts";
export * from "./functions/cumulative.ts";
export { customJvp, customVjp, type Gradients } from "./functions/custom.ts";
export * from "./functions/distance.ts";
export * from "./functions/distributions.ts";
export { Generator, manualSeed, type RandomOptions } from "./functions/draw.ts";
export { einsum } from "./functions/einsum.ts";
export * from "./functions/evaluate.ts";
export {
  type ExplainedDerivative,
  type ExplainedVariable,
  type Explanation,
  explain,
} from "./functions/explain.ts";
export { explainPlan } from "./functions/explain-plan.ts";
export * from "./functions/exponential.ts";
export * from "./functions/fourier.ts";
export * from "./functions/gather.ts";
export { affineGrid, type GridSampleOptions, gridSample } from "./functions/grid-sample.ts";
export * from "./functions/grids.ts";
export {
  channelShuffle,
  fold,
  type InterpolateOptions,
  interpolate,
  pixelShuffle,
  pixelUnshuffle,
  type UnfoldOptions,
  unfold,
} from "./functions/image.ts";
export * from "./functions/indexing.ts";
export {
  type AtPositions,
  type Blocks,
  hessian,
  hvp,
  type Jacobian,
  type JacobianOptions,
  jacobian,
} from "./functions/jacobian.ts";
export { blockDiag, concat, repeatInterleave, roll, split, stack, tile, unstack } from "./functions/join.ts";
export {
  cholesky,
  choleskySolve,
  det,
  eigh,
  eigvalsh,
  inv,
  inverse,
  type LeastSquares,
  type Lu,
  type LuFactors,
  logdet,
  lstsq,
  lu,
  luFactor,
  luSolve,
  matrixRank,
  pinv,
  qr,
  type SignedLogarithm,
  slogdet,
  solve,
  solveTriangular,
  svd,
  svdvals,
  type TriangularOptions,
} from "./functions/linalg.ts";
export { linearize } from "./functions/linearize.ts";
export { type Live, type LiveOptions, live } from "./functions/live.ts";
export * from "./functions/lp-pool.ts";
export * from "./functions/matmul.ts";
export * from "./functions/matrix.ts";
export { type MaxUnpoolOptions, maxUnpool1d, maxUnpool2d, maxUnpool3d } from "./functions/max-unpool.ts";
export * from "./functions/nan.ts";
export * from "./functions/normalize.ts";
export * from "./functions/order.ts";
export { type PadMode, type PadOptions, pad } from "./functions/pad.ts";
export * from "./functions/pool.ts";
export * from "./functions/products.ts";
export {
  type KernelProfile,
  type PhaseProfile,
  type Profile,
  type ProfileOptions,
  profile,
} from "./functions/profile.ts";
export * from "./functions/random.ts";
export {
  type AxisOptions,
  all,
  any,
  argmax,
  argmin,
  countNonzero,
  logsumexp,
  type MomentOptions,
  max,
  mean,
  min,
  type NormOptions,
  norm,
  normalize,
  prod,
  std,
  sum,
  variance,
} from "./functions/reduce.ts";
export * from "./functions/search.ts";
export * from "./functions/select.ts";
export {
  diag,
  expand,
  flatten,
  flip,
  moveAxis,
  narrow,
  permute,
  type Range,
  reshape,
  select,
  slice,
  squeeze,
  trace,
  transpose,
  tril,
  triu,
  unsqueeze,
} from "./functions/shape.ts";
export { logSoftmax, softmax, softmin } from "./functions/softmax.ts";
export * from "./functions/special.ts";
export { type FrameOptions, type IstftOptions, istft, type StftOptions, stft } from "./functions/stft.ts";
export {
  type GradientAt,
  grad,
  jvp,
  type Positions,
  stopGradient,
  type VmapOptions,
  valueAndGrad,
  vjp,
  vmap,
} from "./functions/transforms.ts";
export { type NamedTensors, type Plain, type Reshapen, standingFor } from "./functions/trees.ts";
export type { Operand } from "./functions/types.ts";
export {
  bartlettWindow,
  blackmanWindow,
  hammingWindow,
  hannWindow,
  kaiserWindow,
  type WindowOptions,
} from "./functions/windows.ts";
export { loadSafetensors, saveSafetensors } from "./io/safetensors.ts";
export { deviceNames, registerDevice, setDefaultDevice } from "./runtime/devices.ts";
export type { MachinePeaks } from "./runtime/wasm/peaks.ts";
export type { BackwardOptions } from "./tensor/backward.ts";
export { type TensorOptions, tensor } from "./tensor/create.ts";
export { StandingUpdate } from "./tensor/standing-update.ts";
export { type ReduceOptions, Tensor } from "./tensor/tensor.ts";
export { type Update, update } from "./tensor/update.ts";
