// Random matrix products of float32 against loops in float64: operands that lie in memory in all ways that views make, with
// NaN all around them, and values that products' stores compute. Every thread count must give the same bits.
// `COTANGENT_FUZZ=10000` runs more of them, `COTANGENT_FUZZ_SEED=7` others.
import fc from "fast-check";
import { expect, test } from "vitest";
import { contiguousStrides, sizeOf } from "../base/shape.ts";
import { flip, gelu, realize, slice, type Tensor, tensor } from "../index.ts";
import { erf } from "../kernel/erf.ts";
import { registerDevice } from "../runtime/devices.ts";
import { createWasmDevice } from "../runtime/wasm/device.ts";
import { wasmFeatures } from "../runtime/wasm/features.ts";
import { registerEagerThreads } from "./eager-threads.ts";
import { seededArray } from "./seeded-values.ts";

const numRuns = Number(process.env.COTANGENT_FUZZ ?? 150);
const seed = Number(process.env.COTANGENT_FUZZ_SEED ?? 20261101);

registerDevice("one thread", () => createWasmDevice(wasmFeatures(), null, "one thread"));
registerEagerThreads(2, "threads");
registerEagerThreads(3, "three threads");
const devices = ["one thread", "threads", "three threads"];

/** An array in its logical order. */
interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** One axis in memory: what lies before it, behind it and between its elements, and whether it goes backwards. */
interface AxisLayout {
  readonly before: number;
  readonly after: number;
  readonly step: number;
  readonly isBackwards: boolean;
}

interface Layout {
  readonly axes: readonly AxisLayout[];
  readonly isTransposed: boolean;
}

const plain: AxisLayout = { before: 0, after: 0, step: 1, isBackwards: false };

const axisLayouts: fc.Arbitrary<AxisLayout> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(plain) },
  {
    weight: 2,
    arbitrary: fc.record({
      before: fc.nat(2),
      after: fc.nat(3),
      step: fc.constantFrom(1, 1, 1, 2, 3),
      isBackwards: fc.boolean(),
    }),
  },
);

const layouts: fc.Arbitrary<Layout> = fc.record({
  axes: fc.array(axisLayouts, { minLength: 4, maxLength: 4 }),
  isTransposed: fc.boolean(),
});

/** The same, but for the last axis in memory, which holds the steps of k side by side. */
const alongK = (isTransposed: boolean): fc.Arbitrary<Layout> =>
  layouts.map(({ axes }) => ({ axes: [...axes.slice(0, -1), plain], isTransposed }));

const swapLast = <T>(list: readonly T[]): T[] => {
  const [y, x] = [list.at(-2), list.at(-1)];
  return x === undefined || y === undefined ? [...list] : [...list.slice(0, -2), x, y];
};

/** A view that has the values, of a tensor that is NaN where they are not. */
function laid({ shape, data }: Values, { axes, ...layout }: Layout, device: string): Tensor {
  const isTransposed = layout.isTransposed && shape.length > 1;
  const order = (list: readonly number[]): number[] => (isTransposed ? swapLast(list) : [...list]);
  const ways = order(shape).map((n, i) => ({ n, ...(axes[i + axes.length - shape.length] ?? plain) }));
  const stored = ways.map(({ n, before, after, step }) => before + (n - 1) * step + 1 + after);
  const steps = contiguousStrides(stored);
  const [first, strides] = [ways, ways].map((list, which) =>
    list.map(({ n, before, step, isBackwards }, i) => {
      const stride = steps[i] ?? 0;
      if (which === 0) return stride * (before + (isBackwards ? (n - 1) * step : 0));
      return stride * step * (isBackwards ? -1 : 1);
    }),
  );
  const base = new Float32Array(sizeOf(stored)).fill(Number.NaN);
  const start = (first ?? []).reduce((sum, x) => sum + x, 0);
  const logical = contiguousStrides(shape);
  const memory = order(strides ?? []);
  data.forEach((value, i) => {
    const at = shape.reduce((sum, n, axis) => {
      const index = Math.floor(i / (logical[axis] ?? 1)) % n;
      return sum + index * (memory[axis] ?? 0);
    }, start);
    base[at] = value;
  });
  let x = slice(
    tensor(base, { shape: stored, device }),
    ways.map(({ n, before, step }) => [before, before + (n - 1) * step + 1, step]),
  );
  const turned = ways.flatMap(({ isBackwards }, i) => (isBackwards ? [i] : []));
  if (turned.length > 0) x = flip(x, turned);
  return isTransposed ? x.transpose() : x;
}

