// What is computed one lane after the other: slow paths of vector formulas, remainders, powers of integers.
import { call, type FunctionBuilder, type ModuleBuilder } from "./encoder.ts";
import {
  type Callable,
  type F64,
  f32,
  f32x4,
  f64,
  f64x2,
  type I32,
  i32,
  i32x4,
  shuffle32,
  type V128,
  v128,
} from "./instructions.ts";
import type { MathContext } from "./math-context.ts";

/** Python's % of doubles: the exact remainder by shift and subtract, then the sign of the divisor. */
export const floorMod = (m: ModuleBuilder): Callable =>
  m.helper("floorMod", () => {
    const f = m.function(["f64", "f64"], "f64");
    const x = f.param("f64", 0);
    const y = f.param("f64", 1);
    const rest = f.local("f64", f64.abs(x));
    const size = f.local("f64", f64.abs(y));
    const part = f.local("f64");
    const bad = i32.or(i32.eqz(f64.lt(rest, f64.const(Number.POSITIVE_INFINITY))), i32.eqz(f64.gt(size, f64.const(0))));
    f.if(bad, () => f.return(f64.const(Number.NaN)));
    f.while(f64.ge(rest, size), () => {
      f.set(part, size);
      f.while(f64.le(part, f64.mul(rest, f64.const(2 ** -64))), () => f.set(part, f64.mul(part, f64.const(2 ** 63))));
      f.while(f64.le(part, f64.mul(rest, f64.const(0.5))), () => f.set(part, f64.mul(part, f64.const(2))));
      f.set(rest, f64.sub(rest, part));
    });
    f.if(f64.eq(rest, f64.const(0)), () => f.return(f64.copysign(f64.const(0), y)));
    f.set(rest, f64.copysign(rest, x));
    f.if(i32.ne(f64.lt(rest, f64.const(0)), f64.lt(y, f64.const(0))), () => f.set(rest, f64.add(rest, y)));
    f.return(rest);
    return f;
  });

/** float32 lanes through a function of doubles. */
function eachFloat(c: MathContext, x: V128, y: V128, scalar: (x: F64, y: F64) => F64): V128 {
  const a = c.keep(x);
  const b = c.keep(y);
  const lane = (n: number) =>
    f32.demoteF64(scalar(f64.promoteF32(f32x4.extractLane(a, n)), f64.promoteF32(f32x4.extractLane(b, n))));
  let out = f32x4.splat(lane(0));
  for (let n = 1; n < 4; n++) out = f32x4.replaceLane(out, n, lane(n));
  return out;
}

/**
 * Where a lane is in `slow`, all go through a function of doubles, and those in it keep what comes out: what the lanes
 * beside one hold, or memory after the last, must not show in it.
 */
export function slowLanes(
  c: MathContext,
  usual: V128,
  slow: V128,
  [x, y]: readonly [V128, V128],
  scalar: (x: F64, y: F64) => F64,
): V128 {
  const mask = c.keep(slow);
  const result = c.f.local("v128", usual);
  c.f.if(i32.anyTrue(mask), () => c.f.set(result, v128.bitselect(eachFloat(c, x, y, scalar), result, mask)));
  return result;
}

function eachInteger(c: MathContext, a: V128, b: V128, make: (a: I32, b: I32) => I32): V128 {
  const x = c.keep(a);
  const y = c.keep(b);
  let out = i32x4.splat(make(i32x4.extractLane(x, 0), i32x4.extractLane(y, 0)));
  for (let n = 1; n < 4; n++) out = i32x4.replaceLane(out, n, make(i32x4.extractLane(x, n), i32x4.extractLane(y, n)));
  return c.keep(out);
}

/** Each lane by its own count. */
export const shiftLanes = (c: MathContext, op: "shl" | "shr", a: V128, b: V128): V128 =>
  eachInteger(c, a, b, op === "shl" ? i32.shl : i32.shrU);

/** Doubles hold the quotient of two int32 well enough to truncate it or to round it down. */
function quotient(c: MathContext, a: V128, b: V128, round: (x: V128) => V128): V128 {
  const high = (x: V128): V128 => f64x2.convertLowI32x4(shuffle32(x, x, [2, 3, 0, 1]));
  const low = f64x2.div(f64x2.convertLowI32x4(a), f64x2.convertLowI32x4(b));
  return c.joinLow(i32x4.truncF64x2Zero(round(low)), i32x4.truncF64x2Zero(round(f64x2.div(high(a), high(b)))));
}

/** x / 0 is 0, and −2³¹ / −1 wraps. */
export function integerDivide(c: MathContext, x: V128, y: V128): V128 {
  const a = c.keep(x);
  const b = c.keep(y);
  const wrapped = v128.bitselect(
    i32x4.neg(a),
    quotient(c, a, b, (q) => q),
    i32x4.eq(b, c.int(-1)),
  );
  return v128.andnot(wrapped, i32x4.eq(b, c.int(0)));
}

/** The sign of the divisor; x mod 0 is 0. */
export function integerModulo(c: MathContext, x: V128, y: V128): V128 {
  const a = c.keep(x);
  const b = c.keep(y);
  const rest = i32x4.sub(a, i32x4.mul(b, quotient(c, a, b, f64x2.floor)));
  return v128.andnot(rest, v128.or(i32x4.eq(b, c.int(0)), i32x4.eq(b, c.int(-1))));
}

/** By squaring; every multiplication wraps. A negative power is what integer division makes of 1 / xⁿ. */
export function integerPower(c: MathContext, x: V128, y: V128): V128 {
  const power = c.module.helper("integerPower", (): FunctionBuilder => {
    const f = c.module.function(["i32", "i32"], "i32");
    const base = f.param("i32", 0);
    const n = f.param("i32", 1);
    const out = f.local("i32", i32.const(1));
    f.if(i32.lt(n, i32.const(0)), () => {
      f.if(i32.eq(base, i32.const(1)), () => f.return(i32.const(1)));
      const sign = i32.sub(i32.const(1), i32.shl(i32.and(n, i32.const(1)), i32.const(1)));
      f.return(i32.mul(sign, i32.eq(base, i32.const(-1))));
    });
    f.while(n, () => {
      f.if(i32.and(n, i32.const(1)), () => f.set(out, i32.mul(out, base)));
      f.set(base, i32.mul(base, base));
      f.set(n, i32.shrU(n, i32.const(1)));
    });
    f.return(out);
    return f;
  });
  return eachInteger(c, x, y, (a, b) => call(power, "i32", a, b));
}
