// Measures generated matrix products: GFLOP/s of the fastest and the median run, one thread.
import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { contiguousStrides } from "../packages/core/src/base/shape.ts";
import { planContract } from "../packages/core/src/codegen/wasm/contract-plan.ts";
import { loadKernel } from "../packages/core/src/codegen/wasm/harness.ts";
import type { ContractKernel, Expr, Store } from "../packages/core/src/kernel/ir.ts";

interface Groups {
  batch: readonly number[];
  m: readonly number[];
  n: readonly number[];
  k: readonly number[];
}
interface Job {
  name: string;
  kernel: ContractKernel;
  flops: number;
}

const size = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

class Builder {
  readonly groups: Groups;
  readonly dims: readonly number[];
  readonly axes: { batch: number[]; m: number[]; n: number[]; k: number[] };
  constructor(groups: Partial<Groups> & Omit<Groups, "batch">) {
    this.groups = { batch: [], ...groups };
    const { batch, m, n, k } = this.groups;
    this.dims = [...batch, ...m, ...n, ...k];
    let next = 0;
    const range = (sizes: readonly number[]): number[] => sizes.map(() => next++);
    this.axes = { batch: range(batch), m: range(m), n: range(n), k: range(k) };
  }
  laid(...order: readonly (readonly number[])[]): number[] {
    const axes = order.flat();
    const inner = contiguousStrides(axes.map((axis) => this.dims[axis] ?? 1));
    const strides = this.dims.map(() => 0);
    axes.forEach((axis, i) => {
      strides[axis] = inner[i] ?? 0;
    });
    return strides;
  }
  load(slot: number, strides: readonly number[]): Expr {
    return { kind: "load", dtype: "float32", slot, view: { shape: this.dims, offset: 0, strides, guards: [] } };
  }
  store(slot: number, value: Expr, strides: readonly number[]): Store {
    return { slot, dtype: "float32", value, view: { shape: this.dims, offset: 0, strides, guards: [] } };
  }
  job(name: string, a: Expr, b: Expr, stores: readonly Store[]): Job {
    const { batch, m, n, k } = this.groups;
    return {
      name,
      kernel: { form: "contract", ...this.groups, dtype: "float32", a, b, stores },
      flops: 2 * size(batch) * size(m) * size(n) * size(k),
    };
  }
}

const acc: Expr = { kind: "acc", dtype: "float32", index: 0 };
const apply = (op: "add" | "max" | "mul" | "sub" | "tanh", ...args: readonly Expr[]): Expr => ({
  kind: "apply",
  dtype: "float32",
  op,
  args,
});

function matrix(m: number, n: number, k: number, layout: string, epilogue = "", batch = 1): Job {
  const c = new Builder({ batch: [batch], m: [m], n: [n], k: [k] });
  const { axes } = c;
  const a = c.load(0, layout[0] === "T" ? c.laid(axes.batch, axes.k, axes.m) : c.laid(axes.batch, axes.m, axes.k));
  const b = c.load(1, layout[1] === "T" ? c.laid(axes.batch, axes.n, axes.k) : c.laid(axes.batch, axes.k, axes.n));
  const bias = c.load(3, c.laid(axes.n));
  const value =
    epilogue === "relu"
      ? apply("max", apply("add", acc, bias), { kind: "literal", dtype: "float32", value: 0 })
      : epilogue === "residual"
        ? apply("add", apply("add", acc, bias), c.load(4, c.laid(axes.batch, axes.m, axes.n)))
        : epilogue === "tanh"
          ? apply("tanh", apply("add", acc, bias))
          : acc;
  const name = `${batch > 1 ? `${batch}× ` : ""}${m}×${n}×${k} ${layout} ${epilogue}`;
  return c.job(name, a, b, [c.store(2, value, c.laid(axes.batch, axes.m, axes.n))]);
}

function conv(images: number, channels: number, side: number, filters: number, window: number, relu = false): Job {
  const out = side - window + 1;
  const c = new Builder({ batch: [images], m: [filters], n: [out, out], k: [channels, window, window] });
  const { batch, m, n, k } = c.axes;
  const bias = c.load(3, c.laid(m));
  const value = relu ? apply("max", apply("add", acc, bias), { kind: "literal", dtype: "float32", value: 0 }) : acc;
  return c.job(
    `conv ${filters}×${channels}·${window}²×${out}² ${images} images ${relu ? "relu" : ""}`,
    c.load(0, c.laid(m, k)),
    c.load(1, [channels * side * side, 0, side, 1, side * side, side, 1]),
    [c.store(2, value, c.laid(batch, m, n))],
  );
}

/** The gradient of the weights: k is images and places. */
function convWeights(images: number, channels: number, side: number, filters: number, window: number): Job {
  const out = side - window + 1;
  const c = new Builder({ m: [filters], n: [channels, window, window], k: [images, out, out] });
  const { m, n } = c.axes;
  return c.job(
    `conv weights ${filters}×${channels}·${window}² over ${images}·${out}²`,
    c.load(0, [out * out, 0, 0, 0, filters * out * out, out, 1]),
    c.load(1, [0, side * side, side, 1, channels * side * side, side, 1]),
    [c.store(2, acc, c.laid(m, n))],
  );
}

