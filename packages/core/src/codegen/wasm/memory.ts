// Loads and stores of four lanes of any dtype at any stride, and safe loads of some of the lanes.
import type { DType } from "../../base/dtype.ts";
import { type I32, i8x16, i16x8, i32, i32x4, shuffle32, type V128, v128 } from "./instructions.ts";
import type { LaneOperations, Lanes } from "./lanes.ts";

/** An address: a pointer that is kept in a local, and a constant. `wraps`: the pointer alone may lie outside the memory. */
export interface Place {
  readonly pointer: I32;
  readonly offset: number;
  readonly wraps: boolean;
}

/** Only a sum that never passes 2³² may use the offset field of an instruction. */
const at = ({ pointer, offset, wraps }: Place, more: number): [address: I32, offset: number] => {
  const total = offset + more;
  if (total === 0) return [pointer, 0];
  return wraps || total < 0 ? [i32.add(pointer, i32.const(total)), 0] : [pointer, total];
};

/** `lanes` elements that are `stride` bytes apart; the lanes after them hold anything. */
export function loadLanes(c: LaneOperations, dtype: DType, place: Place, stride: number, lanes: number): Lanes {
  switch (dtype) {
    case "float32":
    case "int32":
      return { dtype, parts: [load32(c, place, stride, lanes)] };
    case "float64":
      return { dtype, parts: load64(c, place, stride, lanes) };
    default: {
      const bytes = load8(c, place, stride, lanes);
      return { dtype, parts: [dtype === "bool" ? i32x4.ne(bytes, c.int(0)) : bytes] };
    }
  }
}

function load32(c: LaneOperations, place: Place, stride: number, lanes: number): V128 {
  if (stride === 4) return v128.load(...at(place, 0));
  if (stride === 0) return v128.load32Splat(...at(place, 0));
  if (stride === -4 && lanes === 4) {
    const backwards = c.keep(v128.load(...at(place, -12)));
    return shuffle32(backwards, backwards, [3, 2, 1, 0]);
  }
  if (stride === 8 && lanes > 2)
    return shuffle32(v128.load(...at(place, 0)), v128.load(...at(place, 16)), [0, 2, 4, 6]);
  let out = v128.load32Zero(...at(place, 0));
  for (let lane = 1; lane < lanes; lane++) {
    const [address, offset] = at(place, lane * stride);
    out = v128.load32Lane(address, out, lane, offset);
  }
  return out;
}

function load64(c: LaneOperations, place: Place, stride: number, lanes: number): V128[] {
  if (stride === 0) {
    const both = c.keep(v128.load64Splat(...at(place, 0)));
    return [both, both];
  }
  return [0, 2].map((lane) => {
    if (lane >= lanes) return c.double(0);
    if (stride === 8) return v128.load(...at(place, lane * 8));
    const first = v128.load64Zero(...at(place, lane * stride));
    if (lane + 1 >= lanes) return first;
    const [address, offset] = at(place, (lane + 1) * stride);
    return v128.load64Lane(address, first, 1, offset);
  });
}

function load8(c: LaneOperations, place: Place, stride: number, lanes: number): V128 {
  if (stride === 1) return widen(v128.load32Zero(...at(place, 0)));
  if (stride === 0) return i32x4.splat(i32.load8U(...at(place, 0)));
  let out = i32x4.splat(i32.load8U(...at(place, 0)));
  for (let lane = 1; lane < lanes; lane++) out = i32x4.replaceLane(out, lane, i32.load8U(...at(place, lane * stride)));
  return c.keep(out);
}

const widen = (bytes: V128): V128 => i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(bytes));

/** The lanes whose bit is set in `bits`, each `relative` bytes from `base`; 0 in the others. Touches nothing else. */
export function gatherLanes(c: LaneOperations, dtype: DType, base: I32, relative: V128, bits: I32): Lanes {
  if (dtype === "float64") {
    const offsets = c.keep(relative);
    const moved = shuffle32(offsets, offsets, [2, 3, 0, 1]);
    const low = gather(c, 64, base, offsets, bits);
    return { dtype, parts: [low, gather(c, 64, base, moved, i32.shrU(bits, i32.const(2)))] };
  }
  if (dtype === "float32" || dtype === "int32") return { dtype, parts: [gather(c, 32, base, relative, bits)] };
  const bytes = gather(c, 8, base, relative, bits);
  return { dtype, parts: [dtype === "bool" ? i32x4.ne(bytes, c.int(0)) : bytes] };
}

