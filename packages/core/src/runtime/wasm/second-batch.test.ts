// A model that is fed with batches of many sizes: one set of kernels, and right results for each size.
import { describe, expect, test } from "vitest";
import { planFor } from "../../engine/engine.ts";
import { conv2d } from "../../functions/conv.ts";
import { maxPool2d } from "../../functions/pool.ts";
import { logSoftmax } from "../../functions/softmax.ts";
import { valueAndGrad } from "../../functions/transforms.ts";
import { canonicalKernel } from "../../kernel/canonical.ts";
import { tensor } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { wasmFeatures } from "./features.ts";
import { KernelCache } from "./kernel-cache.ts";
import { LinearMemory } from "./memory.ts";

const wave = (count: number, step: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(step * (i + 1)) / 2);

interface Widths {
  readonly input: number;
  readonly hidden: number;
  readonly classes: number;
}

/** Loss and gradients of a perceptron with two layers, on a batch of inputs. */
function training({ input, hidden, classes }: Widths, batch: number, device: string): Tensor[] {
  const x = tensor(wave(batch * input, 0.7), { shape: [batch, input], device });
  const w = tensor(wave(input * hidden, 0.3), { shape: [input, hidden], device });
  const b = tensor(wave(hidden, 1.1), { shape: [hidden], device });
  const v = tensor(wave(hidden * classes, 0.9), { shape: [hidden, classes], device });
  const loss = (...[w1, b1, w2]: readonly [Tensor, Tensor, Tensor]): Tensor =>
    logSoftmax(x.matmul(w1).add(b1).relu().matmul(w2)).pow(2).mean();
  const [value, gradients] = valueAndGrad(loss, [0, 1, 2])(w, b, v);
  return [value, ...gradients];
}

/** Loss and gradients of two convolutions of `to` channels, each with pooling, on a batch of images. */
function convolutional({ size, to }: { size: number; to: number }, batch: number, device: string): Tensor[] {
  const x = tensor(wave(batch * size * size, 0.7), { shape: [batch, 1, size, size], device });
  const v = tensor(wave(to * 25, 0.3), { shape: [to, 1, 5, 5], device });
  const w = tensor(wave(to * to * 9, 1.1), { shape: [to, to, 3, 3], device });
  const b = tensor(wave(to, 0.9), { shape: [to], device });
  const loss = (...[v1, w1, b1]: readonly [Tensor, Tensor, Tensor]): Tensor =>
    maxPool2d(conv2d(maxPool2d(conv2d(x, v1, { bias: b1 }), 2).relu(), w1), 2)
      .relu()
      .pow(2)
      .mean({ axis: [1, 2, 3] })
      .mean();
  const [value, gradients] = valueAndGrad(loss, [0, 1, 2])(v, w, b);
  return [value, ...gradients];
}

describe("a second batch size", () => {
  /** How many kernels a cache compiles for each of these batches, after those before. */
  function compiledFor(make: (batch: number, device: string) => Tensor[], batches: readonly number[]): number[] {
    const cache = new KernelCache(new LinearMemory().memory, wasmFeatures());
    return batches.map((batch) => {
      const before = cache.compiled;
      const plan = planFor(make(batch, "wasm").map(({ node }) => node));
      cache.codesOf(plan.kernels.map(canonicalKernel));
      return cache.compiled - before;
    });
  }

  const perceptron =
    (widths: Widths) =>
    (batch: number, device: string): Tensor[] =>
      training(widths, batch, device);
  const network =
    (sizes: { size: number; to: number }) =>
    (batch: number, device: string): Tensor[] =>
      convolutional(sizes, batch, device);

  test("compiles nothing", () => {
    const [first, ...others] = compiledFor(perceptron({ input: 100, hidden: 64, classes: 10 }), [128, 127, 120]);
    expect(first).toBeGreaterThan(5);
    expect(others).toEqual([0, 0]);
  });

  test("compiles nothing for convolutions and pooling", () => {
    const [first, ...others] = compiledFor(network({ size: 28, to: 24 }), [64, 56, 40, 32]);
    expect(first).toBeGreaterThan(8);
    // The mean over so few examples is written out.
    expect(others).toEqual([0, 0, 1]);
  });

  test("compiles sums over images alone where it cannot be cut in the same way", () => {
    const [, ...others] = compiledFor(network({ size: 28, to: 24 }), [64, 63, 45]);
    for (const count of others) expect(count).toBeLessThanOrEqual(4);
  });

  test("compiles few kernels where blocks are cut otherwise", () => {
    const [first = 0, ...others] = compiledFor(
      perceptron({ input: 784, hidden: 256, classes: 10 }),
      [128, 64, 1000, 500, 100, 200],
    );
    expect(others.reduce((sum, count) => sum + count, 0)).toBeLessThan(2 * first);
  });

  async function compare(make: (batch: number, device: string) => Tensor[], batch: number): Promise<void> {
    const [actual, expected] = await Promise.all(
      ["wasm", "reference"].map((device) =>
        Promise.all(make(batch, device).map(async (result) => [...(await result.data())])),
      ),
    );
    actual?.flat().forEach((value, i) => {
      const want = expected?.flat()[i] ?? Number.NaN;
      expect(Math.abs(value - want), `batch ${batch}, value ${i}: ${value}, not ${want}`).toBeLessThan(
        1e-5 * Math.max(1, Math.abs(want)),
      );
    });
  }

  test("gives the results of the reference, for batches of 1 to 130", { timeout: 120_000 }, async () => {
    const model = perceptron({ input: 7, hidden: 9, classes: 5 });
    for (let batch = 1; batch <= 130; batch++) await compare(model, batch);
  });

  test("gives the results of the reference for convolutions, too", { timeout: 120_000 }, async () => {
    const model = network({ size: 14, to: 5 });
    for (const batch of [16, 1, 2, 3, 8, 9, 17, 24, 25, 32, 48]) await compare(model, batch);
  });
});
