// Generated loops against the interpreter: sizes, strides, guards, dtypes, folds, stages.
import { setFlagsFromString } from "node:v8";
import { describe, expect, it } from "vitest";
import { type DType, emptyArray, type TypedArray } from "../../base/dtype.ts";
import {
  binaryInstructions,
  compareInstructions,
  type FoldOp,
  type Instruction,
  unaryInstructions,
} from "../../base/instruction.ts";
import { contiguousStrides, sizeOf } from "../../base/shape.ts";
import type { Guard, View } from "../../base/view.ts";
import { runKernel } from "../../kernel/interpret.ts";
import type { Expr, LoopKernel, Stage } from "../../kernel/ir.ts";
import { loadKernel } from "./harness.ts";

// As the Node runtime sets it: pairs of vectors become one. Functions are optimized after their first run, at once.
for (const flag of ["--experimental-wasm-revectorize", "--wasm-tiering-budget=1", "--wasm-sync-tier-up"])
  setFlagsFromString(flag);

const sizes = [0, 1, 2, 3, 4, 5, 7, 10, 15, 16, 17, 33, 65, 127, 1000];

/** Numbers that repeat from run to run. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function randomArray(dtype: DType, length: number, next: () => number): TypedArray {
  const out = emptyArray(dtype, length);
  const special = [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const whole = [0, -1, 1, 2147483647, -2147483648, 2, -3];
  for (let i = 0; i < length; i++) {
    const r = next();
    if (dtype === "bool") out[i] = r < 0.5 ? 0 : 1;
    else if (dtype === "uint8") out[i] = Math.floor(r * 256);
    else if (dtype === "int32") out[i] = r < 0.1 ? (whole[Math.floor(r * 70)] ?? 0) : Math.floor((next() - 0.5) * 40);
    else out[i] = r < 0.05 ? (special[Math.floor(r * 140)] ?? 0) : (next() - 0.5) * 8;
  }
  return out;
}

const load = (
  slot: number,
  dtype: DType,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
  guards: readonly Guard[] = [],
): Expr => ({
  kind: "load",
  dtype,
  slot,
  view: { shape, offset, strides, guards },
});
const apply = (op: Instruction, dtype: DType, ...args: Expr[]): Expr => ({ kind: "apply", op, dtype, args });
const literal = (value: number, dtype: DType = "float32"): Expr => ({ kind: "literal", dtype, value });
const acc = (index: number, dtype: DType = "float32"): Expr => ({ kind: "acc", dtype, index });
const stored = (slot: number, value: Expr, shape: readonly number[], strides: readonly number[], offset = 0) => ({
  slot,
  dtype: value.dtype,
  view: { shape, offset, strides, guards: [] } satisfies View,
  value,
});
const once = (slot: number, value: Expr, shape: readonly number[], strides: readonly number[], offset = 0): Stage => ({
  kind: "once",
  store: stored(slot, value, shape, strides, offset),
});
const each = (slot: number, value: Expr, shape: readonly number[], strides: readonly number[], offset = 0): Stage => ({
  kind: "each",
  store: stored(slot, value, shape, strides, offset),
});
const fold = (op: FoldOp, value: Expr, dtype: DType = value.dtype): Stage => ({ kind: "fold", op, dtype, value });
const map = (outer: readonly number[], ...stages: Stage[]): LoopKernel => ({ form: "map", outer, inner: [], stages });

/** The error that is allowed: relative, or in units of the last place near 1. */
interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}
const exact: Tolerance = { relative: 0, absolute: 0 };
const close: Tolerance = { relative: 3e-7, absolute: 1e-37 };

