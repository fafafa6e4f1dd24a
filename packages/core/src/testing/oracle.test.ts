// Cotangent against TensorFlow: values and gradients of what both have. tfjs-node where it is installed, else tfjs in JavaScript.
import util from "node:util";
import type * as tfjs from "@tensorflow/tfjs";
import { afterAll, describe, expect, test } from "vitest";
import type { Shape } from "../base/shape.ts";
import * as ct from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { allclose, type Tolerance } from "./allclose.ts";
import { type SeededOptions, seededValues } from "./seeded-values.ts";

type TensorFlow = typeof tfjs;
type Theirs = tfjs.Tensor;

/** What Node 23 took out of `util` and tfjs-node still calls. */
const formerly = {
  isArray: Array.isArray,
  isBoolean: (x: unknown) => typeof x === "boolean",
  isFunction: (x: unknown) => typeof x === "function",
  isNull: (x: unknown) => x === null,
  isNullOrUndefined: (x: unknown) => x === null || x === undefined,
  isNumber: (x: unknown) => typeof x === "number",
  isObject: (x: unknown) => typeof x === "object" && x !== null,
  isString: (x: unknown) => typeof x === "string",
  isUndefined: (x: unknown) => x === undefined,
};

/** Loads a module without what it prints. */
async function quietly<T>(load: () => Promise<T>): Promise<T> {
  const { warn, info, log } = console;
  Object.assign(console, { warn: () => {}, info: () => {}, log: () => {} });
  try {
    return await load();
  } finally {
    Object.assign(console, { warn, info, log });
  }
}

async function loadOracle(): Promise<{ tf: TensorFlow; name: string }> {
  for (const [key, f] of Object.entries(formerly)) if (!(key in util)) Object.assign(util, { [key]: f });
  try {
    // Not written as a literal: where the optional package is missing, its types are too.
    const native: string = "@tensorflow/tfjs-node";
    const tf: TensorFlow = await quietly(() => import(native));
    return { tf, name: `tfjs-node ${tf.version_core}` };
  } catch {
    const tf = await quietly(async () => {
      const loaded = await import("@tensorflow/tfjs");
      await loaded.setBackend("cpu");
      // It greets at the first operation.
      loaded.exp(0).dispose();
      return loaded;
    });
    return { tf, name: `tfjs ${tf.version_core} in JavaScript, since tfjs-node is not installed` };
  }
}

const { tf, name: oracle } = await loadOracle();

interface Row {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly ours: (...xs: Tensor[]) => Tensor;
  readonly theirs: (...xs: Theirs[]) => Theirs;
  readonly tolerance?: Tolerance;
  /** Why gradients are not compared, where they are not. */
  readonly noGradient?: string;
}

const missing = "TensorFlow.js has no gradient for it";
const discrete = "it has none";

const f32 = (shape: Shape, options: SeededOptions = {}): Tensor => seededValues(shape, options);
const ints = (shape: Shape, options: SeededOptions = {}): Tensor => seededValues(shape, { dtype: "int32", ...options });
const bools = (shape: Shape, seed = 1): Tensor => seededValues(shape, { dtype: "bool", seed });
const positive = { low: 0.2, high: 4 };
const second = { seed: 2 };

type Details = Pick<Row, "tolerance" | "noGradient">;
const row = (
  name: string,
  inputs: readonly Tensor[],
  ours: (...xs: Tensor[]) => Tensor,
  theirs: (...xs: Theirs[]) => Theirs,
  details: Details = {},
): Row => ({ name, inputs, ours, theirs, ...details });

type OfOne = readonly [ours: (x: Tensor) => Tensor, theirs: (x: Theirs) => Theirs, range?: SeededOptions];
type OfTwo = readonly [
  ours: (x: Tensor, y: Tensor) => Tensor,
  theirs: (x: Theirs, y: Theirs) => Theirs,
  range?: SeededOptions,
];

const one = (ours: (x: Tensor) => Tensor) => (x?: Tensor) => ours(x ?? ct.tensor(0));
const two = (ours: (x: Tensor, y: Tensor) => Tensor) => (x?: Tensor, y?: Tensor) =>
  ours(x ?? ct.tensor(0), y ?? ct.tensor(0));
const theirOne = (f: (x: Theirs) => Theirs) => (x?: Theirs) => f(x ?? tf.scalar(0));
const theirTwo = (f: (x: Theirs, y: Theirs) => Theirs) => (x?: Theirs, y?: Theirs) =>
  f(x ?? tf.scalar(0), y ?? tf.scalar(0));

const unary: Record<string, OfOne> = {
  exp: [ct.exp, tf.exp],
  expm1: [ct.expm1, tf.expm1],
  log: [ct.log, tf.log, positive],
  log1p: [ct.log1p, tf.log1p, positive],
  sin: [ct.sin, tf.sin],
  cos: [ct.cos, tf.cos],
  tan: [ct.tan, tf.tan],
  asin: [ct.asin, tf.asin, { low: -0.9, high: 0.9 }],
  acos: [ct.acos, tf.acos, { low: -0.9, high: 0.9 }],
  atan: [ct.atan, tf.atan],
  sinh: [ct.sinh, tf.sinh],
  cosh: [ct.cosh, tf.cosh],
  tanh: [ct.tanh, tf.tanh],
  asinh: [ct.asinh, tf.asinh],
  acosh: [ct.acosh, tf.acosh, { low: 1.2, high: 4 }],
  atanh: [ct.atanh, tf.atanh, { low: -0.9, high: 0.9 }],
  erf: [ct.erf, tf.erf],
  sqrt: [ct.sqrt, tf.sqrt, positive],
  rsqrt: [ct.rsqrt, tf.rsqrt, positive],
  square: [ct.square, tf.square],
  reciprocal: [ct.reciprocal, tf.reciprocal, positive],
  neg: [ct.neg, tf.neg],
  abs: [ct.abs, tf.abs],
  sigmoid: [ct.sigmoid, tf.sigmoid],
  logSigmoid: [ct.logSigmoid, tf.logSigmoid],
  softplus: [ct.softplus, tf.softplus],
  relu: [ct.relu, tf.relu],
  relu6: [ct.relu6, tf.relu6, { low: -3, high: 9 }],
  elu: [ct.elu, tf.elu],
  selu: [ct.selu, tf.selu],
  leakyRelu: [(x) => ct.leakyRelu(x, { slope: 0.2 }), (x) => tf.leakyRelu(x, 0.2)],
  clamp: [(x) => ct.clamp(x, { min: -0.5, max: 0.25 }), (x) => tf.clipByValue(x, -0.5, 0.25)],
  floor: [ct.floor, tf.floor, { low: -3, high: 3 }],
  ceil: [ct.ceil, tf.ceil, { low: -3, high: 3 }],
  round: [ct.round, tf.round, { low: -3, high: 3 }],
  sign: [ct.sign, tf.sign],
  softmax: [ct.softmax, (x) => tf.softmax(x)],
  logSoftmax: [ct.logSoftmax, (x) => tf.logSoftmax(x)],
};

