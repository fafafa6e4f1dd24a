// Modules and trees where functions are hidden behind rules, checkpoints, loops and branches: the same numbers as without.
import {
  checkpoint,
  compile,
  cond,
  customJvp,
  customVjp,
  grad,
  hessian,
  hvp,
  jvp,
  manualSeed,
  randn,
  scan,
  select,
  stack,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
} from "@cotangent/core";
import { gradcheck } from "@cotangent/core/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { BatchNorm1d, Dropout, functionalCall, LayerNorm, Linear, mse, Sequential, Tanh } from "./index.ts";

const numbers = (x: Tensor | null | undefined): number[] => {
  if (!x) throw new Error("no tensor");
  return [...x.dataSync()];
};
const near = (actual: Tensor | null | undefined, expected: Tensor | null | undefined, digits = 5): void => {
  expect(actual?.shape).toEqual(expected?.shape);
  const wanted = numbers(expected);
  numbers(actual).forEach((x, i) => {
    expect(x).toBeCloseTo(wanted[i] ?? Number.NaN, digits);
  });
};
const nearAll = (actual: Record<string, Tensor>, expected: Record<string, Tensor>, digits = 5): void => {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const name of Object.keys(expected)) near(actual[name], expected[name], digits);
};
const net = () => {
  manualSeed(1);
  return new Sequential(new Linear(3, 4), new Tanh(), new LayerNorm(4), new Linear(4, 3));
};
type Net = ReturnType<typeof net>;
const input = (rows = 5): Tensor => {
  manualSeed(2);
  return randn([rows, 3]);
};
const plain = (model: Net, x: Tensor): Tensor => model.forward(x as never) as Tensor;
const energy =
  (f: typeof plain) =>
  (model: Net, x: Tensor): Tensor =>
    f(model, x).pow(2).sum();

