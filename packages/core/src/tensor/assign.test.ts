// Assignments to results that carry a gradient: they take the value with its trail, as PyTorch's in-place operations do.
import { describe, expect, test } from "vitest";
import {
  checkpoint,
  compile,
  cond,
  embedding,
  grad,
  noGrad,
  type Tensor,
  tensor,
  update,
  vmap,
  zeros,
} from "../index.ts";

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });
const numbers = (x: Tensor | null): number[] | null => x && [...x.dataSync()];

describe("assign to a result that carries a gradient", () => {
  test("arithmetic in place: y = 2x, y ·= 3, Σy² has the gradient 72x", () => {
    for (const isRead of [false, true]) {
      const x = leaf(1, -2);
      const y = x.mul(2);
      if (isRead) expect(numbers(y)).toEqual([2, -4]);
      y.assign(y.mul(3));
      expect(y.requiresGrad).toBe(true);
      expect(numbers(y)).toEqual([6, -12]);
      y.mul(y).sum().backward();
      expect(numbers(x.grad)).toEqual([72, -144]);
      expect(y.grad).toBeNull();
    }
  });
  test("a copy: the gradient goes to what was copied, and no more to what was there", () => {
    const [x, z, w] = [leaf(1, 2), leaf(5, 7), leaf(3, 4)];
    for (const [value, factor] of [[z.mul(z), 2] as const, [z, 1] as const]) {
      const y = x.mul(2);
      const before = y.mul(w); // 2xw: what was built from the old value keeps it
      y.assign(value);
      before.add(y.mul(w)).sum().backward();
      expect(numbers(x.grad)).toEqual([6, 8]);
      expect(numbers(z.grad)).toEqual(factor === 2 ? [30, 56] : [3, 4]);
      expect(numbers(w.grad)).toEqual(factor === 2 ? [27, 53] : [7, 11]);
      for (const each of [x, z, w]) each.zeroGrad();
    }
    expect(numbers(z)).toEqual([5, 7]);
  });
  test("data and what noGrad has made end the trail, and the data stays its owner's", () => {
    const x = leaf(1, 2);
    const data = tensor([10, 20]);
    const [y, u] = [x.mul(2), x.mul(3)];
    y.assign(data);
    noGrad(() => u.assign(u.mul(2)));
    expect([y.requiresGrad, u.requiresGrad]).toEqual([false, false]);
    x.mul(y).add(u).sum().backward();
    expect(numbers(x.grad)).toEqual([10, 20]);
    expect(numbers(y)).toEqual([10, 20]);
    data.dispose();
    expect([numbers(y), numbers(u)]).toEqual([
      [10, 20],
      [6, 12],
    ]);
  });
  test("a leaf takes the value alone, and so does a tensor without a gradient", () => {
    const [x, z] = [leaf(1, 2), leaf(3, 4)];
    const state = tensor([0, 0]);
    x.assign(z.mul(2));
    state.assign(z.mul(3));
    x.mul(x).add(state).sum().backward();
    expect(numbers(x.grad)).toEqual([12, 16]);
    expect(z.grad).toBeNull();
  });
  test("in compiled functions, transforms, checkpoints and branches", () => {
    const f = (x: Tensor): Tensor<[]> => {
      const y = x.mul(2);
      y.assign(y.mul(x));
      y.assign(y.mul(3));
      return y.mul(x).sum() as Tensor<[]>; // 6x³
    };
    expect(numbers(grad(f)(tensor([1, 2])))).toEqual([18, 72]);
    expect(numbers(vmap(grad(f))(tensor([1, 2]).reshape([2, 1])))).toEqual([18, 72]);
    expect(numbers(grad(compile(f))(tensor([1, 2])))).toEqual([18, 72]);
    const w = leaf(1, 2);
    const step = compile(() => {
      w.zeroGrad();
      f(w).backward();
    });
    for (let i = 0; i < 3; i++) {
      step();
      expect(numbers(w.grad)).toEqual([18, 72]);
      update([{ target: w, value: tensor([1, 2]) }]);
    }
    w.zeroGrad();
    checkpoint(f)(w).backward();
    expect(numbers(w.grad)).toEqual([18, 72]);
    for (const isTaken of [true, false]) {
      w.zeroGrad();
      const y = w.mul(2);
      const squared = (): Tensor => {
        y.assign(y.mul(w));
        return y.mul(1);
      };
      cond(tensor(isTaken), squared, () => y.mul(1))
        .add(y)
        .sum()
        .backward(); // of 4x², or of 4x
      expect(numbers(w.grad)).toEqual(isTaken ? [8, 16] : [4, 4]);
    }
  });
  test("in a branch under grad, whose arguments carry no requiresGrad", () => {
    const f = (x: Tensor, isTaken: Tensor): Tensor<[]> => {
      const y = x.mul(2);
      const copied = zeros(x.shape);
      const squared = (): Tensor => {
        y.assign(y.mul(x));
        copied.assign(x);
        return y.mul(1);
      };
      const z = cond(isTaken, squared, () => y.mul(1));
      return z.add(y).add(copied.mul(x)).sum() as Tensor<[]>; // of 5x², or of 4x
    };
    expect(numbers(grad(f)(tensor([1, 2]), tensor(true)))).toEqual([10, 20]);
    expect(numbers(grad(f)(tensor([1, 2]), tensor(false)))).toEqual([4, 4]);
    const direct = (x: Tensor): Tensor<[]> => {
      const y = zeros(x.shape);
      y.assign(x);
      return y.mul(y).sum() as Tensor<[]>;
    };
    expect(numbers(grad(direct)(tensor([1, 2])))).toEqual([2, 4]);
  });
  test("gradients that carry a trail themselves", () => {
    const x = leaf(1, 2);
    x.pow(3).sum().backward(undefined, { createGraph: true });
    const g = x.grad; // 3x²
    if (!g) throw new Error("no gradient");
    g.assign(g.mul(2));
    x.grad = null;
    g.sum().backward();
    expect(numbers(x.grad)).toEqual([12, 24]);
  });
  test("a value that cannot be computed: the last good one is there again", () => {
    const table = tensor([[1], [2]], { requiresGrad: true });
    const y = table.mul(2);
    expect(numbers(y)).toEqual([2, 4]);
    y.assign(embedding(table, tensor([0, 9], { dtype: "int32" })));
    expect(() => y.dataSync()).toThrow("index 9 is out of range");
    expect(numbers(y)).toEqual([2, 4]);
    y.sum().backward();
    expect(numbers(table.grad)).toEqual([2, 2]);
  });
  test("update, which gives values alone, refuses it", () => {
    const y = leaf(1, 2).mul(2);
    expect(() => update([{ target: y, value: tensor([1, 2]) }])).toThrow(
      "update: expected leaves to give values to, got a result that carries a gradient",
    );
    expect(numbers(y)).toEqual([2, 4]);
  });
});
