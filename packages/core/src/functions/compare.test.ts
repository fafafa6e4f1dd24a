// Comparisons that allow for rounding.
import { describe, expect, test } from "vitest";
import * as ct from "../index.ts";

const { tensor } = ct;
const values = (x: ct.Tensor): number[] => [...x.dataSync()];

describe("isclose", () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  const close = (a: number[], b: number[], options: ct.CloseOptions = {}): (boolean | number)[] =>
    [...ct.isclose(tensor(Float64Array.from(a)), tensor(Float64Array.from(b)), options).dataSync()].map((x) => x === 1);
  test("as PyTorch: relative to the second, infinities to themselves only, NaN if told", () => {
    expect(close([1, inf, inf, nan, 0, -inf], [1 + 1e-5, inf, 1, nan, 1e-8, inf])).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
    expect(close([nan, nan], [nan, 1], { equalNan: true })).toEqual([true, false]);
    expect(close([1, 2], [2, 1], { rtol: 0.5, atol: 0 })).toEqual([true, false]);
    expect(values(ct.isclose(tensor([2, 3], { dtype: "int32" }), 2))).toEqual([1, 0]);
  });
});