function gather(c: LaneOperations, width: 8 | 32 | 64, base: I32, relative: V128, bits: I32): V128 {
  const callee = c.module.helper(`gather${width}`, () => {
    const f = c.module.function(["i32", "v128", "i32"], "v128");
    const start = f.param("i32", 0);
    const offsets = f.param("v128", 1);
    const wanted = f.param("i32", 2);
    const out = f.local("v128", i32x4.const(0));
    for (let lane = 0; lane < (width === 64 ? 2 : 4); lane++)
      f.if(i32.and(wanted, i32.const(1 << lane)), () => {
        const address = i32.add(start, i32x4.extractLane(offsets, lane));
        if (width === 8) f.set(out, i32x4.replaceLane(out, lane, i32.load8U(address)));
        else f.set(out, (width === 32 ? v128.load32Lane : v128.load64Lane)(address, out, lane));
      });
    f.return(out);
    return f;
  });
  return c.callVector(callee, base, relative, bits);
}

/** Stores `lanes` elements that are `stride` bytes apart, and nothing else. */
export function storeLanes(c: LaneOperations, value: Lanes, place: Place, stride: number, lanes: number): void {
  const { f } = c;
  const [first = c.int(0), second = first] = value.parts;
  const from = stride === 0 ? lanes - 1 : 0;
  switch (value.dtype) {
    case "float32":
    case "int32": {
      const [address, offset] = at(place, 0);
      if (stride === 4 && lanes === 4) f.store(address, first, offset);
      else if (stride === 4 && lanes >= 2) {
        const kept = c.keep(first);
        f.storeLane(64, address, kept, 0, offset);
        if (lanes === 3) f.storeLane(32, ...lanePlace(place, 8, kept, 2));
      } else {
        const kept = c.keep(first);
        for (let lane = from; lane < lanes; lane++) f.storeLane(32, ...lanePlace(place, lane * stride, kept, lane));
      }
      break;
    }
    case "float64":
      // The second first: see storeAll in loops.ts.
      for (const [i, part] of [
        [1, second],
        [0, first],
      ] as const) {
        const kept = c.keep(part);
        const left = lanes - 2 * i;
        if (stride === 8 && left >= 2) {
          const [address, offset] = at(place, 16 * i);
          f.store(address, kept, offset);
        } else
          for (let lane = Math.max(0, from - 2 * i); lane < Math.min(2, left); lane++)
            f.storeLane(64, ...lanePlace(place, (2 * i + lane) * stride, kept, lane));
      }
      break;
    default: {
      const bytes = c.keep(value.dtype === "bool" ? v128.and(first, c.int(1)) : first);
      if (stride === 1 && lanes === 4) {
        const [address, offset] = at(place, 0);
        f.storeLane(
          32,
          address,
          i8x16.shuffle(bytes, bytes, [0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
          0,
          offset,
        );
      } else
        for (let lane = from; lane < lanes; lane++) f.storeLane(8, ...lanePlace(place, lane * stride, bytes, 4 * lane));
    }
  }
}

/** Stores `lanes` elements of 32 bits of each, even[0], odd[0], even[1], …, without gaps. */
export function storeAlternately(c: LaneOperations, even: Lanes, odd: Lanes, place: Place, lanes: number): void {
  const { dtype } = even;
  const a = c.keep(even.parts[0] ?? c.int(0));
  const b = c.keep(odd.parts[0] ?? a);
  const low: Lanes = { dtype, parts: [shuffle32(a, b, [0, 4, 1, 5])] };
  if (lanes > 2) {
    const high: Lanes = { dtype, parts: [shuffle32(a, b, [2, 6, 3, 7])] };
    storeLanes(c, high, { ...place, offset: place.offset + 16 }, 4, 2 * lanes - 4);
  }
  storeLanes(c, low, place, 4, Math.min(4, 2 * lanes));
}

function lanePlace(place: Place, more: number, value: V128, lane: number): [I32, V128, number, number] {
  const [address, offset] = at(place, more);
  return [address, value, lane, offset];
}