/** Values between −1 and 1; where `special`, some ends of rows are −0, infinite or NaN. */
function valuesOf(shape: readonly number[], number: number, special: boolean): Values {
  const data = Float32Array.from(seededArray(sizeOf(shape), { seed: number }));
  if (special) {
    const odd = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -0, 0];
    const width = shape.at(-1) ?? 1;
    for (let i = 0; i < 4; i++) {
      const row = (number * 7 + i * 13) % Math.max(1, data.length / width);
      data[row * width + (i % 2 === 0 ? width - 1 : 0)] = odd[(number + i) % odd.length] ?? 0;
    }
  }
  return { shape, data };
}

/** Where the element at `indices` lies: sizes of 1 repeat, and leading axes may be missing. */
const placeOf = (shape: readonly number[], indices: readonly number[]): number => {
  const strides = contiguousStrides(shape);
  const skip = indices.length - shape.length;
  return shape.reduce((sum, n, i) => sum + (n === 1 ? 0 : (indices[i + skip] ?? 0) * (strides[i] ?? 0)), 0);
};

interface Result {
  readonly value: number;
  /** What all terms come to without their signs. */
  readonly magnitude: number;
}

/** What stores make of a product and of more operands: as tensors and as numbers. */
interface Epilogue {
  readonly operands: (m: number, n: number) => readonly (readonly number[])[];
  readonly ofTensor: (product: Tensor, operands: readonly Tensor[]) => Tensor;
  readonly ofNumber: (product: number, operands: readonly number[]) => number;
}

const row = (_: number, n: number): number[][] => [[n]];
const matrix = (m: number, n: number): number[][] => [[m, n]];
const halfErf = (x: number): number => x * (0.5 + 0.5 * erf(x / Math.SQRT2));
const positive = (x: number): number => (Number.isNaN(x) ? x : Math.max(x, 0));

const epilogues: Readonly<Record<string, Epilogue>> = {
  none: { operands: () => [], ofTensor: (p) => p, ofNumber: (p) => p },
  bias: { operands: row, ofTensor: (p, [b = p]) => p.add(b), ofNumber: (p, [b = 0]) => p + b },
  relu: { operands: row, ofTensor: (p, [b = p]) => p.add(b).relu(), ofNumber: (p, [b = 0]) => positive(p + b) },
  gelu: { operands: row, ofTensor: (p, [b = p]) => gelu(p.add(b)), ofNumber: (p, [b = 0]) => halfErf(p + b) },
  residual: {
    operands: (m, n) => [[n], [m, n]],
    ofTensor: (p, [b = p, r = p]) => p.add(b).add(r),
    ofNumber: (p, [b = 0, r = 0]) => p + b + r,
  },
  rows: {
    operands: (m) => [[m, 1]],
    ofTensor: (p, [b = p]) => p.add(b).mul(0.5),
    ofNumber: (p, [b = 0]) => (p + b) * 0.5,
  },
  accumulate: { operands: matrix, ofTensor: (p, [g = p]) => g.add(p), ofNumber: (p, [g = 0]) => g + p },
};

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches: readonly [readonly number[], readonly number[]];
  readonly a: Layout;
  readonly b: Layout;
  readonly rest: Layout;
  readonly epilogue: string;
  readonly special: boolean;
  readonly isTurned: boolean;
  readonly seed: number;
}

