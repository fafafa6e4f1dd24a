// tan, pow, atan2 and mod of float32 lanes, computed in float64 and rounded once.
import { call } from "./encoder.ts";
import { f32x4, f64x2, i32, i32x4, i64x2, shuffle32, type V128, v128 } from "./instructions.ts";
import type { MathContext } from "./math-context.ts";
import { floorMod, slowLanes } from "./math-scalar.ts";
import { largestReduced, reduceByHalfPi, splitExponent } from "./math-single.ts";

function polynomial(c: MathContext, x: V128, coefficients: readonly number[]): V128 {
  let sum = c.double(coefficients.at(-1) ?? 0);
  for (const coefficient of coefficients.slice(0, -1).toReversed()) sum = c.madd64(sum, x, c.double(coefficient));
  return sum;
}

/** A mask of 32-bit lanes, for the low and for the high two. */
const widenMask = (mask: V128): [V128, V128] => [i64x2.extendLowI32x4(mask), i64x2.extendHighI32x4(mask)];
const infinity = Number.POSITIVE_INFINITY;

/** (tan r − r) / r³ in r², |r| ≤ π/4, to 2⁻³³. */
const tanTail = [
  0.33333331822017026, 0.13333411670401488, 0.05395446494495189, 0.021985855437592905, 0.008326892278807363,
  0.005002089116381204, -0.0006058956920307748, 0.0020455249791269045,
];

/** −1 / tan r in odd quadrants. */
export function tan(c: MathContext, x: V128): V128 {
  const kept = c.keep(x);
  const { r, k } = reduceByHalfPi(c, kept);
  const odd = widenMask(c.keep(i32x4.shr(i32x4.shl(k, i32.const(31)), i32.const(31))));
  const [low, high] = r.map((part, i) => {
    const rest = c.keep(part);
    const square = c.keep(f64x2.mul(rest, rest));
    const value = c.keep(c.madd64(f64x2.mul(rest, square), polynomial(c, square, tanTail), rest));
    return v128.bitselect(f64x2.div(c.double(-1), value), value, odd[i] ?? value);
  });
  const scalar = c.module.importFunction("math", "tan", ["f64"], "f64");
  const large = f32x4.ge(f32x4.abs(kept), c.float(largestReduced));
  return slowLanes(c, c.demote(low ?? x, high ?? x), large, [kept, kept], (lane) => call(scalar, "f64", lane));
}

/** log₂((1 + s) / (1 − s)) / s in s², to 2⁻⁴⁵. */
const log2Series = [
  2.885390081777849, 0.961796694115182, 0.5770779417859903, 0.41220931529197435, 0.31990294534936214,
  0.2829417662435401,
];
/** 2ʳ for |r| ≤ ½, to 2⁻³⁴. */
const exp2Series = [
  0.9999999999613786, 0.6931471807297943, 0.24022651201150064, 0.0555041035037255, 0.009618026848489955,
  0.0013333924017914938, 0.00015469422076451903, 1.520182082310558e-5,
];

/** 2^(y·log₂|x|), then C's rules for signs and special arguments. */
export function pow(c: MathContext, base: V128, exponent: V128): V128 {
  const x = c.keep(base);
  const y = c.keep(exponent);
  const size = c.keep(f32x4.abs(x));
  const denormal = c.keep(f32x4.lt(size, c.float(2 ** -126)));
  const { m, e } = splitExponent(c, v128.bitselect(f32x4.mul(size, c.float(2 ** 23)), size, denormal));
  const whole = c.keep(i32x4.sub(e, v128.and(denormal, c.int(23))));
  const exponents = [f64x2.convertLowI32x4(whole), f64x2.convertLowI32x4(shuffle32(whole, whole, [2, 3, 0, 1]))];
  const mantissas = c.promote(m);
  const [low, high] = c.promote(y).map((factor, i) => {
    const mantissa = c.keep(mantissas[i] ?? factor);
    const s = c.keep(f64x2.div(f64x2.sub(mantissa, c.double(1)), f64x2.add(mantissa, c.double(1))));
    const square = c.keep(f64x2.mul(s, s));
    const log2 = c.madd64(s, polynomial(c, square, log2Series), exponents[i] ?? factor);
    const power = f64x2.pmax(f64x2.pmin(f64x2.mul(log2, factor), c.double(1000)), c.double(-1000));
    const kept = c.keep(power);
    const shifted = c.keep(f64x2.add(kept, c.double(1.5 * 2 ** 52)));
    const rest = c.keep(f64x2.sub(kept, f64x2.sub(shifted, c.double(1.5 * 2 ** 52))));
    const scale = i64x2.add(i64x2.shl(shifted, i32.const(52)), c.double(1));
    return f64x2.mul(polynomial(c, rest, exp2Series), scale);
  });
  const usual = c.demote(low ?? x, high ?? x);
  const isInfinite = c.keep(f32x4.eq(size, c.float(infinity)));
  const isEdge = v128.or(isInfinite, f32x4.eq(size, c.float(0)));
  const grows = v128.bitselect(f32x4.gt(y, c.float(0)), f32x4.lt(y, c.float(0)), isInfinite);
  const positive = v128.bitselect(v128.and(grows, c.float(infinity)), usual, isEdge);
  const isInteger = f32x4.eq(y, f32x4.trunc(y));
  const half = c.keep(f32x4.mul(y, c.float(0.5)));
  const isOdd = v128.andnot(isInteger, f32x4.eq(half, f32x4.trunc(half)));
  const signed = v128.or(positive, v128.and(v128.and(x, isOdd), c.int(-0x80000000)));
  const isRootOfNegative = v128.andnot(f32x4.lt(x, c.float(0)), v128.or(isInteger, isInfinite));
  const isUndefined = v128.or(f32x4.ne(x, x), f32x4.ne(y, y));
  const defined = v128.or(signed, v128.or(isRootOfNegative, isUndefined));
  const isUnit = v128.and(f32x4.eq(size, c.float(1)), f32x4.eq(f32x4.abs(y), c.float(infinity)));
  const isOne = v128.or(isUnit, v128.or(f32x4.eq(x, c.float(1)), f32x4.eq(y, c.float(0))));
  return v128.bitselect(c.float(1), defined, isOne);
}

