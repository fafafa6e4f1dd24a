// What layers do beyond the fixtures: first values and seeds, modes, and errors.
import { Generator, IndexError, manualSeed, ones, type Tensor, tensor, zeros } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Dropout2d,
  Embedding,
  Flatten,
  init,
  LayerNorm,
  Linear,
  MaxPool2d,
  Sequential,
} from "./index.ts";

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

async function moments(x: Tensor): Promise<{ mean: number; std: number; least: number; most: number }> {
  const list = await values(x);
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  const std = Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length);
  return { mean, std, least: Math.min(...list), most: Math.max(...list) };
}

describe("first values", () => {
  test("of Linear are uniform in ±1/√inFeatures", async () => {
    const layer = new Linear(100, 200, { generator: new Generator(1) });
    for (const x of [layer.weight, layer.bias!]) {
      const { least, most, std } = await moments(x);
      expect(least).toBeGreaterThanOrEqual(-0.1);
      expect(most).toBeLessThanOrEqual(0.1);
      expect(Math.max(-least, most)).toBeGreaterThan(0.097);
      expect(Math.abs(std - 0.1 / Math.sqrt(3))).toBeLessThan(0.004);
    }
  });

  test("of Conv2d are uniform in ±1/√(channels in a group · kernel)", async () => {
    const layer = new Conv2d(8, 64, [3, 5], { groups: 2, generator: new Generator(1) });
    expect(layer.weight.shape).toEqual([64, 4, 3, 5]);
    const { least, most } = await moments(layer.weight);
    const bound = 1 / Math.sqrt(4 * 15);
    expect(Math.max(-least, most)).toBeLessThanOrEqual(bound);
    expect(Math.max(-least, most)).toBeGreaterThan(0.99 * bound);
  });

  test("of Embedding are standard normal, with zeros for the padding", async () => {
    const layer = new Embedding(500, 8, { paddingIdx: 3, generator: new Generator(1) });
    const { mean, std } = await moments(layer.weight);
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(std - 1)).toBeLessThan(0.05);
    expect((await values(layer.weight)).slice(24, 32)).toEqual(new Array(8).fill(0));
  });

  test("come from the generator, or from the shared one that manualSeed seeds", async () => {
    const drawn = async (): Promise<number[]> => values(new Linear(3, 2).weight);
    manualSeed(7);
    const [first, second] = [await drawn(), await drawn()];
    manualSeed(7);
    expect(await drawn()).toEqual(first);
    expect(await drawn()).toEqual(second);
    expect(second).not.toEqual(first);
    const own = async (): Promise<number[]> => values(new Linear(3, 2, { generator: new Generator(7) }).weight);
    expect(await own()).toEqual(await own());
  });

  test("by rule have the variance that the rule promises", async () => {
    const options = { generator: new Generator(3) };
    const shape = [60, 100];
    const std = async (x: Tensor): Promise<number> => (await moments(x)).std;
    const expectStd = async (x: Tensor, wanted: number): Promise<void> =>
      expect(Math.abs((await std(x)) / wanted - 1)).toBeLessThan(0.03);
    await expectStd(init.xavierUniform(shape, options), Math.sqrt(2 / 160));
    await expectStd(init.xavierNormal(shape, { ...options, gain: 2 }), 2 * Math.sqrt(2 / 160));
    await expectStd(init.kaimingUniform(shape, { ...options, nonlinearity: "relu" }), Math.sqrt(2 / 100));
    await expectStd(
      init.kaimingNormal(shape, { ...options, mode: "fanOut", nonlinearity: "tanh" }),
      5 / 3 / Math.sqrt(60),
    );
    await expectStd(init.normal(shape, { ...options, mean: 5, std: 0.5 }), 0.5);
  });

  test("can be float64", () => {
    const layer = new Linear(2, 2, { dtype: "float64" });
    expect(layer.forward(ones([1, 2], { dtype: "float64" })).dtype).toBe("float64");
  });
});

