// Arithmetic: sums, products, quotients, roundings. Each partial is g · ∂y/∂xᵢ.
import type { Elementwise } from "../graph/rules.ts";
import { broadcast, floats, numbers } from "./expect.ts";

export const neg: Elementwise = {
  kind: "elementwise",
  name: "neg",
  symbol: "−",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x) => a.neg(x),
  partials: () => [(a, g) => a.neg(g)],
};

/** The derivative at 0 is 0. */
export const abs: Elementwise = {
  kind: "elementwise",
  name: "abs",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x) => a.abs(x),
  partials: () => [
    (a, g, _, x) => {
      const zero = a.num(0, x);
      return a.select(a.lt(zero, x), g, a.select(a.lt(x, zero), a.neg(g), zero));
    },
  ],
};

/** −1, 0 or 1; 0 for NaN. */
export const sign: Elementwise = {
  kind: "elementwise",
  name: "sign",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x) => {
    const zero = a.num(0, x);
    return a.select(a.lt(zero, x), a.num(1, x), a.select(a.lt(x, zero), a.num(-1, x), zero));
  },
  partials: () => [null],
};

export const floor: Elementwise = {
  kind: "elementwise",
  name: "floor",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.floor(x),
  partials: () => [null],
};

export const ceil: Elementwise = {
  kind: "elementwise",
  name: "ceil",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.ceil(x),
  partials: () => [null],
};

export const trunc: Elementwise = {
  kind: "elementwise",
  name: "trunc",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.trunc(x),
  partials: () => [null],
};

/** Half to even. */
export const round: Elementwise = {
  kind: "elementwise",
  name: "round",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.round(x),
  partials: () => [null],
};

export const add: Elementwise = {
  kind: "elementwise",
  name: "add",
  symbol: "+",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x, y) => a.add(x, y),
  partials: () => [(_, g) => g, (_, g) => g],
};

export const sub: Elementwise = {
  kind: "elementwise",
  name: "sub",
  symbol: "−",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x, y) => a.sub(x, y),
  partials: () => [(_, g) => g, (a, g) => a.neg(g)],
};

export const mul: Elementwise = {
  kind: "elementwise",
  name: "mul",
  symbol: "·",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x, y) => a.mul(x, y),
  partials: () => [(a, g, _, _x, y) => a.mul(g, y), (a, g, _, x) => a.mul(g, x)],
};

/** y = n / d: ∂y/∂n = 1/d, ∂y/∂d = −y/d. int32 truncates toward zero, and n / 0 is 0. */
export const div: Elementwise = {
  kind: "elementwise",
  name: "div",
  symbol: "/",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, n, d) => a.div(n, d),
  partials: () => [(a, g, _, _n, d) => a.div(g, d), (a, g, y, _n, d) => a.neg(a.mul(g, a.div(y, d)))],
  singular: ([, d]) => d?.op.kind !== "constant" && d?.op.kind !== "scalar",
};

/** The floored remainder n − d·⌊n/d⌋, with the sign of d: ∂y/∂n = 1, ∂y/∂d = −⌊n/d⌋. */
export const mod: Elementwise = {
  kind: "elementwise",
  name: "mod",
  symbol: "mod",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, n, d) => a.mod(n, d),
  partials: () => [(_, g) => g, (a, g, _, n, d) => a.neg(a.mul(g, a.floor(a.div(n, d))))],
};

export const square: Elementwise = {
  kind: "elementwise",
  name: "square",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x) => a.mul(x, x),
  partials: () => [(a, g, _, x) => a.mul(g, a.mul(a.num(2, x), x))],
};

/** ∂(1/x) = −y². */
export const reciprocal: Elementwise = {
  kind: "elementwise",
  name: "reciprocal",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.div(a.num(1, x), x),
  partials: () => [(a, g, y) => a.neg(a.mul(g, a.mul(y, y)))],
  singular: () => true,
};

/** The truncated remainder n − d·trunc(n/d), with the sign of n: ∂y/∂n = 1, ∂y/∂d = −trunc(n/d). */
export const fmod: Elementwise = {
  kind: "elementwise",
  name: "fmod",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, n, d) => {
    const rest = a.mod(a.abs(n), a.abs(d));
    return a.select(a.lt(n, a.num(0, n)), a.neg(rest), rest);
  },
  partials: () => [(_, g) => g, (a, g, _, n, d) => a.neg(a.mul(g, a.trunc(a.div(n, d))))],
};

/** √(x² + y²), scaled by the larger so that no square overflows. ∂y/∂x = x/y, and 0 at the origin. */
export const hypot: Elementwise = {
  kind: "elementwise",
  name: "hypot",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x, y) => {
    const large = a.max(a.abs(x), a.abs(y));
    const small = a.min(a.abs(x), a.abs(y));
    const same = a.eq(small, large);
    const ratio = a.select(same, a.num(1, x), a.div(small, large));
    const scaled = a.mul(large, a.sqrt(a.add(a.num(1, x), a.mul(ratio, ratio))));
    const infinite = a.num(Number.POSITIVE_INFINITY, x);
    return a.select(a.or(a.eq(a.abs(x), infinite), a.eq(a.abs(y), infinite)), infinite, scaled);
  },
  partials: () => [
    (a, g, y, x0) => a.mul(g, a.div(x0, a.select(a.eq(y, a.num(0, y)), a.num(1, y), y))),
    (a, g, y, _x0, x1) => a.mul(g, a.div(x1, a.select(a.eq(y, a.num(0, y)), a.num(1, y), y))),
  ],
};
