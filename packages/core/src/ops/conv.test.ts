// Convolution against its definition, written as loops.
import { describe, expect, test } from "vitest";
import { makeNode } from "../graph/node.ts";
import { nodeOf, samples, valuesOf } from "../testing/nodes.ts";
import { type Conv, conv, convFilter, convTranspose } from "./conv.ts";

type Size = readonly [number, number, number, number];

const count = (shape: readonly number[]): number => shape.reduce((p, q) => p * q, 1);

/** Every product of a convolution over two spatial axes, by position; padding has position −1. */
function eachProduct(
  [n, c, h, w]: Size,
  [o, cg, kh, kw]: Size,
  attrs: Conv,
  visit: (result: number, cell: number, weight: number) => void,
): number {
  const [top = 0, left = 0] = attrs.low;
  const [bottom = 0, right = 0] = attrs.high;
  const [sh = 1, sw = 1] = attrs.stride;
  const [dh = 1, dw = 1] = attrs.dilation;
  const oh = Math.floor((top + h + bottom - dh * (kh - 1) - 1) / sh) + 1;
  const ow = Math.floor((left + w + right - dw * (kw - 1) - 1) / sw) + 1;
  let result = 0;
  for (let i = 0; i < n; i++)
    for (let f = 0; f < o; f++) {
      const first = Math.floor(f / (o / attrs.groups)) * cg;
      for (let y = 0; y < oh; y++)
        for (let z = 0; z < ow; z++) {
          for (let k = 0; k < cg; k++)
            for (let p = 0; p < kh; p++)
              for (let q = 0; q < kw; q++) {
                const row = y * sh + p * dh - top;
                const column = z * sw + q * dw - left;
                const isInside = row >= 0 && row < h && column >= 0 && column < w;
                const cell = isInside ? ((i * c + first + k) * h + row) * w + column : -1;
                visit(result, cell, ((f * cg + k) * kh + p) * kw + q);
              }
          result++;
        }
    }
  return result;
}

/** Two spatial axes; one is enough for the others' sake. */
function naive(xShape: Size, x: number[], wShape: Size, weight: number[], attrs: Conv): number[] {
  const out: number[] = new Array(eachProduct(xShape, wShape, attrs, () => {})).fill(0);
  eachProduct(xShape, wShape, attrs, (result, cell, w) => {
    out[result] = (out[result] ?? 0) + (cell < 0 ? 0 : (x[cell] ?? Number.NaN)) * (weight[w] ?? Number.NaN);
  });
  return out;
}

const attrsOf = (
  [stride, dilation, groups]: readonly [Conv["stride"], Conv["dilation"], number],
  low: Conv["low"] = [0, 0],
  high: Conv["high"] = low,
): Conv => ({ stride, dilation, groups, low, high });

const dense = [[1, 1], [1, 1], 1] as const;

