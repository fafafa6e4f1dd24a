// What all optimizers share: groups, one plan for all steps, resuming, and steps that fail.
import { checkIndex, engineStatistics, IndexError, type Tensor, tensor } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import {
  Adam,
  AdamW,
  CosineAnnealingLR,
  clipGradNorm,
  clipGradValue,
  ExponentialLR,
  LinearLR,
  OneCycleLR,
  type Optimizer,
  type OptimizerState,
  ReduceLROnPlateau,
  RMSprop,
  SequentialLR,
  SGD,
  StepLR,
} from "./index.ts";

const weights = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });
const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

/** One step down the gradient of Σ (w − 1)². */
function descend(optimizer: Optimizer, ...parameters: readonly Tensor[]): Tensor {
  optimizer.zeroGrad();
  const losses = parameters.map((w) => w.sub(1).mul(w.sub(1)).sum());
  const loss = losses.reduce((total, part) => total.add(part));
  loss.backward();
  optimizer.step();
  return loss;
}

describe("step", () => {
  test.each([
    ["SGD with momentum", (w: Tensor[]) => new SGD(w, { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.01 })],
    ["Adam with weight decay", (w: Tensor[]) => new Adam(w, { lr: 0.1, weightDecay: 0.01, amsgrad: true })],
    ["AdamW", (w: Tensor[]) => new AdamW(w, { lr: 0.1 })],
  ])("compiles once or twice for 100 steps of %s with a schedule and clipping", (_, make) => {
    const parameters = [weights(3, 4), weights(5)];
    const optimizer = make(parameters);
    const schedule = new CosineAnnealingLR(optimizer, { tMax: 50 });
    const before = engineStatistics();
    for (let i = 0; i < 100; i++) {
      optimizer.zeroGrad();
      const loss = parameters.map((w) => w.sub(1).mul(w.sub(1)).sum()).reduce((total, part) => total.add(part));
      loss.backward();
      clipGradNorm(parameters, 0.5);
      optimizer.step();
      schedule.step();
    }
    const after = engineStatistics();
    expect(after.runs - before.runs).toBe(100);
    expect(after.plansCompiled - before.plansCompiled).toBeLessThanOrEqual(2);
  });

  test.each([
    ["SGD", (w: Tensor) => new SGD([w], { lr: 0.1, momentum: 0.9 })],
    ["Adam", (w: Tensor) => new Adam([w], { lr: 0.1 })],
  ])(
    "a loss from before one step of %s still has its gradient; from before two, backward() says so",
    async (_, make) => {
      for (const read of [false, true]) {
        const w = weights(3, -2);
        const optimizer = make(w);
        descend(optimizer, w);
        const [first, second] = await values(w);
        const losses = [w.pow(3).sum(), w.pow(3).sum()];
        if (read) for (const loss of losses) await loss.item();
        descend(optimizer, w);
        optimizer.zeroGrad();
        losses[0]!.backward();
        expect(await values(w.grad!)).toEqual([first, second].map((x) => Math.fround(3 * Math.fround(x! * x!))));
        descend(optimizer, w);
        expect(() => losses[1]!.backward()).toThrow(
          "backward: expected the values of a tensor of shape [2], got none: two later updates (step() or assign()) have replaced them. Call backward()",
        );
        optimizer.zeroGrad();
        optimizer.step();
      }
    },
  );

  test("reduces the loss, and the loss is read without another run", async () => {
    const w = weights(3, -2);
    const optimizer = new Adam([w], { lr: 0.1 });
    const first = descend(optimizer, w);
    const { runs } = engineStatistics();
    expect(await first.item()).toBe(13);
    expect(engineStatistics().runs).toBe(runs);
    for (let i = 0; i < 200; i++) descend(optimizer, w);
    for (const value of await values(w)) expect(value).toBeCloseTo(1, 2);
  });

  test("keeps handle, dtype and requiresGrad of a parameter", () => {
    const w = tensor([1, 2], { dtype: "float64", requiresGrad: true });
    descend(new Adam([w]), w);
    expect(w.dtype).toBe("float64");
    expect(w.requiresGrad).toBe(true);
  });

  test("without any gradient does nothing", async () => {
    const w = weights(1);
    const { runs } = engineStatistics();
    new SGD([w], { lr: 1 }).step();
    expect(engineStatistics().runs).toBe(runs);
    expect(await values(w)).toEqual([1]);
  });

  test("lets values that are not finite through, as PyTorch does", async () => {
    const w = weights(1, 2);
    w.grad = tensor([Number.NaN, 1]);
    new SGD([w], { lr: 1 }).step();
    expect(await values(w)).toEqual([Number.NaN, 1]);
  });

  test("that fails before any other has not begun the momentum", async () => {
    const [w, same] = [weights(2), weights(2)];
    const [optimizer, other] = [w, same].map((x) => new SGD([x], { lr: 1, momentum: 0.5, dampening: 0.5 }));
    w.mul(checkIndex(tensor([7], { dtype: "int32" }), 3, "labels").to("float32"))
      .sum()
      .backward();
    expect(() => optimizer!.step()).toThrow(IndexError);
    expect(await plain(optimizer!.stateDict())).toMatchObject({ state: { 0: {} } });
    descend(optimizer!, w);
    descend(other!, same);
    expect(await values(w)).toEqual(await values(same));
  });

  test("that fails leaves parameters, state and step counts as they were", async () => {
    const w = weights(2, 3);
    const optimizer = new Adam([w], { lr: 0.1 });
    descend(optimizer, w);
    const before = await values(w);
    const stateBefore = await plain(optimizer.stateDict());

    optimizer.zeroGrad();
    const bad = checkIndex(tensor([7], { dtype: "int32" }), 3, "labels");
    w.mul(bad.to("float32")).sum().backward();
    expect(() => optimizer.step()).toThrow(IndexError);
    expect(await values(w)).toEqual(before);
    expect(await plain(optimizer.stateDict())).toEqual(stateBefore);

    const [same] = [weights(2, 3)];
    const other = new Adam([same], { lr: 0.1 });
    descend(other, same);
    descend(other, same);
    descend(optimizer, w);
    expect(await values(w)).toEqual(await values(same));
  });
});

