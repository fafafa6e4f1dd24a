// Order statistics and searching against plain loops over sorted arrays, with NaN, ties, empty inputs and derivatives.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, type Tensor, tensor, zeros } from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededArray } from "../testing/seeded-values.ts";

const { device: usual } = zeros([]);
const array = (x: Tensor): unknown => x.toArraySync();
const list = (x: Tensor): number[] => [...x.dataSync()];
const random = (size: number, seed = 1): number[] => [...seededArray(size, { seed, low: -2, high: 2 })];
const whole = (size: number, most: number, seed = 1): number[] =>
  random(size, seed).map((x) => Math.floor(((x + 2) / 4) * most));
const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

describe.each(deviceNames())("on %s", (device) => {
  beforeAll(() => ct.setDefaultDevice(device));
  afterAll(() => ct.setDefaultDevice(usual));

  test("NaN counts as the largest of what is sorted, whichever way", () => {
    // What PyTorch 1.13 gives, whatever the sign of the NaN.
    const data = [Number.NaN, -0, 1, Number.POSITIVE_INFINITY, 0, -1, Number.NEGATIVE_INFINITY, -Number.NaN];
    for (const dtype of ["float32", "float64"] as const) {
      const x = tensor(data, { dtype });
      const order = [0, 7, 3, 2, 1, 4, 5, 6];
      expect(list(ct.argsort(x, { descending: true }))).toEqual(order);
      expect(list(ct.sort(x, { descending: true }).values)).toEqual(order.map((i) => data[i]));
      expect(list(ct.argsort(x))).toEqual([6, 5, 1, 4, 2, 3, 0, 7]);
      expect(list(ct.topk(x, 3).indices)).toEqual([0, 7, 3]);
      expect(list(ct.topk(x, 2, { largest: false }).indices)).toEqual([6, 5]);
    }
  });

  test("kthvalue is the k-th of the sorted, with its place", () => {
    const data = random(35);
    const x = tensor(data).reshape([5, 7]);
    for (const k of [1, 3, 5]) {
      const { values, indices } = ct.kthvalue(x, k, { axis: 0 });
      expect(values.shape).toEqual([7]);
      const columns = Array.from({ length: 7 }, (_, j) => Array.from({ length: 5 }, (__, i) => data[i * 7 + j]!));
      expect(list(values)).toEqual(columns.map((column) => ascending(column)[k - 1]));
      expect(list(indices)).toEqual(columns.map((column) => column.indexOf(ascending(column)[k - 1]!)));
    }
    expect(ct.kthvalue(x, 2, { keepdims: true }).values.shape).toEqual([5, 1]);
    expect(() => ct.kthvalue(x, 8)).toThrow("kthvalue: expected k of at most 7, got 8");
  });
  test("median is the lower of two in the middle; NaN stays, or is left out", () => {
    expect(ct.median(tensor([4, 1, 3, 2])).itemSync()).toBe(2);
    expect(ct.median(tensor([5, 1, 3])).itemSync()).toBe(3);
    expect(ct.median(tensor([5, Number.NaN, 3])).itemSync()).toBeNaN();
    expect(
      array(
        ct.nanmedian(
          tensor([
            [5, Number.NaN, 3],
            [Number.NaN, Number.NaN, Number.NaN],
          ]),
          { axis: 1 },
        ),
      ),
    ).toEqual([3, Number.NaN]);
    expect(ct.median(zeros([2, 3]), { keepdims: true }).shape).toEqual([1, 1]);
    expect(() => ct.median(zeros([0]))).toThrow("median: expected at least one element, got shape [0]");
  });
  test.each(["linear", "lower", "higher", "nearest", "midpoint"] as const)(
    "quantile, %s, lies where NumPy's does",
    (interpolation) => {
      const sorted = [1, 2, 4, 8, 16];
      const expected = {
        linear: [1, 1.8, 3, 4, 16],
        lower: [1, 1, 2, 4, 16],
        higher: [1, 2, 4, 4, 16],
        nearest: [1, 2, 4, 4, 16],
        midpoint: [1, 1.5, 3, 4, 16],
      }[interpolation];
      const q = [0, 0.2, 0.375, 0.5, 1];
      const x = tensor([8, 1, 16, 4, 2]);
      const found = list(ct.quantile(x, q, { interpolation }));
      found.forEach((y, i) => {
        expect(y).toBeCloseTo(expected[i]!, 5);
      });
      const holed = tensor([Number.NaN, 8, 1, Number.NaN, 16, 4, 2]);
      list(ct.nanquantile(holed, q, { interpolation })).forEach((y, i) => {
        expect(y).toBeCloseTo(expected[i]!, 5);
      });
      expect(ct.quantile(holed, 0.5, { interpolation }).itemSync()).toBeNaN();
      expect(ct.nanquantile(tensor([Number.NaN]), 0.5, { interpolation }).itemSync()).toBeNaN();
      expect(ct.quantile(tensor([7]), 0.3, { interpolation }).itemSync()).toBe(7);
      expect(sorted.length).toBe(5);
    },
  );
  test("quantile along an axis, of infinities, and of other q without another plan", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(array(ct.quantile(x, [0, 0.5], { axis: 0 }))).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(ct.quantile(x, 0.5, { axis: 1, keepdims: true }).shape).toEqual([3, 1]);
    expect(ct.quantile(tensor([1, 2, Number.POSITIVE_INFINITY]), 0.5).itemSync()).toBe(2);
    const { plansCompiled } = ct.engineStatistics();
    ct.quantile(tensor([1, 2, Number.POSITIVE_INFINITY]), 0.25).itemSync();
    expect(ct.engineStatistics().plansCompiled).toBe(plansCompiled);
    expect(() => ct.quantile(x, 50)).toThrow("quantile: expected q from 0 to 1, got 50");
  });
  test("mode is the smallest of the most frequent", () => {
    for (const seed of [1, 2, 3]) {
      const data = whole(60, 5, seed);
      const { values, indices } = ct.mode(tensor(data).reshape([3, 20]));
      for (let row = 0; row < 3; row++) {
        const part = data.slice(row * 20, row * 20 + 20);
        const count = (v: number): number => part.filter((x) => x === v).length;
        const most = Math.max(...part.map(count));
        const best = Math.min(...part.filter((v) => count(v) === most));
        expect(list(values)[row]).toBe(best);
        expect(list(indices)[row]).toBe(part.lastIndexOf(best));
      }
    }
    expect(list(ct.mode(tensor([2, 1, 2, 2], { dtype: "int32" })).values)).toEqual([2]);
  });
  test("gradients go to the elements that are chosen", async () => {
    const x = tensor([
      [3, 1, 2, 7],
      [0.5, 9, 4, 6],
    ]);
    await gradcheck((y) => ct.kthvalue(y!.mul(y!), 2).values, [x], { order: 2 });
    await gradcheck((y) => ct.median(y!.mul(y!), { axis: 0 }), [x], { order: 2 });
    await gradcheck((y) => ct.quantile(y!.mul(y!), [0.1, 0.6], { axis: 1 }), [x], { order: 2 });
    await gradcheck((y) => ct.nanquantile(y!, 0.3), [x]);
    await gradcheck((y) => ct.mode(y!).values, [x]);
  });

  test.each([3, 31, 33, 100, 1000])("searchsorted in a list of %i", (n) => {
    const sorted = ascending(whole(n, 50));
    const values = [...whole(40, 60, 5), -1, 100];
    for (const right of [false, true]) {
      const expected = values.map((v) => sorted.filter((s) => (right ? s <= v : s < v)).length);
      expect(list(ct.searchsorted(tensor(sorted), tensor(values), { right }))).toEqual(expected);
    }
    expect(list(ct.searchsorted(tensor([...sorted, Number.NaN]), tensor([Number.NaN])))).toEqual([n]);
  });
  test("searchsorted with a list for each row, of a number, in nothing", () => {
    const lists = tensor([
      [1, 3],
      [2, 4],
    ]);
    expect(
      array(
        ct.searchsorted(
          lists,
          tensor([
            [3, 0, 9],
            [3, 0, 9],
          ]),
        ),
      ),
    ).toEqual([
      [1, 0, 2],
      [1, 0, 2],
    ]);
    expect(ct.searchsorted(tensor([1, 3]), 2).itemSync()).toBe(1);
    expect(list(ct.searchsorted(zeros([0]), tensor([1])))).toEqual([0]);
    expect(list(ct.bucketize(tensor([1, 2]), tensor([1, 2]), { right: true }))).toEqual([1, 2]);
    expect(() => ct.searchsorted(zeros([3, 4]), zeros([2, 3]))).toThrow(
      "searchsorted: expected a list, or one for each row of [2, 3], got [3, 4]",
    );
  });
  test("bincount counts, or adds weights with their gradient", async () => {
    const ids = tensor(
      [
        [0, 2],
        [2, 1],
      ],
      { dtype: "int32" },
    );
    expect(list(ct.bincount(ids, 4))).toEqual([1, 1, 2, 0]);
    expect(ct.bincount(ids, 4).dtype).toBe("int32");
    expect(
      list(
        ct.bincount(ids, 3, {
          weights: tensor([
            [0.5, 1],
            [2, 4],
          ]),
        }),
      ),
    ).toEqual([0.5, 4, 3]);
    expect(() => ct.bincount(ids, 2).dataSync()).toThrow("bincount: index 2 is out of range for size 2");
    await gradcheck(
      (w) => ct.bincount(ids, 3, { weights: w! }),
      [
        tensor([
          [0.5, 1],
          [2, 4],
        ]),
      ],
    );
  });
  test("histogram puts each element between its edges", () => {
    const data = [...random(500), -2, 2, 0, 0.5];
    for (const bins of [1, 7, 10]) {
      const { counts, edges } = ct.histogram(tensor(data), { bins, range: [-2, 2] });
      const at = list(edges);
      const expected = Array.from(
        { length: bins },
        (_, i) =>
          data.filter(
            (x) =>
              Math.fround(x) >= at[i]! && (i === bins - 1 ? Math.fround(x) <= at[i + 1]! : Math.fround(x) < at[i + 1]!),
          ).length,
      );
      expect(list(counts)).toEqual(expected);
    }
    expect(list(ct.histogram(tensor([3, 3]), { bins: 2 }).counts)).toEqual([0, 2]);
    expect(list(ct.histogram(tensor([1, Number.NaN, 2]), { bins: 2 }).counts)).toEqual([1, 1]);
    expect(list(ct.histogram(tensor([0, 1, 5]), { bins: 2, range: [0, 2], density: true }).counts)).toEqual([0.5, 0.5]);
    expect(list(ct.histogram(tensor([0, 1]), { bins: 2, weights: tensor([2, 3]) }).counts)).toEqual([2, 3]);
    expect(() => ct.histogram(zeros([2]), { range: [1, 1] })).toThrow(
      "histogram: expected a range low < high, got 1 and 1",
    );
  });
  test.each([5, 200])("isin among %i", (n) => {
    const others = whole(n, 40, 2);
    const x = whole(50, 60, 3);
    expect(array(ct.isin(tensor(x), tensor(others)))).toEqual(x.map((v) => others.includes(v)));
    expect(array(ct.isin(tensor(x), tensor(others), { invert: true }))).toEqual(x.map((v) => !others.includes(v)));
    expect(array(ct.isin(tensor([1, 2]), zeros([0])))).toEqual([false, false]);
  });
  test("unique elements, neighbours and slices", async () => {
    const x = tensor(
      [
        [3, 1],
        [1, 3],
        [2, 2],
      ],
      { dtype: "int32" },
    );
    const found = await ct.unique(x);
    expect([list(found.values), array(found.inverse), list(found.counts), list(found.first)]).toEqual([
      [1, 2, 3],
      [
        [2, 0],
        [0, 2],
        [1, 1],
      ],
      [2, 2, 2],
      [1, 4, 0],
    ]);
    const runs = await ct.unique(tensor([2, 2, 1, 2]), { consecutive: true });
    expect([list(runs.values), list(runs.inverse), list(runs.counts)]).toEqual([
      [2, 1, 2],
      [0, 0, 1, 2],
      [2, 1, 1],
    ]);
    const rows = await ct.unique(
      tensor([
        [1, 2, 1],
        [0, 5, 0],
      ]),
      { axis: 1 },
    );
    expect([array(rows.values), list(rows.inverse), list(rows.counts)]).toEqual([
      [
        [1, 2],
        [0, 5],
      ],
      [0, 1, 0],
      [2, 1],
    ]);
    expect((await ct.unique(zeros([0]))).values.shape).toEqual([0]);
    expect(list((await ct.unique(tensor([Number.NaN, 1, Number.NaN]))).counts)).toEqual([1, 1, 1]);
    const leaf = tensor([3, 1, 3], { requiresGrad: true });
    (await ct.unique(leaf)).values
      .mul(tensor([10, 20]))
      .sum()
      .backward();
    expect(list(leaf.grad!)).toEqual([20, 10, 0]);
  });
});
