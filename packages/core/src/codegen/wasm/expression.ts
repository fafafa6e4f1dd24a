// Computes expressions at points of a loop nest, four lanes at a time: addresses, guards, common and loop-invariant parts.
import { type DType, elementBytes } from "../../base/dtype.ts";
import type { Guard, View } from "../../base/view.ts";
import type { Expr, Store } from "../../kernel/ir.ts";
import { argsOf, exprOrder } from "../../kernel/walk.ts";
import type { FunctionBuilder, Local } from "./encoder.ts";
import { f32, f32x4, f64, f64x2, type I32, i32, i32x4, type V128, v128 } from "./instructions.ts";
import type { LaneOperations, Lanes } from "./lanes.ts";
import { gatherLanes, loadLanes, type Place, storeLanes } from "./memory.ts";
import { workspaceOffset } from "./steps.ts";

/**
 * Where an expression is computed: so many iterations of each dim on from where the loops stand. `lanes` of the four
 * are there; the others hold anything.
 */
export interface Point {
  readonly deltas: readonly number[];
  readonly lanes: number;
}

/** A linear function of the loop indices that is kept in a local and moved along by the loops. */
interface Affine {
  readonly key: string;
  readonly strides: readonly number[];
  readonly start: I32;
}

/** Where a guard's axis stands: its condition, and the position along it in units of its step. */
interface GuardValue {
  readonly inside: I32;
  readonly position: I32;
}

interface Frame {
  readonly values: Map<string, Lanes>;
  readonly guards: Map<string, GuardValue>;
  readonly pointers: Map<string, Local<"i32">>;
}

/** Stands for the results of folds among the dims that an expression depends on. */
const accumulators = 1 << 30;

export class Evaluator {
  readonly lanes: LaneOperations;
  readonly f: FunctionBuilder;
  /** The dim whose iterations stand side by side in the lanes, or -1. */
  readonly vector: number;
  /** Lanes are separate results of a fold, rather than parts of one. */
  readonly vectorIsOuter: boolean;
  private readonly operands: I32;
  private readonly params: I32;
  private readonly status: I32;
  private readonly work: I32;
  private readonly rowBytes: number;
  private readonly ids = new Map<Expr, number>();
  private readonly dependences = new Map<Expr, number>();
  private readonly uses = new Map<Expr, number>();
  private readonly lowest = new Map<string, number>();
  private readonly accs = new Map<string, Lanes>();
  private readonly frames: Frame[] = [{ values: new Map(), guards: new Map(), pointers: new Map() }];
  /** Bits of the dims whose loops have been entered. */
  private open = 0;

  constructor(lanes: LaneOperations, vector: number, vectorIsOuter: boolean, rowBytes: number) {
    const { f } = lanes;
    this.f = f;
    this.lanes = lanes;
    this.vector = vector;
    this.vectorIsOuter = vectorIsOuter;
    this.rowBytes = rowBytes;
    this.operands = f.param("i32", 0);
    this.params = f.param("i32", 1);
    this.status = f.param("i32", 2);
    this.work = f.param("i32", 3);
  }

  /** Makes expressions and stores known, before any code is written. */
  register(roots: readonly Expr[], stores: readonly Store[]): void {
    const see = (slot: number, dtype: DType, view: View): void => {
      if (view.guards.length > 0) return;
      const key = streamKey(slot, dtype, view);
      this.lowest.set(key, Math.min(this.lowest.get(key) ?? Number.POSITIVE_INFINITY, view.offset));
    };
    for (const expr of exprOrder(roots)) {
      if (this.ids.has(expr)) continue;
      this.ids.set(expr, this.ids.size);
      this.dependences.set(expr, this.dependsOn(expr));
      for (const arg of argsOf(expr)) this.uses.set(arg, (this.uses.get(arg) ?? 0) + 1);
      if (expr.kind === "load") see(expr.slot, expr.dtype, expr.view);
    }
    for (const root of roots) this.uses.set(root, (this.uses.get(root) ?? 0) + 1);
    for (const store of stores) see(store.slot, store.dtype, store.view);
  }

