// Steps that repeat the last one's update: bit for bit what steps that build theirs come to, whatever changes in between.
import { compile, embedding, engineStatistics, noGrad, type Tensor, tensor } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  clipGradNorm,
  NAdam,
  Optimizer,
  type OptimizerSettings,
  RAdam,
  RMSprop,
  SGD,
} from "./index.ts";

const values = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + seed));

type Make = (groups: { readonly params: Tensor[]; readonly lr?: number }[]) => Optimizer;

/** Each class, and one derived from it, which does not say that it repeats. */
const pairs: Record<string, readonly [repeats: Make, builds: Make]> = {
  SGD: [(p) => new SGD(p, { lr: 0.1 }), (p) => new (class extends SGD {})(p, { lr: 0.1 })],
  "SGD with momentum": [
    (p) => new SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.01 }),
    (p) => new (class extends SGD {})(p, { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.01 }),
  ],
  Adam: [(p) => new Adam(p), (p) => new (class extends Adam {})(p)],
  "Adam, amsgrad": [
    (p) => new Adam(p, { amsgrad: true, weightDecay: 0.1 }),
    (p) => new (class extends Adam {})(p, { amsgrad: true, weightDecay: 0.1 }),
  ],
  AdamW: [(p) => new AdamW(p, { lr: 0.01 }), (p) => new (class extends AdamW {})(p, { lr: 0.01 })],
  Adagrad: [(p) => new Adagrad(p), (p) => new (class extends Adagrad {})(p)],
  Adadelta: [(p) => new Adadelta(p), (p) => new (class extends Adadelta {})(p)],
  Adamax: [(p) => new Adamax(p), (p) => new (class extends Adamax {})(p)],
  NAdam: [(p) => new NAdam(p), (p) => new (class extends NAdam {})(p)],
  RAdam: [(p) => new RAdam(p), (p) => new (class extends RAdam {})(p)],
  RMSprop: [
    (p) => new RMSprop(p, { momentum: 0.5, centered: true }),
    (p) => new (class extends RMSprop {})(p, { momentum: 0.5, centered: true }),
  ],
};

/** Trains for a while, in ways that change on the way; returns all values after each step. */
function train(make: Make): unknown[] {
  const w1: Tensor = tensor(values(6, 1), { shape: [2, 3], requiresGrad: true });
  const b1: Tensor = tensor(values(3, 2), { requiresGrad: true });
  const w2: Tensor = tensor(values(3, 3), { shape: [3, 1], requiresGrad: true });
  const parameters = [w1, b1, w2];
  const optimizer = make([{ params: [w1, b1] }, { params: [w2], lr: 0.05 }]);
  const trajectory: unknown[] = [];
  const lossOf = (i: number, parts = parameters): Tensor => {
    const x = tensor(values(8, i), { shape: [4, 2] });
    const y = tensor(values(4, 9 + i), { shape: [4, 1] });
    const [a, b, c] = parts.map((p) => (parameters.includes(p) ? p : p.detach()));
    if (!a || !b || !c) throw new Error("expected three");
    const error = x.matmul(a).add(b).tanh().matmul(c).sub(y);
    return error.mul(error).mean();
  };
  const step = (i: number, change: () => void = () => {}): void => {
    optimizer.zeroGrad();
    lossOf(i).backward();
    change();
    optimizer.step();
    const { state } = optimizer.stateDict();
    const entries = Object.values(state).flatMap((entry) => Object.entries(entry));
    trajectory.push([
      ...parameters.map((p) => [...p.dataSync()]),
      ...entries.map(([name, x]) => [name, typeof x === "number" ? x : [...x.dataSync()]]),
    ]);
  };
  for (let i = 0; i < 4; i++) step(i);
  optimizer.lr = 0.02;
  step(4);
  step(5, () => b1.zeroGrad());
  step(6, () => b1.zeroGrad());
  // From here on b1 has counted less than the others.
  step(7);
  step(8);
  step(9, () => clipGradNorm(parameters, 0.1));
  step(10, () => clipGradNorm(parameters, 0.1));
  for (const group of optimizer.paramGroups) Object.assign(group, { weightDecay: 0.1 });
  step(11);
  step(12, () => lossOf(3).backward());
  for (const group of optimizer.paramGroups) Object.assign(group, { weightDecay: 0 });
  step(13);
  optimizer.loadStateDict(optimizer.stateDict());
  step(14);
  step(15);
  w2.assign(noGrad(() => w2.mul(0.5)));
  b1.requiresGrad_(false);
  step(16);
  b1.requiresGrad_(true);
  step(17);
  const compiled = compile((x: Tensor) => {
    optimizer.zeroGrad();
    const loss = x.matmul(w1).add(b1).matmul(w2).mean();
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (let i = 18; i < 21; i++) compiled(tensor(values(8, i), { shape: [4, 2] }));
  step(21);
  step(22);
  return trajectory;
}

describe.each(Object.entries(pairs))("%s", (_, [repeats, builds]) => {
  test("repeats what it would build", () => {
    expect(train(repeats)).toEqual(train(builds));
  });
});

test("a step that failed counts nothing, and the next one does", () => {
  const once = (make: Make): unknown[] => {
    const table = tensor([1, 2, 3], { requiresGrad: true });
    const optimizer = make([{ params: [table] }]);
    return [0, 1, 7, 2, 7, 1].map((at) => {
      optimizer.zeroGrad();
      embedding(table.mul(table), tensor([at], { dtype: "int32" }))
        .sum()
        .backward();
      if (at === 7) expect(() => optimizer.step()).toThrow("7");
      else optimizer.step();
      return [[...table.dataSync()], optimizer.stateDict().state[0]?.step];
    });
  };
  const [repeats, builds] = pairs.Adam ?? [];
  if (repeats && builds) expect(once(repeats)).toEqual(once(builds));
});

test("plans are found again from the first step on", () => {
  const w = tensor(values(4, 1), { requiresGrad: true });
  const optimizer = new Adam([w]);
  const counts: number[] = [];
  for (let i = 0; i < 5; i++) {
    optimizer.zeroGrad();
    w.mul(w).sum().backward();
    optimizer.step();
    counts.push(engineStatistics().plansCompiled);
  }
  expect(new Set(counts).size).toBe(1);
});

test("an optimizer of one's own builds each step, unless it says otherwise", () => {
  class Switching extends Optimizer<OptimizerSettings, { readonly lr: number }> {
    rounds = 0;
    constructor(params: Tensor[]) {
      super(params, { lr: 1 });
    }
    protected override check(): void {}
    protected override reads({ lr }: OptimizerSettings): { readonly lr: number } {
      return { lr };
    }
    protected override advance(parameter: Tensor, gradient: Tensor): Tensor {
      return this.rounds++ % 2 === 0 ? parameter.add(gradient) : parameter.sub(gradient);
    }
  }
  class Repeating extends Switching {
    static readonly repeats = true;
  }
  const fourSteps = (make: (params: Tensor[]) => Switching): readonly [values: number[], rounds: number] => {
    const w = tensor([1], { requiresGrad: true });
    const optimizer = make([w]);
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) {
      optimizer.zeroGrad();
      w.sum().backward();
      optimizer.step();
      seen.push(w.itemSync());
    }
    return [seen, optimizer.rounds];
  };
  expect(fourSteps((params) => new Switching(params))).toEqual([[2, 1, 2, 1], 4]);
  // What is not true of it is its author's fault; here it shows that nothing was built after the first step.
  expect(fourSteps((params) => new Repeating(params))).toEqual([[2, 3, 4, 5], 1]);
});
