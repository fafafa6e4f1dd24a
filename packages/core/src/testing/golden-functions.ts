// Which of our functions answers to which name in the goldens, and how their attributes translate.

import * as activation from "../functions/activation.ts";
import * as adaptivePool from "../functions/adaptive-pool.ts";
import * as arithmetic from "../functions/arithmetic.ts";
import * as attention from "../functions/attention.ts";
import * as compare from "../functions/compare.ts";
import * as conv from "../functions/conv.ts";
import * as create from "../functions/create.ts";
import * as cumulative from "../functions/cumulative.ts";
import * as distance from "../functions/distance.ts";
import * as einsum from "../functions/einsum.ts";
import * as exponential from "../functions/exponential.ts";
import * as gather from "../functions/gather.ts";
import * as image from "../functions/image.ts";
import * as join from "../functions/join.ts";
import * as matmul from "../functions/matmul.ts";
import * as normalize from "../functions/normalize.ts";
import * as pad from "../functions/pad.ts";
import * as pool from "../functions/pool.ts";
import * as reduce from "../functions/reduce.ts";
import * as select from "../functions/select.ts";
import * as shape from "../functions/shape.ts";
import * as softmax from "../functions/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";

const ct = {
  ...image,
  ...distance,
  ...cumulative,
  ...adaptivePool,
  ...activation,
  ...arithmetic,
  ...attention,
  ...compare,
  ...conv,
  ...create,
  ...einsum,
  ...exponential,
  ...gather,
  ...join,
  ...matmul,
  ...normalize,
  ...pad,
  ...pool,
  ...reduce,
  ...select,
  ...shape,
  ...softmax,
};

/** The attributes in the goldens: each operation has those that its documentation there names, of these types. */
export interface GoldenAttributes {
  readonly align_corners: boolean;
  readonly alpha: number;
  readonly axis: number;
  readonly axes: readonly number[];
  readonly axis0: number;
  readonly axis1: number;
  readonly ceil_mode: boolean;
  readonly beta: number;
  readonly causal: boolean;
  readonly count_include_pad: boolean;
  readonly dilation: readonly number[];
  readonly end: number;
  readonly eps: number;
  readonly equation: string;
  readonly exponent: number;
  readonly groups: number;
  readonly k: number;
  readonly kernel: readonly number[];
  readonly largest: boolean;
  readonly m: number;
  readonly mode: pad.PadMode;
  readonly momentum: number;
  readonly n: number;
  readonly normalized_shape: readonly number[];
  readonly num: number;
  readonly num_classes: number;
  readonly output_padding: readonly number[];
  readonly output_size: readonly number[];
  readonly p: number;
  readonly padding: readonly number[] | "same";
  readonly padding_idx: number | null;
  readonly r: number;
  readonly repeats: readonly number[];
  readonly reps: readonly number[];
  readonly scale: number | null;
  readonly shape: readonly number[];
  readonly shifts: readonly number[];
  readonly size: number | readonly number[];
  readonly sizes: readonly number[];
  readonly slices: readonly shape.Range[];
  readonly start: number;
  readonly step: number;
  readonly stop: number;
  readonly stride: readonly number[];
  readonly training: boolean;
  readonly value: number | string | null;
  readonly widths: readonly (readonly [number, number])[];
}

type Attributes = GoldenAttributes;
type GoldenFunction = (inputs: readonly Tensor[], attrs: Attributes) => Tensor | readonly Tensor[];

/** A list of inputs that is never short: the goldens say how many each operation has. */
type Inputs = readonly [Tensor, Tensor, Tensor, Tensor, Tensor];

const of =
  (build: (x: Inputs, attrs: Attributes) => Tensor | readonly Tensor[]): GoldenFunction =>
  (inputs, attrs) =>
    build(inputs as Inputs, attrs);

const unary = (f: (x: Tensor) => Tensor): GoldenFunction => of(([x]) => f(x));
const binary = (f: (a: Tensor, b: Tensor) => Tensor): GoldenFunction => of(([a, b]) => f(a, b));
const withOptions = (f: (x: Tensor, options: never) => Tensor): GoldenFunction =>
  of(([x], attrs) => f(x, attrs as never));

/** null means all axes there, and a missing one here. */
const reduction = (f: (x: Tensor, options: never) => Tensor): GoldenFunction =>
  of(([x], attrs) => {
    const { axis, ...rest }: { readonly axis: unknown } = attrs;
    return f(x, (axis === null ? rest : attrs) as never);
  });