describe("customVjp and customJvp of a module", () => {
  /** The rule is reverse mode itself, so the numbers are those of the function; `scale` shows that it was asked. */
  const byVjp = (scale: number) =>
    customVjp(plain, (g, _y, model, x) => {
      const [byModel, byX] = grad((m: Net, at: Tensor) => plain(m, at).mul(g).sum(), [0, 1])(model, x);
      const scaled = Object.entries(byModel).map(([name, value]): [string, Tensor] => [name, value.mul(scale)]);
      return [Object.fromEntries(scaled.reverse()), byX];
    });
  const byJvp = (scale: number) =>
    customJvp(plain, ([model, x], [dModel, dx]) => {
      expectTypeOf(dModel).toEqualTypeOf<Record<string, Tensor>>();
      return jvp(plain, [model, x], [dModel, dx])[1].mul(scale) as Tensor;
    });
  test.each([
    ["customVjp", byVjp],
    ["customJvp", byJvp],
  ])("%s: gradients, directions, second order, per example, compiled, and eagerly", (name, custom) => {
    const [model, x] = [net(), input()];
    const [hidden, open] = [energy(custom(1)), energy(plain)];
    near(custom(1)(model, x), plain(model, x));
    const [byModel, byX] = grad(hidden, [0, 1])(model, x);
    const [expected, expectedX] = grad(open, [0, 1])(model, x);
    expectTypeOf(byModel).toEqualTypeOf<Record<string, Tensor>>();
    nearAll(byModel, expected, 4);
    near(byX, expectedX, 4);
    const doubled = grad(energy(custom(2)))(model, x);
    for (const key of Object.keys(expected)) near(doubled[key], expected[key]?.mul(2), 4);
    const direction = Object.fromEntries(model.namedParameters().map(([key, p]) => [key, randn(p.shape)]));
    const along = [direction, randn(x.shape)] as const;
    near(jvp(hidden, [model, x], along)[1], jvp(open, [model, x], along)[1], 3);
    const [product, productX] = hvp(hidden, [model, x], along);
    const [curvature, curvatureX] = hvp(open, [model, x], along);
    nearAll(product, curvature, 2);
    near(productX, curvatureX, 2);
    const one = (f: typeof open) => (m: Net, row: Tensor) => f(m, row.reshape([1, 3]));
    const each = vmap(grad(one(hidden)), { inAxes: [null, 0] })(model, x);
    nearAll(each, vmap(grad(one(open)), { inAxes: [null, 0] })(model, x), 4);
    const compiled = compile((at: Tensor) => {
      for (const p of model.parameters()) p.zeroGrad();
      const loss = hidden(model, at);
      loss.backward();
      return loss;
    });
    for (let i = 0; i < 4; i++) {
      near(compiled(x), open(model, x), 4);
      for (const [key, p] of model.namedParameters()) near(p.grad, expected[key], 4);
    }
    expect(name).toContain("custom");
  });
  test("trees of modules and tensors, with what is no tensor passed through, and frozen parameters left out", () => {
    const [first, second] = [new Linear(3, 3), new Linear(3, 3)];
    second.bias?.requiresGrad_(false);
    interface Given {
      readonly layers: readonly Linear[];
      readonly mix: { readonly by: Tensor; readonly power: number };
    }
    const f = customVjp(
      ({ layers, mix }: Given, x: Tensor) => ({
        sum: layers.reduce((y, layer) => y.add(layer.forward(x as never) as Tensor), x.mul(mix.by)).pow(mix.power),
        note: "kept",
      }),
      (g, y, { layers, mix }, x) => {
        expect([layers[0], mix.power, y.note]).toEqual([first, 2, "kept"]);
        const into = g.sum
          .mul(2)
          .mul(layers.reduce((a, layer) => a.add(layer.forward(x as never) as Tensor), x.mul(mix.by)));
        const weight = into.transpose().matmul(x as never) as Tensor;
        return [
          {
            mix: { by: into.mul(x).sum(), power: 0 },
            layers: [{ bias: into.sum({ axis: 0 }), weight }, { weight }],
          },
          null,
        ];
      },
    );
    const given: Given = { layers: [first, second], mix: { by: tensor(0.5), power: 2 } };
    const x = input();
    const open = (p: Given, at: Tensor): Tensor =>
      p.layers
        .reduce((y, layer) => y.add(layer.forward(at as never) as Tensor), at.mul(p.mix.by))
        .pow(p.mix.power)
        .sum();
    expect(f(given, x).note).toBe("kept");
    const own = grad((p: Given) => f(p, x).sum.sum())(given);
    const expected = grad((p: Given) => open(p, x))(given);
    expect(Object.keys(own.layers[1] ?? {})).toEqual(["weight"]);
    nearAll(own.layers[0] ?? {}, expected.layers[0] ?? {}, 4);
    nearAll(own.layers[1] ?? {}, expected.layers[1] ?? {}, 4);
    near(own.mix.by, expected.mix.by, 4);
  });
  test("gradients under other names are refused, not mixed up", () => {
    const f = customVjp(
      (p: { a: Tensor; b: Tensor }) => p.a.mul(p.b).sum(),
      (g, _y, { a, b }) => [{ b: g.mul(a), a: g.mul(b) }],
    );
    const p = { a: tensor([1, 2]), b: tensor([3, 4]) };
    expect(numbers(grad(f)(p).a)).toEqual([3, 4]);
    const wrong = customVjp((q: { a: Tensor; b: Tensor }) => q.a.mul(q.b).sum(), ((g: Tensor) => [
      { a: g.expand([2]), c: g.expand([2]) },
    ]) as never);
    expect(() => grad(wrong)(p)).toThrow("customVjp: expected a gradient of argument 0 with the names a, b, got a, c");
  });
});

describe("checkpoint", () => {
  test("of functions that take modules and trees, and that close over a module", () => {
    const [model, x] = [net(), input()];
    const taking = energy(checkpoint(plain));
    const closing = (m: Net, at: Tensor): Tensor =>
      checkpoint((y: Tensor) => plain(m, y))(at)
        .pow(2)
        .sum();
    const inTree = (m: Net, at: Tensor): Tensor =>
      checkpoint((p: { m: Net; scale: number }, { y }: { y: Tensor }) => ({ out: [plain(p.m, y).mul(p.scale)] }))(
        { m, scale: 1 },
        { y: at },
      ).out.reduce((sum, y) => sum.add(y.pow(2).sum()), tensor(0) as Tensor);
    const expected = grad(energy(plain), [0, 1])(model, x);
    const along = [
      Object.fromEntries(model.namedParameters().map(([key, p]) => [key, randn(p.shape)])),
      randn(x.shape),
    ] as const;
    const curvature = hvp(energy(plain), [model, x], along);
    for (const f of [taking, closing, inTree]) {
      const [byModel, byX] = grad(f, [0, 1])(model, x);
      nearAll(byModel, expected[0], 4);
      near(byX, expected[1], 4);
      const [product, productX] = hvp(f, [model, x], along);
      nearAll(product, curvature[0], 2);
      near(productX, curvature[1], 2);
      for (const p of model.parameters()) p.zeroGrad();
      const loss = f(model, x);
      loss.itemSync();
      loss.backward();
      for (const [key, p] of model.namedParameters()) near(p.grad, expected[0][key], 4);
    }
  });
  test("dropout inside drops the same in the second forward pass", () => {
    const model = new Sequential(new Linear(3, 64), new Dropout(0.5));
    const f = checkpoint((m: typeof model, x: Tensor) => m.forward(x as never) as Tensor);
    let y = tensor(0) as Tensor;
    const g = grad((m: typeof model) => {
      y = f(m, tensor([[1, 1, 1]]));
      return y.sum();
    })(model);
    expect(numbers(g["0.bias"]).map((v) => v !== 0)).toEqual(numbers(y).map((v) => v !== 0));
  });
});

