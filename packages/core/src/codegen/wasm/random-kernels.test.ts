// Random loop kernels, generated from seeds, against the interpreter.
import { setFlagsFromString } from "node:v8";
import { describe, expect, it } from "vitest";
import { type DType, emptyArray, type TypedArray } from "../../base/dtype.ts";
import type { FoldOp, Instruction } from "../../base/instruction.ts";
import { type Shape, sizeOf } from "../../base/shape.ts";
import { composeView, contiguousView, type View, type ViewOp } from "../../base/view.ts";
import { runKernel } from "../../kernel/interpret.ts";
import type { Expr, LoopKernel, Stage, Store } from "../../kernel/ir.ts";
import { kernelDims } from "../../kernel/walk.ts";
import { loadKernel } from "./harness.ts";
import { engineFlags } from "./kernel-samples.ts";
import { withAnySize } from "./told-sizes.ts";

engineFlags.forEach(setFlagsFromString);

class Generator {
  private state: number;
  readonly slots: { dtype: DType; size: number }[] = [];
  private readonly known: Expr[] = [];
  private folds: DType[] = [];

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new RangeError("pick: expected a list with something in it");
    return one;
  }

  dtype(): DType {
    return this.pick(["float32", "float32", "float32", "float32", "int32", "uint8", "bool", "float64"] as const);
  }

  size(): number {
    return this.pick([1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 17, 20, 33, 40, 70]);
  }

  /** A shape that is not too large, and a view of that shape on a buffer, by a chain of view operations. */
  viewChain(): { view: View; size: number } {
    const rank = this.below(4);
    let shape: Shape = Array.from({ length: rank }, () => this.size());
    while (sizeOf(shape) > 3000) shape = shape.map((n) => Math.ceil(n / 2));
    let view = contiguousView(shape);
    for (let i = this.below(4); i > 0; i--) {
      const next = composeView(view, this.viewOp(view.shape));
      if (next && sizeOf(next.shape) <= 8000 && next.shape.length <= 5) view = next;
    }
    return { view, size: sizeOf(shape) };
  }

  private viewOp(shape: Shape): ViewOp {
    switch (this.below(5)) {
      case 0: {
        const axes = shape.map((_, i) => i);
        for (let i = axes.length - 1; i > 0; i--) {
          const j = this.below(i + 1);
          [axes[i], axes[j]] = [axes[j] ?? 0, axes[i] ?? 0];
        }
        return { kind: "permute", axes };
      }
      case 1:
        return { kind: "expand", shape: [this.size(), ...shape.map((n) => (n === 1 ? this.size() : n))] };
      case 2: {
        const step = shape.map(() => this.pick([1, 1, -1, 2, -2]));
        const size = shape.map((n, i) => Math.max(1, Math.floor(n / Math.abs(step[i] ?? 1)) - this.below(2)));
        const start = shape.map((n, i) => {
          const span = ((size[i] ?? 1) - 1) * Math.abs(step[i] ?? 1);
          const low = this.below(n - span);
          return (step[i] ?? 1) > 0 ? low : low + span;
        });
        return { kind: "slice", start, step, size };
      }
      default:
        return {
          kind: "pad",
          low: shape.map(() => this.pick([0, 0, 1, 2, 5])),
          high: shape.map(() => this.pick([0, 0, 1, 3])),
          interior: shape.map(() => this.pick([1, 1, 1, 2, 3])),
        };
    }
  }

  /** Any strides: permuted, repeated, with gaps. */
  private plainView(shape: Shape): { view: View; size: number } {
    const order = shape.map((_, i) => i).sort(() => this.next() - 0.5);
    const strides = shape.map(() => 0);
    let stride = this.pick([1, 1, 1, 2]);
    for (const axis of this.next() < 0.5 ? order : shape.map((_, i) => shape.length - 1 - i)) {
      if (this.next() < 0.2) continue;
      strides[axis] = stride;
      stride *= shape[axis] ?? 1;
    }
    let [low, high] = [0, 0];
    strides.forEach((s, axis) => {
      if (this.next() < 0.1) strides[axis] = -s;
      const reach = (strides[axis] ?? 0) * ((shape[axis] ?? 1) - 1);
      low += Math.min(0, reach);
      high += Math.max(0, reach);
    });
    const offset = this.below(3) - low;
    return { view: { shape, offset, strides, guards: [] }, size: offset + high + 1 };
  }

  load(shape: Shape, given?: { view: View; size: number }): Expr {
    const dtype = this.dtype();
    const { view, size } = given ?? this.plainView(shape);
    this.slots.push({ dtype, size });
    return { kind: "load", dtype, slot: this.slots.length - 1, view };
  }

  cast(x: Expr, dtype: DType): Expr {
    return x.dtype === dtype ? x : { kind: "apply", op: "cast", dtype, args: [x] };
  }

  /** An expression made of what is there already; accumulators are among it. */
  expr(shape: Shape, depth: number): Expr {
    const made = this.fresh(shape, depth);
    this.known.push(made);
    return made;
  }

  private fresh(shape: Shape, depth: number): Expr {
    const r = this.next();
    if (this.known.length > 0 && r < 0.25) return this.pick(this.known);
    if (depth === 0 || r < 0.35) return this.leaf(shape);
    const x = this.expr(shape, depth - 1);
    const y = this.cast(this.expr(shape, depth - 1), x.dtype);
    const apply = (op: Instruction, dtype: DType, ...args: Expr[]): Expr => ({ kind: "apply", op, dtype, args });
    if (r < 0.45) return this.cast(x, this.dtype());
    if (r < 0.55) {
      const condition = apply(this.pick(["eq", "ne", "lt", "le"] as const), "bool", this.leaf(shape, x.dtype), y);
      return apply("select", x.dtype, condition, x, y);
    }
    if (x.dtype === "bool") return apply(this.pick(["and", "or", "xor"] as const), "bool", x, y);
    const isFloat = x.dtype === "float32" || x.dtype === "float64";
    if (isFloat && r < 0.65) return apply(this.pick(["tanh", "sin", "cos", "erf"] as const), x.dtype, x);
    if (isFloat && r < 0.7) return apply("exp", x.dtype, apply("neg", x.dtype, apply("abs", x.dtype, x)));
    if (r < 0.75) return apply(this.pick(["neg", "abs"] as const), x.dtype, x);
    return apply(this.pick(["add", "sub", "mul", "max", "min"] as const), x.dtype, x, y);
  }

  private leaf(shape: Shape, dtype?: DType): Expr {
    const r = this.next();
    const accs = this.folds.map((foldType, index): Expr => ({ kind: "acc", dtype: foldType, index }));
    const one: Expr =
      accs.length > 0 && r < 0.4
        ? this.pick(accs)
        : r < 0.5
          ? { kind: "literal", dtype: "float32", value: this.below(9) / 4 - 1 }
          : r < 0.6
            ? { kind: "param", dtype: "float32", index: this.below(2) }
            : r < 0.7
              ? {
                  kind: "index",
                  dtype: "int32",
                  offset: this.below(5),
                  coefficients: shape.map(() => this.below(4) - 1),
                }
              : this.load(shape);
    return dtype ? this.cast(one, dtype) : one;
  }

  store(value: Expr, shape: Shape, used: number): Store {
    const strides = shape.map(() => 0);
    const order = shape.slice(0, used).map((_, i) => used - 1 - i);
    if (this.next() < 0.3) order.sort(() => this.next() - 0.5);
    let stride = this.pick([1, 1, 1, 2]);
    for (const axis of order) {
      strides[axis] = stride;
      stride *= shape[axis] ?? 1;
    }
    const offset = this.below(2);
    this.slots.push({ dtype: value.dtype, size: offset + stride });
    return { slot: this.slots.length - 1, dtype: value.dtype, view: { shape, offset, strides, guards: [] }, value };
  }

  kernel(): LoopKernel {
    const chain = this.viewChain();
    const shape = chain.view.shape;
    const used = this.next() < 0.35 ? shape.length : this.below(shape.length + 1);
    this.known.push(this.load(shape, chain));
    if (this.next() < 0.3 && chain.view.guards.length > 0)
      this.known.push({ kind: "inside", dtype: "bool", guards: chain.view.guards });
    const stages: Stage[] = [];
    const isMap = used === shape.length;
    const outerOnly: Shape = [...shape.slice(0, used), ...shape.slice(used).map(() => 1)];
    for (let i = 1 + this.below(4); i > 0; i--) {
      const r = this.next();
      if (isMap) stages.push({ kind: "once", store: this.store(this.expr(shape, 3), shape, used) });
      else if (r < 0.6) this.fold(stages, shape);
      else if (r < 0.8) stages.push({ kind: "each", store: this.store(this.expr(shape, 3), shape, shape.length) });
    }
    if (!isMap) {
      if (this.folds.length === 0) this.fold(stages, shape);
      const value: Expr = { kind: "acc", dtype: this.folds.at(-1) ?? "float32", index: this.folds.length - 1 };
      const scaled: Expr = {
        kind: "apply",
        op: "select",
        dtype: value.dtype,
        args: [this.cast(value, "bool"), value, value],
      };
      stages.push({ kind: "once", store: this.store(scaled, shape, used) });
      this.known.length = 0;
      const plain = this.expr(outerOnly, 1);
      if (plain.kind !== "index") stages.push({ kind: "once", store: this.store(plain, shape, used) });
    }
    return {
      form: isMap ? "map" : "rowwise",
      outer: shape.slice(0, used),
      inner: shape.slice(used),
      stages,
    };
  }

  private fold(stages: Stage[], shape: Shape): void {
    const value = this.expr(shape, 2);
    const op = this.pick(["add", "add", "max", "min", "argmax", "argmin", "mul"] as const satisfies readonly FoldOp[]);
    const dtype: DType = op.startsWith("arg") ? "int32" : value.dtype;
    const small: Expr = op === "mul" ? this.cast(this.cast(value, "bool"), value.dtype) : value;
    stages.push({ kind: "fold", op, dtype, value: small });
    this.folds.push(dtype);
  }

  /** Quarters of small whole numbers, so that sums and products are exact whatever their order. */
  input({ dtype, size }: { dtype: DType; size: number }): TypedArray {
    const out = emptyArray(dtype, size);
    for (let i = 0; i < size; i++)
      out[i] =
        dtype === "bool"
          ? this.below(2)
          : dtype === "uint8"
            ? this.below(4)
            : (this.below(17) - 8) / (dtype === "int32" ? 2 : 4);
    return out;
  }
}

