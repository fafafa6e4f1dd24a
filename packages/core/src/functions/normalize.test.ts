// The rule of batch statistics, against the same formula differentiated operation by operation.
import { describe, expect, it } from "vitest";
import { planFor } from "../engine/engine.ts";
import { batchMoments, batchNorm, explainPlan, grad, jvp, type Tensor, vmap } from "../index.ts";
import { allclose } from "../testing/allclose.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededValues } from "../testing/seeded-values.ts";

type Moments = (x: Tensor) => { readonly mean: Tensor; readonly variance: Tensor };

const plain: Moments = (x) => {
  const axis = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const mean = x.mean({ axis }) as Tensor;
  const own = mean.reshape([x.shape[1] ?? 0, ...x.shape.slice(2).map(() => 1)]) as Tensor;
  return { mean, variance: x.sub(own).pow(2).mean({ axis }) as Tensor };
};

const uses: Readonly<Record<string, (moments: Moments) => (x: Tensor) => Tensor>> = {
  mean: (moments) => (x) => moments(x).mean.sin(),
  variance: (moments) => (x) => moments(x).variance.sin(),
  both: (moments) => (x) => {
    const { mean, variance } = moments(x);
    return mean.exp().mul(variance.add(1).log()) as Tensor;
  },
  "a normalization": (moments) => (x) => batchNorm(x, moments(x)).mul(x.cos()) as Tensor,
};

describe.each([[[5, 3]], [[4, 2, 3, 5]], [[1, 2]], [[0, 2]]])("batch statistics of %j", (shape) => {
  const x = seededValues(shape, { dtype: "float64" });
  const direction = seededValues(shape, { seed: 2, dtype: "float64" });
  it.each(Object.keys(uses))("have the derivatives of the formula: %s", async (name) => {
    const derivatives = (moments: Moments): readonly Tensor[] => {
      const f = uses[name]?.(moments) ?? ((y: Tensor) => y);
      const first = grad((y: Tensor) => f(y).pow(2).sum());
      return [
        f(x),
        first(x),
        jvp(f, [x], [direction])[1],
        grad((y: Tensor) => first(y).mul(direction).sum())(x),
        jvp(first, [x], [direction])[1],
        grad((y: Tensor) => jvp(f, [y], [direction])[1].pow(2).sum())(x),
        vmap(first)(x.reshape([1, ...shape]).expand([3, ...shape]) as Tensor),
        grad((y: Tensor) => vmap(f)(y).pow(2).sum())(x.reshape([1, ...shape]).expand([3, ...shape]) as Tensor),
      ];
    };
    const expected = derivatives(plain);
    for (const [i, found] of derivatives(batchMoments).entries())
      await allclose(found, expected[i] ?? 0, { rtol: 1e-10, atol: 1e-10 });
  });
});

it("batch normalization has derivatives like differences of values", async () => {
  const x = seededValues([4, 2, 3], { dtype: "float64" });
  await gradcheck((y: Tensor) => batchNorm(y, batchMoments(y)).pow(3), [x]);
});

it("the gradient of batch normalization reads its input four times, and stores nothing of its size", () => {
  const [x, u] = [seededValues([512, 768]), seededValues([512, 768], { seed: 2 })];
  const [weight, bias] = [seededValues([768], { seed: 3 }), seededValues([768], { seed: 4 })];
  const loss = (y: Tensor, w: Tensor, c: Tensor): Tensor =>
    batchNorm(y, batchMoments(y), { weight: w, bias: c }).mul(u).sum();
  const gradients = grad(loss, [0, 1, 2])(x, weight, bias);
  expect(planFor(gradients.map((y) => y.node)).scratchBytes).toBeLessThan(x.size);
  // Each kernel says which loops it has: `sum: reduce [16, 768] over [32]`.
  const headers = explainPlan(...gradients).matchAll(/^\d+: .*: \w+ (\[.*\])$/gm);
  const iterations = [...headers].map(([, loops = ""]) =>
    [...loops.matchAll(/\d+/g)].reduce((product, [size]) => product * Number(size), 1),
  );
  expect(iterations.filter((count) => count === x.size)).toHaveLength(4);
});
