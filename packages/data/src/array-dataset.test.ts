import { ArgumentError, IndexError, ShapeError, type Tensor, tensor } from "@cotangent/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArrayDataset, tensorDataset } from "./array-dataset.ts";

const points = () =>
  new ArrayDataset({
    x: { data: Float32Array.of(0, 1, 10, 11, 20, 21), shape: [2] },
    y: { data: Int32Array.of(5, 6, 7), shape: [] },
  });

describe("ArrayDataset", () => {
  test("gathers rows in the order asked for", async () => {
    const batch = points().batch([2, 0, 2]);
    expect(batch.x.shape).toEqual([3, 2]);
    expect(await batch.x.data()).toEqual(Float32Array.of(20, 21, 0, 1, 20, 21));
    expect(batch.y.shape).toEqual([3]);
    expect(batch.y.dtype).toBe("int32");
    expect(await batch.y.data()).toEqual(Int32Array.of(7, 5, 7));
  });

  test("has single samples without the batch axis", async () => {
    const { x, y } = points().get(1);
    expect([x.shape, y.shape]).toEqual([[2], []]);
    expect(await x.data()).toEqual(Float32Array.of(10, 11));
    expect(await y.data()).toEqual(Int32Array.of(6));
  });

  test("knows the shapes at compile time", () => {
    const dataset = points();
    expectTypeOf(dataset.get(0).x).toEqualTypeOf<Tensor<readonly [2]>>();
    expectTypeOf(dataset.batch([0]).x).toEqualTypeOf<Tensor<[number, 2]>>();
    expectTypeOf(dataset.batch([0]).y).toEqualTypeOf<Tensor<[number]>>();
  });

  test("turns bytes into what a table says they mean", async () => {
    const table = Float32Array.from({ length: 256 }, (_, byte) => byte / 255 - 0.5);
    const dataset = new ArrayDataset({ image: { data: Uint8Array.of(0, 255, 51, 102), shape: [1, 2], table } });
    const { image } = dataset.batch([1, 0]);
    expect([image.shape, image.dtype]).toEqual([[2, 1, 2], "float32"]);
    expect(await image.data()).toEqual(Float32Array.of(51 / 255 - 0.5, 102 / 255 - 0.5, -0.5, 0.5));
  });

  test("keeps bytes as uint8, or as bool where told", () => {
    const data = Uint8Array.of(0, 1);
    expect(new ArrayDataset({ a: { data, shape: [] } }).batch([0]).a.dtype).toBe("uint8");
    expect(new ArrayDataset({ a: { data, shape: [], dtype: "bool" } }).batch([0]).a.dtype).toBe("bool");
  });

  test("batches do not change with the dataset's arrays", async () => {
    const data = Float32Array.of(1, 2);
    const { a } = new ArrayDataset({ a: { data, shape: [] } }).batch([0, 1]);
    data.fill(9);
    expect(await a.data()).toEqual(Float32Array.of(1, 2));
  });

  test("refuses indices out of range", () => {
    expect(() => points().get(3)).toThrow(IndexError);
    expect(() => points().get(-1)).toThrow("ArrayDataset.get: expected an index from 0 to 2, got -1");
    expect(() => points().batch([0, 3])).toThrow(IndexError);
    expect(() => points().batch([0.5])).toThrow(IndexError);
  });

  test("refuses columns that do not fit", () => {
    const data = Float32Array.of(1, 2, 3, 4);
    expect(() => new ArrayDataset({})).toThrow(ArgumentError);
    expect(() => new ArrayDataset({ a: { data, shape: [3] } })).toThrow("expected a multiple of 3 values in a");
    expect(() => new ArrayDataset({ a: { data, shape: [0] } })).toThrow(ShapeError);
    expect(() => new ArrayDataset({ a: { data, shape: [2] }, b: { data, shape: [] } })).toThrow("got a: 2, b: 4");
    expect(() => new ArrayDataset({ a: { data, shape: [], table: new Float32Array(256) } })).toThrow(ArgumentError);
    expect(() => new ArrayDataset({ a: { data: Uint8Array.of(1), shape: [], table: new Float32Array(10) } })).toThrow(
      ArgumentError,
    );
  });

  test("gathers a batch of 128 × 784 in a fraction of a millisecond", () => {
    const table = Float32Array.from({ length: 256 }, (_, byte) => byte);
    const dataset = new ArrayDataset({ image: { data: new Uint8Array(2000 * 784), shape: [784], table } });
    const indices = Int32Array.from({ length: 128 }, (_, i) => (i * 997) % 2000);
    const times = Array.from({ length: 100 }, () => {
      const start = performance.now();
      dataset.batch(indices);
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(0.7);
  });
});

describe("tensorDataset", () => {
  test("has the rows of tensors", async () => {
    const dataset = await tensorDataset({
      x: tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2] }),
      y: tensor([true, false, true]),
    });
    expect(dataset.length).toBe(3);
    const { x, y } = dataset.batch([2, 1]);
    expect([x.shape, y.shape, y.dtype]).toEqual([[2, 2], [2], "bool"]);
    expect(await x.data()).toEqual(Float32Array.of(5, 6, 3, 4));
  });

  test("refuses scalars and tensors of different lengths", async () => {
    await expect(tensorDataset({ x: tensor(1) })).rejects.toThrow(ShapeError);
    await expect(tensorDataset({ x: tensor([1]), y: tensor([1, 2]) })).rejects.toThrow(ShapeError);
  });
});
