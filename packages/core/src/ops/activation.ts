// Activations that are primitives because their own formulas are more accurate, or far shorter, than composed ones.
import type { Algebra } from "../graph/algebra.ts";
import type { Elementwise } from "../graph/rules.ts";
import { broadcast, floats, numbers } from "./expect.ts";

/** 1/(1 + e⁻ˣ): e⁻ˣ overflows to ∞ for large −x, and 1/∞ is the right 0. ∂y = y(1 − y). */
export const sigmoid: Elementwise = {
  kind: "elementwise",
  name: "sigmoid",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.div(a.num(1, x), a.add(a.num(1, x), a.exp(a.neg(x)))),
  partials: () => [(a, g, y) => a.mul(g, a.mul(y, a.sub(a.num(1, y), y)))],
};

/** max(x, 0); the derivative at 0 is 0. */
export const relu: Elementwise = {
  kind: "elementwise",
  name: "relu",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x) => a.max(x, a.num(0, x)),
  partials: () => [(a, g, y) => a.select(a.le(y, a.num(0, y)), a.num(0, y), g)],
};

/** Bounds; null is unbounded. */
export type Bounds = { readonly min: number | null; readonly max: number | null };

function bounded<V>(a: Algebra<V>, { min, max }: Bounds, x: V): V {
  const raised = min === null ? x : a.max(x, a.num(min, x));
  return max === null ? raised : a.min(raised, a.num(max, x));
}

/** min(max(x, min), max); the derivative is 1 inside and at the bounds. */
export const clamp: Elementwise = {
  kind: "elementwise",
  name: "clamp",
  dtype: numbers,
  shape: broadcast,
  body: bounded,
  partials: ({ min, max }: Bounds) => [
    (a, g, _, x) => {
      const zero = a.num(0, x);
      const above = min === null ? g : a.select(a.le(a.num(min, x), x), g, zero);
      return max === null ? above : a.select(a.le(x, a.num(max, x)), above, zero);
    },
  ],
};

/** As `clamp`, but the derivative at the bounds is 0: hardtanh, relu6 and their like. */
export const hardtanh: Elementwise = {
  kind: "elementwise",
  name: "hardtanh",
  dtype: numbers,
  shape: broadcast,
  body: bounded,
  partials: ({ min, max }: Bounds) => [
    (a, g, y) => {
      const zero = a.num(0, y);
      const above = min === null ? g : a.select(a.lt(a.num(min, y), y), g, zero);
      return max === null ? above : a.select(a.lt(y, a.num(max, y)), above, zero);
    },
  ],
};

/** log(1 + eˣ) = max(x, 0) + log1p(e^−|x|). ∂y = σ(x) = 1 − e⁻ʸ, which keeps its relative accuracy where y is small. */
export const softplus: Elementwise = {
  kind: "elementwise",
  name: "softplus",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.add(a.max(x, a.num(0, x)), a.log1p(a.exp(a.neg(a.abs(x))))),
  partials: () => [(a, g, y) => a.neg(a.mul(g, a.expm1(a.neg(y))))],
};

/** log σ(x) = min(x, 0) − log1p(e^−|x|). ∂y = 1 − eʸ. */
export const logSigmoid: Elementwise = {
  kind: "elementwise",
  name: "logSigmoid",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.sub(a.min(x, a.num(0, x)), a.log1p(a.exp(a.neg(a.abs(x))))),
  partials: () => [(a, g, y) => a.neg(a.mul(g, a.expm1(y)))],
};

/** x·Φ(x) with the normal distribution's Φ (Hendrycks and Gimpel, 2016). ∂y = Φ(x) + x·φ(x). */
export const gelu: Elementwise = {
  kind: "elementwise",
  name: "gelu",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.mul(x, normalCdf(a, x)),
  partials: () => [
    (a, g, _, x) => {
      const density = a.mul(a.num(1 / Math.sqrt(2 * Math.PI), x), a.exp(a.mul(a.num(-0.5, x), a.mul(x, x))));
      return a.mul(g, a.add(normalCdf(a, x), a.mul(x, density)));
    },
  ],
};

function normalCdf<V>(a: Algebra<V>, x: V): V {
  const half = a.num(0.5, x);
  return a.add(half, a.mul(half, a.erf(a.mul(x, a.num(Math.SQRT1_2, x)))));
}

const geluSlope = 2 * Math.sqrt(2 / Math.PI);
const geluCubic = 0.044715;

/**
 * x/2 · (1 + tanh u/2), u = 2·√(2/π)·(x + 0.044715·x³), as x·σ(u): one exponential, and small values keep their relative
 * accuracy. ∂y = σ + x·σ(1 − σ)·u′.
 */
export const geluTanh: Elementwise = {
  kind: "elementwise",
  name: "geluTanh",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => a.mul(x, geluGate(a, x)),
  partials: () => [
    (a, g, _, x) => {
      const s = geluGate(a, x);
      const slope = a.add(a.num(geluSlope, x), a.mul(a.num(3 * geluSlope * geluCubic, x), a.mul(x, x)));
      // As in the body: y is computed once where both are wanted.
      const bend = a.mul(a.mul(a.mul(x, s), a.sub(a.num(1, x), s)), slope);
      return a.mul(g, a.add(s, bend));
    },
  ],
};

/** σ(u) = 1/(1 + e⁻ᵘ) */
function geluGate<V>(a: Algebra<V>, x: V): V {
  const cubic = a.mul(a.num(-geluSlope * geluCubic, x), a.mul(x, x));
  const minusU = a.mul(x, a.add(a.num(-geluSlope, x), cubic));
  return a.div(a.num(1, x), a.add(a.num(1, x), a.exp(minusU)));
}
