// Folds: several accumulators side by side, sums in blocks, and what they come to in the end.
import type { DType } from "../../base/dtype.ts";
import type { FoldOp } from "../../base/instruction.ts";
import { foldIdentity } from "../../kernel/fold.ts";
import type { Local } from "./encoder.ts";
import { f32x4, f64x2, i32x4, shuffle32, type V128, v128 } from "./instructions.ts";
import type { LaneOperations, Lanes } from "./lanes.ts";

/**
 * One fold for one set of four results (or, where the lanes are parts of one result, for that one).
 * Values go into `width` accumulators in turn, so that additions need not wait for each other.
 */
export class Accumulator {
  private readonly c: LaneOperations;
  private readonly op: FoldOp;
  private readonly dtype: DType;
  private readonly parts: Local<"v128">[][] = [];
  private readonly positions: Local<"v128">[] = [];
  /** Sums of blocks, in float64. */
  private readonly total: Local<"v128">[] = [];

  /** `dtype` is that of the values; `blocked`: float32 sums are carried over to float64 by `flush`. */
  constructor(c: LaneOperations, op: FoldOp, dtype: DType, width: number, blocked: boolean) {
    this.c = c;
    this.op = op;
    this.dtype = dtype;
    for (let i = 0; i < width; i++) {
      this.parts.push(this.identity().parts.map((part) => c.f.local("v128", part)));
      if (this.picksPosition) this.positions.push(c.f.local("v128", c.int(0)));
    }
    if (blocked && op === "add" && dtype === "float32")
      for (let i = 0; i < 2; i++) this.total.push(c.f.local("v128", c.double(0)));
  }

  private get picksPosition(): boolean {
    return this.op === "argmax" || this.op === "argmin";
  }

  identity(): Lanes {
    const op = this.op === "argmax" ? "max" : this.op === "argmin" ? "min" : this.op;
    return this.c.literal(this.dtype, foldIdentity(op, this.dtype));
  }

  /** Takes in a value; where `mask` is given, only its lanes. */
  add(slot: number, value: Lanes, position: V128 | null, mask: V128 | null): void {
    const { c } = this;
    const owned = mask ? c.select(mask, value, this.identity()) : value;
    const at = slot % this.parts.length;
    if (position) this.pick(at, c.keepLanes(owned), position, mask);
    else this.set(at, this.combine(this.lanesOf(at), owned));
  }

  private lanesOf(at: number): Lanes {
    return { dtype: this.dtype, parts: this.parts[at] ?? [] };
  }

  private set(at: number, value: Lanes): void {
    this.parts[at]?.forEach((part, i) => {
      this.c.f.set(part, value.parts[i] ?? part);
    });
  }

  /** An accumulator and its position become value and position where these beat it, or are as good and come first. */
  private pick(to: number, value: Lanes, position: V128, mask: V128 | null): void {
    const { c } = this;
    const acc = this.lanesOf(to);
    const best = this.positions[to];
    if (!best) return;
    const at = c.keep(position);
    const wins = this.beats(value, acc, at, best);
    const won = c.keep(mask ? v128.and(wins, mask) : wins);
    c.f.set(best, v128.bitselect(at, best, won));
    this.set(to, c.select(won, value, acc));
  }

  private beats(value: Lanes, acc: Lanes, at: V128, best: V128): V128 {
    const { c } = this;
    const compare = (op: "lt" | "eq" | "ne", a: Lanes, b: Lanes): V128 => c.apply(op, "bool", [a, b]).parts[0] ?? at;
    const better = this.op === "argmax" ? compare("lt", acc, value) : compare("lt", value, acc);
    const first = i32x4.lt(at, best);
    const tied = v128.and(compare("eq", acc, value), first);
    if (this.dtype !== "float32" && this.dtype !== "float64") return v128.or(better, tied);
    const valueIsNaN = c.keep(compare("ne", value, value));
    const accIsNaN = c.keep(compare("ne", acc, acc));
    const byNaN = v128.and(valueIsNaN, v128.or(v128.not(accIsNaN), first));
    return v128.or(byNaN, v128.or(better, tied));
  }

