// Layers against PyTorch 1.13 in float64, from fixtures/layers.json: results, and gradients of Σ k·y[k] with k from 1 on. Elements
// of input j are round((0.37·(i + 7j)) % 2.3 − 1.1, 4), those of the j-th parameter by name 0.5·sin(1 + i + j). PyTorch does not count the batches of an instance norm; we do.
import { readFileSync } from "node:fs";
import { arange, conv2d, type Tensor, tensor, vjp, zeros } from "@cotangent/core";
import { allclose } from "@cotangent/core/testing";
import { describe, expect, test } from "vitest";
import * as nn from "./index.ts";

interface Stored {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly ofInputs: readonly (readonly number[])[];
  readonly ofParameters: Readonly<Record<string, readonly number[]>>;
  readonly buffers?: Readonly<Record<string, readonly number[]>>;
}

const stored: Readonly<Record<string, Stored>> = JSON.parse(
  readFileSync(new URL("./fixtures/layers.json", import.meta.url), "utf8"),
);

const f64 = (shape: readonly number[], of: (i: number) => number): Tensor => {
  const size = shape.reduce((product, n) => product * n, 1);
  return tensor(
    Float64Array.from({ length: size }, (_, i) => of(i)),
    { shape },
  );
};
const input = (shape: readonly number[], j: number): Tensor =>
  f64(shape, (i) => Number((((0.37 * (i + 7 * j)) % 2.3) - 1.1).toFixed(4)));
const close = { rtol: 1e-6, atol: 1e-6 };

const double = { dtype: "float64" } as const;
const small = { dimFeedforward: 6, ...double };
const causal = { causal: true };

interface Case {
  readonly layer: nn.Module;
  readonly inputs: readonly (readonly number[])[];
  /** What follows the inputs. */
  readonly further?: readonly unknown[];
  readonly training?: boolean;
}
const of = (layer: nn.Module, ...inputs: readonly (readonly number[])[]): Case => ({ layer, inputs });

const cases: Readonly<Record<string, Case>> = {
  MaxPool3d: of(new nn.MaxPool3d(2, { stride: 1 }), [1, 1, 3, 2, 3]),
  AvgPool3d: of(new nn.AvgPool3d(2, { stride: 1, padding: 1, countIncludePad: false }), [1, 1, 2, 2, 3]),
  LPPool1d: of(new nn.LPPool1d(2, 2), [1, 2, 5]),
  LPPool2d: of(new nn.LPPool2d(2, 2, { stride: 1 }), [1, 1, 3, 3]),
  AdaptiveAvgPool1d: of(new nn.AdaptiveAvgPool1d(3), [1, 2, 5]),
  AdaptiveAvgPool2d: of(new nn.AdaptiveAvgPool2d([2, 3]), [1, 1, 3, 4]),
  AdaptiveAvgPool3d: of(new nn.AdaptiveAvgPool3d(2), [1, 1, 3, 2, 3]),
  AdaptiveMaxPool1d: of(new nn.AdaptiveMaxPool1d(3), [1, 2, 5]),
  AdaptiveMaxPool2d: of(new nn.AdaptiveMaxPool2d([2, 3]), [1, 1, 3, 4]),
  AdaptiveMaxPool3d: of(new nn.AdaptiveMaxPool3d(2), [1, 1, 3, 2, 3]),
  ConvTranspose1d: of(
    new nn.ConvTranspose1d(2, 3, 3, { stride: 2, padding: 1, outputPadding: 1, ...double }),
    [1, 2, 3],
  ),
  ConvTranspose2d: of(
    new nn.ConvTranspose2d(4, 2, [2, 3], { stride: [2, 1], groups: 2, dilation: [1, 2], ...double }),
    [1, 4, 2, 2],
  ),
  ConvTranspose3d: of(new nn.ConvTranspose3d(1, 2, 2, { bias: false, ...double }), [1, 1, 2, 1, 2]),
  ConstantPad2d: of(
    new nn.ConstantPad2d(
      [
        [2, 1],
        [1, 0],
      ],
      3.5,
    ),
    [1, 1, 2, 2],
  ),
  ZeroPad2d: of(
    new nn.ZeroPad2d([
      [0, 1],
      [1, 2],
    ]),
    [1, 1, 2, 2],
  ),
  ReflectionPad1d: of(new nn.ReflectionPad1d([[2, 1]]), [1, 2, 3]),
  ReflectionPad2d: of(new nn.ReflectionPad2d(1), [1, 1, 2, 3]),
  ReplicationPad2d: of(
    new nn.ReplicationPad2d([
      [0, 1],
      [1, 2],
    ]),
    [1, 1, 2, 2],
  ),
  ReplicationPad3d: of(new nn.ReplicationPad3d(1), [1, 1, 1, 2, 1]),
  Upsample: of(new nn.Upsample({ scaleFactor: [2, 1.5], mode: "linear" }), [1, 1, 2, 2]),
  PixelShuffle: of(new nn.PixelShuffle(2), [1, 4, 1, 2]),
  PixelUnshuffle: of(new nn.PixelUnshuffle(2), [1, 1, 2, 4]),
  Unfold: of(new nn.Unfold(2, { padding: [0, 1] }), [1, 1, 2, 3]),
  Fold: of(new nn.Fold([3, 3], 2), [1, 4, 4]),
  Unflatten: of(new nn.Unflatten(1, [2, -1]), [2, 6]),
  Identity: of(new nn.Identity(), [2, 3]),
  Bilinear: of(new nn.Bilinear(2, 3, 2, double), [2, 2], [2, 3]),
  InstanceNorm1d: of(new nn.InstanceNorm1d(2), [2, 2, 3]),
  InstanceNorm2d: {
    ...of(new nn.InstanceNorm2d(2, { affine: true, trackRunningStats: true, momentum: 0.3, ...double }), [2, 2, 2, 2]),
    training: true,
  },
  BatchNorm3d: { ...of(new nn.BatchNorm3d(2, double), [2, 2, 1, 2, 2]), training: true },
  LocalResponseNorm: of(new nn.LocalResponseNorm(3, { alpha: 0.5 }), [1, 4, 2]),
  GLU: of(new nn.GLU({ axis: 1 }), [2, 4]),
  Hardshrink: of(new nn.Hardshrink({ lambda: 0.3 }), [2, 4]),
  Softshrink: of(new nn.Softshrink({ lambda: 0.3 }), [2, 4]),
  Tanhshrink: of(new nn.Tanhshrink(), [2, 4]),
  TransformerDecoderLayer: of(new nn.TransformerDecoderLayer(4, 2, small), [2, 3, 4], [2, 2, 4]),
  TransformerDecoder: {
    ...of(
      new nn.TransformerDecoder(
        () => new nn.TransformerDecoderLayer(4, 2, { normFirst: true, activation: "gelu", ...small }),
        2,
        { norm: new nn.LayerNorm(4, double) },
      ),
      [2, 3, 4],
      [2, 2, 4],
    ),
    further: [{ self: causal }],
  },
  TransformerEncoder: {
    ...of(new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(4, 2, small), 2), [2, 3, 4]),
    further: [causal],
  },
  Transformer: of(
    new nn.Transformer({ dModel: 4, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, ...small }),
    [2, 3, 4],
    [2, 2, 4],
  ),
};

