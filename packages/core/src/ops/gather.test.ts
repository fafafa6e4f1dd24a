// Reading and adding at data-dependent positions.
import { expect, test } from "vitest";
import { IndexError } from "../base/errors.ts";
import { makeNode } from "../graph/node.ts";
import { nodeOf, valuesOf } from "../testing/nodes.ts";
import { argsort, put, putAlong, take, takeAlong } from "./gather.ts";

const x = nodeOf([3, 2], [0, 1, 10, 11, 20, 21]);
const index = (shape: readonly number[], data: readonly number[]) => nodeOf(shape, data, "int32");

test("take reads slices along an axis", () => {
  const rows = makeNode(take, [x, index([4], [2, 0, 2, 1])], { axis: 0, batch: 0, what: "take" });
  expect(valuesOf(rows)).toEqual([20, 21, 0, 1, 20, 21, 10, 11]);
  const columns = makeNode(take, [x, index([1], [1])], { axis: 1, batch: 0, what: "take" });
  expect(columns.shape).toEqual([3, 1]);
  expect(valuesOf(columns)).toEqual([1, 11, 21]);
});

test("take with a batch reads by each example's own index", () => {
  const batched = makeNode(take, [x, index([3, 2], [0, 0, 1, 0, 1, 1])], { axis: 1, batch: 1, what: "take" });
  expect(valuesOf(batched)).toEqual([0, 0, 11, 10, 21, 21]);
});

test("put adds what lands on the same cell", () => {
  const g = nodeOf([4, 1], [1, 2, 3, 4]);
  const y = makeNode(put, [g, index([4], [2, 0, 2, 2])], { axis: 0, batch: 0, what: "put", size: 4 });
  expect(y.shape).toEqual([4, 1]);
  expect(valuesOf(y)).toEqual([2, 0, 8, 0]);
});

test("takeAlong and putAlong go element by element", () => {
  const at = index([2, 2], [2, 0, 1, 2]);
  expect(valuesOf(makeNode(takeAlong, [x, at], { axis: 0, what: "gather" }))).toEqual([20, 1, 10, 21]);
  const g = nodeOf([2, 2], [1, 2, 3, 4]);
  const twice = index([2, 2], [2, 0, 2, 1]);
  expect(valuesOf(makeNode(putAlong, [g, twice], { axis: 0, what: "scatter", size: 3 }))).toEqual([0, 2, 0, 4, 4, 0]);
});

test("an index out of range is an error that names it", () => {
  for (const bad of [-1, 3])
    expect(() => valuesOf(makeNode(take, [x, index([1], [bad])], { axis: 0, batch: 0, what: "embedding" }))).toThrow(
      new IndexError(`embedding: index ${bad} is out of range for size 3`),
    );
});

test("argsort is stable, in either direction, with NaN last", () => {
  const y = nodeOf([2, 4], [3, 1, 3, Number.NaN, 2, 2, 0, 1]);
  expect(valuesOf(makeNode(argsort, [y], { descending: false }))).toEqual([1, 0, 2, 3, 2, 3, 0, 1]);
  expect(valuesOf(makeNode(argsort, [nodeOf([4], [3, 1, 3, 2])], { descending: true }))).toEqual([0, 2, 3, 1]);
});
