// Checkpoints: same values and gradients, less memory, and composed with the other transforms.
import { beforeAll, describe, expect, test } from "vitest";
import { planFor } from "../engine/engine.ts";
import {
  bernoulli,
  checkpoint,
  deviceNames,
  grad,
  hessian,
  jvp,
  manualSeed,
  setDefaultDevice,
  type Tensor,
  tensor,
  vmap,
  where,
} from "../index.ts";
import { seededValues } from "../testing/seeded-values.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const near = (actual: Tensor | null | undefined, expected: readonly number[]): void => {
  if (!actual) throw new Error("no tensor");
  expect(numbers(actual).length).toBe(expected.length);
  numbers(actual).forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i] ?? Number.NaN, 4);
  });
};

describe.each(deviceNames())("on %s", (device) => {
  let x = tensor(0) as Tensor;
  let w = tensor(0) as Tensor;
  beforeAll(() => {
    setDefaultDevice(device);
    x = seededValues([3, 4], { dtype: "float32" });
    w = seededValues([4, 4], { dtype: "float32", seed: 2 });
  });
  const layer = (a: Tensor, b: Tensor): Tensor => a.matmul(b as Tensor<[4, 4]>).tanh();
  const plain = (a: Tensor, b: Tensor): Tensor => layer(layer(a, b), b).pow(2).sum();
  const saving = (a: Tensor, b: Tensor): Tensor =>
    checkpoint((c: Tensor) => checkpoint(layer)(layer(c, b), b))(a)
      .pow(2)
      .sum();

  test("values and gradients are the same, also of what the function closes over", () => {
    near(saving(x, w), numbers(plain(x, w)));
    const [dx, dw] = grad(saving, [0, 1])(x, w);
    const [ex, ew] = grad(plain, [0, 1])(x, w);
    near(dx, numbers(ex));
    near(dw, numbers(ew));
  });
  test("eager gradients, before and after the value is read", () => {
    for (const read of [false, true]) {
      const p = tensor(numbers(w), { shape: [4, 4], requiresGrad: true });
      const loss = saving(x, p);
      if (read) loss.itemSync();
      loss.backward();
      near(p.grad, numbers(grad(plain, 1)(x, w)));
    }
  });
  test("forward mode and second order", () => {
    near(jvp(saving, [x, w], [x, w])[1], numbers(jvp(plain, [x, w], [x, w])[1]));
    const along = (f: typeof plain) => (a: Tensor) => grad(f, 1)(x, a).pow(2).sum();
    near(grad(along(saving))(w), numbers(grad(along(plain))(w)));
    near(hessian(saving, 1)(x, w), numbers(hessian(plain, 1)(x, w)));
  });
  test("under vmap, over vmap, and around a gradient", () => {
    near(vmap(grad(saving), { inAxes: [0, null] })(x, w), numbers(vmap(grad(plain), { inAxes: [0, null] })(x, w)));
    const over = (f: (a: Tensor) => Tensor) => grad((a: Tensor) => f(a).sum())(x);
    near(over(checkpoint(vmap((a: Tensor) => layer(a, w)))), numbers(over(vmap((a: Tensor) => layer(a, w)))));
    const inner = (a: Tensor): Tensor => grad((b: Tensor) => plain(b, w))(a);
    near(over(checkpoint(inner)), numbers(over(inner)));
  });
  test("several results, integers among them, and an argument as a result", () => {
    const f = (a: Tensor): { y: Tensor; best: Tensor; a: Tensor } => ({ y: a.exp(), best: a.argmax(), a });
    const loss = (g: typeof f) => (a: Tensor) => {
      const { y, best, a: same } = g(a);
      return y.sum().add(best.to("float32")).add(same.mul(a).sum());
    };
    near(grad(loss(checkpoint(f)))(x), numbers(grad(loss(f))(x)));
  });
  test("random numbers are drawn once", () => {
    manualSeed(1);
    const f = checkpoint((a: Tensor) => where(bernoulli([8], 0.5, { dtype: "bool" }), a, 0).sin());
    const a = tensor([1, 2, 3, 4, 5, 6, 7, 8]);
    let y = a as Tensor;
    const g = grad((b: Tensor) => {
      y = f(b);
      return y.sum();
    })(a);
    const dropped = numbers(y).map((v) => v === 0);
    expect(dropped).toContain(true);
    expect(dropped).toContain(false);
    expect(numbers(g).map((v) => v === 0)).toEqual(dropped);
  });

  test("memory grows as the root of the number of layers, work by less than a third", () => {
    const planOf = (layers: number, segment: number): { squares: number; products: number } => {
      const weights = Array.from({ length: layers }, (_, i) => seededValues([64, 64], { dtype: "float32", seed: i }));
      const input = seededValues([256, 64], { dtype: "float32" });
      const loss = (ws: readonly Tensor[], a: Tensor): Tensor => {
        let h = a;
        for (let i = 0; i < ws.length; i += segment) {
          const part = ws.slice(i, i + segment);
          const run = (b: Tensor): Tensor => part.reduce((c, weight) => c.matmul(weight as Tensor<[64, 64]>).tanh(), b);
          h = segment > 1 ? checkpoint(run)(h) : run(h);
        }
        return h.pow(2).sum();
      };
      const { kernels, scratchBytes } = planFor(grad(loss)(weights, input).map((g) => g.node));
      return {
        squares: scratchBytes / (256 * 64 * 4),
        products: kernels.filter(({ form }) => form === "contract").length,
      };
    };
    for (const layers of [4, 16, 64]) {
      const kept = planOf(layers, 1);
      const recomputed = planOf(layers, Math.sqrt(layers));
      expect(kept.squares).toBeGreaterThanOrEqual(layers);
      expect(recomputed.squares).toBeLessThanOrEqual(2 * Math.sqrt(layers) + 1);
      expect(recomputed.products / kept.products).toBeLessThanOrEqual(4 / 3);
    }
  });
});
