// Training steps or inference calls in a plain loop, with the memory that they take. Run on its own by the tests; prints JSON.
// Usage: tsx endless-loop.ts train|infer ITERATIONS DEVICE
import { engineStatistics, setDefaultDevice, type Tensor, tensor } from "@cotangent/core";
import { crossEntropy, Dropout, Linear, ReLU, Sequential } from "@cotangent/nn";
import { Adam, CosineAnnealingLR } from "@cotangent/optim";
import { countLive } from "./live-bytes.ts";

export interface Reading {
  readonly iteration: number;
  readonly residentBytes: number;
  readonly plansCompiled: number;
}

export interface LoopReport {
  readonly readings: readonly Reading[];
  /** Objects that are alive, counted after full collections at step 500 and at the end. */
  readonly liveBytes: readonly number[];
  /** Kernels that ran in each of the last iterations: all alike where nothing is computed twice. */
  readonly kernelsPerIteration: readonly number[];
}

const [mode = "train", iterations = "10000", device = "wasm"] = process.argv.slice(2);
setDefaultDevice(device);
const count = Number(iterations);

const model = new Sequential(new Linear(784, 128), new ReLU(), new Dropout(0.1), new Linear(128, 10));
const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
const schedule = new CosineAnnealingLR(optimizer, { tMax: count });
const images = Array.from({ length: 8 }, (_, seed) =>
  Float32Array.from({ length: 64 * 784 }, (__, i) => Math.sin(i * (seed + 1))),
);
/** A new tensor each time, as a loader makes them. */
const batch = (step: number): Tensor => tensor(images[step % images.length] ?? [], { shape: [64, 784] });
const labels = tensor(Int32Array.from({ length: 64 }, (_, i) => i % 10));

async function train(step: number): Promise<void> {
  const x = batch(step);
  optimizer.zeroGrad();
  const loss = crossEntropy(model.forward(x), labels);
  // Every other step reads the loss before the backward pass.
  if (step % 2 === 0) await loss.item();
  loss.backward();
  optimizer.step();
  schedule.step();
  if (step % 2 === 1) await loss.item();
}

async function infer(step: number): Promise<void> {
  const x = batch(step);
  await model.forward(x).argmax({ axis: 1 }).data();
}

if (mode === "infer") model.eval();
const readings: Reading[] = [];
const kernelsPerIteration: number[] = [];
const liveBytes: number[] = [];

for (let i = 0; i < count; i++) {
  if (i === 500) liveBytes.push(await countLive());
  const { kernels } = engineStatistics();
  await (mode === "infer" ? infer(i) : train(i));
  if (i >= count - 10) kernelsPerIteration.push(engineStatistics().kernels - kernels);
  if ((i + 1) % 250 === 0)
    readings.push({
      iteration: i + 1,
      residentBytes: process.memoryUsage.rss(),
      plansCompiled: engineStatistics().plansCompiled,
    });
}
liveBytes.push(await countLive());
const report: LoopReport = { readings, liveBytes, kernelsPerIteration };
console.log(JSON.stringify(report));
