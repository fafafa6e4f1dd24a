// Matrix products against plain loops: sizes around the tiles, all layouts, and stores of every kind.
import { setFlagsFromString } from "node:v8";
import { beforeAll, describe, expect, it } from "vitest";
import type { DType, TypedArray } from "../../base/dtype.ts";
import { contiguousStrides, sizeOf } from "../../base/shape.ts";
import type { View } from "../../base/view.ts";
import { runKernel } from "../../kernel/interpret.ts";
import type { ContractKernel, Expr, Store } from "../../kernel/ir.ts";
import { contractWorkspaceBytes } from "./contract.ts";
import type { WasmFeatures } from "./features.ts";
import { loadKernel } from "./harness.ts";

interface Dims {
  batch?: readonly number[];
  m: readonly number[];
  n: readonly number[];
  k: readonly number[];
}

const featureSets = [{ relaxedSimd: false }, { relaxedSimd: true }, { relaxedSimd: true, wideVectors: true }];
let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
};
const filled = <T extends TypedArray>(array: T): T => {
  for (let i = 0; i < array.length; i++) array[i] = random();
  return array;
};
/** Sums of these are exact, in any order. */
const wholes = (size: number): Float32Array => Float32Array.from({ length: size }, () => Math.round(8 * random()));
const floats = (size: number): Float32Array => filled(new Float32Array(size));

/** Strides of a buffer that holds the axes named by `order`, outermost first; axes that are not named repeat. */
function laid(dims: readonly number[], order: readonly number[]): number[] {
  const strides = dims.map(() => 0);
  const inner = contiguousStrides(order.map((axis) => dims[axis] ?? 1));
  order.forEach((axis, i) => {
    strides[axis] = inner[i] ?? 0;
  });
  return strides;
}

class Case {
  readonly dims: readonly number[];
  readonly groups: Required<Dims>;
  readonly at: { batch: number[]; m: number[]; n: number[]; k: number[] };
  readonly dtype: DType;
  constructor(groups: Dims, dtype: DType = "float32") {
    this.groups = { batch: [], ...groups };
    this.dtype = dtype;
    const { batch, m, n, k } = this.groups;
    this.dims = [...batch, ...m, ...n, ...k];
    let next = 0;
    const range = (sizes: readonly number[]): number[] => sizes.map(() => next++);
    this.at = { batch: range(batch), m: range(m), n: range(n), k: range(k) };
  }
  view(strides: readonly number[], offset = 0): View {
    return { shape: this.dims, offset, strides, guards: [] };
  }
  load(slot: number, strides: readonly number[], offset = 0): Expr & { kind: "load" } {
    return { kind: "load", dtype: this.dtype, slot, view: this.view(strides, offset) };
  }
  /** A row-major operand or result over the axes given. */
  order(...groups: readonly (readonly number[])[]): number[] {
    return laid(this.dims, groups.flat());
  }
  kernel(a: Expr, b: Expr, stores: readonly Store[]): ContractKernel {
    return { form: "contract", ...this.groups, dtype: this.dtype, a, b, stores };
  }
  acc(): Expr {
    return { kind: "acc", dtype: this.dtype, index: 0 };
  }
  store(slot: number, value: Expr, strides?: readonly number[], offset = 0): Store {
    const { batch, m, n } = this.at;
    return { slot, dtype: value.dtype, value, view: this.view(strides ?? this.order(batch, m, n), offset) };
  }
}

const apply = (op: "add" | "mul" | "max" | "sub" | "tanh", ...args: readonly Expr[]): Expr => ({
  kind: "apply",
  dtype: args[0]?.dtype ?? "float32",
  op,
  args,
});

interface Reference {
  readonly expected: readonly TypedArray[];
  readonly magnitude: readonly TypedArray[];
}

