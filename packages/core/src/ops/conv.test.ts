// Convolution against its definition, written as loops.
import { describe, expect, test } from "vitest";
import { makeNode } from "../graph/node.ts";
import { nodeOf, samples, valuesOf } from "../testing/nodes.ts";
import { type Conv, conv, convFilter, convTranspose } from "./conv.ts";

type Size = readonly [number, number, number, number];

const count = (shape: readonly number[]): number => shape.reduce((p, q) => p * q, 1);

/** Two spatial axes; one is enough for the others' sake. */
function naive([n, c, h, w]: Size, x: number[], [o, cg, kh, kw]: Size, weight: number[], attrs: Conv): number[] {
  const [top = 0, left = 0] = attrs.low;
  const [bottom = 0, right = 0] = attrs.high;
  const [sh = 1, sw = 1] = attrs.stride;
  const [dh = 1, dw = 1] = attrs.dilation;
  const oh = Math.floor((top + h + bottom - dh * (kh - 1) - 1) / sh) + 1;
  const ow = Math.floor((left + w + right - dw * (kw - 1) - 1) / sw) + 1;
  const out: number[] = [];
  for (let i = 0; i < n; i++)
    for (let f = 0; f < o; f++) {
      const first = Math.floor(f / (o / attrs.groups)) * cg;
      for (let y = 0; y < oh; y++)
        for (let z = 0; z < ow; z++) {
          let sum = 0;
          for (let k = 0; k < cg; k++)
            for (let p = 0; p < kh; p++)
              for (let q = 0; q < kw; q++) {
                const row = y * sh + p * dh - top;
                const column = z * sw + q * dw - left;
                const isInside = row >= 0 && row < h && column >= 0 && column < w;
                const cell = isInside ? (x[((i * c + first + k) * h + row) * w + column] ?? Number.NaN) : 0;
                sum += cell * (weight[((f * cg + k) * kh + p) * kw + q] ?? Number.NaN);
              }
          out.push(sum);
        }
    }
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

test("an input that is too small has no outputs", () => {
  const attrs = { stride: [1], dilation: [1], groups: 1, low: [0], high: [0] };
  const y = makeNode(conv, [nodeOf([1, 1, 2], [1, 2]), nodeOf([1, 1, 3], [1, 2, 3])], attrs);
  expect(y.shape).toEqual([1, 1, 0]);
  expect(valuesOf(y)).toEqual([]);
});