describe("Dropout", () => {
  test("zeros about p of the elements and scales the others", async () => {
    const layer = new Dropout(0.25, { generator: new Generator(1) });
    const dropped = await values(layer.forward(ones([4000])));
    expect(new Set(dropped)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(Math.abs(dropped.filter((x) => x === 0).length / 4000 - 0.25)).toBeLessThan(0.03);
  });

  test("draws a new mask each time, and the same ones from the same seed", async () => {
    const draws = async (): Promise<number[][]> => {
      const layer = new Dropout(0.5, { generator: new Generator(5) });
      return [await values(layer.forward(ones([64]))), await values(layer.forward(ones([64])))];
    };
    const [first, second] = await draws();
    expect(second).not.toEqual(first);
    expect(await draws()).toEqual([first, second]);
  });

  test("passes the gradient where it lets values pass", async () => {
    const x = ones([64], { requiresGrad: true });
    const y = new Dropout(0.5, { generator: new Generator(5) }).forward(x);
    y.sum().backward();
    expect(await values(x.grad!)).toEqual(await values(y));
  });

  test("lets everything pass in evaluation mode, and infinities are dropped like all else", async () => {
    const x = ones([3]);
    expect(new Dropout(0.5).eval().forward(x)).toBe(x);
    const infinite = tensor(new Array(8).fill(Number.POSITIVE_INFINITY));
    expect(await values(new Dropout(1).forward(infinite))).toEqual(new Array(8).fill(0));
  });

  test("of channels keeps or drops them whole", async () => {
    const layer = new Dropout2d(0.5, { generator: new Generator(2) });
    const y = await values(layer.forward(ones([4, 8, 3, 3])));
    const channels = Array.from({ length: 32 }, (_, i) => new Set(y.slice(9 * i, 9 * i + 9)));
    expect(channels.every((set) => set.size === 1)).toBe(true);
    expect(new Set(y)).toEqual(new Set([0, 2]));
  });

  test("wants a probability", () => {
    expect(() => new Dropout(2)).toThrow("Dropout: expected a probability from 0 to 1, got 2");
    expect(() => new Dropout2d(Number.NaN)).toThrow("Dropout2d: expected a probability from 0 to 1, got NaN");
  });
});

describe("BatchNorm", () => {
  const batch = tensor([
    [1, 10],
    [3, 30],
  ]);

  test("follows mean and unbiased variance while training, and uses them afterwards", async () => {
    const layer = new BatchNorm1d(2);
    layer.forward(batch);
    const state = layer.stateDict();
    expect(await values(state.running_mean!)).toEqual([0.2, 2].map(Math.fround));
    expect(await values(state.running_var!)).toEqual([1.1, 20.9].map(Math.fround));
    layer.forward(batch);
    expect(await state.num_batches_tracked!.item()).toBe(2);
    layer.eval();
    const before = await values(layer.runningMean!);
    await values(layer.forward(batch));
    expect(await values(layer.runningMean!)).toEqual(before);
  });

  test("gradients are those of the statistics that the loss was built with, however they move on before backward()", async () => {
    const x = tensor([
      [1, 5],
      [2, 7],
      [4, 6],
    ]);
    for (const training of [false, true]) {
      const [layer, still] = [new BatchNorm1d(2), new BatchNorm1d(2)];
      for (const each of [layer, still]) if (!training) each.eval();
      const losses = [layer, still].map((each) => each.forward(x).pow(3).sum());
      layer.train();
      for (let i = 0; i < 3; i++) await values(layer.forward(x.mul(7)));
      for (const loss of losses) loss.backward();
      for (const name of ["weight", "bias"] as const)
        expect(await values(layer[name]!.grad!)).toEqual(await values(still[name]!.grad!));
      expect(await values(layer.runningMean!)).not.toEqual(await values(still.runningMean!));
    }
  });

  test("averages over all batches without a momentum", async () => {
    const layer = new BatchNorm1d(2, { momentum: null });
    layer.forward(batch);
    layer.forward(batch.add(4));
    expect(await values(layer.runningMean!)).toEqual([4, 22]);
  });

  test("updates join the training step: nothing else has to be read", async () => {
    const layer = new BatchNorm1d(2);
    const y = layer.forward(batch);
    y.sum().backward();
    await y.data();
    expect((await values(layer.runningMean!))[1]).toBe(2);
    expect(layer.runningMean!.requiresGrad).toBe(false);
  });

  test("uses the batch's statistics in evaluation too if it tracks none", async () => {
    const layer = new BatchNorm1d(2, { trackRunningStats: false, affine: false }).eval();
    expect((await values(layer.forward(batch))).map(Math.sign)).toEqual([-1, -1, 1, 1]);
    expect(layer.stateDict()).toEqual({});
  });

  test("refuses what it cannot normalize", () => {
    expect(() => new BatchNorm1d(2).forward(ones([1, 2]))).toThrow(
      "BatchNorm1d: expected more than one value for each channel while training, got shape [1, 2]",
    );
    expect(() => new BatchNorm1d(2).forward(ones([0, 2]))).toThrow("expected more than one value");
    expect(() => new BatchNorm2d(2).forward(ones([4, 2]))).toThrow("BatchNorm2d: expected 4 axes, got shape [4, 2]");
    const channels: number = 3;
    expect(() => new BatchNorm2d(2).forward(ones([1, channels, 2, 2]))).toThrow(
      "BatchNorm2d: expected 2 channels in axis 1, got shape [1, 3, 2, 2]",
    );
  });
});

describe("Embedding", () => {
  test("gives the padding no gradient", async () => {
    const layer = new Embedding(4, 2, { paddingIdx: 1 });
    layer
      .forward(tensor([1, 2, 2], { dtype: "int32" }))
      .sum()
      .backward();
    expect(await values(layer.weight.grad!)).toEqual([0, 0, 0, 0, 2, 2, 0, 0]);
  });

  test("refuses ids outside of its table", async () => {
    const layer = new Embedding(4, 2);
    await expect(layer.forward(tensor([4], { dtype: "int32" })).data()).rejects.toThrow(IndexError);
    await expect(layer.forward(tensor([-1], { dtype: "int32" })).data()).rejects.toThrow(/-1 is out of range/);
    expect(() => new Embedding(4, 2, { paddingIdx: 4 })).toThrow("Embedding: expected paddingIdx from 0 to 3, got 4");
  });
});

describe("wrong shapes and sizes", () => {
  const size: number = 5;
  test.each([
    ["Linear: expected last axis 3, got shape [2, 5]", () => new Linear(3, 2).forward(zeros([2, size]))],
    ["Linear: expected last axis 3, got shape []", () => new Linear(3, 2).forward(tensor(1))],
    ["Linear: expected a whole inFeatures of at least 1, got 2.5", () => new Linear(2.5, 2)],
    ["Linear: expected a whole outFeatures of at least 1, got 0", () => new Linear(2, 0)],
    ["conv2d: expected 3 channels for 1 groups", () => new Conv2d(3, 4, 3).forward(zeros([1, size, 8, 8]))],
    ["Conv2d: expected channels that 2 groups divide, got 3 in and 4 out", () => new Conv2d(3, 4, 3, { groups: 2 })],
    ["Conv2d: expected a kernelSize of 2 numbers, got [3]", () => new Conv2d(3, 4, [3])],
    ["maxPool2d: expected a kernel no larger", () => new MaxPool2d(3).forward(zeros([1, 1, 2, 2]))],
    ["layerNorm: expected an input that ends in [4]", () => new LayerNorm(4).forward(zeros([2, size]))],
    ["flatten: axis 1 is out of range for shape [2]", () => new Flatten().forward(zeros([2]))],
  ])("%s", (message, build) => {
    expect(build).toThrow(message);
  });
});

test("Sequential passes values on, and is a layer itself", async () => {
  const double = new Linear(1, 1, { bias: false });
  double.weight.assign(tensor([[2]]));
  const model = new Sequential(double, new Sequential(double, double));
  expect(await values(model.forward(ones([1, 1])))).toEqual([8]);
  expect(model.parameters()).toHaveLength(1);
});
