// Routines against the interpreter: all dtypes and row lengths, bad indices, ties and NaN.
import { describe, expect, it } from "vitest";
import { type DType, dtypes, emptyArray, type TypedArray } from "../../base/dtype.ts";
import { runKernel } from "../../kernel/interpret.ts";
import type { RoutineKernel } from "../../kernel/ir.ts";
import { loadKernel } from "./harness.ts";

let seed = 7;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
/** Whole numbers, so that sums are exact in any order. */
const filled = (dtype: DType, size: number): TypedArray =>
  emptyArray(dtype, size).map(() => (dtype === "bool" ? (random() < 0.3 ? 1 : 0) : Math.floor(random() * 100)));
const indices = (size: number, n: number): Int32Array =>
  Int32Array.from({ length: size }, () => Math.floor(random() * n));
const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1);

function check(
  name: string,
  inputs: readonly TypedArray[],
  types: readonly DType[],
  size: number,
  numbers: readonly number[],
): void {
  const dtype = types.at(-1) ?? "float32";
  const kernel: RoutineKernel = {
    form: "routine",
    name,
    inputs: inputs.map((x, slot) => ({ slot, dtype: types[slot] ?? "float32", size: x.length })),
    output: { slot: inputs.length, dtype, size },
    numbers,
    check: 2,
  };
  const expected = [...inputs, emptyArray(dtype, size)];
  const status = { failed: -1, value: 0 };
  runKernel(kernel, expected, [], status);
  const slots = [...inputs, emptyArray(dtype, size).fill(17)];
  const loaded = loadKernel(kernel, types, slots, [], { relaxedSimd: true });
  loaded.run();
  expect(loaded.slots.at(-1)).toEqual(expected.at(-1));
  expect(loaded.isPaddingIntact()).toBe(true);
  expect(loaded.status()).toEqual(status.failed < 0 ? { failed: -1, value: 0 } : { failed: 2, value: status.value });
}

describe("take and put", () => {
  for (const dtype of dtypes)
    it(`move rows of ${dtype}`, () => {
      for (const inner of [1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 64, 65, 300])
        for (const [batch, outer, n, m] of [
          [1, 1, 5, 9],
          [2, 3, 4, 3],
          [1, 2, 1, 1],
        ] as const) {
          const numbers = [batch, outer, n, inner, m];
          const at = indices(batch * m, n);
          check(
            "take",
            [filled(dtype, batch * outer * n * inner), at],
            [dtype, "int32", dtype],
            batch * outer * m * inner,
            numbers,
          );
          check(
            "put",
            [filled(dtype, batch * outer * m * inner), at],
            [dtype, "int32", dtype],
            batch * outer * n * inner,
            numbers,
          );
        }
    });

  it("note the first bad index, and leave its cells at zero", () => {
    for (const bad of [-1, 5, 2 ** 31 - 1, -(2 ** 31)])
      for (const inner of [1, 6, 100]) {
        const at = Int32Array.of(4, 0, bad, 3, 77, 1);
        check("take", [filled("float32", 2 * 5 * inner), at], ["float32", "int32", "float32"], 2 * 6 * inner, [
          1,
          2,
          5,
          inner,
          6,
        ]);
        check("put", [filled("float32", 2 * 6 * inner), at], ["float32", "int32", "float32"], 2 * 5 * inner, [
          1,
          2,
          5,
          inner,
          6,
        ]);
        check("takeAlong", [filled("float32", 5), at], ["float32", "int32", "float32"], 6, [1, 5, 1, 6]);
        check("putAlong", [filled("float32", 6), at], ["float32", "int32", "float32"], 5, [1, 5, 1, 6]);
      }
  });

  it("have nothing to do where nothing is", () => {
    for (const numbers of [
      [0, 2, 3, 4, 5],
      [1, 0, 3, 4, 5],
      [1, 2, 3, 0, 5],
      [1, 2, 3, 4, 0],
    ]) {
      const [batch = 0, outer = 0, n = 0, inner = 0, m = 0] = numbers;
      const at = indices(batch * m, n);
      check(
        "take",
        [filled("float32", batch * outer * n * inner), at],
        ["float32", "int32", "float32"],
        batch * outer * m * inner,
        numbers,
      );
      check(
        "put",
        [filled("float32", batch * outer * m * inner), at],
        ["float32", "int32", "float32"],
        batch * outer * n * inner,
        numbers,
      );
    }
  });
});

