// Random programs: device against device, one thread against two, fused against unfused, transforms against each other,
// gradients against differences. `COTANGENT_FUZZ=10000` runs more of them, `COTANGENT_FUZZ_SEED=7` others.
import { stripTypeScriptTypes } from "node:module";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { isFloat } from "../base/dtype.ts";
import { withoutFusion } from "../engine/engine.ts";
import * as cotangent from "../index.ts";
import {
  checkpoint,
  cond,
  deviceNames,
  jvp,
  realize,
  select,
  stack,
  type Tensor,
  tensor,
  unsqueeze,
  vjp,
  vmap,
} from "../index.ts";
import { registerDevice } from "../runtime/devices.ts";
import { createWasmDevice } from "../runtime/wasm/device.ts";
import { wasmFeatures } from "../runtime/wasm/features.ts";
import { registerEagerThreads } from "./eager-threads.ts";
import { gradcheck } from "./gradcheck.ts";
import { asTest, functionText, moveCount, type Program, type ProgramText, type Setting, trace } from "./programs.ts";
import { seededArray, seededValues } from "./seeded-values.ts";

const numRuns = Number(process.env.COTANGENT_FUZZ ?? 150);
const seed = Number(process.env.COTANGENT_FUZZ_SEED ?? 20261101);
const fast = deviceNames().filter((name) => name !== "reference");
const device = fast[0] ?? "reference";
let programsRun = 0;

afterAll(() => {
  console.info(
    `fuzz: ${programsRun} random programs, seed ${seed} (COTANGENT_FUZZ_SEED), no disagreement unless told above`,
  );
});

const programs = (longest: number): fc.Arbitrary<Program> =>
  fc.array(fc.tuple(fc.nat(moveCount * 7 - 1), fc.nat(3), fc.nat(20), fc.nat(63)), {
    minLength: 3,
    maxLength: longest,
    size: "max",
  });

type Function = (...xs: Tensor[]) => Tensor[];

const read = (xs: readonly Tensor[]): number[][] => xs.map((x) => [...x.dataSync()]);

/** Within `tolerance` of the largest finite value of the tensor, and of 1; NaN and infinities where they belong. */
function expectAlike(actual: number[][], expected: number[][], tolerance: number): void {
  expect(actual.map((list) => list.length)).toEqual(expected.map((list) => list.length));
  for (const [k, list] of expected.entries()) {
    const scale = list.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
    for (const [i, y] of list.entries()) {
      const x = actual[k]?.[i] ?? Number.NaN;
      if (!(Math.abs(x - y) <= tolerance * scale) && !Object.is(x, y))
        throw new Error(`result ${k}, element ${i} is ${x} instead of ${y} (largest ${scale})`);
    }
  }
}

/** A program as a function of its leaves, and the leaves. */
function programOf(program: Program, setting: Setting): { f: Function; leaves: readonly Tensor[]; text: ProgramText } {
  const { leaves, text } = trace(program, setting);
  return { f: (...xs) => [...trace(program, { ...setting, leaves: xs }).results], leaves, text };
}

/** Weights for results, to sum them up with. */
const weightsFor = (ys: readonly Tensor[]): Tensor[] =>
  ys.map((y, k) => {
    const { shape, dtype } = y;
    return tensor(seededArray(y.size, { seed: 50 + k, dtype }), { shape, dtype, device: y.device });
  });

/** The results, and the gradients of their weighted sum. */
const withGradients =
  (f: Function): Function =>
  (...xs) => {
    const [ys, pull] = vjp((...inner: Tensor[]) => f(...inner).filter(({ dtype }) => isFloat(dtype)), xs);
    return [...ys, ...pull(weightsFor(ys))];
  };

/** The same as code, for tests to paste. */
const gradientText =
  "const g = (...xs: Tensor[]): Tensor[] => { const [ys, pull] = vjp((...inner: Tensor[]) => f(...inner).filter(({ dtype }) => dtype.startsWith('float')), xs); return [...ys, ...pull(ys.map((y, k) => seededValues([...y.shape], { seed: 50 + k, dtype: y.dtype })))]; };";

