// Layers and losses against PyTorch's numbers: values and gradients from fixtures/ops.json, training from fixtures/train.json.
import { readFileSync } from "node:fs";
import { deviceNames, hvp, jvp, logSoftmax, setDefaultDevice, Tensor, tensor } from "@cotangent/core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  AvgPool1d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  bce,
  bceWithLogits,
  Conv1d,
  Conv2d,
  cosineEmbeddingLoss,
  crossEntropy,
  ctcLoss,
  Dropout,
  Embedding,
  Flatten,
  GRU,
  GRUCell,
  GroupNorm,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  huberLoss,
  klDiv,
  LayerNorm,
  Linear,
  LSTM,
  LSTMCell,
  l1Loss,
  MaxPool1d,
  MaxPool2d,
  Module,
  MultiheadAttention,
  marginRankingLoss,
  mse,
  multiMarginLoss,
  nllLoss,
  PReLU,
  poissonNllLoss,
  RMSNorm,
  RNN,
  RNNCell,
  smoothL1Loss,
  softMarginLoss,
  TransformerEncoderLayer,
  tripletMarginLoss,
} from "./index.ts";

interface Stored {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
  readonly dtype?: "i64" | "bool";
  readonly requiresGrad?: boolean;
}

type Tolerance = readonly [atol: number, rtol: number];

interface Case {
  readonly id: string;
  readonly op: string;
  readonly note: string;
  readonly inputs: readonly Stored[];
  readonly attrs: Record<string, any>;
  readonly output: Stored | readonly (Stored | null)[];
  readonly cotangent?: Stored | readonly (Stored | null)[] | null;
  readonly grads?: readonly (Stored | null)[];
  readonly jvp?: {
    readonly tangents: readonly (Stored | null)[];
    readonly out_tangent: Stored | readonly (Stored | null)[];
  };
  readonly hvp?: { readonly tangents?: readonly (Stored | null)[]; readonly result: readonly (Stored | null)[] };
  readonly tol: Readonly<Record<string, Tolerance>>;
}

const read = (name: string): any => JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8"));
const cases: readonly Case[] = read("ops.json").cases;

function load({ shape, data, dtype, requiresGrad = false }: Stored): Tensor {
  const values = data.map(Number);
  if (dtype === "i64") return tensor(values, { shape, dtype: "int32" });
  return tensor(values, { shape, dtype: dtype ?? "float32", requiresGrad });
}

async function expectClose(actual: Tensor, { shape, data }: Stored, [atol, rtol]: Tolerance, what: string) {
  expect(actual.shape, what).toEqual(shape);
  const values = await actual.data();
  for (const [i, stored] of data.entries()) {
    const [value, wanted] = [values[i] ?? Number.NaN, Number(stored)];
    const message = `${what}[${i}]: ${value}, not ${wanted}`;
    if (!Number.isFinite(wanted)) expect(value, message).toBe(wanted);
    else expect(Math.abs(value - wanted), message).toBeLessThanOrEqual(atol + rtol * Math.abs(wanted));
  }
}

/** A layer with the given tensors in its fields. */
function withTensors<M extends Module>(layer: M, fields: Record<string, Tensor | null | undefined>): M {
  for (const [field, value] of Object.entries(fields)) if (value) Object.assign(layer, { [field]: value });
  return layer;
}

type Run = (inputs: readonly Tensor[], attrs: Record<string, any>) => Tensor | readonly Tensor[];

function convolved(
  Layer: typeof Conv1d | typeof Conv2d,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { stride, padding, dilation, groups }: Record<string, any>,
): Tensor {
  const [outputs = 0, inputs = 0, ...kernel] = weight.shape;
  const options = { stride, padding, dilation, groups, bias: bias !== undefined };
  return withTensors(new Layer(inputs * groups, outputs, kernel, options), { weight, bias }).forward(x);
}

const poolOptions = ({ stride, padding, dilation, ceil_mode, count_include_pad }: Record<string, any>) => ({
  stride,
  padding,
  ceilMode: ceil_mode,
  ...(dilation && { dilation }),
  ...(count_include_pad !== undefined && { countIncludePad: count_include_pad }),
});

const cell = <C extends Module>(layer: C, [weightIh, weightHh, biasIh, biasHh]: readonly Tensor[]): C =>
  withTensors(layer, { weightIh, weightHh, biasIh, biasHh });

function recurrent(
  Layer: typeof RNN | typeof LSTM | typeof GRU,
  x: Tensor,
  states: readonly Tensor[],
  weights: readonly Tensor[],
  { layers, bidirectional, batch_first, nonlinearity }: Record<string, any>,
): readonly Tensor[] {
  const options = { numLayers: layers, bidirectional, batchFirst: batch_first, ...(nonlinearity && { nonlinearity }) };
  const layer = new Layer(x.shape[2]!, states[0]!.shape[2]!, options);
  expect(Object.keys(layer.weights)).toHaveLength(weights.length);
  for (const [i, name] of Object.keys(layer.weights).entries()) layer.weights[name] = weights[i]!;
  const result = layer.run(x, states);
  return [result.output, ...result.states];
}

