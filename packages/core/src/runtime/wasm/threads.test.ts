import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { DeviceError } from "../../base/errors.ts";
import { ModuleBuilder } from "../../codegen/wasm/encoder.ts";
import { i32 } from "../../codegen/wasm/instructions.ts";
import type { Kernel, Plan } from "../../kernel/ir.ts";
import { apply, input, literal, load, output, strided } from "../../testing/expr.ts";
import { firstDifference, runPlan, samples } from "../../testing/plan-case.ts";
import { planCases } from "../../testing/plans.ts";
import { randomPlan } from "../../testing/random-plans.ts";
import { createWasmDevice } from "./device.ts";
import { wasmFeatures } from "./features.ts";
import { threadCount } from "./thread-count.ts";
import { type SharedKernel, ThreadPool } from "./threads.ts";

const features = { ...wasmFeatures(), minSharedNs: 0 };
const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs units one by one, the last one first. */
class Backwards extends ThreadPool {
  runs = 0;
  constructor() {
    super(2);
  }
  override add(): number {
    return 0;
  }
  override run(kernel: SharedKernel, operands: number, params: number, status: number, work: number): void {
    this.runs++;
    for (let unit = kernel.units - 1; unit >= 0; unit--) kernel.run(operands, params, status, work, unit, unit + 1);
  }
}

test("workers start with the first large buffer, before there are kernels", () => {
  const pool = new ThreadPool(3);
  const device = createWasmDevice(features, pool);
  const small = device.allocate(1000);
  expect(pool.size).toBe(0);
  const large = device.allocate(1_000_000);
  expect(pool.size).toBe(2);
  const another = device.allocate(1_000_000);
  expect(pool.size).toBe(2);
  for (const buffer of [small, large, another]) device.free(buffer);
});

describe("units", () => {
  const pool = new Backwards();
  const apart = createWasmDevice(features, pool);
  const whole = createWasmDevice(features, null);

  test("of plans written by hand give the same bits in any order", () => {
    for (const { name, plan, inputs, params } of planCases) {
      const expected = runPlan(whole, plan, inputs, params);
      const actual = runPlan(apart, plan, inputs, params);
      expect(actual.error).toEqual(expected.error);
      if (!expected.error)
        expected.outputs.forEach((values, i) => {
          const output = actual.outputs[i];
          expect(output && firstDifference(output, values, 0), `output ${i} of ${name}`).toBeNull();
        });
    }
    expect(pool.runs).toBeGreaterThan(10);
  });

  test("of random plans give the same bits in any order", () => {
    pool.runs = 0;
    for (let seed = 0; seed < 300; seed++) {
      const { plan, inputs, params } = randomPlan(seed);
      const expected = runPlan(whole, plan, inputs, params);
      const actual = runPlan(apart, plan, inputs, params);
      expected.outputs.forEach((values, i) => {
        const output = actual.outputs[i];
        expect(output && firstDifference(output, values, 0), `output ${i} of seed ${seed}`).toBeNull();
      });
    }
    expect(pool.runs).toBeGreaterThan(50);
  });

  test.each([...products(), ...routines()])("of $name give the same bits in any order", ({ plan, inputs }) => {
    pool.runs = 0;
    const [expected] = runPlan(whole, plan, inputs, []).outputs;
    const [actual] = runPlan(apart, plan, inputs, []).outputs;
    expect(actual && expected && firstDifference(actual, expected, 0)).toBeNull();
    expect(pool.runs).toBe(1);
  });
});

interface Case {
  readonly name: string;
  readonly plan: Plan;
  readonly inputs: readonly Float32Array[];
}

