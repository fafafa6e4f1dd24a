// Shapes that keep changing: plans and memory stay bounded.
import { expect, test } from "vitest";
import { engineStatistics, realize, tensor } from "../index.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { withoutFusion } from "./engine.ts";

test("1,500 different shapes", { timeout: 60_000 }, async () => {
  const device = deviceNamed("wasm");
  const before = device.allocatedBytes;
  for (let i = 0; i < 1500; i++) {
    const x = tensor(new Float32Array(i + 1));
    const y = x.exp().sum();
    realize(y);
    y.dispose();
    x.dispose();
  }
  expect(engineStatistics().plansCompiled).toBeGreaterThanOrEqual(1500);
  expect(engineStatistics().plansCached).toBeLessThanOrEqual(512);
  expect(device.allocatedBytes - before).toBe(0);
});

test("large plans count by their kernels", () => {
  for (let i = 0; i < 60; i++) {
    let x = tensor(new Float32Array(i + 1), { device: "reference" });
    for (let n = 0; n < 100; n++) x = x.sin();
    withoutFusion(() => realize(x));
  }
  expect(engineStatistics().plansCached).toBeLessThan(100);
});

test("the plans that were used last are kept", () => {
  const compute = (size: number): number => {
    const { plansCompiled } = engineStatistics();
    realize(tensor(new Float32Array(size), { device: "reference" }).neg());
    return engineStatistics().plansCompiled - plansCompiled;
  };
  compute(2001);
  for (let size = 2002; size < 3200; size++) {
    compute(size);
    expect(compute(2001), `after ${size}`).toBe(0);
  }
  expect(compute(2002)).toBe(1);
});
