// Random kernels whose results are exact, so that two devices must agree bit for bit.
import type { DType, TypedArray } from "../base/dtype.ts";
import type { FoldOp, Instruction } from "../base/instruction.ts";
import { contiguousStrides, sizeOf } from "../base/shape.ts";
import type { View } from "../base/view.ts";
import type { Expr, Kernel, Plan, Slot, Stage } from "../kernel/ir.ts";
import { acc, apply, cast, fold, index, input, literal, output, param, seenThrough, store, strided } from "./expr.ts";

export interface RandomPlan {
  readonly plan: Plan;
  readonly inputs: readonly TypedArray[];
  readonly params: readonly number[];
}

/** An expression of multiples of 2^−fraction below 2^magnitude: float32 holds them exactly up to 23 bits. */
interface Exact {
  readonly expr: Expr;
  readonly magnitude: number;
  readonly fraction: number;
}

const dtypes: readonly DType[] = ["float32", "float32", "float32", "float64", "int32", "int32", "uint8", "bool"];
const unary: Partial<Record<DType, readonly Instruction[]>> = {
  float32: ["neg", "abs", "floor", "ceil", "trunc", "round"],
  float64: ["neg", "abs", "floor", "ceil", "trunc", "round"],
  int32: ["neg", "abs"],
  bool: ["not"],
};
const binary: Record<DType, readonly Instruction[]> = {
  float32: ["add", "sub", "mul", "min", "max"],
  float64: ["add", "sub", "mul", "min", "max"],
  int32: ["add", "sub", "mul", "min", "max", "div", "mod", "and", "or", "xor", "shl", "shr"],
  uint8: ["add", "sub", "mul", "min", "max", "and", "or", "xor"],
  bool: ["and", "or", "xor"],
};
const compares: readonly Instruction[] = ["eq", "ne", "lt", "le"];

