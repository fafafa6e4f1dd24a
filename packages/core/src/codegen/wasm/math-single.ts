// exp, log, tanh, erf, sin, cos and their like on float32 lanes, to about one unit in the last place.
// Range reductions are those of Cephes (S. L. Moshier, 1984–2000) and fdlibm (Sun Microsystems, 1993); the
// polynomials are minimax fits in relative error, by iterated weighted least squares (C. L. Lawson, 1961).
import { call } from "./encoder.ts";
import { f32x4, f64x2, i32, i32x4, shuffle32, type V128, v128 } from "./instructions.ts";
import type { MathContext } from "./math-context.ts";
import { slowLanes } from "./math-scalar.ts";

/** c₀ + x·(c₁ + x·(c₂ + …)) */
export function polynomial(c: MathContext, x: V128, coefficients: readonly number[]): V128 {
  let sum = c.float(coefficients.at(-1) ?? 0);
  for (const coefficient of coefficients.slice(0, -1).toReversed()) sum = c.madd(sum, x, c.float(coefficient));
  return sum;
}

/** ln 2 in two parts; the first has so few bits that products with exponents are exact. */
const ln2High = 0.693359375;
const ln2Low = -2.1219444005469057e-4;
/** Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits. */
const roundingShift = 12582912;
const roundingBits = 0x4b400000;

const signBit = (c: MathContext, x: V128): V128 => v128.and(x, c.int(-0x80000000));
const toExponent = (n: V128): V128 => i32x4.shl(n, i32.const(23));
/** Of the integer n nothing but the lowest nine bits counts. */
const powerOfTwo = (c: MathContext, n: V128): V128 => i32x4.add(toExponent(n), c.int(0x3f800000));

/** x = n·ln 2 + r with |r| ≤ ln 2 / 2, and n in the lowest nine bits of an integer. */
function reduceByLn2(c: MathContext, x: V128): { r: V128; n: V128 } {
  const shifted = c.keep(c.madd(x, c.float(Math.LOG2E), c.float(roundingShift)));
  const n = c.keep(f32x4.sub(shifted, c.float(roundingShift)));
  const r = c.keep(c.nmadd(n, c.float(ln2Low), c.nmadd(n, c.float(ln2High), x)));
  return { r, n: shifted };
}

/** (eʳ − 1 − r) / r², relative to eʳ to 2⁻²⁸. */
const expTail = [
  0.4999999403953552, 0.1666652113199234, 0.04166838899254799, 0.00836874544620514, 0.0013814540579915047,
];
/** The same, relative to eʳ − 1 to 2⁻³². */
const expm1Tail = [
  0.5, 0.1666666567325592, 0.04166635870933533, 0.008333389647305012, 0.0013940668432042003, 0.00019845881615765393,
];

const expOfRest = (c: MathContext, r: V128): V128 =>
  f32x4.add(c.madd(f32x4.mul(r, r), polynomial(c, r, expTail), r), c.float(1));

/** x · 2ⁿ in two steps, so that neither overflows and results may be denormal. */
function scale(c: MathContext, x: V128, n: V128, between = (half: V128): V128 => half): V128 {
  const half = c.keep(i32x4.shr(n, i32.const(1)));
  return f32x4.mul(between(f32x4.mul(x, powerOfTwo(c, half))), powerOfTwo(c, i32x4.sub(n, half)));
}

/** Where x is NaN it stays: the arguments' order matters. */
const clamp = (c: MathContext, x: V128, low: number, high: number): V128 =>
  c.keep(f32x4.pmax(f32x4.pmin(x, c.float(high)), c.float(low)));

/** Half of the smallest denormal number is e to this power: what is below it is 0. */
const lowestPower = -103.9721;

/** A product that comes to 0 takes several times as long as one of 0: −∞, as masks have it, becomes 0 before. */
export function exp(c: MathContext, x: V128): V128 {
  const clamped = clamp(c, x, -104, 89);
  const { r, n } = reduceByLn2(c, clamped);
  return scale(c, expOfRest(c, r), n, (half) => v128.andnot(half, f32x4.lt(clamped, c.float(lowestPower))));
}

/** eˣ where it is a normal number. */
function expNormal(c: MathContext, x: V128): V128 {
  const { r, n } = reduceByLn2(c, c.keep(x));
  return f32x4.mul(expOfRest(c, r), powerOfTwo(c, n));
}

/**
 * 1 + eˣ to the same bits as the sum of both, in two thirds of the instructions: below −86 the sum is 1. The product takes
 * 2ⁿ⁻¹, since 2¹²⁸ would be ∞ while eˣ is not yet.
 */
export function onePlusExp(c: MathContext, x: V128): V128 {
  const { r, n } = reduceByLn2(c, clamp(c, x, -86, 89));
  const power = c.keep(expOfRest(c, r));
  return c.madd(f32x4.add(power, power), i32x4.add(toExponent(n), c.int(0x3f000000)), c.float(1));
}

