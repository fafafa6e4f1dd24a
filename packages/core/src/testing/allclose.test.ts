import { describe, expect, it } from "vitest";
import { tensor } from "../tensor/create.ts";
import { allclose, ToleranceError } from "./allclose.ts";
import { seededValues } from "./seeded-values.ts";
import { ulpsBetween } from "./ulps.ts";

describe("allclose", () => {
  it("passes what is close, by the tolerance of the dtype", async () => {
    await allclose(tensor([0.1, 0.2]).mul(3), [0.3, 0.6]);
    await allclose(tensor(2), 2 + 1e-6);
    await allclose(new Float32Array([1, 2]), tensor([[1, 2]]));
    await expect(allclose(tensor([2], { dtype: "float64" }), [2 + 1e-6])).rejects.toThrow(ToleranceError);
    await expect(allclose(tensor([2], { dtype: "int32" }), [2 + 1e-6])).rejects.toThrow(ToleranceError);
    await allclose([2], [2.5], { atol: 0.5 });
    await allclose([2], [2.5], { rtol: 0.2, atol: 0 });
  });

  it("names the first and the worst place, the values and the ulps", async () => {
    await expect(
      allclose(
        tensor([
          [1, 2],
          [3.5, 1],
        ]),
        [
          [1, 2],
          [3, 4],
        ],
      ),
    ).rejects.toThrow(
      "allclose: expected values within rtol 0.0000013 and atol 0.00001, got 2 of 4 outside: " +
        "first at [1, 0] 3.5 instead of 3 (difference 0.5, 2097152 ulps of float32), " +
        "worst at [1, 1] 1 instead of 4 (difference 3, 16777216 ulps of float32)",
    );
    await expect(allclose(2, 3)).rejects.toThrow("got 1 of 1 outside: at [] 2 instead of 3 (difference 1, ");
  });

  it("takes NaN for NaN and infinities for themselves alone", async () => {
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    await allclose(tensor(special), special);
    for (const [a, b] of [
      [Number.NaN, 1],
      [1, Number.NaN],
      [Number.POSITIVE_INFINITY, 1e30],
      [1e30, Number.POSITIVE_INFINITY],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [Number.NaN, Number.POSITIVE_INFINITY],
    ] as const)
      await expect(allclose([a], [b]), `${a} and ${b}`).rejects.toThrow(ToleranceError);
  });

  it("compares shapes, but not those of flat values", async () => {
    await expect(allclose(tensor([1, 2]), [[1, 2]])).rejects.toThrow("allclose: expected shape [1, 2], got [2]");
    await expect(allclose(tensor([1, 2]), new Float32Array(3))).rejects.toThrow("expected 3 values, got 2");
    await allclose(tensor([]), []);
  });
});

describe("ulpsBetween", () => {
  it("counts neighbours, across zero too", () => {
    expect(ulpsBetween(1, 1 + 2 ** -23, "float32")).toBe(1);
    expect(ulpsBetween(1, 1 - 2 ** -24, "float32")).toBe(1);
    expect(ulpsBetween(1, 1 + 2 ** -52, "float64")).toBe(1);
    expect(ulpsBetween(2 ** -149, -(2 ** -149), "float32")).toBe(2);
    expect(ulpsBetween(0, -0, "float64")).toBe(0);
    expect(ulpsBetween(3.4028234663852886e38, Number.POSITIVE_INFINITY, "float32")).toBe(1);
    expect(ulpsBetween(Number.NaN, Number.NaN, "float32")).toBe(0);
    expect(ulpsBetween(Number.NaN, 1, "float64")).toBe(Number.POSITIVE_INFINITY);
    expect(ulpsBetween(7, 9, "int32")).toBe(2);
  });
});

describe("seededValues", () => {
  it("follows from the seed alone, within its range", async () => {
    const x = seededValues([1000], { seed: 3, low: 2, high: 4 });
    const values = await x.data();
    expect(await seededValues([1000], { seed: 3, low: 2, high: 4 }).data()).toEqual(values);
    expect(await seededValues([1000], { seed: 4, low: 2, high: 4 }).data()).not.toEqual(values);
    expect(values.every((v) => v >= 2 && v < 4)).toBe(true);
    const mean = Array.from(values).reduce((sum, v) => sum + v, 0) / 1000;
    expect(Math.abs(mean - 3)).toBeLessThan(0.06);
    expect([...(await seededValues([2], { seed: 7, low: 1, high: 6, dtype: "int32" }).data())]).toEqual([5, 1]);
  });
  it("makes integers and bools of all values", async () => {
    const integers = await seededValues([200], { dtype: "int32" }).data();
    expect(new Set(integers).size).toBe(10);
    const bools = await seededValues([200], { dtype: "bool" }).data();
    expect(new Set(bools)).toEqual(new Set([0, 1]));
    expect(seededValues([2], { dtype: "float64", requiresGrad: true }).requiresGrad).toBe(true);
  });
});
