import { describe, expect, test } from "vitest";
import { Random } from "./random.ts";

describe("Random", () => {
  test("repeats itself for the same seed and stream, and differs for others", () => {
    const draw = (seed: number, stream: number) => {
      const random = new Random(seed, stream);
      return Array.from({ length: 8 }, () => random.uint32());
    };
    expect(draw(1, 0)).toEqual(draw(1, 0));
    const streams = [draw(0, 0), draw(1, 0), draw(0, 1), draw(1, 1), draw(2 ** 32, 0), draw(2 ** 53 - 1, 0)];
    expect(new Set(streams.map(String)).size).toBe(streams.length);
  });

  test("gives the same numbers in every version", () => {
    const random = new Random(1);
    expect([random.uint32(), random.uint32(), random.uint32()]).toMatchInlineSnapshot(`
      [
        2543808669,
        433568481,
        1098614624,
      ]
    `);
    expect([...new Random(1).permutation(10)]).toMatchInlineSnapshot(`
      [
        7,
        8,
        5,
        2,
        1,
        3,
        4,
        0,
        6,
        9,
      ]
    `);
  });

  test("is uniform: a chi-squared test of 100,000 draws from 10", () => {
    const random = new Random(7);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const x = random.below(10);
      counts[x] = (counts[x] ?? 0) + 1;
    }
    const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquared).toBeLessThan(27.9); // exceeded once in 1,000 seeds: 9 degrees of freedom
  });

  test("draws bounds near 2³² without bias, and 1", () => {
    const random = new Random(3);
    const bound = 3 * 2 ** 30; // a plain remainder would favour the first third
    let low = 0;
    for (let i = 0; i < 30_000; i++) {
      const x = random.below(bound);
      expect(x).toBeLessThan(bound);
      if (x < bound / 3) low++;
    }
    expect(Math.abs(low - 10_000)).toBeLessThan(350);
    expect(random.below(1)).toBe(0);
  });

  test("permutes: each position sees each value", () => {
    const counts = new Array<number>(25).fill(0);
    for (let stream = 0; stream < 5000; stream++) {
      const order = new Random(11, stream).permutation(5);
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
      order.forEach((value, position) => {
        counts[5 * position + value] = (counts[5 * position + value] ?? 0) + 1;
      });
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(140);
    expect([...new Random(0).permutation(0)]).toEqual([]);
  });
});
