// Modules in transforms: gradients in their structure, other parameters for a while, and the same numbers as eagerly.
import {
  compile,
  Generator,
  grad,
  hvp,
  jvp,
  linearize,
  manualSeed,
  noGrad,
  ones,
  randn,
  renorm,
  stack,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
  zeros,
} from "@cotangent/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  BatchNorm1d,
  Conv2d,
  Dropout,
  Embedding,
  Flatten,
  functionalCall,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  mse,
  ReLU,
  Sequential,
} from "./index.ts";

const numbers = (x: Tensor | null | undefined): number[] => (x ? [...x.dataSync()] : []);
const near = (actual: Tensor | null | undefined, expected: Tensor | null | undefined, digits = 5): void => {
  expect(actual?.shape).toEqual(expected?.shape);
  numbers(actual).forEach((x, i) => {
    expect(x).toBeCloseTo(numbers(expected)[i] ?? Number.NaN, digits);
  });
};
type Net = ReturnType<typeof net>;
const net = () => {
  manualSeed(1);
  return new Sequential(new Linear(3, 4), new ReLU(), new LayerNorm(4), new Linear(4, 2));
};
const input = (): Tensor => randn([5, 3], { generator: new Generator(2) });
const target = (): Tensor => randn([5, 2], { generator: new Generator(3) });
const loss = (model: Net, x: Tensor): Tensor<[]> => mse(model.forward(x) as Tensor, target()) as Tensor<[]>;