/** atan(t) / t in t², t ≤ 1, to 2⁻³¹. */
const atanSeries = [
  0.9999999996282911, -0.3333332393569344, 0.1999960464569301, -0.14279159728557628, 0.11054501797921629,
  -0.08798774314330308, 0.06716113078388095, -0.04435757924032223, 0.02227443042176572, -0.007199421014016965,
  0.0010911184595059976,
];

/** atan of the smaller over the larger, then by octants. */
export function atan2(c: MathContext, ordinate: V128, abscissa: V128): V128 {
  const y = c.keep(ordinate);
  const x = c.keep(abscissa);
  const [height, width] = [c.keep(f32x4.abs(y)), c.keep(f32x4.abs(x))];
  const smaller = c.keep(f32x4.min(height, width));
  const larger = c.keep(f32x4.max(height, width));
  const bothInfinite = c.keep(f32x4.eq(smaller, c.float(infinity)));
  const noRatio = v128.or(bothInfinite, f32x4.eq(larger, c.float(0)));
  const over = c.promote(v128.bitselect(c.float(1), smaller, bothInfinite));
  const under = c.promote(v128.bitselect(c.float(1), larger, noRatio));
  const steep = widenMask(c.keep(f32x4.gt(height, width)));
  const left = widenMask(c.keep(i32x4.shr(x, i32.const(31))));
  const [low, high] = over.map((part, i) => {
    const t = c.keep(f64x2.div(part, under[i] ?? part));
    const angle = c.keep(f64x2.mul(t, polynomial(c, c.keep(f64x2.mul(t, t)), atanSeries)));
    const acute = c.keep(v128.bitselect(f64x2.sub(c.double(Math.PI / 2), angle), angle, steep[i] ?? angle));
    return v128.bitselect(f64x2.sub(c.double(Math.PI), acute), acute, left[i] ?? acute);
  });
  return v128.or(c.demote(low ?? x, high ?? x), v128.and(y, c.int(-0x80000000)));
}

/** x − ⌊x/y⌋·y, exact while the quotient has no more than 29 bits; the other lanes by shift and subtract. */
export function mod(c: MathContext, dividend: V128, divisor: V128): V128 {
  const x = c.keep(dividend);
  const y = c.keep(divisor);
  const divisors = c.promote(y);
  const quotients: V128[] = [];
  const [low, high] = c.promote(x).map((part, i) => {
    const a = c.keep(part);
    const b = c.keep(divisors[i] ?? part);
    const quotient = c.keep(f64x2.floor(f64x2.div(a, b)));
    quotients.push(quotient);
    return f64x2.sub(a, f64x2.mul(quotient, b));
  });
  const rest = c.keep(c.demote(low ?? x, high ?? x));
  const zero = v128.and(y, c.int(-0x80000000));
  const usual = v128.bitselect(zero, rest, f32x4.eq(rest, c.float(0)));
  const fits = quotients.map((quotient) => f64x2.lt(f64x2.abs(quotient), c.double(2 ** 29)));
  const ordinary = shuffle32(fits[0] ?? x, fits[1] ?? x, [0, 2, 4, 6]);
  const finite = f32x4.lt(f32x4.abs(y), c.float(infinity));
  const exact = floorMod(c.module);
  return slowLanes(c, usual, v128.not(v128.and(ordinary, finite)), [x, y], (a, b) => call(exact, "f64", a, b));
}
