import { describe, expect, test } from "vitest";
import { GraphError, IndexError } from "../base/errors.ts";
import { engineStatistics } from "../engine/engine.ts";
import { registerDevice } from "../runtime/devices.ts";
import { createReferenceDevice } from "../runtime/reference.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexSelect } from "./gather.ts";
import { type Profile, profile } from "./profile.ts";
import { softmax } from "./softmax.ts";
import { grad } from "./transforms.ts";

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly tid: number;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
}

const eventsOf = (taken: Profile): TraceEvent[] => JSON.parse(taken.toChromeTrace()).traceEvents;
const runsOf = (taken: Profile): number => taken.kernels.reduce((sum, kernel) => sum + kernel.runs, 0);

describe.each(["wasm", "reference"])("profile on %s", (device) => {
  const values = (shape: [number, number]): Tensor =>
    tensor(
      Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => ((i * 7) % 11) / 11 - 0.4),
      { shape, device },
    );

  test("a matrix product: its name, loops, arithmetic and traffic", async () => {
    const [a, b] = [values([12, 20]), values([20, 7])];
    const taken = await profile(() => a.matmul(b), { repeat: 3 });
    expect(taken.kernels).toHaveLength(1);
    expect(taken.kernels[0]).toMatchObject({
      device,
      operations: ["matmul"],
      form: "contract",
      dims: "12×7 over 20",
      runs: 3,
      flops: 2 * 12 * 7 * 20,
      bytes: 4 * (12 * 20 + 20 * 7 + 12 * 7),
      scratchBytes: 0,
    });
    expect([taken.plans, taken.scratchBytes]).toEqual([1, 0]);
  });

  test("a gradient: what is fused, and numbers that fit together", async () => {
    const [x, w] = [values([12, 20]), values([20, 7])];
    const f = (v: Tensor): Tensor => softmax(x.matmul(v).add(1).relu()).log().sum();
    const taken = await profile(() => grad(f)(w), { repeat: 4 });
    const operations = taken.kernels.flatMap((kernel) => kernel.operations);
    for (const name of ["matmul", "relu", "softmax", "sum"]) expect(operations).toContain(name);
    for (const kernel of taken.kernels) {
      expect(kernel.runs % 4).toBe(0);
      expect(kernel.medianMs).toBeGreaterThan(0);
      expect(kernel.totalMs).toBeGreaterThanOrEqual(kernel.medianMs);
      expect(kernel.gflopsPerSecond).toBeCloseTo(kernel.flops / kernel.medianMs / 1e6, 6);
      expect(kernel.gigabytesPerSecond).toBeCloseTo(kernel.bytes / kernel.medianMs / 1e6, 6);
      expect(kernel.peakShare).toBeGreaterThan(0);
    }
    expect(taken.kernels).toEqual(taken.kernels.toSorted((p, q) => q.totalMs - p.totalMs));
    expect(taken.kernelMs).toBeCloseTo(
      taken.kernels.reduce((sum, kernel) => sum + kernel.totalMs, 0),
      9,
    );
    const outside = taken.phases.reduce((sum, phase) => sum + phase.totalMs, 0);
    for (const { totalMs } of taken.phases) expect(totalMs).toBeGreaterThanOrEqual(0);
    expect(outside + taken.kernelMs).toBeLessThanOrEqual(taken.totalMs + 1e-6);
    expect(taken.peaks?.flopsPerSecond).toBeGreaterThan(1e8);
    expect(taken.peaks?.bytesPerSecond).toBeGreaterThan(1e7);
  });

  test("plans compile in the first call alone", async () => {
    const x = values([3, 5]);
    const compileMs = (taken: Profile): number | undefined =>
      taken.phases.find(({ phase }) => phase === "compile")?.totalMs;
    const f = (): Tensor => x.exp().mul(x).tanh().sum({ axis: 0 });
    expect(compileMs(await profile(f))).toBeGreaterThan(0);
    expect(compileMs(await profile(f, { warmUp: 1, repeat: 2 }))).toBe(0);
  });

  test("a table", async () => {
    const taken = await profile(() => values([3, 5]).exp().sum(), { repeat: 2 });
    const lines = `${taken}`.split("\n");
    expect(lines[0]).toMatch(/^profile: [\d.]+ ms, [\d.]+ ms of them in 1 kernel of 1 plan, 0 B of scratch$/);
    expect(lines[1]).toMatch(/^operations +form +loops +runs +total ms +median +GFLOP\/s +GB\/s +of peak +scratch$/);
    expect(lines[2]).toMatch(
      /^exp \+ sum +reduce +1 over 3×5 +2 +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ +[\d.]+ +\d+ % (mem|fma) +–$/,
    );
    expect(lines.slice(4, 8).map((line) => line.split(" ")[0])).toEqual(["program", "signature", "compile", "launch"]);
    expect(lines.at(-1)).toMatch(/^peaks: [\d.]+ GFLOP\/s of multiply-adds \(fma\), [\d.]+ GB\/s of copying/);
  });

  test("a trace: kernels lie within the spans of their runs", async () => {
    const x = values([6, 6]);
    const taken = await profile(
      async () => {
        await x.matmul(x).exp().data();
        await x.sum().item();
      },
      { repeat: 3 },
    );
    const events = eventsOf(taken);
    const names = events.filter(({ ph }) => ph === "M").map(({ tid }) => tid);
    expect(names).toEqual([1, 2]);
    const complete = events.filter(({ ph }) => ph === "X");
    for (const { ts = -1, dur = -1 } of complete) expect(Math.min(ts, dur)).toBeGreaterThanOrEqual(0);
    const kernels = complete.filter(({ tid }) => tid === 2);
    expect(kernels.map(({ name }) => name)).toEqual(Array.from({ length: 3 }, () => ["matmul + exp", "sum"]).flat());
    expect(kernels).toHaveLength(runsOf(taken));
    const runs = complete.filter(({ name }) => name === "kernels");
    for (const { ts = 0, dur = 0 } of kernels)
      expect(runs.some((run) => (run.ts ?? 0) <= ts + 0.01 && ts + dur <= (run.ts ?? 0) + (run.dur ?? 0) + 0.01)).toBe(
        true,
      );
  });

  test("results are those without it, and nothing is recorded afterwards", async () => {
    const x = values([4, 9]);
    const f = (): Tensor => softmax(x.matmul(x.transpose()).tanh());
    const before = await f().data();
    const results: unknown[] = [];
    const taken = await profile(async () => {
      results.push(await f().data());
    });
    expect(results).toEqual([before]);
    const runs = runsOf(taken);
    expect(await f().data()).toEqual(before);
    expect(runsOf(taken)).toBe(runs);
    expect(runsOf(await profile(() => 1))).toBe(0);
  });

  test("errors pass through and end the recording", async () => {
    const x = values([4, 9]);
    const failing = [
      () => {
        throw new RangeError("mine");
      },
      () => Promise.reject(new RangeError("mine")),
    ];
    for (const f of failing) await expect(profile(f)).rejects.toThrow(new RangeError("mine"));
    const outside = (): Tensor => indexSelect(x, tensor([4], { dtype: "int32", device }), { axis: 0 });
    await expect(profile(outside)).rejects.toThrow(IndexError);
    const taken = await profile(() => x.exp());
    expect(taken.kernels.map((kernel) => kernel.operations)).toEqual([["exp"]]);
  });
});