/** 2ⁿ·((1 − 2⁻ⁿ) + (eʳ − 1)) */
export function expm1(c: MathContext, x: V128): V128 {
  const kept = c.keep(x);
  const { r, n } = reduceByLn2(c, clamp(c, kept, -18, 89));
  const rest = c.madd(f32x4.mul(r, r), polynomial(c, r, expm1Tail), r);
  const whole = i32x4.sub(n, c.int(roundingBits));
  const one = f32x4.sub(c.float(1), powerOfTwo(c, i32x4.neg(i32x4.min(whole, c.int(60)))));
  return v128.or(scale(c, f32x4.add(one, rest), n), signBit(c, kept));
}

/** (log(1 + f) − f + f²/2) / f³ for 1 + f between √½ and √2, relative to the logarithm to 2⁻²⁷. */
const logTail = [
  0.3333333134651184, -0.2500081956386566, 0.20001226663589478, -0.16623356938362122, 0.14201757311820984,
  -0.13160182535648346, 0.1276157796382904, -0.07634497433900833,
];
const sqrtHalfBits = 0x3f3504f3;

/** log(1 + f) + e·ln 2 */
function logOfParts(c: MathContext, f: V128, e: V128): V128 {
  const square = c.keep(f32x4.mul(f, f));
  const exponent = c.keep(e);
  const cubic = f32x4.mul(f32x4.mul(square, f), polynomial(c, f, logTail));
  const tail = c.nmadd(square, c.float(0.5), c.madd(exponent, c.float(ln2Low), cubic));
  return c.madd(exponent, c.float(ln2High), f32x4.add(f, tail));
}

/** Bits of x as m·2ᵉ with m between √½ and √2: m, and e as an integer. */
export function splitExponent(c: MathContext, x: V128): { m: V128; e: V128 } {
  const bits = c.keep(i32x4.sub(x, c.int(sqrtHalfBits)));
  return {
    m: i32x4.add(v128.and(bits, c.int(0x007fffff)), c.int(sqrtHalfBits)),
    e: i32x4.shr(bits, i32.const(23)),
  };
}

/** `result` for edge < x < ∞; −∞ at the edge, NaN below it, ∞ and NaN as they are. */
function withLogEdges(c: MathContext, x: V128, edge: number, result: V128): V128 {
  const special = v128.bitselect(
    c.float(Number.NEGATIVE_INFINITY),
    v128.or(x, f32x4.lt(x, c.float(edge))),
    f32x4.eq(x, c.float(edge)),
  );
  const usual = v128.and(f32x4.gt(x, c.float(edge)), f32x4.lt(x, c.float(Number.POSITIVE_INFINITY)));
  return v128.bitselect(result, special, usual);
}

export function log(c: MathContext, x: V128): V128 {
  const kept = c.keep(x);
  const denormal = c.keep(f32x4.lt(kept, c.float(2 ** -126)));
  const normal = v128.bitselect(f32x4.mul(kept, c.float(2 ** 23)), kept, denormal);
  const { m, e } = splitExponent(c, normal);
  const exponent = f32x4.sub(f32x4.convertI32x4(e), v128.and(denormal, c.float(23)));
  return withLogEdges(c, kept, 0, logOfParts(c, c.keep(f32x4.sub(m, c.float(1))), exponent));
}

/** As log(1 + x), with what the addition rounds away put back: fdlibm's log1p. */
export function log1p(c: MathContext, x: V128): V128 {
  const kept = c.keep(x);
  const u = c.keep(f32x4.add(kept, c.float(1)));
  const lost = v128.bitselect(
    f32x4.sub(c.float(1), f32x4.sub(u, kept)),
    f32x4.sub(kept, f32x4.sub(u, c.float(1))),
    f32x4.ge(kept, c.float(1)),
  );
  const { m, e } = splitExponent(c, u);
  const exponent = c.keep(e);
  const correction = f32x4.mul(lost, powerOfTwo(c, i32x4.neg(i32x4.min(exponent, c.int(100)))));
  const f = c.keep(f32x4.add(f32x4.sub(m, c.float(1)), correction));
  const result = withLogEdges(c, kept, -1, logOfParts(c, f, f32x4.convertI32x4(exponent)));
  return v128.or(result, v128.and(kept, f32x4.eq(kept, c.float(0))));
}

/** (tanh x − x) / x³ in x², for x ≤ 0.625, to 2⁻²⁸. */
const tanhTail = [
  -0.3333328068256378, 0.13331441581249237, -0.05373971536755562, 0.0206390880048275, -0.005704987328499556,
];