const binary: Record<string, OfTwo> = {
  add: [ct.add, tf.add],
  sub: [ct.sub, tf.sub],
  mul: [ct.mul, tf.mul],
  div: [ct.div, tf.div, positive],
  pow: [ct.pow, tf.pow, positive],
  maximum: [ct.maximum, tf.maximum],
  minimum: [ct.minimum, tf.minimum],
  atan2: [ct.atan2, tf.atan2, positive],
  squaredDifference: [(x, y) => ct.square(ct.sub(x, y)), tf.squaredDifference],
  floorDivide: [ct.floorDivide, tf.floorDiv, { low: 0.5, high: 9 }],
  remainder: [ct.remainder, tf.mod, { low: 0.5, high: 9 }],
};

const comparisons: Record<string, OfTwo> = {
  eq: [ct.eq, tf.equal],
  ne: [ct.ne, tf.notEqual],
  lt: [ct.lt, tf.less],
  le: [ct.le, tf.lessEqual],
  gt: [ct.gt, tf.greater],
  ge: [ct.ge, tf.greaterEqual],
};
const logic: Record<string, OfTwo> = {
  logicalAnd: [ct.logicalAnd, tf.logicalAnd],
  logicalOr: [ct.logicalOr, tf.logicalOr],
  logicalXor: [ct.logicalXor, tf.logicalXor],
};

/** Functions of steps: TensorFlow.js has no gradient for some of them. */
const flat = new Set(["floor", "ceil", "round", "sign", "floorDivide"]);
/** TensorFlow.js throws for the gradients of these where they broadcast. */
const unsummed = new Set(["maximum", "minimum", "squaredDifference"]);

const axes: readonly (number | readonly number[] | undefined)[] = [undefined, 0, 1, -1, [0, 2]];
type Reduction = readonly [
  ours: (x: Tensor, options: { axis?: number | readonly number[]; keepdims?: boolean }) => Tensor,
  theirs: (x: Theirs, axis?: number | number[], keepDims?: boolean) => Theirs,
  details?: Details,
];
const reductions: Record<string, Reduction> = {
  sum: [ct.sum, tf.sum],
  mean: [ct.mean, tf.mean],
  max: [ct.max, tf.max],
  min: [ct.min, tf.min],
  prod: [ct.prod, tf.prod],
  logsumexp: [ct.logsumexp, tf.logSumExp],
  variance: [
    (x, options) => ct.variance(x, { ...options, correction: 0 }),
    (x, axis, keep) => tf.moments(x, axis, keep).variance,
  ],
  norm: [
    ct.norm,
    (x, axis, keep) =>
      axis === undefined ? tf.norm(x.flatten()).reshape(keep ? [1, 1, 1] : []) : tf.norm(x, "euclidean", axis, keep),
  ],
};

// Channels last, as TensorFlow has them, and back.
const turned3 = (x: Theirs, axes: number[]): tfjs.Tensor3D => {
  const y = tf.transpose(x, axes);
  return y.reshape(y.shape as [number, number, number]);
};
const turned4 = (x: Theirs, axes: number[]): tfjs.Tensor4D => {
  const y = tf.transpose(x, axes);
  return y.reshape(y.shape as [number, number, number, number]);
};
const turned5 = (x: Theirs, axes: number[]): tfjs.Tensor5D => {
  const y = tf.transpose(x, axes);
  return y.reshape(y.shape as [number, number, number, number, number]);
};
const channelsLast = (x: Theirs): tfjs.Tensor4D => turned4(x, [0, 2, 3, 1]);
const channelsFirst = (x: Theirs): Theirs => tf.transpose(x, [0, 3, 1, 2]);
const filters = (w: Theirs): tfjs.Tensor4D => turned4(w, [2, 3, 1, 0]);

/** Zeros around the plane: tfjs-node pads only "same" and "valid". */
const margin = (x: tfjs.Tensor4D, width: number): tfjs.Tensor4D =>
  tf.pad(x, [
    [0, 0],
    [width, width],
    [width, width],
    [0, 0],
  ]);

interface TheirConv {
  readonly stride?: number | [number, number];
  readonly padding?: "valid" | "same" | number;
  readonly dilation?: number;
}

const theirConv =
  ({ stride = 1, padding = "valid", dilation = 1 }: TheirConv = {}) =>
  (x: Theirs = tf.scalar(0), w: Theirs = tf.scalar(0)): Theirs => {
    const plane = typeof padding === "number" ? margin(channelsLast(x), padding) : channelsLast(x);
    const mode = padding === "same" ? "same" : "valid";
    return channelsFirst(tf.conv2d(plane, filters(w), stride, mode, "NHWC", dilation));
  };

