import { expect, test } from "vitest";
import type { DType } from "../base/dtype.ts";
import type { FoldOp } from "../base/instruction.ts";
import { foldOf } from "./fold.ts";

function fold(op: FoldOp, dtype: DType, values: readonly number[]): number {
  const f = foldOf(op, dtype);
  f.start();
  for (const x of values) f.add(x);
  return f.finish();
}

test("empty folds give the identity", () => {
  expect(fold("add", "float32", [])).toBe(0);
  expect(fold("mul", "float64", [])).toBe(1);
  expect(fold("max", "float32", [])).toBe(Number.NEGATIVE_INFINITY);
  expect(fold("min", "float32", [])).toBe(Number.POSITIVE_INFINITY);
  expect(fold("max", "int32", [])).toBe(-2147483648);
  expect(fold("min", "int32", [])).toBe(2147483647);
});

test("float32 sums round once, integer ones wrap at every step", () => {
  expect(fold("add", "float32", [16777216, 1, 1])).toBe(16777218);
  expect(fold("add", "int32", [2147483647, 1])).toBe(-2147483648);
  expect(fold("mul", "int32", [123456789, 987654321])).toBe(-67153019);
  expect(fold("add", "uint8", [200, 100])).toBe(44);
  expect(fold("max", "bool", [0, 1, 0])).toBe(1);
  expect(fold("min", "bool", [1, 0, 1])).toBe(0);
});

test("NaN goes through max and min", () => {
  expect(fold("max", "float32", [1, Number.NaN, 3])).toBeNaN();
  expect(fold("min", "float64", [1, Number.NaN, -3])).toBeNaN();
});

test("argmax and argmin take the first of equals, and the first NaN before all", () => {
  expect(fold("argmax", "float32", [1, 3, 2, 3])).toBe(1);
  expect(fold("argmin", "float32", [2, 1, 3, 1])).toBe(1);
  expect(fold("argmax", "float32", [1, Number.NaN, 9, Number.NaN])).toBe(1);
  expect(fold("argmin", "float32", [1, Number.NaN, -9, Number.NaN])).toBe(1);
  expect(fold("argmax", "float32", [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe(0);
});
