// Matrices of derivatives over trees: of arguments, of results, of modules. Tensors alone: transforms.test.ts.
import { describe, expect, test } from "vitest";
import { grad, hessian, jacobian, type Tensor, tensor, vmap, zeros } from "../index.ts";
import { f64, near, sawtooth } from "../testing/flat-values.ts";

/** A layer as nn's modules are to transforms: an object that computes with tensors it gives by name. */
class Affine {
  readonly weight: Tensor = sawtooth([2, 3]);
  readonly bias: Tensor = f64([0.5, -1]);
  tensorsByName(): Record<string, Tensor> {
    return { weight: this.weight, bias: this.bias };
  }
  forward(x: Tensor): Tensor {
    return x.matmul(this.weight.transpose()).add(this.bias).tanh();
  }
}

const modes = [{ mode: "reverse" }, { mode: "forward" }, {}] as const;

describe("jacobian over trees", () => {
  const args = { a: f64([1, 2]), rest: [f64([3]), 7] as const };
  const f = ({ a, rest }: typeof args): { sum: Tensor; parts: [Tensor, string] } => ({
    sum: a.mul(a).sum().add(rest[0].sum()),
    parts: [a.mul(rest[0]), "kept"],
  });
  test.each(modes)("of arguments and of results, %o", async (options) => {
    const found = jacobian(f, 0, options)(args);
    expect(found.sum.a.shape).toEqual([2]);
    await near(found.sum.a, [2, 4]);
    await near(found.sum.rest[0], [1]);
    expect(found.sum.rest[1]).toBe(7);
    expect(found.parts[0].a.shape).toEqual([2, 2]);
    await near(found.parts[0].a, [3, 0, 0, 3]);
    await near(found.parts[0].rest[0], [1, 2]);
    expect(found.parts[0].rest[0].shape).toEqual([2, 1]);
    expect(found.parts[1]).toBe("kept");
  });
  test.each(modes)("at several positions, with zeros where nothing depends, %o", async (options) => {
    const g = (x: Tensor, _: Tensor, z: { w: Tensor }): Tensor[] => [x.mul(z.w), x.sin()];
    const [product, sine] = jacobian(g, [0, 2], options)(f64([1, 2]), f64([0]), { w: f64([5, 6]) });
    await near(product?.[0] ?? zeros([0]), [5, 0, 0, 6]);
    await near(product?.[1].w ?? zeros([0]), [1, 0, 0, 2]);
    await near(sine?.[0] ?? zeros([0]), [Math.cos(1), 0, 0, Math.cos(2)]);
    await near(sine?.[1].w ?? zeros([0]), [0, 0, 0, 0]);
  });
  test.each(modes)("of a module, by its names, %o", async (options) => {
    const layer = new Affine();
    const x = f64([0.3, -0.7, 1.1]);
    const found = jacobian((m: Affine, y: Tensor) => m.forward(y), [0, 1], options)(layer, x);
    const y = [...layer.forward(x).dataSync()];
    const slope = y.map((v) => 1 - v * v);
    const list = [...x.dataSync()];
    expect(Object.keys(found[0])).toEqual(["weight", "bias"]);
    expect(found[0].weight?.shape).toEqual([2, 2, 3]);
    const byWeight = [0, 1].flatMap((i) => [0, 1].flatMap((j) => list.map((v) => (i === j ? (slope[i] ?? 0) * v : 0))));
    await near(found[0].weight ?? x, byWeight);
    await near(found[0].bias ?? x, [slope[0] ?? 0, 0, 0, slope[1] ?? 0]);
    await near(
      found[1],
      [...layer.weight.dataSync()].map((w, i) => w * (slope[Math.floor(i / 3)] ?? 0)),
    );
    // The module computes with its own tensors again.
    await near(layer.forward(x), y);
  });
  test("under vmap, and inside of itself", async () => {
    const g = ({ x }: { x: Tensor }): Tensor => x.pow(3);
    const batch = f64([1, 2, 3, 4], [2, 2]);
    const rows = vmap((x: Tensor) => jacobian(g)({ x }).x)(batch);
    await near(rows, [3, 0, 0, 12, 27, 0, 0, 48]);
    const second = jacobian((t: { x: Tensor }) => jacobian(g)(t).x)({ x: f64([1, 2]) }).x;
    await near(second, [6, 0, 0, 0, 0, 0, 0, 12]);
  });
  test("errors", () => {
    expect(() => jacobian((_: Tensor) => 3)(f64([1]))).toThrow(
      "jacobian: expected a function that returns a tensor, or a tree of them",
    );
    expect(() => jacobian((t: { n: Tensor }) => t.n)({ n: tensor([1], { dtype: "int32" }) })).toThrow(
      "jacobian: expected float tensors to differentiate by, got int32",
    );
    expect(() => jacobian((x: Tensor) => x, 1)(f64([1]))).toThrow("expected argument positions from 0 to 0, got 1");
    expect(() => hessian((x: Tensor) => x.sum(), [2])(f64([1]))).toThrow("hessian: expected argument positions");
  });
});

describe("hessian over trees", () => {
  test("by names twice", async () => {
    const f = ({ x, y }: { x: Tensor; y: Tensor }): Tensor => x.mul(x).mul(y).sum();
    const found = hessian(f)({ x: f64([1, 2]), y: f64([3, 4]) });
    await near(found.x.x, [6, 0, 0, 8]);
    await near(found.x.y, [2, 0, 0, 4]);
    await near(found.y.x, [2, 0, 0, 4]);
    await near(found.y.y, [0, 0, 0, 0]);
  });
  test("of a module and an argument: as reverse mode over reverse mode, and symmetric", async () => {
    const layer = new Affine();
    const x = f64([0.3, -0.7, 1.1]);
    const loss = (m: Affine, y: Tensor): Tensor => m.forward(y).pow(2).sum();
    const found = hessian(loss, [0, 1])(layer, x);
    const other = jacobian((m: Affine, y: Tensor) => grad(loss, [0, 1])(m, y), [0, 1], { mode: "reverse" })(layer, x);
    for (const name of ["weight", "bias"]) {
      for (const second of ["weight", "bias"])
        await near(found[0][name]?.[0][second] ?? x, other[0][name]?.[0][second] ?? zeros([0]));
      await near(found[0][name]?.[1] ?? x, other[0][name]?.[1] ?? zeros([0]));
    }
  });
});
