// Derivatives of functions known on a grid, against PyTorch 1.13 and by hand.
import { describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { f64, near, sawtooth } from "../testing/flat-values.ts";
import { gradcheck } from "../testing/gradcheck.ts";

const { gradient } = ct;
const y = sawtooth([3, 4]);
const places = [f64([0, 1, 3]), f64([0, 0.5, 2, 2.25])];

describe("gradient", async () => {
  test.each([
    [
      {},
      [1.48, 1.48, 1.48, -0.82, 0.33, 0.33, 0.33, 0.33, -0.82, -0.82, -0.82, 1.48],
      [0.37, 0.37, 0.37, 0.37, 0.37, 0.37, -0.78, -1.93, 0.37, 0.37, 0.37, 0.37],
    ],
    [
      { spacing: [0.5, 2], edgeOrder: 2 },
      [5.26, 5.26, 5.26, -3.94, 0.66, 0.66, 0.66, 0.66, -3.94, -3.94, -3.94, 5.26],
      [0.185, 0.185, 0.185, 0.185, 0.185, 0.185, -0.39, -1.54, 0.185, 0.185, 0.185, 0.185],
    ],
    [
      { spacing: places },
      [1.48, 1.48, 1.48, -0.82, 0.85, 0.85, 0.85, -0.3, -0.41, -0.41, -0.41, 0.74],
      [0.74, 0.61666667, 1.30380952, 1.48, 0.74, 0.61666667, -6.58190476, -7.72, 0.74, 0.61666667, 1.30380952, 1.48],
    ],
    [
      { spacing: places, edgeOrder: 2 },
      [2.11, 2.11, 2.11, -1.34, 0.85, 0.85, 0.85, -0.3, -1.67, -1.67, -1.67, 1.78],
      [
        0.86333333, 0.61666667, 1.30380952, 1.65619048, 0.86333333, 0.61666667, -6.58190476, -8.85809524, 0.86333333,
        0.61666667, 1.30380952, 1.65619048,
      ],
    ],
  ] as const)("as PyTorch: %o", async (options, rows, columns) => {
    const [first, second] = gradient(y, options);
    await near(first ?? y, rows);
    await near(second ?? y, columns);
    expect(gradient(y, options)).toHaveLength(2);
  });
  test("one axis, two cells, infinities among others", async () => {
    const [along] = gradient(y, { axis: -1 });
    await near(along ?? y, gradient(y)[1] ?? y);
    await near(gradient(f64([1, 4]), { spacing: 0.5 })[0] ?? y, [6, 6]);
    // A cell's own value takes no part in the difference around it.
    const [around] = gradient(f64([1, Number.POSITIVE_INFINITY, 3]));
    await near(ct.slice(around ?? y, [[1, 2]]), [1]);
  });
  test("derivatives, by places too", async () => {
    await gradcheck((x) => gradient(x, { edgeOrder: 2 }), [y], { order: 2 });
    await gradcheck((x, p, q) => gradient(x, { spacing: [p, q] }), [y, ...places], { order: 2 });
  });
  test("errors", () => {
    expect(() => gradient(f64([1]))).toThrow("gradient: expected at least 2 cells along axis 0 for edgeOrder 1, got 1");
    expect(() => gradient(y, { spacing: [1] })).toThrow("gradient: expected a spacing for each of 2 axes, got 1");
    expect(() => gradient(y, { axis: 0, spacing: [f64([1, 2])] })).toThrow(
      "expected 3 places along axis 0, got shape [2]",
    );
  });
});
