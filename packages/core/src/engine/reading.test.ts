// What is computed when: matrix products and plans counted, in training steps that read the loss at different times.
import { describe, expect, it } from "vitest";
import { registerDevice } from "../runtime/devices.ts";
import { createReferenceDevice } from "../runtime/reference.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { update } from "../tensor/update.ts";
import { observedDevice } from "../testing/observed-device.ts";
import { seededValues } from "../testing/seeded-values.ts";
import { engineStatistics } from "./engine.ts";

let products = 0;
const inner = createReferenceDevice();
const device = "counting";
registerDevice(device, () =>
  observedDevice(device, inner, (plan) => {
    products += plan.kernels.filter((kernel) => kernel.form === "contract").length;
  }),
);

/** Matrix products that `body` runs. */
function productsOf(body: () => void): number {
  const before = products;
  body();
  return products - before;
}

const sizes = [5, 7, 6, 3];
const weights = (): Tensor[] =>
  sizes.slice(1).map((n, i) => seededValues([sizes[i] ?? 1, n], { seed: i + 1, device, requiresGrad: true }));
const input = (): Tensor => seededValues([4, 5], { seed: 9, device });
const lossOf = (x: Tensor, layers: readonly Tensor[]): Tensor =>
  layers.reduce<Tensor>((y, w) => y.matmul(w).tanh(), x).sum();

function step(layers: readonly Tensor[], rate = 0.01): void {
  const updates = layers.flatMap((w) => (w.grad ? [{ target: w, value: w.detach().sub(w.grad.mul(rate)) }] : []));
  update(updates);
}

/** Three layers: three products forward, three for the weights and two for the activations backward. */
const forwards = 3;
const backwards = 5;

describe("a training step runs every matrix product once", () => {
  it("where the loss is never read", () => {
    const [x, layers] = [input(), weights()];
    const count = productsOf(() => {
      lossOf(x, layers).backward();
      step(layers);
    });
    expect(count).toBe(forwards + backwards);
  });

  it("where the loss is read after the step", () => {
    const [x, layers] = [input(), weights()];
    const count = productsOf(() => {
      const loss = lossOf(x, layers);
      loss.backward();
      step(layers);
      loss.itemSync();
    });
    expect(count).toBe(forwards + backwards);
  });

  it("where the loss is read before the backward pass, and again after it", () => {
    const [x, layers] = [input(), weights()];
    const loss = lossOf(x, layers);
    expect(productsOf(() => loss.itemSync())).toBe(forwards);
    expect(productsOf(() => loss.itemSync())).toBe(0);
    const rest = productsOf(() => {
      loss.backward();
      step(layers);
      loss.itemSync();
    });
    expect(rest).toBe(backwards);
  });

  it("where predictions are read before the loss", () => {
    const [x, layers] = [input(), weights()];
    const predictions = layers.reduce<Tensor>((y, w) => y.matmul(w).tanh(), x);
    expect(productsOf(() => predictions.dataSync())).toBe(forwards);
    const rest = productsOf(() => {
      predictions.mul(predictions).sum().backward();
      step(layers);
    });
    expect(rest).toBe(backwards);
  });

  it("where gradients are read before the step", () => {
    const [x, layers] = [input(), weights()];
    lossOf(x, layers).backward();
    expect(productsOf(() => layers[0]?.grad?.dataSync())).toBe(forwards + backwards);
    expect(productsOf(() => step(layers))).toBe(0);
  });
});

describe("loops", () => {
  it("of inference run a forward pass for each call, and keep nothing", () => {
    const layers = weights();
    const held: number[] = [];
    for (let i = 0; i < 50; i++) {
      const x = input();
      const y = lossOf(
        x,
        layers.map((w) => w.detach()),
      );
      expect(productsOf(() => y.itemSync())).toBe(forwards);
      x.dispose();
      y.dispose();
      held.push(inner.allocatedBytes);
    }
    expect(new Set(held.slice(2)).size).toBe(1);
  });

  it("of training compile one plan, whatever rates, masks and inputs do, and hold the same memory", () => {
    const layers = weights();
    const held: number[] = [];
    let plans = 0;
    for (let i = 0; i < 60; i++) {
      for (const w of layers) w.zeroGrad();
      const x = seededValues([4, 5], { seed: i, device });
      const mask = seededValues([4, 5], { seed: i, dtype: "bool", device });
      const loss = lossOf(x.mul(mask.to("float32")).mul(1 + i / 100), layers);
      loss.backward();
      step(layers, 0.1 / (i + 1));
      loss.itemSync();
      for (const used of [x, mask, loss]) used.dispose();
      if (i === 2) plans = engineStatistics().plansCompiled;
      held.push(inner.allocatedBytes);
    }
    expect(engineStatistics().plansCompiled).toBe(plans);
    expect(new Set(held.slice(3)).size).toBe(1);
  });
});
