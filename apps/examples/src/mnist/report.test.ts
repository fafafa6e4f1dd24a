import { expect, test } from "vitest";
import { accuracyOf, classResults, classTable, confusionOf } from "./report.ts";

const labels = [0, 0, 0, 1, 1, 2];
const predictions = [0, 0, 1, 1, 0, 1];

test("confusionOf counts predictions by label", () => {
  expect(confusionOf(labels, predictions, 4)).toEqual([
    [2, 1, 0, 0],
    [1, 1, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 0, 0],
  ]);
});

test("classResults has precision and recall, NaN where there is nothing to divide by", () => {
  const results = classResults(confusionOf(labels, predictions, 4), ["a", "b", "c", "d"]);
  expect(results).toEqual([
    { name: "a", count: 3, precision: 2 / 3, recall: 2 / 3 },
    { name: "b", count: 2, precision: 1 / 3, recall: 1 / 2 },
    { name: "c", count: 1, precision: Number.NaN, recall: 0 },
    { name: "d", count: 0, precision: Number.NaN, recall: Number.NaN },
  ]);
});

test("accuracyOf is the share on the diagonal", () => {
  expect(accuracyOf(confusionOf(labels, predictions, 3))).toBe(0.5);
});

test("classTable lines up its columns", () => {
  const table = classTable([
    { name: "Ankle boot", count: 1000, precision: 0.9512, recall: 1 },
    { name: "Bag", count: 7, precision: Number.NaN, recall: 0 },
  ]);
  expect(table.split("\n")).toEqual([
    "class        images   precision     recall",
    "Ankle boot     1000     95.12 %   100.00 %",
    "Bag               7           –     0.00 %",
  ]);
});
