// What Cotangent computes is checked here as `npm run bench` checks it, at the first steps of the fast workloads.
import { describe, expect, test } from "vitest";
import { cotangent } from "./cotangent.ts";
import { differences } from "./outcome.ts";
import { workloads } from "./specification.ts";
import { batchesOf } from "./workload-run.ts";

async function firstLosses(name: "W1" | "W7"): Promise<number[]> {
  const spec = workloads[name];
  const step = await cotangent.train(name, spec, batchesOf(spec));
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) losses.push(await step(i));
  return losses;
}

describe("differences", () => {
  test.each(["W1", "W7"] as const)("finds none in the first losses of %s", async (name) => {
    const losses = await firstLosses(name);
    expect(losses).toHaveLength(3);
    expect(differences(name, { losses })).toEqual([]);
  });

  test("finds losses that are off or missing", () => {
    const expected = workloads.W7.expected_losses;
    expect(differences("W7", { losses: expected.map((loss) => loss * (1 + 0.9e-4)) })).toEqual([]);
    expect(differences("W7", { losses: expected.map((loss) => loss * (1 + 1.1e-4)) })).toHaveLength(3);
    expect(differences("W7", { losses: expected.slice(0, 2) })).toEqual([expect.stringContaining("loss 3")]);
    expect(differences("W7", { losses: [Number.NaN, ...expected.slice(1)] })).toHaveLength(1);
    expect(differences("W7", {})).toHaveLength(3);
  });

  test("finds wrong products, sums and accuracies", () => {
    const corners = workloads.W4.expected_corners;
    expect(differences("W4", { corners })).toEqual([]);
    expect(differences("W4", { corners: { ...corners, 512: [15.8917113, -9.7] } })).toEqual([
      expect.stringContaining("corner 2 of 512"),
    ]);
    const { value, grad_sum: gradientSum, grad_first: gradientFirst } = workloads.W6.expected;
    const evidence = { value, gradientSum, gradientFirst };
    expect(differences("W6", evidence)).toEqual([]);
    expect(differences("W6", { ...evidence, value: value * 1.003 })).toHaveLength(1);
    expect(differences("W6", { ...evidence, value: value * 1.003 }, 5e-3)).toEqual([]);
    const { expected_losses: losses } = workloads.W8;
    expect(differences("W8", { losses, accuracy: 0.951 })).toEqual([]);
    expect(differences("W8", { losses, accuracy: 0.9 })).toEqual([expect.stringContaining("accuracy")]);
  });
});