test("every stored layer has a case", () => {
  expect(Object.keys(cases).toSorted()).toEqual(Object.keys(stored).toSorted());
});

test.each(Object.entries(cases))("%s", async (name, { layer, inputs, further = [], training = false }) => {
  const { shape, values, ofInputs, ofParameters, buffers } = stored[name]!;
  layer.train(training);
  const parameters = layer.namedParameters().toSorted(([a], [b]) => (a < b ? -1 : 1));
  expect(parameters.map(([key]) => key)).toEqual(Object.keys(ofParameters));
  for (const [j, [, parameter]] of parameters.entries())
    parameter.assign(f64(parameter.shape, (i) => 0.5 * Math.sin(1 + i + j)));
  const xs = inputs.map((size, j) => input(size, j).requiresGrad_());
  const y: Tensor = Reflect.apply(layer.forward, layer, [...xs, ...further]);
  expect(y.shape).toEqual(shape);
  y.mul(arange(1, y.size + 1, double).reshape(y.shape))
    .sum()
    .backward();
  await allclose(y, Float64Array.from(values), close);
  for (const [i, x] of xs.entries()) await allclose(x.grad!, Float64Array.from(ofInputs[i]!), close);
  for (const [key, parameter] of parameters)
    await allclose(parameter.grad!, Float64Array.from(ofParameters[key]!), close);
  for (const [key, expected] of Object.entries(buffers ?? {}))
    await allclose(layer.stateDict()[key]!.to("float64"), Float64Array.from(expected), close);
});