/** Runs a random kernel both ways, in turn with code for any size of each of its axes; what differs, or null. */
function compare(seed: number, anySize: boolean): string | null {
  const generator = new Generator(seed);
  const kernel = generator.kernel();
  const slots = generator.slots.map((slot) => generator.input(slot));
  const params = [0.5, -1.25];
  const expected = slots.map((slot) => slot.slice());
  runKernel(kernel, expected, params, { failed: -1, value: 0 });
  const dtypes = generator.slots.map((slot) => slot.dtype);
  const features = { relaxedSimd: seed % 3 !== 0 };
  const codes = kernelDims(kernel).flatMap((size, axis) => {
    const any = anySize ? withAnySize(kernel, axis) : null;
    return any ? [{ kernel: any, sizes: [size], key: "" }] : [];
  });
  if (!anySize) codes.push({ kernel, sizes: [], key: "" });
  for (const [code, sized] of codes.entries()) {
    const loaded = loadKernel(kernel, dtypes, slots, params, features, sized);
    for (const compiler of ["baseline", "optimizing"]) {
      slots.forEach((slot, i) => {
        loaded.slots[i]?.set(slot);
      });
      if (compiler === "baseline") loaded.run();
      else for (let unit = loaded.units - 1; unit >= 0; unit--) loaded.run(unit, unit + 1);
      if (!loaded.isPaddingIntact()) return `${seed}: wrote outside of the slots`;
      for (const [slot, array] of expected.entries())
        for (const [i, want] of array.entries()) {
          const got = loaded.slots[slot]?.[i] ?? Number.NaN;
          const isNear = Math.abs(got - want) <= 2e-4 * Math.max(1, Math.abs(want)) || Object.is(got, want);
          if (!isNear) return `${seed}, code ${code}, ${compiler}: slot ${slot} [${i}]: expected ${want}, got ${got}`;
        }
    }
  }
  return null;
}

describe("random kernels", () => {
  const first = Number(process.env.FIRST_SEED ?? 0);
  const count = Number(process.env.SEEDS ?? 300);
  it.each([
    ["their own size", false],
    ["any size", true],
  ])(
    `do as the interpreter does with code for %s, seeds ${first} to ${first + count - 1}`,
    { timeout: 600_000 },
    (_, anySize) => {
      const wrong: string[] = [];
      for (let seed = first; seed < first + count; seed++) {
        const difference = compare(seed, anySize);
        if (difference) wrong.push(difference);
      }
      expect(wrong).toEqual([]);
    },
  );
});