interface Property {
  readonly title: string;
  readonly longest: number;
  readonly setting: Setting;
  readonly check: (program: Program, setting: Setting) => void | Promise<void>;
  /** The check as code. */
  readonly text: readonly string[];
  readonly share?: number;
}

const onDevice = (name: string, ...rest: string[]): string[] => [`setDefaultDevice(${JSON.stringify(name)});`, ...rest];

/** Every kernel shared by two threads, and none. */
const threads = { one: "one thread", two: "threads" };
if (fast.includes("wasm")) {
  registerEagerThreads();
  registerDevice(threads.one, () => createWasmDevice(wasmFeatures(), null, threads.one));
}

const [single, double] = [
  { device, dtype: "float32", smooth: false },
  { device, dtype: "float64", smooth: false },
] as const satisfies Setting[];

/** What may stand around a function and must change neither values nor gradients. */
const around: Readonly<Record<string, readonly [(f: Function) => Function, string]>> = {
  "inside of checkpoint": [checkpoint, "checkpoint(f)"],
  "inside of vmap": [
    (f) =>
      (...xs) =>
        vmap(f)(...xs.map((x) => unsqueeze(x, 0))).map((y) => select(y, 0, 0)),
    "(...xs: Tensor[]) => vmap(f)(...xs.map((x) => unsqueeze(x, 0))).map((y) => select(y, 0, 0))",
  ],
  "as both branches of cond": [
    (f) =>
      (...xs) =>
        cond(tensor(true, { device }), f, f, ...xs),
    "(...xs: Tensor[]) => cond(tensor(true), f, f, ...xs)",
  ],
};

