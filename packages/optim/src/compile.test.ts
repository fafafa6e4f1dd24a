// Compiled steps: bit for bit what the same steps do without.
import {
  compile,
  embedding,
  Generator,
  IndexError,
  live,
  noGrad,
  rand,
  setDefaultDevice,
  type Tensor,
  tensor,
  update,
} from "@cotangent/core";
import { describe, expect, test } from "vitest";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  CosineAnnealingLR,
  clipGradNorm,
  NAdam,
  type Optimizer,
  RAdam,
  RMSprop,
  SGD,
  StepLR,
} from "./index.ts";

interface Setup {
  readonly parameters: readonly Tensor[];
  readonly optimizer: Optimizer;
  readonly loss: (x: Tensor, y: Tensor) => Tensor;
}

type Make = (parameters: readonly Tensor[]) => Optimizer;

const values = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + seed));

function perceptron(make: Make): Setup {
  const w1: Tensor = tensor(values(6, 1), { shape: [2, 3], requiresGrad: true });
  const b1: Tensor = tensor(values(3, 2), { requiresGrad: true });
  const w2: Tensor = tensor(values(3, 3), { shape: [3, 1], requiresGrad: true });
  const parameters = [w1, b1, w2];
  const loss = (x: Tensor, y: Tensor): Tensor => {
    const error = x.matmul(w1).add(b1).tanh().matmul(w2).sub(y);
    return error.mul(error).mean();
  };
  return { parameters, optimizer: make(parameters), loss };
}

const batch = (i: number, size = 4): [Tensor, Tensor] => [
  tensor(values(2 * size, i), { shape: [size, 2] }),
  tensor(values(size, 10 + i), { shape: [size, 1] }),
];

type Step = (x: Tensor, y: Tensor) => Tensor;

const plain =
  ({ optimizer, loss }: Setup): Step =>
  (x, y) => {
    optimizer.zeroGrad();
    const result = loss(x, y);
    result.backward();
    optimizer.step();
    return result;
  };

const bits = (parameters: readonly Tensor[]): number[][] => parameters.map((x) => [...x.dataSync()]);

/** Both ways side by side: losses, parameters and gradients after each step. */
function expectSame(
  make: Make,
  steps: number,
  build: (setup: Setup) => Step = plain,
  between: (setup: Setup, i: number) => void = () => {},
  sizeOf: (i: number) => number = () => 4,
): void {
  const [eager, compiled] = [perceptron(make), perceptron(make)];
  let calls = 0;
  const counted = (step: Step): Step => {
    return (x, y) => {
      calls++;
      return step(x, y);
    };
  };
  const [one, other] = [build(eager), compile(counted(build(compiled)))];
  for (let i = 0; i < steps; i++) {
    const [expected, got] = [one(...batch(i, sizeOf(i))), other(...batch(i, sizeOf(i)))];
    expect(got.itemSync(), `loss ${i}`).toBe(expected.itemSync());
    if (i % 7 === 3) {
      expect(bits(compiled.parameters), `parameters ${i}`).toEqual(bits(eager.parameters));
      const gradients = ({ parameters }: Setup): number[][] => bits(parameters.flatMap((x) => x.grad ?? []));
      expect(gradients(compiled), `gradients ${i}`).toEqual(gradients(eager));
    }
    between(eager, i);
    between(compiled, i);
  }
  expect(bits(compiled.parameters)).toEqual(bits(eager.parameters));
  expect(JSON.stringify(stateOf(compiled.optimizer))).toBe(JSON.stringify(stateOf(eager.optimizer)));
  // Or else one way was compared with itself.
  expect(calls).toBeLessThan(steps / 2);
}

const stateOf = (optimizer: Optimizer): unknown =>
  Object.values(optimizer.stateDict().state).map((slots) =>
    Object.entries(slots).map(([name, x]) => [name, typeof x === "number" ? x : [...x.dataSync()]]),
  );

const optimizers: Readonly<Record<string, Make>> = {
  SGD: (p) => new SGD(p, { lr: 0.1 }),
  "SGD with momentum": (p) => new SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.01 }),
  "SGD with Nesterov's momentum": (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, maximize: true }),
  Adam: (p) => new Adam(p, { lr: 0.02, amsgrad: true }),
  AdamW: (p) => new AdamW(p, { lr: 0.02 }),
  Adagrad: (p) => new Adagrad(p, { lr: 0.1, lrDecay: 0.1, initialAccumulatorValue: 0.1 }),
  Adadelta: (p) => new Adadelta(p),
  RMSprop: (p) => new RMSprop(p, { lr: 0.01, momentum: 0.5, centered: true }),
  Adamax: (p) => new Adamax(p),
  NAdam: (p) => new NAdam(p, { lr: 0.02 }),
  RAdam: (p) => new RAdam(p, { lr: 0.02 }),
};

