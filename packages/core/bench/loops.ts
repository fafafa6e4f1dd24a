// How fast generated loop kernels run: `npx node packages/core/bench/loops.ts [name]`.
import type { DType } from "../src/base/dtype.ts";
import type { Instruction } from "../src/base/instruction.ts";
import { contiguousStrides, sizeOf } from "../src/base/shape.ts";
import { emitModule } from "../src/codegen/wasm/emit.ts";
import { loadKernel } from "../src/codegen/wasm/harness.ts";
import type { Expr, LoopKernel, Stage } from "../src/kernel/ir.ts";

const load = (slot: number, shape: readonly number[], strides: readonly number[], offset = 0): Expr => ({
  kind: "load",
  dtype: "float32",
  slot,
  view: { shape, offset, strides, guards: [] },
});
const apply = (op: Instruction, ...args: Expr[]): Expr => ({ kind: "apply", op, dtype: "float32", args });
const number = (value: number): Expr => ({ kind: "literal", dtype: "float32", value });
const acc = (index: number): Expr => ({ kind: "acc", dtype: "float32", index });
const store = (
  kind: "once" | "each",
  slot: number,
  value: Expr,
  shape: readonly number[],
  strides: readonly number[],
): Stage => ({
  kind,
  store: { slot, dtype: value.dtype, view: { shape, offset: 0, strides, guards: [] }, value },
});
const fold = (op: "add" | "max", value: Expr): Stage => ({ kind: "fold", op, dtype: "float32", value });

const map = (shape: readonly number[], value: Expr, slot: number): LoopKernel => ({
  form: "map",
  outer: shape,
  inner: [],
  stages: [store("once", slot, value, shape, contiguousStrides(shape))],
});
const unary = (n: number, make: (x: Expr) => Expr): LoopKernel => map([n], make(load(0, [n], [1])), 1);
const softmax = (rows: number, n: number): LoopKernel => {
  const x = load(0, [rows, n], [n, 1]);
  const e = apply("exp", apply("sub", x, acc(0)));
  const stages = [fold("max", x), fold("add", e), store("each", 1, apply("div", e, acc(1)), [rows, n], [n, 1])];
  return { form: "rowwise", outer: [rows], inner: [n], stages };
};
const layerNorm = (rows: number, n: number): LoopKernel => {
  const x = load(0, [rows, n], [n, 1]);
  const centered = apply("sub", x, apply("mul", acc(0), number(1 / n)));
  const scale = apply("div", number(1), apply("sqrt", apply("add", apply("mul", acc(1), number(1 / n)), number(1e-5))));
  const stages = [
    fold("add", x),
    fold("add", apply("mul", centered, centered)),
    store("each", 1, apply("mul", centered, scale), [rows, n], [n, 1]),
  ];
  return { form: "rowwise", outer: [rows], inner: [n], stages };
};
const sum = (
  outer: readonly number[],
  inner: readonly number[],
  strides: readonly number[],
  op: "add" | "max" = "add",
): LoopKernel => ({
  form: "reduce",
  outer,
  inner,
  stages: [
    fold(op, load(0, [...outer, ...inner], strides)),
    store("once", 1, acc(0), [...outer, ...inner], [...contiguousStrides(outer), ...inner.map(() => 0)]),
  ],
});
const gelu = (x: Expr): Expr =>
  apply(
    "mul",
    apply("mul", x, number(0.5)),
    apply("add", number(1), apply("erf", apply("mul", x, number(Math.SQRT1_2)))),
  );
const padded = (h: number, w: number): LoopKernel => {
  const shape = [h + 2, w + 2];
  const guards = [
    { coefficients: [1, 0], offset: -1, size: h, step: 1, stride: 0 },
    { coefficients: [0, 1], offset: -1, size: w, step: 1, stride: 0 },
  ];
  return map(
    shape,
    { kind: "load", dtype: "float32", slot: 0, view: { shape, offset: -w - 1, strides: [w, 1], guards } },
    1,
  );
};

const adam = (n: number): LoopKernel => {
  const [p, g, m, v] = [0, 1, 2, 3].map((slot) => load(slot, [n], [1]));
  if (!p || !g || !m || !v) throw new Error();
  const m1 = apply("add", apply("mul", m, number(0.9)), apply("mul", g, number(0.1)));
  const v1 = apply("add", apply("mul", v, number(0.999)), apply("mul", apply("mul", g, g), number(0.001)));
  const p1 = apply(
    "sub",
    p,
    apply("div", apply("mul", m1, number(0.001)), apply("add", apply("sqrt", v1), number(1e-8))),
  );
  return {
    form: "map",
    outer: [n],
    inner: [],
    stages: [store("once", 0, p1, [n], [1]), store("once", 2, m1, [n], [1]), store("once", 3, v1, [n], [1])],
  };
};