describe("scan", () => {
  test("a step that uses a module: the gradient is that of the loop written out, by module and by module as an argument", () => {
    const [model, h0] = [net(), input()];
    const looped = (m: Net, h: Tensor): Tensor =>
      scan((c: Tensor): [Tensor, null] => [plain(m, c).tanh(), null], h, null, { length: 4 })[0]
        .pow(2)
        .sum();
    const unrolled = (m: Net, h: Tensor): Tensor => {
      let c = h;
      for (let i = 0; i < 4; i++) c = plain(m, c).tanh();
      return c.pow(2).sum();
    };
    const [byModel, byH] = grad(looped, [0, 1])(model, h0);
    const [expected, expectedH] = grad(unrolled, [0, 1])(model, h0);
    nearAll(byModel, expected, 4);
    near(byH, expectedH, 4);
    looped(model, h0).backward();
    for (const [key, p] of model.namedParameters()) near(p.grad, expected[key], 4);
    const along = [Object.fromEntries(model.namedParameters().map(([key, p]) => [key, randn(p.shape)])), h0] as const;
    near(jvp(looped, [model, h0], along)[1], jvp(unrolled, [model, h0], along)[1], 3);
  });
  test("trees as carry and as sequences, whose names may come back in another order", () => {
    const xs = { a: tensor([1, 2, 3]), b: [tensor([4, 5, 6])] };
    interface Carry {
      readonly sum: Tensor;
      readonly last: { readonly product: Tensor };
      readonly note: string;
    }
    const start: Carry = { sum: tensor(0), last: { product: tensor(1) }, note: "kept" };
    const f = (scale: Tensor) =>
      scan(
        (c: Carry, x: typeof xs): [Carry, { seen: Tensor[] }] => {
          const product = c.last.product.mul(x.a).mul(scale);
          // Another order than at the start: tensors of one shape must not change places.
          return [{ note: "other", last: { product }, sum: c.sum.add(x.b[0] ?? 0) }, { seen: [product.mul(c.sum)] }];
        },
        start,
        xs as never,
      );
    const [carry, ys] = f(tensor(1));
    expect([numbers(carry.sum), numbers(carry.last.product), carry.note]).toEqual([[15], [6], "kept"]);
    expect(numbers(ys.seen[0])).toEqual([0, 2 * 4, 6 * 9]);
    const total = (s: Tensor): Tensor => f(s)[1].seen[0]?.sum() ?? s;
    // 8 s² + 54 s³
    expect(grad(total)(tensor(1)).itemSync()).toBe(16 + 162);
    expect(grad(grad(total))(tensor(1)).itemSync()).toBe(16 + 324);
    expect(() =>
      scan((c: { a: Tensor }) => [{ b: c.a } as never, null], { a: tensor(1) }, null, { length: 2 }),
    ).toThrow("scan: expected a carry after the step with the names a, got b");
  });
  test("a module as the carry: training steps in one loop, and their gradient by the learning rate", () => {
    const model = new Linear(3, 1);
    const [xs, ys] = [randn([4, 5, 3]), randn([4, 5, 1])];
    const train = (rate: Tensor) =>
      scan(
        (m: Linear, [x, y]: readonly [Tensor, Tensor]) => {
          const [loss, g] = valueAndGrad((n: Linear) => mse(n.forward(x as never) as Tensor, y) as Tensor<[]>)(m);
          const next = Object.entries(m.tensorsByName()).map(
            ([key, p]) => [key, p.sub(rate.mul(g[key] ?? 0))] as const,
          );
          return [Object.fromEntries(next), loss];
        },
        model,
        [xs, ys],
      );
    const before = model.parameters().map(numbers);
    const rate = 0.1;
    const [trained, losses] = train(tensor(rate));
    expectTypeOf(trained).toEqualTypeOf<Record<string, Tensor>>();
    expect(model.parameters().map(numbers)).toEqual(before);
    let state: Record<string, Tensor> = Object.fromEntries(
      model.namedParameters().map(([key, p]) => [key, p.detach()]),
    );
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) {
      const at = (t: Tensor): Tensor =>
        tensor(numbers(t).slice((i * t.size) / 4, ((i + 1) * t.size) / 4), { shape: t.shape.slice(1) });
      const [loss, g] = valueAndGrad(
        (p: Record<string, Tensor>) => mse(functionalCall(model, p, at(xs) as never) as Tensor, at(ys)) as Tensor<[]>,
      )(state);
      seen.push(loss.itemSync());
      state = Object.fromEntries(Object.entries(state).map(([key, p]) => [key, p.sub((g[key] ?? p).mul(rate))]));
    }
    nearAll(trained, state);
    near(losses as Tensor, tensor(seen));
    const slope = grad((r: Tensor) => (train(r)[1] as Tensor).sum())(tensor(rate)).itemSync();
    const at = (r: number): number => (train(tensor(r))[1] as Tensor).sum().itemSync();
    expect(slope).toBeCloseTo((at(rate + 0.01) - at(rate - 0.01)) / 0.02, 1);
    // A module that comes back as it is carries on what it had.
    const [same] = scan((m: Linear, x: Tensor) => [m, (m.forward(x as never) as Tensor).sum()], model, xs);
    nearAll(same, Object.fromEntries(model.namedParameters()));
  });
  test("over layers with stacked parameters", () => {
    const layers = [0, 1, 2].map(() => new Linear(3, 3));
    const [layer] = layers;
    if (!layer) throw new Error("no layer");
    const stacked = Object.fromEntries(
      layer.namedParameters().map(([key], i) => [key, stack(layers.map((each) => each.parameters()[i] ?? tensor(0)))]),
    );
    const deep = (p: Record<string, Tensor>, x: Tensor): Tensor =>
      scan(
        (h: Tensor, own: Record<string, Tensor>): [Tensor, null] => [
          (functionalCall(layer, own, h as never) as Tensor).tanh(),
          null,
        ],
        x,
        p,
      )[0];
    const loop = (x: Tensor): Tensor => layers.reduce((h, each) => (each.forward(h as never) as Tensor).tanh(), x);
    near(deep(stacked, input()), loop(input()));
    loop(input()).pow(2).sum().backward();
    const g = grad((p: Record<string, Tensor>) => deep(p, input()).pow(2).sum())(stacked);
    for (const [i, [key]] of layer.namedParameters().entries())
      near(g[key], stack(layers.map((each) => each.parameters()[i]?.grad ?? tensor(0))), 4);
  });
});

