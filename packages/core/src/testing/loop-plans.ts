// Plans of loops, written by hand.
import { contiguousView } from "../base/view.ts";
import { erf } from "../kernel/erf.ts";
import type { Expr } from "../kernel/ir.ts";
import {
  acc,
  apply,
  cast,
  each,
  fold,
  index,
  input,
  literal,
  load,
  mapTo,
  once,
  output,
  param,
  planOf,
  seenThrough,
  strided,
} from "./expr.ts";
import { f32, get, type PlanCase, samples } from "./plan-case.ts";

function transposeScaleAdd(): PlanCase {
  const [rows, columns] = [5, 7];
  const x = samples(35, 1);
  const row = samples(7, 2);
  const dims = [rows, columns];
  const value = apply("add", apply("mul", load(0, strided(dims, [1, rows])), param(1)), load(1, strided(dims, [0, 1])));
  return {
    name: "map: transposed, broadcast and a param",
    plan: planOf({
      kernels: [mapTo(dims, [2, value])],
      slots: [input(0, 35), input(1, 7), output(0, 35)],
      params: ["float32", "float32"],
    }),
    inputs: [x, row],
    params: [99, 0.3],
    outputs: [
      f32(35, (i) => {
        const [r, c] = [Math.floor(i / columns), i % columns];
        return Math.fround(Math.fround(get(x, c * rows + r) * Math.fround(0.3)) + get(row, c));
      }),
    ],
    tolerance: 0,
  };
}

function padded(): PlanCase {
  const x = samples(6, 3);
  const view = seenThrough([2, 3], { kind: "pad", low: [1, 2], high: [2, 1], interior: [2, 1] });
  const inside: Expr = { kind: "inside", dtype: "bool", guards: view.guards };
  const value = apply("select", inside, apply("neg", load(0, view)), literal(-7));
  const [rows, columns] = [6, 6];
  return {
    name: "map: padded around and between",
    plan: planOf({
      kernels: [mapTo(view.shape, [1, value], [2, load(0, view)])],
      slots: [input(0, 6), output(0, rows * columns), output(1, rows * columns)],
    }),
    inputs: [x],
    params: [],
    outputs: [-7, 0].map((fill) =>
      f32(rows * columns, (i) => {
        const [r, c] = [Math.floor(i / columns) - 1, (i % columns) - 2];
        const ok = (r === 0 || r === 2) && c >= 0 && c < 3;
        return ok ? (fill === 0 ? 1 : -1) * get(x, (r / 2) * 3 + c) : fill;
      }),
    ),
    tolerance: 0,
  };
}

function flipped(): PlanCase {
  const x = samples(37, 4);
  const view = seenThrough([37], { kind: "slice", start: [36], step: [-3], size: [12] });
  return {
    name: "map: backwards with a step",
    plan: planOf({ kernels: [mapTo([12], [1, load(0, view)])], slots: [input(0, 37), output(0, 12)] }),
    inputs: [x],
    params: [],
    outputs: [f32(12, (i) => get(x, 36 - 3 * i))],
    tolerance: 0,
  };
}

function integers(): PlanCase {
  const a = Int32Array.from([7, -7, 2147483647, -2147483648, 5, 0, -1, 100, 3]);
  const b = Int32Array.from([2, 2, 1, -1, 0, 3, -3, 7, 40000]);
  const bytes = Uint8Array.from([250, 3, 0, 255, 1, 2, 3, 4, 5]);
  const view = contiguousView([9]);
  const x = load(0, view, "int32");
  const y = load(1, view, "int32");
  const z = load(2, view, "uint8");
  const sum = apply("add", apply("mul", x, y), index(1, [2]));
  const isSmall = apply("lt", x, y);
  return {
    name: "map: integers, bytes and bools",
    plan: planOf({
      kernels: [
        mapTo(
          [9],
          [3, sum],
          [4, apply("add", z, literal(10, "uint8"))],
          [5, apply("not", isSmall)],
          [6, apply("select", isSmall, cast(x, "float32"), literal(Number.NaN))],
          [7, apply("div", x, y)],
          [8, apply("shr", x, literal(28, "int32"))],
        ),
      ],
      slots: [
        input(0, 9, "int32"),
        input(1, 9, "int32"),
        input(2, 9, "uint8"),
        output(0, 9, "int32"),
        output(1, 9, "uint8"),
        output(2, 9, "bool"),
        output(3, 9),
        output(4, 9, "int32"),
        output(5, 9, "int32"),
      ],
    }),
    inputs: [a, b, bytes],
    params: [],
    outputs: [
      Int32Array.from({ length: 9 }, (_, i) => (Math.imul(get(a, i), get(b, i)) + 1 + 2 * i) | 0),
      bytes.map((v) => v + 10),
      Uint8Array.from(a, (v, i) => (v < get(b, i) ? 0 : 1)),
      f32(9, (i) => (get(a, i) < get(b, i) ? get(a, i) : Number.NaN)),
      Int32Array.from(a, (v, i) => (get(b, i) === 0 ? 0 : (v / get(b, i)) | 0)),
      Int32Array.from(a, (v) => v >>> 28),
    ],
    tolerance: 0,
  };
}

