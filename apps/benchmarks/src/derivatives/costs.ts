// What derivatives cost: both modes against the numbers of inputs and outputs, products with the Hessian, checkpoints, loops.
import {
  checkpoint,
  engineStatistics,
  Generator,
  grad,
  hvp,
  jacobian,
  normal,
  profile,
  realize,
  scan,
  type Tensor,
  tensor,
} from "@cotangent/core";
import { type Effort, measure } from "../measure.ts";

/** The Jacobian of a function with n inputs and m outputs, in the function's own time. */
export interface ModeCost {
  readonly inputs: number;
  readonly outputs: number;
  readonly functionMs: number;
  readonly reverse: number;
  readonly forward: number;
}

export interface HessianCost {
  readonly gradientMs: number;
  readonly hvpMs: number;
  readonly ratio: number;
}

/** Layers in √L checkpoints, against all that is kept. */
export interface CheckpointCost {
  readonly layers: number;
  readonly segments: number;
  readonly keptMs: number;
  readonly checkpointMs: number;
  readonly timeRatio: number;
  readonly keptBytes: number;
  readonly checkpointBytes: number;
}

export interface LoopCost {
  readonly steps: number;
  /** Plans that were not there before, for the value and its gradient. */
  readonly plansCompiled: number;
  readonly microsecondsPerStep: number;
}

const [rows, width] = [128, 256];

const weight = (shape: readonly [number, number], generator: Generator, device: string): Tensor =>
  normal(shape, { std: 1 / Math.sqrt(shape[0]), generator, device });

const run =
  (f: () => Tensor | readonly Tensor[]): (() => Promise<unknown>) =>
  async () => {
    const results = f();
    realize(...(Array.isArray(results) ? results : [results]));
  };

/** A network of two square layers, over a batch that all inputs take part in: much the same work for any n and m. */
export async function modeCost(inputs: number, outputs: number, device: string, effort: Effort): Promise<ModeCost> {
  const generator = new Generator(1);
  const scales = normal([rows, inputs], { generator, device });
  const layers = [
    weight([inputs, width], generator, device),
    weight([width, width], generator, device),
    weight([width, width], generator, device),
    weight([width, outputs], generator, device),
  ];
  const x = normal([inputs], { generator, device });
  realize(x, scales, ...layers);
  const f = (point: Tensor): Tensor =>
    layers.reduce((h, w) => (h.matmul(w) as Tensor).tanh(), scales.mul(point) as Tensor).mean({ axis: 0 });
  const times = await measure(
    {
      plain: run(() => f(x)),
      reverse: run(() => jacobian(f, 0, { mode: "reverse" })(x)),
      forward: run(() => jacobian(f, 0, { mode: "forward" })(x)),
    },
    effort,
  );
  const functionMs = times.plain.medianMs;
  return {
    inputs,
    outputs,
    functionMs,
    reverse: times.reverse.medianMs / functionMs,
    forward: times.forward.medianMs / functionMs,
  };
}

/** By all weights of a network, against one gradient of them. */
export async function hessianCost(device: string, effort: Effort): Promise<HessianCost> {
  const generator = new Generator(2);
  const weights = Array.from({ length: 4 }, () => weight([width, width], generator, device));
  const directions = weights.map(() => weight([width, width], generator, device));
  const x = normal([rows, width], { generator, device });
  realize(x, ...weights, ...directions);
  const loss = (...ws: Tensor[]): Tensor =>
    ws
      .reduce((h, w) => (h.matmul(w) as Tensor).tanh(), x as Tensor)
      .pow(2)
      .mean();
  const every = weights.map((_, i) => i);
  const times = await measure(
    {
      gradient: run(() => grad(loss, every)(...weights)),
      hvp: run(() => hvp(loss, weights, directions)),
    },
    effort,
  );
  const [gradientMs, hvpMs] = [times.gradient.medianMs, times.hvp.medianMs];
  return { gradientMs, hvpMs, ratio: hvpMs / gradientMs };
}

export async function checkpointCost(layers: number, device: string, effort: Effort): Promise<CheckpointCost> {
  const generator = new Generator(3);
  const weights = Array.from({ length: layers }, () => weight([width, width], generator, device));
  const x = normal([rows, width], { generator, device });
  realize(x, ...weights);
  const segments = Math.round(Math.sqrt(layers));
  const length = Math.ceil(layers / segments);
  const forward = (ws: readonly Tensor[], h: Tensor): Tensor => ws.reduce((y, w) => (y.matmul(w) as Tensor).tanh(), h);
  const loss = (saving: boolean) => (ws: readonly Tensor[]) => {
    let h: Tensor = x;
    for (let i = 0; i < layers; i += length) {
      const part = (y: Tensor): Tensor => forward(ws.slice(i, i + length), y);
      h = (saving ? checkpoint(part) : part)(h);
    }
    return h.pow(2).mean();
  };
  const step = (saving: boolean): (() => Promise<unknown>) => run(() => grad(loss(saving))(weights));
  const bytes = async (saving: boolean): Promise<number> => (await profile(step(saving))).scratchBytes;
  const [keptBytes, checkpointBytes] = [await bytes(false), await bytes(true)];
  const times = await measure({ kept: step(false), checkpoint: step(true) }, effort);
  const [keptMs, checkpointMs] = [times.kept.medianMs, times.checkpoint.medianMs];
  return {
    layers,
    segments,
    keptMs,
    checkpointMs,
    timeRatio: checkpointMs / keptMs,
    keptBytes,
    checkpointBytes,
  };
}

/** A recurrence over `steps` inputs, with its gradient: how many plans it takes, and how long. */
export async function loopCost(steps: number, device: string): Promise<LoopCost> {
  const generator = new Generator(4);
  const w = weight([16, 16], generator, device);
  const xs = normal([steps, 16], { generator, device });
  realize(w, xs);
  const loss = (a: Tensor): Tensor =>
    scan(
      (h: Tensor, x: Tensor): readonly [Tensor, null] => [(a.matmul(h as Tensor<[16]>) as Tensor).add(x).tanh(), null],
      tensor(new Float32Array(16), { device }) as Tensor,
      xs,
    )[0].sum();
  const before = engineStatistics().plansCompiled;
  await run(() => grad(loss)(w))();
  const plansCompiled = engineStatistics().plansCompiled - before;
  const start = performance.now();
  await run(() => grad(loss)(w))();
  return { steps, plansCompiled, microsecondsPerStep: ((performance.now() - start) * 1000) / steps };
}