/** What the interpreter makes of the kernel, and of the same with all magnitudes added up. */
function reference(
  kernel: ContractKernel,
  inputs: readonly TypedArray[],
  outputs: readonly TypedArray[],
  params: readonly number[],
): Reference {
  const expected = [...inputs, ...outputs.map((output) => output.slice())];
  const wide = (array: TypedArray): TypedArray =>
    array instanceof Float32Array ? Float64Array.from(array) : array.slice();
  runKernel(kernel, expected, params, { failed: -1, value: 0 });
  const magnitude = [...inputs, ...outputs].map((x) => wide(x).map(Math.abs));
  const sums = { ...kernel, stores: kernel.stores.map((store) => ({ ...store, value: bound(store.value) })) };
  runKernel(sums, magnitude, params.map(Math.abs), { failed: -1, value: 0 });
  return { expected, magnitude };
}

const dtypeOf = (array: TypedArray): DType =>
  array instanceof Float32Array ? "float32" : array instanceof Float64Array ? "float64" : "int32";

/** Makes the kernel ready to run with slots of these contents, and to be held against the interpreter. */
function load(
  kernel: ContractKernel,
  inputs: readonly TypedArray[],
  outputs: readonly TypedArray[],
  params: readonly number[],
  features: WasmFeatures,
  result: () => Reference = () => reference(kernel, inputs, outputs, params),
): { run(): void; compare(): void } {
  const slots = [...inputs, ...outputs];
  const loaded = loadKernel(kernel, slots.map(dtypeOf), slots, params, features);
  const compare = (): void => {
    const { expected, magnitude } = result();
    loaded.slots.forEach((slot, i) => {
      slot.set(slots[i] ?? []);
    });
    loaded.run();
    expect(loaded.status().failed).toBe(-1);
    expect(loaded.isPaddingIntact()).toBe(true);
    loaded.slots.forEach((slot, i) => {
      if (i < inputs.length) expect(slot.every((x, j) => x === inputs[i]?.[j])).toBe(true);
      else expectClose(slot, expected[i] ?? slot, magnitude[i] ?? slot, kernel.dtype);
    });
  };
  return { run: loaded.run, compare };
}

/** Runs the kernel on every feature set and compares with the interpreter. */
function check(
  kernel: ContractKernel,
  inputs: readonly TypedArray[],
  outputs: readonly TypedArray[],
  params: readonly number[] = [],
): void {
  const result = reference(kernel, inputs, outputs, params);
  for (const features of featureSets) load(kernel, inputs, outputs, params, features, () => result).compare();
}

/** Rounding errors are at most a few units of the sum of all magnitudes. */
function expectClose(actual: TypedArray, expected: TypedArray, magnitude: TypedArray, dtype: DType): void {
  const unit = dtype === "float64" ? 2 ** -52 : 2 ** -23;
  let worst = 0;
  let where = -1;
  for (let i = 0; i < actual.length; i++) {
    const x = actual[i] ?? Number.NaN;
    const y = expected[i] ?? Number.NaN;
    if (Object.is(x, y)) continue;
    const error = Math.abs(x - y) / (unit * Math.abs(magnitude[i] ?? 0));
    if (!(error <= worst)) {
      worst = error;
      where = i;
    }
  }
  if (!(worst <= 4)) expect(`[${where}] ${actual[where]}, off by ${worst} units`).toBe(`${expected[where]}`);
}

/** An expression with all magnitudes added up: tanh has slope 1 at most. */
function bound(expr: Expr): Expr {
  if (expr.kind !== "apply") return expr;
  const args = expr.args.map(bound);
  if (expr.op === "sub" || expr.op === "max") return { ...expr, op: "add", args };
  if (expr.op === "tanh") return args[0] ?? expr;
  return { ...expr, args };
}

const matrix = (m: number, n: number, k: number, transposed: string): void => {
  const c = new Case({ m: [m], n: [n], k: [k] });
  const { at } = c;
  const a = c.load(0, transposed[0] === "T" ? c.order(at.k, at.m) : c.order(at.m, at.k));
  const b = c.load(1, transposed[1] === "T" ? c.order(at.n, at.k) : c.order(at.k, at.n));
  const out = c.store(2, c.acc(), transposed[2] === "T" ? c.order(at.n, at.m) : c.order(at.m, at.n));
  check(c.kernel(a, b, [out]), [floats(m * k), floats(k * n)], [new Float32Array(m * n)]);
};