  /** All that moves with the loops in these expressions and stores. */
  affines(roots: readonly Expr[], stores: readonly Store[]): Affine[] {
    const all = new Map<string, Affine>();
    const add = (affine: Affine): void => {
      all.set(affine.key, affine);
    };
    for (const expr of exprOrder(roots)) {
      if (expr.kind === "load") {
        add(this.stream(expr.slot, expr.dtype, expr.view).affine);
        for (const guard of expr.view.guards) add(this.linear(guard.offset, guard.coefficients));
      } else if (expr.kind === "index") add(this.linear(expr.offset, expr.coefficients));
      else if (expr.kind === "inside")
        for (const guard of expr.guards) add(this.linear(guard.offset, guard.coefficients));
    }
    for (const store of stores) add(this.stream(store.slot, store.dtype, store.view).affine);
    return [...all.values()];
  }

  /** Enters the loop over `dim`, which stands at its start. */
  enter(dim: number, body: () => void): void {
    this.open |= 1 << dim;
    body();
    this.open &= ~(1 << dim);
  }

  /** What is computed inside is forgotten afterwards. */
  frame(body: () => void): void {
    this.frames.push({ values: new Map(), guards: new Map(), pointers: new Map() });
    this.f.scope(body);
    this.frames.pop();
  }

  /** The accumulators may be used inside: all that must be done anew for each outer index. */
  withAccumulators(body: () => void): void {
    this.open |= accumulators;
    body();
    this.open &= ~accumulators;
    this.accs.clear();
  }

  setAccumulator(index: number, point: Point, value: Lanes): void {
    this.accs.set(this.accumulatorKey(index, point), value);
  }

  /** Locals for what moves along `dim`, from where they are now. Returns what moves them by so many iterations. */
  moveAlong(dim: number, affines: readonly Affine[]): (iterations: number | I32) => void {
    const moved = affines.flatMap((affine) => {
      const stride = affine.strides[dim] ?? 0;
      if (stride === 0) return [];
      const local = this.f.local("i32", this.pointer(affine));
      this.frames.at(-1)?.pointers.set(affine.key, local);
      return [{ local, stride }];
    });
    return (iterations) => {
      for (const { local, stride } of moved)
        this.f.increase(
          local,
          typeof iterations === "number" ? stride * iterations : i32.mul(iterations, i32.const(stride)),
        );
    };
  }

  /** Computes now what does not depend on the loops still to be entered. */
  prepare(roots: readonly Expr[], points: readonly Point[]): void {
    const closed = ~this.open;
    const seen = new Set<Expr>();
    const visit = (expr: Expr): void => {
      if (seen.has(expr) || expr.kind === "literal") return;
      seen.add(expr);
      if (((this.dependences.get(expr) ?? 0) & closed) === 0) {
        for (const point of points) this.value(expr, point, true);
        return;
      }
      if (expr.kind === "load") this.prepareGuards(expr.view.guards, points, closed);
      if (expr.kind === "inside") this.prepareGuards(expr.guards, points, closed);
      argsOf(expr).forEach(visit);
    };
    roots.forEach(visit);
  }

  private prepareGuards(guards: readonly Guard[], points: readonly Point[], closed: number): void {
    for (const guard of guards)
      if ((bitsOf(guard.coefficients) & closed) === 0) for (const point of points) this.guard(guard, point);
  }

