// Whole training steps, compiled: the same bits as without, whatever the layers do.
import { compile, manualSeed, noGrad, ones, type Tensor, tensor, zeros } from "@cotangent/core";
import { BatchNorm1d, crossEntropy, Dropout, Linear, Module, mse, ReLU, Sequential } from "@cotangent/nn";
import { Adam, AdamW, CosineAnnealingLR, clipGradNorm, type Optimizer, SGD } from "@cotangent/optim";
import { expect, test } from "vitest";

const numbers = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + seed));

class Classifier extends Module {
  readonly norm = new BatchNorm1d(8);
  readonly dropout = new Dropout(0.3);
  readonly hidden = new Linear(5, 8);
  readonly output = new Linear(8, 3);
  override forward(x: Tensor): Tensor {
    return this.output.forward(this.dropout.forward(this.norm.forward(this.hidden.forward(x)).relu()));
  }
}

const batch = (i: number, size = 6): [Tensor, Tensor] => [
  tensor(numbers(5 * size, i), { shape: [size, 5] }),
  tensor(Int32Array.from({ length: size }, (_, j) => (i + j) % 3)),
];

interface Training {
  readonly model: Classifier;
  readonly optimizer: Optimizer;
  readonly step: (x: Tensor, y: Tensor) => Tensor;
}

function training(isCompiled: boolean, make: (parameters: Tensor[]) => Optimizer): Training {
  manualSeed(1);
  const model = new Classifier();
  const optimizer = make(model.parameters());
  const step = (x: Tensor, y: Tensor): Tensor => {
    optimizer.zeroGrad();
    const loss = crossEntropy(model.forward(x), y);
    loss.backward();
    clipGradNorm(model.parameters(), 0.5);
    optimizer.step();
    return loss;
  };
  return { model, optimizer, step: isCompiled ? compile(step) : step };
}

/** Losses of a run, and the model's state after it. */
function run({ model, step }: Training, steps: number, between: (i: number) => void = () => {}): unknown {
  manualSeed(2);
  const losses = Array.from({ length: steps }, (_, i) => {
    const loss = step(...batch(i, i % 5 === 4 ? 3 : 6)).itemSync();
    between(i);
    return loss;
  });
  return [losses, Object.values(model.stateDict()).map((x) => [...x.dataSync()])];
}

test.each([
  ["SGD", (p: Tensor[]) => new SGD(p, { lr: 0.1, momentum: 0.9 })],
  ["Adam", (p: Tensor[]) => new Adam(p, { lr: 0.01 })],
  ["AdamW", (p: Tensor[]) => new AdamW(p, { lr: 0.01 })],
])("%s with batch norm, dropout, clipping and a schedule: 50 steps", (_, make) => {
  const outcomes = [false, true].map((isCompiled) => {
    const one = training(isCompiled, make);
    const schedule = new CosineAnnealingLR(one.optimizer, { tMax: 50 });
    return run(one, 50, () => schedule.step());
  });
  expect(outcomes[1]).toEqual(outcomes[0]);
});

test("train and eval, another dropout, and predictions between steps", () => {
  const outcomes = [false, true].map((isCompiled) => {
    const one = training(isCompiled, (p) => new SGD(p, { lr: 0.1 }));
    const { model } = one;
    const plain = (x: Tensor): Tensor => noGrad(() => model.forward(x));
    const predict = isCompiled ? compile(plain) : plain;
    const seen: number[][] = [];
    const state = run(one, 40, (i) => {
      if (i === 7) model.eval();
      if (i === 15) model.train();
      if (i === 20) model.dropout.p = 0.6;
      if (i === 25) model.dropout.p = 0;
      if (i === 30) model.dropout.p = 0.1;
      if (i % 4 !== 2) return;
      model.eval();
      seen.push([...predict(batch(i)[0]).dataSync()]);
      model.train(i < 7 || i > 15);
    });
    return [seen, state];
  });
  expect(outcomes[1]).toEqual(outcomes[0]);
});

test("state that is loaded between steps", () => {
  const outcomes = [false, true].map((isCompiled) => {
    const one = training(isCompiled, (p) => new Adam(p, { lr: 0.01 }));
    let saved: Record<string, Tensor> = {};
    return run(one, 30, (i) => {
      if (i === 8) saved = one.model.stateDict({ copy: true });
      if (i === 17) one.model.loadStateDict(saved);
      if (i === 22) one.model.hidden.requiresGrad_(false);
      if (i === 26) one.model.hidden.requiresGrad_();
    });
  });
  expect(outcomes[1]).toEqual(outcomes[0]);
});

test("two optimizers that take turns in one step", () => {
  const outcomes = [false, true].map((isCompiled) => {
    manualSeed(1);
    const generator = new Sequential(new Linear(2, 8), new ReLU(), new Linear(8, 3));
    const critic = new Sequential(new Linear(3, 8), new ReLU(), new Linear(8, 1));
    const [first, second] = [critic, generator].map((model) => new Adam(model.parameters(), { lr: 0.01 }));
    const plain = (z: Tensor, real: Tensor): Tensor[] => {
      first?.zeroGrad();
      const fake = generator.forward(z);
      const judged = mse(critic.forward(fake.detach()), zeros([4, 1])).add(mse(critic.forward(real), ones([4, 1])));
      judged.backward();
      first?.step();
      second?.zeroGrad();
      const fooled = mse(critic.forward(fake), ones([4, 1]));
      fooled.backward();
      second?.step();
      return [judged, fooled];
    };
    const step = isCompiled ? compile(plain) : plain;
    const losses = Array.from({ length: 30 }, (_, i) => {
      const z = tensor(numbers(8, i), { shape: [4, 2] });
      return step(z, tensor(numbers(12, i), { shape: [4, 3] })).map((x) => x.itemSync());
    });
    return [losses, [...generator.parameters(), ...critic.parameters()].map((x) => [...x.dataSync()])];
  });
  expect(outcomes[1]).toEqual(outcomes[0]);
});

test("a model is an argument like any other value: its parameters are state", () => {
  manualSeed(1);
  const models = [new Linear(5, 2), new Linear(5, 2)];
  const predict = compile((model: Linear<5, 2>, x: Tensor) => model.forward(x as Tensor<[number, 5]>));
  for (let i = 0; i < 12; i++) {
    const [x] = batch(i);
    const model = models[i % 2];
    if (!model) return;
    if (i === 7) model.weight.assign(model.weight.mul(2).detach());
    const expected = noGrad(() => model.forward(x as Tensor<[number, 5]>)).dataSync();
    expect(noGrad(() => predict(model, x)).dataSync()).toEqual(expected);
  }
});