function expectSame(
  kernel: LoopKernel,
  dtypes: readonly DType[],
  slots: readonly TypedArray[],
  tolerance: Tolerance,
  params: readonly number[] = [],
) {
  const expected = slots.map((slot) => slot.slice());
  const status = { failed: -1, value: 0 };
  runKernel(kernel, expected, params, status);
  const loaded = loadKernel(kernel, dtypes, slots, params, { relaxedSimd: true });
  for (const compiler of ["baseline", "optimizing"]) {
    slots.forEach((slot, i) => {
      loaded.slots[i]?.set(slot);
    });
    loaded.run();
    const wrong: string[] = [];
    expected.forEach((array, slot) => {
      const got = loaded.slots[slot];
      array.forEach((want, i) => {
        const value = got?.[i] ?? Number.NaN;
        const error = Math.abs(value - want);
        const same =
          Object.is(value, want) ||
          (value === want && tolerance !== exact) ||
          error <= tolerance.absolute + tolerance.relative * Math.abs(want);
        if (!same && wrong.length < 5) wrong.push(`${compiler}: slot ${slot} [${i}]: expected ${want}, got ${value}`);
      });
    });
    expect(wrong).toEqual([]);
    expect(loaded.isPaddingIntact()).toBe(true);
    expect(loaded.status().failed).toBe(status.failed);
    if (status.failed >= 0) expect(loaded.status().value).toBe(status.value);
  }
}

