// What losses refuse, and what they leave out.
import { type Tensor, tensor, zeros } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import { accuracy, bceWithLogits, crossEntropy, klDiv, mse, nllLoss } from "./index.ts";

const ids = (...labels: number[]): Tensor => tensor(labels, { dtype: "int32" });

describe("crossEntropy", () => {
  test("is stable for large logits, and so is its gradient", async () => {
    const logits = tensor(
      [
        [1e4, 0],
        [0, 1e4],
      ],
      { requiresGrad: true },
    );
    const loss = crossEntropy(logits, ids(0, 0));
    loss.backward();
    expect(await loss.item()).toBe(5000);
    expect([...(await logits.grad!.data())]).toEqual([0, 0, -0.5, 0.5]);
  });

  test("takes uint8 labels", async () => {
    const labels = tensor(Uint8Array.of(1), {});
    expect(await crossEntropy(zeros([1, 4]), labels).item()).toBeCloseTo(Math.log(4), 6);
  });

  test("ignores labels in value, in the mean's divisor and in the gradient", async () => {
    const logits = tensor(
      [
        [1, 2],
        [3, 5],
      ],
      { requiresGrad: true },
    );
    const loss = crossEntropy(logits, ids(0, 7), { ignoreIndex: 7 });
    loss.backward();
    expect(await loss.item()).toBeCloseTo(Math.log(1 + Math.E), 6);
    expect([...(await logits.grad!.data())].slice(2)).toEqual([0, 0]);
  });

  test("refuses labels out of range when it is computed", async () => {
    await expect(crossEntropy(zeros([2, 10]), ids(3, 12)).item()).rejects.toThrow(
      "crossEntropy: labels: index 12 is out of range for size 10",
    );
    await expect(crossEntropy(zeros([2, 10]), ids(-1, 2)).item()).rejects.toThrow("index -1 is out of range");
    await expect(crossEntropy(zeros([1, 10]), ids(-100), { ignoreIndex: null }).item()).rejects.toThrow("index -100");
    await expect(nllLoss(zeros([1, 10]), ids(10)).item()).rejects.toThrow("nllLoss: labels: index 10");
  });

  test.each([
    [
      "crossEntropy: expected labels of shape [2] for logits of shape [2, 3], got [3]",
      () => crossEntropy(zeros([2, 3]), ids(0, 0, 0)),
    ],
    [
      "crossEntropy: expected labels of shape [2] for logits of shape [2, 3], got [2, 1]",
      () => crossEntropy(zeros([2, 3]), ids(0, 0).reshape([2, 1])),
    ],
    ["crossEntropy: expected class ids of int32 or uint8, got float32", () => crossEntropy(zeros([2, 3]), zeros([2]))],
    [
      "crossEntropy: expected probabilities of the logits' shape [2, 3], got [2, 4]",
      () => crossEntropy(zeros([2, 3]), zeros([2, 4])),
    ],
    ["crossEntropy: expected float logits, got int32", () => crossEntropy(ids(1, 2), ids(1).reshape([]))],
    [
      "crossEntropy: expected a weight of shape [3], got [2]",
      () => crossEntropy(zeros([2, 3]), ids(0, 0), { weight: zeros([2]) }),
    ],
    [
      "crossEntropy: expected at least one element to take the mean of, got shape [0]",
      () => crossEntropy(zeros([0, 3]), ids()),
    ],
    [
      "crossEntropy: expected at least one element to take the mean of, got shape [0]",
      () => crossEntropy(zeros([0, 3]), ids(), { ignoreIndex: null }),
    ],
    [
      "crossEntropy: expected at least one element to take the mean of, got shape [0]",
      () => crossEntropy(zeros([0, 3]), zeros([0, 3])),
    ],
    [
      "accuracy: expected labels of shape [2] for logits of shape [2, 3], got [1]",
      () => accuracy(zeros([2, 3]), ids(1)),
    ],
    ["accuracy: expected at least one element", () => accuracy(zeros([0, 3]), ids())],
    ["mse: expected a target of shape [2, 1], got [2]", () => mse(zeros([2, 1]), zeros([2]))],
    ["mse: expected at least one element", () => mse(zeros([0]), zeros([0]))],
    ["klDiv: expected a target of shape [2], got [3]", () => klDiv(zeros([2]), zeros([3]))],
    ["klDiv: expected at least one element", () => klDiv(zeros([0, 2]), zeros([0, 2]), { reduction: "batchmean" })],
  ])("%s", (message, build) => {
    expect(build).toThrow(message);
  });

  test("an empty batch has a sum, and no losses", async () => {
    expect(await crossEntropy(zeros([0, 3]), ids(), { reduction: "sum" }).item()).toBe(0);
    expect(crossEntropy(zeros([0, 3]), ids(), { reduction: "none" }).shape).toEqual([0]);
  });
});

test("accuracy counts hits", async () => {
  const logits = tensor([
    [0, 2, 1],
    [5, 1, 1],
    [0, 1, 2],
    [3, 1, 2],
  ]);
  expect(await accuracy(logits, ids(1, 0, 0, 0)).item()).toBe(0.75);
});

test("batchmean divides the sum by the batch", async () => {
  const [input, target] = [
    tensor([
      [-1, -2],
      [-3, -1],
    ]),
    tensor([
      [0.5, 0.5],
      [0.1, 0.9],
    ]),
  ];
  const total = await klDiv(input, target, { reduction: "sum" }).item();
  expect(await klDiv(input, target, { reduction: "batchmean" }).item()).toBeCloseTo(total / 2, 6);
});

test("klDiv of logarithms equals that of probabilities", async () => {
  const [input, target] = [tensor([-1, -2]), tensor([0.25, 0.75])];
  const plain = await klDiv(input, target).item();
  expect(await klDiv(input, target.log(), { logTarget: true }).item()).toBeCloseTo(plain, 6);
});

test("bceWithLogits does not cancel", async () => {
  const loss = bceWithLogits(tensor([-30, 30]), tensor([0, 1]), { reduction: "none" });
  for (const value of await loss.data()) expect(value / Math.exp(-30)).toBeCloseTo(1, 5);
});