describe("takeAlong and putAlong", () => {
  for (const dtype of dtypes)
    it(`move elements of ${dtype}`, () => {
      for (const [outer, n, inner, m] of [
        [1, 5, 1, 9],
        [3, 4, 7, 2],
        [2, 1, 3, 4],
        [4, 10, 1, 1],
      ] as const) {
        const numbers = [outer, n, inner, m];
        const at = indices(outer * m * inner, n);
        check("takeAlong", [filled(dtype, outer * n * inner), at], [dtype, "int32", dtype], outer * m * inner, numbers);
        check("putAlong", [filled(dtype, outer * m * inner), at], [dtype, "int32", dtype], outer * n * inner, numbers);
      }
    });
});

describe("scans", () => {
  for (const dtype of dtypes.filter((dtype) => dtype !== "bool"))
    it(`run along columns of ${dtype}, several at a time`, () => {
      for (const inner of [1, 3, 7, 8, 9, 16, 21])
        for (const reverse of [0, 1])
          for (const mode of [0, 1, 2, 3, 4]) {
            const n = 5;
            const inputs = Array.from({ length: mode === 4 ? 2 : 1 }, () => filled(dtype, 2 * n * inner));
            const out: DType = dtype === "uint8" || mode === 1 || mode === 2 ? "int32" : dtype;
            if (mode === 4 && dtype !== "float32" && dtype !== "float64") continue;
            const types = [...inputs.map(() => dtype), out];
            check("scan", inputs, types, 2 * n * inner, [2, n, inner, mode, reverse]);
          }
    });
});

describe("argsort", () => {
  for (const dtype of dtypes)
    it(`sorts ${dtype}, and keeps the order of ties`, () => {
      for (const n of [1, 2, 3, 7, 8, 9, 16, 17, 31, 64, 65, 100, 1000])
        for (const descending of [0, 1]) {
          const rows = product([n < 100 ? 3 : 2]);
          check("argsort", [filled(dtype, rows * n)], [dtype, "int32"], rows * n, [rows, n, descending]);
        }
    });

  for (const dtype of ["float32", "float64"] as const)
    it(`sorts ${dtype} of all magnitudes, zeros of both signs as equal, NaN as the largest`, () => {
      const special = [0, -0, Number.NaN, Infinity, -Infinity, 1e-45, -1e-45, 5e-324, -5e-324, 3e38, -3e38, -1, 1];
      for (const descending of [0, 1]) {
        const x = emptyArray(dtype, 400).map(
          (_, i) =>
            special[i] ?? (random() < 0.3 ? (special[i % 13] ?? 0) : (random() - 0.5) * 10 ** (20 * random() - 10)),
        );
        // NaN with a sign and a payload of its own.
        new Uint32Array(x.buffer).fill(0xffc12345, 100, 102);
        check("argsort", [x], [dtype, "int32"], 400, [2, 200, descending]);
      }
    });

  it("sorts float64 that differ in the last bit", () => {
    const x = Float64Array.from({ length: 300 }, () => 1 + Math.floor(random() * 40) * 2 ** -52);
    for (const descending of [0, 1]) {
      check("argsort", [x], ["float64", "int32"], 300, [1, 300, descending]);
      check("argsort", [x.map((y) => -y)], ["float64", "int32"], 300, [1, 300, descending]);
    }
  });

  it("sorts int32 of both signs", () => {
    const x = Int32Array.from({ length: 300 }, () => (random() - 0.5) * 2 ** 32);
    x.set([2 ** 31 - 1, -(2 ** 31), 0, -1], 7);
    for (const descending of [0, 1]) check("argsort", [x], ["int32", "int32"], 300, [1, 300, descending]);
  });
});