/** Products large enough to be cut, in all layouts, plain and with stores that do more. */
function products(): Case[] {
  const sizes = [
    [1, 130, 300, 90],
    [1, 700, 40, 70],
    [1, 260, 270, 700],
    [5, 70, 90, 110],
    [3, 33, 200, 400],
  ] as const;
  return sizes.flatMap(([batch, m, n, k]) =>
    [0, 1, 2, 3, 4].map((variant) => {
      const dims = [batch, m, n, k];
      const [turnedA, turnedB, fused] = [(variant & 1) === 1, (variant & 2) === 2, variant === 4];
      const a = strided(dims, turnedA ? [m * k, 1, 0, m] : [m * k, k, 0, 1]);
      const b = strided(dims, turnedB ? [n * k, 0, k, 1] : [n * k, 0, 1, n]);
      const result = { kind: "acc", dtype: "float32", index: 0 } as const;
      const bias = load(2, strided(dims, [0, 0, 1, 0]));
      const kernel: Kernel = {
        form: "contract",
        batch: [batch],
        m: [m],
        n: [n],
        k: [k],
        dtype: "float32",
        a: load(0, a),
        b: load(1, b),
        stores: [
          {
            slot: 3,
            dtype: "float32",
            view: strided(dims, [m * n, n, 1, 0]),
            value: fused ? apply("max", apply("add", result, bias), literal(0)) : result,
          },
        ],
      };
      const slots = [input(0, batch * m * k), input(1, batch * n * k), input(2, n), output(0, batch * m * n)];
      return {
        name: `${batch} × ${m} × ${n} × ${k}, variant ${variant}`,
        plan: { kernels: [kernel], slots, params: [], checks: [], scratchBytes: 0, commitFrom: 1 },
        inputs: [samples(batch * m * k, 1), samples(batch * n * k, 2), samples(n, 3)],
      };
    }),
  );
}

/** Routines that are cut into rows. */
function routines(): Case[] {
  const routine = (name: string, numbers: readonly number[], inputs: Float32Array[], size: number): Case => ({
    name,
    plan: {
      kernels: [
        {
          form: "routine",
          name,
          inputs: inputs.map((x, slot) => ({ slot, dtype: slot === 0 ? "float32" : "int32", size: x.length })),
          output: { slot: inputs.length, dtype: name === "argsort" ? "int32" : "float32", size },
          numbers,
          check: -1,
        },
      ],
      slots: [
        ...inputs.map((x, i) => ({
          ...input(i, x.length),
          dtype: i === 0 ? ("float32" as const) : ("int32" as const),
        })),
        { ...output(0, size), dtype: name === "argsort" ? "int32" : "float32" },
      ],
      params: [],
      checks: [],
      scratchBytes: 0,
      commitFrom: 1,
    },
    inputs,
  });
  // Indices as the bits of floats: the plan reads them as int32.
  const indices = new Float32Array(Int32Array.from({ length: 40 }, (_, i) => (i * 7) % 9).buffer);
  return [
    routine("argsort", [30, 21, 0], [samples(630, 1)], 630),
    routine("scan", [12, 10, 3, 0, 0], [samples(360, 2)], 360),
    routine("take", [1, 1, 8, 5, 40], [samples(40, 3), indices], 200),
  ];
}

/** A map that takes a while. */
function longMap(size: number): Case {
  const x = load(0, strided([size], [1]));
  const value = apply("tanh", apply("exp", apply("erf", apply("sin", x))));
  const store = { slot: 1, dtype: "float32", view: strided([size], [1]), value } as const;
  return {
    name: `a map of ${size}`,
    plan: {
      kernels: [{ form: "map", outer: [size], inner: [], stages: [{ kind: "once", store }] }],
      slots: [input(0, size), output(0, size)],
      params: [],
      checks: [],
      scratchBytes: 0,
      commitFrom: 1,
    },
    inputs: [samples(size, 4)],
  };
}

describe.each([2, 3, 4])("%i threads", (threads) => {
  test("give what one gives, and all take part", async () => {
    const pool = new ThreadPool(threads);
    const device = createWasmDevice(features, pool);
    const alone = createWasmDevice(features, null);
    const cases = [longMap(100_003), ...products()].map((one) => {
      const executable = device.compile(one.plan);
      const [expected = new Float32Array(0)] = runPlan(alone, one.plan, one.inputs, []).outputs;
      return { ...one, executable, expected };
    });
    const end = performance.now() + 20_000;
    for (let round = 0; round < 5 || (pool.claims.includes(0) && performance.now() < end); round++) {
      for (const { name, plan, inputs, executable, expected } of cases) {
        const { outputs, error } = runPlan(device, plan, inputs, [], executable);
        expect(error).toBeNull();
        expect(outputs[0] && firstDifference(outputs[0], expected, 0), name).toBeNull();
      }
      await soon(5);
    }
    expect(pool.size).toBe(threads - 1);
    expect(Math.min(...pool.claims)).toBeGreaterThan(0);
  });

  test("run small kernels as one does", async () => {
    const device = createWasmDevice(features, new ThreadPool(threads));
    const alone = createWasmDevice(features, null);
    for (let seed = 500; seed < 600; seed++) {
      const { plan, inputs, params } = randomPlan(seed);
      const expected = runPlan(alone, plan, inputs, params).outputs;
      const executable = device.compile(plan);
      for (let round = 0; round < 3; round++)
        runPlan(device, plan, inputs, params, executable).outputs.forEach((values, i) => {
          expect(firstDifference(values, expected[i] ?? values, 0), `seed ${seed}`).toBeNull();
        });
      if (seed % 10 === 0) await soon(5);
    }
  });
});

