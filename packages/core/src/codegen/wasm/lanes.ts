// Values of four loop iterations side by side, and the scalar instructions on them.
// float32, int32 and uint8 are one vector of 32-bit lanes, bool is a mask of them, float64 is two vectors of two lanes.
import type { DType } from "../../base/dtype.ts";
import { CotangentError } from "../../base/errors.ts";
import type { Instruction } from "../../base/instruction.ts";
import { type Callable, call, type FunctionBuilder, type Local, type ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { f32x4, f64x2, i32, i32x4, i64x2, shuffle32, type V128, type Value, v128 } from "./instructions.ts";
import { float64Math, vectorMath } from "./math.ts";
import type { MathContext } from "./math-context.ts";
import { integerDivide, integerModulo, integerPower, shiftLanes } from "./math-scalar.ts";

export interface Lanes {
  readonly dtype: DType;
  readonly parts: readonly V128[];
  /** The value, where it is a literal. */
  readonly literal?: number;
}

type Float = typeof f32x4 | typeof f64x2;

const isTrue = (value: number): boolean => value !== 0;
const isLocal = (x: V128): boolean => "local" in x;

export class LaneOperations implements MathContext {
  readonly f: FunctionBuilder;
  readonly module: ModuleBuilder;

  private readonly features: WasmFeatures;

  constructor(f: FunctionBuilder, module: ModuleBuilder, features: WasmFeatures) {
    this.f = f;
    this.module = module;
    this.features = features;
  }

  forFunction(f: FunctionBuilder): LaneOperations {
    return new LaneOperations(f, this.module, this.features);
  }

  madd(a: V128, b: V128, c: V128): V128 {
    return this.features.relaxedSimd ? f32x4.relaxedMadd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
  }

  nmadd(a: V128, b: V128, c: V128): V128 {
    return this.features.relaxedSimd ? f32x4.relaxedNmadd(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));
  }

  madd64(a: V128, b: V128, c: V128): V128 {
    return this.features.relaxedSimd ? f64x2.relaxedMadd(a, b, c) : f64x2.add(f64x2.mul(a, b), c);
  }

  nmadd64(a: V128, b: V128, c: V128): V128 {
    return this.features.relaxedSimd ? f64x2.relaxedNmadd(a, b, c) : f64x2.sub(c, f64x2.mul(a, b));
  }

  /** A vector that may be used more than once. */
  keep(x: V128): V128 {
    return isLocal(x) ? x : this.f.local("v128", x);
  }

  /**
   * V8's revectorizer (Node 26) aborts the process on pairs of calls that return vectors; it does not look behind a
   * lane that is replaced.
   */
  callVector(callee: Callable, ...args: readonly Value[]): V128 {
    const result = this.keep(call(callee, "v128", ...args));
    return i32x4.replaceLane(result, 0, i32x4.extractLane(result, 0));
  }

  /**
   * The first lane in all of them, by way of a scalar: V8's revectorizer takes that for one value, where it would
   * otherwise do what led to it over again, for each half of a pair.
   */
  spread(x: Lanes): Lanes {
    const [first = this.int(0)] = x.parts;
    if (x.dtype === "float32") return { ...x, parts: [f32x4.splat(f32x4.extractLane(first, 0))] };
    if (x.dtype !== "float64") return { ...x, parts: [i32x4.splat(i32x4.extractLane(first, 0))] };
    const both = this.keep(f64x2.splat(f64x2.extractLane(first, 0)));
    return { ...x, parts: [both, both] };
  }

  keepLanes(x: Lanes): Lanes {
    return x.parts.every(isLocal) ? x : { ...x, parts: x.parts.map((part) => this.keep(part)) };
  }

  /** A constant, set once per function. */
  private constant(key: string, make: () => V128): Local<"v128"> {
    return this.f.hoist(key, "v128", make);
  }

  float(value: number): V128 {
    return this.constant(`float ${Object.is(value, -0) ? "-0" : value}`, () => f32x4.const(value));
  }

  double(value: number): V128 {
    return this.constant(`double ${Object.is(value, -0) ? "-0" : value}`, () => f64x2.const(value));
  }

  int(a: number, b: number = a, c: number = a, d: number = a): V128 {
    return this.constant(`int ${a} ${b} ${c} ${d}`, () => i32x4.const(a, b, c, d));
  }

  /** A mask of the first `lanes` lanes. */
  laneMask(lanes: number): V128 {
    return this.int(-1, lanes > 1 ? -1 : 0, lanes > 2 ? -1 : 0, lanes > 3 ? -1 : 0);
  }

  literal(dtype: DType, value: number): Lanes {
    switch (dtype) {
      case "float32":
        return { dtype, parts: [this.float(value)], literal: value };
      case "float64":
        return { dtype, parts: [this.double(value), this.double(value)], literal: value };
      case "bool":
        return { dtype, parts: [this.int(isTrue(value) ? -1 : 0)], literal: isTrue(value) ? 1 : 0 };
      default: {
        const whole = Number.isNaN(value) ? 0 : Math.max(-2147483648, Math.min(2147483647, Math.trunc(value)));
        const wrapped = dtype === "uint8" ? whole & 255 : whole;
        return { dtype, parts: [this.int(wrapped)], literal: wrapped };
      }
    }
  }

  /** The high two lanes moved down. */
  high(x: V128): V128 {
    const kept = this.keep(x);
    return shuffle32(kept, kept, [2, 3, 0, 1]);
  }

  /** Two vectors of two 64-bit lanes as four 32-bit ones: lanes 0 and 2 of each (masks). */
  narrowMask(low: V128, high: V128): V128 {
    return shuffle32(low, high, [0, 2, 4, 6]);
  }

  /** Results that stand in the low half of each. */
  joinLow(low: V128, high: V128): V128 {
    return shuffle32(low, high, [0, 1, 4, 5]);
  }

  /** Four float32 lanes as two pairs of float64. */
  promote(x: V128): [V128, V128] {
    const kept = this.keep(x);
    return [f64x2.promoteLowF32x4(kept), f64x2.promoteLowF32x4(shuffle32(kept, kept, [2, 3, 0, 1]))];
  }

  demote(low: V128, high: V128): V128 {
    return this.joinLow(f32x4.demoteF64x2Zero(low), f32x4.demoteF64x2Zero(high));
  }

  /** A mask of 32-bit lanes for the parts of a dtype. */
  maskParts(mask: V128, dtype: DType): readonly V128[] {
    if (dtype !== "float64") return [mask];
    const kept = this.keep(mask);
    return [i64x2.extendLowI32x4(kept), i64x2.extendHighI32x4(kept)];
  }

  select(mask: V128, a: Lanes, b: Lanes): Lanes {
    const masks = this.maskParts(mask, a.dtype);
    return {
      dtype: a.dtype,
      parts: a.parts.map((part, i) => v128.bitselect(part, b.parts[i] ?? part, masks[i] ?? mask)),
    };
  }

  /** The value of an instruction; `check` is none: see expression.ts. */
  apply(op: Instruction, dtype: DType, args: readonly Lanes[]): Lanes {
    const [x, y, z] = args;
    if (!x) throw new CotangentError(`${op}: expected an argument, got none`);
    if (op === "cast") return this.cast(x, dtype);
    if (op === "select" && y && z) return this.select(x.parts[0] ?? this.int(0), y, z);
    if (op === "eq" || op === "ne" || op === "lt" || op === "le")
      return { dtype, parts: [this.compare(op, x, y ?? x)] };
    if ((op === "max" || op === "min") && x.dtype === "float32" && y) {
      const bounded = this.bound(op, x, y) ?? this.bound(op, y, x);
      if (bounded) return { dtype, parts: [bounded] };
    }
    if (x.dtype === "float32" || x.dtype === "float64") {
      const parts = this.floatOp(op, x, y ?? x);
      return { dtype, parts };
    }
    const [a = this.int(0)] = x.parts;
    const b = y?.parts[0] ?? a;
    if (dtype === "bool") return { dtype, parts: [this.boolOp(op, a, b)] };
    const raw = this.integerOp(op, a, b, y?.literal);
    return { dtype, parts: [dtype === "uint8" ? v128.and(raw, this.int(255)) : raw] };
  }

  /** Largest or smallest of x and a literal: one or two instructions of the machine rather than eight. */
  private bound(op: "max" | "min", x: Lanes, { parts: [limit], literal }: Lanes): V128 | null {
    if (!limit || literal === undefined || Number.isNaN(literal)) return null;
    const a = this.keep(x.parts[0] ?? limit);
    // The first argument is taken where neither is smaller: NaN stays, and so would the wrong zero.
    if (literal !== 0) return (op === "max" ? f32x4.pmax : f32x4.pmin)(a, limit);
    if (Object.is(literal, -0)) return null;
    return op === "max" ? v128.andnot(a, f32x4.le(a, limit)) : f32x4.pmin(a, limit);
  }

  private compare(op: "eq" | "ne" | "lt" | "le", x: Lanes, y: Lanes): V128 {
    const [a = this.int(0), aHigh = a] = x.parts;
    const [b = a, bHigh = b] = y.parts;
    if (x.dtype === "float32") return f32x4[op](a, b);
    if (x.dtype === "float64") return this.narrowMask(f64x2[op](a, b), f64x2[op](aHigh, bHigh));
    if (x.dtype === "bool" && op === "lt") return v128.andnot(b, a);
    if (x.dtype === "bool" && op === "le") return v128.or(b, v128.not(a));
    return i32x4[op](a, b);
  }

  private floatOp(op: Instruction, x: Lanes, y: Lanes): readonly V128[] {
    const F: Float = x.dtype === "float32" ? f32x4 : f64x2;
    const one = (make: (a: V128) => V128): V128[] => x.parts.map(make);
    const two = (make: (a: V128, b: V128) => V128): V128[] => x.parts.map((a, i) => make(a, y.parts[i] ?? a));
    switch (op) {
      case "neg":
      case "abs":
      case "sqrt":
      case "floor":
      case "ceil":
      case "trunc":
        return one(F[op]);
      case "round":
        return one(F.nearest);
      case "add":
      case "sub":
      case "mul":
      case "div":
      case "min":
      case "max":
        return two(F[op]);
      default: {
        const [a, aHigh] = x.parts;
        const [b, bHigh] = y.parts;
        if (a && b && x.dtype === "float32") return [vectorMath(this, op, a, b)];
        if (a && aHigh && b && bHigh) return float64Math(this, op, [a, aHigh], [b, bHigh]);
        throw new CotangentError(`${op}: expected integers, got ${x.dtype}`);
      }
    }
  }

  private boolOp(op: Instruction, a: V128, b: V128): V128 {
    switch (op) {
      case "not":
        return v128.not(a);
      case "and":
      case "mul":
      case "min":
        return v128.and(a, b);
      case "or":
      case "add":
      case "max":
        return v128.or(a, b);
      case "xor":
      case "sub":
        return v128.xor(a, b);
      default:
        return a;
    }
  }

  private integerOp(op: Instruction, a: V128, b: V128, literal: number | undefined): V128 {
    switch (op) {
      case "neg":
        return i32x4.neg(a);
      case "abs":
        return i32x4.abs(a);
      case "not":
        return i32x4.eq(a, this.int(0));
      case "add":
        return i32x4.add(a, b);
      case "sub":
        return i32x4.sub(a, b);
      case "mul":
        return i32x4.mul(a, b);
      case "min":
        return i32x4.min(a, b);
      case "max":
        return i32x4.max(a, b);
      case "and":
        return v128.and(a, b);
      case "or":
        return v128.or(a, b);
      case "xor":
        return v128.xor(a, b);
      case "shl":
      case "shr":
        if (literal !== undefined) return (op === "shl" ? i32x4.shl : i32x4.shrU)(a, i32.const(literal & 31));
        return shiftLanes(this, op, a, b);
      case "div":
        return integerDivide(this, a, b);
      case "mod":
        return integerModulo(this, a, b);
      case "pow":
        return integerPower(this, a, b);
      case "floor":
      case "ceil":
      case "trunc":
      case "round":
        return a;
      default:
        throw new CotangentError(`${op}: expected floats, got integers`);
    }
  }

  cast(x: Lanes, dtype: DType): Lanes {
    if (x.dtype === dtype) return x;
    const [a = this.int(0), high = a] = x.parts;
    if (dtype === "bool") return { dtype, parts: [this.compare("ne", x, this.literal(x.dtype, 0))] };
    if (dtype === "float32") {
      if (x.dtype === "float64") return { dtype, parts: [this.demote(a, high)] };
      if (x.dtype === "bool") return { dtype, parts: [v128.and(a, this.float(1))] };
      return { dtype, parts: [f32x4.convertI32x4(a)] };
    }
    if (dtype === "float64") {
      if (x.dtype === "float32") return { dtype, parts: this.promote(a) };
      const whole = this.keep(x.dtype === "bool" ? i32x4.neg(a) : a);
      return { dtype, parts: [f64x2.convertLowI32x4(whole), f64x2.convertLowI32x4(this.high(whole))] };
    }
    const whole =
      x.dtype === "float32"
        ? i32x4.truncF32x4(a)
        : x.dtype === "float64"
          ? this.joinLow(i32x4.truncF64x2Zero(a), i32x4.truncF64x2Zero(high))
          : x.dtype === "bool"
            ? i32x4.neg(a)
            : a;
    return { dtype, parts: [dtype === "uint8" && x.dtype !== "bool" ? v128.and(whole, this.int(255)) : whole] };
  }
}