describe("contract", () => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 33, 64, 65, 127, 129];
  const layouts = ["NNN", "NTN", "TNN", "TTN", "NNT", "NTT", "TNT", "TTT"];
  // Every pair of sizes meets for each two of m, n and k; the third goes round, and so do the layouts.
  for (const x of sizes)
    it(`multiplies matrices with a side of ${x}`, () => {
      sizes.forEach((y, j) => {
        const z = sizes[(7 * j + x) % sizes.length] ?? 1;
        const layout = layouts[(j + x) % layouts.length] ?? "NNN";
        matrix(x, y, z, layout);
        matrix(z, x, y, layout);
        matrix(y, z, x, layout);
      });
    });

  for (const layout of layouts)
    it(`multiplies ${layout} with several blocks of k, m and n`, () => {
      matrix(131, 70, 700, layout);
      matrix(5, 530, 333, layout);
      matrix(300, 3, 650, layout);
      matrix(6, 8, 1300, layout);
    });

  it("leaves nothing of what was there before when k is empty, and stores nothing where nothing is", () => {
    for (const [m, n, k] of [
      [3, 5, 0],
      [0, 5, 4],
      [3, 0, 4],
      [0, 0, 0],
    ] as const) {
      const c = new Case({ m: [m], n: [n], k: [k] });
      const kernel = c.kernel(c.load(0, c.order(c.at.m, c.at.k)), c.load(1, c.order(c.at.k, c.at.n)), [
        c.store(2, c.acc()),
      ]);
      check(kernel, [floats(m * k), floats(k * n)], [floats(m * n)]);
    }
  });

  it("reads strided, reversed and repeated operands", () => {
    const c = new Case({ m: [21], n: [18], k: [35] });
    const out = [c.store(2, c.acc())];
    const spots: [readonly number[], number][] = [
      [[2 * 71, 0, 2], 1], // every other row and column
      [[-36, 0, -1], 20 * 36 + 34], // from the end
      [[0, 0, 1], 0], // the same row again
      [[1, 0, 0], 0], // the same along k
      [[0, 0, 0], 3], // one number
    ];
    for (const [strides, offset] of spots)
      for (const [otherStrides, otherOffset] of spots) {
        const [p = 0, , q = 0] = otherStrides;
        const a = c.load(0, strides, offset);
        const b = c.load(1, [0, p, q], otherOffset);
        check(c.kernel(a, b, out), [wholes(21 * 2 * 71 + 80), wholes(21 * 2 * 71 + 80)], [new Float32Array(21 * 18)]);
      }
  });

  it("reads along a k that jumps about", () => {
    const c = new Case({ m: [6], n: [9], k: [3, 2, 2] });
    const a = c.load(0, [30, 0, 4, 5, 1]);
    const b = c.load(1, [0, 30, 4, 5, 1]);
    check(c.kernel(a, b, [c.store(2, c.acc())]), [floats(200), floats(300)], [new Float32Array(54)]);
  });

  it("runs batches that either operand may share", () => {
    for (const [m, n, k] of [
      [20, 24, 8],
      [5, 33, 7],
      [1, 10, 400],
      [13, 1, 9],
    ] as const) {
      const c = new Case({ batch: [3, 2], m: [m], n: [n], k: [k] });
      const { batch, m: ms, n: ns, k: ks } = c.at;
      const heads = [batch[0] ?? 0];
      const as = [c.order(batch, ms, ks), c.order(ms, ks), c.order(heads, ks, ms), c.order([batch[1] ?? 0], ms, ks)];
      const bs = [c.order(batch, ks, ns), c.order(batch, ns, ks), c.order(ks, ns), c.order(heads, ns, ks)];
      const outs = [undefined, c.order(heads, ms, [batch[1] ?? 0], ns), c.order(ns, batch, ms)];
      for (const a of as)
        for (const b of bs)
          for (const out of outs)
            check(
              c.kernel(c.load(0, a), c.load(1, b), [c.store(2, c.acc(), out)]),
              [floats(6 * m * k), floats(6 * k * n)],
              [new Float32Array(6 * m * n)],
            );
    }
  });

  it("multiplies float64 and int32", () => {
    const doubles = new Case({ m: [9], n: [11], k: [13] }, "float64");
    const { m, n, k } = doubles.at;
    check(
      doubles.kernel(doubles.load(0, doubles.order(m, k)), doubles.load(1, doubles.order(n, k)), [
        doubles.store(2, doubles.acc()),
      ]),
      [filled(new Float64Array(9 * 13)), filled(new Float64Array(11 * 13))],
      [new Float64Array(99)],
    );
    const integers = new Case({ m: [5], n: [6], k: [7] }, "int32");
    const many = (size: number): Int32Array => Int32Array.from({ length: size }, () => random() * 2 ** 31);
    const kernel = integers.kernel(
      integers.load(0, integers.order(integers.at.m, integers.at.k)),
      integers.load(1, integers.order(integers.at.k, integers.at.n)),
      [integers.store(2, integers.acc())],
    );
    check(kernel, [many(35), many(42)], [new Int32Array(30)]);
  });
});