test("cond over modules and trees, with names in another order in the second branch", async () => {
  const model = new Linear(3, 1);
  const f = (x: Tensor): Tensor => {
    const { y, z } = cond(
      x.sum().gt(0),
      (m: Linear, at: Tensor) => ({ y: m.forward(at as never) as Tensor, z: at.sum().reshape([1]) }),
      (m: Linear, at: Tensor) => ({ z: at.sum().neg().reshape([1]), y: (m.forward(at as never) as Tensor).mul(2) }),
      model,
      x,
    );
    return y.mul(3).sum().add(z.sum());
  };
  for (const sign of [1, -1]) {
    for (const p of model.parameters()) p.zeroGrad();
    const x = tensor([0.5 * sign, 0.25 * sign, 0.125 * sign]);
    const y = f(x);
    const own = (model.forward(x as never) as Tensor).sum().itemSync();
    expect(y.itemSync()).toBeCloseTo(own * (sign > 0 ? 3 : 6) + 0.875, 5);
    y.backward();
    near(model.weight.grad, x.mul(sign > 0 ? 3 : 6).reshape([1, 3]));
  }
  await gradcheck(
    (x: Tensor) =>
      cond(
        tensor(1),
        (t) => ({ a: t.exp(), b: t }),
        (t) => ({ b: t, a: t }),
        x,
      ).a,
    [tensor([0.5], { dtype: "float64" })],
  );
});