const convRows: readonly Row[] = [
  row("conv2d", [f32([2, 3, 6, 5]), f32([4, 3, 3, 2], second)], two(ct.conv2d), theirConv()),
  row(
    "conv2d, same",
    [f32([1, 2, 5, 5]), f32([3, 2, 3, 3], second)],
    two((x, w) => ct.conv2d(x, w, { padding: "same" })),
    theirConv({ padding: "same" }),
  ),
  row(
    "conv2d, stride and padding",
    [f32([2, 3, 7, 7]), f32([5, 3, 3, 3], second)],
    two((x, w) => ct.conv2d(x, w, { stride: 2, padding: 1 })),
    theirConv({ stride: 2, padding: 1 }),
  ),
  row(
    "conv2d, strides",
    [f32([1, 1, 9, 8]), f32([2, 1, 3, 3], second)],
    two((x, w) => ct.conv2d(x, w, { stride: [3, 2] })),
    theirConv({ stride: [3, 2] }),
  ),
  row("conv2d, 1 × 1", [f32([2, 8, 5, 3]), f32([7, 8, 1, 1], second)], two(ct.conv2d), theirConv()),
  row(
    "conv2d, dilation",
    [f32([1, 2, 9, 9]), f32([3, 2, 3, 3], second)],
    two((x, w) => ct.conv2d(x, w, { dilation: 2 })),
    theirConv({ dilation: 2 }),
    { noGradient: missing },
  ),
  row(
    "conv2d, depthwise",
    [f32([2, 4, 6, 6]), f32([4, 1, 3, 3], second)],
    two((x, w) => ct.conv2d(x, w, { groups: 4, padding: 1 })),
    theirTwo((x, w) =>
      channelsFirst(tf.depthwiseConv2d(margin(channelsLast(x), 1), turned4(w, [2, 3, 0, 1]), 1, "valid")),
    ),
  ),
  row(
    "convTranspose2d",
    [f32([2, 3, 4, 4]), f32([3, 5, 3, 3], second)],
    two((x, w) => ct.convTranspose2d(x, w, { stride: 2 })),
    theirTwo((x, w) => channelsFirst(tf.conv2dTranspose(channelsLast(x), filters(w), [2, 9, 9, 5], 2, "valid"))),
  ),
  row(
    "conv1d",
    [f32([2, 3, 10]), f32([4, 3, 3], second)],
    two((x, w) => ct.conv1d(x, w, { stride: 2 })),
    theirTwo((x, w) => {
      const sequence = turned3(x, [0, 2, 1]);
      return tf.transpose(tf.conv1d(sequence, turned3(w, [2, 1, 0]), 2, "valid"), [0, 2, 1]);
    }),
  ),
  row(
    "conv3d",
    [f32([1, 2, 4, 5, 3]), f32([3, 2, 2, 2, 2], second)],
    two(ct.conv3d),
    theirTwo((x, w) => {
      const volume = turned5(x, [0, 2, 3, 4, 1]);
      return tf.transpose(tf.conv3d(volume, turned5(w, [2, 3, 4, 1, 0]), 1, "valid"), [0, 4, 1, 2, 3]);
    }),
  ),
  row(
    "maxPool2d",
    [f32([2, 3, 6, 6])],
    one((x) => ct.maxPool2d(x, 2)),
    theirOne((x) => channelsFirst(tf.maxPool(channelsLast(x), 2, 2, "valid"))),
  ),
  row(
    "maxPool2d, overlapping",
    [f32([1, 2, 7, 7])],
    one((x) => ct.maxPool2d(x, 3, { stride: 2 })),
    theirOne((x) => channelsFirst(tf.maxPool(channelsLast(x), 3, 2, "valid"))),
  ),
  row(
    "maxPool2d, padding",
    [f32([1, 2, 7, 7], { low: 0.1, high: 1 })],
    one((x) => ct.maxPool2d(x, 3, { stride: 2, padding: 1 })),
    theirOne((x) => channelsFirst(tf.maxPool(margin(channelsLast(x), 1), 3, 2, "valid"))),
  ),
  row(
    "avgPool2d",
    [f32([2, 3, 6, 6])],
    one((x) => ct.avgPool2d(x, 2)),
    theirOne((x) => channelsFirst(tf.avgPool(channelsLast(x), 2, 2, "valid"))),
  ),
  row(
    "avgPool2d, overlapping",
    [f32([1, 2, 7, 7])],
    one((x) => ct.avgPool2d(x, 3, { stride: 2 })),
    theirOne((x) => channelsFirst(tf.avgPool(channelsLast(x), 3, 2, "valid"))),
  ),
  row(
    "avgPool2d, padding that does not count",
    [f32([1, 2, 7, 7])],
    one((x) => ct.avgPool2d(x, 3, { stride: 2, padding: 1, countIncludePad: false })),
    theirOne((x) => {
      const mean = (plane: tfjs.Tensor4D): Theirs => channelsFirst(tf.avgPool(margin(plane, 1), 3, 2, "valid"));
      return mean(channelsLast(x)).div(mean(channelsLast(tf.onesLike(x))));
    }),
  ),
];

