// Plans of contractions, routines and checks, written by hand.
import { contiguousView } from "../base/view.ts";
import {
  acc,
  apply,
  check,
  input,
  literal,
  load,
  mapTo,
  output,
  planOf,
  scratch,
  seenThrough,
  store,
  strided,
} from "./expr.ts";
import { f32, get, type PlanCase, samples } from "./plan-case.ts";

function matmul(
  name: string,
  batch: number,
  m: number,
  n: number,
  k: number,
  options: { transposed: boolean },
): PlanCase {
  const x = samples(batch * m * k, 12);
  const y = samples(batch * k * n, 13);
  const bias = samples(n, 14);
  const dims = [batch, m, n, k];
  const a = load(0, strided(dims, options.transposed ? [m * k, 1, 0, m] : [m * k, k, 0, 1]));
  const b = load(1, strided(dims, options.transposed ? [n * k, 0, k, 1] : [n * k, 0, 1, n]));
  const sum = apply("add", acc(0), load(2, strided(dims, [0, 0, 1, 0])));
  const at = (i: number): number => {
    const [r, c] = [Math.floor(i / n) % m, i % n];
    const p = Math.floor(i / (n * m));
    let total = 0;
    for (let j = 0; j < k; j++) {
      const left = options.transposed ? j * m + r : r * k + j;
      const right = options.transposed ? c * k + j : j * n + c;
      total += get(x, p * m * k + left) * get(y, p * n * k + right);
    }
    return total;
  };
  const size = batch * m * n;
  return {
    name: `contract: ${name}`,
    plan: planOf({
      kernels: [
        {
          form: "contract",
          batch: [batch],
          m: [m],
          n: [n],
          k: [k],
          dtype: "float32",
          a,
          b,
          stores: [
            store(3, strided(dims, [m * n, n, 1, 0]), apply("max", sum, literal(0))),
            store(4, strided(dims, [m * n, 1, m, 0]), acc(0)),
          ],
        },
      ],
      slots: [input(0, x.length), input(1, y.length), input(2, n), output(0, size), output(1, size)],
    }),
    inputs: [x, y, bias],
    params: [],
    outputs: [
      f32(size, (i) => Math.max(0, at(i) + get(bias, i % n))),
      f32(size, (i) => {
        const [p, r, c] = [Math.floor(i / (m * n)), i % m, Math.floor(i / m) % n];
        return at((p * m + r) * n + c);
      }),
    ],
    tolerance: 1e-6 * Math.max(4, k / 8),
  };
}

function convolution(): PlanCase {
  // 2 images of 3 × 6 × 5, 4 filters of 3 × 3 × 3, padding 1, stride 2: 2 × 4 × 3 × 3.
  const x = samples(2 * 3 * 6 * 5, 15);
  const w = samples(4 * 27, 16);
  const patches = seenThrough(
    [2, 3, 6, 5],
    { kind: "pad", low: [0, 0, 1, 1], high: [0, 0, 1, 1], interior: [1, 1, 1, 1] },
    { kind: "windows", axes: [2, 3], size: [3, 3], step: [2, 2], dilation: [1, 1] },
    // [image, channel, row, column, y, x] → m: image, row, column; n: filter; k: channel, y, x.
    { kind: "permute", axes: [0, 2, 3, 1, 4, 5] },
    { kind: "reshape", shape: [2, 3, 3, 1, 3, 3, 3] },
    { kind: "expand", shape: [2, 3, 3, 4, 3, 3, 3] },
  );
  const dims = patches.shape;
  const pixel = (image: number, channel: number, r: number, c: number): number =>
    r < 0 || r >= 6 || c < 0 || c >= 5 ? 0 : get(x, ((image * 3 + channel) * 6 + r) * 5 + c);
  return {
    name: "contract: convolution with padding and stride",
    plan: planOf({
      kernels: [
        {
          form: "contract",
          batch: [],
          m: [2, 3, 3],
          n: [4],
          k: [3, 3, 3],
          dtype: "float32",
          a: load(0, patches),
          b: load(1, strided(dims, [0, 0, 0, 27, 9, 3, 1])),
          stores: [store(2, strided(dims, [36, 3, 1, 9, 0, 0, 0]), acc(0))],
        },
      ],
      slots: [input(0, x.length), input(1, w.length), output(0, 72)],
    }),
    inputs: [x, w],
    params: [],
    outputs: [
      f32(72, (i) => {
        const [image, filter, r, c] = [Math.floor(i / 36), Math.floor(i / 9) % 4, Math.floor(i / 3) % 3, i % 3];
        let sum = 0;
        for (let j = 0; j < 27; j++)
          sum +=
            get(w, filter * 27 + j) *
            pixel(image, Math.floor(j / 9), 2 * r - 1 + (Math.floor(j / 3) % 3), 2 * c - 1 + (j % 3));
        return sum;
      }),
    ],
    tolerance: 5e-6,
  };
}

function throughScratch(): PlanCase {
  const view = contiguousView([40]);
  const x = samples(40, 17);
  return {
    name: "two kernels with scratch memory between them",
    plan: planOf({
      kernels: [
        mapTo([40], [1, apply("mul", load(0, view), load(0, view))]),
        mapTo([40], [2, apply("sub", load(1, view), load(0, view))]),
      ],
      slots: [input(0, 40), scratch(192, 40), output(0, 40)],
      scratchBytes: 192 + 192,
    }),
    inputs: [x],
    params: [],
    outputs: [x.map((v) => Math.fround(v * v) - v)],
    tolerance: 0,
  };
}

