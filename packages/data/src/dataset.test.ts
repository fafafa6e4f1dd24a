import { ArgumentError, IndexError } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import { type Dataset, randomSplit, Subset } from "./dataset.ts";

const letters: Dataset<string, string> = {
  length: 10,
  get: (index) => "abcdefghij".charAt(index),
  batch: (indices) => Array.from(indices, (i) => "abcdefghij".charAt(i)).join(""),
};

describe("Subset", () => {
  test("has the samples at its indices", async () => {
    const subset = new Subset(letters, [3, 3, 9]);
    expect(subset.length).toBe(3);
    expect([subset.get(0), subset.get(1), subset.get(2)]).toEqual(["d", "d", "j"]);
    expect(subset.batch?.([2, 0])).toBe("jd");
    const nested = new Subset(subset, [2]);
    expect(nested.get(0)).toBe("j");
    expect(nested.batch?.([0])).toBe("j");
  });

  test("has no batch where its dataset has none", () => {
    expect(new Subset({ length: 2, get: (i) => i }, [1]).batch).toBeUndefined();
  });

  test("keeps its indices when the caller changes them", () => {
    const indices = [1, 2];
    const subset = new Subset(letters, indices);
    indices[0] = 9;
    expect(subset.get(0)).toBe("b");
  });

  test("refuses indices outside the dataset, and outside itself", () => {
    expect(() => new Subset(letters, [0, 10])).toThrow(IndexError);
    expect(() => new Subset(letters, [-1])).toThrow("Subset: expected an index from 0 to 9, got -1");
    expect(() => new Subset(letters, [1.5])).toThrow(IndexError);
    expect(() => new Subset(letters, [4]).get(1)).toThrow(IndexError);
    expect(() => new Subset(letters, [4]).batch?.([1])).toThrow(IndexError);
  });
});

describe("randomSplit", () => {
  const all = [..."abcdefghij"];
  const samples = (part: Subset<string, string>) => Array.from({ length: part.length }, (_, i) => part.get(i));

  test("splits into disjoint parts by size or by fraction", () => {
    for (const lengths of [
      [7, 3],
      [0.7, 0.3],
    ]) {
      const parts = randomSplit(letters, lengths, { seed: 4 });
      expect(parts.map((part) => part.length)).toEqual([7, 3]);
      expect(parts.flatMap(samples).toSorted()).toEqual(all);
    }
  });

  test("gives what rounding leaves over to the first parts, and takes empty parts", () => {
    expect(randomSplit(letters, [1 / 3, 1 / 3, 1 / 3]).map((part) => part.length)).toEqual([4, 3, 3]);
    expect(randomSplit(letters, [0.25, 0.25, 0.5]).map((part) => part.length)).toEqual([3, 2, 5]);
    expect(randomSplit(letters, [10, 0]).map((part) => part.length)).toEqual([10, 0]);
    expect(randomSplit({ length: 1, get: (i) => i }, [1]).map((part) => part.length)).toEqual([1]);
  });

  test("depends on the seed alone", () => {
    const split = (seed: number) => randomSplit(letters, [5, 5], { seed }).map(samples);
    expect(split(1)).toEqual(split(1));
    expect(split(1)).not.toEqual(split(2));
  });

  test("refuses lengths that do not add up", () => {
    expect(() => randomSplit(letters, [7, 2])).toThrow(ArgumentError);
    expect(() => randomSplit(letters, [7, 2])).toThrow("expected lengths that add up to 10, got 7 + 2 = 9");
    expect(() => randomSplit(letters, [0.5, 0.4])).toThrow(ArgumentError);
    expect(() => randomSplit(letters, [11, -1])).toThrow("expected lengths ≥ 0");
    expect(() => randomSplit(letters, [Number.NaN])).toThrow(ArgumentError);
    expect(() => randomSplit(letters, [])).toThrow(ArgumentError);
  });
});