function casts(): PlanCase {
  const x = Float32Array.from([1.9, -1.9, 3e9, -3e9, Number.NaN, Number.POSITIVE_INFINITY, 0, -0, 257]);
  const view = contiguousView([9]);
  const value = load(0, view);
  return {
    name: "map: casts, and params of several dtypes",
    plan: planOf({
      kernels: [
        mapTo([9], [1, cast(value, "int32")], [2, cast(value, "bool")], [3, cast(value, "float64")]),
        mapTo(
          [2],
          [4, apply("add", param(1, "int32"), index(0, [1]))],
          [5, apply("add", param(2, "float64"), param(0, "float64"))],
        ),
      ],
      slots: [
        input(0, 9),
        output(0, 9, "int32"),
        output(1, 9, "bool"),
        output(2, 9, "float64"),
        output(3, 2, "int32"),
        output(4, 2, "float64"),
      ],
      params: ["float64", "int32", "float64"],
    }),
    inputs: [x],
    params: [0.1, -41, 1e-17],
    outputs: [
      Int32Array.from([1, -1, 2147483647, -2147483648, 0, 2147483647, 0, 0, 257]),
      Uint8Array.from([1, 1, 1, 1, 1, 1, 0, 0, 1]),
      Float64Array.from(x),
      Int32Array.from([-41, -40]),
      Float64Array.from([0.1 + 1e-17, 0.1 + 1e-17]),
    ],
    tolerance: 0,
  };
}

function transcendental(): PlanCase {
  const x = samples(50, 5);
  const view = contiguousView([50]);
  const value = load(0, view);
  const wide = cast(value, "float64");
  const formulas = { exp: Math.exp, tanh: Math.tanh, erf, sin: Math.sin } as const;
  const ops = ["exp", "tanh", "erf", "sin"] as const;
  return {
    name: "map: transcendental functions in both precisions",
    plan: planOf({
      kernels: ops.map((op, i) => mapTo([50], [1 + 2 * i, apply(op, value)], [2 + 2 * i, apply(op, wide)])),
      slots: [input(0, 50), ...ops.flatMap((_, i) => [output(2 * i, 50), output(2 * i + 1, 50, "float64")])],
    }),
    inputs: [x],
    params: [],
    outputs: ops.flatMap((op) => [x.map(formulas[op]), Float64Array.from(x, (v) => formulas[op](v))]),
    tolerance: 3e-7,
  };
}

function momentum(): PlanCase {
  const view = contiguousView([33]);
  const [p, m, g] = [samples(33, 6), samples(33, 7), samples(33, 8)];
  const next = apply("add", apply("mul", load(1, view), param(0)), load(2, view));
  const stepped = apply("sub", load(0, view), apply("mul", param(1), next));
  const nextM = f32(33, (i) => Math.fround(get(m, i) * Math.fround(0.9)) + get(g, i));
  return {
    name: "map: two outputs over donated inputs",
    plan: planOf({
      // Momentum is written first and both formulas read it: the old value counts.
      kernels: [mapTo([33], [4, next], [3, stepped])],
      slots: [input(0, 33), input(1, 33), input(2, 33), output(0, 33, "float32", 0), output(1, 33, "float32", 1)],
      params: ["float32", "float32"],
      commitFrom: 0,
    }),
    inputs: [p, m, g],
    params: [0.9, 0.1],
    outputs: [f32(33, (i) => get(p, i) - Math.fround(Math.fround(0.1) * get(nextM, i))), nextM],
    tolerance: 1e-6,
  };
}

