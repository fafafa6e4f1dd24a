// What recurrent layers, attention and losses over sequences do beyond the fixtures.
import {
  arange,
  compile,
  Generator,
  grad,
  logicalAnd,
  logicalNot,
  logicalOr,
  logSoftmax,
  manualSeed,
  profile,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from "@cotangent/core";
import { allclose, gradcheck } from "@cotangent/core/testing";
import { describe, expect, test } from "vitest";
import {
  cosineEmbeddingLoss,
  ctcLoss,
  GRU,
  gaussianNllLoss,
  LSTM,
  LSTMCell,
  MultiheadAttention,
  marginRankingLoss,
  multiMarginLoss,
  poissonNllLoss,
  RNN,
  TransformerEncoderLayer,
} from "./index.ts";

const ids = (...labels: number[]): Tensor => tensor(labels, { dtype: "int32" });
const list = (x: Tensor): number[] => [...x.dataSync()];
const noise = (...shape: number[]): Tensor => uniform(shape, { low: -1, high: 1 });

describe("ctcLoss", () => {
  /** The probability of all paths over `time` steps that collapse to the target. */
  function bruteForce(p: number[][], target: readonly number[]): number {
    let total = 0;
    const walk = (t: number, path: number[], chance: number): void => {
      if (t === p.length) {
        const collapsed = path.filter((c, i) => c !== path[i - 1]).filter((c) => c !== 0);
        if (`${collapsed}` === `${target}`) total += chance;
        return;
      }
      p[t]!.forEach((q, c) => {
        walk(t + 1, [...path, c], chance * q);
      });
    };
    walk(0, [], 1);
    return -Math.log(total);
  }
  const logits = noise(4, 1, 3);
  const p = (logSoftmax(logits).exp().toArraySync() as number[][][]).map(([row]) => row!);
  test.each([[[]], [[1]], [[1, 2]], [[1, 1]], [[2, 1, 2]]])("sums over all alignments of %j", (target) => {
    const padded = tensor([[...target, 0, 0, 0].slice(0, 3)], { dtype: "int32" });
    const loss = ctcLoss(logSoftmax(logits), padded, [4], [target.length], { reduction: "sum" });
    expect(loss.itemSync()).toBeCloseTo(bruteForce(p, target), 4);
  });
  test("reads as much of the input as counts, and divides by target lengths", () => {
    const short = ctcLoss(logSoftmax(logits), tensor([[1, 2]], { dtype: "int32" }), [3], [2]);
    expect(short.itemSync()).toBeCloseTo(bruteForce(p.slice(0, 3), [1, 2]) / 2, 4);
  });
  test("is infinite where the target is too long, or 0 if asked", async () => {
    const lengths = [[2], [2]] as const;
    const loss = (options: object): Tensor =>
      ctcLoss(logSoftmax(logits), tensor([[1, 1]], { dtype: "int32" }), ...lengths, { reduction: "sum", ...options });
    expect(loss({}).itemSync()).toBe(Number.POSITIVE_INFINITY);
    expect(loss({ zeroInfinity: true }).itemSync()).toBe(0);
    expect(() => ctcLoss(zeros([2, 1, 3]), zeros([2, 3]), [2], [1])).toThrow(
      "ctcLoss: expected [time, batch, classes]",
    );
    expect(() => ctcLoss(zeros([2, 1, 3]), ids(1).reshape([1, 1]), [3], [1])).toThrow(
      "ctcLoss: expected 1 whole input lengths from 1 to 2, got [3]",
    );
  });
  test("has right derivatives, with repeated labels", async () => {
    const targets = tensor(
      [
        [1, 1, 0],
        [2, 1, 2],
      ],
      { dtype: "int32" },
    );
    await gradcheck((x) => ctcLoss(logSoftmax(x!), targets, [4, 5], [2, 3]), [noise(5, 2, 3)], {
      order: 2,
      atol: 1e-7,
    });
  });
});

describe("attention", () => {
  const layer = new MultiheadAttention(4, 2);
  const x = noise(2, 3, 4);
  test("has PyTorch's names", () => {
    expect(Object.keys(layer.stateDict())).toEqual([
      "in_proj_weight",
      "in_proj_bias",
      "out_proj.weight",
      "out_proj.bias",
    ]);
    expect(Object.keys(new TransformerEncoderLayer(4, 2).stateDict()).slice(3, 6)).toEqual([
      "self_attn.out_proj.bias",
      "linear1.weight",
      "linear1.bias",
    ]);
    expect(layer.parameters()).toHaveLength(4);
    expect(new MultiheadAttention(4, 2, { bias: false }).parameters()).toHaveLength(2);
  });
  test("masks take weights away", () => {
    const causal = layer.attend(x, x, x, { causal: true }).weights.toArraySync() as number[][][];
    expect(causal[0]!.map((row) => row.map((w) => w > 0))).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
    const keyPaddingMask = tensor([
      [false, false, true],
      [false, true, true],
    ]);
    const padded = layer.attend(x, x, x, { keyPaddingMask }).weights.toArraySync() as number[][][];
    expect(padded[1]!.every(([a, b, c]) => a === 1 && b === 0 && c === 0)).toBe(true);
    const mask = causalMask();
    const { weights } = layer.attend(x, x, x, { mask });
    expect(list(weights)).toEqual(list(layer.attend(x, x, x, { causal: true }).weights));
    const added = layer.attend(x, x, x, { mask: tensor([0, 0, -1e9]) }).weights;
    expect(list(added).filter((_, i) => i % 3 === 2)).toEqual(new Array(6).fill(0));
  });
  const causalMask = (): Tensor =>
    tensor([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  test("comes to the same with the weights and without, whatever is masked", async () => {
    const long = new MultiheadAttention(4, 2);
    const [queries, keys] = [noise(2, 740, 4), noise(2, 720, 4)];
    // Every query sees the first key.
    const isFirst = arange(720).eq(0);
    const keyPaddingMask = logicalAnd(noise(2, 720).gt(0.9), logicalNot(isFirst));
    const someBits = logicalOr(noise(740, 720).gt(-0.9), isFirst);
    const floats = noise(2, 1, 740, 720);
    for (const causal of [false, true])
      for (const padding of [null, keyPaddingMask])
        for (const mask of [null, someBits, floats]) {
          const masks = { causal, keyPaddingMask: padding, mask };
          const forward = (m: MultiheadAttention): Tensor => m.forward(queries, keys, keys, masks);
          const attend = (m: MultiheadAttention): Tensor => m.attend(queries, keys, keys, masks).output;
          await allclose(forward(long), attend(long));
          const expected = Object.values(grad((m: MultiheadAttention) => attend(m).pow(2).mean())(long));
          for (const [i, g] of Object.values(
            grad((m: MultiheadAttention) => forward(m).pow(2).mean())(long),
          ).entries()) {
            await allclose(g, expected[i]!, { atol: 1e-6 });
          }
        }
  });
  test("never holds the weights of long sequences, unless they are asked for", async () => {
    const layer = new MultiheadAttention(16, 2);
    const scratch = async (f: (x: Tensor) => Tensor): Promise<number> =>
      (await profile(() => grad((x: Tensor) => f(x).sum())(zeros([1, 1024, 16])))).scratchBytes;
    const weights = 2 * 1024 * 1024 * 4;
    const dropping = new MultiheadAttention(16, 2, { dropout: 0.1 });
    for (const quiet of [layer, dropping]) expect(await scratch((y) => quiet.forward(y))).toBeLessThan(weights / 2);
    expect(await scratch((y) => layer.attend(y).weights)).toBeGreaterThan(weights / 2);
  });
  test("drops weights while training only", async () => {
    const dropping = new MultiheadAttention(4, 2, { dropout: 0.5 });
    const [first, second] = [list(dropping.forward(x)), list(dropping.forward(x))];
    expect(first).not.toEqual(second);
    // The same weights, whether they are asked for or not.
    for (const input of [x, noise(1, 730, 4)]) {
      const values = (f: () => Tensor): Tensor => {
        manualSeed(5);
        return f();
      };
      await allclose(
        values(() => dropping.forward(input)),
        values(() => dropping.attend(input).output),
      );
      const gradients = (f: (m: MultiheadAttention) => Tensor): Tensor[] => {
        manualSeed(5);
        return Object.values(grad((m: MultiheadAttention) => f(m).pow(2).mean())(dropping));
      };
      const expected = gradients((m) => m.attend(input).output);
      for (const [i, g] of gradients((m) => m.forward(input)).entries()) {
        await allclose(g, expected[i]!, { atol: 1e-6 });
      }
    }
    dropping.eval();
    expect(list(dropping.forward(x))).toEqual(list(dropping.forward(x)));
  });
  test("draws from its own generator, and takes another probability at any time, compiled too", async () => {
    const own = (dropout: number): MultiheadAttention =>
      new MultiheadAttention(4, 2, { dropout, generator: new Generator(8) });
    const [one, other] = [own(0.5), own(0.5)];
    manualSeed(1);
    const drawn = list(one.forward(x));
    manualSeed(2);
    expect(list(other.forward(x))).toEqual(drawn);
    const step = compile((y: Tensor) => one.forward(y));
    expect(list(step(x))).not.toEqual(list(step(x)));
    one.dropout.p = 1;
    const bias = list(one.outProj.bias!);
    await allclose(
      step(x),
      Float32Array.from({ length: 24 }, (_, i) => bias[i % 4]!),
      { atol: 1e-6 },
    );
    one.dropout.p = 0;
    expect(list(step(x))).toEqual(list(step(x)));
  });
  test("refuses what does not fit", () => {
    expect(() => new MultiheadAttention(6, 4)).toThrow("MultiheadAttention: expected numHeads that divides 6, got 4");
    expect(() => layer.forward(zeros([3, 4]))).toThrow("MultiheadAttention: expected [batch, T, 4], got [3, 4]");
    expect(() => layer.forward(zeros([2, 3, 5]))).toThrow("MultiheadAttention: expected last axis 4");
  });
  test("an encoder layer that normalizes first learns", () => {
    const encoder = new TransformerEncoderLayer(4, 2, { dimFeedforward: 8, normFirst: true, dropout: 0 });
    encoder.forward(x).sum().backward();
    expect(encoder.parameters().every((parameter) => parameter.grad !== null)).toBe(true);
  });
});

describe("recurrent layers", () => {
  test("have PyTorch's names", () => {
    const layer = new GRU(3, 4, { bidirectional: true });
    expect(Object.keys(layer.stateDict())).toEqual(
      ["", "_reverse"].flatMap((end) =>
        ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((name) => `${name}_l0${end}`),
      ),
    );
    expect(Object.keys(new LSTMCell(3, 4).stateDict())).toEqual(["weight_ih", "weight_hh", "bias_ih", "bias_hh"]);
    expect(new RNN(3, 4, { numLayers: 2, bias: false }).parameters()).toHaveLength(4);
  });
  test("a layer is its cell, step by step", () => {
    const layer = new LSTM(3, 4);
    const cell = new LSTMCell(3, 4);
    cell.loadStateDict(
      Object.fromEntries(Object.entries(layer.stateDict()).map(([name, value]) => [name.replace("_l0", ""), value])),
    );
    const x = noise(3, 2, 3);
    let states: readonly Tensor[] = [zeros([2, 4]), zeros([2, 4])];
    for (let t = 0; t < 3; t++) states = cell.forward(tensor((x.toArraySync() as number[][][])[t]!), states);
    const { output, states: last } = layer.run(x);
    expect(output.shape).toEqual([3, 2, 4]);
    for (const [i, state] of states.entries())
      expect(list(last[i]!)).toEqual(list(state).map((v) => expect.closeTo(v, 5)));
  });
  test("reading backwards is reading the reversed sequence", () => {
    const both = new RNN(2, 3, { bidirectional: true, batchFirst: true });
    const x = noise(1, 4, 2);
    const y = both.forward(x).toArraySync() as number[][][];
    const one = new RNN(2, 3, { batchFirst: true });
    for (const name of Object.keys(one.weights)) one.weights[name] = both.weights[`${name}_reverse`]!;
    const reversed = tensor([(x.toArraySync() as number[][][])[0]!.toReversed()]);
    const z = one.forward(reversed).toArraySync() as number[][][];
    expect(y[0]!.map((row) => row.slice(3))).toEqual(
      z[0]!.toReversed().map((row) => row.map((v) => expect.closeTo(v, 5))),
    );
  });
  test("gradients reach all weights through time", () => {
    const layer = new GRU(2, 3, { numLayers: 2 });
    layer
      .forward(noise(4, 2, 2))
      .sum()
      .backward();
    expect(layer.parameters()).toHaveLength(8);
    expect(layer.parameters().every(({ grad }) => grad !== null && list(grad).some((v) => v !== 0))).toBe(true);
  });
  test("refuse what does not fit", () => {
    expect(() => new RNN(4, 2).forward(zeros([5, 2, 3]))).toThrow("RNN: expected [time, batch, 4], got [5, 2, 3]");
    expect(() => new LSTM(3, 2).run(zeros([5, 2, 3]), [zeros([1, 2, 2])])).toThrow(
      "LSTM: expected 2 states [1, 2, 2], got [1, 2, 2]",
    );
    expect(() => new GRU(3, 0)).toThrow("GRU: expected a whole hiddenSize of at least 1, got 0");
  });
});

describe("other losses", () => {
  test("have their options", () => {
    const weight = tensor([1, 2, 3]);
    expect(multiMarginLoss(tensor([[0, 1, 0]]), ids(2), { p: 2, weight }).itemSync()).toBeCloseTo((3 * (1 + 4)) / 3, 5);
    const full = poissonNllLoss(tensor([0, 0]), tensor([1, 3]), { full: true, reduction: "none" });
    expect(list(full)).toEqual(
      [1, 1 + 3 * Math.log(3) - 3 + Math.log(6 * Math.PI) / 2].map((v) => expect.closeTo(v, 5)),
    );
    const gaussian = gaussianNllLoss(tensor([1]), tensor([1]), tensor([0]), { full: true }).itemSync();
    expect(gaussian).toBeCloseTo(Math.log(1e-6) / 2 + Math.log(2 * Math.PI) / 2, 4);
  });
  test("refuse what does not fit", () => {
    expect(() => marginRankingLoss(zeros([3]), zeros([3]), zeros([2]))).toThrow(
      "marginRankingLoss: expected a target of shape [3], got [2]",
    );
    expect(() => cosineEmbeddingLoss(zeros([2, 3]), zeros([2, 3]), zeros([3]))).toThrow("cosineEmbeddingLoss");
    expect(() => multiMarginLoss(zeros([2, 3]), ids(0))).toThrow("multiMarginLoss: expected scores [batch, classes]");
  });
});
