import { describe, expect, test } from "vitest";
import { generate, hash, permutation, uniformAt } from "./generator.ts";
import { workloadNames, workloads } from "./specification.ts";

const spec = { name: "x", shape: [2, 3], seed: 7, bound: 0.5, n: 10, values: [] };

describe("the generator", () => {
  test("hashes as it always has", () => {
    expect([0, 1, 2, 0xffffffff].map(hash)).toEqual([0, 1753845952, 3507691905, 1734902346]);
  });

  test("draws numbers from 0 to 1 that seed and position decide", () => {
    const drawn = [uniformAt(101, 0), uniformAt(101, 1), uniformAt(102, 0)];
    expect(drawn).toEqual(drawn.map((u) => Math.floor(u * 2 ** 24) / 2 ** 24));
    expect(new Set(drawn).size).toBe(3);
    const many = Float64Array.from({ length: 10_000 }, (_, i) => uniformAt(5, i));
    expect(Math.min(...many)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...many)).toBeLessThan(1);
    expect(Math.abs(many.reduce((sum, u) => sum + u, 0) / many.length - 0.5)).toBeLessThan(0.02);
  });

  test("fills tensors", () => {
    const u = Array.from({ length: 6 }, (_, i) => uniformAt(7, i));
    expect([...generate({ ...spec, init: "uniform" })]).toEqual(u.map((x) => Math.fround((2 * x - 1) * 0.5)));
    expect([...generate({ ...spec, init: "uniform01" })]).toEqual(u);
    expect(generate({ ...spec, init: "randint" })).toEqual(Int32Array.from(u, (x) => Math.floor(x * 10)));
    expect([...generate({ ...spec, init: "ones" })]).toEqual([1, 1, 1, 1, 1, 1]);
    expect([...generate({ ...spec, init: "zeros" })]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(generate({ ...spec, init: "uniform01" }, 1)).toEqual(generate({ ...spec, seed: 8, init: "uniform01" }));
  });

  test("shuffles", () => {
    const order = permutation(801, 1000);
    expect(order.toSorted()).toEqual(Int32Array.from({ length: 1000 }, (_, i) => i));
    expect(order.filter((at, i) => at === i).length).toBeLessThan(20);
    expect(permutation(801, 1000)).toEqual(order);
  });
});

test("all eight workloads are specified", () => {
  expect(Object.keys(workloads).sort()).toEqual([...workloadNames]);
  expect(workloads.W5.params.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(25_175_040);
});
