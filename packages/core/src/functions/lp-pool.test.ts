// Power-mean pooling, shrinking activations, and other small compositions, against PyTorch 1.13 and by hand.
import { describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededValues } from "../testing/seeded-values.ts";

const { grad, lpPool1d, lpPool2d, tensor, zeros } = ct;
const values = (x: ct.Tensor): number[] => [...x.dataSync()];
const expectClose = (actual: ct.Tensor, expected: readonly number[]): void => {
  expect(actual.size).toBe(expected.length);
  for (const [i, x] of values(actual).entries()) expect(x).toBeCloseTo(expected[i] ?? Number.NaN, 7);
};
const f64 = (list: readonly number[], shape: number[] = [list.length]): ct.Tensor =>
  tensor(Float64Array.from(list), { shape });

describe("lpPool", () => {
  const cells = Array.from({ length: 50 }, (_, i) => Number((((0.37 * i) % 2.3) + 0.1).toFixed(4)));
  const x = f64(cells, [1, 2, 5, 5]);
  test("as PyTorch", () => {
    expectClose(
      lpPool2d(x, 2, 2),
      [3.06851756, 1.70276246, 2.97754933, 3.60324853, 3.14798348, 1.79705314, 3.07567879, 3.69369733],
    );
    const ceiled = lpPool2d(x, 3, [2, 3], { stride: 2, ceilMode: true });
    expect(ceiled.shape).toEqual([1, 2, 3, 2]);
    expectClose(
      ceiled,
      [
        2.74390447, 2.02060115, 3.13833356, 3.01506676, 1.91924612, 3.20138137, 2.81245257, 2.10262325, 3.2251847,
        3.08952339, 2.00356896, 3.28971342,
      ],
    );
    expectClose(
      lpPool1d(ct.select(ct.select(x, 0, 0), 0, 0), 1.5, 3, { stride: 1 }),
      [
        1.08086094, 1.80404008, 2.55620773, 3.48301721, 2.70132799, 1.64368846, 3.91515813, 3.3320574, 2.55577662,
        2.98719204, 3.7498888, 3.18334405, 2.06677742, 2.82279066, 3.58472623,
      ],
    );
    expect(ct.lpPool3d(zeros([1, 2, 4, 4, 4]), 2, 2).shape).toEqual([1, 2, 2, 2, 2]);
  });
  test("derivatives, and none where a window is empty", async () => {
    await gradcheck((y) => lpPool2d(y, 2, 2), [x], { order: 2 });
    await gradcheck((y) => lpPool1d(y, 3, 2), [f64([0.5, 1, 2, 3], [1, 4])], { order: 2 });
    expectClose(grad((y: ct.Tensor) => lpPool1d(y, 2, 2).sum())(f64([0, 0, 3, 4], [1, 4])), [0, 0, 0.6, 0.8]);
  });
});

describe("small compositions", () => {
  test("shrinking, at their edges and beyond", () => {
    const x = f64([-2, -0.5, -0.1, 0, 0.5, 0.6, Number.NaN]);
    expect(values(ct.hardshrink(x))).toEqual([-2, 0, 0, 0, 0, 0.6, Number.NaN]);
    expect(values(ct.softshrink(x, { lambda: 0.25 }))).toEqual([-1.75, -0.25, 0, 0, 0.25, 0.35, Number.NaN]);
  });
  test("derivatives", async () => {
    const x = seededValues([4, 6], { dtype: "float64" });
    await gradcheck((y) => ct.glu(y, { axis: 0 }), [x], { order: 2 });
    await gradcheck((y) => ct.tanhshrink(y).add(ct.softshrink(y)).add(ct.hardshrink(y)), [x], { order: 2 });
    await gradcheck((y) => ct.copysign(y, ct.flip(x)).add(ct.frac(y)), [x]);
    await gradcheck((y) => ct.channelShuffle(y, 3), [x]);
    await gradcheck((y) => ct.take(y, tensor(Int32Array.of(3, 3, 0, 23))), [x]);
    await gradcheck((y, z) => ct.blockDiag([y, z]), [x, f64([1, 2])]);
    await gradcheck((y, z) => ct.addcdiv(ct.addcmul(y, y, z, { value: 2 }), y, z), [x, f64([1, 2, -1, 3, 2, 1])]);
  });
  test("zeros with signs, NaN, integers", () => {
    expect(values(ct.copysign(tensor([0, 1, -1]), -0))).toEqual([-0, -1, -1]);
    expect(values(ct.copysign(tensor([-0, -1]), 2))).toEqual([0, 1]);
    expect(values(ct.heaviside(tensor([Number.NaN, 0, 1]), 0.25))).toEqual([Number.NaN, 0.25, 1]);
    expect(values(ct.heaviside(tensor([-1, 0, 5], { dtype: "int32" }), 3))).toEqual([0, 3, 1]);
  });
  test("errors", async () => {
    expect(() => ct.glu(zeros([3]))).toThrow("glu: expected an even size along axis 0, got 3");
    expect(() => ct.channelShuffle(zeros([1, 3, 2]), 2)).toThrow(
      "channelShuffle: expected [N, C·2, ...], got [1, 3, 2]",
    );
    expect(() => ct.blockDiag([zeros([1, 1, 1])])).toThrow("blockDiag: expected matrices, got [1, 1, 1]");
    await expect(ct.take(zeros([2, 2]), tensor(Int32Array.of(4))).data()).rejects.toThrow(
      "take: index 4 is out of range for size 4",
    );
  });
});