  /** The value of an expression at a point; `kept` in locals where it is used again. */
  value(expr: Expr, point: Point, kept = false): Lanes {
    const key = `${this.ids.get(expr)}${this.pointKey(this.dependences.get(expr) ?? 0, point)}`;
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const known = this.frames[i]?.values.get(key);
      if (known) return known;
    }
    const computed = this.compute(expr, point);
    if (!kept && (this.uses.get(expr) ?? 0) < 2) return computed;
    const result = this.lanes.keepLanes(computed);
    this.frames.at(-1)?.values.set(key, result);
    return result;
  }

  store(store: Store, value: Lanes, point: Point): void {
    const { affine, offset } = this.stream(store.slot, store.dtype, store.view);
    const place = this.place(affine, offset, point);
    storeLanes(this.lanes, this.lanes.cast(value, store.dtype), place, this.vectorStride(affine), point.lanes);
  }

  private compute(expr: Expr, point: Point): Lanes {
    const { lanes } = this;
    switch (expr.kind) {
      case "literal":
        return lanes.literal(expr.dtype, expr.value);
      case "param":
        return this.param(expr.dtype, expr.index);
      case "index":
        return { dtype: "int32", parts: [this.index(expr.offset, expr.coefficients, point)] };
      case "load":
        return this.load(expr.slot, expr.dtype, expr.view, point);
      case "inside":
        return { dtype: "bool", parts: [this.insideMask(expr.guards, point)] };
      case "acc": {
        const acc = this.accs.get(this.accumulatorKey(expr.index, point));
        if (!acc) throw new TypeError(`accumulator ${expr.index} is used before its fold`);
        return acc;
      }
      case "apply": {
        const args = expr.args.map((arg) => this.value(arg, point));
        const [x, bound] = args;
        if (expr.op !== "check" || !x || !bound) return lanes.apply(expr.op, expr.dtype, args);
        const checked = lanes.keepLanes(x);
        const moving = ((this.dependences.get(expr) ?? 0) >> this.vector) & 1 && this.vector >= 0;
        this.check(checked, bound, expr.check ?? 0, moving ? point.lanes : 4);
        return checked;
      }
    }
  }

  private param(dtype: DType, index: number): Lanes {
    const value = this.f.hoist(`param ${index}`, "f64", () => f64.load(this.params, 8 * index));
    const make = (type: string, x: V128): V128 => this.f.hoist(`param ${index} ${type}`, "v128", () => x);
    switch (dtype) {
      case "float32":
        return { dtype, parts: [make(dtype, f32x4.splat(f32.demoteF64(value)))] };
      case "float64": {
        const both = make(dtype, f64x2.splat(value));
        return { dtype, parts: [both, both] };
      }
      case "bool":
        return { dtype, parts: [make(dtype, i32x4.splat(i32.sub(i32.const(0), f64.ne(value, f64.const(0)))))] };
      default: {
        const whole = i32.truncF64(value);
        return { dtype, parts: [make(dtype, i32x4.splat(dtype === "uint8" ? i32.and(whole, i32.const(255)) : whole))] };
      }
    }
  }

  private index(offset: number, coefficients: readonly number[], point: Point): V128 {
    const affine = this.linear(offset, coefficients);
    const delta = shift(affine, point);
    const step = this.vectorStride(affine);
    const start = i32x4.splat(this.pointer(affine));
    if (delta === 0 && step === 0) return start;
    return i32x4.add(start, this.lanes.int(delta, delta + step, delta + 2 * step, delta + 3 * step));
  }

  private check(x: Lanes, bound: Lanes, check: number, lanes: number): void {
    const [value = this.lanes.int(0)] = x.parts;
    const [limit = value] = bound.parts;
    const failed = i32x4.geU(value, limit);
    const owned = lanes < 4 ? v128.and(failed, this.laneMask(lanes)) : failed;
    const report = this.lanes.module.helper("report", () => {
      const f = this.lanes.module.function(["i32", "i32", "v128", "i32"], null);
      const status = f.param("i32", 0);
      const bits = f.param("i32", 3);
      f.if(i32.load(status), () => f.return());
      const values = f.param("v128", 2);
      for (let lane = 3; lane >= 0; lane--)
        f.if(i32.and(bits, i32.const(1 << lane)), () => f.store(status, i32x4.extractLane(values, lane), 4));
      f.store(status, f.param("i32", 1));
      return f;
    });
    this.f.scope(() => {
      const mask = this.lanes.keep(owned);
      this.f.if(i32.anyTrue(mask), () =>
        this.f.call(report, this.status, i32.const(1 + check), value, i32.bitmaskI32(mask)),
      );
    });
  }

  /** A mask of the first `lanes` lanes. */
  laneMask(lanes: number): V128 {
    return this.lanes.int(-1, lanes > 1 ? -1 : 0, lanes > 2 ? -1 : 0, lanes > 3 ? -1 : 0);
  }

  private load(slot: number, dtype: DType, view: View, point: Point): Lanes {
    const { affine, offset } = this.stream(slot, dtype, view);
    const place = this.place(affine, offset, point);
    const stride = this.vectorStride(affine);
    if (view.guards.length === 0) return loadLanes(this.lanes, dtype, place, stride, point.lanes);
    return this.guardedLoad(dtype, view, place, stride, point);
  }

  /** Never touches an element whose guards fail: a plain load where all lanes are inside, one lane at a time elsewhere. */
  private guardedLoad(dtype: DType, view: View, place: Place, stride: number, point: Point): Lanes {
    const { f, lanes } = this;
    const bytes = elementBytes(dtype);
    const fixed = view.guards.filter((guard) => this.vectorCoefficient(guard) === 0);
    const moving = view.guards.filter((guard) => this.vectorCoefficient(guard) !== 0);
    const parts = [f.local("v128"), ...(dtype === "float64" ? [f.local("v128")] : [])];
    const set = (from: Lanes): void => {
      parts.forEach((part, i) => {
        f.set(part, from.parts[i] ?? lanes.int(0));
      });
    };
    // Before any branch: what is remembered must have been computed on every path.
    const values = new Map(view.guards.map((guard) => [guard, this.guard(guard, point)]));
    let pointer: I32 = place.pointer;
    let all: I32 | null = null;
    for (const guard of fixed) {
      const { inside = i32.const(1), position = i32.const(0) } = values.get(guard) ?? {};
      all = all ? i32.and(all, inside) : inside;
      if (guard.stride !== 0) pointer = i32.add(pointer, i32.mul(position, i32.const(guard.stride * bytes)));
    }
    f.scope(() => {
      const start: Place = {
        ...place,
        pointer: pointer === place.pointer ? pointer : f.local("i32", pointer),
        wraps: true,
      };
      const plain = (): void => set(loadLanes(lanes, dtype, start, stride, point.lanes));
      const slow = (): void => {
        let mask: V128 = this.laneMask(point.lanes);
        let relative: V128 = lanes.int(0, stride, 2 * stride, 3 * stride);
        for (const guard of moving) {
          const { inside, position } = this.guardLanes(guard, point);
          mask = v128.and(mask, inside);
          if (guard.stride !== 0) relative = i32x4.add(relative, i32x4.mul(position, lanes.int(guard.stride * bytes)));
        }
        const bits = f.local("i32", i32.bitmaskI32(mask));
        const base = i32.add(start.pointer, i32.const(start.offset));
        f.if(
          bits,
          () => set(gatherLanes(lanes, dtype, base, relative, bits)),
          () => set(lanes.literal(dtype, 0)),
        );
      };
      const whole = moving.every((guard) => guard.step === 1);
      const varying = (): void => {
        const ends = moving.flatMap((guard) => {
          const { inside: first = i32.const(1), position = i32.const(0) } = values.get(guard) ?? {};
          const last = i32.add(position, i32.const(this.vectorCoefficient(guard) * (point.lanes - 1)));
          return [first, i32.ltU(last, i32.const(guard.size))];
        });
        f.if(
          ends.reduce((a, b) => i32.and(a, b)),
          plain,
          slow,
        );
      };
      const inside = moving.length === 0 ? plain : whole ? varying : slow;
      if (all) f.if(all, inside, () => set(lanes.literal(dtype, 0)));
      else inside();
    });
    return { dtype, parts };
  }

  private insideMask(guards: readonly Guard[], point: Point): V128 {
    const masks = guards.map((guard) =>
      this.vectorCoefficient(guard) === 0
        ? i32x4.splat(i32.sub(i32.const(0), this.guard(guard, point).inside))
        : this.guardLanes(guard, point).inside,
    );
    return masks.length === 0 ? this.lanes.int(-1) : masks.reduce((a, b) => v128.and(a, b));
  }

  /** A guard in the first lane. Division by the step is exact where it matters: see `inverse`. */
  private guard(guard: Guard, point: Point): GuardValue {
    const key = `${guard.coefficients}@${guard.offset}/${guard.size}/${guard.step}${this.pointKey(bitsOf(guard.coefficients), point)}`;
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const known = this.frames[i]?.guards.get(key);
      if (known) return known;
    }
    const affine = this.linear(guard.offset, guard.coefficients);
    const delta = shift(affine, point);
    const e = delta === 0 ? this.pointer(affine) : i32.add(this.pointer(affine), i32.const(delta));
    const { shift: low, inverse } = exactDivision(guard.step);
    const local = this.f.local("i32", e);
    const position =
      guard.step === 1 ? local : this.f.local("i32", i32.mul(i32.shrU(local, i32.const(low)), i32.const(inverse)));
    let condition = i32.ltU(position, i32.const(guard.size));
    if (low > 0) condition = i32.and(condition, i32.eqz(i32.and(local, i32.const((1 << low) - 1))));
    const value = { inside: this.f.local("i32", condition), position };
    this.frames.at(-1)?.guards.set(key, value);
    return value;
  }

  private guardLanes(guard: Guard, point: Point): { inside: V128; position: V128 } {
    const { lanes } = this;
    const e = lanes.keep(this.index(guard.offset, guard.coefficients, point));
    const { shift: low, inverse } = exactDivision(guard.step);
    const position = guard.step === 1 ? e : lanes.keep(i32x4.mul(i32x4.shrU(e, i32.const(low)), lanes.int(inverse)));
    let inside = i32x4.ltU(position, lanes.int(guard.size));
    if (low > 0) inside = v128.and(inside, i32x4.eq(v128.and(e, lanes.int((1 << low) - 1)), lanes.int(0)));
    return { inside, position };
  }

  // --- addresses

  private stream(slot: number, dtype: DType, view: View): { affine: Affine; offset: number } {
    const bytes = elementBytes(dtype);
    const guarded = view.guards.length > 0;
    const key = guarded ? `${streamKey(slot, dtype, view)}@${view.offset}` : streamKey(slot, dtype, view);
    const lowest = guarded ? view.offset : (this.lowest.get(key) ?? view.offset);
    const home = (): I32 =>
      slot < 0
        ? i32.add(this.work, i32.const(workspaceOffset(slot, this.rowBytes)))
        : i32.load(this.operands, 4 * slot);
    const base = this.f.hoist(`slot ${slot}`, "i32", home);
    const start = lowest === 0 ? base : this.f.hoist(key, "i32", () => i32.add(base, i32.const(lowest * bytes)));
    return {
      affine: { key, strides: view.strides.map((stride) => stride * bytes), start },
      offset: (view.offset - lowest) * bytes,
    };
  }

  private linear(offset: number, coefficients: readonly number[]): Affine {
    return { key: `${offset}+${coefficients}`, strides: coefficients, start: i32.const(offset) };
  }

  private pointer(affine: Affine): I32 {
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const local = this.frames[i]?.pointers.get(affine.key);
      if (local) return local;
    }
    return affine.start;
  }

  private place(affine: Affine, offset: number, point: Point): Place {
    return { pointer: this.pointer(affine), offset: offset + shift(affine, point), wraps: false };
  }

  private vectorStride(affine: Affine): number {
    return this.vector < 0 ? 0 : (affine.strides[this.vector] ?? 0);
  }

  private vectorCoefficient(guard: Guard): number {
    return this.vector < 0 ? 0 : (guard.coefficients[this.vector] ?? 0);
  }

  // --- keys

  private dependsOn(expr: Expr): number {
    switch (expr.kind) {
      case "index":
        return bitsOf(expr.coefficients);
      case "inside":
        return expr.guards.reduce((bits, guard) => bits | bitsOf(guard.coefficients), 0);
      case "load":
        return expr.view.guards.reduce((bits, guard) => bits | bitsOf(guard.coefficients), bitsOf(expr.view.strides));
      case "acc":
        return accumulators | (this.vectorIsOuter && this.vector >= 0 ? 1 << this.vector : 0);
      case "apply":
        return expr.args.reduce((bits, arg) => bits | (this.dependences.get(arg) ?? 0), 0);
      default:
        return 0;
    }
  }

  private accumulatorKey(index: number, point: Point): string {
    return `${index} ${this.vectorIsOuter ? (point.deltas[this.vector] ?? 0) : 0}`;
  }

  private pointKey(dependences: number, point: Point): string {
    let key = "";
    point.deltas.forEach((delta, dim) => {
      if (delta !== 0 && (dependences >> dim) & 1) key += ` ${dim}:${delta}`;
    });
    return key;
  }
}

const streamKey = (slot: number, dtype: DType, view: View): string =>
  `slot ${slot} ${elementBytes(dtype)}${view.guards.length > 0 ? " guarded" : ""} ${view.strides}`;

const bitsOf = (coefficients: readonly number[]): number =>
  coefficients.reduce((bits, c, dim) => (c === 0 ? bits : bits | (1 << dim)), 0);

const shift = (affine: Affine, point: Point): number =>
  point.deltas.reduce((sum, delta, dim) => sum + delta * (affine.strides[dim] ?? 0), 0);

/**
 * e / step where step divides e, modulo 2³²: a shift, then the inverse of the odd part. Where it does not divide, or
 * where e is negative, the low bits are not 0 or the product is larger than any size that step times fits an int32.
 */
function exactDivision(step: number): { shift: number; inverse: number } {
  let shift = 0;
  let odd = step;
  while (odd % 2 === 0) {
    odd /= 2;
    shift++;
  }
  let inverse = odd;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return { shift, inverse };
}
