// Runs folds: several states side by side, sums in blocks, and what they come to in the end.
import type { DType } from "../../base/dtype.ts";
import type { FoldOp } from "../../base/instruction.ts";
import type { Local } from "./encoder.ts";
import { type FoldScheme, type FoldState, foldScheme } from "./fold-scheme.ts";
import { f64x2, shuffle32, type V128, v128 } from "./instructions.ts";
import type { LaneOperations, Lanes } from "./lanes.ts";

/**
 * One fold for one set of four results (or, where the lanes are parts of one result, for that one).
 * Values go into `width` states in turn, so that additions need not wait for each other.
 */
export class Accumulator {
  private readonly c: LaneOperations;
  private readonly scheme: FoldScheme;
  private readonly states: Local<"v128">[][] = [];
  /** Sums of blocks, in float64. */
  private readonly total: Local<"v128">[] = [];

  /** `dtype` is that of the values; `blocked`: float32 sums are carried over to float64 by `flush`. */
  constructor(c: LaneOperations, op: FoldOp, dtype: DType, width: number, blocked: boolean) {
    this.c = c;
    this.scheme = foldScheme(c, op, dtype);
    for (let i = 0; i < width; i++) this.states.push(this.scheme.initial().map((part) => c.f.local("v128", part)));
    if (blocked && op === "add" && dtype === "float32")
      for (let i = 0; i < 2; i++) this.total.push(c.f.local("v128", c.double(0)));
  }

  /** Takes in a value; where `mask` is given, only its lanes. */
  add(slot: number, value: Lanes, position: V128 | null, mask: V128 | null): void {
    const { c } = this;
    const at = slot % this.states.length;
    const state = this.states[at] ?? [];
    const before = mask ? state.map((part) => c.f.local("v128", part)) : state;
    this.set(state, this.scheme.absorb(state, value, position));
    if (!mask) return;
    const masks = [...c.maskParts(mask, this.scheme.dtype), mask, mask];
    this.set(
      state,
      state.map((part, i) => v128.bitselect(part, before[i] ?? part, masks[i] ?? mask)),
    );
  }

  private set(state: readonly Local<"v128">[], next: FoldState): void {
    state.forEach((part, i) => {
      this.c.f.set(part, next[i] ?? part);
    });
  }

  /** All states into the first, in pairs. */
  private gather(): Local<"v128">[] {
    for (let stride = 1; stride < this.states.length; stride *= 2)
      for (let i = 0; i + stride < this.states.length; i += 2 * stride) {
        const state = this.states[i] ?? [];
        this.set(state, this.scheme.merge(state, this.states[i + stride] ?? []));
      }
    return this.states[0] ?? [];
  }

  /** At the end of a block: what the states hold goes to the totals. */
  flush(): void {
    const { c } = this;
    if (this.total.length === 0) return;
    c.f.scope(() => {
      const sums = c.promote(this.gather()[0] ?? c.float(0));
      this.total.forEach((total, i) => {
        c.f.set(total, f64x2.add(total, sums[i] ?? c.double(0)));
      });
      for (const [sum] of this.states) if (sum) c.f.set(sum, c.float(0));
    });
  }

  /** The result as `dtype`; `across`: the lanes are parts of one result, which then stands in all of them. */
  finish(dtype: DType, across: boolean): Lanes {
    const { c } = this;
    const isBlocked = this.total.length > 0;
    if (isBlocked) this.flush();
    const state = isBlocked ? this.total : this.gather();
    const scheme = isBlocked ? foldScheme(c, "add", "float64") : this.scheme;
    if (across) this.mergeLanes(scheme, state);
    const result = c.cast(scheme.result(state), dtype);
    return c.keepLanes(across ? c.spread(result) : result);
  }

  /** Brings the other half of the lanes to each, then the other of the pair. */
  private mergeLanes(scheme: FoldScheme, state: readonly Local<"v128">[]): void {
    const { c } = this;
    const isDouble = scheme.dtype === "float64";
    for (const by of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ] as const) {
      const isHalves = by[0] === 2;
      const moved = state.map((part, i) => {
        if (!isDouble || i >= 2) return c.f.local("v128", shuffle32(part, part, [...by]));
        if (isHalves) return c.f.local("v128", state[1 - i] ?? part);
        return c.f.local("v128", shuffle32(part, part, [2, 3, 0, 1]));
      });
      this.set(state, scheme.merge(state, moved));
    }
  }
}
