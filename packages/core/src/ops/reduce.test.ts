// Values of reductions on the reference device, and gradients where plain differences cannot tell.
import { describe, expect, test } from "vitest";
import { reverse } from "../autodiff/reverse.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { nodeOf, valuesOf } from "../testing/nodes.ts";
import { builder as b } from "./builder.ts";
import { all, any, argmax, argmin, max, min, prod, sum } from "./reduce.ts";

const x = nodeOf([2, 3], [3, 1, 3, -2, 5, -2]);
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

function gradient(y: Node, of: Node): number[] {
  const [g] = reverse(b, [y], [b.fill(1, y.shape, y)], [of]);
  return g ? valuesOf(g) : [];
}

test("sums and products, of nothing too", () => {
  expect(valuesOf(makeNode(sum, [x], { axes: [0] }))).toEqual([1, 6, 1]);
  expect(valuesOf(makeNode(prod, [x], { axes: [0, 1] }))).toEqual([180]);
  const empty = nodeOf([2, 0], []);
  expect(valuesOf(makeNode(sum, [empty], { axes: [1] }))).toEqual([0, 0]);
  expect(valuesOf(makeNode(prod, [empty], { axes: [1] }))).toEqual([1, 1]);
});

test("integers and bools are summed as int32", () => {
  expect(valuesOf(makeNode(sum, [nodeOf([300], new Array(300).fill(1), "bool")], { axes: [0] }))).toEqual([300]);
  expect(valuesOf(makeNode(sum, [nodeOf([2], [200, 100], "uint8")], { axes: [0] }))).toEqual([300]);
  expect(valuesOf(makeNode(prod, [nodeOf([2], [200, 100], "uint8")], { axes: [0] }))).toEqual([20000]);
});

test("extremes and their positions; the first wins ties, NaN propagates", () => {
  expect(valuesOf(makeNode(max, [x], { axes: [1], ties: "share" }))).toEqual([3, 5]);
  expect(valuesOf(makeNode(min, [x], { axes: [0], ties: "share" }))).toEqual([-2, 1, -2]);
  expect(valuesOf(makeNode(argmax, [x], { axes: [1] }))).toEqual([0, 1]);
  expect(valuesOf(makeNode(argmin, [x], { axes: [1] }))).toEqual([1, 0]);
  expect(valuesOf(makeNode(argmax, [x], { axes: [0, 1] }))).toEqual([4]);
  const odd = nodeOf([2, 2], [nan, 1, -inf, inf]);
  expect(valuesOf(makeNode(max, [odd], { axes: [1], ties: "share" }))).toEqual([nan, inf]);
  expect(valuesOf(makeNode(argmax, [odd], { axes: [1] }))).toEqual([0, 1]);
});

test("any and all, of nothing too", () => {
  const bools = nodeOf([3, 2], [0, 0, 0, 1, 1, 1], "bool");
  expect(valuesOf(makeNode(any, [bools], { axes: [1] }))).toEqual([0, 1, 1]);
  expect(valuesOf(makeNode(all, [bools], { axes: [1] }))).toEqual([0, 0, 1]);
  const empty = nodeOf([0], [], "bool");
  expect(valuesOf(makeNode(any, [empty], { axes: [0] }))).toEqual([0]);
  expect(valuesOf(makeNode(all, [empty], { axes: [0] }))).toEqual([1]);
});

describe("gradients", () => {
  test("ties of max share evenly, or the first takes all", () => {
    expect(gradient(makeNode(max, [x], { axes: [1], ties: "share" }), x)).toEqual([0.5, 0, 0.5, 0, 1, 0]);
    expect(gradient(makeNode(max, [x], { axes: [1], ties: "first" }), x)).toEqual([1, 0, 0, 0, 1, 0]);
    expect(gradient(makeNode(min, [x], { axes: [0, 1], ties: "share" }), x)).toEqual([0, 0, 0, 0.5, 0, 0.5]);
    expect(gradient(makeNode(min, [x], { axes: [0, 1], ties: "first" }), x)).toEqual([0, 0, 0, 1, 0, 0]);
  });
  test("prod with one zero, two zeros, and of one element", () => {
    const product = (data: number[]): number[] => {
      const leaf = nodeOf([data.length], data);
      return gradient(makeNode(prod, [leaf], { axes: [0] }), leaf);
    };
    expect(product([2, 0, 3])).toEqual([0, 6, 0]);
    expect(product([0, 0, 3])).toEqual([0, 0, 0]);
    expect(product([7])).toEqual([1]);
    expect(product([2, 3, 5, 7, 11])).toEqual([1155, 770, 462, 330, 210]);
    expect(product([])).toEqual([]);
  });
  test("second derivatives of prod with zeros", () => {
    const leaf = nodeOf([3], [0, 0, 3]);
    const [g] = reverse(b, [makeNode(prod, [leaf], { axes: [0] })], [b.num(1, leaf)], [leaf]);
    const rows = [0, 1, 2].map((i) => (g ? gradient(b.slice(g, [i], [1], [1]), leaf) : []));
    // ∂²(abc): c, b, a off the diagonal.
    expect(rows).toEqual([
      [0, 3, 0],
      [3, 0, 0],
      [0, 0, 0],
    ]);
  });
});