const targets = ct.tensor([2, 0, 4, 1], { dtype: "int32" });
const theirTargets = (): Theirs => tf.oneHot(tf.tensor1d([2, 0, 4, 1], "int32"), 5);
const layers: readonly Row[] = [
  row(
    "cross entropy",
    [f32([4, 5], { low: -3, high: 3 })],
    one((x) => ct.neg(ct.mean(ct.gather(ct.logSoftmax(x), ct.unsqueeze(targets, 1))))),
    theirOne((x) => tf.losses.softmaxCrossEntropy(theirTargets(), x)),
  ),
  row(
    "binary cross entropy of logits",
    [f32([4, 5], { low: -3, high: 3 })],
    one((x) => ct.neg(ct.mean(ct.where(bools([4, 5]), ct.logSigmoid(x), ct.logSigmoid(ct.neg(x)))))),
    theirOne((x) => tf.losses.sigmoidCrossEntropy(tf.tensor([...bools([4, 5]).dataSync()], [4, 5]), x)),
  ),
  row(
    "mean squared error",
    [f32([4, 5]), f32([4, 5], second)],
    two((x, y) => ct.mean(ct.square(ct.sub(x, y)))),
    theirTwo((x, y) => tf.losses.meanSquaredError(x, y)),
  ),
  row(
    "layerNorm",
    [f32([6, 10]), f32([10], positive), f32([10], second)],
    (x = targets, weight = targets, bias = targets) => ct.layerNorm(x, [10], { weight, bias, eps: 1e-5 }),
    (x = tf.scalar(0), weight = tf.scalar(0), bias = tf.scalar(0)) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(weight).add(bias);
    },
  ),
  row(
    "batchNorm by moments of its own",
    [f32([3, 4, 2, 2]), f32([4], positive), f32([4], second)],
    (x = targets, weight = targets, bias = targets) => ct.batchNorm(x, ct.batchMoments(x), { weight, bias, eps: 1e-3 }),
    (x = tf.scalar(0), weight = tf.scalar(0), bias = tf.scalar(0)) => {
      const last = channelsLast(x);
      const { mean, variance } = tf.moments(last, [0, 1, 2]);
      return channelsFirst(
        tf.batchNorm(
          last,
          mean as tfjs.Tensor1D,
          variance as tfjs.Tensor1D,
          bias as tfjs.Tensor1D,
          weight as tfjs.Tensor1D,
          1e-3,
        ),
      );
    },
  ),
  row(
    "a two-layer perceptron",
    [f32([5, 7]), f32([7, 10], second), f32([10], { seed: 3 }), f32([10, 3], { seed: 4 })],
    (x = targets, w = targets, b = targets, v = targets) => ct.matmul(ct.relu(ct.add(ct.matmul(x, w), b)), v),
    (x = tf.scalar(0), w = tf.scalar(0), b = tf.scalar(0), v = tf.scalar(0)) => x.matMul(w).add(b).relu().matMul(v),
  ),
];

const index = ct.tensor([2, 0, 2, 1], { dtype: "int32" });
const theirIndex = (): tfjs.Tensor1D => tf.tensor1d([2, 0, 2, 1], "int32");
const shapes: readonly Row[] = [
  row(
    "reshape",
    [f32([2, 6])],
    one((x) => ct.reshape(x, [3, 4])),
    theirOne((x) => tf.reshape(x, [3, 4])),
  ),
  row(
    "permute",
    [f32([2, 3, 4])],
    one((x) => ct.permute(x, [2, 0, 1])),
    theirOne((x) => tf.transpose(x, [2, 0, 1])),
  ),
  row(
    "expand",
    [f32([3, 1])],
    one((x) => ct.expand(x, [2, 3, 4])),
    theirOne((x) => tf.broadcastTo(x, [2, 3, 4])),
  ),
  row(
    "tile",
    [f32([2, 3])],
    one((x) => ct.tile(x, [2, 3])),
    theirOne((x) => tf.tile(x, [2, 3])),
  ),
  row(
    "slice",
    [f32([5, 6])],
    one((x) =>
      ct.slice(x, [
        [1, 4],
        [2, 5],
      ]),
    ),
    theirOne((x) => tf.slice(x, [1, 2], [3, 3])),
  ),
  row(
    "slice, steps",
    [f32([7, 9])],
    one((x) =>
      ct.slice(x, [
        [0, 7, 2],
        [1, 9, 3],
      ]),
    ),
    theirOne((x) => tf.stridedSlice(x, [0, 1], [7, 9], [2, 3])),
    { noGradient: missing },
  ),
  row(
    "flip",
    [f32([3, 4])],
    one((x) => ct.flip(x, [0, 1])),
    theirOne((x) => tf.reverse(x, [0, 1])),
  ),
  row(
    "pad",
    [f32([2, 3])],
    one((x) =>
      ct.pad(
        x,
        [
          [1, 2],
          [0, 1],
        ],
        { value: 3 },
      ),
    ),
    theirOne((x) =>
      tf.pad(
        x,
        [
          [1, 2],
          [0, 1],
        ],
        3,
      ),
    ),
  ),
  row(
    "pad, reflect",
    [f32([3, 4])],
    one((x) =>
      ct.pad(
        x,
        [
          [1, 2],
          [2, 1],
        ],
        { mode: "reflect" },
      ),
    ),
    theirOne((x) =>
      tf.mirrorPad(
        x,
        [
          [1, 2],
          [2, 1],
        ],
        "reflect",
      ),
    ),
    { noGradient: missing },
  ),
  row(
    "concat",
    [f32([2, 3]), f32([2, 1], second)],
    two((x, y) => ct.concat([x, y], { axis: 1 })),
    theirTwo((x, y) => tf.concat([x, y], 1)),
  ),
  row(
    "stack",
    [f32([2, 3]), f32([2, 3], second)],
    two((x, y) => ct.stack([x, y], { axis: 1 })),
    theirTwo((x, y) => tf.stack([x, y], 1)),
  ),
  row(
    "split",
    [f32([6, 2])],
    one((x) => ct.mul(ct.split(x, 2)[1] ?? x, 2)),
    theirOne((x) => (tf.split(x, 3)[1] ?? x).mul(2)),
  ),
  row(
    "where",
    [f32([3, 4]), f32([3, 4], second)],
    two((x, y) => ct.where(bools([3, 4]), x, y)),
    theirTwo((x, y) => tf.where(tf.tensor([...bools([3, 4]).dataSync()], [3, 4], "bool"), x, y)),
  ),
  row(
    "indexSelect",
    [f32([3, 5])],
    one((x) => ct.indexSelect(x, index)),
    theirOne((x) => tf.gather(x, theirIndex())),
  ),
  row(
    "indexSelect, axis 1",
    [f32([2, 3, 2])],
    one((x) => ct.indexSelect(x, index, { axis: 1 })),
    theirOne((x) => tf.gather(x, theirIndex(), 1)),
  ),
  row(
    "indexAdd",
    [f32([4, 2])],
    one((x) => ct.indexAdd(ct.zeros([3, 2]), index, x)),
    theirOne((x) => tf.unsortedSegmentSum(x, theirIndex(), 3)),
  ),
  row(
    "oneHot",
    [],
    () => ct.oneHot(index, 4).to("float32"),
    () => tf.oneHot(theirIndex(), 4).toFloat(),
  ),
  row(
    "topk",
    [f32([3, 6])],
    one((x) => ct.topk(x, 2).values),
    theirOne((x) => tf.topk(x, 2).values),
    { noGradient: missing },
  ),
  row(
    "argsort by topk",
    [f32([3, 6])],
    one((x) => ct.topk(x, 6).indices),
    theirOne((x) => tf.topk(x, 6).indices),
    { noGradient: discrete },
  ),
  row(
    "argmax",
    [f32([3, 6])],
    one((x) => ct.argmax(x, { axis: 1 })),
    theirOne((x) => tf.argMax(x, 1)),
    { noGradient: discrete },
  ),
  row(
    "argmin",
    [f32([3, 6])],
    one((x) => ct.argmin(x, { axis: 0 })),
    theirOne((x) => tf.argMin(x, 0)),
    { noGradient: discrete },
  ),
  row(
    "any",
    [bools([3, 2], 3)],
    one((x) => ct.any(x, { axis: 1 })),
    theirOne((x) => tf.any(x, 1)),
    { noGradient: discrete },
  ),
  row(
    "all",
    [bools([3, 2], 3)],
    one((x) => ct.all(x, { axis: 1 })),
    theirOne((x) => tf.all(x, 1)),
    { noGradient: discrete },
  ),
  row(
    "to int32",
    [f32([10], { low: -5, high: 5 })],
    one((x) => x.to("int32")),
    theirOne((x) => x.toInt()),
    { noGradient: discrete },
  ),
  row(
    "logicalNot",
    [bools([5])],
    one(ct.logicalNot),
    theirOne((x) => tf.logicalNot(x)),
    { noGradient: discrete },
  ),
];