const convolution = (f: typeof ct.conv2d): GoldenFunction =>
  of(([x, w, bias], attrs) => f(x, w, { ...attrs, bias: bias ?? null }));

const convTranspose = (f: typeof ct.convTranspose2d): GoldenFunction =>
  of(([x, w, bias], { padding, output_padding, ...attrs }) =>
    f(x, w, { ...attrs, padding: padding === "same" ? 0 : padding, outputPadding: output_padding, bias: bias ?? null }),
  );

const pooling = (f: (x: Tensor, kernel: readonly number[], options: never) => Tensor): GoldenFunction =>
  of(([x], { kernel, ceil_mode, count_include_pad, ...rest }) =>
    f(x, kernel, { ...rest, ceilMode: ceil_mode, countIncludePad: count_include_pad } as never),
  );

/** The operations of the goldens that core has. */
export const goldenFunctions: Readonly<Record<string, GoldenFunction>> = {
  abs: unary(ct.abs),
  acos: unary(ct.acos),
  acosh: unary(ct.acosh),
  adaptive_avg_pool1d: of(([x], { output_size }) => ct.adaptiveAvgPool1d(x, output_size)),
  adaptive_avg_pool2d: of(([x], { output_size }) => ct.adaptiveAvgPool2d(x, output_size)),
  adaptive_max_pool2d: of(([x], { output_size }) => ct.adaptiveMaxPool2d(x, output_size)),
  add: binary(ct.add),
  addmm: of(([c, a, b], attrs) => ct.addmm(c, a, b, attrs as never)),
  all: reduction(ct.all),
  any: reduction(ct.any),
  arange: of((_, { start, stop, step }) => ct.arange(start, stop, step)),
  argmax: reduction(ct.argmax),
  argmin: reduction(ct.argmin),
  argsort: withOptions(ct.argsort),
  asin: unary(ct.asin),
  asinh: unary(ct.asinh),
  atan: unary(ct.atan),
  atan2: binary(ct.atan2),
  atanh: unary(ct.atanh),
  avg_pool1d: pooling(ct.avgPool1d),
  avg_pool2d: pooling(ct.avgPool2d),
  batch_norm: of(([x, mean, variance, weight, bias], attrs) => batchNorm(x, mean, variance, weight, bias, attrs)),
  bilinear: of(([x1, x2, w, b]) => ct.bilinear(x1, x2, w, b)),
  broadcast_to: of(([x], { shape }) => ct.expand(x, shape)),
  cdist: of(([a, b], attrs) => ct.cdist(a, b, attrs)),
  ceil: unary(ct.ceil),
  celu: withOptions(ct.celu),
  clip: withOptions(ct.clamp),
  concat: of((inputs, attrs) => ct.concat(inputs, attrs)),
  conv1d: convolution(ct.conv1d),
  conv2d: convolution(ct.conv2d),
  conv3d: convolution(ct.conv3d),
  conv_transpose1d: convTranspose(ct.convTranspose1d),
  conv_transpose2d: convTranspose(ct.convTranspose2d),
  cos: unary(ct.cos),
  cosh: unary(ct.cosh),
  cosine_similarity: of(([a, b], { axis, eps }) => ct.cosineSimilarity(a, b, { axis, eps })),
  count_nonzero: reduction(ct.countNonzero),
  cummax: of(([x], { axis }) => ct.cummax(x, axis)),
  cumprod: of(([x], { axis }) => ct.cumprod(x, axis)),
  cumsum: of(([x], { axis }) => ct.cumsum(x, axis)),
  diag: withOptions(ct.diag),
  div: binary(ct.div),
  dot: binary(ct.dot),
  einsum: of((inputs, { equation }) => ct.einsum(equation, ...inputs)),
  elu: withOptions(ct.elu),
  embedding: of(([weight, ids], { padding_idx }) => ct.embedding(weight, ids, { paddingIndex: padding_idx })),
  eq: binary(ct.eq),
  erf: unary(ct.erf),
  erfc: unary(ct.erfc),
  exp: unary(ct.exp),
  exp2: unary(ct.exp2),
  expand_dims: of(([x], { axis }) => ct.unsqueeze(x, axis)),
  expm1: unary(ct.expm1),
  eye: of((_, { n, m }) => ct.eye(n, m)),
  flatten: withOptions(ct.flatten),
  flip: of(([x], { axes }) => ct.flip(x, axes)),
  floor: unary(ct.floor),
  floor_divide: binary(ct.floorDivide),
  fmod: binary(ct.fmod),
  gather: of(([x, index], attrs) => ct.gather(x, index, attrs)),
  ge: binary(ct.ge),
  gelu: withOptions(ct.gelu),
  group_norm: of(([x, weight, bias], { groups, eps }) => ct.groupNorm(x, groups, { eps, weight, bias })),
  gt: binary(ct.gt),
  hardsigmoid: unary(ct.hardsigmoid),
  hardswish: unary(ct.hardswish),
  hardtanh: withOptions(ct.hardtanh),
  hypot: binary(ct.hypot),
  index_add: of(([x, index, source], attrs) => ct.indexAdd(x, index, source, attrs)),
  index_nd: of(([x, ...indices]) => ct.at(x, indices)),
  index_select: of(([x, index], attrs) => ct.indexSelect(x, index, attrs)),
  instance_norm: of(([x, weight, bias], { eps }) => ct.instanceNorm(x, { eps, weight, bias })),
  isfinite: unary(ct.isfinite),
  isinf: unary(ct.isinf),
  isnan: unary(ct.isnan),
  layer_norm: of(([x, weight, bias], { normalized_shape, eps }) =>
    ct.layerNorm(x, normalized_shape, { eps, weight, bias }),
  ),
  le: binary(ct.le),
  leaky_relu: withOptions(ct.leakyRelu),
  lerp: of(([a, b, w]) => ct.lerp(a, b, w)),
  linear: of(([x, w, b]) => ct.linear(x, w, b)),
  linspace: of((_, { start, stop, num }) => ct.linspace(start, stop, num)),
  local_response_norm: of(([x], { size, alpha, beta, k }) => ct.localResponseNorm(x, Number(size), { alpha, beta, k })),
  log: unary(ct.log),
  log10: unary(ct.log10),
  log1p: unary(ct.log1p),
  log2: unary(ct.log2),
  log_sigmoid: unary(ct.logSigmoid),
  log_softmax: withOptions(ct.logSoftmax),
  logaddexp: binary(ct.logaddexp),
  logcumsumexp: of(([x], { axis }) => ct.logcumsumexp(x, axis)),
  logical_and: binary(ct.logicalAnd),
  logical_not: unary(ct.logicalNot),
  logical_or: binary(ct.logicalOr),
  logical_xor: binary(ct.logicalXor),
  logsumexp: reduction(ct.logsumexp),
  lt: binary(ct.lt),
  masked_fill: of(([x, mask], { value }) => ct.maskedFill(x, mask, Number(value))),
  matmul: binary(ct.matmul),
  max: reduction(ct.max),
  max_pool1d: pooling(ct.maxPool1d),
  max_pool2d: pooling(ct.maxPool2d),
  maximum: binary(ct.maximum),
  mean: reduction(ct.mean),
  min: reduction(ct.min),
  minimum: binary(ct.minimum),
  mish: unary(ct.mish),
  mul: binary(ct.mul),
  ne: binary(ct.ne),
  neg: unary(ct.neg),
  norm: reduction(ct.norm),
  normalize: withOptions(ct.normalize),
  one_hot: of(([ids], { num_classes }) => ct.oneHot(ids, num_classes)),
  outer: binary(ct.outer),
  pad: of(([x], { mode, value, widths }) =>
    ct.pad(x, widths, value === null ? { mode } : { mode, value: Number(value) }),
  ),
  permute: of(([x], { axes }) => ct.permute(x, axes)),
  pixel_shuffle: of(([x], { r }) => ct.pixelShuffle(x, r)),
  pow: binary(ct.pow),
  pow_scalar: of(([x], { exponent }) => ct.pow(x, exponent)),
  prelu: of(([x, weight]) => ct.prelu(x, weight)),
  prod: reduction(ct.prod),
  reciprocal: unary(ct.reciprocal),
  relu: unary(ct.relu),
  relu6: unary(ct.relu6),
  remainder: binary(ct.remainder),
  repeat_interleave: of(([x], { repeats, axis }) => ct.repeatInterleave(x, repeats, { axis })),
  reshape: of(([x], { shape }) => ct.reshape(x, shape)),
  rms_norm: of(([x, weight], { eps }) => ct.rmsNorm(x, { weight, eps })),
  roll: of(([x], { shifts, axes }) => ct.roll(x, shifts, axes)),
  round: unary(ct.round),
  rsqrt: unary(ct.rsqrt),
  scatter: of(([x, index, source], attrs) => ct.scatter(x, index, source, attrs)),
  scatter_add: of(([x, index, source], attrs) => ct.scatterAdd(x, index, source, attrs)),
  sdpa: of(([q, k, v, mask], { causal, scale }) =>
    ct.scaledDotProductAttention(q, k, v, { causal, mask: mask ?? null, ...(scale === null ? {} : { scale }) }),
  ),
  selu: unary(ct.selu),
  sigmoid: unary(ct.sigmoid),
  sign: unary(ct.sign),
  silu: unary(ct.silu),
  sin: unary(ct.sin),
  sinh: unary(ct.sinh),
  slice: of(([x], { slices }) => ct.slice(x, slices)),
  softmax: withOptions(ct.softmax),
  softmin: withOptions(ct.softmin),
  softplus: withOptions(ct.softplus),
  softsign: unary(ct.softsign),
  sort: of(([x], attrs) => {
    const { values, indices } = ct.sort(x, attrs);
    return [values, indices];
  }),
  split: of(([x], { axis, sizes }) => ct.split(x, sizes, { axis })),
  sqrt: unary(ct.sqrt),
  square: unary(ct.square),
  squeeze: of(([x], { axis }) => ct.squeeze(x, axis)),
  stack: of((inputs, attrs) => ct.stack(inputs, attrs)),
  std: reduction(ct.std),
  sub: binary(ct.sub),
  sum: reduction(ct.sum),
  tan: unary(ct.tan),
  tanh: unary(ct.tanh),
  tile: of(([x], { reps }) => ct.tile(x, reps)),
  topk: of(([x], { k, axis, largest }) => {
    const { values, indices } = ct.topk(x, k, { axis, largest });
    return [values, indices];
  }),
  trace: unary(ct.trace),
  transpose: of(([x], { axis0, axis1 }) => ct.transpose(x, axis0, axis1)),
  tril: withOptions(ct.tril),
  triu: withOptions(ct.triu),
  trunc: unary(ct.trunc),
  unfold2d: of(([x], { kernel, stride, padding, dilation }) =>
    ct.unfold(x, kernel, { stride, dilation, padding: padding === "same" ? 0 : padding }),
  ),
  unstack: of(([x], attrs) => ct.unstack(x, attrs)),
  upsample_bilinear: of(([x], { size, align_corners }) =>
    ct.interpolate(x, { size, mode: "linear", alignCorners: align_corners }),
  ),
  upsample_nearest: of(([x], { size }) => ct.interpolate(x, { size })),
  var: reduction(ct.variance),
  where: of(([condition, a, b]) => ct.where(condition, a, b)),
};