describe("maps", () => {
  it.each(sizes)("adds %i contiguous numbers", (n) => {
    const next = random(n);
    const slots = [randomArray("float32", n, next), randomArray("float32", n, next), new Float32Array(n)];
    const sum = apply("add", "float32", load(0, "float32", [n], [1]), load(1, "float32", [n], [1]));
    expectSame(map([n], once(2, sum, [n], [1])), ["float32", "float32", "float32"], slots, exact);
  });

  const shapes: readonly (readonly number[])[] = [
    [],
    [5],
    [3, 4],
    [7, 10],
    [1, 6],
    [2, 3, 5],
    [4, 1, 9],
    [17, 33],
    [0, 4],
    [4, 0],
    [2, 3, 2, 7],
  ];
  it.each(shapes)("reads transposed, broadcast, reversed and strided views of [%s]", (...shape) => {
    const next = random(shape.length);
    const n = sizeOf(shape);
    const rank = shape.length;
    const own = contiguousStrides(shape);
    const transposed = contiguousStrides(shape.toReversed()).toReversed();
    const broadcast = own.map((stride, i) => (i % 2 === 0 ? 0 : stride));
    const reversed = own.map((stride) => -stride);
    const doubled = own.map((stride) => 2 * stride);
    const views: [number[], number][] = [
      [own, 0],
      [transposed, 0],
      [broadcast, 0],
      [reversed, Math.max(0, n - 1)],
      [doubled, 1],
    ];
    for (const dtype of ["float32", "int32", "uint8", "float64", "bool"] as const) {
      const input = randomArray(dtype, 2 * n + 2, next);
      for (const [strides, offset] of views) {
        const x = load(0, dtype, shape, strides, offset);
        const y = load(0, dtype, shape, own, 1);
        const sum = dtype === "bool" ? apply("xor", dtype, x, y) : apply("add", dtype, x, y);
        const slots = [input, emptyArray(dtype, n), emptyArray(dtype, n)];
        expectSame(
          map(shape, once(1, sum, shape, own), once(2, x, shape, transposed)),
          [dtype, dtype, dtype],
          slots,
          exact,
        );
      }
    }
    expect(rank).toBe(shape.length);
  });

  const bools: ReadonlySet<Instruction> = new Set(["eq", "ne", "lt", "le", "and", "or", "xor", "min", "max"]);
  const integers: ReadonlySet<Instruction> = new Set<Instruction>([
    "neg",
    "abs",
    ...compareInstructions,
    ...binaryInstructions.filter((op) => op !== "atan2"),
  ]);
  const logical: ReadonlySet<Instruction> = new Set(["and", "or", "xor", "shl", "shr"]);
  const takes = (op: Instruction, dtype: DType): boolean => {
    if (op === "not") return dtype === "bool";
    if (dtype === "bool") return bools.has(op);
    if (dtype === "int32") return integers.has(op);
    if (dtype === "uint8") return integers.has(op) && op !== "shl" && op !== "shr";
    return !logical.has(op);
  };
  const compares: ReadonlySet<Instruction> = new Set(compareInstructions);
  for (const dtype of ["float32", "float64", "int32", "uint8", "bool"] as const)
    it.each([...unaryInstructions, ...binaryInstructions, ...compareInstructions].filter((op) => takes(op, dtype)))(
      `%s of ${dtype}`,
      (op) => {
        const n = 203;
        const next = random(op.length);
        const shifts = op === "shl" || op === "shr";
        const slots = [
          randomArray(dtype, n, next),
          randomArray(dtype, n, next),
          emptyArray(compares.has(op) ? "bool" : dtype, n),
        ];
        if (shifts) slots[1] = slots[1]!.map((x) => x & 31);
        const x = load(0, dtype, [n], [1]);
        const y = load(1, dtype, [n], [1]);
        const out: DType = compares.has(op) ? "bool" : dtype;
        expectSame(map([n], once(2, apply(op, out, x, y), [n], [1])), [dtype, dtype, out], slots, close);
      },
    );

  it("shifts by a literal", () => {
    const next = random(1);
    for (const op of ["shl", "shr"] as const) {
      const value = apply(op, "int32", load(0, "int32", [9], [1]), literal(7, "int32"));
      expectSame(
        map([9], once(1, value, [9], [1])),
        ["int32", "int32"],
        [randomArray("int32", 9, next), new Int32Array(9)],
        exact,
      );
    }
  });

  it.each([0, -0, 1.5, -2, Number.POSITIVE_INFINITY, Number.NaN])("bounds by the literal %d", (bound) => {
    for (const op of ["max", "min"] as const)
      for (const swapped of [false, true]) {
        const args = [load(0, "float32", [50], [1]), literal(bound)];
        const value = apply(op, "float32", ...(swapped ? args.toReversed() : args));
        const input = randomArray("float32", 50, random(7));
        input.set([0, -0, Number.NaN, bound]);
        expectSame(map([50], once(1, value, [50], [1])), ["float32", "float32"], [input, new Float32Array(50)], exact);
      }
  });

  const dtypes = ["float32", "float64", "int32", "uint8", "bool"] as const;
  it.each(dtypes.flatMap((from) => dtypes.map((to) => [from, to] as const)))("casts %s to %s", (from, to) => {
    const input = randomArray(from, 37, random(3));
    if (from === "float32" || from === "float64") input.set([1e20, -1e20, 3.7, -3.7, 300.5, -1.5, 0.5]);
    const kernel = map([37], once(1, apply("cast", to, load(0, from, [37], [1])), [37], [1]));
    expectSame(kernel, [from, to], [input, emptyArray(to, 37)], exact);
  });

  it.each(dtypes)("selects between %s, with params and indices", (dtype) => {
    const n = 5;
    const m = 7;
    const shape = [n, m];
    const index: Expr = { kind: "index", dtype: "int32", offset: -9, coefficients: [3, -1] };
    const condition = apply("lt", "bool", index, literal(0, "int32"));
    const value = apply("select", dtype, condition, load(0, dtype, shape, [1, 5]), { kind: "param", dtype, index: 1 });
    const slots = [randomArray(dtype, n * m, random(5)), emptyArray(dtype, n * m), new Int32Array(n * m)];
    expectSame(
      map(shape, once(1, value, shape, [m, 1]), once(2, index, shape, [m, 1])),
      [dtype, dtype, "int32"],
      slots,
      exact,
      [9, 1],
    );
  });
});