const products: readonly Row[] = [
  row(
    "matmul",
    [f32([5, 7]), f32([7, 3], second)],
    two(ct.matmul),
    theirTwo((a, b) => tf.matMul(a, b)),
  ),
  row(
    "matmul, transposed",
    [f32([7, 5]), f32([3, 7], second)],
    two((a, b) => ct.matmul(ct.transpose(a), ct.transpose(b))),
    theirTwo((a, b) => tf.matMul(a, b, true, true)),
  ),
  row(
    "matmul, batched",
    [f32([4, 2, 7]), f32([4, 7, 3], second)],
    two(ct.matmul),
    theirTwo((a, b) => tf.matMul(a, b)),
  ),
  row(
    "matmul, broadcast",
    [f32([1, 3, 5]), f32([4, 5, 2], second)],
    two(ct.matmul),
    theirTwo((a, b) => tf.matMul(a, b)),
    { noGradient: "TensorFlow.js does not sum over the axes that it broadcast" },
  ),
  row(
    "matmul, long",
    [f32([3, 300]), f32([300, 10], second)],
    two(ct.matmul),
    theirTwo((a, b) => tf.matMul(a, b)),
    { tolerance: { rtol: 1e-5, atol: 2e-5 } },
  ),
  row(
    "dot",
    [f32([9]), f32([9], second)],
    two(ct.dot),
    theirTwo((a, b) => tf.dot(a, b)),
  ),
  row(
    "outer",
    [f32([4]), f32([3], second)],
    two(ct.outer),
    theirTwo((a, b) => tf.outerProduct(a as tfjs.Tensor1D, b as tfjs.Tensor1D)),
  ),
  row(
    "qr, R up to signs",
    [f32([5, 3])],
    one((x) => ct.abs(ct.qr(x).r)),
    theirOne((x) => tf.abs(tf.linalg.qr(x)[1] ?? x)),
    { noGradient: missing },
  ),
  row(
    "qr, Q up to signs",
    [f32([4, 4])],
    one((x) => ct.abs(ct.qr(x).q)),
    theirOne((x) => tf.abs(tf.linalg.qr(x)[0] ?? x)),
    { noGradient: missing },
  ),
  row(
    "einsum",
    [f32([2, 3, 4]), f32([4, 5], second)],
    two((a, b) => ct.einsum("bij,jk->bik", a, b)),
    theirTwo((a, b) => tf.einsum("bij,jk->bik", a, b)),
    { noGradient: missing },
  ),
];

const volumesLast = (x: Theirs): tfjs.Tensor5D => turned5(x, [0, 2, 3, 4, 1]);
const volumesFirst = (x: Theirs): Theirs => tf.transpose(x, [0, 4, 1, 2, 3]);
const sorted = (): Tensor => ct.tensor([-1, -0.5, 0, 0, 0.25, 1.5]);
const theirSorted = (): tfjs.Tensor1D => tf.tensor1d([-1, -0.5, 0, 0, 0.25, 1.5]);
/** Rows of positions: [[2, 1], [0, 0], [1, 3]] into a matrix of 3 × 4. */
const places = [
  [2, 1],
  [0, 0],
  [1, 3],
];
const placed = (axis: number): Tensor =>
  ct.tensor(
    places.map((place) => place[axis] ?? 0),
    { dtype: "int32" },
  );
const theirPlaces = (): Theirs => tf.tensor2d(places, [3, 2], "int32");
const theirMask = (shape: number[]): Theirs => tf.tensor([...bools(shape).dataSync()], shape, "bool");

