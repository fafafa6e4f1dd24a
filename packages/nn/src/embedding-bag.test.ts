// EmbeddingBag against loops in float64, and against PyTorch's numbers where bags are empty or hold padding.
import { grad, type Tensor, tensor, zeros } from "@cotangent/core";
import { allclose, gradcheck } from "@cotangent/core/testing";
import { describe, expect, test } from "vitest";
import { EmbeddingBag } from "./index.ts";

const modes = ["sum", "mean", "max"] as const;
const ids = (...list: number[]): Tensor => tensor(list, { dtype: "int32" });
const table = tensor(
  Float32Array.from({ length: 10 }, (_, i) => i - 3),
  { shape: [5, 2] },
);

function bag(mode: (typeof modes)[number], paddingIdx?: number): EmbeddingBag {
  const layer = new EmbeddingBag(5, 2, { mode, ...(paddingIdx !== undefined && { paddingIdx }) });
  layer.weight.assign(table);
  return layer;
}

/** What PyTorch 1.13 gives for bags [0], [], [1, 1], [4, 2], and the gradient of the sum of squares. */
const torch = {
  sum: {
    plain: [
      [
        [-3, -2],
        [0, 0],
        [-2, 0],
        [6, 8],
      ],
      [
        [-6, -4],
        [-8, 0],
        [12, 16],
        [0, 0],
        [12, 16],
      ],
    ],
    padded: [
      [
        [-3, -2],
        [0, 0],
        [0, 0],
        [6, 8],
      ],
      [
        [-6, -4],
        [0, 0],
        [12, 16],
        [0, 0],
        [12, 16],
      ],
    ],
  },
  mean: {
    plain: [
      [
        [-3, -2],
        [0, 0],
        [-1, 0],
        [3, 4],
      ],
      [
        [-6, -4],
        [-2, 0],
        [3, 4],
        [0, 0],
        [3, 4],
      ],
    ],
    padded: [
      [
        [-3, -2],
        [0, 0],
        [0, 0],
        [3, 4],
      ],
      [
        [-6, -4],
        [0, 0],
        [3, 4],
        [0, 0],
        [3, 4],
      ],
    ],
  },
  max: {
    plain: [
      [
        [-3, -2],
        [0, 0],
        [-1, 0],
        [5, 6],
      ],
      [
        [-6, -4],
        [-2, 0],
        [0, 0],
        [0, 0],
        [10, 12],
      ],
    ],
    padded: [
      [
        [-3, -2],
        [0, 0],
        [0, 0],
        [5, 6],
      ],
      [
        [-6, -4],
        [0, 0],
        [0, 0],
        [0, 0],
        [10, 12],
      ],
    ],
  },
};

describe.each(modes)("EmbeddingBag, %s", (mode) => {
  test.each([
    ["plain", undefined],
    ["padded", 1],
  ] as const)("pieces of a list are PyTorch's: %s", (name, paddingIdx) => {
    const layer = bag(mode, paddingIdx);
    const [values, slopes] = torch[mode][name];
    const forward = (m: EmbeddingBag): Tensor => m.forward(ids(0, 1, 1, 4, 2), { offsets: ids(0, 1, 1, 3) });
    expect(forward(layer).toArraySync()).toEqual(values);
    const { weight } = grad((m: EmbeddingBag) => forward(m).pow(2).sum())(layer);
    expect(weight?.toArraySync()).toEqual(slopes);
    const ending = new EmbeddingBag(5, 2, { mode, includeLastOffset: true, ...(paddingIdx && { paddingIdx }) });
    ending.weight.assign(table);
    const offsets = ids(0, 1, 1, 3, 5);
    expect(ending.forward(ids(0, 1, 1, 4, 2), { offsets }).toArraySync()).toEqual(values);
    // An id after the end of the last bag, and one before the first.
    expect(() => ending.forward(ids(0, 1, 1, 4, 2, 3), { offsets }).dataSync()).toThrow("index 4 is out of range");
    expect(() => layer.forward(ids(1, 2), { offsets: ids(1) }).dataSync()).toThrow("index -1 is out of range");
  });

  test("rows are pieces of equal length", async () => {
    const layer = bag(mode, 2);
    const rows = tensor(
      [
        [0, 2, 4],
        [2, 2, 2],
        [3, 1, 0],
      ],
      { dtype: "int32" },
    );
    const pieces = { offsets: ids(0, 3, 6) };
    await allclose(layer.forward(rows), layer.forward(rows.reshape([9]), pieces));
    const slopes = (f: (m: EmbeddingBag) => Tensor) => grad((m: EmbeddingBag) => f(m).pow(2).sum())(layer).weight;
    const expected = slopes((m) => m.forward(rows.reshape([9]), pieces));
    if (expected) allclose(slopes((m) => m.forward(rows)) ?? zeros([0]), expected);
  });

  test("no ids at all come to zeros", () => {
    expect(
      bag(mode)
        .forward(zeros([2, 0], { dtype: "int32" }))
        .toArraySync(),
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(
      bag(mode)
        .forward(zeros([0], { dtype: "int32" }), { offsets: ids(0, 0) })
        .toArraySync(),
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

test("weights of samples, and their gradient", () => {
  const layer = bag("sum");
  const bags = { offsets: ids(0, 2) };
  const weighted = (w: Tensor): Tensor => layer.forward(ids(4, 0, 3), { ...bags, perSampleWeights: w });
  expect(weighted(tensor([2, 0.5, -1])).toArraySync()).toEqual([
    [8.5, 11],
    [-3, -4],
  ]);
  gradcheck(weighted, [tensor([2, 0.5, -1])]);
});

test("has PyTorch's name, and says what it expects", async () => {
  expect(Object.keys(new EmbeddingBag(4, 2).stateDict())).toEqual(["weight"]);
  expect([...new EmbeddingBag(4, 2, { paddingIdx: 1 }).weight.dataSync()].slice(2, 4)).toEqual([0, 0]);
  const layer = bag("mean");
  expect(() => layer.forward(ids(1, 2, 3))).toThrow("EmbeddingBag: expected offsets beside ids of shape [3], got none");
  expect(() => layer.forward(zeros([2, 2], { dtype: "int32" }), { offsets: ids(0) })).toThrow("expected no offsets");
  expect(() => layer.forward(zeros([1, 2, 2], { dtype: "int32" }))).toThrow(
    "expected ids [bags, length] or [N], got [1, 2, 2]",
  );
  expect(() => layer.forward(ids(1), { offsets: ids(0), perSampleWeights: tensor([1]) })).toThrow(
    "mode sum alone, got mean",
  );
  const sum = bag("sum");
  expect(() => sum.forward(ids(1), { offsets: ids(0), perSampleWeights: tensor([1, 2]) })).toThrow(
    "of shape [1], got [2]",
  );
  expect(() => new EmbeddingBag(4, 2, { paddingIdx: 4 })).toThrow(
    "EmbeddingBag: expected paddingIdx from 0 to 3, got 4",
  );
  await expect(sum.forward(ids(1, 2), { offsets: ids(1) }).data()).rejects.toThrow("indexAdd");
  await expect(sum.forward(ids(5), { offsets: ids(0) }).data()).rejects.toThrow("embedding");
});
