// How fast products run on one thread, by themselves: `npx node packages/core/bench/contract.ts [name]`. Medians.
import { contiguousStrides, sizeOf } from "../src/base/shape.ts";
import { planContract } from "../src/codegen/wasm/contract-plan.ts";
import { loadKernel } from "../src/codegen/wasm/harness.ts";
import type { ContractKernel, Expr } from "../src/kernel/ir.ts";
import { wasmFeatures } from "../src/runtime/wasm/features.ts";
import { apply, type Finish, type Load, load, number, product, result, store } from "./kernels.ts";

const bias: Finish = (dims, rows) => [
  store(2, rows, apply("max", number(0), apply("add", result, load(3, dims, [0, 1, 0])))),
];
/** The gradient, and what Adam makes of it. */
const adam: Finish = (dims, rows) => {
  const [m, v, p] = [3, 4, 5].map((slot) => load(slot, dims, rows.view.strides));
  if (!m || !v || !p) throw new Error("expected three loads");
  const m1 = apply("add", apply("mul", m, number(0.9)), apply("mul", result, number(0.1)));
  const v1 = apply("add", apply("mul", v, number(0.999)), apply("mul", apply("mul", result, result), number(0.001)));
  const step = apply("div", apply("mul", m1, number(0.001)), apply("add", apply("sqrt", v1), number(1e-8)));
  return [store(2, rows, result), store(3, rows, m1), store(4, rows, v1), store(6, rows, apply("sub", p, step))];
};

interface Images {
  readonly images: number;
  readonly from: number;
  readonly to: number;
  readonly window: number;
  readonly size: number;
}

/** Windows over images [images, from, height, width], `size` results high and wide, without padding. */
function convolution({ images, from, to, window, size }: Images, side: "results" | "filter"): ContractKernel {
  const width = size + window - 1;
  const [image, channel, row] = contiguousStrides([images, from, width, width]);
  const [windows, places] = [
    [from, window, window],
    [images, size, size],
  ];
  const filter = contiguousStrides([to, ...windows]);
  const [outImage, outChannel, outRow] = contiguousStrides([images, to, size, size]);
  const isFilter = side === "filter";
  const [n, k] = isFilter ? [windows, places] : [places, windows];
  const order = (here: readonly number[], there: readonly number[]): number[] =>
    isFilter ? [...there, ...here] : [...here, ...there];
  const dims = [to, ...n, ...k];
  const x = load(1, dims, [0, ...order([image ?? 0, row ?? 0, 1], [channel ?? 0, row ?? 0, 1])]);
  const ofFilter = (slot: number): Load =>
    load(slot, dims, [filter[0] ?? 0, ...order([0, 0, 0], [filter[1] ?? 0, filter[2] ?? 0, 1])]);
  const ofResults = (slot: number): Load =>
    load(slot, dims, [outChannel ?? 0, ...order([outImage ?? 0, outRow ?? 0, 1], [0, 0, 0])]);
  return {
    form: "contract",
    batch: [],
    m: [to],
    n,
    k,
    dtype: "float32",
    a: isFilter ? ofResults(0) : ofFilter(0),
    b: x,
    stores: [store(2, isFilter ? ofFilter(2) : ofResults(2), result)],
  };
}

const first: Images = { images: 64, from: 1, to: 24, window: 5, size: 24 };
const second: Images = { images: 64, from: 24, to: 32, window: 3, size: 10 };
const cases: { readonly [name: string]: ContractKernel } = {
  ...Object.fromEntries([256, 512, 1024, 2048].map((n) => [`square ${n}`, product([n, n, n])])),
  "few rows 16x4096x4096": product([16, 4096, 4096]),
  "layer 128x256x784": product([128, 256, 784], ["N", "N"], bias),
  "layer 64x4096x4096": product([64, 4096, 4096], ["N", "N"], bias),
  "layer by input 64x4096x4096": product([64, 4096, 4096], ["N", "T"]),
  "layer by weights 784x256x128, Adam": product([784, 256, 128], ["T", "N"], adam),
  "layer by weights 128x512x1024, Adam": product([128, 512, 1024], ["T", "N"], adam),
  "layer by weights 4096x1024x64, Adam": product([4096, 1024, 64], ["T", "N"], adam),
  "layer by weights 4096x4096x64, Adam": product([4096, 4096, 64], ["T", "N"], adam),
  "convolution 5x5": convolution(first, "results"),
  "convolution 5x5 by filter": convolution(first, "filter"),
  "convolution 3x3": convolution(second, "results"),
  "convolution 3x3 by filter": convolution(second, "filter"),
};

/** How many elements each slot must have. */
function sizesOf({ a, b, stores, ...kernel }: ContractKernel): number[] {
  const dims = [...kernel.batch, ...kernel.m, ...kernel.n, ...kernel.k];
  const sizes: number[] = [];
  const note = (slot: number, strides: readonly number[]): void => {
    const size = 1 + strides.reduce((sum, stride, i) => sum + stride * ((dims[i] ?? 1) - 1), 0);
    sizes[slot] = Math.max(sizes[slot] ?? 0, size);
  };
  const visit = (expr: Expr): void => {
    if (expr.kind === "load") note(expr.slot, expr.view.strides);
    if (expr.kind === "apply") expr.args.forEach(visit);
  };
  for (const expr of [a, b, ...stores.map((one) => one.value)]) visit(expr);
  for (const { slot, view } of stores) note(slot, view.strides);
  return Array.from(sizes, (size) => size ?? 0);
}

const features = wasmFeatures();
const wanted = process.argv[2] ?? "";
for (const [name, kernel] of Object.entries(cases)) {
  if (!name.includes(wanted)) continue;
  const slots = sizesOf(kernel).map((size, slot) =>
    Float32Array.from({ length: size }, (_, i) => ((i * 7919 + slot) % 2001) / 2000 + 0.01),
  );
  const { run } = loadKernel(
    kernel,
    slots.map(() => "float32"),
    slots,
    [],
    features,
  );
  const time = (): number => {
    const start = performance.now();
    run();
    return performance.now() - start;
  };
  for (const end = performance.now() + 100; performance.now() < end; ) run();
  const times: number[] = [];
  for (const end = performance.now() + 300; performance.now() < end || times.length < 5; ) times.push(time());
  const ms = times.toSorted((x, y) => x - y)[times.length >> 1] ?? 0;
  const flops = 2 * sizeOf([...kernel.batch, ...kernel.m, ...kernel.n, ...kernel.k]);
  const plan = planContract(kernel, features.wideVectors === true);
  const how =
    plan.kind === "gemm"
      ? `${plan.m}×${plan.n}×${plan.k}, tiles ${plan.tile.rows}×${plan.tile.columns}, blocks ${plan.rowChunk}×${plan.columnBlock}×${plan.kBlock}, packed: ${[plan.a.packed ? "a" : "", plan.b.packed ? "b" : ""].join("") || "none"}`
      : plan.kind;
  console.log(
    `${name.padEnd(38)} ${ms.toFixed(3).padStart(9)} ms ${(flops / ms / 1e6).toFixed(1).padStart(6)} GFLOP/s  ${how}`,
  );
}