/** What is rarer: other dimensions, gathering by coordinates, images, searching, losses. */
const others: readonly Row[] = [
  row(
    "maxPool3d",
    [f32([1, 2, 4, 4, 6])],
    one((x) => ct.maxPool3d(x, 2)),
    theirOne((x) => volumesFirst(tf.maxPool3d(volumesLast(x), 2, 2, "valid"))),
  ),
  row(
    "avgPool3d",
    [f32([1, 2, 4, 4, 6])],
    one((x) => ct.avgPool3d(x, 2)),
    theirOne((x) => volumesFirst(tf.avgPool3d(volumesLast(x), 2, 2, "valid"))),
  ),
  row(
    "convTranspose3d",
    [f32([1, 2, 2, 3, 2]), f32([2, 3, 2, 2, 2], second)],
    two((x, w) => ct.convTranspose3d(x, w, { stride: 2 })),
    theirTwo((x, w) =>
      volumesFirst(tf.conv3dTranspose(volumesLast(x), turned5(w, [2, 3, 4, 1, 0]), [1, 4, 6, 4, 3], 2, "valid")),
    ),
    { noGradient: missing },
  ),
  row(
    "separable convolution",
    [f32([1, 3, 6, 5]), f32([3, 1, 3, 3], second), f32([4, 3, 1, 1], { seed: 3 })],
    (x = targets, depth = targets, point = targets) => ct.conv2d(ct.conv2d(x, depth, { groups: 3 }), point),
    (x = tf.scalar(0), depth = tf.scalar(0), point = tf.scalar(0)) =>
      channelsFirst(tf.separableConv2d(channelsLast(x), turned4(depth, [2, 3, 0, 1]), filters(point), 1, "valid")),
  ),
  row(
    "localResponseNorm",
    [f32([2, 5, 3, 2])],
    // torch divides α by the number of channels that it sums over.
    one((x) => ct.localResponseNorm(x, 3, { alpha: 0.6, beta: 0.7, k: 1.5 })),
    theirOne((x) => channelsFirst(tf.localResponseNormalization(channelsLast(x), 1, 1.5, 0.2, 0.7))),
    { tolerance: { rtol: 1e-5, atol: 1e-5 } },
  ),
  row(
    "interpolate, nearest",
    [f32([1, 2, 3, 4])],
    one((x) => ct.interpolate(x, { size: [6, 8] })),
    theirOne((x) => channelsFirst(tf.image.resizeNearestNeighbor(channelsLast(x), [6, 8]))),
  ),
  row(
    "interpolate, bilinear, corners aligned",
    [f32([1, 2, 3, 4])],
    one((x) => ct.interpolate(x, { size: [5, 7], mode: "linear", alignCorners: true })),
    theirOne((x) => channelsFirst(tf.image.resizeBilinear(channelsLast(x), [5, 7], true))),
    { tolerance: { rtol: 1e-5, atol: 1e-5 }, noGradient: "TensorFlow.js's has height and width exchanged" },
  ),
  row(
    "interpolate, bilinear, centers of pixels",
    [f32([1, 2, 3, 4])],
    one((x) => ct.interpolate(x, { size: [6, 8], mode: "linear" })),
    theirOne((x) => channelsFirst(tf.image.resizeBilinear(channelsLast(x), [6, 8], false, true))),
    { noGradient: "TensorFlow.js has none for centers of pixels" },
  ),
  row(
    "flip left and right",
    [f32([1, 2, 3, 4])],
    one((x) => ct.flip(x, 3)),
    theirOne((x) => channelsFirst(tf.image.flipLeftRight(channelsLast(x)))),
    { noGradient: missing },
  ),
  row(
    "pixelShuffle of one channel",
    [f32([2, 4, 3, 2])],
    one((x) => ct.pixelShuffle(x, 2)),
    theirOne((x) => channelsFirst(tf.depthToSpace(channelsLast(x), 2, "NHWC"))),
    { noGradient: missing },
  ),
  row(
    "pad, symmetric",
    [f32([3, 4])],
    one((x) => ct.concat([ct.flip(ct.narrow(x, 1, 0, 2), 1), x, ct.flip(ct.narrow(x, 1, 3, 1), 1)], { axis: 1 })),
    theirOne((x) =>
      tf.mirrorPad(
        x,
        [
          [0, 0],
          [2, 1],
        ],
        "symmetric",
      ),
    ),
    { noGradient: missing },
  ),
  row(
    "cumsum",
    [f32([3, 5])],
    one((x) => ct.cumsum(x, 1)),
    theirOne((x) => tf.cumsum(x, 1)),
  ),
  row(
    "cumprod",
    [f32([3, 5], positive)],
    one((x) => ct.cumprod(x, 1)),
    theirOne((x) => tf.cumprod(x, 1)),
    { noGradient: missing },
  ),
  row(
    "at",
    [f32([3, 4])],
    one((x) => ct.at(x, [placed(0), placed(1)])),
    theirOne((x) => tf.gatherND(x, theirPlaces())),
    { noGradient: missing },
  ),
  row(
    "indexPut into zeros",
    [f32([3])],
    one((x) => ct.indexPut(ct.zeros([3, 4]), [placed(0), placed(1)], x)),
    theirOne((x) => tf.scatterND(theirPlaces(), x, [3, 4])),
    { noGradient: missing },
  ),
  row(
    "indexPut",
    [f32([3, 4]), f32([3], second)],
    two((x, y) => ct.indexPut(x, [placed(0), placed(1)], y)),
    theirTwo((x, y) => tf.tensorScatterUpdate(x, theirPlaces(), y)),
    { noGradient: missing },
  ),
  row(
    "gather in batches",
    [f32([2, 3])],
    one((x) =>
      ct.gather(
        x,
        ct.tensor(
          [
            [2, 0],
            [1, 1],
          ],
          { dtype: "int32" },
        ),
        { axis: 1 },
      ),
    ),
    theirOne((x) =>
      tf.gather(
        x,
        tf.tensor2d(
          [
            [2, 0],
            [1, 1],
          ],
          [2, 2],
          "int32",
        ),
        1,
        1,
      ),
    ),
    { noGradient: "TensorFlow.js's is wrong for batches" },
  ),
  row(
    "maskedFill",
    [f32([3, 4])],
    one((x) => ct.maskedFill(x, bools([3, 4]), 7)),
    theirOne((x) => tf.where(theirMask([3, 4]), tf.fill([3, 4], 7), x)),
  ),
  row(
    "searchsorted, left",
    [f32([9])],
    one((x) => ct.searchsorted(sorted(), x)),
    theirOne((x) => tf.lowerBound(theirSorted(), x).flatten()),
    { noGradient: discrete },
  ),
  row(
    "searchsorted, right",
    [ct.tensor([0, -1, 1.5, 2])],
    one((x) => ct.searchsorted(sorted(), x, { right: true })),
    theirOne((x) => tf.upperBound(theirSorted(), x).flatten()),
    { noGradient: discrete },
  ),
  row(
    "bincount",
    [],
    () => ct.bincount(ct.tensor([3, 0, 3, 1], { dtype: "int32" }), 5),
    () => tf.bincount(tf.tensor1d([3, 0, 3, 1], "int32"), [] as unknown as tfjs.Tensor1D, 5).toInt(),
  ),
  row(
    "isnan",
    [ct.tensor([1, Number.NaN, Number.POSITIVE_INFINITY])],
    one(ct.isnan),
    theirOne((x) => tf.isNaN(x)),
    { noGradient: discrete },
  ),
  row(
    "isinf",
    [ct.tensor([1, Number.NaN, Number.NEGATIVE_INFINITY])],
    one(ct.isinf),
    theirOne((x) => tf.isInf(x)),
    { noGradient: discrete },
  ),
  row(
    "isfinite",
    [ct.tensor([1, Number.NaN, Number.NEGATIVE_INFINITY])],
    one(ct.isfinite),
    theirOne((x) => tf.isFinite(x)),
    { noGradient: discrete },
  ),
  row(
    "prelu",
    [f32([2, 3, 4]), f32([1], positive)],
    two((x, slope) => ct.prelu(x, slope)),
    theirTwo((x, slope) => tf.prelu(x, slope)),
  ),
  row(
    "meshgrid",
    [f32([3]), f32([4], second)],
    two((x, y) => ct.stack(ct.meshgrid([x, y], { indexing: "ij" }))),
    theirTwo((x, y) => tf.stack(tf.meshgrid(x, y, { indexing: "ij" }) as Theirs[])),
    { noGradient: missing },
  ),
  row(
    "linspace",
    [],
    () => ct.linspace(-1, 2, 7),
    () => tf.linspace(-1, 2, 7),
  ),
  row(
    "arange",
    [],
    () => ct.arange(2, 11, 3).to("float32"),
    () => tf.range(2, 11, 3),
  ),
  row(
    "eye",
    [],
    () => ct.eye(4),
    () => tf.eye(4),
  ),
  row(
    "tril",
    [f32([4, 5])],
    one((x) => ct.tril(x)),
    theirOne((x) => tf.linalg.bandPart(x, -1, 0)),
    { noGradient: missing },
  ),
  row(
    "triu",
    [f32([4, 5])],
    one((x) => ct.triu(x)),
    theirOne((x) => tf.linalg.bandPart(x, 0, -1)),
    { noGradient: missing },
  ),
  row(
    "diag",
    [f32([4])],
    one((x) => ct.diag(x)),
    theirOne((x) => tf.diag(x)),
    { noGradient: missing },
  ),
  row(
    "unsqueeze and squeeze",
    [f32([3, 1])],
    one((x) => ct.unsqueeze(ct.squeeze(x, 1), 0)),
    theirOne((x) => tf.expandDims(tf.squeeze(x, [1]), 0)),
  ),
  row(
    "unstack",
    [f32([3, 4])],
    one((x) => ct.mul(ct.unstack(x, { axis: 1 })[2] ?? x, 3)),
    theirOne((x) => (tf.unstack(x, 1)[2] ?? x).mul(3)),
  ),
  row(
    "frames",
    [f32([12])],
    one((x) => ct.stack([0, 4, 8].map((start) => ct.narrow(x, 0, start, 4)))),
    theirOne((x) => tf.signal.frame(x as tfjs.Tensor1D, 4, 4)),
  ),
  row(
    "norm, 1",
    [f32([3, 5])],
    one((x) => ct.norm(x, { ord: 1, axis: 1 })),
    theirOne((x) => tf.norm(x, 1, 1)),
  ),
  row(
    "norm, infinity",
    [f32([3, 5])],
    one((x) => ct.norm(x, { ord: Number.POSITIVE_INFINITY, axis: 1 })),
    theirOne((x) => tf.norm(x, Number.POSITIVE_INFINITY, 1)),
  ),
  row(
    "cosine distance",
    [f32([4, 5]), f32([4, 5], second)],
    two((x, y) => ct.mean(ct.sub(1, ct.sum(ct.mul(x, y), { axis: 1 })))),
    theirTwo((x, y) => tf.losses.cosineDistance(x, y, 1)),
  ),
  row(
    "absolute difference",
    [f32([4, 5]), f32([4, 5], second)],
    two((x, y) => ct.mean(ct.abs(ct.sub(x, y)))),
    theirTwo((x, y) => tf.losses.absoluteDifference(x, y)),
  ),
  row(
    "step",
    [f32([9])],
    one((x) => ct.gt(x, 0).to("float32")),
    theirOne((x) => tf.step(x)),
    { noGradient: discrete },
  ),
];

