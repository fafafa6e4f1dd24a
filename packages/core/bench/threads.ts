// What threads bring: `npx node packages/core/bench/threads.ts [name] [threads]`. One thread and all take turns while
// nobody else runs on the machine; medians.
import { readFileSync } from "node:fs";

import { elementBytes } from "../src/base/dtype.ts";
import type { Expr, Kernel, LoopKernel, Plan } from "../src/kernel/ir.ts";
import type { Buffer, Device, Executable } from "../src/runtime/device.ts";
import { createWasmDevice } from "../src/runtime/wasm/device.ts";
import { wasmFeatures } from "../src/runtime/wasm/features.ts";
import { ThreadPool } from "../src/runtime/wasm/threads.ts";
import { apply, load, number, product } from "./kernels.ts";

const map = (n: number, value: (x: Expr, y: Expr) => Expr): LoopKernel => ({
  form: "map",
  outer: [n],
  inner: [],
  stages: [
    {
      kind: "once",
      store: {
        slot: 2,
        dtype: "float32",
        view: { shape: [n], offset: 0, strides: [1], guards: [] },
        value: value(load(0, [n], [1]), load(1, [n], [1])),
      },
    },
  ],
});
const gelu = (x: Expr): Expr =>
  apply(
    "mul",
    apply("mul", x, number(0.5)),
    apply("add", number(1), apply("erf", apply("mul", x, number(Math.SQRT1_2)))),
  );

interface Case {
  name: string;
  kernel: Kernel;
  sizes: readonly number[];
  flops: number;
}
const square = (n: number): Case => ({
  name: `matmul ${n}`,
  kernel: product([n, n, n]),
  sizes: [n * n, n * n, n * n],
  flops: 2 * n ** 3,
});
const matrices = (m: number, n: number, k: number): Case => ({
  name: `matmul ${m}x${n}x${k}`,
  kernel: product([m, n, k]),
  sizes: [m * k, k * n, m * n],
  flops: 2 * m * n * k,
});
const loop = (name: string, n: number, value: (x: Expr, y: Expr) => Expr): Case => ({
  name: `${name} ${n}`,
  kernel: map(n, value),
  sizes: [n, n, n],
  flops: n,
});
const cases: Case[] = [
  ...[64, 128, 256, 320, 512, 768, 1024, 2048].map(square),
  matrices(128, 256, 784),
  matrices(784, 256, 128),
  matrices(128, 784, 256),
  matrices(64, 300, 100),
  matrices(1000, 10, 128),
  loop("gelu", 4 << 20, gelu),
  loop("gelu", 1 << 15, gelu),
  loop("gelu", 1 << 12, gelu),
  loop("add", 1 << 12, (x, y) => apply("add", x, y)),
  loop("add", 1 << 17, (x, y) => apply("add", x, y)),
  loop("add", 4 << 20, (x, y) => apply("add", x, y)),
];

const prepare = (device: Device, { kernel, sizes }: Case): (() => void) => {
  const plan: Plan = {
    kernels: [kernel],
    slots: sizes.map((size, i) =>
      i < 2
        ? { kind: "input", dtype: "float32", size, index: i }
        : { kind: "output", dtype: "float32", size, index: 0, alias: -1 },
    ),
    params: [],
    checks: [],
    scratchBytes: 0,
    commitFrom: 1,
  };
  const executable: Executable = device.compile(plan);
  const buffers: Buffer[] = sizes.map((size) => device.allocate(size * elementBytes("float32")));
  for (const [i, buffer] of buffers.entries())
    device.write(
      buffer,
      Float32Array.from({ length: sizes[i] ?? 0 }, (_, j) => ((j * 7919 + i) % 2001) / 1000 - 1),
    );
  const [x, y, z] = buffers;
  if (!x || !y || !z) throw new Error("no buffers");
  return () => executable.run([x, y], [z], []);
};
const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** Whether nobody else runs on this machine now, as far as Linux tells. */
const isQuiet = (): boolean => {
  Atomics.wait(sleeper, 0, 0, 2);
  return process.platform !== "linux" || readFileSync("/proc/loadavg", "utf8").split(" ")[3]?.startsWith("1/") === true;
};
const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;

const wanted = process.argv[2] ?? "";
const threads = Number(process.argv[3] ?? 2);
const one = createWasmDevice(wasmFeatures(), null);
const many = createWasmDevice(wasmFeatures(), new ThreadPool(threads));
for (const test of cases.filter(({ name }) => name.includes(wanted))) {
  const runs = [prepare(one, test), prepare(many, test)];
  const times: number[][] = [[], []];
  await new Promise((resolve) => setTimeout(resolve, 60));
  for (const run of runs) for (let i = 0; i < 30; i++) run();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const once = (run: () => void, count: number): number => {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    return (performance.now() - start) / count;
  };
  const first = runs[0] ?? (() => {});
  const count = Math.max(1, Math.round(2 / once(first, 3)));
  const end = performance.now() + 8000;
  let tries = 0;
  while ((times[0]?.length ?? 0) < 31 && performance.now() < end) {
    tries++;
    if (!isQuiet()) continue;
    const pair = runs.map((run) => once(run, count));
    if (isQuiet()) for (const [i, time] of pair.entries()) times[i]?.push(time);
  }
  const [single = 0, together = 0] = times.map(median);
  const [singleMin = 0, togetherMin = 0] = times.map((list) => Math.min(...list));
  console.log(
    `${times[0]?.length ?? 0}/${tries}`.padEnd(8),
    `${test.name.padEnd(22)} ${(1000 * single).toFixed(1).padStart(10)} µs ${(1000 * together).toFixed(1).padStart(10)} µs  ×${(single / together).toFixed(2)} (min ×${(singleMin / togetherMin).toFixed(2)})  ${(test.flops / single / 1e6).toFixed(1)} → ${(test.flops / together / 1e6).toFixed(1)} G/s`,
  );
}