class Generator {
  private state: number;
  readonly slots: Slot[] = [];
  readonly inputs: TypedArray[] = [];
  readonly params: number[] = [];
  readonly paramDTypes: DType[] = [];
  private outputs = 0;
  private readonly specials: boolean;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b9);
    this.specials = this.below(4) === 0;
  }

  below(n: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) | 0;
    return Math.floor(((this.state >>> 8) / 2 ** 24) * n);
  }
  pick<T>(list: readonly [T, ...T[]] | readonly T[], fallback: T): T {
    return list[this.below(list.length)] ?? fallback;
  }

  dims(maxRank: number): number[] {
    const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17];
    return Array.from({ length: this.below(maxRank + 1) }, () => this.pick(sizes, 1));
  }

  private number(dtype: DType): number {
    switch (dtype) {
      case "bool":
        return this.below(2);
      case "uint8":
        return this.below(256);
      case "int32":
        return this.below(8) === 0 ? this.below(2 ** 24) * 255 - 2 ** 31 : this.below(40) - 20;
      default:
        if (this.specials && this.below(20) === 0)
          return this.pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0], 0);
        return (this.below(33) - 16) / 4;
    }
  }

  private array(dtype: DType, size: number): TypedArray {
    const values = Array.from({ length: size }, () => this.number(dtype));
    if (dtype === "float32") return Float32Array.from(values);
    if (dtype === "float64") return Float64Array.from(values);
    return dtype === "int32" ? Int32Array.from(values) : Uint8Array.from(values);
  }

  /** A buffer seen through a permutation, padding, steps, flips and broadcasts; it varies over `axes` alone. */
  private view(dims: readonly number[], axes: readonly number[]): { view: View; size: number } {
    const source: number[] = [];
    const low: number[] = [];
    const high: number[] = [];
    const interior: number[] = [];
    const start: number[] = [];
    const step: number[] = [];
    const middle: number[] = [];
    const wild = this.below(3) === 0;
    dims.forEach((n, axis) => {
      const way = !axes.includes(axis) || this.below(6) === 0 ? 0 : wild ? this.below(6) : 1;
      const repeated = way === 0;
      middle.push(repeated ? 1 : n);
      const stretch = way === 2 ? 2 : 1;
      const before = way === 3 || way === 2 ? this.below(3) : 0;
      const after = way === 3 || way === 2 ? this.below(3) : 0;
      const stride = way === 4 ? 1 + this.below(3) : 1;
      // The padded extent must hold (n − 1)·stride + 1 cells.
      const cells = repeated ? 1 : (n - 1) * stride + 1;
      const inner = Math.max(1, Math.ceil((Math.max(1, cells - before - after) - 1) / stretch) + 1);
      source.push(inner);
      low.push(before);
      high.push(after);
      interior.push(stretch);
      const extent = before + after + (inner - 1) * stretch + 1;
      const flips = way === 5;
      step.push(flips ? -stride : stride);
      start.push(flips ? (n - 1) * stride : this.below(extent - cells + 1));
    });
    const order = dims.map((_, i) => i);
    if (this.below(2) === 0) order.sort(() => this.below(3) - 1);
    const inverse = order.map((_, i) => order.indexOf(i));
    const view = seenThrough(
      order.map((axis) => source[axis] ?? 1),
      { kind: "permute", axes: inverse },
      { kind: "pad", low, high, interior },
      { kind: "slice", start, step, size: middle },
      { kind: "expand", shape: dims },
    );
    return { view, size: sizeOf(source) };
  }

  private leaf(dims: readonly number[], axes: readonly number[], dtype: DType): Exact {
    const bits =
      dtype === "float32" || dtype === "float64" ? { magnitude: 3, fraction: 2 } : { magnitude: 0, fraction: 0 };
    const way = this.below(14);
    if (way === 0) return { expr: literal(this.number(dtype), dtype), ...bits };
    if (way === 1) {
      this.paramDTypes.push(dtype);
      return { expr: param(this.params.push(this.number(dtype)) - 1, dtype), ...bits };
    }
    if (way < 5 && dtype === "int32") {
      const coefficients = dims.map((_, axis) => (axes.includes(axis) ? this.below(7) - 3 : 0));
      return { expr: index(this.below(9) - 4, coefficients), ...bits };
    }
    const { view, size } = this.view(dims, axes);
    if (way < 7 && dtype === "bool" && view.guards.length > 0)
      return { expr: { kind: "inside", dtype: "bool", guards: view.guards }, ...bits };
    const slot = this.slots.push(input(this.inputs.length, size, dtype)) - 1;
    this.inputs.push(this.array(dtype, size));
    return { expr: { kind: "load", dtype, slot, view }, ...bits };
  }

  /** A formula over some leaves, which may have been there before. */
  formula(dims: readonly number[], axes: readonly number[], pool: Exact[], steps: number): Exact {
    for (let i = 0; i < 2; i++) pool.push(this.leaf(dims, axes, this.pick(dtypes, "float32")));
    for (let i = 0; i < steps; i++) {
      const made = this.combine(dims, axes, pool);
      if (made && made.magnitude + made.fraction <= 21) pool.push(made);
    }
    return pool.at(-1) ?? this.leaf(dims, axes, "float32");
  }

  private combine(dims: readonly number[], axes: readonly number[], pool: Exact[]): Exact | null {
    const x = pool[pool.length - 1 - this.below(Math.min(4, pool.length))] ?? this.leaf(dims, axes, "float32");
    const { dtype } = x.expr;
    const alike = pool.filter((y) => y.expr.dtype === dtype && y !== x);
    const y = alike.length === 0 || this.below(3) === 0 ? this.leaf(dims, axes, dtype) : this.pick(alike, x);
    const both = { magnitude: Math.max(x.magnitude, y.magnitude), fraction: Math.max(x.fraction, y.fraction) };
    switch (this.below(6)) {
      case 0: {
        const op = this.pick(unary[dtype] ?? [], "check");
        return op === "check" ? null : { ...x, expr: { kind: "apply", dtype, op, args: [x.expr] } };
      }
      case 1: {
        if (dtype === "bool") return null;
        return { expr: apply(this.pick(compares, "eq"), x.expr, y.expr), magnitude: 0, fraction: 0 };
      }
      case 2: {
        const condition = pool.find((c) => c.expr.dtype === "bool") ?? this.leaf(dims, axes, "bool");
        return { ...both, expr: apply("select", condition.expr, x.expr, y.expr) };
      }
      case 3: {
        const to = this.pick(dtypes, "float32");
        const toFloat = (to === "float32" || to === "float64") && dtype === "int32";
        // Wide integers do not fit float32.
        return to === dtype || toFloat ? null : this.converted(x, to);
      }
      default: {
        const op = this.pick(binary[dtype], "and");
        const expr = apply(op, x.expr, y.expr);
        const floats = dtype === "float32" || dtype === "float64";
        if (!floats) return { expr, magnitude: 0, fraction: 0 };
        if (op === "mul") return { expr, magnitude: x.magnitude + y.magnitude, fraction: x.fraction + y.fraction };
        return { ...both, expr, magnitude: both.magnitude + 1 };
      }
    }
  }

  private converted(x: Exact, to: DType): Exact {
    const expr = cast(x.expr, to);
    if (to !== "float32" && to !== "float64") return { expr, magnitude: 0, fraction: 0 };
    return x.expr.dtype === "uint8" || x.expr.dtype === "bool" ? { expr, magnitude: 8, fraction: 0 } : { ...x, expr };
  }

  /** A new output over `dims`, constant over all but `axes`, with its own axis order. */
  target(dims: readonly number[], axes: readonly number[], dtype: DType): { slot: number; view: View } {
    const order = [...axes];
    if (this.below(3) === 0) order.reverse();
    const own = order.map((axis) => dims[axis] ?? 1);
    const strides = dims.map(() => 0);
    contiguousStrides(own).forEach((stride, i) => {
      strides[order[i] ?? 0] = stride;
    });
    const slot = this.slots.push(output(this.outputs++, sizeOf(own), dtype)) - 1;
    return { slot, view: strided(dims, strides) };
  }

  loops(): Kernel {
    const outer = this.dims(3);
    const inner = this.below(2) === 0 ? [] : [...this.dims(1), this.pick([1, 3, 4, 8, 13, 16, 33], 5)];
    const dims = [...outer, ...inner];
    const all = dims.map((_, i) => i);
    const rows = outer.map((_, i) => i);
    const stages: Stage[] = [];
    const once = (value: Expr): void => {
      const { slot, view } = this.target(dims, rows, value.dtype);
      stages.push({ kind: "once", store: store(slot, view, value) });
    };
    if (inner.length === 0) {
      const pool: Exact[] = [];
      for (let i = 0; i <= this.below(3); i++) once(this.formula(dims, all, pool, 1 + this.below(12)).expr);
      return { form: "map", outer, inner, stages };
    }
    const foldCount = 1 + this.below(3);
    const accs: Exact[] = [];
    let passes = 0;
    const extraBits = Math.ceil(Math.log2(sizeOf(inner)));
    for (let i = 0; i < foldCount; i++) {
      const value = this.formula(dims, all, [...(passes > 0 ? accs : [])], 1 + this.below(6));
      const { dtype } = value.expr;
      const sums = dtype !== "bool" && value.magnitude + value.fraction + extraBits <= 22;
      const ops: readonly FoldOp[] = sums
        ? ["add", "max", "min", "argmax", "argmin"]
        : ["max", "min", "argmax", "argmin"];
      const op =
        dtype === "uint8" || dtype === "bool" ? this.pick<FoldOp>(["max", "min"], "max") : this.pick(ops, "max");
      stages.push(fold(op, value.expr));
      const found = op.startsWith("arg") ? "int32" : dtype;
      accs.push({ expr: acc(i, found), magnitude: value.magnitude + extraBits, fraction: value.fraction });
      passes = this.below(2);
    }
    const rowwise = this.below(2) === 0;
    if (rowwise) {
      const value = this.formula(dims, all, [...accs], 1 + this.below(6));
      const { slot, view } = this.target(dims, all, value.expr.dtype);
      stages.push({ kind: "each", store: store(slot, view, value.expr) });
    }
    for (const value of accs) once(value.expr);
    once(this.formula(dims, rows, [...accs], 1 + this.below(5)).expr);
    return { form: rowwise || passes > 0 || foldCount > 1 ? "rowwise" : "reduce", outer, inner, stages };
  }

  contract(): Kernel {
    const [batch, m, n] = [this.dims(1), this.dims(2), this.dims(2)];
    const k = [this.pick([1, 2, 5, 8, 16, 33, 64, 100], 3), ...this.dims(1)];
    const dims = [...batch, ...m, ...n, ...k];
    const [mStart, nStart, kStart] = [batch.length, batch.length + m.length, batch.length + m.length + n.length];
    const all = dims.map((_, i) => i);
    const dtype: DType = this.below(8) === 0 ? "float64" : "float32";
    const operand = (axes: readonly number[]): Expr => {
      const leaf = this.leaf(dims, axes, dtype);
      return this.below(3) === 0 ? apply("add", leaf.expr, this.leaf(dims, axes, dtype).expr) : leaf.expr;
    };
    const a = operand(all.filter((i) => i < nStart || i >= kStart));
    const b = operand(all.filter((i) => i < mStart || i >= nStart));
    const kept = all.filter((i) => i < kStart);
    const stores = [];
    const sum: Exact = { expr: acc(0, dtype), magnitude: 6 + Math.ceil(Math.log2(sizeOf(k))), fraction: 4 };
    if (this.below(2) === 0) stores.push(sum.expr);
    stores.push(this.formula(dims, kept, [sum], this.below(6)).expr);
    if (this.below(2) === 0) stores.push(apply("max", acc(0, dtype), this.leaf(dims, kept, dtype).expr));
    return {
      form: "contract",
      batch,
      m,
      n,
      k,
      dtype,
      a,
      b,
      stores: stores.map((value) => {
        const { slot, view } = this.target(dims, kept, value.dtype);
        return store(slot, view, value);
      }),
    };
  }
}

/** The plan of one random kernel. Equal seeds give equal plans. */
export function randomPlan(seed: number): RandomPlan {
  const generator = new Generator(seed);
  const kernel = generator.below(3) === 0 ? generator.contract() : generator.loops();
  const { slots, inputs, params, paramDTypes } = generator;
  return {
    plan: { kernels: [kernel], slots, params: paramDTypes, checks: [], scratchBytes: 0, commitFrom: 1 },
    inputs,
    params,
  };
}
