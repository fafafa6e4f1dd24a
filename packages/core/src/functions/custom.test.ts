// Custom derivatives: the rule in both modes, nested, over batches, and where rules are wrong.
import { beforeAll, describe, expect, test } from "vitest";
import {
  customJvp,
  customVjp,
  deviceNames,
  grad,
  hessian,
  jacobian,
  jvp,
  linearize,
  setDefaultDevice,
  type Tensor,
  tensor,
  vjp,
  vmap,
} from "../index.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const near = (actual: Tensor | null | undefined, expected: readonly number[]): void => {
  if (!actual) throw new Error("no tensor");
  expect(numbers(actual).length).toBe(expected.length);
  numbers(actual).forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i] ?? Number.NaN, 5);
  });
};

describe.each(deviceNames())("on %s", (device) => {
  beforeAll(() => setDefaultDevice(device));
  /** log(1 + eˣ), whose gradient is written so that it cannot overflow. */
  const byVjp = customVjp(
    (x: Tensor) => x.exp().add(1).log(),
    (g, _y, x) => [g.mul(x.sigmoid())],
  );
  const byJvp = customJvp(
    (x: Tensor) => x.exp().add(1).log(),
    ([x], [dx]) => x.sigmoid().mul(dx),
  );
  const s = (x: number): number => 1 / (1 + Math.exp(-x));

  describe.each([
    ["customVjp", byVjp],
    ["customJvp", byJvp],
  ])("%s", (_, f) => {
    test("reverse mode", () => {
      near(grad((x: Tensor) => f(x).sum())(tensor([0, 1, 100])), [0.5, s(1), 1]);
    });
    test("forward mode", () => {
      near(jvp(f, [tensor([0, 1, 100])], [tensor([1, 2, 3])])[1], [0.5, 2 * s(1), 3]);
    });
    test("second and third order, in all ways", () => {
      const [x, p] = [0.3, s(0.3)];
      near(grad(grad(f))(tensor(x)), [p * (1 - p)]);
      near(jvp(grad(f), [tensor(x)], [tensor(1)])[1], [p * (1 - p)]);
      near(grad((a: Tensor) => jvp(f, [a], [tensor(1)])[1])(tensor(x)), [p * (1 - p)]);
      near(grad(grad(grad(f)))(tensor(x)), [p * (1 - p) * (1 - 2 * p)]);
    });
    test("vmap of it, of its gradient and of its hessian", () => {
      const batch = tensor([
        [0, 1],
        [2, -1],
      ]);
      const loss = (x: Tensor): Tensor => f(x).pow(2).sum();
      near(vmap(f)(batch), numbers(f(batch)));
      near(vmap(grad(loss))(batch), numbers(grad(loss)(batch)));
      const blocks = vmap((x: Tensor) => hessian(loss)(x))(batch);
      const diagonal = numbers(grad((x: Tensor) => grad(loss)(x).sum())(batch));
      const [a, b, c, d] = diagonal;
      near(blocks, [a!, 0, 0, b!, c!, 0, 0, d!]);
      near(grad((x: Tensor) => vmap(loss)(x).sum())(batch), numbers(grad(loss)(batch)));
      near(jvp(vmap(f), [batch], [batch])[1], numbers(jvp(f, [batch], [batch])[1]));
    });
    test("vmap of vmap", () => {
      const x = tensor([
        [0, 1],
        [2, -1],
      ]);
      near(
        vmap(vmap(grad(f)))(x),
        numbers(x).map((v) => s(v)),
      );
    });
    test("jacobian in both modes", () => {
      const x = tensor([0, 1]);
      near(jacobian(f, 0, { mode: "reverse" })(x), [0.5, 0, 0, s(1)]);
      near(jacobian(f, 0, { mode: "forward" })(x), [0.5, 0, 0, s(1)]);
    });
    test("eager gradients", () => {
      const x = tensor([0, 1], { requiresGrad: true });
      const y = f(x).sum();
      y.itemSync();
      y.backward();
      near(x.grad, [0.5, s(1)]);
    });
  });

  test("the rule counts, not the function's operations", () => {
    const reversed = customVjp(
      (x: Tensor) => x.mul(1),
      (g) => [g.mul(-2)],
    );
    near(grad((x: Tensor) => reversed(x.mul(3)).sum())(tensor([1, 2])), [-6, -6]);
    const seen: number[][] = [];
    const clipped = customVjp(
      (x: Tensor) => x.mul(1),
      (g) => {
        seen.push([...g.shape]);
        return [g.relu()];
      },
    );
    near(
      grad((x: Tensor) =>
        clipped(x)
          .mul(tensor([-5, 5]))
          .sum(),
      )(tensor([1, 2])),
      [0, 5],
    );
    expect(seen).toEqual([[2]]);
  });
  test("trees in and out, one call of the rule for all results, and no gradient for some", () => {
    let calls = 0;
    const f = customVjp(
      (p: { a: Tensor; n: number }, b: Tensor, index: Tensor) => ({
        product: p.a.mul(b).mul(p.n),
        sum: [p.a.add(b)],
        index: index.add(1),
      }),
      (g, y, p, b) => {
        calls++;
        expect(y.sum[0]?.shape).toEqual([2]);
        return [
          {
            a: g.product
              .mul(b)
              .mul(p.n)
              .add(g.sum[0] as Tensor),
            n: 0,
          },
          null,
          null,
        ];
      },
    );
    const index = tensor([1, 2], { dtype: "int32" });
    const loss = (a: Tensor, b: Tensor): Tensor => {
      const y = f({ a, n: 2 }, b, index);
      return y.product
        .sum()
        .add((y.sum[0] as Tensor).mul(10).sum())
        .add(y.index.to("float32").sum());
    };
    const [da, db] = grad(loss, [0, 1])(tensor([1, 2]), tensor([3, 4]));
    near(da, [16, 18]);
    near(db, [0, 0]);
    expect(calls).toBe(1);
    near(grad((a: Tensor) => f({ a, n: 2 }, a, index).product.sum())(tensor([1, 2])), [2, 4]);
  });
  test("the same tensor twice is two arguments", () => {
    const f = customVjp(
      (a: Tensor, b: Tensor) => a.mul(b),
      (g, _y, a, b) => [g.mul(b), g.mul(a).mul(10)],
    );
    near(grad((x: Tensor) => f(x, x))(tensor(3)), [33]);
  });
  test("plans are compiled once, whatever function they came from", async () => {
    const { engineStatistics } = await import("../index.ts");
    const step = (at: number): number =>
      grad((x: Tensor) =>
        customVjp(
          (y: Tensor) => y.mul(2),
          (g) => [g.mul(7)],
        )(x),
      )(tensor(at)).itemSync();
    step(1);
    const before = engineStatistics().plansCompiled;
    for (let i = 0; i < 5; i++) step(i);
    expect(engineStatistics().plansCompiled).toBe(before);
  });
  test("refuses rules that don't fit", () => {
    const x = tensor([1, 2]);
    const of = (rule: (...xs: Tensor[]) => unknown) => () =>
      grad((a: Tensor) => customVjp((b: Tensor, c: Tensor) => b.mul(c), rule as never)(a, a).sum())(x);
    expect(of((g) => [g])).toThrow(
      "customVjp: expected a rule that returns an array with a gradient for each of 2 arguments, got 1",
    );
    expect(of((g) => g)).toThrow("a gradient for each of 2 arguments, got object");
    expect(of((g) => [g.sum(), null])).toThrow("customVjp: expected a gradient of argument 0 of shape [2], got []");
    expect(of((g) => [[g, g], null])).toThrow("expected a gradient of argument 0 with 1 tensors, got 2");
    const tangent = (rule: (...xs: never[]) => unknown) => () =>
      jvp(
        customJvp((b: Tensor) => b.mul(2), rule as never),
        [x],
        [x],
      );
    expect(tangent((_, [dx]: Tensor[]) => dx?.sum())).toThrow("customJvp: expected a tangent of shape [2], got []");
    const w = tensor([1, 2], { requiresGrad: true });
    expect(() =>
      customVjp(
        (a: Tensor) => a.mul(w),
        (g) => [g],
      )(x),
    ).toThrow("uses another tensor with requiresGrad, of shape [2]. Pass it as an argument");
    expect(() =>
      customVjp(
        (_: Tensor) => 3,
        () => [null],
      )(x),
    ).toThrow("customVjp: expected a function that returns tensors");
  });

  test("linearize agrees with jvp and is the transpose of vjp", () => {
    const f = (a: Tensor, b: Tensor): Tensor => a.mul(b).sin();
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    const [y, push] = linearize(f, [a, b]);
    near(y, numbers(f(a, b)));
    const [da, db] = [tensor([1, -1]), tensor([0.5, 2])];
    const dy = push(da, db);
    near(dy, numbers(jvp(f, [a, b], [da, db])[1]));
    const u = tensor([2, 3]);
    const [ga, gb] = vjp(f, [a, b])[1](u);
    expect(dy.mul(u).sum().itemSync()).toBeCloseTo(ga.mul(da).sum().add(gb.mul(db).sum()).itemSync(), 4);
    near(vmap((dx: Tensor) => push(dx, db))(tensor([[1, -1]])), numbers(dy));
    expect(() => push(tensor([1]), db)).toThrow("linearize: expected a tangent of argument 0 of shape [2], got [1]");
  });
});