describe("guards", () => {
  const guarded = (
    slot: number,
    dtype: DType,
    shape: readonly number[],
    strides: readonly number[],
    offset: number,
    guards: readonly Guard[],
  ) => load(slot, dtype, shape, strides, offset, guards);
  const guard = (coefficients: readonly number[], offset: number, size: number, step = 1, stride = 0): Guard => ({
    coefficients,
    offset,
    size,
    step,
    stride,
  });

  it.each([1, 2, 3, 4, 5, 7, 10, 16, 33, 100])("pads rows of %i", (n) => {
    for (const dtype of ["float32", "float64", "uint8", "bool", "int32"] as const)
      for (const [low, high] of [
        [0, 1],
        [1, 0],
        [2, 3],
        [5, 9],
      ] as const) {
        const rows = 3;
        const shape = [rows + 2, n + low + high];
        const x = guarded(0, dtype, shape, [n, 1], -low - n, [guard([1, 0], -1, rows), guard([0, 1], -low, n)]);
        const inside: Expr = {
          kind: "inside",
          dtype: "bool",
          guards: [guard([1, 0], -1, rows), guard([0, 1], -low, n)],
        };
        const slots = [
          randomArray(dtype, rows * n, random(n)),
          emptyArray(dtype, sizeOf(shape)),
          emptyArray("bool", sizeOf(shape)),
        ];
        const strides = contiguousStrides(shape);
        expectSame(
          map(shape, once(1, x, shape, strides), once(2, inside, shape, strides)),
          [dtype, dtype, "bool"],
          slots,
          exact,
        );
      }
  });

  it.each([2, 3, 4, 6])("puts %i − 1 cells between neighbours", (step) => {
    for (const size of [1, 2, 5, 9])
      for (const dtype of ["float32", "uint8", "float64"] as const) {
        const extent = (size - 1) * step + 1 + 3;
        const shape = [extent, extent];
        const rows = guard([1, 0], -1, size, step, size);
        const columns = guard([0, 1], -2, size, step, 1);
        const value = guarded(0, dtype, shape, [0, 0], 0, [rows, columns]);
        const inside: Expr = { kind: "inside", dtype: "bool", guards: [rows, columns] };
        const slots = [
          randomArray(dtype, size * size, random(step)),
          emptyArray(dtype, sizeOf(shape)),
          emptyArray("bool", sizeOf(shape)),
        ];
        const strides = contiguousStrides(shape);
        expectSame(
          map(shape, once(1, value, shape, strides), once(2, inside, shape, strides)),
          [dtype, dtype, "bool"],
          slots,
          exact,
        );
      }
  });

  it("sums padded windows", () => {
    const [h, w] = [6, 11];
    const dims = [h, w, 3, 3];
    const value = guarded(0, "float32", dims, [w, 1, w, 1], -w - 1, [
      guard([1, 0, 1, 0], -1, h),
      guard([0, 1, 0, 1], -1, w),
    ]);
    const kernel: LoopKernel = {
      form: "reduce",
      outer: [h, w],
      inner: [3, 3],
      stages: [
        fold("max", value),
        fold("add", value),
        once(1, acc(0), dims, [w, 1, 0, 0]),
        once(2, acc(1), dims, [w, 1, 0, 0]),
      ],
    };
    const input = new Float32Array(h * w).map((_, i) => Math.sin(i));
    expectSame(kernel, ["float32", "float32", "float32"], [input, new Float32Array(h * w), new Float32Array(h * w)], {
      relative: 1e-6,
      absolute: 1e-6,
    });
  });
});