for (const device of ["wasm", "reference"])
  describe(device, () => {
    test.each(Object.entries(optimizers))("%s: 50 steps", (_, make) => {
      setDefaultDevice(device);
      expectSame(make, 50);
      setDefaultDevice("wasm");
    });
  });

test("two groups with settings of their own", () => {
  expectSame(([a, b, c]) => {
    if (!a || !b || !c) throw new Error("expected three parameters");
    return new Adam(
      [
        { params: [a, b], lr: 0.1 },
        { params: [c], weightDecay: 0.1 },
      ],
      { lr: 0.01 },
    );
  }, 20);
});

test("a schedule outside of the step", () => {
  const schedules = new WeakMap<Optimizer, CosineAnnealingLR>();
  expectSame(optimizers.AdamW as Make, 30, plain, ({ optimizer }) => {
    const schedule = schedules.get(optimizer) ?? new CosineAnnealingLR(optimizer, { tMax: 30 });
    schedules.set(optimizer, schedule);
    schedule.step();
  });
});

test.each([true, false])("a schedule inside of the step, before the update: %s", (isBefore) => {
  expectSame(optimizers.Adam as Make, 30, (setup) => {
    const schedule = new StepLR(setup.optimizer, { stepSize: 3, gamma: 0.7 });
    const step = plain(setup);
    return (x, y) => {
      if (isBefore) schedule.step();
      const loss = step(x, y);
      if (!isBefore) schedule.step();
      return loss;
    };
  });
});

test("clipping", () => {
  expectSame(optimizers.SGD as Make, 30, ({ parameters, optimizer, loss }) => (x, y) => {
    optimizer.zeroGrad();
    const result = loss(x, y);
    result.backward();
    clipGradNorm(parameters, 0.1);
    optimizer.step();
    return result;
  });
});

test("gradients that are never reset, and such that are reset at the end", () => {
  const make = optimizers.Adam as Make;
  expectSame(make, 20, ({ optimizer, loss }) => (x, y) => {
    const result = loss(x, y);
    result.backward();
    optimizer.step();
    return result;
  });
  expectSame(make, 20, ({ optimizer, loss }) => (x, y) => {
    const result = loss(x, y);
    result.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return result;
  });
});

test("two updates in one step", () => {
  expectSame(optimizers.Adam as Make, 20, (setup) => {
    const step = plain(setup);
    return (x, y) => {
      step(x, y);
      return step(y.matmul(tensor([[1, 2]])), y);
    };
  });
});

test("an average of the weights, and a number of one's own that changes", () => {
  const averages = new WeakMap<Optimizer, Tensor[]>();
  let decay = 0.5;
  expectSame(
    optimizers.SGD as Make,
    20,
    (setup) => {
      const copies = setup.parameters.map((x) => tensor(x.dataSync(), { shape: x.shape }));
      averages.set(setup.optimizer, copies);
      const step = plain(setup);
      return (x, y) => {
        const loss = step(x, y);
        const { kept, added } = live(() => ({ kept: decay, added: 1 - decay }));
        noGrad(() => {
          setup.parameters.forEach((parameter, i) => {
            const copy = copies[i];
            copy?.assign(copy.mul(kept).add(parameter.mul(added)));
          });
        });
        return loss;
      };
    },
    ({ optimizer }, i) => {
      decay = 1 - 1 / (i + 2);
      if (i === 11) for (const copy of averages.get(optimizer) ?? []) copy.assign(copy.mul(0.5));
    },
  );
});

test("settings, state and parameters changed between steps, and steps without compile", () => {
  const saved = new WeakMap<Optimizer, ReturnType<Optimizer["stateDict"]>>();
  expectSame(optimizers["SGD with momentum"] as Make, 60, plain, (setup, i) => {
    const { optimizer, parameters } = setup;
    const [weight] = parameters;
    if (!weight) return;
    if (i === 5) optimizer.lr = 0.05;
    if (i === 9) weight.assign(weight.mul(0.5).detach());
    if (i === 13) plain(setup)(...batch(99));
    if (i === 17) update([{ target: weight, value: weight.add(0.25).detach() }]);
    if (i === 21) for (const group of optimizer.paramGroups) Object.assign(group, { momentum: 0 });
    if (i === 25) for (const group of optimizer.paramGroups) Object.assign(group, { momentum: 0.8 });
    if (i === 29) saved.set(optimizer, structuredCloneOf(optimizer));
    const state = saved.get(optimizer);
    if (i === 35 && state) optimizer.loadStateDict(state);
    if (i === 39) setup.loss(...batch(7)).backward();
    if (i === 45) weight.requiresGrad_(false);
    if (i === 51) weight.requiresGrad_();
  });
});

