import { ArgumentError, IndexError, type Tensor } from "@cotangent/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArrayDataset } from "./array-dataset.ts";
import { type Dataset, Subset } from "./dataset.ts";
import { DataLoader } from "./loader.ts";

const numbers = (length: number) =>
  new ArrayDataset({ x: { data: Int32Array.from({ length }, (_, i) => i), shape: [] } });

async function epoch(loader: DataLoader<unknown, { x: Tensor }>): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const { x } of loader) batches.push([...(await x.data())]);
  return batches;
}

describe("DataLoader", () => {
  test("goes through the dataset in order, the last batch with what is left", async () => {
    const loader = new DataLoader(numbers(10), { batchSize: 4 });
    expect(loader.length).toBe(3);
    expect(await epoch(loader)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(await epoch(loader)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
  });

  test("drops a smaller last batch if told, and only a smaller one", async () => {
    expect(await epoch(new DataLoader(numbers(10), { batchSize: 4, dropLast: true }))).toHaveLength(2);
    const even = new DataLoader(numbers(8), { batchSize: 4, dropLast: true });
    expect([even.length, (await epoch(even)).length]).toEqual([2, 2]);
  });

  test("makes batches of one by default", async () => {
    expect(await epoch(new DataLoader(numbers(2)))).toEqual([[0], [1]]);
  });

  test("shuffles: every sample once, a new order each epoch, the same for the same seed", async () => {
    const options = { batchSize: 32, shuffle: true, seed: 3 };
    const loader = new DataLoader(numbers(100), options);
    const [first, second] = [await epoch(loader), await epoch(loader)];
    for (const order of [first, second])
      expect(order.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(second).not.toEqual(first);
    const again = new DataLoader(numbers(100), options);
    expect([await epoch(again), await epoch(again)]).toEqual([first, second]);
    expect(await epoch(new DataLoader(numbers(100), { ...options, seed: 4 }))).not.toEqual(first);
  });

  test("continues at an epoch", async () => {
    const options = { batchSize: 100, shuffle: true };
    const loader = new DataLoader(numbers(100), options);
    await epoch(loader);
    const second = await epoch(loader);
    const resumed = new DataLoader(numbers(100), options);
    resumed.epoch = 1;
    expect(await epoch(resumed)).toEqual(second);
    expect(resumed.epoch).toBe(2);
  });

  test("loops that overlap are epochs of their own", async () => {
    const loader = new DataLoader(numbers(50), { batchSize: 50, shuffle: true });
    const [a, b] = [loader[Symbol.asyncIterator](), loader[Symbol.asyncIterator]()];
    const second = [...(await (await b.next()).value!.x.data())];
    const first = [...(await (await a.next()).value!.x.data())];
    const again = new DataLoader(numbers(50), { batchSize: 50, shuffle: true });
    expect([(await epoch(again))[0], (await epoch(again))[0]]).toEqual([first, second]);
  });

  test("ends early when the loop does", async () => {
    let asked = 0;
    const dataset: Dataset<number> = {
      length: 100,
      get: (i) => {
        asked = Math.max(asked, i);
        return i;
      },
    };
    for await (const _ of new DataLoader(dataset, { batchSize: 10 })) break;
    expect(asked).toBe(9);
  });

  test("uses a sampler", async () => {
    const sampler = { length: 3, indices: (n: number) => Int32Array.of(9, n, 9) };
    const loader = new DataLoader(numbers(10), { batchSize: 2, sampler });
    expect(loader.length).toBe(2);
    expect([await epoch(loader), await epoch(loader)]).toEqual([
      [[9, 0], [9]],
      [[9, 1], [9]],
    ]);
    await expect(epoch(new DataLoader(numbers(5), { sampler }))).rejects.toThrow(IndexError);
  });

  test("stacks samples of datasets without batches, also ones that arrive later", async () => {
    const dataset = { length: 3, get: async (i: number) => ({ x: Float32Array.of(i, -i), y: i > 1 }) };
    const batches = [];
    for await (const { x, y } of new DataLoader(dataset, { batchSize: 2 })) {
      expectTypeOf(x).toEqualTypeOf<Tensor<[number, number]>>();
      batches.push([x.shape, [...(await x.data())], y.dtype]);
    }
    expect(batches).toEqual([
      [[2, 2], [0, -0, 1, -1], "bool"],
      [[1, 2], [2, -2], "bool"],
    ]);
  });

  test("uses a collate function, which may be asynchronous", async () => {
    const loader = new DataLoader(new Subset(numbers(5), [4, 2, 0]), {
      batchSize: 2,
      collate: async (samples) => samples.length,
    });
    const sizes: number[] = [];
    for await (const size of loader) sizes.push(size);
    expect(sizes).toEqual([2, 1]);
  });

  test("reads batches of a subset through its dataset", async () => {
    expect(await epoch(new DataLoader(new Subset(numbers(9), [8, 1]), { batchSize: 5 }))).toEqual([[8, 1]]);
  });

  test("knows the types of batches", () => {
    expectTypeOf(new DataLoader(numbers(3))).toExtend<AsyncIterable<{ x: Tensor<[number]> }>>();
  });

  test("refuses empty datasets and bad options", () => {
    const empty: Dataset<number> = { length: 0, get: (i) => i };
    expect(() => new DataLoader(empty)).toThrow(ArgumentError);
    expect(() => new DataLoader(empty)).toThrow("DataLoader: expected at least one sample, got an empty dataset");
    for (const batchSize of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => new DataLoader(numbers(3), { batchSize })).toThrow(/^DataLoader: batchSize expected .*, got /);
    expect(() => new DataLoader(numbers(3), { seed: -1, shuffle: true })).toThrow(/seed expected .*, got -1/);
    expect(() => new DataLoader(numbers(3), { batchSize: 4, dropLast: true })).toThrow(
      "got 3 samples for batches of 4",
    );
    const sampler = { length: 3, indices: () => Int32Array.of(0, 1, 2) };
    expect(() => new DataLoader(numbers(3), { sampler, shuffle: true })).toThrow(/either a sampler or shuffle/);
    // @ts-expect-error: batch_size is Python's spelling
    expect(() => new DataLoader(numbers(3), { batch_size: 4 })).toThrow(/batch_size/);
    // @ts-expect-error: a sampler has indices
    expect(() => new DataLoader(numbers(3), { sampler: [0, 1] })).toThrow(/expected a sampler/);
    // @ts-expect-error: a boolean, not a word
    expect(() => new DataLoader(numbers(3), { shuffle: "yes" })).toThrow(/shuffle expected boolean, got "yes"/);
  });
});
