import { expect, test } from "vitest";
import { contiguousView } from "../base/view.ts";
import { acc, apply, each, fold, input, literal, load, output, scratch, strided } from "../testing/expr.ts";
import { kernelCost } from "./cost.ts";
import type { Kernel } from "./ir.ts";

const all = [2, 3, 5];
const product: Kernel = {
  form: "contract",
  batch: [],
  m: [2],
  n: [3],
  k: [5],
  dtype: "float32",
  a: load(0, strided(all, [5, 0, 1])),
  b: load(1, strided(all, [0, 1, 3])),
  stores: [{ slot: 2, dtype: "float32", view: strided(all, [3, 1, 0]), value: acc(0) }],
};
const slots = [input(0, 10), input(1, 15), scratch(0, 6)];

test("a matrix product: 2mnk, its operands and its result once", () => {
  expect(kernelCost(product, slots)).toEqual({ flops: 2 * 2 * 3 * 5, bytes: 4 * (10 + 15 + 6), scratchBytes: 24 });
});

test("what is fused into it counts where it runs", () => {
  const stores = product.stores.map((store) => ({ ...store, value: apply("add", acc(0), literal(1)) }));
  expect(kernelCost({ ...product, a: apply("exp", product.a), stores }, slots).flops).toBe(60 + 2 * 5 + 2 * 3);
});

test("a map that reads a slot twice, a part of another, and writes in place", () => {
  const view = contiguousView([4]);
  const value = apply("add", apply("mul", load(0, view), load(0, view)), load(1, strided([4], [0])));
  const kernel: Kernel = { form: "map", outer: [4], inner: [], stages: [each(0, view, value)] };
  expect(kernelCost(kernel, [output(0, 4), input(0, 100)])).toEqual({ flops: 8, bytes: 4 * (4 + 1), scratchBytes: 0 });
});

test("a softmax counts shared expressions once; casts and integers are free", () => {
  const view = strided([7, 13], [13, 1]);
  const shifted = apply("exp", apply("sub", load(0, view), acc(0)));
  const kernel: Kernel = {
    form: "rowwise",
    outer: [7],
    inner: [13],
    stages: [fold("max", load(0, view)), fold("add", shifted), each(1, view, apply("div", shifted, acc(1)))],
  };
  expect(kernelCost(kernel, [input(0, 91), output(0, 91)]).flops).toBe(91 * 5);
});

test("a routine moves its operands", () => {
  const kernel: Kernel = {
    form: "routine",
    name: "argsort",
    inputs: [{ slot: 0, dtype: "float32", size: 8 }],
    output: { slot: 1, dtype: "int32", size: 8 },
    numbers: [1, 8, 0],
    check: -1,
  };
  expect(kernelCost(kernel, [input(0, 8), output(0, 8)])).toEqual({ flops: 0, bytes: 64, scratchBytes: 0 });
});

test("picking rows of a table reads those rows alone", () => {
  const kernel: Kernel = {
    form: "routine",
    name: "take",
    inputs: [
      { slot: 0, dtype: "float32", size: 1000 },
      { slot: 1, dtype: "int32", size: 2 },
    ],
    output: { slot: 2, dtype: "float32", size: 20 },
    numbers: [1, 1, 100, 10, 2],
    check: -1,
  };
  const { bytes } = kernelCost(kernel, [input(0, 1000), input(1, 2), output(0, 20)]);
  expect(bytes).toBe(4 * (20 + 2 + 20));
});