/** A state dict with numbers in place of tensors. */
async function plain({ state, param_groups }: OptimizerState): Promise<unknown> {
  const entries = await Promise.all(
    Object.entries(state).map(async ([number, slots]) => {
      const read = Object.entries(slots).map(async ([name, entry]) =>
        typeof entry === "number" ? [name, entry] : [name, await values(entry)],
      );
      return [number, Object.fromEntries(await Promise.all(read))];
    }),
  );
  return { state: Object.fromEntries(entries), param_groups };
}

describe("state dicts", () => {
  test("have PyTorch's form and names", async () => {
    const w = weights(2);
    const optimizer = new Adam([w], { lr: 0.5, weightDecay: 0.25 });
    w.grad = tensor([1]);
    optimizer.step();
    const state = await plain(optimizer.stateDict());
    expect(state).toEqual({
      state: { 0: { step: 1, exp_avg: [expect.closeTo(0.15, 6)], exp_avg_sq: [expect.closeTo(0.00225, 6)] } },
      param_groups: [
        { params: [0], lr: 0.5, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.25, amsgrad: false, maximize: false },
      ],
    });
  });

  test.each([
    ["SGD", (w: Tensor[]) => new SGD(w, { lr: 0.1, momentum: 0.9, dampening: 0.3 })],
    ["Adam", (w: Tensor[]) => new Adam(w, { lr: 0.1, amsgrad: true })],
    ["RMSprop", (w: Tensor[]) => new RMSprop(w, { lr: 0.1, momentum: 0.5, centered: true })],
  ])("resume %s where it was", async (_, make) => {
    const w = weights(2, 5);
    const optimizer = make([w]);
    for (let i = 0; i < 3; i++) descend(optimizer, w);
    const copy = weights(...(await values(w)));
    const resumed = make([copy]);
    resumed.loadStateDict(optimizer.stateDict());
    for (let i = 0; i < 3; i++) {
      descend(optimizer, w);
      descend(resumed, copy);
    }
    expect(await values(copy)).toEqual(await values(w));
    expect(await plain(resumed.stateDict())).toEqual(await plain(optimizer.stateDict()));
  });

  test("that do not fit are refused, and change nothing", async () => {
    const optimizer = new Adam([weights(1), weights(2)], { lr: 0.1 });
    const { param_groups } = optimizer.stateDict();
    const group = { ...param_groups[0] };
    const load = (dict: OptimizerState) => () => optimizer.loadStateDict(dict);
    expect(load({ state: {}, param_groups: [] })).toThrow("Adam.loadStateDict: expected 1 parameter groups, got 0");
    expect(load({ state: {}, param_groups: [{ ...group, params: [0] }] })).toThrow(
      "Adam.loadStateDict: expected 2 parameters in group 0, got 1",
    );
    expect(load({ state: { 2: {} }, param_groups })).toThrow(
      "Adam.loadStateDict: expected state for 2 parameters, got some for number 2",
    );
    expect(load({ state: { 0: { exp_avg: tensor([1, 2, 3]) } }, param_groups })).toThrow(
      "loadStateDict: expected exp_avg of shape [1], got [3]",
    );
    expect(load({ state: {}, param_groups: [{ ...group, lr: -1 }] })).toThrow("Adam: expected lr ≥ 0, got -1");
    expect(optimizer.lr).toBe(0.1);
    expect(optimizer.stateDict().state).toEqual({});
  });
});

