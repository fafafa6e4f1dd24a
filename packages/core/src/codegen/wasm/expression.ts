// Computes expressions at points of a loop nest, four lanes at a time; common and loop-invariant parts once.
import type { DType } from "../../base/dtype.ts";
import type { Expr, Store } from "../../kernel/ir.ts";
import { argsOf, exprOrder } from "../../kernel/walk.ts";
import { Addresses, type Affine, bitsOf, type Point } from "./address.ts";
import { Guards } from "./guards.ts";
import { f32, f32x4, f64, f64x2, i32, i32x4, type V128, v128 } from "./instructions.ts";
import type { LaneOperations, Lanes } from "./lanes.ts";
import { onePlusExp } from "./math-single.ts";
import { loadLanes, storeAlternately, storeLanes } from "./memory.ts";

/** Stands for the results of folds among the dims that an expression depends on. */
const accumulators = 1 << 30;
/** Expressions deeper than this are computed from inside out, so that recursion stays shallow. */
const deepest = 50;

export class Evaluator {
  readonly lanes: LaneOperations;
  readonly addresses: Addresses;
  private readonly guards: Guards;
  /** The dim whose iterations stand side by side in the lanes, or -1. */
  private readonly vector: number;
  /** Lanes are separate results of a fold, rather than parts of one. */
  private readonly vectorIsOuter: boolean;
  private readonly ids = new Map<Expr, number>();
  private readonly dependences = new Map<Expr, number>();
  private readonly uses = new Map<Expr, number>();
  private readonly depths = new Map<Expr, number>();
  private isDeep = false;
  private readonly accs = new Map<string, Lanes>();
  private readonly frames: Map<string, Lanes>[] = [new Map()];
  /** Bits of the dims whose loops have been entered. */
  private open = 0;

  constructor(lanes: LaneOperations, vector: number, vectorIsOuter: boolean, rowBytes: number) {
    this.lanes = lanes;
    this.vector = vector;
    this.vectorIsOuter = vectorIsOuter;
    this.addresses = new Addresses(lanes, vector, rowBytes);
    this.guards = new Guards(lanes, this.addresses);
  }

  /** Makes expressions and stores known, before any code is written. */
  register(roots: readonly Expr[], stores: readonly Store[]): void {
    for (const expr of exprOrder(roots)) {
      this.ids.set(expr, this.ids.size);
      this.dependences.set(expr, this.dependsOn(expr));
      const depth = 1 + argsOf(expr).reduce((most, arg) => Math.max(most, this.depths.get(arg) ?? 0), 0);
      this.depths.set(expr, depth);
      this.isDeep ||= depth > deepest;
      for (const arg of argsOf(expr)) this.uses.set(arg, (this.uses.get(arg) ?? 0) + 1);
      if (expr.kind === "load") this.addresses.register(expr.slot, expr.dtype, expr.view);
    }
    for (const root of roots) this.uses.set(root, (this.uses.get(root) ?? 0) + 1);
    for (const store of stores) this.addresses.register(store.slot, store.dtype, store.view);
  }