describe("what PyTorch 1.13 has no layer for, or this library does otherwise", () => {
  test("pooling with indices and back, with a size that pooling left open", async () => {
    const pool = new nn.MaxPool1d(2);
    const { values, indices } = pool.withIndices(tensor([[[1, 5, 2, 3, 9]]]));
    const back = new nn.MaxUnpool1d(2).forward(values, indices, { size: 5 });
    expect(await back.toArray()).toEqual([[[0, 5, 0, 3, 0]]]);
    expect(await pool.forward(back).toArray()).toEqual([[[5, 3]]]);
  });
  test("running statistics of an instance norm serve in evaluation", async () => {
    const layer = new nn.InstanceNorm1d(1, { trackRunningStats: true, momentum: 1, eps: 0 });
    layer.forward(tensor([[[1, 3]], [[5, 11]]]));
    expect(await layer.runningMean!.toArray()).toEqual([5]);
    expect(await layer.runningVar!.toArray()).toEqual([10]); // (2 + 18) / 2
    await allclose(layer.eval().forward(tensor([[[5, 15]]])), [[[0, Math.sqrt(10)]]]);
  });
  test("margins of all kinds and ranks", async () => {
    const x = zeros([1, 1, 2, 2, 2]);
    expect(new nn.ConstantPad3d(1, 2).forward(x).shape).toEqual([1, 1, 4, 4, 4]);
    expect(await new nn.CircularPad1d([[1, 2]]).forward(tensor([[1, 2, 3]])).toArray()).toEqual([[3, 1, 2, 3, 1, 2]]);
    expect(await new nn.ZeroPad1d(1).forward(tensor([[1]])).toArray()).toEqual([[0, 1, 0]]);
    expect(
      await new nn.ReflectionPad3d([
        [0, 0],
        [0, 0],
        [1, 0],
      ])
        .forward(tensor([[[[1, 2]]]]))
        .toArray(),
    ).toEqual([[[[2, 1, 2]]]]);
  });
  test("transposed convolutions come to any size that the stride leaves open", async () => {
    for (const [extent, size] of [
      [9, 9],
      [9, 10],
      [9, 11],
    ] as const) {
      const layer = new nn.ConvTranspose2d(2, 3, 3, {
        stride: [1, 3],
        padding: [0, 1],
        outputPadding: [0, 1],
        ...double,
      });
      layer.bias?.assign(zeros([3], double));
      const y = layer.forward(input([2, 2, 7, 4], 0), { outputSize: [extent, size + 1] });
      expect(y.shape).toEqual([2, 3, extent, size + 1]);
      // The adjoint of the convolution of what is so large.
      const [, pull] = vjp(
        (x: Tensor) => conv2d(x, layer.weight, { stride: [1, 3], padding: [0, 1] }),
        [zeros([2, 3, extent, size + 1], double)],
      );
      await allclose(y, pull(input([2, 2, 7, 4], 0))[0]);
    }
    const line = new nn.ConvTranspose1d(1, 1, 3, { stride: 2 });
    expect(line.forward(zeros([1, 4]), { outputSize: 10 }).shape).toEqual([1, 10]);
    expect(() => line.forward(zeros([1, 4]), { outputSize: [11] })).toThrow(
      "convTranspose1d: expected an outputSize from [9] to [10], got [11]",
    );
    expect(() => line.forward(zeros([1, 4]), { outputSize: 8 })).toThrow("from [9] to [10], got [8]");
  });
  test("layers of a stack begin with values of their own, of the dtype asked for", async () => {
    const encoder = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(4, 2, small), 2);
    const [first, second] = encoder.layers;
    expect(await first!.linear1.weight.toArray()).not.toEqual(await second!.linear1.weight.toArray());
    expect(encoder.parameters().every((parameter) => parameter.dtype === "float64")).toBe(true);
    expect(Object.keys(encoder.stateDict())).toContain("layers.1.self_attn.in_proj_weight");
  });
  test("channels of all groups in turn", async () => {
    const y = new nn.ChannelShuffle(2).forward(tensor([[[1], [2], [3], [4]]]));
    expect(await y.toArray()).toEqual([[[1], [3], [2], [4]]]);
  });
  test("dropout of whole channels, whatever the rank", async () => {
    const y = await new nn.Dropout1d(0.5).forward(zeros([8, 16, 3]).add(1)).data();
    for (let i = 0; i < y.length; i += 3) expect(new Set(y.slice(i, i + 3)).size).toBe(1);
    expect(new Set(y)).toEqual(new Set([0, 2]));
  });
});

test.each([
  ["Pad", () => new nn.ReflectionPad2d([[1, 1]]), "ReflectionPad2d: expected a number or 2 pairs [before, after]"],
  ["Pad", () => new nn.ZeroPad2d(1).forward(zeros([2, 3])), "ZeroPad2d: expected [N, C, L, L], got shape [2, 3]"],
  ["Unflatten", () => new nn.Unflatten(3, [2]).forward(zeros([2, 8])), "Unflatten: expected an axis 3 of shape [2, 8]"],
  ["Unflatten", () => new nn.Unflatten(1, [3, -1]).forward(zeros([2, 8])), "Unflatten: expected sizes of 8 elements"],
  ["InstanceNorm", () => new nn.InstanceNorm1d(2).forward(zeros([1, 2, 1])), "expected more than one position"],
  ["ConvTranspose", () => new nn.ConvTranspose2d(3, 4, 3, { groups: 2 }), "expected channels that 2 groups divide"],
  ["Bilinear", () => new nn.Bilinear(3, 4, 2).forward(zeros([8, 3]), zeros([8, 3])), "expected last axis 4"],
  ["TransformerEncoder", () => new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(4, 2), 0), "numLayers"],
] as const)("%s refuses what it cannot use", (_, build, message) => {
  expect(build).toThrow(message);
});
