// Generated folds and rowwise kernels against the interpreter.
import { setFlagsFromString } from "node:v8";
import { describe, expect, it } from "vitest";
import { type DType, emptyArray, type TypedArray } from "../../base/dtype.ts";
import type { FoldOp } from "../../base/instruction.ts";
import { contiguousStrides, sizeOf } from "../../base/shape.ts";
import type { Expr, LoopKernel } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";
import {
  acc,
  apply,
  differences,
  each,
  engineFlags,
  exact,
  fold,
  literal,
  load,
  once,
  random,
  randomArray,
  type Tolerance,
} from "./kernel-samples.ts";
import { layoutOf } from "./loop-layout.ts";
import { rootsOf } from "./steps.ts";

engineFlags.forEach(setFlagsFromString);

const sizes = [0, 1, 2, 3, 4, 5, 7, 10, 15, 16, 17, 33, 65, 127, 1000];

const same = (...args: Parameters<typeof differences>): void => expect(differences(...args)).toEqual([]);

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
          same(reduceKernel(op, dtype, { outer: [m], inner: [n] }, [n, 1]), [dtype, out], slots, sumTolerance);
          same(reduceKernel(op, dtype, { outer: [m], inner: [n] }, [1, m]), [dtype, out], slots, sumTolerance);
          same(
            reduceKernel(op, dtype, { outer: [], inner: [m, n] }, [n, 1]),
            [dtype, out],
            [slots[0]!, emptyArray(out, 1)],
            sumTolerance,
          );
        }
    });

  it.each([5, 32, 33, 70, 200])("folds %i columns of rows that meet in one set of the cache", (m) => {
    for (const [n, row] of [
      [17, 1024],
      [40, 1024],
      [21, 2048],
    ] as const)
      for (const dtype of ["float32", "float64", "int32"] as const)
        for (const op of ["add", "max", "mul", "argmin"] as const) {
          const out = op === "argmin" ? "int32" : dtype;
          const slots = [tame(dtype, (n - 1) * row + m, n), emptyArray(out, m)];
          const kernel = reduceKernel(op, dtype, { outer: [m], inner: [n] }, [1, row]);
          expect(layoutOf(kernel).cutOf(0).unroll).toBe(8);
          same(kernel, [dtype, out], slots, sumTolerance);
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
          same(
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
          same(
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
            same(
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
    same(
      reduceKernel("add", "float32", { outer: [], inner: [n] }, [1]),
      ["float32", "float32"],
      [input, new Float32Array(1)],
      single,
    );
    same(
      reduceKernel("add", "float32", { outer: [5], inner: [200_000] }, [1, 5]),
      ["float32", "float32"],
      [input, new Float32Array(5)],
      single,
    );
    same(
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
      same(softmax(rows, n, n, 1), ["float32", "float32", "float32"], slots, tolerance);
      same(softmax(rows, n, 1, rows), ["float32", "float32", "float32"], slots, tolerance);
    }
  });

  it.each([17, 64, 65, 127])(
    "keeps scores that are scaled and masked, and exponentials of what it kept: rows of %i",
    (n) => {
      const shape = [6, n];
      const [column, row] = [
        [0, 1],
        [40, 0],
      ].map((coefficients): Expr => ({ kind: "index", dtype: "int32", offset: 0, coefficients }));
      if (!column || !row) throw new Error("expected two indices");
      const scaled = apply("mul", "float32", load(0, "float32", shape, [n, 1]), literal(0.25));
      const masked = apply("select", "float32", apply("le", "bool", column, row), scaled, literal(-Infinity));
      const e = apply("exp", "float32", apply("sub", "float32", masked, acc(0)));
      const kernel: LoopKernel = {
        form: "rowwise",
        outer: [6],
        inner: [n],
        stages: [fold("max", masked), fold("add", e), each(1, apply("div", "float32", e, acc(1)), shape, [n, 1])],
      };
      const input = Float32Array.from({ length: 6 * n }, random(n));
      same(kernel, ["float32", "float32"], [input, new Float32Array(6 * n)], { relative: 1e-6, absolute: 1e-6 });
      const { rows, steps } = layoutOf(kernel);
      const reads = steps.map(({ stages }) =>
        exprOrder(rootsOf(stages)).flatMap((expr) => (expr.kind === "load" ? [expr.slot] : [])),
      );
      expect({ rows, reads }).toEqual({ rows: 2, reads: [[0], [-1], [-2]] });
    },
  );

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
    same(kernel, ["float32", "float32", "float32", "int32"], slots, { relative: 2e-6, absolute: 2e-6 }, [1 / n]);
  });
});