const repeated = (a: number, b: number, n: number): LoopKernel => {
  const shape = [a, b, n, 2, n, 2];
  return map(shape, load(0, shape, [b * n * n, n * n, n, 0, 1, 0]), 1);
};
const maxPool = (images: number, n: number): LoopKernel => {
  const shape = [images, n, n, 2, 2];
  return {
    form: "reduce",
    outer: [images, n, n],
    inner: [2, 2],
    stages: [
      fold("max", load(0, shape, [4 * n * n, 4 * n, 2, 2 * n, 1])),
      store("once", 1, acc(0), shape, [n * n, n, 1, 0, 0]),
    ],
  };
};

const cases: { [name: string]: { kernel: LoopKernel; sizes: readonly number[] } } = {
  "add 64k (cache)": {
    kernel: map([65536], apply("add", load(0, [65536], [1]), load(1, [65536], [1])), 2),
    sizes: [65536, 65536, 65536],
  },
  "add 8M": {
    kernel: map([8 << 20], apply("add", load(0, [8 << 20], [1]), load(1, [8 << 20], [1])), 2),
    sizes: [8 << 20, 8 << 20, 8 << 20],
  },
  "bias 128x256": {
    kernel: map(
      [128, 256],
      apply("max", number(0), apply("add", load(0, [128, 256], [256, 1]), load(1, [128, 256], [0, 1]))),
      2,
    ),
    sizes: [128 * 256, 256, 128 * 256],
  },
  "adam 235k": { kernel: adam(235146), sizes: [235146, 235146, 235146, 235146] },
  "exp 16k": { kernel: unary(16384, (x) => apply("exp", x)), sizes: [16384, 16384] },
  "tanh 16k": { kernel: unary(16384, (x) => apply("tanh", x)), sizes: [16384, 16384] },
  "log 16k": { kernel: unary(16384, (x) => apply("log", x)), sizes: [16384, 16384] },
  "sin 16k": { kernel: unary(16384, (x) => apply("sin", x)), sizes: [16384, 16384] },
  "pow 16k": { kernel: unary(16384, (x) => apply("pow", apply("abs", x), number(2.5))), sizes: [16384, 16384] },
  "gelu 16k": { kernel: unary(16384, gelu), sizes: [16384, 16384] },
  "softmax 1024x10": { kernel: softmax(1024, 10), sizes: [10240, 10240] },
  "softmax 1024x65": { kernel: softmax(1024, 65), sizes: [66560, 66560] },
  "softmax 128x1000": { kernel: softmax(128, 1000), sizes: [128000, 128000] },
  "layernorm 512x256": { kernel: layerNorm(512, 256), sizes: [131072, 131072] },
  "sum 1M": { kernel: sum([], [1 << 20], [1]), sizes: [1 << 20, 1] },
  "sum 64k": { kernel: sum([], [1 << 16], [1]), sizes: [1 << 16, 1] },
  "max 64k": { kernel: sum([], [1 << 16], [1], "max"), sizes: [1 << 16, 1] },
  "column sums 128x256": { kernel: sum([256], [128], [1, 256]), sizes: [128 * 256, 256] },
  "column sums 4096x1000": { kernel: sum([1000], [4096], [1, 1000]), sizes: [4096000, 1000] },
  "column sums 4096x10": { kernel: sum([10], [4096], [1, 10]), sizes: [40960, 10] },
  "row sums 4096x10": { kernel: sum([4096], [10], [10, 1]), sizes: [40960, 4096] },
  "transpose 512x512": { kernel: map([512, 512], load(0, [512, 512], [1, 512]), 1), sizes: [1 << 18, 1 << 18] },
  "repeat 64x16x14x14": { kernel: repeated(64, 16, 14), sizes: [64 * 16 * 196, 64 * 16 * 784] },
  "max pool 1024x14x14": { kernel: maxPool(1024, 14), sizes: [1024 * 784, 1024 * 196] },
  "pad 254x254": { kernel: padded(254, 254), sizes: [254 * 254, 65536] },
};

const only = process.argv[2];
for (const [name, { kernel, sizes }] of Object.entries(cases)) {
  if (only && !name.includes(only)) continue;
  const slots = sizes.map((size) => new Float32Array(size).map((_, i) => ((i * 7919) % 1000) / 300 + 0.1));
  const dtypes: DType[] = sizes.map(() => "float32");
  const start = performance.now();
  const bytes = emitModule([kernel], { relaxedSimd: true }).length;
  const emitted = performance.now() - start;
  const loaded = loadKernel(kernel, dtypes, slots, [], { relaxedSimd: true });
  const elements = sizeOf([...kernel.outer, ...kernel.inner]);
  const runs = Math.max(3, Math.min(3000, Math.ceil(4e7 / elements)));
  for (let i = 0; i < runs; i++) loaded.run();
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < 5; repeat++) {
    const from = performance.now();
    for (let i = 0; i < runs; i++) loaded.run();
    best = Math.min(best, (performance.now() - from) / runs);
  }
  const perSecond = elements / best / 1e6;
  console.log(
    `${name.padEnd(24)} ${(best * 1000).toFixed(1).padStart(9)} µs ${perSecond.toFixed(2).padStart(7)} G/s  ${bytes} bytes, emitted in ${emitted.toFixed(1)} ms`,
  );
}