  /** All that moves with the loops in these expressions and stores. */
  affines(roots: readonly Expr[], stores: readonly Store[]): Affine[] {
    const all = new Map<string, Affine>();
    const add = (affine: Affine): void => {
      all.set(affine.key, affine);
    };
    const { addresses } = this;
    for (const expr of exprOrder(roots)) {
      if (expr.kind === "load") add(addresses.stream(expr.slot, expr.dtype, expr.view).affine);
      if (expr.kind === "index") add(addresses.linear(expr.offset, expr.coefficients));
      for (const guard of guardsOf(expr)) add(addresses.linear(guard.offset, guard.coefficients));
    }
    for (const store of stores) add(addresses.stream(store.slot, store.dtype, store.view).affine);
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
    this.frames.push(new Map());
    this.addresses.frame(() => this.guards.frame(() => this.lanes.f.scope(body)));
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

  /** Computes now what does not depend on the loops still to be entered. */
  prepare(roots: readonly Expr[], points: readonly Point[]): void {
    const closed = ~this.open;
    const seen = new Set<Expr>();
    const rest = [...roots];
    for (let expr = rest.pop(); expr; expr = rest.pop()) {
      if (seen.has(expr) || expr.kind === "literal") continue;
      seen.add(expr);
      if (((this.dependences.get(expr) ?? 0) & closed) === 0) for (const point of points) this.value(expr, point, true);
      else {
        this.guards.prepare(guardsOf(expr), points, closed);
        rest.push(...argsOf(expr));
      }
    }
  }

  /** The value of an expression at a point; `kept` in locals even where it is used once. */
  value(expr: Expr, point: Point, kept = false): Lanes {
    if (this.isDeep && (this.depths.get(expr) ?? 0) > deepest)
      for (const part of exprOrder([expr]))
        if ((this.depths.get(part) ?? 0) % deepest === 0) this.look(part, point, true);
    return this.look(expr, point, kept);
  }

  /** As computed before, or now. */
  private look(expr: Expr, point: Point, kept = false): Lanes {
    const key = `${this.ids.get(expr)}${pointKey(this.dependences.get(expr) ?? 0, point)}`;
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const known = this.frames[i]?.get(key);
      if (known) return known;
    }
    const computed = this.compute(expr, point);
    if (!kept && (this.uses.get(expr) ?? 0) < 2) return computed;
    const result = this.lanes.keepLanes(computed);
    this.frames.at(-1)?.set(key, result);
    return result;
  }

  store(store: Store, value: Lanes, point: Point): void {
    const { affine, offset } = this.addresses.stream(store.slot, store.dtype, store.view);
    const place = this.addresses.place(affine, offset, point);
    const stride = this.addresses.alongLanes(affine.strides);
    storeLanes(this.lanes, this.lanes.cast(value, store.dtype), place, stride, point.lanes);
  }

  /** Stores the values at a point and at the next iteration of the last dim, in turn. */
  storePairs(store: Store, even: Lanes, odd: Lanes, point: Point): void {
    const { affine, offset } = this.addresses.stream(store.slot, store.dtype, store.view);
    const place = this.addresses.place(affine, offset, point);
    storeAlternately(
      this.lanes,
      this.lanes.cast(even, store.dtype),
      this.lanes.cast(odd, store.dtype),
      place,
      point.lanes,
    );
  }

  private compute(expr: Expr, point: Point): Lanes {
    const { lanes, addresses } = this;
    switch (expr.kind) {
      case "literal":
        return lanes.literal(expr.dtype, expr.value);
      case "param":
        return this.param(expr.dtype, expr.index);
      case "index": {
        const affine = addresses.linear(expr.offset, expr.coefficients);
        return { dtype: "int32", parts: [addresses.lanes(affine, point)] };
      }
      case "load": {
        const { affine, offset } = addresses.stream(expr.slot, expr.dtype, expr.view);
        const place = addresses.place(affine, offset, point);
        const stride = addresses.alongLanes(affine.strides);
        if (expr.view.guards.length > 0) return this.guards.load(expr.dtype, expr.view, place, stride, point);
        return loadLanes(lanes, expr.dtype, place, stride, point.lanes);
      }
      case "inside":
        return { dtype: "bool", parts: [this.guards.mask(expr.guards, point)] };
      case "acc": {
        const acc = this.accs.get(this.accumulatorKey(expr.index, point));
        if (!acc) throw new TypeError(`accumulator ${expr.index} is used before its fold`);
        return acc;
      }
      case "apply": {
        const power = this.powerAboveOne(expr);
        if (power) {
          const [x = lanes.int(0)] = this.look(power, point).parts;
          return { dtype: "float32", parts: [onePlusExp(lanes, x)] };
        }
        const args = expr.args.map((arg) => this.look(arg, point));
        const [x, bound] = args;
        if (expr.op !== "check" || !x || !bound) return lanes.apply(expr.op, expr.dtype, args);
        const checked = lanes.keepLanes(x);
        const differs = this.vector >= 0 && (((this.dependences.get(expr) ?? 0) >> this.vector) & 1) === 1;
        this.check(checked, bound, expr.check ?? 0, differs ? point.lanes : 4);
        return checked;
      }
    }
  }