test("memory grows under the workers' feet", async () => {
  const pool = new ThreadPool(3);
  const device = createWasmDevice(features, pool);
  const { plan, inputs } = longMap(200_000);
  const executable = device.compile(plan);
  const [expected = new Float32Array(0)] = runPlan(device, plan, inputs, [], executable).outputs;
  const held = [];
  for (let round = 0; round < 30; round++) {
    held.push(device.allocate(8 << 20));
    const before = pool.claims.reduce((sum, n) => sum + n, 0);
    const { outputs } = runPlan(device, plan, inputs, [], executable);
    expect(outputs[0] && firstDifference(outputs[0], expected, 0)).toBeNull();
    if (before === 0) await soon(10);
  }
  expect(Math.max(...pool.claims)).toBeGreaterThan(0);
});

describe("a worker that", () => {
  /** A kernel that does something in workers alone: there, `work` is not 0. */
  function kernelOf(pool: ThreadPool, inWorker: "loops" | "fails"): SharedKernel {
    const module = new ModuleBuilder();
    module.importMemory({ module: "env", name: "memory", minimumPages: 0, maximumPages: 1, shared: true });
    const f = module.function(["i32", "i32", "i32", "i32", "i32", "i32"], null);
    const work = f.param("i32", 3);
    if (inWorker === "loops") f.while(work, () => {});
    else f.if(work, () => f.store(i32.const(-4), work));
    module.export("k0", f);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const id = pool.add(pool, new WebAssembly.Module(module.finish()), memory, 1);
    const run = (): void => {
      const end = performance.now() + 20;
      while (performance.now() < end);
    };
    return { run, id, units: 64, leastUnits: 1, laterFrom: 0, workStep: 64, workNs: 1e6, unitMs: 100 };
  }
  const untilItFails = async (pool: ThreadPool, kernel: SharedKernel): Promise<unknown> => {
    for (let round = 0; round < 100; round++) {
      try {
        pool.run({ ...kernel, units: 4 }, 0, 0, 0, 0, true);
      } catch (error) {
        return error;
      }
      await soon(20);
    }
    return null;
  };

  test("does not end is given up with an error; the others go on", async () => {
    const pool = new ThreadPool(2, 300);
    const error = await untilItFails(pool, kernelOf(pool, "loops"));
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toContain("expected thread 1 to finish its part of a kernel, got none for 0.3 s");
    expect(pool.size).toBe(0);
    const device = createWasmDevice(features, pool);
    const { plan, inputs } = longMap(50_000);
    expect(runPlan(device, plan, inputs, []).error).toBeNull();
  });

  test("fails ends the plan with an error, and is there for the next", async () => {
    const pool = new ThreadPool(2);
    const error = await untilItFails(pool, kernelOf(pool, "fails"));
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toContain("an error in one of the threads");
    expect(pool.size).toBe(1);
  });
});

test("small plans wake workers when many come one after the other", { timeout: 60_000 }, async () => {
  const pool = new ThreadPool(2);
  const device = createWasmDevice(features, pool);
  const claims = (): number => pool.claims.reduce((sum, n) => sum + n, 0);
  const { plan, inputs } = longMap(200_000);
  const large = device.compile(plan);
  while (claims() === 0) {
    runPlan(device, plan, inputs, [], large);
    await soon(10);
  }
  const small = longMap(20_000);
  const executable = device.compile(small.plan);
  await soon(100);
  const before = claims();
  const deadline = performance.now() + 30_000;
  while (claims() === before && performance.now() < deadline) runPlan(device, small.plan, small.inputs, [], executable);
  expect(claims()).toBeGreaterThan(before);
});