describe("workspace of a contract", () => {
  it("stays small", () => {
    for (const [m, n, k] of [
      [4096, 4096, 4096],
      [100000, 8, 1],
      [8, 100000, 1],
      [3000, 3000, 9],
      [64, 32768, 576],
    ] as const)
      for (const [rows, columns] of [
        [[m], [n]],
        [[m / 2, 2], [n]],
        [[m], [n / 2, 2]],
      ] as const) {
        const c = new Case({ m: rows, n: columns, k: [k] });
        const { at } = c;
        const a = c.load(0, c.order(at.k, [...at.m].reverse()));
        const b = c.load(1, c.order([...at.n].reverse(), at.k));
        const bias = c.load(2, c.order(at.n));
        for (const value of [c.acc(), apply("add", c.acc(), bias)])
          expect(contractWorkspaceBytes(c.kernel(a, b, [c.store(3, value)]))).toBeLessThan(1.5 * 2 ** 20);
      }
  });
});

describe("contract of windows", () => {
  interface Window {
    images: number;
    channels: number;
    size: number;
    filters: number;
    window: number;
    step: number;
    dilation: number;
  }
  const shapes: Window[] = [
    { images: 3, channels: 1, size: 28, filters: 8, window: 5, step: 1, dilation: 1 },
    { images: 2, channels: 3, size: 12, filters: 7, window: 3, step: 1, dilation: 1 },
    { images: 2, channels: 2, size: 15, filters: 5, window: 3, step: 2, dilation: 1 },
    { images: 1, channels: 4, size: 17, filters: 9, window: 3, step: 3, dilation: 2 },
    { images: 2, channels: 40, size: 6, filters: 3, window: 3, step: 1, dilation: 1 },
  ];
  for (const { images, channels, size, filters, window, step, dilation } of shapes) {
    const out = Math.floor((size - dilation * (window - 1) - 1) / step) + 1;
    const image = channels * size * size;
    const pixels = images * image;
    const weights = filters * channels * window * window;
    const results = images * filters * out * out;
    const name = `${channels}×${size}² by ${filters} windows of ${window}², step ${step}, dilation ${dilation}`;

    it(`convolves ${name}`, () => {
      const c = new Case({ batch: [images], m: [filters], n: [out, out], k: [channels, window, window] });
      const { batch, m, n, k } = c.at;
      const a = c.load(0, c.order(m, k));
      const b = c.load(1, [image, 0, step * size, step, size * size, dilation * size, dilation]);
      check(c.kernel(a, b, [c.store(2, c.acc())]), [floats(weights), floats(pixels)], [new Float32Array(results)]);
      const bias = c.load(2, c.order(m));
      const relu = apply("max", apply("add", c.acc(), bias), { kind: "literal", dtype: "float32", value: 0 });
      const channelsLast = c.order(batch, n, m);
      for (const target of [undefined, channelsLast])
        check(
          c.kernel(a, b, [c.store(3, relu, target)]),
          [floats(weights), floats(pixels), floats(filters)],
          [new Float32Array(results)],
        );
    });

    it(`takes the gradient of the weights of ${name}`, () => {
      const c = new Case({ m: [filters], n: [channels, window, window], k: [images, out, out] });
      const a = c.load(0, [out * out, 0, 0, 0, filters * out * out, out, 1]);
      const b = c.load(1, [0, size * size, dilation * size, dilation, image, step * size, step]);
      check(c.kernel(a, b, [c.store(2, c.acc())]), [floats(results), floats(pixels)], [new Float32Array(weights)]);
    });
  }
});

