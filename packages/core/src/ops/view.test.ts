// Values of views on the reference device, and each view against its transpose.
import { describe, expect, test } from "vitest";
import { makeNode } from "../graph/node.ts";
import { nodeOf, samples, valuesOf } from "../testing/nodes.ts";
import { builder as b } from "./builder.ts";
import { join } from "./join.ts";
import { padWith } from "./view.ts";

const counted = (shape: readonly number[]) => {
  const size = shape.reduce((n, x) => n * x, 1);
  return nodeOf(
    shape,
    Array.from({ length: size }, (_, i) => i),
  );
};

describe("views read the right elements", () => {
  test("permute", () => expect(valuesOf(b.permute(counted([2, 3]), [1, 0]))).toEqual([0, 3, 1, 4, 2, 5]));
  test("expand", () => expect(valuesOf(b.expand(counted([2, 1]), [2, 2]))).toEqual([0, 0, 1, 1]));
  test("slice forwards and backwards", () => {
    expect(valuesOf(b.slice(counted([7]), [1], [2], [3]))).toEqual([1, 3, 5]);
    expect(valuesOf(b.slice(counted([7]), [6], [-3], [3]))).toEqual([6, 3, 0]);
  });
  test("a shape that its owner changes later is as it was", () => {
    for (const shape of [
      [2, 9],
      [1, 1, 1, 2, 9],
    ]) {
      const first = [...shape];
      const x = b.reshape(counted([18]), first);
      first.reverse();
      expect(x.shape).toEqual(shape);
      expect(b.reshape(counted([18]), shape).shape).toEqual(shape);
    }
  });
  test("slices one after another, with equal and other starts, sizes and steps", () => {
    const x = counted([3, 4]);
    expect(valuesOf(b.slice(x, [0, 1], [1, 1], [2, 2]))).toEqual([1, 2, 5, 6]);
    expect(valuesOf(b.slice(x, [1, 0], [1, 1], [2, 2]))).toEqual([4, 5, 8, 9]);
    expect(valuesOf(b.slice(x, [0, 1], [2, 1], [2, 2]))).toEqual([1, 2, 9, 10]);
    expect(valuesOf(b.slice(x, [0, 1], [1, 1], [2, 3]))).toEqual([1, 2, 3, 5, 6, 7]);
  });
  test("pad around and between", () => {
    expect(valuesOf(b.pad(nodeOf([2], [1, 2]), [1], [2], [3]))).toEqual([0, 1, 0, 0, 2, 0, 0]);
    expect(valuesOf(b.pad(nodeOf([0], []), [1], [2], [3]))).toEqual([0, 0, 0]);
  });
  test("padWith fills with another value", () => {
    const attrs = { low: [1], high: [0], interior: [2], fill: Number.NEGATIVE_INFINITY };
    const inf = Number.NEGATIVE_INFINITY;
    expect(valuesOf(makeNode(padWith, [nodeOf([2], [1, 2])], attrs))).toEqual([inf, 1, inf, 2]);
  });
  test("windows", () => {
    const x = b.windows(counted([6]), { axes: [0], size: [2], step: [2], dilation: [3] });
    expect(x.shape).toEqual([2, 2]);
    expect(valuesOf(x)).toEqual([0, 3, 2, 5]);
  });
  test("concatenation along either axis, with an empty part", () => {
    const parts = [counted([1, 2]), nodeOf([0, 2], []), counted([2, 2])];
    expect(valuesOf(makeNode(join, parts, { axis: 0 }))).toEqual([0, 1, 0, 1, 2, 3]);
    expect(valuesOf(makeNode(join, [counted([2, 1]), counted([2, 2])], { axis: 1 }))).toEqual([0, 0, 1, 1, 2, 3]);
  });
});

describe("fold adds up what windows read", () => {
  const shapes: [string, { n: number; size: number; step: number; dilation: number }][] = [
    ["overlapping", { n: 7, size: 3, step: 1, dilation: 1 }],
    ["overlapping, with a remainder", { n: 8, size: 3, step: 2, dilation: 1 }],
    ["dilated", { n: 9, size: 3, step: 2, dilation: 3 }],
    ["side by side", { n: 8, size: 2, step: 2, dilation: 1 }],
    ["side by side, with a remainder", { n: 9, size: 2, step: 2, dilation: 1 }],
    ["with gaps", { n: 9, size: 2, step: 4, dilation: 1 }],
    ["with gaps that end inside", { n: 6, size: 2, step: 4, dilation: 1 }],
    ["one window", { n: 3, size: 3, step: 1, dilation: 1 }],
    ["no window", { n: 2, size: 3, step: 1, dilation: 1 }],
    ["no window of many side by side", { n: 2, size: 3, step: 3, dilation: 1 }],
  ];
  test.each(shapes)("%s", (_, { n, size, step, dilation }) => {
    const attrs = { axes: [1], size: [size], step: [step], dilation: [dilation] };
    const count = b.windows(counted([2, n]), attrs).shape[1] ?? 0;
    const data = samples(2 * count * size);
    const expected = new Array<number>(2 * n).fill(0);
    for (let row = 0; row < 2; row++)
      for (let w = 0; w < count; w++)
        for (let k = 0; k < size; k++) {
          const cell = row * n + w * step + k * dilation;
          expected[cell] = (expected[cell] ?? 0) + (data[(row * count + w) * size + k] ?? 0);
        }
    const folded = valuesOf(b.fold(nodeOf([2, count, size], data), { ...attrs, shape: [2, n] }));
    expect(folded).toHaveLength(expected.length);
    folded.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 12);
    });
  });
  test("over two axes at once", () => {
    const attrs = { axes: [0, 1], size: [2, 2], step: [1, 2], dilation: [1, 1] };
    const windows = b.windows(nodeOf([3, 5], new Array(15).fill(1)), attrs);
    const uses = b.fold(windows, { ...attrs, shape: [3, 5] });
    expect(valuesOf(uses)).toEqual([1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 1, 1, 1, 1, 0]);
  });
});
