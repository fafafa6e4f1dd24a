// Random programs: device against device, fused against unfused, gradients against differences. `COTANGENT_FUZZ=10000` runs
// more of them, `COTANGENT_FUZZ_SEED=7` others.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reverse } from "../autodiff/reverse.ts";
import { withoutFusion } from "../engine/engine.ts";
import { builder } from "../ops/builder.ts";
import { deviceNames } from "../runtime/devices.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { registerEagerThreads } from "./eager-threads.ts";
import { gradcheck } from "./gradcheck.ts";
import { moveCount, type Program, type Setting, trace } from "./programs.ts";
import { seededArray } from "./seeded-values.ts";

const numRuns = Number(process.env.COTANGENT_FUZZ ?? 150);
const seed = Number(process.env.COTANGENT_FUZZ_SEED ?? 20261101);
registerEagerThreads();
const devices = deviceNames().filter((name) => name !== "reference");
console.info(`fuzz: ${numRuns} programs for each property, seed ${seed}`);

const programs = (longest: number): fc.Arbitrary<Program> =>
  fc.array(fc.tuple(fc.nat(moveCount * 7 - 1), fc.nat(3), fc.nat(20), fc.nat(63)), {
    minLength: 3,
    maxLength: longest,
    size: "max",
  });

const read = (xs: readonly (Tensor | null)[]): number[][] => xs.map((x) => (x ? [...x.dataSync()] : []));

/** Within `tolerance` of the largest value of the tensor, and of 1. */
function expectAlike(actual: number[][], expected: number[][], tolerance: number, what: string): void {
  expect(actual.map((list) => list.length)).toEqual(expected.map((list) => list.length));
  for (const [k, list] of expected.entries()) {
    const scale = list.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    for (const [i, y] of list.entries()) {
      const x = actual[k]?.[i] ?? Number.NaN;
      if (!(Math.abs(x - y) <= tolerance * scale))
        throw new Error(`${what}: result ${k}, element ${i} is ${x} instead of ${y} (largest ${scale})`);
    }
  }
}

/** Says which program failed, in lines that can be pasted into a test. */
function named<T>(text: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${text}`);
  }
}

const gradients = (program: Program, setting: Setting): (Tensor | null)[] => {
  const { leaves, results } = trace(program, setting);
  const cotangents = results.map((y, k) => {
    const values = seededArray(y.size, { seed: 50 + k, dtype: setting.dtype });
    return tensor(values, { shape: y.shape, device: setting.device }).node;
  });
  const found = reverse(
    builder,
    results.map((y) => y.node),
    cotangents,
    leaves.map((x) => x.node),
  );
  return found.map((g) => g && new Tensor(g));
};

describe("random programs", { timeout: 60_000 + 100 * numRuns }, () => {
  it("give the same values fused and apart, to the last bit", () => {
    const setting: Setting = { device: "reference", dtype: "float32", smooth: false };
    fc.assert(
      fc.property(programs(24), (program) => {
        const { results, text } = trace(program, setting);
        named(text, () => {
          const apart = withoutFusion(() => read(trace(program, setting).results));
          expect(read(results)).toEqual(apart);
        });
      }),
      { numRuns, seed },
    );
  });

  for (const device of devices) {
    it.each(["float32", "float64"] as const)(
      `give the same %s values on ${device} as on the reference device`,
      (dtype) => {
        fc.assert(
          fc.property(programs(24), (program) => {
            const expected = trace(program, { device: "reference", dtype, smooth: false });
            const actual = trace(program, { device, dtype, smooth: false });
            named(actual.text, () =>
              expectAlike(read(actual.results), read(expected.results), dtype === "float32" ? 4e-6 : 1e-14, device),
            );
          }),
          { numRuns, seed },
        );
      },
    );

    it(`give the same gradients on ${device} as on the reference device`, () => {
      fc.assert(
        fc.property(programs(16), (program) => {
          const expected = gradients(program, { device: "reference", dtype: "float32", smooth: true });
          const actual = gradients(program, { device, dtype: "float32", smooth: true });
          const { text } = trace(program, { device, dtype: "float32", smooth: true });
          named(text, () => expectAlike(read(actual), read(expected), 1e-5, device));
        }),
        { numRuns, seed },
      );
    });
  }

  it("have the gradients that differences say, in both modes and both orders", async () => {
    const device = devices[0] ?? "reference";
    await fc.assert(
      fc.asyncProperty(programs(8), async (program) => {
        const setting: Setting = { device, dtype: "float64", smooth: true };
        const { leaves, text } = trace(program, setting);
        const f = (...xs: Tensor[]): readonly Tensor[] => trace(program, { ...setting, leaves: xs }).results;
        try {
          await gradcheck(f, leaves, { order: leaves.reduce((n, x) => n + x.size, 0) <= 12 ? 2 : 1 });
        } catch (error) {
          throw new Error(`${error instanceof Error ? error.message : error}\n${text}`);
        }
      }),
      { numRuns: Math.ceil(numRuns / 10), seed },
    );
  });
});
