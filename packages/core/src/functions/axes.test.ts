// Products over axes, grids, missing numbers, patches, resampling and pooling over more axes: values by hand or by NumPy, and derivatives.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, type Tensor, tensor, zeros } from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededValues } from "../testing/seeded-values.ts";

const { device: usual } = zeros([]);
const array = (x: Tensor): unknown => x.toArraySync();
const list = (x: Tensor): number[] => [...x.dataSync()];
const counting = (...shape: number[]): Tensor => ct.arange(shape.reduce((a, b) => a * b, 1)).reshape(shape);
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const close = (x: Tensor, values: readonly number[], digits = 4): void => {
  expect(list(x)).toEqual(values.map((v) => expect.closeTo(v, digits)));
};

describe.each(deviceNames())("on %s", (device) => {
  beforeAll(() => ct.setDefaultDevice(device));
  afterAll(() => ct.setDefaultDevice(usual));

  test("products over axes", () => {
    const [x, y] = [counting(2, 3, 4), counting(4, 3, 2)];
    const twice = ct.tensordot(x, y, [
      [1, 2],
      [1, 0],
    ]);
    expect(list(twice)).toEqual(list(ct.einsum("ijk,kjl->il", x, y)));
    expect(ct.tensordot(x, counting(4, 5), 1).shape).toEqual([2, 3, 5]);
    expect(ct.tensordot(x, y, 0).shape).toEqual([2, 3, 4, 4, 3, 2]);
    expect(array(ct.kron(tensor([[1, 2]]), tensor([[1], [3]])))).toEqual([
      [1, 2],
      [3, 6],
    ]);
    expect(ct.kron(zeros([3]), zeros([2, 2])).shape).toEqual([2, 6]);
    expect(
      array(
        ct.cross(
          tensor([
            [1, 2, 3],
            [0, 0, 1],
          ]),
          tensor([4, 5, 6]),
        ),
      ),
    ).toEqual([
      [-3, 6, -3],
      [-5, 4, 0],
    ]);
    expect(array(ct.cross(tensor([[1], [0], [0]]), tensor([[0], [1], [0]]), { axis: 0 }))).toEqual([[0], [0], [1]]);
    close(
      ct.cov(
        tensor([
          [1, 2, 4],
          [3, 1, 0],
        ]),
      ),
      [7 / 3, -2 - (1 / 6) * 2 + 0, 0, 0]
        .with(1, -13 / 6)
        .with(2, -13 / 6)
        .with(3, 7 / 3),
    );
    expect(ct.cov(tensor([1, 2, 3])).itemSync()).toBe(1);
    close(
      ct.corrcoef(
        tensor([
          [1, 2, 4],
          [3, 1, 0],
        ]),
      ),
      [1, -13 / 14, -13 / 14, 1],
    );
  });
  test("einsum: traces, diagonals, dots, many operands", () => {
    const cases: [string, number[][], number[], number[]][] = [
      ["ii->", [[3, 3]], [], [12]],
      ["iii->i", [[2, 2, 2]], [2], [0, 7]],
      ["ijij->ij", [[2, 3, 2, 3]], [2, 3], [0, 7, 14, 21, 28, 35]],
      [
        "iij,jk->ik",
        [
          [2, 2, 3],
          [3, 4],
        ],
        [2, 4],
        [20, 23, 26, 29, 128, 158, 188, 218],
      ],
      [
        "ij,jk,kl->il",
        [
          [2, 3],
          [3, 4],
          [4, 2],
        ],
        [2, 2],
        [324, 422, 1008, 1304],
      ],
      [
        "...i,...i->...",
        [
          [2, 3],
          [1, 3],
        ],
        [2],
        [5, 14],
      ],
      ["i,j->", [[3], [2]], [], [3]],
      [",i->i", [[], [3]], [3], [0, 0, 0]],
    ];
    for (const [equation, shapes, shape, values] of cases) {
      const y = ct.einsum(equation, ...shapes.map((s) => counting(...s)));
      expect([y.shape, list(y)], equation).toEqual([shape, values]);
    }
    const message = 'einsum: expected each letter on the right once, and on the left as well, got j in "i->ij"';
    expect(() => ct.einsum("i->ij", counting(3))).toThrow(message);
    expect(() => ct.einsum("i->ii", counting(3))).toThrow("got i in");
  });
  test("differences and integrals", () => {
    expect(list(ct.diff(tensor([1, 4, 9, 16]), { n: 2 }))).toEqual([2, 2]);
    expect(
      array(
        ct.diff(
          tensor([
            [1, 5],
            [2, 7],
          ]),
          { axis: 0 },
        ),
      ),
    ).toEqual([[1, 2]]);
    expect(array(ct.diff(tensor([true, false, false])))).toEqual([true, false]);
    expect(ct.diff(tensor([1]), { n: 3 }).shape).toEqual([0]);
    expect(
      list(
        ct.trapezoid(
          tensor([
            [1, 2, 4],
            [0, 1, 0],
          ]),
          { x: tensor([0, 1, 3]) },
        ),
      ),
    ).toEqual([7.5, 1.5]);
    expect(
      list(
        ct.trapezoid(
          tensor([
            [1, 2],
            [3, 4],
          ]),
          { axis: 0 },
        ),
      ),
    ).toEqual([2, 3]);
  });
  test("grids and their positions", () => {
    const [a, b] = ct.meshgrid([tensor([1, 2, 3]), tensor([5, 6])], { indexing: "xy" });
    expect([array(a!), array(b!)]).toEqual([
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
      [
        [5, 5, 5],
        [6, 6, 6],
      ],
    ]);
    expect(ct.meshgrid([zeros([2]), zeros([3]), zeros([4])]).map((x) => x.shape)).toEqual([
      [2, 3, 4],
      [2, 3, 4],
      [2, 3, 4],
    ]);
    expect(array(ct.combinations(tensor([1, 2]), 2, { withReplacement: true }))).toEqual([
      [1, 1],
      [1, 2],
      [2, 2],
    ]);
    expect(ct.combinations(tensor([1]), 2).shape).toEqual([0, 2]);
    for (const k of [-2, 0, 1]) {
      const x = counting(3, 4).add(1);
      const [rows, columns] = ct.unstack(ct.trilIndices(3, 4, { k }));
      const lower = ct.indexPut(zeros([3, 4]), [rows!, columns!], ct.index(x, [rows!, columns!]));
      expect(array(lower)).toEqual(array(ct.tril(x, { k })));
      const [r, c] = ct.unstack(ct.triuIndices(3, 4, { k }));
      expect(array(ct.indexPut(zeros([3, 4]), [r!, c!], ct.index(x, [r!, c!])))).toEqual(array(ct.triu(x, { k })));
    }
    const x = counting(2, 3);
    const turns = [x, ct.rot90(x), ct.rot90(ct.rot90(x)), ct.rot90(ct.rot90(ct.rot90(x)))];
    expect(array(turns[1]!)).toEqual([
      [2, 5],
      [1, 4],
      [0, 3],
    ]);
    turns.forEach((y, k) => {
      expect(array(ct.rot90(x, k))).toEqual(array(y));
      expect(array(ct.rot90(x, k - 4))).toEqual(array(y));
    });
    for (const k of [-3, -2, -1, 0, 1, 3, 5]) {
      const cube = counting(2, 3, 4);
      const planes = [0, 1].map((i) => array(ct.diag(ct.select(cube, 0, i), { k })));
      expect(array(ct.diagonal(cube, { k, axes: [1, 2] }))).toEqual(planes);
    }
    expect(array(ct.vander(tensor([2, 3]), { columns: 3, increasing: true }))).toEqual([
      [1, 2, 4],
      [1, 3, 9],
    ]);
  });
  test("missing numbers", () => {
    const x = tensor([
      [1, nan, 3],
      [nan, nan, nan],
    ]);
    expect(list(ct.nansum(x, { axis: 1 }))).toEqual([4, 0]);
    expect(list(ct.nanmean(x, { axis: 1 }))).toEqual([2, nan]);
    expect(ct.nanmean(x).itemSync()).toBe(2);
    expect(ct.nansum(tensor([1, 2], { dtype: "int32" })).dtype).toBe("int32");
    expect(list(ct.nanToNum(tensor([nan, inf, -inf])))).toEqual([
      0,
      Math.fround(3.4028234663852886e38),
      -Math.fround(3.4028234663852886e38),
    ]);
    close(
      ct.renorm(
        tensor([
          [3, 4],
          [0, 0],
        ]),
        2.5,
        { axis: 0 },
      ),
      [1.5, 2, 0, 0],
    );
  });
  test("patches go back where they came from", () => {
    const x = seededValues([2, 3, 5, 6]);
    const options = { stride: [2, 1], padding: [1, 0], dilation: [1, 2] };
    const columns = ct.unfold(x, [2, 3], options);
    const counts = ct.fold(ct.unfold(ct.ones([2, 3, 5, 6]), [2, 3], options), [5, 6], [2, 3], options);
    const back = ct.fold(columns, [5, 6], [2, 3], options);
    expect(list(back)).toEqual(list(x.mul(counts)).map((v) => expect.closeTo(v, 5)));
    const y = seededValues([1, 8, 2, 3]);
    expect(array(ct.pixelUnshuffle(ct.pixelShuffle(y, 2), 2))).toEqual(array(y));
    expect(() => ct.fold(zeros([1, 3, 4]), 4, 2)).toThrow("fold: expected [N, C·4, 9] for size [4, 4], got [1, 3, 4]");
  });
  test("cubic resampling", () => {
    // PyTorch's interpolate(…, mode="bicubic") of this row, repeated to three rows.
    const x = tensor([[[1, 3, 2, 5]]]);
    const aligned = list(ct.interpolate(x, { size: 7, mode: "cubic", alignCorners: true }));
    expect([0, 2, 4, 6].map((i) => aligned[i])).toEqual([1, 3, 2, 5]);
    // Halfway between cells: (−3·a + 19·b + 19·c − 3·d)/32.
    expect(aligned[3]).toBeCloseTo((-3 * 1 + 19 * 3 + 19 * 2 - 3 * 5) / 32, 5);
    expect(aligned[1]).toBeCloseTo((-3 * 1 + 19 * 1 + 19 * 3 - 3 * 2) / 32, 5);
    // A quarter beside cells, where the weights are those of Keys' cubic with −¾.
    const doubled = list(ct.interpolate(x, { size: 8, mode: "cubic" }));
    const weights = [-0.03515625, 0.26171875, 0.87890625, -0.10546875];
    expect(doubled[2]).toBeCloseTo(weights[0]! * 1 + weights[1]! * 1 + weights[2]! * 3 + weights[3]! * 2, 5);
    expect(ct.interpolate(zeros([1, 1, 3, 5]), { size: [7, 2], mode: "cubic" }).shape).toEqual([1, 1, 7, 2]);
    const constant = ct.interpolate(ct.ones([1, 1, 3, 5]), { size: [7, 2], mode: "cubic" });
    close(constant, new Array<number>(14).fill(1), 5);
  });
  test("three spatial axes", () => {
    const x = seededValues([1, 2, 4, 4, 4]);
    const blocks = x.reshape([1, 2, 2, 2, 2, 2, 2, 2]);
    expect(list(ct.maxPool3d(x, 2))).toEqual(list(blocks.max({ axis: [3, 5, 7] })));
    close(ct.avgPool3d(x, 2), list(blocks.mean({ axis: [3, 5, 7] })), 5);
    close(ct.adaptiveAvgPool3d(x, 2), list(blocks.mean({ axis: [3, 5, 7] })), 5);
    expect(list(ct.adaptiveMaxPool3d(x, 2))).toEqual(list(blocks.max({ axis: [3, 5, 7] })));
    expect(list(ct.adaptiveMaxPool1d(tensor([[[1, 5, 2, 4, 3]]]), 2))).toEqual([5, 4]);
    const [w, v] = [seededValues([2, 3, 2, 2, 2]), seededValues([1, 3, 5, 5, 5])];
    const left = ct.convTranspose3d(x, w).mul(v).sum().itemSync();
    const right = ct.conv3d(v, w).mul(x).sum().itemSync();
    expect(left).toBeCloseTo(right, 3);
  });
  test("derivatives", async () => {
    const [m, v] = [seededValues([3, 4]), seededValues([4, 3], { seed: 2 })];
    const image = seededValues([1, 2, 3, 4]);
    const cases: [(...xs: Tensor[]) => Tensor, Tensor[]][] = [
      [(x, y) => ct.tensordot(x!, y!, 1), [m, v]],
      [(x, y) => ct.kron(x!, y!), [m, seededValues([2])]],
      [(x, y) => ct.cross(x!, y!), [v, seededValues([3])]],
      [(x) => ct.cov(x!), [m]],
      [(x) => ct.corrcoef(x!), [m]],
      [(x) => ct.diff(x!, { n: 2 }), [m]],
      [(x, y) => ct.trapezoid(x!, { x: y! }), [m, seededValues([4])]],
      [(x) => ct.cartesianProd(x!, x!), [seededValues([3])]],
      [(x) => ct.rot90(x!), [m]],
      [(x) => ct.diagonal(x!, { k: 1 }), [m]],
      [(x) => ct.vander(x!), [seededValues([3])]],
      [(x) => ct.nanmean(ct.concat([x!, ct.full([3, 1], nan, { dtype: "float64" })], { axis: 1 }), { axis: 1 }), [m]],
      [(x) => ct.renorm(x!, 1.1), [m]],
      [(x) => ct.fold(x!, 3, 2), [seededValues([1, 8, 4])]],
      [(x) => ct.interpolate(x!, { size: [5, 3], mode: "cubic" }), [image]],
      [(x) => ct.adaptiveMaxPool1d(x!, 2), [m]],
    ];
    for (const [i, [f, xs]] of cases.entries())
      await gradcheck(f, xs, { order: 2, atol: 1e-7 }).catch((e: Error) => {
        throw new Error(`case ${i}: ${e.message}`);
      });
  });
});

test("sizes that do not fit are refused", () => {
  expect(() => ct.tensordot(zeros([2, 3]), zeros([4, 5]), 1)).toThrow(
    "tensordot: expected axes of one size, got 3 and 4",
  );
  expect(() => ct.cross(zeros([2]), zeros([2]))).toThrow("cross: expected 3 components along axis -1, got [2] and [2]");
  expect(() => ct.meshgrid([zeros([2, 2])])).toThrow("meshgrid: expected lists [n], got [2, 2]");
  expect(() => ct.rot90(zeros([2, 2]), 1, [0, 0])).toThrow("rot90: expected two different axes, got 0 and 0");
  expect(() => ct.interpolate(zeros([1, 1, 2]), { size: 4, mode: "area" as "cubic" })).toThrow(
    "expected mode nearest, linear or cubic, got area",
  );
});