  private combine(a: Lanes, b: Lanes): Lanes {
    return this.op === "argmax" || this.op === "argmin" ? a : this.c.apply(this.op, this.dtype, [a, b]);
  }

  /** All accumulators into the first, in pairs. */
  private gather(): Lanes {
    for (let stride = 1; stride < this.parts.length; stride *= 2)
      for (let i = 0; i + stride < this.parts.length; i += 2 * stride) {
        const other = this.positions[i + stride];
        if (other) this.pick(i, this.lanesOf(i + stride), other, null);
        else this.set(i, this.combine(this.lanesOf(i), this.lanesOf(i + stride)));
      }
    return this.lanesOf(0);
  }

  /** At the end of a block: what the accumulators hold goes to the totals. */
  flush(): void {
    if (this.total.length === 0) return;
    const { c } = this;
    c.f.scope(() => {
      const sums = c.promote(this.gather().parts[0] ?? c.float(0));
      this.total.forEach((total, i) => {
        c.f.set(total, f64x2.add(total, sums[i] ?? c.double(0)));
      });
      for (const [acc] of this.parts) if (acc) c.f.set(acc, c.float(0));
    });
  }

  /** The result; `across`: the lanes are parts of one result, which then stands in all of them. */
  finish(dtype: DType, across: boolean): Lanes {
    const { c } = this;
    if (this.picksPosition) return { dtype, parts: [this.finishPosition(across)] };
    if (this.total.length > 0) return { dtype, parts: [this.finishTotal(across)] };
    let sum = this.gather();
    if (across) {
      if (this.dtype === "float64") {
        const [low = c.double(0), high = low] = sum.parts;
        const [pair = low] = this.combine64(low, high);
        const kept = c.keep(pair);
        const [all = kept] = this.combine64(kept, shuffle32(kept, kept, [2, 3, 0, 1]));
        const whole = c.keep(all);
        sum = { dtype: this.dtype, parts: [whole, whole] };
      } else
        for (const lanes of [
          [2, 3, 0, 1],
          [1, 0, 3, 2],
        ] as const) {
          const [x = c.int(0)] = c.keepLanes(sum).parts;
          sum = this.combine(
            { dtype: this.dtype, parts: [x] },
            { dtype: this.dtype, parts: [shuffle32(x, x, [...lanes])] },
          );
        }
    }
    return c.keepLanes(c.cast(sum, dtype));
  }

  private combine64(a: V128, b: V128): readonly V128[] {
    return this.combine({ dtype: "float64", parts: [a, a] }, { dtype: "float64", parts: [b, b] }).parts;
  }

  private finishTotal(across: boolean): V128 {
    const { c } = this;
    this.flush();
    const [low = c.double(0), high = low] = this.total;
    if (!across) return c.keep(c.demote(low, high));
    const pair = c.keep(f64x2.add(low, high));
    const sum = c.keep(f64x2.add(pair, shuffle32(pair, pair, [2, 3, 0, 1])));
    const single = c.keep(f32x4.demoteF64x2Zero(sum));
    return c.keep(shuffle32(single, single, [0, 0, 0, 0]));
  }

  private finishPosition(across: boolean): V128 {
    const { c } = this;
    const acc = this.gather();
    const [best] = this.positions;
    if (!best) return c.int(0);
    if (!across) return best;
    for (const by of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ] as const) {
      const copy = (x: V128): V128 => c.f.local("v128", x);
      const moved =
        this.dtype !== "float64"
          ? acc.parts.map((part) => copy(shuffle32(part, part, [...by])))
          : by[0] === 2
            ? acc.parts.toReversed().map(copy)
            : acc.parts.map((part) => copy(shuffle32(part, part, [2, 3, 0, 1])));
      this.pick(0, { dtype: this.dtype, parts: moved }, copy(shuffle32(best, best, [...by])), null);
    }
    return best;
  }
}
