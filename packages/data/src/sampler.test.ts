import { ArgumentError } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import { RandomSampler, SequentialSampler } from "./sampler.ts";

test("SequentialSampler counts up in every epoch", () => {
  const sampler = new SequentialSampler(4);
  expect([...sampler.indices()]).toEqual([0, 1, 2, 3]);
  expect(sampler.length).toBe(4);
});

describe("RandomSampler", () => {
  test("visits each index once, in an order of the epoch's own", () => {
    const sampler = new RandomSampler(100, { seed: 5 });
    const first = [...sampler.indices(0)];
    expect(first).not.toEqual(first.toSorted((a, b) => a - b));
    expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect([...sampler.indices(1)]).not.toEqual(first);
    expect([...new RandomSampler(100, { seed: 5 }).indices(0)]).toEqual(first);
    expect([...new RandomSampler(100, { seed: 6 }).indices(0)]).not.toEqual(first);
  });

  test("refuses bad lengths, seeds and options", () => {
    expect(() => new RandomSampler(-1)).toThrow(ArgumentError);
    expect(() => new RandomSampler(2.5)).toThrow(ArgumentError);
    expect(() => new RandomSampler(10, { seed: -1 })).toThrow(/RandomSampler: seed expected .*, got -1/);
    expect(() => new RandomSampler(10, { seed: 0.5 })).toThrow(/got 0\.5/);
    // @ts-expect-error: no such option
    expect(() => new RandomSampler(10, { sead: 1 })).toThrow(/sead/);
  });
});