test("one profile at a time", async () => {
  const first = profile(() => new Promise((resolve) => setTimeout(resolve, 20)));
  await expect(profile(() => 1)).rejects.toThrow(GraphError);
  expect((await first).kernels).toEqual([]);
});

test("arguments are checked", async () => {
  await expect(profile(() => 1, { repeat: 0 })).rejects.toThrow(
    "profile: expected a whole repeat of at least 1, got 0",
  );
  await expect(profile(() => 1, { warmUp: -1 })).rejects.toThrow("whole warmUp");
});

test("equal kernels of different plans are one line", async () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const taken = await profile(() => {
    x.exp().dataSync();
    x.sum().dataSync();
    [x.exp(), x.exp().sum()].map((y) => y.dataSync());
  });
  expect(taken.plans).toBe(3);
  expect(taken.kernels.find((kernel) => kernel.operations.join() === "exp")?.runs).toBe(2);
});

test("a device that cannot time kernels is timed as a whole", async () => {
  registerDevice("untimed", () => {
    const inner = createReferenceDevice();
    return Object.assign(Object.create(inner), {
      name: "untimed",
      compile: (plan: Parameters<typeof inner.compile>[0]) => {
        const executable = inner.compile(plan);
        return { run: executable.run };
      },
    });
  });
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { device: "untimed" },
  );
  const before = engineStatistics().runs;
  const taken = await profile(() => x.exp().sum({ axis: 1 }).mul(x.sum()), { repeat: 2 });
  expect(engineStatistics().runs - before).toBe(2);
  expect(taken.kernels).toHaveLength(1);
  expect(taken.kernels[0]).toMatchObject({
    device: "untimed",
    operations: ["sum", "exp", "mul"],
    form: "plan",
    dims: "2 kernels",
    runs: 2,
  });
});