const properties: readonly Property[] = [
  {
    title: "give the same values fused and apart, to the last bit",
    longest: 24,
    setting: { ...single, device: "reference", exact: true, odd: true },
    check(program, setting) {
      const apart = withoutFusion(() => read(trace(program, setting).results));
      expect(read(trace(program, setting).results)).toEqual(apart);
    },
    text: onDevice("reference", "expect(read(f(...leaves()))).toEqual(withoutFusion(() => read(f(...leaves()))));"),
  },
  {
    title: "give the same gradients fused and apart, to the last bit",
    longest: 16,
    setting: { ...single, device: "reference", exact: true, odd: true },
    check(program, setting) {
      const gradients = (): number[][] => {
        const { f, leaves } = programOf(program, setting);
        const all = withGradients(f)(...leaves);
        realize(...all);
        return read(all);
      };
      expect(gradients()).toEqual(withoutFusion(gradients));
    },
    text: onDevice(
      "reference",
      gradientText,
      "expect(read(g(...leaves()))).toEqual(withoutFusion(() => read(g(...leaves()))));",
    ),
  },
  {
    title: "give the same values together as alone, to the last bit",
    longest: 24,
    setting: { ...single, device: "reference", exact: true, odd: true, inner: true },
    check(program, setting) {
      const together = trace(program, setting).results;
      realize(...together);
      expect(read(together)).toEqual(withoutFusion(() => read(trace(program, setting).results)));
    },
    text: onDevice(
      "reference",
      "const together = f(...leaves());",
      "realize(...together);",
      "expect(read(together)).toEqual(withoutFusion(() => read(f(...leaves()))));",
    ),
  },
  {
    title: "give the same values read one after the other, the last first, to the last bit",
    longest: 24,
    setting: { ...single, device: "reference", exact: true, odd: true, inner: true },
    check(program, setting) {
      const backwards = read(trace(program, setting).results.toReversed());
      expect(backwards.toReversed()).toEqual(withoutFusion(() => read(trace(program, setting).results)));
    },
    text: onDevice(
      "reference",
      "const backwards = read(f(...leaves()).toReversed());",
      "expect(backwards.toReversed()).toEqual(withoutFusion(() => read(f(...leaves()))));",
    ),
  },
  ...([single, double, { ...single, odd: true }] as const).map(
    (setting): Property => ({
      title: `give the same ${setting.dtype} values on ${device} as on the reference device${"odd" in setting ? ", NaN and infinities too" : ""}`,
      longest: 24,
      setting,
      check(program) {
        const expected = trace(program, { ...setting, device: "reference" });
        const actual = trace(program, setting);
        expectAlike(read(actual.results), read(expected.results), setting.dtype === "float32" ? 4e-6 : 1e-14);
      },
      text: [
        `const [actual, expected] = [${JSON.stringify(device)}, "reference"].map((device) => { setDefaultDevice(device); return read(f(...leaves())); });`,
        "expect(actual).toEqual(expected); // to a tolerance",
      ],
    }),
  ),
  {
    title: `give the same gradients on ${device} as on the reference device`,
    longest: 16,
    setting: { ...single, smooth: true },
    check(program, setting) {
      const on = (name: string): number[][] => {
        const { f, leaves } = programOf(program, { ...setting, device: name });
        return read(withGradients(f)(...leaves));
      };
      expectAlike(on(device), on("reference"), 1e-5);
    },
    text: [
      gradientText,
      `const [actual, expected] = [${JSON.stringify(device)}, "reference"].map((device) => { setDefaultDevice(device); return read(g(...leaves())); });`,
      "expect(actual).toEqual(expected); // to a tolerance",
    ],
  },
  ...(fast.includes("wasm")
    ? [
        {
          title: "give the same bits on one thread and on two",
          longest: 24,
          setting: { ...single, exact: true, odd: true },
          check(program: Program, setting: Setting) {
            const on = (name: string): number[][] => {
              const { f, leaves } = programOf(program, { ...setting, device: name });
              return read(withGradients(f)(...leaves));
            };
            expect(on(threads.two)).toEqual(on(threads.one));
          },
          text: onDevice("wasm", gradientText, "read(g(...leaves())); // with COTANGENT_THREADS=1 and 2"),
        },
        {
          title: "give the same bits on one thread and on two, what jumps and inner values too",
          longest: 24,
          setting: { ...single, exact: true, odd: true, inner: true },
          check(program: Program, setting: Setting) {
            const on = (name: string): number[][] => {
              const { results } = trace(program, { ...setting, device: name });
              realize(...results);
              return read(results);
            };
            expect(on(threads.two)).toEqual(on(threads.one));
          },
          text: onDevice("wasm", "read(f(...leaves())); // with COTANGENT_THREADS=1 and 2"),
        },
      ]
    : []),
  {
    title: "give the same over a batch as in a loop",
    longest: 16,
    setting: double,
    check(program, setting) {
      const { f, leaves } = programOf(program, setting);
      expectBatchIsLoop(f, leaves);
    },
    text: onDevice(
      device,
      "const [one, two] = [leaves(), leaves().map((x) => x.mul(0.8))];",
      "const loop = [f(...one), f(...two)];",
      "const batch = vmap(f)(...one.map((x, i) => stack([x, two[i] as Tensor])));",
      "expect(read(batch)).toEqual(read(batch.map((_, k) => stack(loop.map((ys) => ys[k] as Tensor))))); // to a tolerance",
    ),
  },
  {
    title: "have the same gradients over a batch as in a loop",
    longest: 12,
    setting: { ...double, smooth: true },
    check(program, setting) {
      const { f, leaves } = programOf(program, setting);
      expectBatchIsLoop(withGradients(f), leaves);
    },
    text: onDevice(
      device,
      gradientText,
      "const [one, two] = [leaves(), leaves().map((x) => x.mul(0.8))];",
      "const loop = [g(...one), g(...two)];",
      "const batch = vmap(g)(...one.map((x, i) => stack([x, two[i] as Tensor])));",
      "expect(read(batch)).toEqual(read(batch.map((_, k) => stack(loop.map((ys) => ys[k] as Tensor))))); // to a tolerance",
    ),
  },
  {
    title: "have tangents that are the transpose of their gradients",
    longest: 16,
    setting: { ...double, smooth: true },
    check(program, setting) {
      const { f, leaves } = programOf(program, setting);
      const [ys, pull] = vjp(f, [...leaves]);
      const u = weightsFor(ys);
      const v = leaves.map((x) => x.mul(0.5).add(0.25));
      const [, moved] = jvp(f, [...leaves], v);
      const dot = (a: readonly Tensor[], b: readonly Tensor[]): [sum: number, size: number] => {
        const [left, right] = [read(a).flat(), read(b).flat()];
        expect(left.length).toBe(right.length);
        const terms = left.map((x, i) => x * (right[i] ?? Number.NaN));
        return [terms.reduce((sum, x) => sum + x, 0), terms.reduce((sum, x) => sum + Math.abs(x), 1)];
      };
      const [forwards, size] = dot(moved, u);
      const [backwards, otherSize] = dot(pull(u), v);
      expectAlike([[forwards]], [[backwards]], 1e-12 * Math.max(size, otherSize));
    },
    text: onDevice(
      device,
      gradientText,
      "const moved = jvp(f, leaves(), leaves().map((x) => x.mul(0.5).add(0.25)))[1];",
      "console.log(read(g(...leaves())), read(moved));",
    ),
  },
  ...Object.entries(around).map(
    ([name, [wrap, text]]): Property => ({
      title: `give the same values and gradients ${name}`,
      longest: 12,
      setting: { ...double, smooth: true },
      check(program, setting) {
        const { f, leaves } = programOf(program, setting);
        expectAlike(read(withGradients(wrap(f))(...leaves)), read(withGradients(f)(...leaves)), 1e-12);
      },
      text: onDevice(
        device,
        `const around = ${text};`,
        gradientText,
        `const h = ${gradientText.slice("const g = ".length).replace("f(...inner)", "around(...inner)")}`,
        "expect(read(h(...leaves()))).toEqual(read(g(...leaves()))); // to a tolerance",
      ),
    }),
  ),
  {
    title: "have the gradients that differences say, in both modes and both orders",
    longest: 8,
    setting: { ...double, smooth: true },
    share: 0.1,
    async check(program, setting) {
      const { f, leaves } = programOf(program, setting);
      await gradcheck(f, leaves, { order: leaves.reduce((n, x) => n + x.size, 0) <= 12 ? 2 : 1 });
    },
    text: onDevice(device, "return gradcheck(f, leaves(), { order: 2 }); // from ./gradcheck.ts"),
  },
];