describe("stores of a contract", () => {
  const shapes = [
    [1, 1, 1],
    [7, 10, 5],
    [33, 65, 70],
    [128, 10, 256],
    [150, 40, 700],
    [2, 600, 330],
    [70, 600, 20],
  ] as const;
  for (const [m, n, k] of shapes)
    it(`finishes results of ${m} × ${n} × ${k}`, () => {
      const c = new Case({ batch: [2], m: [m], n: [n], k: [k] });
      const { batch, m: ms, n: ns, k: ks } = c.at;
      const a = c.load(0, c.order(batch, ms, ks));
      const b = c.load(1, c.order(ks, ns));
      const inputs = (): TypedArray[] => [floats(2 * m * k), floats(k * n), floats(n), floats(2 * m * n)];
      const results = (): Float32Array => new Float32Array(2 * m * n);
      const bias = c.load(2, c.order(ns));
      const residual = c.load(3, c.order(batch, ms, ns));
      const biased = apply("add", c.acc(), bias);
      check(c.kernel(a, b, [c.store(4, apply("tanh", biased))]), inputs(), [results()]);
      check(c.kernel(a, b, [c.store(4, apply("add", biased, residual), c.order(ns, batch, ms))]), inputs(), [
        results(),
      ]);
      // Several results, one of them transposed, with a param and an index.
      const scale: Expr = { kind: "param", dtype: "float32", index: 1 };
      const shift: Expr = { kind: "param", dtype: "float32", index: 0 };
      const index: Expr = { kind: "index", dtype: "int32", offset: 3, coefficients: [1000, 10, 1, 0] };
      const place: Expr = { kind: "apply", dtype: "float32", op: "cast", args: [index] };
      const scaled = apply("add", apply("mul", c.acc(), scale), shift);
      check(
        c.kernel(a, b, [
          c.store(4, c.acc()),
          c.store(5, scaled, c.order(batch, ns, ms)),
          c.store(6, apply("add", apply("mul", c.acc(), { kind: "literal", dtype: "float32", value: 0 }), place)),
          c.store(7, { kind: "apply", dtype: "float64", op: "cast", args: [c.acc()] }),
        ]),
        inputs(),
        [results(), results(), results(), new Float64Array(2 * m * n)],
        [0.25, -1.5],
      );
    });

  it("writes every other cell, and to a place of its own", () => {
    for (const [m, n, k] of shapes) {
      const c = new Case({ m: [m], n: [n], k: [k] });
      const { at } = c;
      const a = c.load(0, c.order(at.m, at.k));
      const b = c.load(1, c.order(at.k, at.n));
      const rows = 2 * n + 3;
      for (const strides of [
        [rows, 1, 0],
        [rows, 2, 0],
        [-rows, 1, 0],
      ]) {
        const offset = 2 + (strides[0] === -rows ? rows * (m - 1) : 0);
        check(
          c.kernel(a, b, [c.store(2, c.acc(), strides, offset)]),
          [floats(m * k), floats(k * n)],
          [floats(m * rows + 2)],
        );
      }
    }
  });

  it("reads what it overwrites: an output in the place of an input", () => {
    const c = new Case({ m: [37], n: [45], k: [19] });
    const { at } = c;
    const weights = floats(37 * 45);
    const inputs = [floats(37 * 19), floats(19 * 45)];
    const a = c.load(0, c.order(at.m, at.k));
    const b = c.load(1, c.order(at.k, at.n));
    const rate: Expr = { kind: "param", dtype: "float32", index: 0 };
    const update = apply("sub", c.load(2, c.order(at.m, at.n)), apply("mul", rate, c.acc()));
    check(c.kernel(a, b, [c.store(2, update)]), inputs, [weights], [0.1]);
  });

  it("reads padded inputs", () => {
    // x padded by one column on the left, in front of a batch that its guard sees or does not see.
    for (const guarded of ["n", "m", "batch"] as const) {
      const c = new Case({ batch: [3], m: [20], n: [30], k: [17] });
      const { at } = c;
      const sizes = { batch: [2, 20, 30], m: [3, 19, 30], n: [3, 20, 29] }[guarded];
      const inner = contiguousStrides(sizes);
      const axis = at[guarded][0] ?? 0;
      const view: View = {
        shape: c.dims,
        offset: -(inner[axis] ?? 0),
        strides: [...inner, 0],
        guards: [
          {
            coefficients: c.dims.map((_, i) => (i === axis ? 1 : 0)),
            offset: -1,
            size: sizes[axis] ?? 1,
            step: 1,
            stride: 0,
          },
        ],
      };
      const padded: Expr = { kind: "load", dtype: "float32", slot: 2, view };
      const a = c.load(0, c.order(at.batch, at.m, at.k));
      const b = c.load(1, c.order(at.k, at.n));
      const inside: Expr = { kind: "inside", dtype: "bool", guards: view.guards };
      const masked: Expr = { kind: "apply", dtype: "float32", op: "select", args: [inside, c.acc(), padded] };
      check(
        c.kernel(a, b, [c.store(3, apply("add", c.acc(), padded)), c.store(4, masked)]),
        [floats(60 * 17), floats(17 * 30), floats(sizeOf(sizes))],
        [new Float32Array(1800), new Float32Array(1800)],
      );
    }
  });
});

