// Transforms: against hand-made derivatives, against each other, nested, and where they refuse.
import { beforeAll, describe, expect, test } from "vitest";
import {
  conv2d,
  deviceNames,
  explain,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  layerNorm,
  linearize,
  maxPool2d,
  noGrad,
  rand,
  scan,
  setDefaultDevice,
  stopGradient,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
  where,
  zeros,
} from "../index.ts";
import { expectNear, type Numbers, readFixture, type StoredTensor, type Tolerance } from "../testing/goldens.ts";
import { seededValues } from "../testing/seeded-values.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const near = (actual: Tensor | undefined, expected: readonly number[], tolerance = 1e-5): void => {
  if (!actual) throw new Error("no tensor");
  expectNear("value", actual.dataSync(), { shape: [], data: expected }, [tolerance, tolerance]);
};

describe.each(deviceNames())("on %s", (device) => {
  let x = tensor(2);
  let y = tensor(3);
  beforeAll(() => {
    setDefaultDevice(device);
    x = tensor(2);
    y = tensor(3);
  });
  const f = (a: Tensor, b: Tensor): Tensor => a.sin().add(a.mul(b));

  test("one reverse sweep gives all gradients", () => {
    const [dx, dy] = grad(f, [0, 1])(x, y);
    near(dx, [Math.cos(2) + 3]);
    near(dy, [2]);
    near(grad(f)(x, y), [Math.cos(2) + 3]);
    near(grad(f, 1)(x, y), [2]);
  });
  test("the same tensor as two arguments is two variables", () => {
    const [dx, dy] = grad((a: Tensor, b: Tensor) => a.mul(a).mul(b), [0, 1])(x, x);
    near(dx, [8]);
    near(dy, [4]);
  });
  test("zeros where the result does not depend on an argument", () => {
    expect(numbers(grad((a: Tensor, _b: Tensor) => a.sum(), 1)(x, tensor([1, 2])))).toEqual([0, 0]);
  });
  test("trees of tensors", () => {
    const parameters = {
      layers: [
        {
          weight: tensor([
            [1, 2],
            [3, 4],
          ]),
          bias: tensor([1, 1]),
        },
      ],
      rate: 0.5,
    };
    const loss = (p: typeof parameters, input: Tensor): Tensor => {
      const [layer] = p.layers;
      return layer!.weight
        .matmul(input as Tensor<[2]>)
        .add(layer!.bias)
        .mul(p.rate)
        .sum();
    };
    const [value, gradient] = valueAndGrad(loss)(parameters, tensor([1, 10]));
    expect(value.itemSync()).toBe(33);
    expect(numbers(gradient.layers[0]!.weight)).toEqual([0.5, 5, 0.5, 5]);
    expect(numbers(gradient.layers[0]!.bias)).toEqual([0.5, 0.5]);
    expect(gradient.rate).toBe(0.5);
  });
  test("cotangents and tangents belong to their names, in whatever order they come", () => {
    const at = { a: tensor([1, 2]), b: { c: tensor([3, 4]), scale: 2 } };
    const f = (p: typeof at): { product: Tensor; square: Tensor } => ({
      product: p.a.mul(p.b.c).mul(p.b.scale),
      square: p.a.mul(p.a),
    });
    const along = { b: { c: tensor([0, 0]) }, a: tensor([1, 10]) };
    const [, dy] = jvp(f, [at], [along as never]);
    expect([numbers(dy.product), numbers(dy.square)]).toEqual([
      [6, 80],
      [2, 40],
    ]);
    expect(numbers(linearize(f, [at])[1](along as never).square)).toEqual([2, 40]);
    const [g] = vjp(f, [at])[1]({ square: tensor([1, 1]), product: tensor([0, 0]) });
    expect([numbers(g.a), numbers(g.b.c)]).toEqual([
      [2, 4],
      [0, 0],
    ]);
    expect(() => jvp(f, [at], [{ a: at.a, c: at.a } as never])).toThrow(
      "jvp: expected tangents with the names a, b, got a, c",
    );
    expect(() => vjp(f, [at])[1]({ square: at.a, other: at.a } as never)).toThrow(
      "vjp: expected cotangents with the names product, square, got square, other",
    );
    expect(() => vjp((x: Tensor) => [[x], [x, x]], [at.a])[1]([[at.a, at.a], [at.a]])).toThrow(
      "vjp: expected cotangents with a tensor where there is one, got something else",
    );
  });
  test("auxiliary results", () => {
    const [[value, note], gradient] = valueAndGrad((a: Tensor) => [a.mul(a).sum(), "note"] as const, 0, {
      hasAux: true,
    })(tensor([1, 2]));
    expect(value.itemSync()).toBe(5);
    expect(note).toBe("note");
    expect(numbers(gradient)).toEqual([2, 4]);
  });
  test("gradients of gradients", () => {
    const cube = (a: Tensor): Tensor => a.pow(3);
    const third = grad((a: Tensor) => grad((b: Tensor) => grad(cube)(b))(a));
    near(third(x), [6]);
  });
  test("values that the function reads on the way are still part of it", () => {
    const g = grad((a: Tensor) => {
      const h = a.exp();
      return h.itemSync() > 0 ? h.mul(2) : h;
    });
    near(g(x), [2 * Math.exp(2)]);
  });
  test("eager gradients flow through functional ones", () => {
    const w = tensor(2, { requiresGrad: true });
    grad((a: Tensor) => a.mul(a).mul(w))(tensor(3)).backward();
    expect(w.grad?.itemSync()).toBe(6);
  });
  test("vjp and jvp are each other's transpose, for several results", () => {
    const g = (a: Tensor, b: Tensor): { sum: Tensor; product: Tensor } => ({ sum: a.add(b), product: a.mul(b) });
    const primals = [tensor([1, 2]), tensor([3, 4])] as [Tensor, Tensor];
    const [values, pull] = vjp(g, primals);
    expect(numbers(values.product)).toEqual([3, 8]);
    const [da, db] = pull({ sum: tensor([1, 1]), product: tensor([1, 10]) });
    expect(numbers(da)).toEqual([4, 41]);
    expect(numbers(db)).toEqual([2, 21]);
    const [, tangent] = jvp(g, primals, [tensor([1, 0]), tensor([0, 1])] as [Tensor, Tensor]);
    expect(numbers(tangent.sum)).toEqual([1, 1]);
    expect(numbers(tangent.product)).toEqual([3, 2]);
  });
  test("a square root at 0, and below, where it is not selected", () => {
    const safe = (a: Tensor): Tensor => where(a.gt(0), a.sqrt(), 0).sum();
    const at = tensor([0, -1, 4]);
    expect(numbers(grad(safe)(at))).toEqual([0, 0, 0.25]);
    expect(numbers(grad((a: Tensor) => grad(safe)(a).sum())(at))).toEqual([0, 0, -0.03125]);
    expect(jvp(safe, [at], [tensor([0, 0, 1])])[1].itemSync()).toBe(0.25);
    // A cotangent that is 0 by chance has a derivative all the same.
    const product = (a: Tensor, c: Tensor): Tensor => a.sqrt().mul(c).sum();
    const mixed = grad((c: Tensor) => grad(product)(tensor([4]), c).sum())(tensor([0]));
    expect(numbers(mixed)).toEqual([0.25]);
    expect(numbers(grad((a: Tensor) => a.sqrt().sum())(at))).toEqual([Number.POSITIVE_INFINITY, Number.NaN, 0.25]);
  });
  test("stopGradient", () => {
    near(grad((a: Tensor) => a.mul(stopGradient(a)))(x), [2]);
  });

  test("jacobian in both modes, for any rank", () => {
    const g = (a: Tensor): Tensor =>
      a
        .matmul(
          tensor([
            [1, 2, 0],
            [0, 1, 3],
          ]),
        )
        .sin();
    const at = seededValues([2, 2], { dtype: "float32" });
    const reverse = jacobian(g, 0, { mode: "reverse" })(at);
    const forward = jacobian(g, 0, { mode: "forward" })(at);
    expect(reverse.shape).toEqual([2, 3, 2, 2]);
    near(forward, numbers(reverse));
    const column = numbers(
      g(
        at.add(
          tensor([
            [0, 1e-3],
            [0, 0],
          ]),
        ),
      ),
    ).map((v, i) => (v - numbers(g(at))[i]!) / 1e-3);
    near(reverse.reshape([6, 4]).matmul(tensor([0, 1, 0, 0])), column, 5e-3);
    expect(numbers(jacobian((a: Tensor, _b: Tensor) => a, 1)(x, tensor([1, 2])))).toEqual([0, 0]);
  });
  test("hessian and its product with a vector agree", () => {
    const g = (a: Tensor, b: Tensor): Tensor => a.mul(a).mul(b).sum().exp();
    const [a, b] = [tensor([0.1, 0.2]), tensor([0.3, 0.4])];
    const blocks = hessian(g, [0, 1])(a, b);
    const v = tensor([1, -2]);
    const [top, bottom] = hvp(g, [a, b], [v, v]);
    near(blocks[0][0].matmul(v).add(blocks[0][1].matmul(v)), numbers(top), 1e-4);
    near(blocks[1][0].matmul(v).add(blocks[1][1].matmul(v)), numbers(bottom), 1e-4);
    near(blocks[0][1].transpose(), numbers(blocks[1][0]));
  });

  describe("vmap", () => {
    const looped = (g: (...xs: never[]) => Tensor, ...batches: Tensor[]): number[] =>
      Array.from({ length: batches[0]!.shape[0]! }, (_, i) =>
        numbers(g(...(batches.map((batch) => row(batch, i)) as never[]))),
      ).flat();
    const row = (batch: Tensor, i: number): Tensor => {
      const [, ...rest] = batch.shape;
      const size = rest.reduce((product, n) => product * n, 1);
      return tensor(numbers(batch).slice(i * size, (i + 1) * size), { shape: rest });
    };
    test("equals a loop", () => {
      const g = (a: Tensor, b: Tensor): Tensor => a.matmul(b).tanh();
      const [a, b] = [rand([4, 2, 3]), rand([4, 3])];
      near(vmap(g)(a, b), looped(g, a, b));
    });
    test("gradients of each example", () => {
      const w = tensor([0.5, -1, 2]);
      const g = grad((a: Tensor) => a.mul(w).sum().exp());
      const batch = rand([5, 3]);
      near(vmap(g)(batch), looped(g, batch));
    });
    test("of a small network with convolution, pooling and normalization", () => {
      const kernel = rand([2, 1, 3, 3]);
      const g = grad((image: Tensor) => {
        const features = maxPool2d(conv2d(image, kernel).relu(), 2);
        return layerNorm(features.reshape([-1]), [8])
          .pow(3)
          .sum();
      });
      const images = rand([3, 1, 6, 6]);
      near(vmap(g)(images), looped(g, images), 2e-4);
    });
    test("other axes, and what all examples share", () => {
      const g = (a: Tensor, b: Tensor): Tensor => a.mul(b);
      const y = vmap(g, { inAxes: [1, null], outAxes: -1 })(
        tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        tensor([1, 10]),
      );
      expect(y.shape).toEqual([2, 3]);
      expect(numbers(y)).toEqual([1, 2, 3, 40, 50, 60]);
    });
    test("inside of another", () => {
      const product = (a: Tensor, b: Tensor): Tensor => a.mul(b);
      const outer = vmap((a: Tensor) => vmap((b: Tensor) => product(a, b))(tensor([1, 2, 3])));
      expect(outer(tensor([1, 10])).toArraySync()).toEqual([
        [1, 2, 3],
        [10, 20, 30],
      ]);
    });
    test("under a gradient", () => {
      const total = (a: Tensor): Tensor => vmap((b: Tensor) => b.mul(b).sum())(a).sum();
      expect(
        numbers(
          grad(total)(
            tensor([
              [1, 2],
              [3, 4],
            ]),
          ),
        ),
      ).toEqual([2, 4, 6, 8]);
    });
    test("refuses to read values, and batches of different size", () => {
      expect(() => vmap((a: Tensor) => a.mul(a.itemSync()))(tensor([1, 2]))).toThrow("inside of vmap");
      expect(() => vmap((a: Tensor, b: Tensor) => a.add(b))(zeros([2]), zeros([3]))).toThrow(
        "vmap: expected one batch size, got 2 and 3",
      );
      expect(() => vmap((a: Tensor) => a, { inAxes: [0, 0] })(zeros([2]))).toThrow("an axis for each of 1 arguments");
      expect(() => vmap((a: Tensor) => a, { inAxes: null })(zeros([2]))).toThrow(
        "at least one tensor with a batch axis",
      );
    });
  });

  test("refuses what has no gradient", () => {
    expect(() => grad((a: Tensor) => a.mul(2))(tensor([1, 2]))).toThrow(
      "grad: expected a function with a scalar result",
    );
    expect(() => grad((a: Tensor) => a.sum())(tensor([1, 2], { dtype: "int32" }))).toThrow("expected float tensors");
    expect(() => grad((a: Tensor) => a.argmax())(tensor([1, 2]))).toThrow("expected a float result, got int32");
    expect(() => grad((a: Tensor) => a.sum(), 1)(x)).toThrow("expected argument positions from 0 to 0, got 1");
    expect(() => grad((async (a: Tensor) => a.sum()) as never)(x as never)).toThrow("returns a promise");
    expect(() => vjp((a: Tensor) => a, [x])[1](tensor([1]))).toThrow("vjp: expected cotangents of shapes [], got [1]");
    expect(() => jvp((a: Tensor) => a, [x], [tensor([1])])).toThrow("jvp: expected tangents of shapes [], got [1]");
  });

  test("the text-book example, explained", () => {
    const { value, derivatives, variables, toDot, ...rest } = explain(f, [x, y]);
    expect(value).toBeCloseTo(6.909297426825682, 12);
    expect(derivatives.map((d) => d.reverse)).toEqual(derivatives.map((d) => d.forward));
    expect(derivatives[0]!.forward).toBeCloseTo(2.5838531634528574, 12);
    expect(derivatives[0]!.difference).toBeCloseTo(2.5838531634528574, 8);
    expect(derivatives[1]!.difference).toBeCloseTo(2, 8);
    const trace = variables.map((v) => `${v.name} ${v.expression} ${v.value} ${v.tangents.join(" ")} ${v.adjoint}`);
    expect(trace.slice(2)).toEqual([
      "v1 x1 2 1 0 3 + (-0.416147) = 2.58385",
      "v2 x2 3 0 1 2",
      "v3 sin(v1) 0.909297 -0.416147 0 1",
      "v4 v1 · v2 6 3 2 1",
      "v5 v3 + v4 6.9093 2.58385 2 1",
    ]);
    expect(rest.toString()).toContain("∂/∂x1: forward mode 2.58385, reverse mode 2.58385, differences 2.58385");
    expect(toDot()).toContain('"v1" -> "v4"');
    expect(() => explain((a: Tensor) => a.mul(2), [tensor([1, 2])])).toThrow(
      "expected a function with a scalar result",
    );
  });

  interface Higher {
    readonly inputs: readonly StoredTensor[];
    readonly results: {
      readonly value: StoredTensor;
      readonly grad: readonly StoredTensor[];
      readonly hessian: StoredTensor;
      readonly hvp: { readonly v: readonly StoredTensor[]; readonly result: readonly StoredTensor[] };
      readonly jvp: { readonly v: readonly StoredTensor[]; readonly result: StoredTensor };
      readonly vjp: { readonly u: StoredTensor; readonly result: readonly StoredTensor[] };
      readonly partials: readonly { readonly wrt: readonly number[]; readonly value: number }[];
    };
    readonly tol: Readonly<Record<string, Tolerance>>;
  }
  test("higher derivatives of the text-book example, to the fourth, against PyTorch", () => {
    const [item] = (readFixture("higher.json") as { cases: Higher[] }).cases;
    if (!item) throw new Error("no case");
    const { results, tol } = item;
    const load = ({ data, shape }: { data: Numbers; shape: readonly number[] }): Tensor =>
      tensor(data.map(Number), { shape: [...shape] });
    const inputs = item.inputs.map(load) as [Tensor, Tensor];
    const check = (what: string, actual: Tensor | undefined, stored: StoredTensor): void =>
      expectNear(what, actual!.dataSync(), stored, tol[what]!);
    check("value", f(...inputs), results.value);
    grad(
      f,
      [0, 1],
    )(...inputs).forEach((g, i) => {
      check("grad", g, results.grad[i]!);
    });
    const blocks = hessian(f, [0, 1])(...inputs);
    expectNear("hessian", blocks.flat().flatMap(numbers), results.hessian, tol.hessian!);
    hvp(f, inputs, results.hvp.v.map(load) as [Tensor, Tensor]).forEach((g, i) => {
      check("hvp", g, results.hvp.result[i]!);
    });
    check("jvp", jvp(f, inputs, results.jvp.v.map(load) as [Tensor, Tensor])[1], results.jvp.result);
    vjp(f, inputs)[1](load(results.vjp.u)).forEach((g, i) => {
      check("vjp", g, results.vjp.result[i]!);
    });
    for (const { wrt, value } of results.partials) {
      const partial = wrt.reduce<(a: Tensor, b: Tensor) => Tensor>((g, at) => grad(g, at), f);
      check("partials", partial(...inputs), { shape: [], data: [value] });
    }
  });
});

