// Trajectories, schedules and clipped gradients against PyTorch's, from fixtures/optim.json.
import { readFileSync } from "node:fs";
import { deviceNames, setDefaultDevice, Tensor, tensor } from "@cotangent/core";
import { beforeAll, describe, expect, test } from "vitest";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  clipGradNorm,
  clipGradValue,
  ExponentialLR,
  LinearLR,
  MultiStepLR,
  NAdam,
  OneCycleLR,
  type Optimizer,
  PolynomialLR,
  RAdam,
  ReduceLROnPlateau,
  RMSprop,
  type Schedule,
  SequentialLR,
  SGD,
  StepLR,
} from "./index.ts";

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Attrs = Record<string, any>;

interface Case {
  readonly id: string;
  readonly kind: "optimizer" | "schedule" | "clip";
  readonly op: string;
  readonly note: string;
  readonly attrs: Attrs;
  readonly groups?: readonly Attrs[];
  readonly lrs?: readonly number[];
  readonly momenta?: readonly number[];
  readonly metrics?: readonly number[];
  readonly params: readonly Stored[];
  readonly grads: readonly any[];
  readonly trajectory: readonly (readonly Stored[])[];
  readonly clipped: readonly Stored[];
  readonly total_norm?: number;
  readonly tol: readonly [number, number];
}

const { cases }: { cases: readonly Case[] } = JSON.parse(
  readFileSync(new URL("./fixtures/optim.json", import.meta.url), "utf8"),
);
const of = (kind: Case["kind"]): Case[] => cases.filter((c) => c.kind === kind);

const load = ({ shape, data }: Stored, requiresGrad = false): Tensor => tensor([...data], { shape, requiresGrad });

async function expectClose(actual: Tensor, { data }: Stored, [atol, rtol]: readonly [number, number], what: string) {
  const values = await actual.data();
  expect(values.length).toBe(data.length);
  data.forEach((wanted, i) => {
    const error = Math.abs((values[i] ?? Number.NaN) - wanted);
    expect(error, `${what}[${i}]: ${values[i]}, not ${wanted}`).toBeLessThanOrEqual(atol + rtol * Math.abs(wanted));
  });
}

/** The fixtures' option names as ours. */
function options(attrs: Attrs): Attrs {
  const { beta1, beta2, weight_decay, momentum_decay, ...rest } = attrs;
  return {
    ...rest,
    ...(beta1 === undefined ? {} : { betas: [beta1, beta2] }),
    ...(weight_decay === undefined ? {} : { weightDecay: weight_decay }),
    ...(momentum_decay === undefined ? {} : { momentumDecay: momentum_decay }),
  };
}

const optimizers: Record<string, new (params: any, options: any) => Optimizer> = {
  sgd: SGD,
  adam: Adam,
  adamw: AdamW,
  rmsprop: RMSprop,
  adagrad: Adagrad,
  adadelta: Adadelta,
  adamax: Adamax,
  nadam: NAdam,
  radam: RAdam,
};