/** Complex numbers of TensorFlow's as pairs, and back. */
const pairsOf = (z: Theirs): Theirs => tf.stack([tf.real(z), tf.imag(z)], -1);
const complexOf = (pairs: Theirs): Theirs => {
  const [re = pairs, im = pairs] = tf.unstack(pairs, -1);
  return tf.complex(re, im);
};

const spectra: readonly Row[] = [
  ...[6, 7, 16].flatMap((n) => [
    row(
      `fft of ${n}`,
      [f32([3, n, 2])],
      one((x) => ct.fft(x)),
      theirOne((x) => pairsOf(tf.spectral.fft(complexOf(x)))),
      { noGradient: missing, tolerance: { atol: 1e-5 } },
    ),
    row(
      `ifft of ${n}`,
      [f32([3, n, 2])],
      one((x) => ct.ifft(x)),
      theirOne((x) => pairsOf(tf.spectral.ifft(complexOf(x)))),
      { noGradient: missing },
    ),
    row(
      `rfft of ${n}`,
      [f32([3, n])],
      one((x) => ct.rfft(x)),
      theirOne((x) => pairsOf(tf.spectral.rfft(x))),
      { noGradient: missing, tolerance: { atol: 1e-5 } },
    ),
  ]),
  row(
    "irfft",
    [f32([3, 5, 2])],
    one((x) => ct.irfft(x)),
    theirOne((x) => tf.spectral.irfft(complexOf(x))),
    { noGradient: missing },
  ),
  row(
    "stft",
    [f32([50])],
    one((x) => ct.permute(ct.stft(x, 16, { hopLength: 5, window: ct.hannWindow(16), center: false }), [1, 0, 2])),
    theirOne((x) => pairsOf(tf.signal.stft(x as tfjs.Tensor1D, 16, 5))),
    { noGradient: missing, tolerance: { atol: 1e-5 } },
  ),
  // TensorFlow.js's windows are periodic where their length is even, and symmetric where it is odd.
  ...[8, 7].flatMap((n) => [
    row(
      `hannWindow of ${n}`,
      [],
      () => ct.hannWindow(n, { periodic: n % 2 === 0 }),
      () => tf.signal.hannWindow(n),
    ),
    row(
      `hammingWindow of ${n}`,
      [],
      () => ct.hammingWindow(n, { periodic: n % 2 === 0 }),
      () => tf.signal.hammingWindow(n),
    ),
  ]),
  row(
    "maxPool2dWithIndices",
    [f32([2, 1, 6, 5])],
    one((x) => ct.maxPool2dWithIndices(x, 2).indices),
    theirOne((x) => channelsFirst(tf.maxPoolWithArgmax(channelsLast(x), 2, 2, "valid").indexes ?? x)),
    { noGradient: discrete },
  ),
];