  /** x, where the expression is 1 + eˣ, as in the logistic function, and nothing else reads eˣ. */
  private powerAboveOne(expr: Expr & { kind: "apply" }): Expr | null {
    if (expr.op !== "add" || expr.dtype !== "float32") return null;
    const power = expr.args.find((arg) => arg.kind === "apply" && arg.op === "exp");
    const [x] = power ? argsOf(power) : [];
    const isOnePlus = expr.args.some((arg) => arg.kind === "literal" && arg.value === 1);
    return power && x && isOnePlus && this.uses.get(power) === 1 ? x : null;
  }

  private param(dtype: DType, index: number): Lanes {
    const { f } = this.lanes;
    const value = f.hoist(`param ${index}`, "f64", () => f64.load(f.param("i32", 1), 8 * index));
    const make = (x: V128): V128 => f.hoist(`param ${index} ${dtype}`, "v128", () => x);
    switch (dtype) {
      case "float32":
        return { dtype, parts: [make(f32x4.splat(f32.demoteF64(value)))] };
      case "float64": {
        const both = make(f64x2.splat(value));
        return { dtype, parts: [both, both] };
      }
      case "bool":
        return { dtype, parts: [make(i32x4.splat(i32.sub(i32.const(0), f64.ne(value, f64.const(0)))))] };
      default: {
        const whole = i32.truncF64(value);
        return { dtype, parts: [make(i32x4.splat(dtype === "uint8" ? i32.and(whole, i32.const(255)) : whole))] };
      }
    }
  }

  /** Notes the first lane, of those that count, whose value is not below the bound; negative ones are above all. */
  private check(x: Lanes, bound: Lanes, check: number, lanes: number): void {
    const { f, module } = this.lanes;
    const [value = this.lanes.int(0)] = x.parts;
    const [limit = value] = bound.parts;
    const failed = i32x4.geU(value, limit);
    const report = module.helper("report", () => {
      const made = module.function(["i32", "i32", "v128", "i32"], null);
      const status = made.param("i32", 0);
      const bits = made.param("i32", 3);
      const values = made.param("v128", 2);
      made.if(i32.load(status), () => made.return());
      for (let lane = 3; lane >= 0; lane--)
        made.if(i32.and(bits, i32.const(1 << lane)), () => made.store(status, i32x4.extractLane(values, lane), 4));
      made.store(status, made.param("i32", 1));
      return made;
    });
    f.scope(() => {
      const mask = f.local("v128", lanes < 4 ? v128.and(failed, this.lanes.laneMask(lanes)) : failed);
      f.if(i32.anyTrue(mask), () =>
        f.call(report, f.param("i32", 2), i32.const(1 + check), value, i32.bitmaskI32(mask)),
      );
    });
  }

  private dependsOn(expr: Expr): number {
    const guards = guardsOf(expr).reduce((bits, guard) => bits | bitsOf(guard.coefficients), 0);
    switch (expr.kind) {
      case "index":
        return bitsOf(expr.coefficients);
      case "load":
        return guards | bitsOf(expr.view.strides);
      case "acc":
        return accumulators | (this.vectorIsOuter && this.vector >= 0 ? 1 << this.vector : 0);
      case "apply":
        return expr.args.reduce((bits, arg) => bits | (this.dependences.get(arg) ?? 0), 0);
      default:
        return guards;
    }
  }

  private accumulatorKey(index: number, point: Point): string {
    return `${index} ${this.vectorIsOuter ? (point.deltas[this.vector] ?? 0) : 0}`;
  }
}

const guardsOf = (expr: Expr) => (expr.kind === "load" ? expr.view.guards : expr.kind === "inside" ? expr.guards : []);

function pointKey(dependences: number, point: Point): string {
  let key = "";
  point.deltas.forEach((delta, dim) => {
    if (delta !== 0 && (dependences >> dim) & 1) key += ` ${dim}:${delta}`;
  });
  return key;
}
