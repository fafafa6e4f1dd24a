// Products of matrices and vectors, which are sums of products where the matrix's rows lie in memory: against float64.
import { describe, expect, test } from "vitest";
import { deviceNames, grad, matmul, relu, type Tensor, tensor, vmap } from "../index.ts";
import { profile } from "./profile.ts";

/** Numbers from −1 to 1. */
const values = (count: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * i + 78.233 * seed));

/** The form of the only kernel with a product in it. */
async function formOf(f: () => Tensor): Promise<string | undefined> {
  const { kernels } = await profile(async () => {
    await f().data();
  });
  return kernels.find(({ operations }) => operations.includes("matmul"))?.form;
}

const cases = [
  { batch: [], rows: 70, length: 65 },
  { batch: [], rows: 1, length: 5000 },
  { batch: [], rows: 1030, length: 127 },
  { batch: [3], rows: 40, length: 130 },
  { batch: [2, 2], rows: 5, length: 1024 },
  { batch: [], rows: 8, length: 64 },
  { batch: [], rows: 0, length: 100 },
];

describe.each(deviceNames())("on %s", (device) => {
  describe.each(cases)("$batch × $rows × $length", ({ batch, rows, length }) => {
    const batches = batch.reduce((product, n) => product * n, 1);
    const m = values(batches * rows * length, 1);
    const v = values(batches * length, 2);
    const expected = Array.from({ length: batches * rows }, (_, i) => {
      const at = Math.floor(i / Math.max(rows, 1)) * length;
      let sum = 0;
      for (let k = 0; k < length; k++) sum += (m[i * length + k] ?? 0) * (v[at + k] ?? 0);
      return sum;
    });
    const expectNear = (actual: Tensor, shape: readonly number[], f = (x: number): number => x): void => {
      expect(actual.shape).toEqual(shape);
      actual.dataSync().forEach((x, i) => {
        expect(Math.abs(Number(x) - f(expected[i] ?? Number.NaN)), `element ${i}`).toBeLessThan(
          1e-5 * Math.sqrt(length),
        );
      });
    };
    const matrix = tensor(m, { shape: [...batch, rows, length], device });
    const column = tensor(v, { shape: [...batch, length, 1], device });
    const row = tensor(v, { shape: [...batch, 1, length], device });
    const turned = tensor(
      Array.from({ length: m.length }, (_, i) => {
        const within = i % (rows * length);
        return m[i - within + (within % rows) * length + Math.floor(within / rows)] ?? 0;
      }),
      { shape: [...batch, length, rows], device },
    );

    test("matrix by column", () => {
      expectNear(matmul(matrix, column), [...batch, rows, 1]);
    });
    test("row by transposed matrix, with what a layer does to it", () => {
      const bias = tensor(new Float32Array(rows).fill(0.5), { device });
      expectNear(relu(matmul(row, matrix.transpose(-1, -2)).add(bias)), [...batch, 1, rows], (x) =>
        Math.max(0, x + 0.5),
      );
    });
    test("the same, where the columns lie in memory", () => {
      expectNear(matmul(turned.transpose(-1, -2), column), [...batch, rows, 1]);
      expectNear(matmul(row, turned), [...batch, 1, rows]);
    });
    test("a computed matrix and vector", () => {
      expectNear(matmul(matrix.mul(2), column.add(0).mul(0.5)), [...batch, rows, 1]);
    });
    test("gradients", () => {
      const sums = (x: Tensor, y: Tensor): Tensor => matmul(x, y).sum();
      const [dMatrix, dColumn] = grad(sums, [0, 1])(matrix, column);
      expect([dMatrix.shape, dColumn.shape]).toEqual([matrix.shape, column.shape]);
      expect(
        matmul(dMatrix, column)
          .sub(matmul(column.transpose(-1, -2), column))
          .abs()
          .sum()
          .itemSync(),
      ).toBeLessThan(1e-5 * Math.max(1, rows * batches * length));
      expect(matmul(row, dColumn).sum().sub(tensor(expected, { device }).sum()).abs().itemSync()).toBeLessThan(
        1e-3 * Math.sqrt(length),
      );
    });
  });

  test("a batch by vmap", () => {
    const m = tensor(values(3 * 64 * 100, 3), { shape: [3, 64, 100], device });
    const v = tensor(values(100, 4), { shape: [100, 1], device });
    const each = vmap((x: Tensor) => matmul(x, v))(m);
    expect([...each.dataSync()]).toEqual([...matmul(m, v).dataSync()].map((x) => expect.closeTo(Number(x), 4)));
  });
});

test("rows are summed where they lie, columns and short rows in tiles", async () => {
  const [m, v, short] = [tensor(values(128 * 128, 1), { shape: [128, 128] }), tensor(values(128, 2)), 16];
  const row = v.reshape([1, 128]);
  expect(await formOf(() => matmul(m, v))).not.toBe("contract");
  expect(await formOf(() => matmul(row, m.transpose()))).not.toBe("contract");
  expect(await formOf(() => matmul(row, m))).toBe("contract");
  const few = tensor(values(short * 4, 1), { shape: [4, short] });
  expect(await formOf(() => matmul(few, tensor(values(short, 2))))).toBe("contract");
});
