// Exponentials, logarithms, angles, roots and powers. Each partial is g · ∂y/∂xᵢ.
import type { Algebra } from "../graph/algebra.ts";
import type { Elementwise } from "../graph/rules.ts";
import { broadcast, floats } from "./expect.ts";

/** ∂eˣ = y. */
export const exp: Elementwise = {
  kind: "elementwise",
  name: "exp",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.exp(x),
  partials: () => [(a, g, y) => a.mul(g, y)],
};

/** eˣ − 1, accurate near 0: ∂y = y + 1. */
export const expm1: Elementwise = {
  kind: "elementwise",
  name: "expm1",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.expm1(x),
  partials: () => [(a, g, y) => a.mul(g, a.add(y, a.num(1, y)))],
};

/** ∂y = 1/x. */
export const log: Elementwise = {
  kind: "elementwise",
  name: "log",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.log(x),
  partials: () => [(a, g, _, x) => a.div(g, x)],
  singular: () => true,
};

/** log(1 + x), accurate near 0: ∂y = 1/(1 + x). */
export const log1p: Elementwise = {
  kind: "elementwise",
  name: "log1p",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.log1p(x),
  partials: () => [(a, g, _, x) => a.div(g, a.add(x, a.num(1, x)))],
  singular: () => true,
};

export const sin: Elementwise = {
  kind: "elementwise",
  name: "sin",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.sin(x),
  partials: () => [(a, g, _, x) => a.mul(g, a.cos(x))],
};

export const cos: Elementwise = {
  kind: "elementwise",
  name: "cos",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.cos(x),
  partials: () => [(a, g, _, x) => a.neg(a.mul(g, a.sin(x)))],
};

/** ∂y = 1 + y². */
export const tan: Elementwise = {
  kind: "elementwise",
  name: "tan",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.tan(x),
  partials: () => [(a, g, y) => a.mul(g, a.add(a.mul(y, y), a.num(1, y)))],
};

/** ∂y = 1 − y². */
export const tanh: Elementwise = {
  kind: "elementwise",
  name: "tanh",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.tanh(x),
  partials: () => [(a, g, y) => a.mul(g, a.sub(a.num(1, y), a.mul(y, y)))],
};

/** ∂y = 2/√π · exp(−x²). */
export const erf: Elementwise = {
  kind: "elementwise",
  name: "erf",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.erf(x),
  partials: () => [(a, g, _, x) => a.mul(g, a.mul(a.num(2 / Math.sqrt(Math.PI), x), a.exp(a.neg(a.mul(x, x)))))],
};

/** ∂y = 1/(2y): infinite at 0. */
/** ∂y = 1/2y, which is infinite at 0: there, and where y is NaN, what a cotangent of 0 is divided by is infinite, so that it stays 0. */
export const sqrt: Elementwise = {
  kind: "elementwise",
  name: "sqrt",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.sqrt(x),
  partials: () => [(a, g, y) => a.div(g, a.mul(a.num(2, y), y))],
  singular: () => true,
};

/** x^−½: ∂y = −y³/2. */
export const rsqrt: Elementwise = {
  kind: "elementwise",
  name: "rsqrt",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.div(a.num(1, x), a.sqrt(x)),
  partials: () => [(a, g, y) => a.mul(g, a.mul(a.num(-0.5, y), a.mul(y, a.mul(y, y))))],
  singular: () => true,
};

/** The angle of the point (x, y): ∂/∂y = x/(x² + y²), ∂/∂x = −y/(x² + y²). */
export const atan2: Elementwise = {
  kind: "elementwise",
  name: "atan2",
  dtype: floats,
  shape: broadcast,
  body: (a, _, y, x) => a.atan2(y, x),
  partials: () => [
    (a, g, _, y, x) => a.mul(g, a.div(x, a.add(a.mul(x, x), a.mul(y, y)))),
    (a, g, _, y, x) => a.neg(a.mul(g, a.div(y, a.add(a.mul(x, x), a.mul(y, y))))),
  ],
  singular: () => true,
};

/** 1/x stays finite for larger |x|. */
const tiny = 1e-36;

/**
 * xᵖ by C's rules. ∂/∂x = p·xᵖ⁻¹, and 0 for p = 0, even at x = 0; ∂/∂p = xᵖ·log x, and 0 where x = 0 and p ≥ 0.
 * The selections are made on the arguments, so that no branch holds a NaN that a second derivative would bring out.
 */
export const pow: Elementwise = {
  kind: "elementwise",
  name: "pow",
  symbol: "^",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x, p) => a.pow(x, p),
  partials: () => [
    (a, g, _, x, p) => {
      const zero = a.num(0, p);
      const flat = a.and(a.eq(p, zero), a.not(a.lt(a.num(tiny, x), a.abs(x))));
      return a.mul(g, a.mul(p, a.pow(x, a.select(flat, zero, a.sub(p, a.num(1, p))))));
    },
    (a, g, y, x, p) => {
      const zero = a.num(0, p);
      const flat = a.and(a.eq(x, zero), a.le(zero, p));
      return a.mul(g, a.mul(y, a.log(a.select(flat, a.num(1, x), x))));
    },
  ],
  singular: () => true,
};

/**
 * log(eˣ + eᵖ) = max + log1p(e^−|x − p|). ∂y/∂x = e^(x − y); equal infinities are their own sum, and share evenly.
 */
export const logaddexp: Elementwise = {
  kind: "elementwise",
  name: "logaddexp",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x, p) => {
    const distance = a.select(a.eq(x, p), a.num(0, x), a.abs(a.sub(x, p)));
    const large = a.max(x, p);
    const sum = a.add(large, a.log1p(a.exp(a.neg(distance))));
    return a.select(a.eq(a.abs(large), a.num(Number.POSITIVE_INFINITY, x)), large, sum);
  },
  partials: () => [(a, g, _, x, p) => a.mul(g, share(a, x, p)), (a, g, _, x, p) => a.mul(g, share(a, p, x))],
};

/** σ(x − p), by an exponential that does not overflow, so that further derivatives are finite. */
function share<V>(a: Algebra<V>, x: V, p: V): V {
  const isSame = a.and(a.eq(x, p), a.eq(a.abs(x), a.num(Number.POSITIVE_INFINITY, x)));
  const [zero, one] = [a.num(0, x), a.num(1, x)];
  const difference = a.sub(a.select(isSame, zero, x), a.select(isSame, zero, p));
  const isLess = a.lt(difference, zero);
  const e = a.exp(a.select(isLess, difference, a.neg(difference)));
  return a.div(a.select(isLess, e, one), a.add(one, e));
}