/** 1 − 2 / (e²ˣ + 1), and a polynomial near 0. */
export function tanh(c: MathContext, x: V128): V128 {
  const kept = c.keep(x);
  const size = c.keep(f32x4.abs(kept));
  const capped = c.keep(f32x4.pmin(size, c.float(9.02)));
  const power = expNormal(c, f32x4.add(capped, capped));
  const large = f32x4.sub(c.float(1), f32x4.div(c.float(2), f32x4.add(power, c.float(1))));
  const square = c.keep(f32x4.mul(size, size));
  const small = c.madd(f32x4.mul(size, square), polynomial(c, square, tanhTail), size);
  return v128.or(v128.bitselect(small, large, f32x4.lt(size, c.float(0.625))), signBit(c, kept));
}

/** erf(x) / x − 1 in x², for x ≤ 0.93, to 2⁻³¹. */
const erfTail = [
  0.12837916612625122, -0.37612631916999817, 0.11283687502145767, -0.026858942583203316, 0.005199906881898642,
  -0.0008130016503855586, 8.316787716466933e-5,
];
/** −log(1 − erf x) for x from 0.92 to 3.95, to 2⁻²⁹ of erf x. */
const erfcLog = [
  0.0001956755731953308, 1.1276756525039673, 0.6371822357177734, 0.10393159836530685, -0.02222692035138607,
  0.0030432173516601324, -0.00019593723118305206,
];

/** 1 − exp(−q(x)), and a polynomial near 0. */
export function erf(c: MathContext, x: V128): V128 {
  const kept = c.keep(x);
  const size = c.keep(f32x4.abs(kept));
  const capped = c.keep(f32x4.pmin(size, c.float(3.95)));
  const large = f32x4.sub(c.float(1), expNormal(c, f32x4.neg(polynomial(c, capped, erfcLog))));
  const small = c.madd(size, polynomial(c, c.keep(f32x4.mul(size, size)), erfTail), size);
  return v128.or(v128.bitselect(small, large, f32x4.lt(size, c.float(0.925))), signBit(c, kept));
}

const twoOverPi = 2 / Math.PI;
/** π/2 in two parts: the first 25 bits, then the rest (fdlibm). */
const halfPiHigh = 1.5707963109016418;
const halfPiLow = 1.5893254773528196e-8;
/** Up to here products of the quotient with the first part of π/2 are exact in float64. */
export const largestReduced: number = 2 ** 27;

/** x = k·π/2 + r, |r| ≤ π/4, computed in float64; k modulo 2³². */
export function reduceByHalfPi(c: MathContext, x: V128): { r: [V128, V128]; k: V128 } {
  const shift = c.double(1.5 * 2 ** 52);
  const [low, high] = c.promote(x);
  const one = (part: V128): [V128, V128] => {
    const value = c.keep(part);
    const shifted = c.keep(c.madd64(value, c.double(twoOverPi), shift));
    const n = c.keep(f64x2.sub(shifted, shift));
    return [shifted, c.nmadd64(n, c.double(halfPiLow), c.nmadd64(n, c.double(halfPiHigh), value))];
  };
  const [lowShifted, lowRest] = one(low);
  const [highShifted, highRest] = one(high);
  return { r: [lowRest, highRest], k: shuffle32(lowShifted, highShifted, [0, 2, 4, 6]) };
}

/** (sin r − r) / r³ to 2⁻²⁸, (cos r − 1 + r²/2) / r⁴ to 2⁻³³, both in r². */
const sinTail = [-0.16666655242443085, 0.008332155644893646, -0.0001951463200384751];
const cosTail = [0.04166664555668831, -0.0013887309469282627, 2.443241282890085e-5];

/** sin(x + quarter·π/2) */
function sinusoid(c: MathContext, x: V128, quarter: 0 | 1): V128 {
  const kept = c.keep(x);
  const { r, k } = reduceByHalfPi(c, kept);
  const rest = c.keep(c.demote(...r));
  const quadrant = c.keep(quarter === 0 ? k : i32x4.add(k, c.int(1)));
  const square = c.keep(f32x4.mul(rest, rest));
  const sine = c.madd(f32x4.mul(rest, square), polynomial(c, square, sinTail), rest);
  const cosine = c.madd(
    f32x4.mul(square, square),
    polynomial(c, square, cosTail),
    c.nmadd(square, c.float(0.5), c.float(1)),
  );
  const odd = i32x4.shr(i32x4.shl(quadrant, i32.const(31)), i32.const(31));
  const flip = i32x4.shl(v128.and(quadrant, c.int(2)), i32.const(30));
  const size = v128.bitselect(cosine, sine, odd);
  const scalar = c.module.importFunction("math", quarter === 0 ? "sin" : "cos", ["f64"], "f64");
  const large = f32x4.ge(f32x4.abs(kept), c.float(largestReduced));
  return slowLanes(c, v128.xor(size, flip), large, [kept, kept], (lane) => call(scalar, "f64", lane));
}

/** The sign of −0 is put back. */
export function sin(c: MathContext, x: V128): V128 {
  const kept = c.keep(x);
  return v128.or(sinusoid(c, kept, 0), v128.and(kept, f32x4.eq(kept, c.float(0))));
}

export const cos = (c: MathContext, x: V128): V128 => sinusoid(c, x, 1);