const layouts = ["NN", "NT", "TN", "TT"];
const jobs: Job[] = [
  ...[64, 128, 256, 512, 1024].flatMap((n) => layouts.map((layout) => matrix(n, n, n, layout))),
  matrix(128, 256, 784, "NN"),
  matrix(128, 256, 784, "NT"),
  matrix(128, 256, 784, "NT", "relu"),
  matrix(128, 256, 784, "NT", "tanh"),
  matrix(128, 10, 256, "NT"),
  matrix(128, 10, 256, "NT", "relu"),
  matrix(784, 256, 128, "TN"),
  matrix(256, 784, 128, "TN"),
  matrix(256, 784, 128, "TN", "residual"),
  matrix(10, 256, 128, "TN"),
  matrix(128, 256, 10, "NN"),
  matrix(512, 512, 512, "NT", "relu"),
  matrix(512, 512, 512, "NT", "residual"),
  matrix(1, 1024, 1024, "NN"),
  matrix(1, 1024, 1024, "NT"),
  matrix(1024, 1, 1024, "NN"),
  matrix(1024, 1, 1024, "TN"),
  matrix(64, 64, 32, "NT", "", 64),
  matrix(64, 32, 64, "NN", "", 64),
  conv(64, 1, 28, 24, 5),
  conv(64, 1, 28, 24, 5, true),
  conv(64, 24, 12, 32, 3),
  conv(64, 24, 12, 32, 3, true),
  conv(16, 64, 34, 64, 3),
  convWeights(64, 1, 28, 24, 5),
  convWeights(64, 24, 12, 32, 3),
];

const features = {
  wide: { relaxedSimd: true, wideVectors: true },
  relaxed: { relaxedSimd: true },
  baseline: { relaxedSimd: false },
};
type Mode = keyof typeof features;

function measure({ kernel, flops }: Job, mode: Mode): { best: number; median: number; bytes: number } {
  const sizes: number[] = [];
  const loads = [kernel.a, kernel.b, ...kernel.stores.flatMap((store) => [store, ...leaves(store.value)])];
  for (const one of loads) {
    if (!("slot" in one)) continue;
    const { view } = one;
    const count = view.shape.reduce((sum, n, i) => sum + (n - 1) * (view.strides[i] ?? 0), 1);
    sizes[one.slot] = Math.max(sizes[one.slot] ?? 0, 4 * count);
  }
  for (let i = 0; i < sizes.length; i++) sizes[i] ??= 0;
  const slots = sizes.map((bytes) => new Float32Array(bytes / 4).map(() => Math.random() - 0.5));
  const dtypes = slots.map(() => "float32" as const);
  const loaded = loadKernel(kernel, dtypes, slots, [], features[mode]);
  const time = (count: number): number => {
    // Time of the processor, so that other work on the machine counts less.
    const start = process.cpuUsage().user;
    for (let i = 0; i < count; i++) loaded.run();
    return (process.cpuUsage().user - start) / 1000 / count;
  };
  const until = performance.now() + 150;
  while (performance.now() < until) time(1);
  const count = Math.max(1, Math.ceil(6 / (time(16) + 1e-4)));
  const rounds = Array.from({ length: 15 }, () => time(count)).sort((a, b) => a - b);
  const rate = (ms: number): number => flops / ms / 1e6;
  return { best: rate(rounds[0] ?? 0), median: rate(rounds[7] ?? 0), bytes: loaded.moduleBytes };
}

const leaves = (expr: Expr): Expr[] => (expr.kind === "apply" ? expr.args.flatMap(leaves) : [expr]);

const command = new Command("bench-contract")
  .description("Times generated matrix products: GFLOP/s of the fastest and the median run, one thread.")
  .argument("[filter]", "only products whose name has this in it")
  .option("--wide", "vectors of eight, the default")
  .option("--relaxed", "vectors of four, relaxed instructions")
  .option("--baseline", "what every engine with vectors has")
  .parse();
const [filter = ""] = command.args;
const chosen = command.opts<Partial<Record<Mode, true>>>();
// The flag holds for the whole process, and changes what the other modes measure: one mode in a process.
const mode = (["wide", "relaxed", "baseline"] as const).find((one) => chosen[one]) ?? "wide";
if (mode === "wide") setFlagsFromString("--experimental-wasm-revectorize");
console.log(`GFLOP/s, ${mode}: median (best); module bytes; tile, blocks m n k, packed, stores`);
for (const job of jobs.filter(({ name }) => name.includes(filter))) {
  const { best, median, bytes } = measure(job, mode);
  const plan = planContract(job.kernel, mode === "wide");
  const how =
    plan.kind === "gemm"
      ? `${plan.tile.rows}×${plan.tile.columns}, ${plan.rowBlock}/${plan.rowChunk} ${plan.columnBlock} ${plan.kBlock}, ${plan.a.packed ? "a" : ""}${plan.b.packed ? "b" : ""} ${plan.epilogue.kind}`
      : plan.kind;
  console.log(
    `${job.name.padEnd(44)} ${median.toFixed(1).padStart(6)} (${best.toFixed(1).padStart(5)}) ${bytes} B  ${how}`,
  );
}