describe("parameter groups", () => {
  test("have settings of their own, and the optimizer's where they say nothing", async () => {
    const [a, b] = [weights(1), weights(1)];
    const optimizer = new SGD([{ params: [a] }, { params: [b], lr: 0.5 }], { lr: 0.1 });
    a.grad = tensor([1]);
    b.grad = tensor([1]);
    optimizer.step();
    expect(await values(a)).toEqual([Math.fround(0.9)]);
    expect(await values(b)).toEqual([0.5]);
    expect(optimizer.lr).toBe(0.1);
    optimizer.lr = 0.25;
    expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([0.25, 0.25]);
  });

  test("each keep their own rate under a schedule", () => {
    const optimizer = new SGD([{ params: [weights(1)] }, { params: [weights(1)], lr: 0.5 }], { lr: 0.1 });
    const schedule = new ExponentialLR(optimizer, { gamma: 0.5 });
    schedule.step();
    expect(schedule.lastLr()).toEqual([0.05, 0.25]);
  });

  test.each([
    ["SGD: expected at least one parameter, got none", () => new SGD([])],
    ["Adam: expected each parameter once, got one of shape [1] twice", () => ((w) => new Adam([w, w]))(weights(1))],
    ["SGD: expected lr ≥ 0, got -1", () => new SGD([weights(1)], { lr: -1 })],
    ["SGD: expected lr ≥ 0, got NaN", () => new SGD([weights(1)], { lr: Number.NaN })],
    ["Adam: expected 0 ≤ betas[1] < 1, got 1", () => new Adam([weights(1)], { betas: [0.9, 1] })],
    ["AdamW: expected weightDecay ≥ 0, got -0.1", () => new AdamW([{ params: [weights(1)], weightDecay: -0.1 }])],
    [
      "SGD: expected a momentum and no dampening with nesterov, got momentum 0 and dampening 0",
      () => new SGD([weights(1)], { nesterov: true }),
    ],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });
});

