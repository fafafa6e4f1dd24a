// Linear functions of the loop indices (addresses, indices, guards' positions): kept in locals that the loops move along.
import { type DType, elementBytes } from "../../base/dtype.ts";
import type { View } from "../../base/view.ts";
import type { Local } from "./encoder.ts";
import { type I32, i32, i32x4, type V128 } from "./instructions.ts";
import type { LaneOperations } from "./lanes.ts";
import type { Place } from "./memory.ts";
import { workspaceOffset } from "./steps.ts";

/**
 * Where an expression is computed: so many iterations of each dim on from where the loops stand. `lanes` of the four
 * are there; the others hold anything.
 */
export interface Point {
  readonly deltas: readonly number[];
  readonly lanes: number;
}

/** start + Σ strides·i */
export interface Affine {
  readonly key: string;
  readonly strides: readonly number[];
  readonly start: I32;
}

/** The dims that have a coefficient, as bits. */
export const bitsOf = (coefficients: readonly number[]): number =>
  coefficients.reduce((bits, c, dim) => (c === 0 ? bits : bits | (1 << dim)), 0);

/** How far a point lies from where the loops stand. */
const shift = (affine: Affine, point: Point): number =>
  point.deltas.reduce((sum, delta, dim) => sum + delta * (affine.strides[dim] ?? 0), 0);

export class Addresses {
  private readonly c: LaneOperations;
  /** The dim in the lanes, or -1. */
  private readonly vector: number;
  private readonly rowBytes: number;
  private readonly operands: I32;
  private readonly work: I32;
  private readonly lowest = new Map<string, number>();
  private readonly frames: Map<string, Local<"i32">>[] = [new Map()];

  constructor(c: LaneOperations, vector: number, rowBytes: number) {
    this.c = c;
    this.vector = vector;
    this.rowBytes = rowBytes;
    this.operands = c.f.param("i32", 0);
    this.work = c.f.param("i32", 3);
  }

  /** Views that differ in their offset alone share a pointer, to the lowest of them: all must be known before. */
  register(slot: number, dtype: DType, view: View): void {
    if (view.guards.length > 0) return;
    const key = streamKey(slot, dtype, view);
    this.lowest.set(key, Math.min(this.lowest.get(key) ?? Number.POSITIVE_INFINITY, view.offset));
  }

  /** What is moved along inside is forgotten afterwards. */
  frame(body: () => void): void {
    this.frames.push(new Map());
    body();
    this.frames.pop();
  }

  /** The address that a view reads, less its guards' share: a pointer and bytes from there. */
  stream(slot: number, dtype: DType, view: View): { affine: Affine; offset: number } {
    const { f } = this.c;
    const bytes = elementBytes(dtype);
    const guarded = view.guards.length > 0;
    const key = guarded ? `${streamKey(slot, dtype, view)}@${view.offset}` : streamKey(slot, dtype, view);
    const lowest = guarded ? view.offset : (this.lowest.get(key) ?? view.offset);
    const home = (): I32 =>
      slot < 0
        ? i32.add(this.work, i32.const(workspaceOffset(slot, this.rowBytes)))
        : i32.load(this.operands, 4 * slot);
    const base = f.hoist(`slot ${slot}`, "i32", home);
    const start = lowest === 0 ? base : f.hoist(key, "i32", () => i32.add(base, i32.const(lowest * bytes)));
    return {
      affine: { key, strides: view.strides.map((stride) => stride * bytes), start },
      offset: (view.offset - lowest) * bytes,
    };
  }

  linear(offset: number, coefficients: readonly number[]): Affine {
    return { key: `${offset}+${coefficients}`, strides: coefficients, start: i32.const(offset) };
  }

  pointer(affine: Affine): I32 {
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const local = this.frames[i]?.get(affine.key);
      if (local) return local;
    }
    return affine.start;
  }

  place(affine: Affine, offset: number, point: Point): Place {
    return { pointer: this.pointer(affine), offset: offset + shift(affine, point), wraps: false };
  }

  /** The value in the first lane. */
  first(affine: Affine, point: Point): I32 {
    const delta = shift(affine, point);
    return delta === 0 ? this.pointer(affine) : i32.add(this.pointer(affine), i32.const(delta));
  }

  /** The values in all lanes. */
  lanes(affine: Affine, point: Point): V128 {
    const delta = shift(affine, point);
    const step = this.alongLanes(affine.strides);
    const start = i32x4.splat(this.pointer(affine));
    if (delta === 0 && step === 0) return start;
    return i32x4.add(start, this.c.int(delta, delta + step, delta + 2 * step, delta + 3 * step));
  }

  /** From one lane to the next. */
  alongLanes(strides: readonly number[]): number {
    return this.vector < 0 ? 0 : (strides[this.vector] ?? 0);
  }

  /** Locals for what moves along `dim`, from where they are now. Returns what moves them by so many iterations. */
  moveAlong(dim: number, affines: readonly Affine[]): (iterations: number | I32) => void {
    const moved = affines.flatMap((affine) => {
      const stride = affine.strides[dim] ?? 0;
      if (stride === 0) return [];
      const local = this.c.f.local("i32", this.pointer(affine));
      this.frames.at(-1)?.set(affine.key, local);
      return [{ local, stride }];
    });
    return (iterations) => {
      for (const { local, stride } of moved)
        this.c.f.increase(
          local,
          typeof iterations === "number" ? stride * iterations : i32.mul(iterations, i32.const(stride)),
        );
    };
  }
}

const streamKey = (slot: number, dtype: DType, view: View): string =>
  `slot ${slot} ${elementBytes(dtype)}${view.guards.length > 0 ? " guarded" : ""} ${view.strides}`;