describe("what vjp and linearize return doesn't depend on what is read before", () => {
  const at = (): Tensor => tensor([1, 2], { dtype: "float64" });
  const ones = (): Tensor => tensor([1, 1]);
  const slopes = [2 * Math.E, 2 * Math.exp(2)];
  test.each([
    ["nothing", (_y: Tensor, _h: Tensor) => undefined],
    ["the result", (y: Tensor) => y.dataSync()],
    ["what the function lets out", (_y: Tensor, h: Tensor) => h.dataSync()],
    ["both", (y: Tensor, h: Tensor) => [h.dataSync(), y.dataSync()]],
    ["what is computed from the result", (y: Tensor, h: Tensor) => y.mul(h).dataSync()],
  ])("%s", (_, read) => {
    let inner = zeros([]) as Tensor;
    const g = (x: Tensor): Tensor => {
      inner = x.exp();
      return inner.mul(2);
    };
    const [y, pull] = vjp(g, [at()]);
    read(y, inner);
    near(pull(ones())[0], slopes, 1e-12);
    read(y, inner);
    near(
      pull(ones().mul(3))[0],
      slopes.map((v) => 3 * v),
      1e-12,
    );
    const [z, push] = linearize(g, [at()]);
    read(z, inner);
    near(push(ones()), slopes, 1e-12);
    read(z, inner);
    near(
      push(ones().mul(3)),
      slopes.map((v) => 3 * v),
      1e-12,
    );
    near(y, slopes, 1e-12);
    near(z, slopes, 1e-12);
    // And its own derivative, where all of that happens inside of another transform.
    const second = grad((x: Tensor) => {
      const [w, back] = vjp(g, [x]);
      read(w, inner);
      return back(w)[0].sum();
    });
    near(second(at()), [8 * Math.exp(2), 8 * Math.exp(4)], 1e-12); // d/dx (2eˣ)² = 8e²ˣ
  });
  test("integers among the arguments and the results stay as they are", () => {
    const g = (x: Tensor, i: Tensor): [Tensor, Tensor] => [x.mul(i), i.add(1)];
    const index = tensor([2, 3], { dtype: "int32" });
    const [[y, j], push] = linearize(g, [at(), index]);
    expect([numbers(y), numbers(j)]).toEqual([
      [2, 6],
      [3, 4],
    ]);
    const [dy, dj] = push(ones(), index);
    expect([numbers(dy), numbers(dj)]).toEqual([
      [2, 3],
      [0, 0],
    ]);
  });
});