/** A state dict whose tensors keep their values. */
function structuredCloneOf(optimizer: Optimizer): ReturnType<Optimizer["stateDict"]> {
  const dict = optimizer.stateDict();
  const copy = (x: Tensor | number): Tensor | number =>
    typeof x === "number" ? x : tensor(x.dataSync(), { shape: x.shape });
  const state = Object.entries(dict.state).map(([number, slots]) => [
    number,
    Object.fromEntries(Object.entries(slots).map(([name, x]) => [name, copy(x)])),
  ]);
  return { ...dict, state: Object.fromEntries(state) };
}

test("batches of several sizes share parameters and state", () => {
  expectSame(optimizers.Adam as Make, 40, plain, undefined, (i) => [4, 4, 7, 1][i % 4] ?? 4);
});

test("a value from before the step stays readable for one step", () => {
  const setup = perceptron(optimizers.SGD as Make);
  const step = compile(plain(setup));
  const [weight] = setup.parameters;
  if (!weight) return;
  for (let i = 0; i < 5; i++) step(...batch(i));
  const before = weight.dataSync();
  const pending = weight.mul(1).detach();
  const tooOld = weight.mul(1).detach();
  step(...batch(5));
  expect(pending.dataSync()).toEqual(before);
  step(...batch(6));
  expect(() => tooOld.dataSync()).toThrow("two later updates (step() or assign()) have replaced them");
});

test("random numbers are new ones in each step, and the same as without", () => {
  const generators = new WeakMap<Optimizer, Generator>();
  expectSame(optimizers.SGD as Make, 30, ({ optimizer, loss }) => {
    const generator = new Generator(3);
    generators.set(optimizer, generator);
    return (x, y) => {
      optimizer.zeroGrad();
      const result = loss(x.add(rand([2], { generator })).mul(rand([2], { generator })), y);
      result.backward();
      optimizer.step();
      return result;
    };
  });
});

test("an index out of range leaves parameters, state and counts as they are", () => {
  const table = tensor(values(12, 1), { shape: [4, 3], requiresGrad: true });
  const optimizer = new Adam([table], { lr: 0.1 });
  const step = compile((ids: Tensor) => {
    optimizer.zeroGrad();
    const loss = embedding(table, ids).pow(2).sum();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const ids = (i: number): Tensor => tensor(new Int32Array([0, i]));
  for (let i = 0; i < 6; i++) step(ids(i % 4));
  const [before, state] = [bits([table]), JSON.stringify(stateOf(optimizer))];
  expect(() => step(ids(4))).toThrow(IndexError);
  expect(bits([table])).toEqual(before);
  expect(JSON.stringify(stateOf(optimizer))).toBe(state);
  const twin = tensor(Float32Array.from(before[0] ?? []), { shape: [4, 3], requiresGrad: true });
  expect(step(ids(1)).itemSync()).toBe(embedding(twin, ids(1)).pow(2).sum().itemSync());
});

test("a step that only updates, with gradients from outside", () => {
  const make = optimizers.Adam as Make;
  const [eager, compiled] = [perceptron(make), perceptron(make)];
  const step = compile(() => {
    compiled.optimizer.step();
  });
  for (let i = 0; i < 10; i++) {
    for (const { optimizer, loss } of [eager, compiled]) {
      optimizer.zeroGrad();
      loss(...batch(i)).backward();
    }
    eager.optimizer.step();
    step();
    expect(bits(compiled.parameters)).toEqual(bits(eager.parameters));
  }
});

test("a step that takes its rate from a number outside is refused", () => {
  const { parameters, loss } = perceptron(optimizers.SGD as Make);
  let rate = 0.1;
  const step = compile((x: Tensor, y: Tensor) => {
    for (const parameter of parameters) parameter.zeroGrad();
    const result = loss(x, y);
    result.backward();
    const updates = parameters.flatMap((target) =>
      target.grad ? [{ target, value: noGrad(() => target.sub((target.grad ?? target).mul(rate))) }] : [],
    );
    update(updates);
    return result;
  });
  step(...batch(0));
  rate = 0.05;
  expect(() => step(...batch(1))).toThrow(
    "compile: expected a function that does the same at each call, got other numbers",
  );
});