function reductions(): PlanCase {
  const [rows, columns] = [6, 19];
  const x = samples(rows * columns, 9);
  x[5] = Number.NaN;
  x[columns + 3] = get(x, columns + 11);
  const dims = [rows, columns];
  const value = load(0, contiguousView(dims));
  const perRow = strided(dims, [1, 0]);
  const rowsOf = (r: number): Float32Array => x.subarray(r * columns, (r + 1) * columns);
  return {
    name: "reduce: mean, max, argmax and argmin of rows in one pass",
    plan: planOf({
      kernels: [
        {
          form: "reduce",
          outer: [rows],
          inner: [columns],
          stages: [
            fold("add", value),
            fold("max", value),
            fold("argmax", value),
            fold("argmin", value),
            once(1, perRow, apply("mul", acc(0), literal(1 / columns))),
            once(2, perRow, acc(1)),
            once(3, perRow, acc(2, "int32")),
            once(4, perRow, acc(3, "int32")),
          ],
        },
      ],
      slots: [
        input(0, rows * columns),
        output(0, rows),
        output(1, rows),
        output(2, rows, "int32"),
        output(3, rows, "int32"),
      ],
    }),
    inputs: [x],
    params: [],
    outputs: [
      f32(rows, (r) => rowsOf(r).reduce((a, b) => a + b, 0) / columns),
      f32(rows, (r) => rowsOf(r).reduce((a, b) => Math.max(a, b))),
      Int32Array.from({ length: rows }, (_, r) => (r === 0 ? 5 : rowsOf(r).indexOf(Math.max(...rowsOf(r))))),
      Int32Array.from({ length: rows }, (_, r) => (r === 0 ? 5 : rowsOf(r).indexOf(Math.min(...rowsOf(r))))),
    ],
    tolerance: 1e-6,
  };
}

function columnSums(): PlanCase {
  const [rows, columns] = [23, 10];
  const x = samples(rows * columns, 10);
  const dims = [columns, rows];
  return {
    name: "reduce: over the leading axis, and over nothing",
    plan: planOf({
      kernels: [
        {
          form: "reduce",
          outer: [columns],
          inner: [rows],
          stages: [fold("add", load(0, strided(dims, [1, columns]))), once(1, strided(dims, [1, 0]), acc(0))],
        },
        {
          form: "reduce",
          outer: [3],
          inner: [0],
          stages: [fold("max", load(0, strided([3, 0], [1, 1]))), once(2, strided([3, 0], [1, 0]), acc(0))],
        },
      ],
      slots: [input(0, rows * columns), output(0, columns), output(1, 3)],
    }),
    inputs: [x],
    params: [],
    outputs: [
      f32(columns, (c) => {
        let sum = 0;
        for (let r = 0; r < rows; r++) sum += get(x, r * columns + c);
        return sum;
      }),
      f32(3, () => Number.NEGATIVE_INFINITY),
    ],
    tolerance: 1e-6,
  };
}

function softmax(): PlanCase {
  const [rows, columns] = [7, 13];
  const dims = [rows, columns];
  const x = samples(rows * columns, 11).map((v) => 40 * v);
  const value = load(0, contiguousView(dims));
  const shifted = apply("exp", apply("sub", value, acc(0)));
  return {
    name: "rowwise: softmax",
    plan: planOf({
      kernels: [
        {
          form: "rowwise",
          outer: [rows],
          inner: [columns],
          stages: [
            fold("max", value),
            fold("add", shifted),
            each(1, contiguousView(dims), apply("div", shifted, acc(1))),
            once(2, strided(dims, [1, 0]), apply("log", acc(1))),
          ],
        },
      ],
      slots: [input(0, rows * columns), output(0, rows * columns), output(1, rows)],
    }),
    inputs: [x],
    params: [],
    outputs: [
      f32(rows * columns, (i) => {
        const row = x.subarray(Math.floor(i / columns) * columns).subarray(0, columns);
        const top = Math.max(...row);
        return Math.exp(get(x, i) - top) / row.reduce((sum, v) => sum + Math.exp(v - top), 0);
      }),
      f32(rows, (r) => {
        const row = x.subarray(r * columns, (r + 1) * columns);
        const top = Math.max(...row);
        return Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0));
      }),
    ],
    tolerance: 2e-6,
  };
}

function scalarsAndNothing(): PlanCase {
  return {
    name: "a kernel without loops, and loops without iterations",
    plan: planOf({
      kernels: [mapTo([], [1, apply("mul", load(0, contiguousView([])), literal(2))]), mapTo([0, 4], [2, literal(1)])],
      slots: [input(0, 1), output(0, 1), output(1, 0)],
    }),
    inputs: [Float32Array.from([21])],
    params: [],
    outputs: [Float32Array.from([42]), new Float32Array(0)],
    tolerance: 0,
  };
}

export const loopPlans: readonly PlanCase[] = [
  transposeScaleAdd(),
  padded(),
  flipped(),
  integers(),
  casts(),
  transcendental(),
  momentum(),
  reductions(),
  columnSums(),
  softmax(),
  scalarsAndNothing(),
];
