// Runs one workload on one framework, and times it.
import type { MnistDigits } from "./digits.ts";
import type { Batch, Framework } from "./framework.ts";
import { generate, permutation, uniformValues } from "./generator.ts";
import type { Outcome } from "./outcome.ts";
import {
  type ElementwiseSpec,
  type MatmulSpec,
  type MnistSpec,
  type TrainSpec,
  type WorkloadName,
  workloads,
} from "./specification.ts";
import { shortened, timeSteps } from "./timing.ts";

/**
 * Runs wherever the framework does: what it needs from files comes from the caller.
 * @param share of the specified time for warm-up and measurement, 1 for all of it
 * @param readDigits reads MNIST, for W8
 */
export function runWorkload(
  framework: Framework,
  name: WorkloadName,
  share: number,
  readDigits: () => MnistDigits,
): Promise<Outcome> {
  const spec = workloads[name];
  switch (spec.kind) {
    case "train":
      return train(framework, name, spec, share);
    case "matmul":
      return products(framework, spec, share);
    case "elementwise":
      return elementwise(framework, spec, share);
    case "mnist":
      return epoch(framework, spec, readDigits());
  }
}

/** All batches of a training workload, made before the clock starts. */
export const batchesOf = ({ nbatches, data: [x, y] }: TrainSpec): Batch[] =>
  Array.from({ length: nbatches }, (_, b) => [generate(x, b), generate(y, b)]);

async function train(framework: Framework, name: WorkloadName, spec: TrainSpec, share: number): Promise<Outcome> {
  const step = await framework.train(name, spec, batchesOf(spec));
  const losses: number[] = [];
  const begin = performance.now();
  let firstStepMs = 0;
  const timing = await timeSteps(shortened(spec.timing, share), async (i) => {
    const loss = step(i);
    const value = typeof loss === "number" ? loss : await loss;
    if (i === 0) firstStepMs = performance.now() - begin;
    if (i < 3) losses.push(value);
  });
  return { ...timing, firstStepMs, evidence: { losses } };
}

async function products(framework: Framework, spec: MatmulSpec, share: number): Promise<Outcome> {
  const sizes: Record<string, { medianMs: number; minMs: number; steps: number }> = {};
  const corners: Record<string, [number, number]> = {};
  for (const n of spec.sizes) {
    const shape = [n, n];
    const product = await framework.product(
      n,
      uniformValues(shape, spec.bound, spec.seed_a),
      uniformValues(shape, spec.bound, spec.seed_b),
    );
    const values = await product.read();
    corners[n] = [values[0] ?? Number.NaN, values[n * n - 1] ?? Number.NaN];
    sizes[n] = await timeSteps(shortened(spec.timing, share), () => product.run());
  }
  const largest = sizes[spec.sizes.at(-1) ?? 0];
  if (!largest) throw new Error("expected at least one size");
  return { ...largest, sizes, evidence: { corners } };
}

async function elementwise(framework: Framework, spec: ElementwiseSpec, share: number): Promise<Outcome> {
  const x = uniformValues([spec.n], spec.bound, spec.seed);
  const { run, gradient } = await framework.elementwise(spec, x);
  let value = Number.NaN;
  const timing = await timeSteps(shortened(spec.timing, share), async () => {
    value = await run();
  });
  const values = await gradient();
  let gradientSum = 0;
  for (let i = 0; i < values.length; i++) gradientSum += values[i] ?? Number.NaN;
  const gradientFirst = [0, 1, 2].map((i) => values[i] ?? Number.NaN);
  return { ...timing, evidence: { value, gradientSum, gradientFirst } };
}

/** One epoch and a test. The clock runs from the first batch on: copies of batches and compilation are inside. */
async function epoch(framework: Framework, spec: MnistSpec, digits: MnistDigits): Promise<Outcome> {
  const order = Int32Array.from(permutation(spec.perm_seed, digits.train.labels.length));
  const all = Int32Array.from(digits.test.labels.keys());
  const { step, classify } = await framework.classifier(spec, digits);
  const losses: number[] = [];
  const begin = performance.now();
  for (let s = 0; s < spec.steps; s++) {
    const loss = await step(order.subarray(s * spec.batch, (s + 1) * spec.batch));
    if (s < 3) losses.push(loss);
  }
  let right = 0;
  for (let i = 0; i < all.length; i += spec.test_chunk) {
    const classes = await classify(all.subarray(i, i + spec.test_chunk));
    for (let k = 0; k < spec.test_chunk; k++) if (classes[k] === digits.test.labels[i + k]) right++;
  }
  const totalMs = performance.now() - begin;
  const accuracy = right / all.length;
  return { medianMs: totalMs, minMs: totalMs, steps: 1, evidence: { losses, accuracy } };
}