// Short runs stay in V8's baseline compiler. Here its optimizing one makes the code, with 256-bit operations.
describe("contract, optimized", () => {
  const products = [
    [1, 1, 1],
    [1, 70, 33],
    [3, 17, 9],
    [5, 16, 4],
    [12, 8, 7],
    [33, 10, 25],
    [65, 129, 31],
    [20, 64, 700],
    [37, 45, 331],
  ] as const;
  const cases = products.flatMap(([m, n, k], i) => {
    const c = new Case({ batch: [2], m: [m], n: [n], k: [k] });
    const { at } = c;
    const a = c.load(0, i % 2 === 0 ? c.order(at.batch, at.m, at.k) : c.order(at.k, at.m));
    const b = c.load(1, i % 3 === 0 ? c.order(at.batch, at.n, at.k) : c.order(at.batch, at.k, at.n));
    const inputs = [floats(2 * m * k), floats(2 * k * n), floats(n)];
    const biased = apply("tanh", apply("add", c.acc(), c.load(2, c.order(at.n))));
    return [
      ["alone", c.acc(), c.order(at.batch, at.m, at.n)] as const,
      ["transposed", c.acc(), c.order(at.n, at.batch, at.m)] as const,
      ["finished", biased, c.order(at.batch, at.m, at.n)] as const,
    ].map(([name, value, order]) => ({
      name: `${m} × ${n} × ${k}, ${name}`,
      loaded: load(c.kernel(a, b, [c.store(3, value, order)]), inputs, [new Float32Array(2 * m * n)], [], {
        relaxedSimd: true,
        wideVectors: true,
      }),
    }));
  });
  beforeAll(async () => {
    setFlagsFromString("--wasm-tiering-budget=100");
    setFlagsFromString("--experimental-wasm-revectorize");
    for (const { loaded } of cases) for (let i = 0; i < 30; i++) loaded.run();
    // The compiler works in the background.
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  for (const { name, loaded } of cases) it(name, loaded.compare);
});