describe("folds", () => {
  const sumTolerance: Tolerance = { relative: 2e-6, absolute: 2e-6 };
  const reduceKernel = (
    op: FoldOp,
    dtype: DType,
    dims: { outer: readonly number[]; inner: readonly number[] },
    strides: readonly number[],
  ): LoopKernel => {
    const shape = [...dims.outer, ...dims.inner];
    const out: DType = op.startsWith("arg") ? "int32" : dtype;
    return {
      form: "reduce",
      ...dims,
      stages: [
        fold(op, load(0, dtype, shape, strides), out),
        once(1, acc(0, out), shape, [...contiguousStrides(dims.outer), ...dims.inner.map(() => 0)]),
      ],
    };
  };
  const tame = (dtype: DType, length: number, seed: number): TypedArray => {
    const next = random(seed);
    const out = emptyArray(dtype, length);
    for (let i = 0; i < length; i++)
      out[i] =
        dtype === "bool"
          ? Math.floor(next() * 2)
          : dtype === "float32" || dtype === "float64"
            ? next() * 0.2 + 0.9
            : Math.floor(next() * 7);
    return out;
  };

  for (const op of ["add", "mul", "max", "min", "argmax", "argmin"] as const)
    it.each(sizes)(`${op} along rows and columns of %i`, (n) => {
      for (const dtype of ["float32", "int32", "float64", "uint8", "bool"] as const)
        for (const m of [1, 3, 6, 19]) {
          const out: DType = op.startsWith("arg") ? "int32" : dtype;
          const slots = [tame(dtype, n * m, n), emptyArray(out, m)];
          expectSame(reduceKernel(op, dtype, { outer: [m], inner: [n] }, [n, 1]), [dtype, out], slots, sumTolerance);
          expectSame(reduceKernel(op, dtype, { outer: [m], inner: [n] }, [1, m]), [dtype, out], slots, sumTolerance);
          expectSame(
            reduceKernel(op, dtype, { outer: [], inner: [m, n] }, [n, 1]),
            [dtype, out],
            [slots[0]!, emptyArray(out, 1)],
            sumTolerance,
          );
        }
    });

  it("folds two inner dims with outer dims around and between", () => {
    for (const op of ["add", "argmax", "min"] as const)
      for (const [a, b, c, d] of [
        [2, 3, 4, 5],
        [3, 300, 2, 7],
        [1, 2, 9, 40],
        [5, 1, 1, 3],
      ] as const) {
        const strides = contiguousStrides([a, b, c, d]);
        const out: DType = op === "argmax" ? "int32" : "float32";
        const input = randomArray("float32", a * b * c * d, random(a)).map((x) => (Number.isFinite(x) ? x : 1));
        const [sa = 0, sb = 0, sc = 0, sd = 0] = strides;
        for (const [outer, inner, order] of [
          [
            [a, c],
            [b, d],
            [sa, sc, sb, sd],
          ],
          [
            [b, d],
            [a, c],
            [sb, sd, sa, sc],
          ],
        ] as const)
          expectSame(
            reduceKernel(op, "float32", { outer, inner }, order),
            ["float32", out],
            [input, emptyArray(out, sizeOf(outer))],
            { relative: 1e-5, absolute: 1e-5 },
          );
      }
  });

  it("propagates NaN and finds the first of equals", () => {
    for (const op of ["max", "min", "argmax", "argmin", "add"] as const)
      for (const n of [3, 9, 40, 70])
        for (let where = 0; where < n; where++) {
          const out: DType = op.startsWith("arg") ? "int32" : "float32";
          const input = new Float32Array(3 * n).map((_, i) => (i % 3) - 1);
          input[where] = Number.NaN;
          input[Math.min(n - 1, where + 2)] = Number.NaN;
          input[n + where] = op === "argmin" || op === "min" ? -9 : 9;
          input.fill(op === "argmin" || op === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY, 2 * n);
          expectSame(
            reduceKernel(op, "float32", { outer: [3], inner: [n] }, [n, 1]),
            ["float32", out],
            [input, emptyArray(out, 3)],
            sumTolerance,
          );
        }
  });

  it("keeps the sign of zeros", () => {
    for (const op of ["max", "min", "add", "mul"] as const)
      for (const n of [1, 2, 5, 8, 30, 100])
        for (const first of [0, -0])
          for (const rest of [0, -0, op === "max" ? -3 : 3]) {
            const input = new Float32Array(n).fill(rest);
            input[n >> 1] = first;
            expectSame(
              reduceKernel(op, "float32", { outer: [], inner: [n] }, [1]),
              ["float32", "float32"],
              [input, new Float32Array(1)],
              exact,
            );
          }
  });

  it("sums a million numbers to the last digits", () => {
    const n = 1_000_003;
    const input = new Float32Array(n).map((_, i) => 1 + (i % 7) * 1e-3);
    const single = { relative: 2.4e-7, absolute: 0 };
    expectSame(
      reduceKernel("add", "float32", { outer: [], inner: [n] }, [1]),
      ["float32", "float32"],
      [input, new Float32Array(1)],
      single,
    );
    expectSame(
      reduceKernel("add", "float32", { outer: [5], inner: [200_000] }, [1, 5]),
      ["float32", "float32"],
      [input, new Float32Array(5)],
      single,
    );
    expectSame(
      reduceKernel("add", "float32", { outer: [5], inner: [200_000] }, [200_000, 1]),
      ["float32", "float32"],
      [input, new Float32Array(5)],
      single,
    );
  });
});