test.each([
  [8, 1, 2, "0-2 2-3 3-4 4-6 6-7 7-8"],
  [7, 1, 3, "0-1 1-2 2-3 3-4 4-5 5-6 6-7"],
  [2, 1, 4, "0-1 1-2"],
  [10, 4, 2, "0-4 4-5 5-9 9-10"],
])(
  "%i units, at least %i at a time, of %i threads are claimed range by range",
  (units, leastUnits, threads, claims) => {
    const made: string[] = [];
    const run = (_o: number, _p: number, _s: number, _w: number, from: number, to: number): void => {
      made.push(`${from}-${to}`);
    };
    const sizes = { units, leastUnits, laterFrom: 0, workStep: 64 };
    new ThreadPool(threads).run({ run, id: 0, ...sizes, workNs: 1e6, unitMs: 100 }, 0, 0, 0, 0, true);
    expect(made.join(" ")).toBe(claims);
  },
);

test("jobs that nobody else takes part in are no reason to rest", () => {
  class Observed extends ThreadPool {
    get isResting(): boolean {
      return this.balance.isResting(performance.now());
    }
  }
  const pool = new Observed(2);
  let tookMs = 0;
  const run = (): void => {
    const end = performance.now() + tookMs;
    while (performance.now() < end);
  };
  const kernel: SharedKernel = {
    run,
    id: 0,
    units: 1,
    leastUnits: 1,
    laterFrom: 0,
    workStep: 64,
    workNs: 1e6,
    unitMs: 100,
  };
  pool.run(kernel, 0, 0, 0, 0, true);
  tookMs = 20;
  pool.run(kernel, 0, 0, 0, 0, true);
  expect(pool.isResting).toBe(false);
});

test("where threads are forbidden there is one", () => {
  const find = process.getBuiltinModule;
  class Worker {
    constructor() {
      throw new Error("Access to this API has been restricted");
    }
  }
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
    name === "node:worker_threads" ? { Worker } : find(name)) as typeof find);
  try {
    const pool = new ThreadPool(3);
    const { plan, inputs } = longMap(50_000);
    const expected = runPlan(createWasmDevice(features, null), plan, inputs, []);
    expect(runPlan(createWasmDevice(features, pool), plan, inputs, [])).toEqual(expected);
    expect([expected.error, pool.size]).toEqual([null, 0]);
  } finally {
    vi.restoreAllMocks();
  }
});

test("the process ends by itself, whatever its threads do", () => {
  const path = (name: string): string => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  const program = `
    const { createWasmDevice } = await import(${path("device.ts")});
    const { ThreadPool } = await import(${path("threads.ts")});
    const pool = new ThreadPool(3);
    const device = createWasmDevice(${JSON.stringify(features)}, pool);
    const plan = ${JSON.stringify(longMap(300_000).plan)};
    const executable = device.compile(plan);
    const buffers = [device.allocate(1200000), device.allocate(1200000)];
    while (Math.min(...pool.claims) === 0) {
      executable.run([buffers[0]], [buffers[1]], []);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    executable.run([buffers[0]], [buffers[1]], []);
    console.log("done");`;
  const flags = ["--import", "tsx", "--input-type=module"];
  const printed = execFileSync(process.execPath, [...flags, "-e", program], { timeout: 60_000 });
  expect(printed.toString()).toBe("done\n");
});

describe("the number of threads", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.unstubAllEnvs();
  });

  test("is COTANGENT_THREADS", () => {
    vi.stubEnv("COTANGENT_THREADS", "3");
    expect(threadCount()).toBe(3);
    for (const wrong of ["0", "-1", "two", "1.5"]) {
      vi.stubEnv("COTANGENT_THREADS", wrong);
      expect(() => threadCount()).toThrow(`COTANGENT_THREADS: expected a number of threads, got "${wrong}"`);
    }
  });

  test("is that of the machine otherwise, and 1 where memory cannot be shared", () => {
    vi.stubEnv("COTANGENT_THREADS", "");
    expect(threadCount()).toBeGreaterThanOrEqual(1);
    vi.stubGlobal("process", undefined);
    expect(threadCount()).toBe(1);
    vi.stubGlobal("Worker", class {});
    vi.stubGlobal("crossOriginIsolated", true);
    vi.stubGlobal("navigator", { hardwareConcurrency: 4 });
    expect(threadCount()).toBe(4);
    vi.stubGlobal("SharedArrayBuffer", undefined);
    expect(threadCount()).toBe(1);
  });
});
