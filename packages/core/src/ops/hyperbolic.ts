// Hyperbolic functions and the inverses of angles, in terms of the instructions. Each partial is g · ∂y/∂x.
import type { Algebra } from "../graph/algebra.ts";
import type { Elementwise } from "../graph/rules.ts";
import { broadcast, floats } from "./expect.ts";

/** (eˣ − e⁻ˣ)/2 with eˣ taken as two factors, so that it overflows where sinh does. */
function halves<V>(a: Algebra<V>, x: V): readonly [V, V] {
  const root = a.exp(a.mul(a.num(0.5, x), a.abs(x)));
  return [root, a.mul(a.num(0.5, x), root)];
}

/** Near 0 by expm1: with u = eˣ − 1, sinh x = (u + u/(u + 1))/2. */
function sinhOf<V>(a: Algebra<V>, x: V): V {
  const one = a.num(1, x);
  const magnitude = a.abs(x);
  const isSmall = a.lt(magnitude, one);
  const u = a.expm1(a.select(isSmall, magnitude, a.num(0, x)));
  const small = a.mul(a.num(0.5, x), a.add(u, a.div(u, a.add(u, one))));
  const [root, half] = halves(a, x);
  const large = a.sub(a.mul(half, root), a.div(a.num(0.25, x), a.mul(half, root)));
  const size = a.select(isSmall, small, large);
  return a.select(a.lt(x, a.num(0, x)), a.neg(size), a.select(a.eq(x, a.num(0, x)), x, size));
}

function coshOf<V>(a: Algebra<V>, x: V): V {
  const [root, half] = halves(a, x);
  const e = a.mul(half, root);
  return a.add(e, a.div(a.num(0.25, x), e));
}

export const sinh: Elementwise = {
  kind: "elementwise",
  name: "sinh",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => sinhOf(a, x),
  partials: () => [(a, g, _, x) => a.mul(g, coshOf(a, x))],
};

export const cosh: Elementwise = {
  kind: "elementwise",
  name: "cosh",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => coshOf(a, x),
  partials: () => [(a, g, _, x) => a.mul(g, sinhOf(a, x))],
};

/** p² − q² without cancellation. */
const squaresApart = <V>(a: Algebra<V>, p: V, q: V): V => a.mul(a.sub(p, q), a.add(p, q));

/** √(1 − x²). */
const complement = <V>(a: Algebra<V>, x: V): V => a.sqrt(squaresApart(a, a.num(1, x), x));

/** As `squaresApart`, to be divided by: where it is 0, the product's derivative would be 0·∞, and 2p, −2q are not. */
const divisor = <V>(a: Algebra<V>, p: V, q: V): V =>
  a.select(a.eq(a.abs(p), a.abs(q)), a.sub(a.mul(p, p), a.mul(q, q)), squaresApart(a, p, q));

/** ∂y = 1/√(1 − x²). */
export const asin: Elementwise = {
  kind: "elementwise",
  name: "asin",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.atan2(x, complement(a, x)),
  partials: () => [(a, g, _, x) => a.div(g, a.sqrt(divisor(a, a.num(1, x), x)))],
  singular: () => true,
};

/** ∂y = −1/√(1 − x²). */
export const acos: Elementwise = {
  kind: "elementwise",
  name: "acos",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.atan2(complement(a, x), x),
  partials: () => [(a, g, _, x) => a.neg(a.div(g, a.sqrt(divisor(a, a.num(1, x), x))))],
  singular: () => true,
};

/** ∂y = 1/(1 + x²). */
export const atan: Elementwise = {
  kind: "elementwise",
  name: "atan",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.atan2(x, a.num(1, x)),
  partials: () => [(a, g, _, x) => a.div(g, a.add(a.num(1, x), a.mul(x, x)))],
};

/** Beyond this √(x² + 1) is |x| in either precision, and x² may overflow. */
const huge = 1e10;

/** log(|x| + √(x² + 1)) as log1p(|x| + x²/(1 + √(x² + 1))). ∂y = 1/√(x² + 1). */
export const asinh: Elementwise = {
  kind: "elementwise",
  name: "asinh",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => {
    const one = a.num(1, x);
    const zero = a.num(0, x);
    const magnitude = a.abs(x);
    const isHuge = a.lt(a.num(huge, x), magnitude);
    const bounded = a.select(isHuge, one, magnitude);
    const squared = a.mul(bounded, bounded);
    const usual = a.log1p(a.add(bounded, a.div(squared, a.add(one, a.sqrt(a.add(squared, one))))));
    const size = a.select(isHuge, a.add(a.log(magnitude), a.num(Math.LN2, x)), usual);
    return a.select(a.lt(x, zero), a.neg(size), a.select(a.eq(x, zero), x, size));
  },
  partials: () => [(a, g, _, x) => a.div(g, a.sqrt(a.add(a.mul(x, x), a.num(1, x))))],
};

/** log(x + √(x² − 1)) with t = x − 1 as log1p(t + √(t·(t + 2))). ∂y = 1/√((x − 1)(x + 1)). */
export const acosh: Elementwise = {
  kind: "elementwise",
  name: "acosh",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => {
    const one = a.num(1, x);
    const isHuge = a.lt(a.num(huge, x), x);
    const t = a.sub(a.select(isHuge, one, x), one);
    const usual = a.log1p(a.add(t, a.sqrt(a.mul(t, a.add(t, a.num(2, x))))));
    return a.select(isHuge, a.add(a.log(x), a.num(Math.LN2, x)), usual);
  },
  partials: () => [
    (a, g, _, x) => {
      const one = a.num(1, x);
      return a.div(a.div(g, a.sqrt(a.sub(x, one))), a.sqrt(a.add(x, one)));
    },
  ],
  singular: () => true,
};

/** ½·log((1 + x)/(1 − x)) as ½·log1p(2|x|/(1 − |x|)). ∂y = 1/(1 − x²). */
export const atanh: Elementwise = {
  kind: "elementwise",
  name: "atanh",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => {
    const zero = a.num(0, x);
    const magnitude = a.abs(x);
    const ratio = a.div(a.add(magnitude, magnitude), a.sub(a.num(1, x), magnitude));
    const size = a.mul(a.num(0.5, x), a.log1p(ratio));
    return a.select(a.lt(x, zero), a.neg(size), a.select(a.eq(x, zero), x, size));
  },
  partials: () => [(a, g, _, x) => a.div(g, divisor(a, a.num(1, x), x))],
  singular: () => true,
};
