// Tensors as people see them.
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { tensor, zeros } from "../index.ts";
import { formatValues } from "./format.ts";

describe("formatValues", () => {
  test("rows on lines, columns aligned", () => {
    expect(formatValues(new Float32Array([1, -2.5, 1 / 3, 100]), [2, 2], "float32")).toBe(
      "[[      1,    -2.5],\n [0.33333,     100]]",
    );
  });
  test("a blank line between matrices", () => {
    expect(formatValues(new Int32Array([1, 2]), [2, 1, 1], "int32")).toBe("[[[1]],\n\n [[2]]]");
  });
  test("scalars, bools, nothing, and what is not finite", () => {
    expect(formatValues(new Float32Array([0.1]), [], "float32")).toBe("0.1");
    expect(formatValues(new Uint8Array([1, 0]), [2], "bool")).toBe("[true, false]");
    expect(formatValues(new Float32Array(0), [2, 0], "float32")).toBe("[[],\n []]");
    expect(formatValues(new Float32Array([Number.NaN, Number.POSITIVE_INFINITY]), [2], "float32")).toBe(
      "[NaN, Infinity]",
    );
  });
  test("only the ends of what is long", () => {
    const values = Float32Array.from({ length: 2000 }, (_, i) => i);
    expect(formatValues(values, [2000], "float32")).toBe("[0, 1, 2, …, 1997, 1998, 1999]");
    expect(formatValues(values, [2, 1000], "float32")).toBe(
      "[[   0,    1,    2, …,  997,  998,  999],\n [1000, 1001, 1002, …, 1997, 1998, 1999]]",
    );
  });
});

describe("a tensor", () => {
  test("shows values that it has, and computes none", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(String(x)).toBe("Tensor([[1, 2],\n        [3, 4]], float32)");
    expect(String(x.add(1))).toBe("Tensor([2, 2], float32, not computed yet)");
    expect(inspect(x)).toBe(String(x));
  });
  test("says what became of it", () => {
    const x = zeros([2]);
    x.dispose();
    expect(String(x)).toBe(
      "Tensor([2], float32, gone: dispose() has freed them. Call it after all that needs them is computed, backward() with step() or realize() too)",
    );
  });
});