/** Each operation of the fixtures, through the layer or the loss that computes it. */
const runs: Record<string, Run> = {
  linear: ([x, weight, bias]) =>
    withTensors(new Linear(weight!.shape[1]!, weight!.shape[0]!, { bias: bias !== undefined }), {
      weight,
      bias,
    }).forward(x!),
  flatten: ([x], { start, end }) => new Flatten({ start, end }).forward(x!),
  dropout: ([x], { p, training }) => new Dropout(p).train(training).forward(x!),
  embedding: ([weight, ids], { padding_idx }) =>
    withTensors(
      new Embedding(weight!.shape[0]!, weight!.shape[1]!, padding_idx === null ? {} : { paddingIdx: padding_idx }),
      { weight },
    ).forward(ids!),
  batch_norm: ([x, runningMean, runningVar, weight, bias], { training, momentum, eps }) => {
    const options = { momentum, eps, affine: weight !== undefined };
    const channels = x!.shape[1]!;
    const layer = x!.shape.length === 4 ? new BatchNorm2d(channels, options) : new BatchNorm1d(channels, options);
    withTensors(layer, { runningMean, runningVar, weight, bias }).train(training);
    const y = layer.forward(x!);
    return training ? [y, layer.runningMean!, layer.runningVar!] : y;
  },
  conv1d: ([x, weight, bias], attrs) => convolved(Conv1d, x!, weight!, bias, attrs),
  conv2d: ([x, weight, bias], attrs) => convolved(Conv2d, x!, weight!, bias, attrs),
  max_pool1d: ([x], attrs) => new MaxPool1d(attrs.kernel, poolOptions(attrs)).forward(x!),
  max_pool2d: ([x], attrs) => new MaxPool2d(attrs.kernel, poolOptions(attrs)).forward(x!),
  avg_pool1d: ([x], attrs) => new AvgPool1d(attrs.kernel, poolOptions(attrs)).forward(x!),
  avg_pool2d: ([x], attrs) => new AvgPool2d(attrs.kernel, poolOptions(attrs)).forward(x!),
  layer_norm: ([x, weight, bias], { normalized_shape, eps }) =>
    withTensors(new LayerNorm(normalized_shape, { eps, affine: weight !== undefined }), { weight, bias }).forward(x!),
  group_norm: ([x, weight, bias], { groups, eps }) =>
    withTensors(new GroupNorm(groups, x!.shape[1]!, { eps, affine: weight !== undefined }), { weight, bias }).forward(
      x!,
    ),
  rms_norm: ([x, weight], { eps }) => withTensors(new RMSNorm(x!.shape.at(-1)!, { eps }), { weight }).forward(x!),
  prelu: ([x, weight]) => withTensors(new PReLU({ channels: weight!.size }), { weight }).forward(x!),
  cross_entropy: ([logits, target, weight], { reduction, label_smoothing, ignore_index }) =>
    crossEntropy(logits!, target!, {
      reduction,
      labelSmoothing: label_smoothing,
      ...(weight ? { weight } : {}),
      ...(ignore_index === undefined ? {} : { ignoreIndex: ignore_index }),
    }),
  nll_loss: ([logp, target, weight], { reduction, ignore_index }) =>
    nllLoss(logp!, target!, { reduction, ignoreIndex: ignore_index, ...(weight ? { weight } : {}) }),
  mse_loss: ([x, target], { reduction }) => mse(x!, target!, { reduction }),
  l1_loss: ([x, target], { reduction }) => l1Loss(x!, target!, { reduction }),
  huber_loss: ([x, target], { reduction, delta }) => huberLoss(x!, target!, { reduction, delta }),
  smooth_l1_loss: ([x, target], { reduction, beta }) => smoothL1Loss(x!, target!, { reduction, beta }),
  bce_loss: ([p, target, weight], { reduction }) => bce(p!, target!, { reduction, ...(weight ? { weight } : {}) }),
  bce_with_logits: ([x, target, ...rest], { reduction, extra }) => {
    const weight = rest[extra.indexOf("weight")];
    const posWeight = rest[extra.indexOf("pos_weight")];
    return bceWithLogits(x!, target!, { reduction, ...(weight && { weight }), ...(posWeight && { posWeight }) });
  },
  margin_ranking_loss: ([a, b, y], attrs) => marginRankingLoss(a!, b!, y!, attrs),
  hinge_embedding_loss: ([x, y], attrs) => hingeEmbeddingLoss(x!, y!, attrs),
  soft_margin_loss: ([x, y], attrs) => softMarginLoss(x!, y!, attrs),
  multi_margin_loss: ([x, y], attrs) => multiMarginLoss(x!, y!, attrs),
  cosine_embedding_loss: ([a, b, y], attrs) => cosineEmbeddingLoss(a!, b!, y!, attrs),
  triplet_margin_loss: ([a, p, n], attrs) => tripletMarginLoss(a!, p!, n!, attrs),
  poisson_nll_loss: ([x, target], { log_input, eps, reduction }) =>
    poissonNllLoss(x!, target!, { logInput: log_input, eps, reduction }),
  gaussian_nll_loss: ([mean, target, variance], attrs) => gaussianNllLoss(mean!, target!, variance!, attrs),
  ctc_loss: ([logits, targets], { input_lengths, target_lengths, blank, reduction }) =>
    ctcLoss(logSoftmax(logits!), targets!, input_lengths, target_lengths, { blank, reduction }),
  multihead_attention: ([q, k, v, inProjWeight, inProjBias, weight, bias, keyPaddingMask], { heads, causal }) => {
    const layer = new MultiheadAttention(q!.shape[2]!, heads);
    withTensors(layer, { inProjWeight, inProjBias });
    withTensors(layer.outProj, { weight, bias });
    const { output, weights } = layer.attend(q!, k!, v!, { causal, keyPaddingMask: keyPaddingMask ?? null });
    return [output, weights];
  },
  transformer_encoder_layer: ([x, ...tensors], { heads, activation, norm_first, causal, eps }) => {
    const [inProjWeight, inProjBias, w0, b0, w1, b1, w2, b2, n1, c1, n2, c2] = tensors;
    const options = { dimFeedforward: w1!.shape[0]!, activation, normFirst: norm_first, eps, dropout: 0 };
    const layer = new TransformerEncoderLayer(x!.shape[2]!, heads, options);
    withTensors(layer.selfAttn, { inProjWeight, inProjBias });
    withTensors(layer.selfAttn.outProj, { weight: w0, bias: b0 });
    withTensors(layer.linear1, { weight: w1, bias: b1 });
    withTensors(layer.linear2, { weight: w2, bias: b2 });
    withTensors(layer.norm1, { weight: n1, bias: c1 });
    withTensors(layer.norm2, { weight: n2, bias: c2 });
    return layer.forward(x!, { causal });
  },
  rnn_cell: ([x, h, ...weights], { nonlinearity }) =>
    cell(new RNNCell(x!.shape[1]!, h!.shape[1]!, { nonlinearity }), weights).forward(x!, h!),
  lstm_cell: ([x, h, c, ...weights]) => cell(new LSTMCell(x!.shape[1]!, h!.shape[1]!), weights).forward(x!, [h!, c!]),
  gru_cell: ([x, h, ...weights]) => cell(new GRUCell(x!.shape[1]!, h!.shape[1]!), weights).forward(x!, h!),
  rnn: ([x, h, ...weights], attrs) => recurrent(RNN, x!, [h!], weights, attrs),
  lstm: ([x, h, c, ...weights], attrs) => recurrent(LSTM, x!, [h!, c!], weights, attrs),
  gru: ([x, h, ...weights], attrs) => recurrent(GRU, x!, [h!], weights, attrs),
  kl_div: ([x, target], { reduction, log_target }) => klDiv(x!, target!, { reduction, logTarget: log_target }),
};