describe("modules as arguments of transforms", () => {
  test("grad gives what backward() gives, by name, and leaves the model as it was", () => {
    const model = net();
    const before = model.parameters().map(numbers);
    const nodes = model.parameters().map((x) => x.node);
    const [value, gradients] = valueAndGrad(loss)(model, input());
    expectTypeOf(gradients).toEqualTypeOf<Record<string, Tensor>>();
    expect(model.parameters().map((x) => x.node)).toEqual(nodes);
    expect(model.parameters().map((x) => x.grad)).toEqual(before.map(() => null));
    const eager = loss(model, input());
    eager.backward();
    near(value, eager);
    expect(Object.keys(gradients)).toEqual(model.namedParameters().map(([name]) => name));
    for (const [name, parameter] of model.namedParameters()) near(gradients[name], parameter.grad);
  });
  test("within a tree, beside other arguments, and without what is frozen", () => {
    const model = net();
    model.parameters()[0]?.requiresGrad_(false);
    const scaled = (p: { model: Net; scale: Tensor }, x: Tensor): Tensor => loss(p.model, x).mul(p.scale);
    const [g, dx] = grad(scaled, [0, 1])({ model, scale: tensor(2) }, input());
    near(g.scale, loss(model, input()));
    expect(Object.keys(g.model)).toEqual(
      model
        .namedParameters()
        .slice(1)
        .map(([name]) => name),
    );
    near(dx, grad((x: Tensor) => loss(model, x).mul(2))(input()));
  });
  test("vjp, jvp and linearize agree, and second derivatives are those of the parameters", () => {
    const model = net();
    const direction = Object.fromEntries(model.namedParameters().map(([name, x]) => [name, randn(x.shape)]));
    const inner = (a: Record<string, Tensor>, b: Record<string, Tensor>): number =>
      Object.keys(a).reduce(
        (sum, name) =>
          sum +
          (a[name]
            ?.mul(b[name] ?? 0)
            .sum()
            .itemSync() ?? 0),
        0,
      );
    const f = (m: Net): Tensor => loss(m, input());
    const [, pull] = vjp(f, [model]);
    const [, slope] = jvp(f, [model], [direction]);
    const [, push] = linearize(f, [model]);
    expect(slope.itemSync()).toBeCloseTo(inner(pull(tensor(1))[0], direction), 4);
    near(push(direction), slope);
    const names = Object.keys(direction);
    const curvature = jvp((m: Net) => grad(f)(m), [model], [direction])[1];
    const byNames = (p: Record<string, Tensor>): Tensor => mse(functionalCall(model, p, input()) as Tensor, target());
    const state = Object.fromEntries(model.namedParameters().map(([name, x]) => [name, x.detach()]));
    const expected = jvp(grad(byNames), [state], [direction])[1] as Record<string, Tensor>;
    const [product] = hvp(f, [model], [direction]);
    for (const name of names) {
      near(curvature[name], expected[name], 4);
      near(product[name], expected[name], 4);
    }
  });
  test("vmap over parameters and over examples", () => {
    const models = [net(), net()];
    for (const x of models[1]?.parameters() ?? []) x.assign(x.mul(2));
    const stacked = Object.fromEntries(
      net()
        .namedParameters()
        .map(([name], i) => [name, stack(models.map((m) => m.parameters()[i]?.detach() ?? tensor(0)))]),
    );
    const model = net();
    const ensemble = vmap((p: Record<string, Tensor>, x: Tensor) => functionalCall(model, p, x) as Tensor, {
      inAxes: [0, null],
    })(stacked, input());
    near(ensemble, stack(models.map((m) => m.forward(input()) as Tensor)));
    // Per-example gradients of a module's parameters equal a loop.
    const f = (m: Net, x: Tensor): Tensor => (m.forward(x.reshape([1, 3])) as Tensor).pow(2).sum();
    const each = vmap(grad(f), { inAxes: [null, 0] })(model, input());
    const rows = (input().toArraySync() as number[][]).map((row) => grad(f)(model, tensor(row)));
    for (const name of Object.keys(each)) near(each[name], stack(rows.map((row) => row[name] ?? tensor(0))), 4);
  });
  test("per-example gradients of nets with convolution, pooling, embedding and layer norm equal a loop", () => {
    manualSeed(4);
    const image = new Sequential(
      new Conv2d(1, 2, 3),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new LayerNorm(8),
      new Linear(8, 2),
    );
    const pixels = randn([3, 1, 6, 6]);
    const f = (m: typeof image, x: Tensor): Tensor => (m.forward(x.reshape([1, 1, 6, 6])) as Tensor).sin().sum();
    const words = new Sequential(new Embedding(7, 4), new LayerNorm(4), new Flatten(), new Linear(12, 1));
    const ids = tensor(
      [
        [0, 1, 1],
        [6, 6, 6],
        [3, 0, 2],
      ],
      { dtype: "int32" },
    );
    const h = (m: typeof words, x: Tensor): Tensor => (m.forward(x.reshape([1, 3])) as Tensor).pow(2).sum();
    const compare = (each: Record<string, Tensor>, rows: Record<string, Tensor>[]): void => {
      for (const name of Object.keys(each)) near(each[name], stack(rows.map((row) => row[name] ?? tensor(0))), 4);
    };
    compare(
      vmap(grad(f), { inAxes: [null, 0] })(image, pixels),
      [0, 1, 2].map((i) => grad(f)(image, tensor(numbers(pixels).slice(36 * i, 36 * i + 36)))),
    );
    compare(
      vmap(grad(h), { inAxes: [null, 0] })(words, ids),
      (ids.toArraySync() as number[][]).map((row) => grad(h)(words, tensor(row, { dtype: "int32" }))),
    );
  });
  test("dropout differs between examples, batch norm keeps its statistics", () => {
    const model = new Sequential(new Linear(3, 64), new Dropout(0.5));
    const x = tensor([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    const each = vmap(
      grad((m: typeof model, row: Tensor) => (m.forward(row) as Tensor).sum()),
      { inAxes: [null, 0] },
    )(model, x);
    const [first, second] = (each["0.bias"]?.toArraySync() ?? []) as number[][];
    expect(first).not.toEqual(second);
    const norm = new BatchNorm1d(3);
    grad((m: BatchNorm1d, rows: Tensor) => (m.forward(rows as never) as Tensor).pow(2).sum())(norm, input());
    expect(numbers(norm.buffers()[0])).not.toEqual([0, 0, 0]);
  });
  test("parameters are those of the model in every transform inside of another, and without gradients being recorded", () => {
    const model = net();
    const direction = Object.fromEntries(model.namedParameters().map(([name, x]) => [name, randn(x.shape)]));
    const f = (m: Net): Tensor => loss(m, input());
    const [expected] = hvp(f, [model], [direction]);
    const [product] = noGrad(() => hvp(f, [model], [direction]));
    expect(Object.keys(product)).toEqual(Object.keys(direction));
    for (const name of Object.keys(direction)) near(product[name], expected[name]);
    const layer = new Linear(3, 3);
    const seen = vmap((m: Linear) => {
      expect(m.parameters().map((x) => x.requiresGrad)).toEqual([true, true]);
      return grad((n: Linear) => (n.weight as Tensor).mul(n.weight).sum())(m);
    })(layer);
    near(seen.weight, layer.weight.mul(2));
    near(seen.bias, zeros([3]));
  });
  test("a layer that assigns to what it learns is told so; it keeps its own, and its running statistics go on", () => {
    class Normed extends Module {
      readonly linear = new Linear(3, 2);
      override forward(x: Tensor): Tensor {
        const { weight } = this.linear;
        noGrad(() => weight.assign(renorm(weight, 1)));
        return this.linear.forward(x as never) as Tensor;
      }
    }
    const model = new Normed();
    const { linear } = model;
    const { node } = linear.weight;
    const error =
      "expected a function that assigns to none of its arguments, got one that assigns to a tensor of shape [2, 3]";
    const f = (m: Normed): Tensor<[]> => mse(m.forward(input()), target()) as Tensor<[]>;
    expect(() => grad(f)(model)).toThrow(`grad: ${error}`);
    for (const weight of [ones([2, 3]), ones([2, 3], { requiresGrad: true })])
      expect(() => functionalCall(model, { "linear.weight": weight }, input())).toThrow(`functionalCall: ${error}`);
    expect(linear.weight.node).toBe(node);
    expect(linear.weight.requiresGrad).toBe(true);
    // As in PyTorch, backward() takes the gradient at the new value.
    f(model).backward();
    const free = new Linear(3, 2);
    free.weight.assign(linear.weight);
    if (linear.bias) free.bias?.assign(linear.bias);
    near(
      linear.weight.grad,
      grad((m: typeof free) => mse(m.forward(input()) as Tensor, target()) as Tensor<[]>)(free).weight,
    );
    const norm = new BatchNorm1d(3);
    const given = Object.fromEntries(norm.namedParameters().map(([name, x]) => [name, x.mul(2)]));
    near(functionalCall(norm, given, input()), norm.forward(input()).mul(2));
    expect(norm.numBatchesTracked?.itemSync()).toBe(2);
  });
  test("an error inside leaves the model as it was", () => {
    const model = net();
    const nodes = model.parameters().map((x) => x.node);
    const failing = (_: Net): Tensor => {
      throw new Error("on purpose");
    };
    expect(() => grad(failing)(model)).toThrow("on purpose");
    expect(() => functionalCall(model, { "0.wieght": tensor(1) }, input())).toThrow(
      "functionalCall: expected names of the model's state dict, got 0.wieght",
    );
    expect(() => functionalCall(model, { "0.weight": tensor([1]) }, input())).toThrow(
      "functionalCall: expected 0.weight of shape [4, 3], got [1]",
    );
    expect(model.parameters().map((x) => x.node)).toEqual(nodes);
  });
});

describe("buffers that are given are what a call updates", () => {
  const normed = () => {
    manualSeed(5);
    return new Sequential(new Linear(3, 4), new BatchNorm1d(4), new ReLU(), new Linear(4, 2));
  };
  type Normed = ReturnType<typeof normed>;
  const rows = (i: number): Tensor => randn([5, 3], { generator: new Generator(10 + i) });
  const copyOf = (x: Tensor): Tensor => tensor(x.dataSync().slice(), { shape: x.shape });
  const copies = (named: [string, Tensor][]): Record<string, Tensor> =>
    Object.fromEntries(named.map(([name, x]) => [name, copyOf(x)]));
  const values = (state: Record<string, Tensor>): Record<string, number[]> =>
    Object.fromEntries(Object.entries(state).map(([name, x]) => [name, numbers(x)]));
  const own = (model: Normed): Record<string, number[]> => values(model.stateDict());
  const call = (model: Normed, state: Record<string, Tensor>, x: Tensor): Tensor =>
    functionalCall(model, state, x as never) as Tensor;
  const expectAlike = (state: Record<string, Tensor>, model: Normed): void => {
    for (const [name, buffer] of model.namedBuffers()) near(state[name], buffer, 6);
  };
  /** A model, its state before, a twin for plain calls, and tensors to give. */
  const setting = () => {
    const [model, plain] = [normed(), normed()];
    return {
      model,
      plain,
      before: own(model),
      params: copies(model.namedParameters()),
      state: copies(model.namedBuffers()),
    };
  };
  /** What calls after these give shows which statistics the model and those given have. */
  const expectApart = ({ model, plain, before, params, state }: ReturnType<typeof setting>, batches: number): void => {
    expectAlike(state, plain);
    expect(numbers(state["1.num_batches_tracked"])).toEqual([batches]);
    expect(numbers(state["1.running_mean"])).not.toEqual(before["1.running_mean"]);
    expect(own(model)).toEqual(before);
    model.eval();
    plain.eval();
    const kept = values(state);
    near(call(model, { ...params, ...state }, rows(9)), plain.forward(rows(9) as never) as Tensor);
    near(
      model.forward(rows(9) as never) as Tensor,
      normed()
        .eval()
        .forward(rows(9) as never) as Tensor,
    );
    expect(values(state)).toEqual(kept);
    expect(own(model)).toEqual(before);
  };

  test("as those of a plain call, in training and evaluation", () => {
    const all = setting();
    const { model, plain, params, state } = all;
    for (let i = 0; i < 4; i++)
      near(call(model, { ...params, ...state }, rows(i)), plain.forward(rows(i) as never) as Tensor);
    expectApart(all, 4);
  });
  test("without being read in between, and for several sets of one model", () => {
    const all = setting();
    const other = copies(all.model.namedBuffers());
    for (let i = 0; i < 3; i++) {
      call(all.model, { ...all.params, ...all.state }, rows(i));
      call(all.model, other, rows(0));
      all.plain.forward(rows(i) as never);
    }
    const again = normed();
    for (let i = 0; i < 3; i++) again.forward(rows(0) as never);
    expectAlike(other, again);
    expectApart(all, 3);
  });
  test("only those that are given: the others are the model's", () => {
    const { model, plain, before } = setting();
    const mean = zeros([4]);
    call(model, { "1.running_mean": mean }, rows(0));
    plain.forward(rows(0) as never);
    near(mean, plain.buffers()[0]);
    const after = own(model);
    expect(after["1.running_mean"]).toEqual(before["1.running_mean"]);
    expect(after["1.running_var"]).toEqual(own(plain)["1.running_var"]);
    expect(after["1.num_batches_tracked"]).toEqual([1]);
  });
  test("under grad and backward()", () => {
    const all = setting();
    const { model, plain, params, state } = all;
    const slope = grad((p: Record<string, Tensor>, x: Tensor) => mse(call(model, { ...p, ...state }, x), target()));
    for (let i = 0; i < 3; i++) {
      const gradients = slope(params, rows(i));
      const expected = grad((m: Normed, x: Tensor) => mse(m.forward(x as never) as Tensor, target()))(plain, rows(i));
      for (const name of Object.keys(expected)) near(gradients[name], expected[name]);
    }
    const x = rows(3).requiresGrad_();
    mse(call(model, { ...params, ...state }, x), target()).backward();
    const y = rows(3).requiresGrad_();
    mse(plain.forward(y as never) as Tensor, target()).backward();
    near(x.grad, y.grad);
    expect(Object.values(state).map((buffer) => buffer.requiresGrad)).toEqual([false, false, false]);
    expectApart(all, 4);
  });
  test("under vmap over what the statistics do not depend on, once; else it is an error", () => {
    const all = setting();
    const { model, plain, params, state } = all;
    // The last layer comes after the statistics.
    const { "3.bias": bias = zeros([2]), ...rest } = params;
    const biases = stack([bias, bias.add(1)]);
    const x = rows(0);
    const f = (b: Tensor): Tensor => call(model, { ...rest, ...state, "3.bias": b }, x);
    const y = plain.forward(x as never) as Tensor;
    near(vmap(f)(biases), stack([y, y.add(1)]));
    expectAlike(state, plain);
    const kept = values(state);
    const each = vmap((z: Tensor) => call(model, { ...params, ...state }, z));
    expect(() => each(stack([rows(1), rows(2)]))).toThrow(
      "vmap: expected a function that assigns nothing made of its arguments",
    );
    const sets = Object.fromEntries(Object.entries(state).map(([name, z]) => [name, stack([z, z])]));
    expect(() => vmap((s: Record<string, Tensor>) => call(model, s, x))(sets)).toThrow(
      "vmap: expected a function that assigns to none of its arguments",
    );
    expect(values(state)).toEqual(kept);
    model.eval();
    near(
      each(stack([rows(1), rows(2)])),
      stack([rows(1), rows(2)].map((x) => call(model, { ...params, ...state }, x))),
    );
    model.train();
    expectApart(all, 1);
  });
  test("under compile, of the call and within the model", () => {
    const all = setting();
    const { model, plain, params, state } = all;
    const step = compile((x: Tensor) => call(model, { ...params, ...state }, x));
    for (let i = 0; i < 6; i++)
      near(
        noGrad(() => step(rows(i))),
        plain.forward(rows(i) as never) as Tensor,
      );
    expectAlike(state, plain);
    const given = compile((p: Record<string, Tensor>, x: Tensor) => call(model, { ...p, ...state }, x));
    for (let i = 0; i < 6; i++) {
      near(given(params, rows(i)), plain.forward(rows(i) as never) as Tensor);
      expectAlike(state, plain);
    }
    expectApart(all, 12);
    class Inner extends Module {
      readonly norm = new BatchNorm1d(3);
      private readonly normalize = compile((x: Tensor) => this.norm.forward(x as never) as Tensor);
      override forward(x: Tensor): Tensor {
        return this.normalize(x);
      }
    }
    const [inner, norm] = [new Inner(), new BatchNorm1d(3)];
    const kept = copies(inner.namedBuffers());
    for (let i = 0; i < 8; i++) {
      near(functionalCall(inner, kept, rows(i)), norm.forward(rows(i) as never) as Tensor);
      for (const [name, buffer] of norm.namedBuffers()) near(kept[`norm.${name}`], buffer, 6);
    }
    expect(inner.buffers().map(numbers)).toEqual([[0, 0, 0], [1, 1, 1], [0]]);
    const own = new BatchNorm1d(3);
    for (let i = 0; i < 4; i++) near(inner.forward(rows(i)), own.forward(rows(i) as never) as Tensor);
    own.buffers().forEach((buffer, i) => {
      near(inner.buffers()[i], buffer, 6);
    });
    norm.buffers().forEach((buffer, i) => {
      near(Object.values(kept)[i], buffer, 6);
    });
  });
});
