import { describe, expect, test } from "vitest";
import { matrixOf, tiledProduct } from "../../kernel/linalg/blocks.ts";
import { doubleProduct } from "./double-product.ts";
import { wasmFeatures } from "./features.ts";

const random = (size: number, seed: number): Float64Array =>
  Float64Array.from({ length: size }, (_, i) => Math.sin(1 + i * seed) * 10 ** ((i * seed) % 5));

describe.each([
  ["narrow", { relaxedSimd: false }],
  ["as this engine has it", wasmFeatures()],
])("products in double precision, %s", (_, features) => {
  const product = doubleProduct(features);
  test.each([
    [2, 4, 1],
    [6, 12, 5],
    [128, 8, 30],
    [130, 20, 17],
    [258, 36, 200],
    [2, 4, 0],
    [0, 4, 3],
  ])("%i × %i over %i: the bits of JavaScript's", (m, n, k) => {
    // Parts of larger matrices; NaN and infinity lie in one row and one column.
    const a = { data: random(m * (k + 3) + 5, 3), at: 2, stride: k + 3 };
    const b = { data: random((k + 1) * (n + 1) + 5, 7), at: 1, stride: n + 1 };
    if (m * k > 0) a.data[2] = Number.NaN;
    if (k > 0) b.data[2] = Number.POSITIVE_INFINITY;
    const [expected, actual] = [random(m * n, 5), random(m * n, 5)];
    tiledProduct(m, n, k, a, b, matrixOf(expected, n));
    product(m, n, k, a, b, matrixOf(actual, n));
    expect(actual).toEqual(expected);
  });
});