describe("over two axes", () => {
  const cases: readonly (readonly [string, Size, Size, Conv])[] = [
    ["plain", [2, 3, 5, 4], [4, 3, 3, 2], attrsOf(dense)],
    ["strided, with a remainder", [1, 2, 6, 7], [3, 2, 3, 3], attrsOf([[2, 3], [1, 1], 1])],
    ["dilated", [2, 1, 7, 6], [2, 1, 3, 2], attrsOf([[1, 2], [2, 3], 1])],
    ["grouped", [2, 4, 4, 4], [6, 2, 2, 2], attrsOf([[1, 1], [1, 1], 2])],
    ["depthwise", [2, 3, 4, 4], [6, 1, 2, 2], attrsOf([[1, 1], [1, 1], 3])],
    ["depthwise, one output each", [2, 3, 5, 6], [3, 1, 2, 3], attrsOf([[2, 1], [1, 2], 3])],
    ["pointwise", [2, 3, 2, 2], [4, 3, 1, 1], attrsOf(dense)],
    ["padded", [2, 3, 5, 4], [4, 3, 3, 3], attrsOf(dense, [1, 2], [0, 1])],
    ["padded by more than the kernel", [1, 2, 1, 2], [3, 2, 2, 2], attrsOf(dense, [4, 3], [5, 0])],
    ["cut", [1, 2, 6, 7], [3, 2, 2, 3], attrsOf([[1, 2], [1, 1], 1], [-1, -2], [-2, 1])],
    ["strided and padded", [2, 3, 8, 9], [4, 3, 3, 3], attrsOf([[2, 2], [1, 1], 1], [1, 1])],
    ["depthwise, strided and padded", [2, 3, 8, 9], [3, 1, 3, 3], attrsOf([[2, 2], [1, 1], 3], [1, 1])],
    ["taps of which some phases have none", [1, 2, 9, 8], [3, 2, 2, 2], attrsOf([[2, 3], [2, 1], 1], [1, 0])],
    ["stride and dilation with a common divisor", [1, 2, 15, 13], [2, 2, 4, 3], attrsOf([[4, 2], [2, 4], 1], [2, 1])],
    ["stride beyond the kernel", [1, 2, 9, 11], [2, 2, 2, 1], attrsOf([[3, 4], [1, 1], 1], [1, 2])],
    ["more phases than are taken apart", [1, 2, 13, 12], [2, 2, 6, 5], attrsOf([[5, 4], [1, 1], 1], [2, 1])],
    ["few of many channels", [2, 2, 6, 5], [12, 2, 3, 2], attrsOf(dense, [1, 1])],
    ["few out of many channels", [2, 12, 6, 5], [2, 12, 3, 2], attrsOf([[1, 1], [1, 2], 1], [1, 1])],
    ["many taps", [1, 1, 12, 11], [1, 1, 9, 8], attrsOf(dense, [4, 3])],
  ];

  describe.each(["reference", "wasm"])("on %s", (device) => {
    test.each(cases)("%s", (_, xShape, wShape, attrs) => {
      const x = samples(count(xShape), 1);
      const w = samples(count(wShape), 2);
      const at = { device };
      const operands = [nodeOf(xShape, x, "float64", at), nodeOf(wShape, w, "float64", at)];
      const y = makeNode(conv, operands, attrs);
      const expected = naive(xShape, x, wShape, w, attrs);
      const close = (values: number[], truth: number[]): void => {
        expect(values).toHaveLength(truth.length);
        values.forEach((value, i) => {
          expect(value).toBeCloseTo(truth[i] ?? Number.NaN, 10);
        });
      };
      close(valuesOf(y), expected);

      // The sum of the results times g is linear in each cell of x and of w: its derivative is its value for a one there.
      const g = samples(expected.length, 3);
      const along = (values: number[]): number => values.reduce((sum, value, i) => sum + value * (g[i] ?? 0), 0);
      const ones = (size: number): number[][] =>
        Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
      const back = nodeOf(y.shape, g, "float64", at);
      const [given, weight] = operands;
      if (!given || !weight) throw new Error("no operands");
      close(
        valuesOf(makeNode(convTranspose, [back, weight], { ...attrs, shape: xShape.slice(2) })),
        ones(x.length).map((one) => along(naive(xShape, one, wShape, w, attrs))),
      );
      close(
        valuesOf(makeNode(convFilter, [back, given], { ...attrs, kernel: wShape.slice(2) })),
        ones(w.length).map((one) => along(naive(xShape, x, wShape, one, attrs))),
      );
    });
  });
});

