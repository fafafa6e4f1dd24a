// Convolution against its definition, written as loops.
import { describe, expect, test } from "vitest";
import { makeNode } from "../graph/node.ts";
import { nodeOf, samples, valuesOf } from "../testing/nodes.ts";
import { type Conv, conv } from "./conv.ts";

type Size = readonly [number, number, number, number];

/** Two spatial axes; one is enough for the others' sake. */
function naive([n, c, h, w]: Size, x: number[], [o, cg, kh, kw]: Size, weight: number[], attrs: Conv): number[] {
  const [sh = 1, sw = 1] = attrs.stride;
  const [dh = 1, dw = 1] = attrs.dilation;
  const oh = Math.floor((h - dh * (kh - 1) - 1) / sh) + 1;
  const ow = Math.floor((w - dw * (kw - 1) - 1) / sw) + 1;
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
                const cell = ((i * c + first + k) * h + y * sh + p * dh) * w + z * sw + q * dw;
                sum += (x[cell] ?? Number.NaN) * (weight[((f * cg + k) * kh + p) * kw + q] ?? Number.NaN);
              }
          out.push(sum);
        }
    }
  return out;
}

describe("conv over two axes", () => {
  test.each<[string, Size, Size, Conv]>([
    ["plain", [2, 3, 5, 4], [4, 3, 3, 2], { stride: [1, 1], dilation: [1, 1], groups: 1, low: [0, 0], high: [0, 0] }],
    [
      "strided, with a remainder",
      [1, 2, 6, 7],
      [3, 2, 3, 3],
      { stride: [2, 3], dilation: [1, 1], groups: 1, low: [0, 0], high: [0, 0] },
    ],
    ["dilated", [2, 1, 7, 6], [2, 1, 3, 2], { stride: [1, 2], dilation: [2, 3], groups: 1, low: [0, 0], high: [0, 0] }],
    ["grouped", [2, 4, 4, 4], [6, 2, 2, 2], { stride: [1, 1], dilation: [1, 1], groups: 2, low: [0, 0], high: [0, 0] }],
    [
      "depthwise",
      [2, 3, 4, 4],
      [6, 1, 2, 2],
      { stride: [1, 1], dilation: [1, 1], groups: 3, low: [0, 0], high: [0, 0] },
    ],
    [
      "depthwise, one output each",
      [2, 3, 5, 6],
      [3, 1, 2, 3],
      { stride: [2, 1], dilation: [1, 2], groups: 3, low: [0, 0], high: [0, 0] },
    ],
    [
      "pointwise",
      [2, 3, 2, 2],
      [4, 3, 1, 1],
      { stride: [1, 1], dilation: [1, 1], groups: 1, low: [0, 0], high: [0, 0] },
    ],
  ])("%s", (_, xShape, wShape, attrs) => {
    const x = samples(
      xShape.reduce((p, q) => p * q, 1),
      1,
    );
    const w = samples(
      wShape.reduce((p, q) => p * q, 1),
      2,
    );
    const y = valuesOf(makeNode(conv, [nodeOf(xShape, x), nodeOf(wShape, w)], attrs));
    const expected = naive(xShape, x, wShape, w, attrs);
    expect(y).toHaveLength(expected.length);
    y.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 10);
    });
  });
});

test("an input that is too small has no outputs", () => {
  const attrs = { stride: [1], dilation: [1], groups: 1, low: [0], high: [0] };
  const y = makeNode(conv, [nodeOf([1, 1, 2], [1, 2]), nodeOf([1, 1, 3], [1, 2, 3])], attrs);
  expect(y.shape).toEqual([1, 1, 0]);
  expect(valuesOf(y)).toEqual([]);
});
