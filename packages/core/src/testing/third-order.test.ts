// Derivatives of derivatives of derivatives: of every operation, and of a small network, against differences.
import { describe, expect, test } from "vitest";
import { isFloat } from "../base/dtype.ts";
import { makeNode } from "../graph/node.ts";
import { conv2d, gather, grad, hessian, jacobian, jvp, layerNorm, maxPool2d, Tensor, tensor } from "../index.ts";
import { nodeOf } from "./nodes.ts";
import { sampled } from "./samples.ts";
import { seededValues } from "./seeded-values.ts";

const float64 = { dtype: "float64" } as const;
const { device } = tensor(0);
const random = (shape: readonly number[], seed: number): Tensor => seededValues(shape, { dtype: "float64", seed });

/** The third derivative of φ(t) at 0, by three reverse sweeps, by forward over them, and by differences of the second. */
function expectThird(phi: (t: Tensor) => Tensor): void {
  const second = grad((t: Tensor) => grad(phi)(t));
  const at = (t: number): number => second(tensor(t, float64)).itemSync();
  const zero = tensor(0, float64);
  // Two distances, so that the error falls with the fourth power.
  const [wide, close] = [2e-3, 1e-3].map((h) => (at(h) - at(-h)) / (2 * h)) as [number, number];
  const expected = (4 * close - wide) / 3;
  const scale = Math.max(1, Math.abs(expected), Math.abs(at(0)));
  for (const found of [grad(second)(zero), jvp(second, [zero], [tensor(1, float64)])[1]])
    expect(Math.abs(found.itemSync() - expected) / scale, `${found.itemSync()}, expected ${expected}`).toBeLessThan(
      2e-6,
    );
}

describe("third derivatives along a direction", () => {
  const smooth = sampled.flatMap(({ name, record, samples }) => {
    const probes = samples.list.filter(
      ({ probes, inputs, attrs }) =>
        probes &&
        inputs.some((x) => isFloat(x.dtype)) &&
        isFloat(
          makeNode(
            record,
            inputs.map((x) => nodeOf(x.shape, x.values, x.dtype)),
            attrs,
          ).dtype,
        ),
    );
    return probes.length === 0 ? [] : [[name, record, probes.slice(0, 2)] as const];
  });
  test.each(smooth)("%s", (_, record, probes) => {
    for (const { inputs, attrs } of probes) {
      const xs = inputs.map((x) => new Tensor(nodeOf(x.shape, x.values, x.dtype, { device })));
      const vs = xs.map((x, i) => random(x.shape, 17 + i).mul(0.5));
      expectThird((t) => {
        const moved = xs.map((x, i) => (isFloat(x.dtype) ? x.add((vs[i] ?? x).mul(t)) : x));
        const y = new Tensor(
          makeNode(
            record,
            moved.map((x) => x.node),
            attrs,
          ),
        );
        return y.mul(random(y.shape, 3)).sum();
      });
    }
  });
  test("of a small network", () => {
    const [w1, w2, x] = [random([3, 5], 1), random([5, 2], 2), random([4, 3], 3)];
    const [v1, v2] = [random([3, 5], 4), random([5, 2], 5)];
    expectThird((t) => {
      const h = x.matmul(w1.add(v1.mul(t)) as Tensor<[3, 5]>).tanh();
      return layerNorm(h, [5])
        .matmul(w2.add(v2.mul(t)) as Tensor<[5, 2]>)
        .sigmoid()
        .pow(2)
        .sum();
    });
  });
});

test("the Hessian of a network by forward over reverse, reverse over forward, and reverse over reverse", () => {
  const [kernel, picture] = [random([2, 1, 2, 2], 1), random([1, 1, 5, 5], 2)];
  const places = tensor([0, 3, 3, 7, 1], { dtype: "int32" });
  const f = (w: Tensor): Tensor => {
    const features = maxPool2d(conv2d(picture, w.reshape([2, 1, 2, 2])).tanh(), 2).reshape([-1]);
    return layerNorm(gather(features, places, { axis: 0 }), [5])
      .pow(3)
      .sum()
      .add(
        w
          .mul(kernel.reshape([8]))
          .sin()
          .sum(),
      );
  };
  const at = random([8], 6);
  const expected = [...hessian(f)(at).dataSync()];
  expect(expected.some((x) => Math.abs(x) > 0.1)).toBe(true);
  const byForward = jacobian(f, 0, { mode: "forward" });
  const others = [
    jacobian(grad(f), 0, { mode: "reverse" }),
    jacobian(byForward, 0, { mode: "reverse" }),
    jacobian(byForward, 0, { mode: "forward" }),
  ];
  for (const other of others)
    [...other(at).dataSync()].forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i] ?? Number.NaN, 9);
    });
  // And each column by differences of the gradient.
  const h = 1e-4;
  for (let j = 0; j < 8; j++) {
    const step = tensor(
      Array.from({ length: 8 }, (_, i) => (i === j ? h : 0)),
      float64,
    );
    const [high, low] = [grad(f)(at.add(step)).dataSync(), grad(f)(at.sub(step)).dataSync()];
    high.forEach((x, i) => {
      const slope = expected[8 * i + j] ?? Number.NaN;
      expect(Math.abs((x - (low[i] ?? 0)) / (2 * h) - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
    });
  }
});