describe("in float32, where products are blocked", () => {
  const cases: readonly (readonly [string, Size, Size, Conv])[] = [
    ["one channel out", [2, 24, 14, 13], [1, 24, 5, 5], attrsOf(dense, [2, 4])],
    ["two channels out, dilated", [2, 20, 11, 12], [2, 20, 3, 3], attrsOf([[2, 1], [1, 2], 1], [1, 2], [0, 1])],
    ["one channel in", [3, 1, 17, 15], [24, 1, 5, 5], attrsOf(dense)],
    ["three channels in, padded", [3, 3, 17, 15], [9, 3, 3, 3], attrsOf(dense, [1, 1])],
    ["many channels", [2, 37, 12, 12], [32, 37, 3, 3], attrsOf(dense)],
    ["more than a tile, odd", [1, 20, 31, 29], [36, 20, 3, 3], attrsOf(dense, [1, 1])],
    ["grouped", [4, 32, 12, 13], [32, 8, 3, 3], attrsOf([[1, 1], [1, 1], 4], [1, 1])],
    ["strided", [2, 3, 19, 18], [33, 3, 5, 3], attrsOf([[2, 2], [1, 1], 1], [2, 1])],
    ["pointwise, strided", [3, 16, 9, 11], [40, 16, 1, 1], attrsOf([[2, 2], [1, 1], 1])],
    ["depthwise", [3, 8, 14, 15], [8, 1, 3, 3], attrsOf([[1, 1], [1, 1], 8], [1, 1])],
    ["depthwise, few of whose taps share a walk", [2, 4, 9, 38], [4, 1, 1, 5], attrsOf([[1, 1], [1, 1], 4])],
  ];
  // Sums of these are exact.
  const wholes = (size: number, seed: number): number[] => samples(size, seed).map((x) => Math.round(4 * x));

  test.each(cases)("%s", (_, xShape, wShape, attrs) => {
    const [x, w] = [wholes(count(xShape), 1), wholes(count(wShape), 2)];
    const expected = naive(xShape, x, wShape, w, attrs);
    const g = wholes(expected.length, 3);
    const [byX, byW] = [x.map(() => 0), w.map(() => 0)];
    eachProduct(xShape, wShape, attrs, (result, cell, weight) => {
      if (cell < 0) return;
      byX[cell] = (byX[cell] ?? 0) + (g[result] ?? 0) * (w[weight] ?? 0);
      byW[weight] = (byW[weight] ?? 0) + (g[result] ?? 0) * (x[cell] ?? 0);
    });
    const at = { device: "wasm" };
    const [given, weight] = [nodeOf(xShape, x, "float32", at), nodeOf(wShape, w, "float32", at)];
    const y = makeNode(conv, [given, weight], attrs);
    const back = nodeOf(y.shape, g, "float32", at);
    expect(valuesOf(y)).toEqual(expected);
    expect(valuesOf(makeNode(convTranspose, [back, weight], { ...attrs, shape: xShape.slice(2) }))).toEqual(byX);
    expect(valuesOf(makeNode(convFilter, [back, given], { ...attrs, kernel: wShape.slice(2) }))).toEqual(byW);
  });

  test.each(cases)("%s: an infinite cell is seen by its own windows alone", (_, xShape, wShape, attrs) => {
    const x = wholes(count(xShape), 1);
    const w = wholes(count(wShape), 2).map((each) => each || 1);
    const [, , h, width] = xShape;
    for (const cell of [0, width - 1, (h >> 1) * width + (width >> 1), h * width - 1, x.length - 1]) {
      const seen = x.with(cell, Number.POSITIVE_INFINITY);
      const at = { device: "wasm" };
      const y = makeNode(conv, [nodeOf(xShape, seen, "float32", at), nodeOf(wShape, w, "float32", at)], attrs);
      expect(valuesOf(y)).toEqual(naive(xShape, seen, wShape, w, attrs));
    }
  });
});

test("an input that is too small has no outputs", () => {
  const attrs = { stride: [1], dilation: [1], groups: 1, low: [0], high: [0] };
  const y = makeNode(conv, [nodeOf([1, 1, 2], [1, 2]), nodeOf([1, 1, 3], [1, 2, 3])], attrs);
  expect(y.shape).toEqual([1, 1, 0]);
  expect(valuesOf(y)).toEqual([]);
});