const rows: readonly Row[] = [
  ...Object.entries(unary).map(([name, [ours, theirs, range]]) =>
    row(name, [f32([3, 7], range)], one(ours), theirOne(theirs), flat.has(name) ? { noGradient: discrete } : {}),
  ),
  ...Object.entries(binary).flatMap(([name, [ours, theirs, range]]) =>
    [
      [
        [4, 5],
        [4, 5],
      ],
      [
        [2, 1, 5],
        [4, 1],
      ],
      [[], [3]],
    ].map(([a = [], b = []]) =>
      row(
        `${name} [${a}] [${b}]`,
        [f32(a, range), f32(b, { ...range, ...second })],
        two(ours),
        theirTwo(theirs),
        flat.has(name)
          ? { noGradient: discrete }
          : unsummed.has(name) && `${a}` !== `${b}`
            ? { noGradient: "TensorFlow.js does not sum over the axes that it broadcast" }
            : {},
      ),
    ),
  ),
  ...Object.entries(comparisons).map(([name, [ours, theirs]]) =>
    row(name, [ints([40], { high: 4 }), ints([40], { high: 4, ...second })], two(ours), theirTwo(theirs), {
      noGradient: discrete,
    }),
  ),
  ...Object.entries(logic).map(([name, [ours, theirs]]) =>
    row(name, [bools([12]), bools([12], 2)], two(ours), theirTwo(theirs), { noGradient: discrete }),
  ),
  ...Object.entries(reductions).flatMap(([name, [ours, theirs, details]]) =>
    axes.flatMap((axis) =>
      [false, true].map((keepdims) =>
        row(
          `${name} ${axis ?? "all"}${keepdims ? " kept" : ""}`,
          [f32([2, 3, 5])],
          one((x) => ours(x, axis === undefined ? { keepdims } : { axis, keepdims })),
          theirOne((x) =>
            theirs(x, axis === undefined ? undefined : typeof axis === "number" ? (axis + 3) % 3 : [...axis], keepdims),
          ),
          details,
        ),
      ),
    ),
  ),
  ...products,
  ...convRows,
  ...layers,
  ...shapes,
  ...others,
  ...spectra,
];

const theirsOf = (x: Tensor): Theirs => {
  const data = x.dataSync();
  return tf.tensor(
    x.dtype === "float32" ? Float32Array.from(data) : Int32Array.from(data),
    [...x.shape],
    x.dtype === "float32" ? "float32" : x.dtype === "bool" ? "bool" : "int32",
  );
};

describe(`agrees with TensorFlow (${oracle})`, { timeout: 60_000 }, () => {
  let values = 0;
  let gradients = 0;
  afterAll(() => {
    console.info(`oracle: ${oracle}: ${values} values and ${gradients} gradients compared`);
  });

  test.each(rows.map((each) => [each.name, each] as const))(
    "%s",
    async (_, { inputs, ours, theirs, tolerance, noGradient }) => {
      const close = { rtol: 2e-6, atol: 3e-6, ...tolerance };
      const theirInputs = inputs.map(theirsOf);
      const expected = theirs(...theirInputs);
      const actual = ours(...inputs);
      expect(actual.shape).toEqual(expected.shape);
      await allclose(actual, expected.dataSync<"float32">(), close);
      values++;
      if (noGradient !== undefined || inputs.length === 0) return;
      const cotangent = f32(actual.shape, { seed: 99 });
      const [, pull] = ct.vjp(ours, inputs);
      const mine = pull(cotangent);
      const found = tf.grads((...xs: Theirs[]) => theirs(...xs))(theirInputs, theirsOf(cotangent));
      for (const [i, g] of found.entries()) {
        const own = mine[i];
        if (!own) throw new Error(`no gradient of input ${i}`);
        expect(own.shape).toEqual(g.shape);
        await allclose(own, g.dataSync<"float32">(), close);
        gradients++;
      }
    },
  );
});
