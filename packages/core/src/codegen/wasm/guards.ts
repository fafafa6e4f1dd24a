// Guards: conditions on loop indices that a load must meet, and loads that take 0 where they fail.
import { type DType, elementBytes } from "../../base/dtype.ts";
import type { Guard, View } from "../../base/view.ts";
import { type Addresses, bitsOf, type Point } from "./address.ts";
import { type I32, i32, i32x4, type V128, v128 } from "./instructions.ts";
import type { LaneOperations, Lanes } from "./lanes.ts";
import { gatherLanes, loadLanes, type Place } from "./memory.ts";

/** Where a guard's axis stands: its condition, and the position along it in units of its step. */
interface GuardValue {
  readonly inside: I32;
  readonly position: I32;
}

export class Guards {
  private readonly c: LaneOperations;
  private readonly addresses: Addresses;
  private readonly frames: Map<string, GuardValue>[] = [new Map()];

  constructor(c: LaneOperations, addresses: Addresses) {
    this.c = c;
    this.addresses = addresses;
  }

  /** What is computed inside is forgotten afterwards. */
  frame(body: () => void): void {
    this.frames.push(new Map());
    body();
    this.frames.pop();
  }

  /** Computes now the guards that depend on no dim among the bits `closed`. */
  prepare(guards: readonly Guard[], points: readonly Point[], closed: number): void {
    for (const guard of guards)
      if ((bitsOf(guard.coefficients) & closed) === 0) for (const point of points) this.value(guard, point);
  }

  /** A mask of the lanes in which all guards hold. */
  mask(guards: readonly Guard[], point: Point): V128 {
    const masks = guards.map((guard) =>
      this.addresses.alongLanes(guard.coefficients) === 0
        ? i32x4.splat(i32.sub(i32.const(0), this.value(guard, point).inside))
        : this.lanes(guard, point).inside,
    );
    return masks.length === 0 ? this.c.int(-1) : masks.reduce((a, b) => v128.and(a, b));
  }

  /**
   * A plain load where all lanes are inside, 0 where none is. Where some are: the same load and a mask if the lanes lie side by
   * side, as these are never more than three elements away from one that is there; or one lane at a time.
   */
  load(dtype: DType, view: View, place: Place, stride: number, point: Point): Lanes {
    const { c, addresses } = this;
    const { f } = c;
    const bytes = elementBytes(dtype);
    const fixed = view.guards.filter((guard) => addresses.alongLanes(guard.coefficients) === 0);
    const moving = view.guards.filter((guard) => addresses.alongLanes(guard.coefficients) !== 0);
    const parts = [f.local("v128"), ...(dtype === "float64" ? [f.local("v128")] : [])];
    const set = (from: Lanes): void => {
      parts.forEach((part, i) => {
        f.set(part, from.parts[i] ?? c.int(0));
      });
    };
    const isRun = bytes === 4 && stride === 4 && moving.every((guard) => guard.stride === 0);
    // Before any branch: what is remembered must have been computed on every path.
    for (const guard of view.guards) this.value(guard, point);
    let pointer: I32 = place.pointer;
    let all: I32 | null = null;
    for (const guard of fixed) {
      const { inside, position } = this.value(guard, point);
      all = all ? i32.and(all, inside) : inside;
      if (guard.stride !== 0) pointer = i32.add(pointer, i32.mul(position, i32.const(guard.stride * bytes)));
    }
    f.scope(() => {
      const kept = pointer === place.pointer ? pointer : f.local("i32", pointer);
      const start: Place = { ...place, pointer: kept, wraps: true };
      const plain = (): void => set(loadLanes(c, dtype, start, stride, point.lanes));
      const slow = (): void => {
        let mask: V128 = c.laneMask(point.lanes);
        let relative: V128 = c.int(0, stride, 2 * stride, 3 * stride);
        for (const guard of moving) {
          const { inside, position } = this.lanes(guard, point);
          mask = v128.and(mask, inside);
          if (guard.stride !== 0) relative = i32x4.add(relative, i32x4.mul(position, c.int(guard.stride * bytes)));
        }
        const masked = f.local("v128", mask);
        const bits = f.local("i32", i32.bitmaskI32(masked));
        const base = i32.add(start.pointer, i32.const(start.offset));
        const some = (): Lanes =>
          isRun
            ? { dtype, parts: [v128.and(loadLanes(c, dtype, start, stride, point.lanes).parts[0] ?? mask, masked)] }
            : gatherLanes(c, dtype, base, relative, bits);
        f.if(
          bits,
          () => set(some()),
          () => set(c.literal(dtype, 0)),
        );
      };
      const varying = (): void => {
        const ends = moving.flatMap((guard) => {
          const { inside: first, position } = this.value(guard, point);
          const last = i32.add(position, i32.const(addresses.alongLanes(guard.coefficients) * (point.lanes - 1)));
          return [first, i32.ltU(last, i32.const(guard.size))];
        });
        f.if(
          ends.reduce((a, b) => i32.and(a, b)),
          plain,
          slow,
        );
      };
      const isWhole = moving.every((guard) => guard.step === 1);
      const inside = moving.length === 0 ? plain : isWhole ? varying : slow;
      if (all) f.if(all, inside, () => set(c.literal(dtype, 0)));
      else inside();
    });
    return { dtype, parts };
  }

  /** A guard in the first lane. */
  private value(guard: Guard, point: Point): GuardValue {
    const { f } = this.c;
    const affine = this.addresses.linear(guard.offset, guard.coefficients);
    const used = point.deltas.map((delta, dim) => (guard.coefficients[dim] === 0 ? 0 : delta));
    const key = `${affine.key}/${guard.size}/${guard.step}@${used}`;
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const known = this.frames[i]?.get(key);
      if (known) return known;
    }
    const { shift: low, inverse } = exactDivision(guard.step);
    const e = f.local("i32", this.addresses.first(affine, point));
    const position = guard.step === 1 ? e : f.local("i32", i32.mul(i32.shrU(e, i32.const(low)), i32.const(inverse)));
    let inside = i32.ltU(position, i32.const(guard.size));
    if (low > 0) inside = i32.and(inside, i32.eqz(i32.and(e, i32.const((1 << low) - 1))));
    const value = { inside: f.local("i32", inside), position };
    this.frames.at(-1)?.set(key, value);
    return value;
  }

  private lanes(guard: Guard, point: Point): { inside: V128; position: V128 } {
    const { c } = this;
    const e = c.keep(this.addresses.lanes(this.addresses.linear(guard.offset, guard.coefficients), point));
    const { shift: low, inverse } = exactDivision(guard.step);
    const position = guard.step === 1 ? e : c.keep(i32x4.mul(i32x4.shrU(e, i32.const(low)), c.int(inverse)));
    let inside = i32x4.ltU(position, c.int(guard.size));
    if (low > 0) inside = v128.and(inside, i32x4.eq(v128.and(e, c.int((1 << low) - 1)), c.int(0)));
    return { inside, position };
  }
}

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