const listOf = <T>(x: T | readonly T[]): readonly T[] => (Array.isArray(x) ? x : [x as T]);

/** Forward mode, and products with the Hessian: the differentiable inputs as arguments, the others as they are. */
async function expectForward(c: Case): Promise<void> {
  const inputs = c.inputs.map((stored) => load({ ...stored, requiresGrad: false }));
  const positions = c.inputs.flatMap(({ requiresGrad }, i) => (requiresGrad ? [i] : []));
  const cotangents = listOf(c.cotangent ?? null);
  /** Only results with a cotangent are differentiable. */
  const f = (...xs: Tensor[]): Tensor[] =>
    listOf(
      runs[c.op]!(
        inputs.map((x, i) => xs[positions.indexOf(i)] ?? x),
        c.attrs,
      ),
    ).filter((_, i) => c.cotangent == null || cotangents[i]);
  const primals = positions.map((i) => inputs[i]!);
  const directions = (stored: readonly (Stored | null)[]): Tensor[] => positions.map((i) => load(stored[i]!));
  if (!c.jvp) return;
  const [, moved] = jvp(f, primals, directions(c.jvp.tangents));
  const wanted = listOf(c.jvp.out_tangent).filter((stored) => stored !== null);
  expect(moved).toHaveLength(wanted.length);
  for (const [i, stored] of wanted.entries()) await expectClose(moved[i]!, stored, c.tol.jvp!, `tangent ${i}`);
  if (!c.hvp) return;
  const weights = cotangents.flatMap((stored) => (stored ? [load(stored)] : []));
  const weighed = (...xs: Tensor[]): Tensor =>
    f(...xs)
      .map((y, i) => (weights[i] ? y.mul(weights[i]) : y).sum() as Tensor)
      .reduce((a, b) => a.add(b));
  const products = hvp(weighed, primals, directions(c.hvp.tangents ?? c.jvp.tangents));
  for (const [k, at] of positions.entries()) {
    const stored = c.hvp.result[at];
    if (stored) await expectClose(products[k]!, stored, c.tol.hvp!, `product ${at}`);
  }
}