/** In training: the result and the running moments after it; otherwise the result alone. */
function batchNorm(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  { training, momentum, eps }: Attributes,
): Tensor | readonly Tensor[] {
  const learned = { weight: weight ?? null, bias: bias ?? null, eps };
  if (!training) return ct.batchNorm(x, { mean, variance }, learned);
  const moments = ct.batchMoments(x);
  const count = x.size / moments.mean.size;
  const unbiased = moments.variance.mul(count / (count - 1));
  const step = (old: Tensor, now: Tensor): Tensor => ct.lerp(old, now, momentum);
  return [ct.batchNorm(x, moments, learned), step(mean, moments.mean), step(variance, unbiased)];
}

/** Losses, layers and cells, which their own packages hold against the goldens. */
export const otherPackages: readonly string[] = [
  "bce_loss",
  "bce_with_logits",
  "cosine_embedding_loss",
  "cross_entropy",
  "ctc_loss",
  "dropout",
  "gaussian_nll_loss",
  "gru",
  "gru_cell",
  "hinge_embedding_loss",
  "huber_loss",
  "kl_div",
  "l1_loss",
  "lstm",
  "lstm_cell",
  "margin_ranking_loss",
  "mse_loss",
  "multi_margin_loss",
  "multihead_attention",
  "nll_loss",
  "poisson_nll_loss",
  "rnn",
  "rnn_cell",
  "smooth_l1_loss",
  "soft_margin_loss",
  "transformer_encoder_layer",
  "triplet_margin_loss",
];

/** Operations of the goldens that core does not have yet. */
export const notThereYet: readonly string[] = [];