describe.each(deviceNames())("on %s", (device) => {
  beforeAll(() => setDefaultDevice(device));

  describe("optimizers", () => {
    test.each(of("optimizer").map((c) => [c.id, c.note, c] as const))("%s: %s", async (_id, _note, c) => {
      const params = c.params.map((stored) => load(stored, true));
      const groups = c.groups?.map((group, i) => ({ ...options(group), params: [params[i]] }));
      const optimizer = new optimizers[c.op]!(groups ?? params, options(c.attrs));
      for (const [step, grads] of c.grads.entries()) {
        const lr = c.lrs?.[step];
        if (lr !== undefined) optimizer.lr = lr;
        params.forEach((param, i) => {
          param.grad = grads[i] ? load(grads[i]) : null;
        });
        optimizer.step();
        for (const [i, param] of params.entries())
          await expectClose(param, c.trajectory[step]![i]!, c.tol, `step ${step}, parameter ${i}`);
      }
      expect(c.trajectory).toHaveLength(c.grads.length);
    });
  });

  const schedules: Record<string, (optimizer: Optimizer, a: Attrs) => Schedule> = {
    step_lr: (o, a) => new StepLR(o, { stepSize: a.step_size, gamma: a.gamma }),
    multistep_lr: (o, a) => new MultiStepLR(o, { milestones: a.milestones, gamma: a.gamma }),
    exponential_lr: (o, a) => new ExponentialLR(o, { gamma: a.gamma }),
    cosine_annealing_lr: (o, a) => new CosineAnnealingLR(o, { tMax: a.T_max, etaMin: a.eta_min }),
    cosine_warm_restarts: (o, a) =>
      new CosineAnnealingWarmRestarts(o, { t0: a.T_0, tMult: a.T_mult, etaMin: a.eta_min }),
    linear_lr: (o, a) =>
      new LinearLR(o, { startFactor: a.start_factor, endFactor: a.end_factor, totalIters: a.total_iters }),
    constant_lr: (o, a) => new ConstantLR(o, { factor: a.factor, totalIters: a.total_iters }),
    polynomial_lr: (o, a) => new PolynomialLR(o, { totalIters: a.total_iters, power: a.power }),
    one_cycle_lr: (o, a) =>
      new OneCycleLR(o, {
        maxLr: a.max_lr,
        totalSteps: a.total_steps,
        pctStart: a.pct_start,
        annealStrategy: a.anneal_strategy,
        divFactor: a.div_factor,
        finalDivFactor: a.final_div_factor,
        threePhase: a.three_phase,
        cycleMomentum: a.cycle_momentum,
        baseMomentum: a.base_momentum,
        maxMomentum: a.max_momentum,
      }),
    cyclic_lr: (o, a) =>
      new CyclicLR(o, {
        baseLr: a.base_lr_low,
        maxLr: a.max_lr,
        stepSizeUp: a.step_size_up,
        stepSizeDown: a.step_size_down,
        mode: a.mode,
      }),
    warmup_cosine: (o, a) =>
      new SequentialLR(
        o,
        [
          new LinearLR(o, {
            startFactor: a.warmup.start_factor,
            endFactor: a.warmup.end_factor,
            totalIters: a.warmup.total_iters,
          }),
          new CosineAnnealingLR(o, { tMax: a.after.T_max, etaMin: a.after.eta_min }),
        ],
        { milestones: [a.milestone] },
      ),
  };

  describe("schedules", () => {
    test.each(of("schedule").map((c) => [c.id, c.note, c] as const))("%s: %s", (_id, _note, c) => {
      const lr = c.attrs.base_lr ?? 1;
      const optimizer = new SGD([tensor([1], { requiresGrad: true })], { lr, momentum: 0.9 });
      const advance = c.op === "reduce_on_plateau" ? plateau(optimizer, c) : schedule(optimizer, c);
      const [atol, rtol] = c.tol;
      const close = (actual: number, wanted: number, what: string) =>
        expect(Math.abs(actual - wanted), `${what}: ${actual}, not ${wanted}`).toBeLessThanOrEqual(
          atol + rtol * Math.abs(wanted),
        );
      expect(c.lrs).toHaveLength(40);
      c.lrs!.forEach((wanted, step) => {
        close(optimizer.lr, wanted, `rate at step ${step}`);
        if (c.momenta) close(optimizer.paramGroups[0]!.momentum, c.momenta[step]!, `momentum at step ${step}`);
        if (step < 39) advance(step);
      });
    });

    function schedule(optimizer: Optimizer, c: Case): () => void {
      const made = schedules[c.op]!(optimizer, c.attrs);
      return () => made.step();
    }

    function plateau(optimizer: Optimizer, { attrs: a, metrics }: Case): (step: number) => void {
      const made = new ReduceLROnPlateau(optimizer, {
        mode: a.mode,
        factor: a.factor,
        patience: a.patience,
        threshold: a.threshold,
        thresholdMode: a.threshold_mode,
        cooldown: a.cooldown,
        minLr: a.min_lr,
        eps: a.eps,
      });
      return (step) => made.step(metrics![step]!);
    }
  });

  describe("clipping", () => {
    test.each(of("clip").map((c) => [c.id, c.note, c] as const))("%s: %s", async (_id, _note, c) => {
      const params = c.grads.map((stored: Stored) => {
        const param = load({ shape: stored.shape, data: stored.data.map(() => 0) }, true);
        param.grad = load(stored);
        return param;
      });
      if (c.op === "clip_grad_value") clipGradValue(params, c.attrs.clip_value);
      else {
        const norm = clipGradNorm(params, c.attrs.max_norm, { normType: c.attrs.norm_type });
        await expectClose(norm, { shape: [], data: [c.total_norm!] }, c.tol, "norm");
      }
      for (const [i, param] of params.entries()) {
        expect(param.grad).toBeInstanceOf(Tensor);
        await expectClose(param.grad!, c.clipped[i]!, c.tol, `gradient ${i}`);
      }
    });
  });
});