describe.each(deviceNames())("on %s", (device) => {
  let passed = 0;
  beforeAll(() => setDefaultDevice(device));
  afterEach(({ task }) => {
    if (task.result?.state === "pass" && cases.some(({ id }) => task.name.startsWith(`${id}:`))) passed++;
  });
  afterAll(() => {
    console.info(`goldens of layers and losses on ${device}: ${passed} of ${cases.length} cases pass`);
  });

  describe("operations", () => {
    test("each operation of the fixtures has a layer or a loss", () => {
      expect([...new Set(cases.map(({ op }) => op))].filter((op) => !(op in runs))).toEqual([]);
    });

    test.each(cases.filter(({ op }) => op in runs).map((c) => [c.id, c.note, c] as const))(
      "%s: %s",
      async (_id, _note, c) => {
        const inputs = c.inputs.map(load);
        const outputs = listOf(runs[c.op]!(inputs, c.attrs));
        const wanted = listOf(c.output);
        expect(outputs).toHaveLength(wanted.length);
        for (const [i, output] of outputs.entries()) {
          const stored = wanted[i];
          if (stored) await expectClose(output, stored, c.tol.output!, `output ${i}`);
        }
        await expectForward(c);
        if (!c.grads) return;
        const cotangents = listOf(c.cotangent ?? null);
        if (cotangents.filter(Boolean).length <= 1)
          outputs[0]!.backward(cotangents[0] ? load(cotangents[0]) : undefined);
        else
          outputs
            .flatMap((output, i) => (cotangents[i] ? [output.mul(load(cotangents[i])).sum()] : []))
            .reduce((a, b) => a.add(b))
            .backward();
        for (const [i, stored] of c.grads.entries()) {
          if (!stored || !inputs[i]!.requiresGrad) continue;
          expect(inputs[i]!.grad, `gradient ${i}`).toBeInstanceOf(Tensor);
          await expectClose(inputs[i]!.grad!, stored, c.tol.grad!, `gradient ${i}`);
        }
      },
    );
  });

  describe("training", () => {
    for (const c of read("train.json").cases)
      test(`${c.id}: ${c.note}`, async () => {
        class Net extends Module {
          readonly fc1 = new Linear(8, 16);
          readonly fc2 = new Linear(16, 4);
          override forward(x: Tensor): Tensor {
            return this.fc2.forward(this.fc1.forward(x).relu());
          }
        }
        const net = new Net();
        const stored = (tensors: Record<string, Stored>) =>
          Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, load(value)]));
        net.loadStateDict(stored(c.params));
        const buffers = new Map<Tensor, Tensor>();
        for (let step = 0; step < c.steps; step++) {
          const batch = c.batches[step % 4];
          net.zeroGrad();
          const loss = crossEntropy(net.forward(load(batch.x)), load(batch.y));
          loss.backward();
          await expectClose(loss, { shape: [], data: [c.losses[step]] }, c.tol.losses, `loss ${step}`);
          for (const [name, parameter] of net.namedParameters()) {
            const grad = parameter.grad!;
            if (step === 0) await expectClose(grad, c.grads0[name], c.tol.grads0, `first gradient of ${name}`);
            // Stochastic gradient descent with momentum, as in the fixture: packages know nothing of each other.
            const buffer = buffers.get(parameter);
            const next = tensor(grad.add(buffer ? buffer.mul(c.optimizer.momentum) : 0).dataSync(), {
              shape: grad.shape,
            });
            buffers.set(parameter, next);
            parameter.assign(parameter.detach().sub(next.mul(c.optimizer.lr)));
          }
        }
        for (const [name, parameter] of net.namedParameters())
          await expectClose(parameter, c.finalParams[name], c.tol.finalParams[name], name);
        await expectClose(net.eval().forward(load(c.evalInput)), c.evalOutput, c.tol.evalOutput, "output");
      });
  });
});
