// How modules find their tensors, name them, save and load them.
import { ones, Tensor, tensor, zeros } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import { BatchNorm1d, Dropout, Embedding, Linear, Module, Parameter, ReLU, Sequential } from "./index.ts";

class Block extends Module {
  readonly layers = [new Linear(2, 3), new Linear(3, 2)];
  readonly named = { left: new Linear(2, 2, { bias: false }), maxScale: new Parameter(ones([1])) };
  readonly runningCount = zeros([1]);
  readonly #cache = zeros([4]);
  readonly ratio = 0.5;
  override forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x.add(this.#cache.sum()));
  }
}

const parameterNames = [
  "layers.0.weight",
  "layers.0.bias",
  "layers.1.weight",
  "layers.1.bias",
  "named.left.weight",
  "named.max_scale",
];

describe("members", () => {
  test("are found in fields, arrays and plain objects, under PyTorch's names", () => {
    const block = new Block();
    expect(
      block
        .namedParameters()
        .map(([name]) => name)
        .toSorted(),
    ).toEqual(parameterNames.toSorted());
    expect(block.namedBuffers().map(([name]) => name)).toEqual(["running_count"]);
    expect(Object.keys(block.stateDict()).toSorted()).toEqual([...parameterNames, "running_count"].toSorted());
  });

  test("are listed once where they are shared, but saved under each name", () => {
    class Tied extends Module {
      readonly embedding = new Embedding(5, 3);
      readonly output = new Linear(3, 5, { bias: false });
      constructor() {
        super();
        Object.assign(this.output, { weight: this.embedding.weight });
      }
      override forward(ids: Tensor): Tensor {
        return this.output.forward(this.embedding.forward(ids));
      }
    }
    const tied = new Tied();
    expect(tied.parameters()).toHaveLength(1);
    expect(Object.keys(tied.stateDict())).toEqual(["embedding.weight", "output.weight"]);
    expect(tied.summary().parameters).toBe(15);
  });

  test("a module that holds its parent is no endless loop", () => {
    class Child extends Module {
      parent: Module | null = null;
      readonly scale = new Parameter(ones([1]));
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    class Parent extends Module {
      readonly child = new Child();
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    const parent = new Parent();
    parent.child.parent = parent;
    expect(parent.modules()).toHaveLength(2);
    expect(Object.keys(parent.stateDict())).toEqual(["child.scale"]);
  });

  test("two tensors of one name are an error", () => {
    class Twice extends Module {
      readonly maxScale = ones([1]);
      readonly max_scale = ones([1]);
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    expect(() => new Twice().stateDict()).toThrow(
      "stateDict: expected different names, got two tensors called max_scale",
    );
  });

  test("frozen parameters remain parameters and get no gradient", () => {
    const layer = new Linear(2, 2).requiresGrad_(false);
    expect(layer.parameters()).toHaveLength(2);
    expect(layer.parameters().some(({ requiresGrad }) => requiresGrad)).toBe(false);
    layer.requiresGrad_();
    layer
      .forward(ones([1, 2]))
      .sum()
      .backward();
    expect(layer.weight.grad).not.toBeNull();
    layer.zeroGrad();
    expect(layer.weight.grad).toBeNull();
  });
});

describe("train and eval", () => {
  test("reach all modules below", () => {
    const model = new Sequential(new Linear(2, 2), new Sequential(new Dropout(0.5), new ReLU()));
    expect(model.eval()).toBe(model);
    expect(model.modules().map(({ training }) => training)).toEqual(model.modules().map(() => false));
    expect(
      model
        .train()
        .modules()
        .every(({ training }) => training),
    ).toBe(true);
  });
});

describe("state dicts", () => {
  const valuesOf = async (module: Module): Promise<unknown> =>
    Promise.all(Object.values(module.stateDict()).map(async (x) => [...(await x.data())]));

  test("go from one model to another", async () => {
    const [from, to] = [
      new Sequential(new Linear(3, 4), new BatchNorm1d(4)),
      new Sequential(new Linear(3, 4), new BatchNorm1d(4)),
    ];
    from.forward(
      tensor([
        [1, 2, 3],
        [3, 2, 5],
      ]),
    );
    expect(to.loadStateDict(from.stateDict())).toEqual({ missing: [], unexpected: [] });
    expect(await valuesOf(to)).toEqual(await valuesOf(from));
    expect(Object.keys(to.stateDict())).toEqual([
      "0.weight",
      "0.bias",
      "1.weight",
      "1.bias",
      "1.running_mean",
      "1.running_var",
      "1.num_batches_tracked",
    ]);
  });

  test("loading copies: neither model changes the other's values", async () => {
    const [from, to] = [new Linear(2, 1), new Linear(2, 1)];
    to.loadStateDict(from.stateDict());
    const before = [...(await to.weight.data())];
    for (let i = 0; i < 3; i++) from.weight.assign(zeros([1, 2]));
    expect([...(await to.weight.data())]).toEqual(before);
    expect(to.weight.requiresGrad).toBe(true);
    expect(to.weight).toBeInstanceOf(Parameter);
  });

  test("the tensors are the model's own, unless copies are asked for", async () => {
    const layer = new Linear(2, 1);
    const [own, copies] = [layer.stateDict(), layer.stateDict({ copy: true })];
    const before = [...(await layer.weight.data())];
    for (let i = 0; i < 3; i++) layer.weight.assign(zeros([1, 2]));
    expect([...(await own.weight!.data())]).toEqual([0, 0]);
    expect([...(await copies.weight!.data())]).toEqual(before);
  });

  test("values are converted to the model's dtypes", async () => {
    const layer = new Linear(2, 1, { bias: false });
    layer.loadStateDict({ weight: tensor([[1, 2]], { dtype: "float64" }) });
    expect(layer.weight.dtype).toBe("float32");
    expect([...(await layer.weight.data())]).toEqual([1, 2]);
  });

  test("a missing or unexpected name changes nothing, and the message lists them all", async () => {
    const model = new Sequential(new Linear(2, 1));
    const before = await valuesOf(model);
    const other = { "0.weight": zeros([1, 2]), "1.weight": zeros([1]), extra: zeros([1]) };
    expect(() => model.loadStateDict(other)).toThrow(
      "Sequential.loadStateDict: expected the keys of the model's own state dict, got missing keys 0.bias; unexpected keys 1.weight, extra. Pass { strict: false } to load what fits",
    );
    expect(await valuesOf(model)).toEqual(before);
    expect(model.loadStateDict(other, { strict: false })).toEqual({
      missing: ["0.bias"],
      unexpected: ["1.weight", "extra"],
    });
    expect(await valuesOf(model)).toEqual([[0, 0], ...(before as unknown[]).slice(1)]);
  });

  test("wrong shapes change nothing, and the message lists them all", async () => {
    const model = new Linear(2, 3);
    const before = await valuesOf(model);
    expect(() => model.loadStateDict({ weight: zeros([2, 3]), bias: zeros([2]) })).toThrow(
      "Linear.loadStateDict: expected weight of shape [3, 2], got [2, 3]; bias of shape [3], got [2]",
    );
    expect(() => model.loadStateDict({ weight: zeros([3, 2]), bias: zeros([2]) })).toThrow(
      "bias of shape [3], got [2]",
    );
    expect(await valuesOf(model)).toEqual(before);
  });
});

describe("summary", () => {
  const model = new Sequential(new Linear(4, 3), new BatchNorm1d(3), new ReLU(), new Linear(3, 2, { bias: false }));

  test("counts parameters and buffers, and knows output shapes", () => {
    const summary = model.summary([5, 4]);
    expect(summary.rows.map(({ name, outputShape, parameters }) => [name, outputShape, parameters])).toEqual([
      ["0", [5, 3], 15],
      ["1", [5, 3], 6],
      ["2", [5, 3], 0],
      ["3", [5, 2], 6],
    ]);
    expect(summary).toMatchObject({ parameters: 27, trainable: 27, buffers: 7 });
  });

  test("leaves the model as it was", async () => {
    model.train();
    const forward = model.layers[1].forward;
    model.summary([1, 4]);
    expect(model.layers[1].forward).toBe(forward);
    expect(Object.keys(model.layers[1])).not.toContain("forward");
    expect(model.modules().every(({ training }) => training)).toBe(true);
    expect(await model.stateDict()["1.num_batches_tracked"]!.item()).toBe(0);
    expect(() => model.summary([1, 5])).toThrow("Linear: expected last axis 4, got shape [1, 5]");
    expect(Object.keys(model.layers[0])).not.toContain("forward");
  });

  test("prints a table", () => {
    expect(`${new Sequential(new Linear(784, 10), new ReLU()).summary([1, 784])}`).toBe(
      [
        "name  layer            output shape  parameters",
        "───────────────────────────────────────────────",
        "0     Linear(784, 10)  [1, 10]            7,850",
        "1     ReLU()           [1, 10]                0",
        "───────────────────────────────────────────────",
        "7,850 parameters",
      ].join("\n"),
    );
  });
});

test("a parameter copies the value it starts from", async () => {
  const value = tensor([1, 2]);
  const parameter = new Parameter(value);
  expect(parameter).toBeInstanceOf(Tensor);
  for (let i = 0; i < 3; i++) parameter.assign(zeros([2]));
  expect([...(await value.data())]).toEqual([1, 2]);
  expect(value.requiresGrad).toBe(false);
});
