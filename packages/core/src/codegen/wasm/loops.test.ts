// Generated maps against the interpreter: sizes, strides, guards, dtypes, instructions, checks.
import { setFlagsFromString } from "node:v8";
import { describe, expect, it } from "vitest";
import { type DType, emptyArray } from "../../base/dtype.ts";
import {
  binaryInstructions,
  compareInstructions,
  type Instruction,
  unaryInstructions,
} from "../../base/instruction.ts";
import { contiguousStrides, sizeOf } from "../../base/shape.ts";
import type { Guard } from "../../base/view.ts";
import type { Expr, LoopKernel } from "../../kernel/ir.ts";
import {
  acc,
  apply,
  close,
  differences,
  engineFlags,
  exact,
  fold,
  literal,
  load,
  map,
  once,
  random,
  randomArray,
} from "./kernel-samples.ts";
import { layoutOf } from "./loop-layout.ts";

engineFlags.forEach(setFlagsFromString);

const sizes = [0, 1, 2, 3, 4, 5, 7, 10, 15, 16, 17, 33, 65, 127, 1000];

const same = (...args: Parameters<typeof differences>): void => expect(differences(...args)).toEqual([]);

describe("maps", () => {
  it.each([
    [
      [48, 32],
      [3, 32, 16],
    ],
    [[37, 40], null],
    [
      [16, 16],
      [16, 16],
    ],
    [[34, 21], null],
    [
      [3, 30, 36],
      [6, 36, 5, 3],
    ],
    [
      [2, 24, 17],
      [3, 17, 8, 2],
    ],
    [
      [7, 6, 30],
      [3, 30, 2, 7],
    ],
    [
      [4, 4, 18],
      [18, 4, 4],
    ],
    [[5, 7, 20], null],
    [[2, 3, 20], null],
    [
      [2, 24, 3, 17],
      [3, 3, 17, 8, 2],
    ],
  ])("turns over %j, in tiles where they divide", (shape, tiled) => {
    const next = random(shape.length);
    const n = sizeOf(shape);
    const own = contiguousStrides(shape);
    const across = contiguousStrides(shape.toReversed()).toReversed();
    for (const dtype of ["float32", "int32", "uint8", "float64", "bool"] as const) {
      const [input, other] = [randomArray(dtype, n, next), randomArray(dtype, n, next)];
      const op = dtype === "bool" ? "xor" : "add";
      const x = load(0, dtype, shape, across);
      const row = load(1, dtype, shape, [...across.slice(0, -1).map(() => 0), 1]);
      const backwards = load(
        1,
        dtype,
        shape,
        across.map((stride) => -stride),
        n - 1,
      );
      const kernel = map(
        shape,
        once(2, apply(op, dtype, x, row), shape, own),
        once(3, apply(op, dtype, x, backwards), shape, own),
      );
      const { nest } = layoutOf(kernel);
      expect(nest.tiled === null ? null : nest.sizes).toEqual(tiled);
      const slots = [input, other, emptyArray(dtype, n), emptyArray(dtype, n)];
      same(kernel, [dtype, dtype, dtype, dtype], slots, exact);
    }
  });

  it("turns over what is padded, in tiles", () => {
    const [rows, columns, n] = [48, 64, 50];
    const guard: Guard = { coefficients: [1, 0], offset: -3, size: 40, step: 1, stride: 0 };
    const x: Expr = {
      kind: "load",
      slot: 0,
      dtype: "float32",
      view: { shape: [rows, columns], offset: -3, strides: [1, n], guards: [guard] },
    };
    const kernel = map([rows, columns], once(1, x, [rows, columns], [columns, 1]));
    expect(layoutOf(kernel).nest.tiled).toBe(1);
    const slots = [randomArray("float32", n * columns, random(1)), new Float32Array(rows * columns)];
    same(kernel, ["float32", "float32"], slots, exact);
  });

  it.each([
    [
      [0, 20],
      [1, 16],
    ],
    [
      [3, 0, 20],
      [1, 3, 30],
    ],
    [
      [0, 16, 20],
      [16, 1, 30],
    ],
  ])("turns over nothing: %j", (shape, strides) => {
    const x = load(0, "float32", shape, strides);
    const slots = [new Float32Array(1000).fill(1), new Float32Array(400)];
    same(map(shape, once(1, x, shape, [400, 20, 1].slice(-shape.length))), ["float32", "float32"], slots, exact);
  });

  it("turns over short rows that are padded, in tiles of several", () => {
    const [inner, rows, columns, n] = [3, 20, 37, 16];
    const guard: Guard = { coefficients: [0, 1, 0], offset: -3, size: n, step: 1, stride: 0 };
    const shape = [inner, rows, columns];
    const x = load(0, "float32", shape, [1, inner, inner * n], -3 * inner, [guard]);
    const place: Expr = { kind: "index", dtype: "int32", offset: 5, coefficients: [1000, 100, 1] };
    const own = contiguousStrides(shape);
    const kernel = map(shape, once(1, x, shape, own), once(2, place, shape, own));
    expect(layoutOf(kernel).nest.sizes).toEqual([4, columns, 5, inner]);
    const size = sizeOf(shape);
    const slots = [
      randomArray("float32", columns * n * inner, random(1)),
      new Float32Array(size),
      new Int32Array(size),
    ];
    same(kernel, ["float32", "float32", "int32"], slots, exact);
  });

  it.each(sizes)("adds %i contiguous numbers", (n) => {
    const next = random(n);
    const slots = [randomArray("float32", n, next), randomArray("float32", n, next), new Float32Array(n)];
    const sum = apply("add", "float32", load(0, "float32", [n], [1]), load(1, "float32", [n], [1]));
    same(map([n], once(2, sum, [n], [1])), ["float32", "float32", "float32"], slots, exact);
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
        same(map(shape, once(1, sum, shape, own), once(2, x, shape, transposed)), [dtype, dtype, dtype], slots, exact);
      }
    }
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
        same(map([n], once(2, apply(op, out, x, y), [n], [1])), [dtype, dtype, out], slots, close);
      },
    );

  it("computes chains that are thousands of instructions deep", () => {
    let value = load(0, "float32", [70], [1]);
    for (let i = 0; i < 4000; i++)
      value = apply(i % 2 ? "sub" : "add", "float32", value, load(1, "float32", [70], [i % 3 === 0 ? 0 : 1]));
    const slots = [new Float32Array(70).fill(3), new Float32Array(70).map((_, i) => i), new Float32Array(70)];
    same(map([70], once(2, value, [70], [1])), ["float32", "float32", "float32"], slots, exact);
  });

  it.each([4, 5, 6, 7, 9, 16, 35])("repeats %i elements twice, along rows and columns", (n) => {
    for (const dtype of ["float32", "int32", "uint8", "float64"] as const)
      for (const rows of [1, 3]) {
        const shape = [rows, 2, n, 2];
        const strides = contiguousStrides(shape);
        const input = randomArray(dtype, rows * n, random(n));
        const whole: Expr = { kind: "index", dtype: "int32", offset: 0, coefficients: [0, 2, 0, 1] };
        const outputs = [once(1, load(0, dtype, shape, [n, 0, 1, 0]), shape, strides), once(2, whole, shape, strides)];
        const size = sizeOf(shape);
        same(
          map(shape, ...outputs),
          [dtype, dtype, "int32"],
          [input, emptyArray(dtype, size), new Int32Array(size)],
          exact,
        );
      }
  });

  it("shifts by a literal", () => {
    const next = random(1);
    for (const op of ["shl", "shr"] as const) {
      const value = apply(op, "int32", load(0, "int32", [9], [1]), literal(7, "int32"));
      same(
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
        same(map([50], once(1, value, [50], [1])), ["float32", "float32"], [input, new Float32Array(50)], exact);
      }
  });

  const dtypes = ["float32", "float64", "int32", "uint8", "bool"] as const;
  it.each(dtypes.flatMap((from) => dtypes.map((to) => [from, to] as const)))("casts %s to %s", (from, to) => {
    const input = randomArray(from, 37, random(3));
    if (from === "float32" || from === "float64") input.set([1e20, -1e20, 3.7, -3.7, 300.5, -1.5, 0.5]);
    const kernel = map([37], once(1, apply("cast", to, load(0, from, [37], [1])), [37], [1]));
    same(kernel, [from, to], [input, emptyArray(to, 37)], exact);
  });

  it.each(dtypes)("selects between %s, with params and indices", (dtype) => {
    const n = 5;
    const m = 7;
    const shape = [n, m];
    const index: Expr = { kind: "index", dtype: "int32", offset: -9, coefficients: [3, -1] };
    const condition = apply("lt", "bool", index, literal(0, "int32"));
    const value = apply("select", dtype, condition, load(0, dtype, shape, [1, 5]), { kind: "param", dtype, index: 1 });
    const slots = [randomArray(dtype, n * m, random(5)), emptyArray(dtype, n * m), new Int32Array(n * m)];
    same(
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
        same(
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
        same(
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
    same(kernel, ["float32", "float32", "float32"], [input, new Float32Array(h * w), new Float32Array(h * w)], {
      relative: 1e-6,
      absolute: 1e-6,
    });
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
      same(map([n], once(1, checked, [n], [1])), ["int32", "int32"], [input, new Int32Array(n)], exact);
    }
  });
});
