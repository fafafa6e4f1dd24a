// Indexing against NumPy's rules spelled out on nested arrays, reading and assigning, with derivatives.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, type IndexItem, index, indexPut, type Tensor, tensor, zeros } from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";

const { device: usual } = zeros([]);
const int = (values: number[], shape?: number[]): Tensor =>
  tensor(values, { dtype: "int32", shape: shape ?? [values.length] });
const counting = (...shape: number[]): Tensor => ct.arange(shape.reduce((a, b) => a * b, 1)).reshape(shape);
const array = (x: Tensor): unknown => x.toArraySync();

describe.each(deviceNames())("indexing on %s", (device) => {
  beforeAll(() => ct.setDefaultDevice(device));
  afterAll(() => ct.setDefaultDevice(usual));
  // What NumPy gives for np.arange(24).reshape(2, 3, 4)[…].
  const cases: [string, () => IndexItem[], number[], number[]][] = [
    ["a number", () => [1], [3, 4], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]],
    ["numbers", () => [-1, 0, 2], [], [14]],
    ["a range and a number", () => [[0, 1], 2], [1, 4], [8, 9, 10, 11]],
    ["steps", () => [0, [null, null, -2], [null, null, 3]], [2, 2], [8, 11, 0, 3]],
    ["dots", () => ["...", 1], [2, 3], [1, 5, 9, 13, 17, 21]],
    ["a new axis", () => [0, "newaxis", 1], [1, 4], [4, 5, 6, 7]],
    ["an index", () => [null, int([2, -3])], [2, 2, 4], [8, 9, 10, 11, 0, 1, 2, 3, 20, 21, 22, 23, 12, 13, 14, 15]],
    ["indices together", () => [int([0, 1]), int([2, 1])], [2, 4], [8, 9, 10, 11, 16, 17, 18, 19]],
    ["indices together behind", () => [null, int([0, 2]), int([3, 1])], [2, 2], [3, 9, 15, 21]],
    ["indices apart", () => [int([0, 1, 1]), null, int([3, 0, 1])], [3, 3], [3, 7, 11, 12, 16, 20, 13, 17, 21]],
    ["a number among indices", () => [1, null, int([3, 0])], [2, 3], [15, 19, 23, 12, 16, 20]],
    ["indices that broadcast", () => [int([0, 1], [2, 1]), 1, int([0, 3])], [2, 2], [4, 7, 16, 19]],
    ["a range before an index", () => [[1], int([0]), [1, 3]], [1, 1, 2], [13, 14]],
    ["a mask", () => [tensor([false, true])], [1, 3, 4], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]],
    [
      "a mask of two axes",
      () => [
        tensor([
          [false, true, false],
          [true, false, false],
        ]),
        [1, 3],
      ],
      [2, 2],
      [5, 6, 13, 14],
    ],
    ["a mask with an index", () => [null, tensor([true, false, true]), int([0, 1])], [2, 2], [0, 9, 12, 21]],
    ["an empty range", () => [[5]], [0, 3, 4], []],
    ["an empty mask", () => [null, tensor([false, false, false])], [2, 0, 4], []],
    ["nothing", () => [], [2, 3, 4], Array.from({ length: 24 }, (_, i) => i)],
  ];
  test.each(cases)("reads by %s", (_, items, shape, values) => {
    const y = index(counting(2, 3, 4), items());
    expect(y.shape).toEqual(shape);
    expect([...y.dataSync()]).toEqual(values);
  });
  test.each(cases)("assigns by %s", (_, items, shape, values) => {
    const source = ct.arange(values.length).add(100).reshape(shape);
    const expected = Array.from({ length: 24 }, (__, i) => (values.includes(i) ? 100 + values.indexOf(i) : i));
    expect([...indexPut(counting(2, 3, 4), items(), source).dataSync()]).toEqual(expected);
    const constant = Array.from({ length: 24 }, (__, i) => (values.includes(i) ? -1 : i));
    expect([...indexPut(counting(2, 3, 4), items(), -1).dataSync()]).toEqual(constant);
    const added = Array.from({ length: 24 }, (__, i) => (values.includes(i) ? i + 1 : i));
    expect([...indexPut(counting(2, 3, 4), items(), 1, { reduce: "add" }).dataSync()]).toEqual(added);
  });
  test.each(cases)("has the gradient of %s, read and assigned", async (_, items, shape) => {
    const x = counting(2, 3, 4).mul(0.1).add(1);
    await gradcheck((y) => index(y!.mul(y!), items()), [x], { order: 2 });
    await gradcheck((y, v) => indexPut(y!.mul(y!), items(), v!.mul(v!)), [x, ct.ones(shape)], { order: 2 });
  });
  test("cells put several times keep the last value and its gradient, or the sum, or the extreme", () => {
    const at = [int([1, 1, 0])];
    const values = tensor([5, 7, -1]);
    const run = (reduce: ct.ScatterReduction): [unknown, unknown, unknown] => {
      const f = (x: Tensor, v: Tensor): Tensor<[]> =>
        indexPut(x, at, v, { reduce })
          .mul(tensor([1, 10, 100]))
          .sum() as Tensor<[]>;
      const y = indexPut(tensor([1, 2, 3]), at, values, { reduce });
      const [dx, dv] = ct.grad(f, [0, 1])(tensor([1, 2, 3]), values);
      return [array(y), array(dx), array(dv)];
    };
    expect(run("set")).toEqual([
      [-1, 7, 3],
      [0, 0, 100],
      [0, 10, 1],
    ]);
    expect(run("add")).toEqual([
      [0, 14, 3],
      [1, 10, 100],
      [10, 10, 1],
    ]);
    expect(run("max")).toEqual([
      [1, 7, 3],
      [1, 0, 100],
      [0, 10, 0],
    ]);
    expect(run("min")).toEqual([
      [-1, 2, 3],
      [0, 10, 100],
      [0, 0, 1],
    ]);
  });
  test("equal extremes share the gradient", () => {
    const f = (x: Tensor, v: Tensor): Tensor<[]> =>
      ct.scatter(x, int([0, 0]), v, { reduce: "max" }).sum() as Tensor<[]>;
    const [dx, dv] = ct.grad(f, [0, 1])(tensor([3]), tensor([3, 3]));
    expect([...dx.dataSync(), ...dv.dataSync()]).toEqual([1 / 3, 1 / 3, 1 / 3].map(Math.fround));
  });
  test("scatter reaches a corner of a larger tensor", () => {
    const y = ct.scatter(zeros([3, 3]), int([1, 0], [1, 2]), tensor([[5, 6]]), { axis: 0 });
    expect(array(y)).toEqual([
      [0, 6, 0],
      [5, 0, 0],
      [0, 0, 0],
    ]);
  });
  test("index tensors out of range fail when they are computed, and name themselves", () => {
    const y = index(counting(3), [int([1, 5])]);
    expect(() => y.dataSync()).toThrow("index: index 5 is out of range for size 3");
    expect(() => indexPut(counting(3), [int([-4])], 1).dataSync()).toThrow("indexPut: index -1 is out of range");
    expect(() => ct.scatter(counting(3), int([3]), tensor([1]), { reduce: "max" }).dataSync()).toThrow(
      "scatter: index 3",
    );
  });
  test("what depends on values is read", async () => {
    const x = tensor([
      [3, 0],
      [0, 4],
    ]);
    expect(array(await ct.nonzero(x))).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect((await ct.nonzero(zeros([2, 2]))).shape).toEqual([0, 2]);
    expect(array(await ct.maskedSelect(x, tensor([true, false])))).toEqual([3, 0]);
    expect((await ct.maskedSelect(x, tensor([false, false]))).shape).toEqual([0]);
    const leaf = tensor([1, 2, 3], { requiresGrad: true });
    (await ct.maskedSelect(leaf.mul(leaf), tensor([true, false, true]))).sum().backward();
    expect(array(leaf.grad!)).toEqual([2, 0, 6]);
  });
  test("maskedScatter takes from the source one after another", async () => {
    const mask = tensor([
      [true, false],
      [true, true],
    ]);
    expect(array(ct.maskedScatter(zeros([2, 2]), mask, tensor([1, 2, 3, 4])))).toEqual([
      [1, 0],
      [2, 3],
    ]);
    expect(() => ct.maskedScatter(zeros([2, 2]), mask, tensor([1, 2])).dataSync()).toThrow("maskedScatter: index 2");
    await gradcheck((x, s) => ct.maskedScatter(x!, mask, s!).mul(counting(2, 2)), [zeros([2, 2]), tensor([1, 2, 3])]);
  });
  test("indexCopy and indexFill replace slices", () => {
    expect(
      array(
        ct.indexCopy(
          zeros([2, 3]),
          int([2, 0]),
          tensor([
            [1, 2],
            [3, 4],
          ]),
          { axis: 1 },
        ),
      ),
    ).toEqual([
      [2, 0, 1],
      [4, 0, 3],
    ]);
    expect(array(ct.indexFill(zeros([2, 2]), int([1]), 9, { axis: -1 }))).toEqual([
      [0, 9],
      [0, 9],
    ]);
  });
  test("joins vmap", () => {
    const rows = counting(3, 4);
    const y = ct.vmap((x: Tensor) => indexPut(index(x, [int([3, 1])]), [0], -1))(rows);
    expect(array(y)).toEqual([
      [-1, 1],
      [-1, 5],
      [-1, 9],
    ]);
  });
});

test("indices that make no sense are refused", () => {
  expect(() => index(zeros([3]), [3])).toThrow("index: index 3 is out of range for axis 0 of size 3");
  expect(() => index(zeros([3]), [0, 0])).toThrow("index: expected at most 1 indices for shape [3], got 2");
  expect(() => index(zeros([3]), ["...", "..."])).toThrow('index: expected at most one "...", got 2');
  expect(() => index(zeros([3]), [tensor([true])])).toThrow(
    "index: expected a mask of shape [3] from axis 0 on, got [1]",
  );
  expect(() => index(zeros([3]), [tensor([0.5])])).toThrow("index: expected an int32 index, got float32");
  expect(() => indexPut(zeros([3]), [[1]], zeros([3]))).toThrow(
    "indexPut: expected values that broadcast to [2], got [3]",
  );
});
