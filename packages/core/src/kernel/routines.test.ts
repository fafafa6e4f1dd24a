import { expect, test } from "vitest";
import { routines } from "./routines.ts";

const run = (
  name: string,
  inputs: readonly (Float32Array | Int32Array)[],
  output: Float32Array | Int32Array,
  numbers: number[],
) => {
  const wrong = routines[name]?.(inputs, output, numbers);
  return { wrong, values: [...output] };
};
const f32 = (...values: number[]) => new Float32Array(values);
const i32 = (...values: number[]) => new Int32Array(values);

test("take picks slices along an axis", () => {
  const x = f32(1, 2, 3, 4, 5, 6); // [1, 1, 3, 2]
  expect(run("take", [x, i32(2, 0, 2, 1)], new Float32Array(8), [1, 1, 3, 2, 4])).toEqual({
    wrong: null,
    values: [5, 6, 1, 2, 5, 6, 3, 4],
  });
});

test("take has an index list for each batch, shared by the outer axis", () => {
  const x = f32(0, 1, 2, 3, 4, 5, 6, 7); // [batch 2, outer 2, n 2, inner 1]
  expect(run("take", [x, i32(1, 0)], new Float32Array(4), [2, 2, 2, 1, 1]).values).toEqual([1, 3, 4, 6]);
});

test("take reports the first index out of range and writes 0 there", () => {
  expect(run("take", [f32(1, 2), i32(1, -1, 5)], f32(9, 9, 9), [1, 1, 2, 1, 3])).toEqual({
    wrong: -1,
    values: [2, 0, 0],
  });
});

test("put adds up what lands on each cell, whatever was there before", () => {
  const g = f32(1, 2, 3, 4, 5, 6);
  expect(run("put", [g, i32(2, 0, 2)], f32(9, 9, 9, 9, 9, 9), [1, 1, 3, 2, 3])).toEqual({
    wrong: null,
    values: [3, 4, 0, 0, 6, 8],
  });
  expect(run("put", [i32(1, 2), i32(0, 0)], i32(9, 9), [1, 1, 2, 1, 2]).values).toEqual([3, 0]);
  expect(run("put", [g, i32(3, 0, 1)], new Float32Array(4), [1, 1, 2, 2, 3])).toEqual({
    wrong: 3,
    values: [3, 4, 5, 6],
  });
});

test("put rounds float32 sums once", () => {
  const g = f32(16777216, 1, 1, 1, 1);
  expect(run("put", [g, i32(0, 0, 0, 0, 0)], new Float32Array(1), [1, 1, 1, 1, 5]).values).toEqual([16777220]);
});

test("takeAlong and putAlong have an index for each element", () => {
  const x = f32(1, 2, 3, 4, 5, 6); // [1, 3, 2]
  const index = i32(2, 0, 1, 1); // [1, 2, 2]
  expect(run("takeAlong", [x, index], new Float32Array(4), [1, 3, 2, 2])).toEqual({
    wrong: null,
    values: [5, 2, 3, 4],
  });
  expect(run("putAlong", [f32(1, 2, 3, 4), i32(2, 0, 2, 1)], f32(9, 9, 9, 9, 9, 9), [1, 3, 2, 2])).toEqual({
    wrong: null,
    values: [0, 2, 0, 4, 4, 0],
  });
  expect(run("takeAlong", [x, i32(3, 0)], new Float32Array(2), [1, 3, 2, 1])).toEqual({ wrong: 3, values: [0, 2] });
  expect(run("putAlong", [f32(7, 8), i32(0, -2)], new Float32Array(2), [1, 1, 2, 1])).toEqual({
    wrong: -2,
    values: [7, 0],
  });
});

test("argsort is stable and takes NaN for the largest, in both directions", () => {
  const x = f32(2, Number.NaN, 1, 2, -1, 1, Number.NEGATIVE_INFINITY, Number.NaN);
  expect(run("argsort", [x], new Int32Array(8), [1, 8, 0]).values).toEqual([6, 4, 2, 5, 0, 3, 1, 7]);
  expect(run("argsort", [x], new Int32Array(8), [1, 8, 1]).values).toEqual([1, 7, 0, 3, 2, 5, 4, 6]);
  expect(run("argsort", [f32(3, 1, 2, 0, -0, 5)], new Int32Array(6), [2, 3, 0]).values).toEqual([1, 2, 0, 0, 1, 2]);
});