describe("clipping", () => {
  test("joins the step: no run of its own", async () => {
    const w = weights(3, 4);
    const optimizer = new SGD([w], { lr: 1 });
    const { runs } = engineStatistics();
    w.mul(w).sum().mul(0.5).backward();
    const norm = clipGradNorm([w], 1);
    optimizer.step();
    expect(engineStatistics().runs - runs).toBe(1);
    const [x, y] = await values(w);
    expect(x).toBeCloseTo(2.4, 5);
    expect(y).toBeCloseTo(3.2, 5);
    expect(await norm.item()).toBe(5);
  });

  test("by the largest element", async () => {
    const w = weights(0, 0);
    w.grad = tensor([3, -4]);
    expect(await clipGradNorm(w, 2, { normType: Number.POSITIVE_INFINITY }).item()).toBe(4);
    const [x, y] = await values(w.grad);
    expect(x).toBeCloseTo(1.5, 5);
    expect(y).toBeCloseTo(-2, 5);
  });

  test("gradients of createGraph are clipped with their trail", async () => {
    // g = 3x², clipped to the norm 1: the sum of g/‖g‖ has the gradient (6x/‖g‖)·(1 − g·Σg/‖g‖²).
    for (const clip of ["norm", "value"]) {
      const x = weights(1, 2);
      x.pow(3).sum().backward(undefined, { createGraph: true });
      if (clip === "norm") clipGradNorm(x, 1);
      else clipGradValue(x, 5);
      const clipped = x.grad as Tensor;
      Object.assign(x, { grad: null });
      clipped.sum().backward();
      const found = await values(x.grad as Tensor);
      const norm = Math.hypot(3, 12);
      const expected =
        clip === "norm" ? [1, 2].map((v) => ((6 * v) / norm) * (1 - (3 * v * v * 15) / norm ** 2)) : [6, 0];
      expected.forEach((value, i) => {
        expect(found[i]).toBeCloseTo(value, 5);
      });
    }
  });

  test("leaves small gradients alone", async () => {
    const w = weights(0, 0);
    w.grad = tensor([0.25, -0.5]);
    clipGradNorm(w, 1);
    expect(await values(w.grad)).toEqual([0.25, -0.5]);
  });

  test("wants gradients and sensible bounds", () => {
    expect(() => clipGradNorm([weights(1)], 1)).toThrow("clipGradNorm: expected parameters with gradients, got none");
    expect(() => clipGradNorm([weights(1)], -1)).toThrow("clipGradNorm: expected maxNorm ≥ 0, got -1");
    expect(() => clipGradNorm([weights(1)], 1, { normType: 0 })).toThrow("expected normType > 0, got 0");
    expect(() => clipGradValue([weights(1)], Number.NaN)).toThrow("clipGradValue: expected clipValue ≥ 0, got NaN");
  });
});

describe("schedules", () => {
  const optimizer = (): SGD => new SGD([weights(1)], { lr: 1, momentum: 0.9 });

  test("resume from their state", () => {
    const [one, two] = [optimizer(), optimizer()];
    const schedule = new StepLR(one, { stepSize: 2, gamma: 0.5 });
    for (let i = 0; i < 5; i++) schedule.step();
    const resumed = new StepLR(two, { stepSize: 2, gamma: 0.5 });
    resumed.loadStateDict(schedule.stateDict());
    expect(two.lr).toBe(0.25);
    resumed.step();
    expect(two.lr).toBe(0.125);
  });

  test("start from the same rate when optimizer and schedule are resumed", () => {
    const one = optimizer();
    const schedule = new StepLR(one, { stepSize: 1, gamma: 0.5 });
    schedule.step();
    const two = optimizer();
    two.loadStateDict(one.stateDict());
    const resumed = new StepLR(two, { stepSize: 1, gamma: 0.5 });
    resumed.loadStateDict(schedule.stateDict());
    expect(two.lr).toBe(0.5);
  });

  test("of one cycle move Adam's first beta", () => {
    const adam = new Adam([weights(1)]);
    new OneCycleLR(adam, { maxLr: 1, totalSteps: 10 });
    expect(adam.paramGroups[0]?.betas).toEqual([0.95, 0.999]);
  });

  test.each([
    ["StepLR: expected a whole stepSize above 0, got 0", () => new StepLR(optimizer(), { stepSize: 0 })],
    ["LinearLR: expected a whole totalIters above 0, got 1.5", () => new LinearLR(optimizer(), { totalIters: 1.5 })],
    [
      "SequentialLR: expected 0 ascending milestones for 1 schedules, got [3]",
      () => new SequentialLR(optimizer(), [new LinearLR(optimizer())], { milestones: [3] }),
    ],
    ["ReduceLROnPlateau: expected factor < 1, got 2", () => new ReduceLROnPlateau(optimizer(), { factor: 2 })],
    [
      "OneCycleLR: expected at most 1 calls of step(), got 2",
      () => {
        const schedule = new OneCycleLR(optimizer(), { maxLr: 1, totalSteps: 2 });
        schedule.step();
        schedule.step();
      },
    ],
  ])("%s", (message, build) => {
    expect(build).toThrow(message);
  });
});