function taken(indices: readonly number[], error?: string): PlanCase {
  const x = samples(12, 18);
  const at = Int32Array.from(indices);
  const donated = samples(6, 19);
  const view = contiguousView([6]);
  return {
    name: error ? "take with an index out of range leaves donated memory alone" : "take, then an update in place",
    plan: planOf({
      kernels: [
        {
          form: "routine",
          name: "take",
          inputs: [
            { slot: 0, dtype: "float32", size: 12 },
            { slot: 1, dtype: "int32", size: 3 },
          ],
          output: { slot: 4, dtype: "float32", size: 6 },
          numbers: [1, 1, 6, 2, 3],
          check: 1,
        },
        mapTo([6], [3, apply("add", load(2, view), load(4, view))]),
      ],
      slots: [input(0, 12), input(1, 3, "int32"), input(2, 6), output(0, 6, "float32", 2), scratch(0, 6)],
      checks: [
        { what: "unused", bound: 1 },
        { what: "embedding", bound: 6 },
      ],
      scratchBytes: 64,
      commitFrom: 1,
    }),
    inputs: [x, at, donated],
    params: [],
    outputs: [error ? donated : f32(6, (i) => get(donated, i) + get(x, 2 * get(at, i >> 1) + (i & 1)))],
    tolerance: 0,
    ...(error ? { error } : {}),
  };
}

function checkedMap(labels: readonly number[], error?: string): PlanCase {
  const x = Int32Array.from(labels);
  const view = contiguousView([labels.length]);
  return {
    name: error ? "a check that fails" : "a check that passes",
    plan: planOf({
      kernels: [mapTo([labels.length], [1, apply("neg", check(load(0, view, "int32"), 10, 0))])],
      slots: [input(0, labels.length, "int32"), output(0, labels.length, "int32")],
      checks: [{ what: "crossEntropy", bound: 10 }],
    }),
    inputs: [x],
    params: [],
    outputs: error ? [] : [x.map((v) => -v)],
    tolerance: 0,
    ...(error ? { error } : {}),
  };
}

function routinesOfIndices(): PlanCase {
  const x = Float32Array.from([3, Number.NaN, 1, 3, 2, -1]);
  const at = Int32Array.from([2, 0, 2]);
  return {
    name: "put, takeAlong, putAlong and argsort",
    plan: planOf({
      kernels: [
        {
          form: "routine",
          name: "argsort",
          inputs: [{ slot: 0, dtype: "float32", size: 6 }],
          output: { slot: 2, dtype: "int32", size: 6 },
          numbers: [2, 3, 1],
          check: -1,
        },
        {
          form: "routine",
          name: "takeAlong",
          inputs: [
            { slot: 0, dtype: "float32", size: 6 },
            { slot: 2, dtype: "int32", size: 6 },
          ],
          output: { slot: 3, dtype: "float32", size: 6 },
          numbers: [2, 3, 1, 3],
          check: 0,
        },
        {
          form: "routine",
          name: "put",
          inputs: [
            { slot: 0, dtype: "float32", size: 6 },
            { slot: 1, dtype: "int32", size: 3 },
          ],
          output: { slot: 4, dtype: "float32", size: 6 },
          numbers: [1, 1, 3, 2, 3],
          check: 0,
        },
        {
          form: "routine",
          name: "putAlong",
          inputs: [
            { slot: 0, dtype: "float32", size: 3 },
            { slot: 1, dtype: "int32", size: 3 },
          ],
          output: { slot: 5, dtype: "float32", size: 3 },
          numbers: [1, 3, 1, 3],
          check: 0,
        },
      ],
      slots: [input(0, 6), input(1, 3, "int32"), output(0, 6, "int32"), output(1, 6), output(2, 6), output(3, 3)],
      checks: [{ what: "gather", bound: 3 }],
    }),
    inputs: [x, at],
    params: [],
    outputs: [
      Int32Array.from([1, 0, 2, 0, 1, 2]),
      Float32Array.from([Number.NaN, 3, 1, 3, 2, -1]),
      Float32Array.from([1, 3, 0, 0, 5, Number.NaN]),
      Float32Array.from([Number.NaN, 0, 4]),
    ],
    tolerance: 0,
  };
}

export const otherPlans: readonly PlanCase[] = [
  matmul("small, with bias and relu", 1, 5, 6, 7, { transposed: false }),
  matmul("a batch of transposed operands", 3, 9, 10, 33, { transposed: true }),
  matmul("larger than a tile", 1, 67, 45, 130, { transposed: false }),
  matmul("one row", 1, 1, 70, 50, { transposed: false }),
  matmul("summed over nothing", 1, 3, 4, 0, { transposed: false }),
  convolution(),
  throughScratch(),
  taken([5, 0, 5]),
  taken([5, 6, -1], "embedding: index 6 is out of range for size 6"),
  checkedMap([0, 9, 4, 3, 2, 1, 0]),
  checkedMap([0, 9, 4, 3, 2, 1, -3], "crossEntropy: index -3 is out of range for size 10"),
  routinesOfIndices(),
];