const batches: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[], []],
  [[], []],
  [[3], [3]],
  [[3], []],
  [[], [3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[1], [4]],
];

const sides = fc.integer({ min: 1, max: 40 });

const products: fc.Arbitrary<Product> = fc.record({
  m: sides,
  n: sides,
  k: fc.oneof(
    { weight: 8, arbitrary: sides },
    { weight: 4, arbitrary: fc.integer({ min: 41, max: 400 }) },
    { weight: 1, arbitrary: fc.integer({ min: 400, max: 5000 }) },
  ),
  batches: fc.constantFrom(...batches),
  a: fc.oneof(layouts, alongK(false)),
  b: fc.oneof(layouts, alongK(true)),
  rest: layouts,
  epilogue: fc.constantFrom(...Object.keys(epilogues)),
  special: fc.boolean(),
  isTurned: fc.boolean(),
  seed: fc.nat(1000),
});

const broadcast = (a: readonly number[], b: readonly number[]): number[] =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i, size = Math.max(a.length, b.length)) =>
    Math.max(a[i - size + a.length] ?? 1, b[i - size + b.length] ?? 1),
  );

const units = 8;

function checkProduct(product: Product): void {
  const { m, n, k, special, isTurned, seed: number } = product;
  const epilogue = epilogues[product.epilogue] ?? epilogues.none;
  if (!epilogue) return;
  const batch = broadcast(...product.batches);
  const [a, b] = [
    valuesOf([...product.batches[0], m, k], number, special),
    valuesOf([...product.batches[1], k, n], number + 1, special),
  ];
  const rest = epilogue.operands(m, n).map((shape, i) => valuesOf(shape, number + 2 + i, special));
  const shape = [...batch, m, n];
  const strides = contiguousStrides(shape);
  const expected = Array.from({ length: sizeOf(shape) }, (_, i): Result => {
    const indices = shape.map((size, axis) => Math.floor(i / (strides[axis] ?? 1)) % size);
    const [before, r, c] = [indices.slice(0, -2), indices.at(-2) ?? 0, indices.at(-1) ?? 0];
    const [fromA, fromB] = [placeOf(a.shape, [...before, r, 0]), placeOf(b.shape, [...before, 0, c])];
    let [sum, magnitude] = [0, 0];
    for (let step = 0; step < k; step++) {
      const term = (a.data[fromA + step] ?? 0) * (b.data[fromB + step * n] ?? 0);
      sum += term;
      magnitude += Math.abs(term);
    }
    const others = rest.map((one) => one.data[placeOf(one.shape, indices)] ?? 0);
    return {
      value: epilogue.ofNumber(sum, others),
      magnitude: others.reduce((total, x) => total + Math.abs(x), magnitude),
    };
  });
  const results = devices.map((device) => {
    const result = epilogue.ofTensor(
      laid(a, product.a, device).matmul(laid(b, product.b, device)),
      rest.map((one) => laid(one, product.rest, device)),
    );
    // Stored the other way round than it is computed.
    const turned = result.transpose();
    if (isTurned) realize(turned);
    return (isTurned ? turned.transpose() : result).dataSync();
  });
  const [first = [], ...others] = results;
  expect(first.length).toBe(expected.length);
  expected.forEach(({ value, magnitude }, i) => {
    const actual = first[i] ?? 0;
    if (Object.is(actual, value) || Math.abs(actual - value) <= units * 2 ** -24 * magnitude) return;
    throw new Error(`element ${i} of [${shape}] is ${actual} instead of ${value} (magnitude ${magnitude})`);
  });
  others.forEach((one, i) => {
    one.forEach((x, j) => {
      if (!Object.is(x, first[j]))
        throw new Error(`element ${j} is ${x} on ${devices[i + 1]} and ${first[j]} on ${devices[0]}`);
    });
  });
}

test("random products are what loops in float64 come to, whatever their layout, on any number of threads", {
  timeout: 60_000 + 200 * numRuns,
}, () => {
  fc.assert(fc.property(products, checkProduct), { numRuns, seed });
});