describe("rowwise", () => {
  const softmax = (rows: number, n: number, rowStride: number, stride: number): LoopKernel => {
    const shape = [rows, n];
    const x = load(0, "float32", shape, [rowStride, stride]);
    const e = apply("exp", "float32", apply("sub", "float32", x, acc(0)));
    const entropy = apply("add", "float32", apply("log", "float32", acc(1)), acc(0));
    return {
      form: "rowwise",
      outer: [rows],
      inner: [n],
      stages: [
        fold("max", x),
        fold("add", e),
        once(2, entropy, shape, [1, 0]),
        each(1, apply("div", "float32", e, acc(1)), shape, [rowStride, stride]),
      ],
    };
  };

  it.each(sizes)("softmax and log-sum-exp of rows and columns of %i", (n) => {
    for (const rows of [1, 2, 5, 18]) {
      const input = randomArray("float32", rows * n, random(n)).map((x) => (Number.isFinite(x) ? x : 0.5));
      const slots = [input, new Float32Array(rows * n), new Float32Array(rows)];
      const tolerance = { relative: 1e-6, absolute: 1e-6 };
      expectSame(softmax(rows, n, n, 1), ["float32", "float32", "float32"], slots, tolerance);
      expectSame(softmax(rows, n, 1, rows), ["float32", "float32", "float32"], slots, tolerance);
    }
  });

  it("mean, variance and normalization in one kernel", () => {
    const [rows, n] = [4, 77];
    const shape = [rows, n];
    const x = load(0, "float32", shape, [n, 1]);
    const mean = apply("mul", "float32", acc(0), { kind: "param", dtype: "float32", index: 0 });
    const centered = apply("sub", "float32", x, mean);
    const scale = apply(
      "div",
      "float32",
      literal(1),
      apply("sqrt", "float32", apply("add", "float32", apply("mul", "float32", acc(1), literal(1 / n)), literal(1e-5))),
    );
    const kernel: LoopKernel = {
      form: "rowwise",
      outer: [rows],
      inner: [n],
      stages: [
        fold("add", x),
        fold("add", apply("mul", "float32", centered, centered)),
        each(
          1,
          apply("mul", "float32", apply("mul", "float32", centered, scale), load(2, "float32", shape, [0, 1])),
          shape,
          [n, 1],
        ),
        fold("argmax", x, "int32"),
        once(3, acc(2, "int32"), shape, [1, 0]),
      ],
    };
    const next = random(8);
    const values = (length: number) => new Float32Array(length).map(() => next() * 4 - 1);
    const slots = [values(rows * n), new Float32Array(rows * n), values(n), new Int32Array(rows)];
    expectSame(kernel, ["float32", "float32", "float32", "int32"], slots, { relative: 2e-6, absolute: 2e-6 }, [1 / n]);
  });
});

describe("checks", () => {
  it.each([
    [0, 5],
    [3, 5],
    [11, -1],
    [12, 2147483647],
    [99, 0],
  ])("reports the value at %i when it is %i", (where, value) => {
    for (const n of [13, 100]) {
      const input = new Int32Array(n).map((_, i) => i % 5);
      if (where < n) input[where] = value;
      const checked: Expr = {
        kind: "apply",
        op: "check",
        dtype: "int32",
        args: [load(0, "int32", [n], [1]), literal(5, "int32")],
        check: 3,
      };
      expectSame(map([n], once(1, checked, [n], [1])), ["int32", "int32"], [input, new Int32Array(n)], exact);
    }
  });
});
