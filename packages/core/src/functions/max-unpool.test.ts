// Max pooling that says where it read, and the way back, against PyTorch 1.13 and by hand.
import { describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { f64, near, sawtooth } from "../testing/flat-values.ts";
import { gradcheck } from "../testing/gradcheck.ts";

describe("maxPoolWithIndices", async () => {
  test("as PyTorch", async () => {
    const x = sawtooth([1, 2, 5, 5]);
    const { values, indices } = ct.maxPool2dWithIndices(x, 3, { stride: 2, padding: 1 });
    await near(
      values,
      [1.12, 1.12, 0.38, 1.12, 1.12, 0.96, 0.22, 0.96, 0.96, 1.17, 1.17, 0.43, 1.17, 1.17, 1.01, 0.27, 1.01, 1.01],
    );
    expect(values.shape).toEqual([1, 2, 3, 3]);
    await near(indices, [6, 6, 4, 6, 6, 18, 16, 18, 18, 6, 6, 4, 6, 6, 18, 16, 18, 18]);
    expect(indices.dtype).toBe("int32");
    const ceiled = ct.maxPool1dWithIndices(sawtooth([1, 2, 7]), 3, { stride: 2, padding: 1, ceilMode: true });
    await near(ceiled.indices, [1, 3, 5, 6, 1, 3, 5, 5]);
    const solid = ct.maxPool3dWithIndices(sawtooth([1, 2, 3, 3, 3]), 2, { stride: 1 });
    await near(solid.indices, [12, 5, 6, 5, 12, 11, 12, 17, 4, 4, 4, 4, 10, 10, 16, 16]);
  });
  test("the first of equal ones; −∞ is found inside, not in the padding; NaN is larger than all; integers", async () => {
    const least = Number.NEGATIVE_INFINITY;
    const at = (x: ct.Tensor, options = {}): ct.Tensor => ct.maxPool1dWithIndices(x, 2, options).indices;
    await near(at(f64([2, 2, 1, 1], [1, 4])), [0, 2]);
    await near(at(f64([least, least], [1, 2]), { padding: 1 }), [0, 1]);
    await near(at(f64([5, Number.NaN, Number.NaN, 7], [1, 4])), [1, 2]);
    await near(at(ct.tensor([[-3, -5, -5, -4]], { dtype: "int32" })), [0, 3]);
    expect(ct.maxPool1dWithIndices(ct.zeros([0, 1, 4]), 2).indices.shape).toEqual([0, 1, 2]);
  });
  test("dilation", async () => {
    const { values, indices } = ct.maxPool1dWithIndices(f64([1, 9, 2, 3, 4], [1, 5]), 2, { stride: 1, dilation: 2 });
    await near(values, [2, 9, 4]);
    await near(indices, [2, 1, 4]);
  });
  test("under vmap", async () => {
    const x = sawtooth([3, 1, 2, 8]);
    const one = (y: ct.Tensor): ct.Tensor => ct.maxPool1dWithIndices(y, 2).indices;
    await near(ct.vmap(one)(x), ct.stack(ct.unstack(x).map(one)));
  });
});

describe("maxUnpool", async () => {
  test("as PyTorch", async () => {
    const { values, indices } = ct.maxPool1dWithIndices(sawtooth([1, 2, 4]), 2);
    await near(ct.maxUnpool1d(values, indices, 2), [0, -0.73, 0, 0.01, 0, 0.75, 1.12, 0]);
    const plane = ct.maxPool2dWithIndices(sawtooth([1, 2, 5, 5]), 2);
    const wide = ct.maxUnpool2d(plane.values, plane.indices, 2, { size: 5 });
    const expected = ct.zeros([50], { dtype: "float64" });
    const places = ct.tensor([3, 6, 11, 12, 28, 31, 36, 37], { dtype: "int32" });
    await near(
      wide,
      ct.scatter(expected, places, f64([0.01, 1.12, 0.67, 1.04, 0.06, 1.17, 0.72, 1.09])).reshape([1, 2, 5, 5]),
    );
    expect(ct.maxUnpool2d(plane.values, plane.indices, 2).shape).toEqual([1, 2, 4, 4]);
    const solid = ct.maxPool3dWithIndices(sawtooth([2, 4, 4, 4]), 2);
    const back = ct.maxUnpool3d(solid.values, solid.indices, 2);
    expect(back.shape).toEqual([2, 4, 4, 4]);
    await near(ct.maxPool3d(ct.where(back.eq(0), -9, back), 2), solid.values);
  });
  test("derivatives, through pooling too", async () => {
    const x = sawtooth([1, 2, 4, 4]);
    const { indices } = ct.maxPool2dWithIndices(x, 2);
    await gradcheck((y) => ct.maxUnpool2d(y, indices, 2), [sawtooth([1, 2, 2, 2])], { order: 2 });
    const around = (y: ct.Tensor): ct.Tensor => {
      const pooled = ct.maxPool2dWithIndices(y, 2);
      return ct.maxUnpool2d(pooled.values.mul(pooled.values), pooled.indices, 2);
    };
    await gradcheck(around, [x], { order: 2 });
  });
  test("errors", async () => {
    expect(() => ct.maxUnpool1d(ct.zeros([1, 2]), ct.zeros([1, 3], { dtype: "int32" }), 2)).toThrow(
      "maxUnpool1d: expected an input [N, C, L] and an index for each element, got [1, 2] and [1, 3]",
    );
    const outside = ct.tensor([[4]], { dtype: "int32" });
    await expect(ct.maxUnpool1d(ct.ones([1, 1]), outside, 2).data()).rejects.toThrow("out of range for size 2");
  });
});
