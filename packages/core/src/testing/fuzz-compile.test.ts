// Random programs, compiled and not. `COTANGENT_FUZZ=10000` runs more of them, `COTANGENT_FUZZ_SEED=7` others.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile, realize, type Tensor, tensor } from "../index.ts";
import { moveCount, type Program, type Setting, trace } from "./programs.ts";
import { seededArray } from "./seeded-values.ts";

const numRuns = Number(process.env.COTANGENT_FUZZ ?? 150);
const seed = Number(process.env.COTANGENT_FUZZ_SEED ?? 20261101);

const programs: fc.Arbitrary<Program> = fc.array(
  fc.tuple(fc.nat(moveCount * 7 - 1), fc.nat(3), fc.nat(20), fc.nat(63)),
  { minLength: 3, maxLength: 24, size: "max" },
);

const read = (xs: readonly Tensor[]): number[][] => xs.map((x) => [...x.dataSync()]);

test("random programs give the same values compiled and not, to the last bit", {
  timeout: 60_000 + 100 * numRuns,
}, () => {
  const setting: Setting = { device: "wasm", dtype: "float32", smooth: false, exact: true, odd: true };
  fc.assert(
    fc.property(programs, (program) => {
      const { leaves } = trace(program, setting);
      const plain = (...xs: Tensor[]): readonly Tensor[] => trace(program, { ...setting, leaves: xs }).results;
      const compiled = compile(plain);
      for (let call = 0; call < 5; call++) {
        const xs = leaves.map(({ size, shape }, i) =>
          tensor(seededArray(size, { seed: 10 * call + i, dtype: "float32" }), { shape, device: "wasm" }),
        );
        // In one plan each: functions with loops and branches are called as they are, and compute nothing yet.
        const [expected, actual] = [plain(...xs), compiled(...xs)];
        realize(...expected);
        realize(...actual);
        expect(read(actual)).toEqual(read(expected));
      }
    }),
    { numRuns, seed },
  );
});
