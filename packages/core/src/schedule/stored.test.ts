import { describe, expect, it } from "vitest";
import { sizeOf } from "../base/shape.ts";
import { planFor, withoutFusion } from "../engine/engine.ts";
import { square } from "../functions/arithmetic.ts";
import { batchMoments, batchNorm } from "../functions/normalize.ts";
import { grad } from "../functions/transforms.ts";
import type { Expr, Kernel } from "../kernel/ir.ts";
import { argsOf, exprOrder, kernelRoots } from "../kernel/walk.ts";
import { deviceNames } from "../runtime/devices.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { seededArray } from "../testing/seeded-values.ts";

const matrix = (rows: number, columns: number, device = "reference"): Tensor =>
  tensor(Float32Array.from(seededArray(rows * columns, { seed: 3 })), { shape: [rows, columns], device });

/** How many quotients and roots a kernel computes: each once for every index of the loops that it depends on. */
function slowSteps(kernel: Kernel): number {
  if (kernel.form === "routine" || kernel.form === "contract") return 0;
  const { outer, inner } = kernel;
  const moves = new Map<Expr, boolean>();
  const movesWithin = (strides: readonly number[]): boolean =>
    strides.slice(outer.length).some((stride, i) => stride !== 0 && (inner[i] ?? 1) > 1);
  let count = 0;
  for (const expr of exprOrder(kernelRoots(kernel))) {
    const own =
      (expr.kind === "load" && movesWithin(expr.view.strides)) ||
      (expr.kind === "index" && movesWithin(expr.coefficients));
    const isInner = own || argsOf(expr).some((arg) => moves.get(arg) === true);
    moves.set(expr, isInner);
    if (expr.kind === "apply" && (expr.op === "div" || expr.op === "sqrt"))
      count += sizeOf(outer) * (isInner ? sizeOf(inner) : 1);
  }
  return count;
}

const slowStepsOf = (...xs: Tensor[]): number =>
  planFor(xs.map(({ node }) => node)).kernels.reduce((sum, kernel) => sum + slowSteps(kernel), 0);

const read = (xs: readonly Tensor[]): number[][] => xs.map((x) => [...x.dataSync()]);

describe("what columns share", () => {
  it("is divided once a column where many rows read it", () => {
    const x = matrix(64, 5);
    // The mean, the variance, and one over its root.
    expect(slowStepsOf(batchNorm(x, batchMoments(x)))).toBe(4 * 5);
    const [mean, variance] = [matrix(1, 5).reshape([5]), matrix(1, 5).reshape([5])];
    expect(slowStepsOf(batchNorm(x, { mean, variance }))).toBe(2 * 5);
    // So few rows read it that a buffer costs more.
    expect(slowStepsOf(batchNorm(matrix(8, 5), { mean, variance }))).toBe(2 * 8 * 5);
  });

  it("gives the same values and gradients, fused and apart", () => {
    const loss = (x: Tensor, weight: Tensor): Tensor =>
      square(batchNorm(x, batchMoments(x), { weight }).mul(x)).sum() as Tensor;
    const results = (): number[][] => {
      const [x, weight] = [matrix(48, 7), matrix(1, 7).reshape([7])];
      return read([batchNorm(x, batchMoments(x)), ...(grad(loss, [0, 1])(x, weight) as Tensor[])]);
    };
    expect(results()).toEqual(withoutFusion(results));
  });

  const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;
  const means = [0.25, -1, 0, 0.5, nan, infinite, 0, 0, 1];
  const variances = [1.5, 0, 0, infinite, 1, 1, nan, -1, 1e-30];

  for (const device of deviceNames())
    for (const eps of [1e-5, 0])
      it(`is right for variances of 0, infinite and NaN, on ${device}, eps ${eps}`, () => {
        const [rows, columns] = [40, means.length];
        const data = Float32Array.from(seededArray(rows * columns, { seed: 5 }));
        // Of column 2, of which mean and variance are 0, and of others.
        data[2] = 0;
        data[columns + 2] = -0;
        data[2 * columns] = infinite;
        data[3 * columns + 1] = nan;
        data[4 * columns + 3] = -infinite;
        const x = tensor(data, { shape: [rows, columns], device });
        const [mean, variance] = [means, variances].map((list) => tensor(list, { device }));
        if (!mean || !variance) throw new Error("expected two tensors");
        expect(slowStepsOf(batchNorm(x, { mean, variance }, { eps }))).toBe(2 * columns);
        const actual = batchNorm(x, { mean, variance }, { eps }).dataSync();
        data.forEach((value, i) => {
          const [m = 0, v = 0] = [means[i % columns], variances[i % columns]];
          const expected = (value - m) * (1 / Math.sqrt(Math.fround(v) + eps));
          const y = actual[i] ?? 0;
          const isNear = Object.is(y, expected) || Math.abs(y - expected) <= 4e-7 * Math.abs(expected);
          expect(isNear, `column ${i % columns}: ${y} for ${value}, not ${expected}`).toBe(true);
        });
      });

  for (const device of deviceNames())
    it(`is right where a batch's own moments are those, on ${device}`, () => {
      const [rows, columns, eps] = [40, 4, 1e-5];
      const data = Float32Array.from(seededArray(rows * columns, { seed: 6 }));
      for (let row = 0; row < rows; row++) data[row * columns + 1] = 0.75;
      data[7 * columns + 2] = nan;
      data[9 * columns + 3] = infinite;
      const x = tensor(data, { shape: [rows, columns], device });
      const actual = batchNorm(x, batchMoments(x), { eps }).dataSync();
      for (let c = 0; c < columns; c++) {
        const column = Array.from({ length: rows }, (_, row) => data[row * columns + c] ?? 0);
        const mean = column.reduce((sum, y) => sum + y, 0) / rows;
        const variance = column.reduce((sum, y) => sum + (y - mean) ** 2, 0) / rows;
        column.forEach((value, row) => {
          const expected = (value - mean) / Math.sqrt(variance + eps);
          const y = actual[row * columns + c] ?? 0;
          const isNear = Object.is(y, expected) || Math.abs(y - expected) <= 2e-6;
          expect(isNear, `row ${row}, column ${c}: ${y}, not ${expected}`).toBe(true);
        });
      }
    });
});