describe("noGrad inside of a function", () => {
  const cube = (x: Tensor): Tensor => x.mul(noGrad(() => x.mul(x)));
  const at = (): Tensor => tensor(3, { dtype: "float64" });

  test("is a constant to every transform", () => {
    expect(grad(cube)(at()).itemSync()).toBe(9);
    expect(jvp(cube, [at()], [at()])[1].itemSync()).toBe(27);
    expect(vjp(cube, [at()])[1](at())[0].itemSync()).toBe(27);
    expect(hessian(cube)(at()).itemSync()).toBe(0);
    expect([...vmap(grad(cube))(tensor([3, 5], { dtype: "float64" })).dataSync()]).toEqual([9, 25]);
    const twice = (x: Tensor): Tensor => scan((c: Tensor) => [cube(c), null] as const, x, null, { length: 2 })[0];
    expect(grad(twice)(at()).itemSync()).toBe(9 * 27 ** 2);
  });

  test("holds for what is built in several steps, and nested", () => {
    const f = (x: Tensor): Tensor => {
      const y = x.mul(2);
      const z = noGrad(() =>
        noGrad(() => x.mul(y))
          .add(y)
          .mul(x),
      );
      return x.mul(z).add(y);
    };
    // z = 2x³ + 2x²
    expect(grad(f)(at()).itemSync()).toBe(54 + 18 + 2);
  });

  test("takes derivatives of its own, which are constants outside", () => {
    const f = (x: Tensor): Tensor => noGrad(() => grad((y: Tensor) => y.mul(y).mul(y))(x).mul(1)).mul(x);
    expect(f(at()).itemSync()).toBe(81);
    expect(grad(f)(at()).itemSync()).toBe(27);
  });

  test("leaves functions around it their own rules", () => {
    const f = (x: Tensor): Tensor => noGrad(() => valueAndGrad((y: Tensor) => y.mul(y))(x))[0].mul(x);
    expect(noGrad(() => grad(cube)(at())).itemSync()).toBe(9);
    expect(noGrad(() => grad((x: Tensor) => x.mul(x))(at())).itemSync()).toBe(6);
    expect([f(at()).itemSync(), grad(f)(at()).itemSync()]).toEqual([27, 9]);
  });
});
