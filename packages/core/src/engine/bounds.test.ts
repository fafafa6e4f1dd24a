// Shapes that keep changing: plans and memory stay bounded.
import { expect, test } from "vitest";
import { engineStatistics, realize, tensor } from "../index.ts";
import { deviceNamed } from "../runtime/devices.ts";

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