function expectBatchIsLoop(f: Function, leaves: readonly Tensor[]): void {
  const others = leaves.map((x) => x.mul(0.8));
  const loop = [f(...leaves), f(...others)];
  const batch = vmap(f)(...leaves.map((x, i) => stack([x, others[i] ?? x])));
  expectAlike(read(batch), read(batch.map((_, k) => stack(loop.flatMap((ys) => ys[k] ?? [])))), 1e-12);
}

const exported = Object.keys(cotangent);

describe("random programs", { timeout: 60_000 + 200 * numRuns }, () => {
  it.each(properties)("$title", async ({ longest, setting, check, text, share = 1 }) => {
    await fc.assert(
      fc.asyncProperty(programs(longest), async (program) => {
        programsRun++;
        try {
          await check(program, setting);
        } catch (error) {
          const test = asTest(trace(program, setting).text, exported, text);
          throw new Error(`${error instanceof Error ? error.message : error}\n\n${test}\n`);
        }
      }),
      { numRuns: Math.ceil(numRuns * share), seed },
    );
  });

  it("have a text that computes the same", () => {
    const names = [...exported, "seededValues"];
    const values = [...Object.values(cotangent), seededValues];
    const setting: Setting = { ...double, smooth: false };
    fc.assert(
      fc.property(programs(24), (program) => {
        const { leaves, results, text } = trace(program, setting);
        const f: Function = new Function(
          ...names,
          `${stripTypeScriptTypes(`const f = ${functionText(text)};`)} return f;`,
        )(...values);
        expect(read(f(...leaves))).toEqual(read(results));
        expect(() => stripTypeScriptTypes(asTest(text, exported, gradientText.split("\n")))).not.toThrow();
      }),
      { numRuns: Math.min(numRuns, 300), seed },
    );
  });
});