test("layers that keep statistics are refused where tensors stand for others, and left as they were", async () => {
  const layer = new BatchNorm1d(3);
  const [x, xs] = [randn([5, 3]), randn([2, 5, 3])];
  const state = (): number[][] => [layer.runningMean, layer.runningVar, layer.numBatchesTracked].map(numbers);
  const fresh = state();
  const mapped = (): Tensor => vmap((one: Tensor) => layer.forward(one))(xs);
  const looped = (): Tensor =>
    scan((carry: Tensor, one: Tensor) => [layer.forward(carry.add(one)), tensor(0)], x, xs)[0] as Tensor;
  const once = (): Tensor => scan((carry: Tensor) => [carry.add(layer.forward(x)), null], x, null, { length: 3 })[0];
  const eval_ = "ayer with running statistics leaves them alone after eval()";
  for (const [f, message] of [
    [mapped, `vmap: expected a function that assigns nothing made of its arguments, got one that does. A l${eval_}`],
    [
      looped,
      `scan: expected a function that assigns nothing, got one that does. State that each step changes belongs in the carry; a l${eval_}`,
    ],
    [once, "scan: expected a function that assigns nothing, got one that does"],
  ] as const) {
    expect(f).toThrow(message);
    // No run that follows computes what was taken back.
    expect(await x.sum().item()).not.toBeNaN();
    expect(state()).toEqual(fresh);
  }
  layer.forward(x);
  expect(await layer.numBatchesTracked?.item()).toBe(1);
  layer.eval();
  near(mapped(), stack([0, 1].map((i) => layer.forward(select(xs, 0, i)))));
  expect(looped().shape).toEqual([5, 3]);
});

test("running statistics follow each batch once, through whatever transform, and only in the branch that is taken", async () => {
  const x = randn([5, 3]);
  const state = (layer: BatchNorm1d): number[][] =>
    [layer.runningMean, layer.runningVar, layer.numBatchesTracked].map(numbers);
  const [plain, fresh] = [new BatchNorm1d(3), new BatchNorm1d(3)];
  plain.forward(x).sum().backward();
  const want = state(plain);
  expect(want[2]).toEqual([1]);
  const loss = (layer: BatchNorm1d) => (a: Tensor) => layer.forward(a).pow(3).sum() as Tensor<[]>;
  const runs: Record<string, (layer: BatchNorm1d, other: BatchNorm1d) => unknown> = {
    grad: (layer) => grad(loss(layer))(x),
    "grad by the layer": (layer) => grad((m: BatchNorm1d, a: Tensor) => loss(m)(a))(layer, x),
    vjp: (layer) => vjp(loss(layer), [x])[1](tensor(1)),
    jvp: (layer) => jvp(loss(layer), [x], [x]),
    hessian: (layer) => hessian(loss(layer))(x),
    checkpoint: (layer) => grad(checkpoint(loss(layer)))(x),
    "checkpoint and backward()": (layer) => checkpoint(loss(layer))(x).backward(),
    customVjp: (layer) =>
      grad(
        (a: Tensor) =>
          customVjp(
            (m: BatchNorm1d, z: Tensor) => loss(m)(z),
            (_g, _y, _m, z) => [null, z],
          )(layer, a) as Tensor<[]>,
      )(x),
    compile: (layer) => compile(loss(layer))(x),
    cond: (layer, other) => cond(tensor(true), loss(layer), (a: Tensor) => loss(other)(a.mul(2)), x),
    "cond, the other way": (layer, other) => cond(tensor(false), loss(other), loss(layer), x),
    "cond and backward()": (layer, other) => cond(tensor(true), loss(layer), loss(other), x).backward(),
    "grad of cond": (layer, other) => grad((a: Tensor) => cond(tensor(true), loss(layer), loss(other), a))(x),
    "checkpoint of cond": (layer, other) =>
      grad(checkpoint((a: Tensor) => cond(tensor(true), loss(layer), loss(other), a)))(x),
  };
  for (const [name, run] of Object.entries(runs)) {
    const [layer, other] = [new BatchNorm1d(3), new BatchNorm1d(3)];
    run(layer, other);
    state(layer).forEach((found, i) => {
      for (const [j, value] of found.entries()) expect(value, name).toBeCloseTo(want[i]?.[j] ?? Number.NaN, 6);
    });
    expect(state(other), name).toEqual(state(fresh));
  }
});
