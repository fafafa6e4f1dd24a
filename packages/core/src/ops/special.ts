// Error functions, gamma functions and Bessel functions. Records that know their derivatives by name stay exact at every order.
import type { Algebra } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Elementwise, Nonlinear } from "../graph/rules.ts";
import {
  bessel0Large,
  bessel0Small,
  bessel1Large,
  bessel1Small,
  chebyshev,
  erfcTail,
  erfinvCenter,
  erfinvTail,
  gammaMiddle,
} from "./chebyshev.ts";
import { broadcast, floats, only } from "./expect.ts";

/** erfc for 0.47 ≤ y ≤ 30. exp(−y²) is taken in two factors, the first of which has an exact square. */
function erfcOf<V>(a: Algebra<V>, y: V): V {
  const num = (value: number): V => a.num(value, y);
  const head = a.div(a.trunc(a.mul(y, num(16))), num(16));
  const gauss = a.mul(a.exp(a.neg(a.mul(head, head))), a.exp(a.neg(a.mul(a.sub(y, head), a.add(y, head)))));
  const series = chebyshev(a, erfcTail, a.div(a.sub(y, num(4)), a.add(y, num(3))));
  return a.mul(gauss, a.div(series, a.add(num(1), a.add(y, y))));
}

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** 1 − erf(x), without cancellation: ∂y = −2/√π·exp(−x²). */
export const erfc: Elementwise = {
  kind: "elementwise",
  name: "erfc",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => {
    const num = (value: number) => a.num(value, x);
    const size = a.abs(x);
    const isTail = a.lt(num(0.5), size);
    // At 30 both precisions are at 0.
    const tail = erfcOf(a, a.select(isTail, a.min(size, num(30)), num(1)));
    const far = a.select(a.lt(x, num(0)), a.sub(num(2), tail), tail);
    return a.select(isTail, far, a.sub(num(1), a.erf(x)));
  },
  partials: () => [(a, g, _, x) => a.mul(a.neg(g), a.mul(a.num(twoOverRootPi, x), a.exp(a.neg(a.mul(x, x)))))],
};

const [tailLow, tailHigh] = [Math.sqrt(5), Math.sqrt(38)] as const;

/**
 * erf⁻¹: ±∞ at ±1, NaN beyond. Series in −log(1 − x²), as M. Giles, "Approximating the erfinv function" (2010); in float64
 * a step of Halley's method follows, which triples the digits. ∂y = √π/2·exp(y²).
 */
export const erfinv: Elementwise = {
  kind: "elementwise",
  name: "erfinv",
  dtype: floats,
  shape: broadcast,
  body: (a, _, x) => {
    const num = (value: number) => a.num(value, x);
    const size = a.abs(x);
    const isEdge = a.eq(size, num(1));
    const inner = a.select(isEdge, num(0), size);
    const w = a.neg(a.log(a.mul(a.sub(num(1), inner), a.add(num(1), inner))));
    const isCenter = a.lt(w, num(5));
    const center = chebyshev(a, erfinvCenter, a.sub(a.div(a.select(isCenter, w, num(0)), num(2.5)), num(1)));
    const root = a.sqrt(a.select(isCenter, num(20), w));
    const place = a.div(a.sub(root, num((tailLow + tailHigh) / 2)), num((tailHigh - tailLow) / 2));
    const rough = a.mul(inner, a.select(isCenter, center, chebyshev(a, erfinvTail, place)));
    const y = a.dtypeOf(x) === "float64" ? refined(a, inner, rough) : rough;
    const signed = a.select(a.lt(x, num(0)), a.neg(y), a.select(a.eq(x, num(0)), x, y));
    return a.select(isEdge, a.mul(x, num(Number.POSITIVE_INFINITY)), signed);
  },
  partials: () => [(a, g, y) => a.mul(g, a.mul(a.num(1 / twoOverRootPi, y), a.exp(a.mul(y, y))))],
  singular: () => true,
};

/** y − u/(1 + y·u) with u = (erf y − x)/erf′ y; above ½ by what is missing to 1. */
function refined<V>(a: Algebra<V>, x: V, y: V): V {
  const one = a.num(1, x);
  const isSmall = a.lt(x, a.num(0.5, x));
  const short = a.sub(a.erf(y), x);
  const over = a.sub(a.sub(one, x), erfcOf(a, a.select(isSmall, one, y)));
  const u = a.mul(a.select(isSmall, short, over), a.mul(a.num(1 / twoOverRootPi, x), a.exp(a.mul(y, y))));
  return a.sub(y, a.div(u, a.add(one, a.mul(y, u))));
}

/** B₂, B₄, …: the Bernoulli numbers. */
const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798] as const;

/** Σ coefficients[k]·tᵏ. */
function polynomial<V>(a: Algebra<V>, coefficients: readonly number[], t: V): V {
  const [last = 0, ...rest] = coefficients.toReversed();
  return rest.reduce((sum, c) => a.add(a.mul(sum, t), a.num(c, t)), a.num(last, t));
}

/** log Γ for x ≥ 0: near 2 a series, to which smaller x climb and larger ones descend; from 8.5 on Stirling's formula. */
function logGamma<V>(a: Algebra<V>, x: V): V {
  const num = (value: number): V => a.num(value, x);
  const isTiny = a.lt(x, num(0.5));
  const isSmall = a.lt(x, num(1.5));
  let rest = x;
  let product = num(1);
  for (let i = 0; i < 6; i++) {
    const isAbove = a.lt(num(2.5), rest);
    rest = a.select(isAbove, a.sub(rest, num(1)), rest);
    product = a.select(isAbove, a.mul(product, rest), product);
  }
  const z = a.select(isTiny, x, a.select(isSmall, a.sub(x, num(1)), a.sub(rest, num(2))));
  const bounded = a.max(a.min(z, num(0.5)), num(-0.5));
  const factor = a.select(isTiny, a.mul(x, a.add(num(1), x)), a.select(isSmall, x, product));
  const shift = a.log(factor);
  const middle = a.add(
    a.mul(z, chebyshev(a, gammaMiddle, a.add(bounded, bounded))),
    a.select(isSmall, a.neg(shift), shift),
  );
  const inverse = a.div(num(1), a.max(x, num(8)));
  const terms = bernoulli.slice(0, 8).map((value, k) => value / ((2 * k + 2) * (2 * k + 1)));
  const series = a.mul(inverse, polynomial(a, terms, a.mul(inverse, inverse)));
  const stirling = a.mul(a.sub(x, num(0.5)), a.sub(a.log(x), num(1)));
  const large = a.add(a.add(stirling, num(Math.log(2 * Math.PI) / 2 - 0.5)), series);
  return a.select(a.lt(x, num(8.5)), middle, large);
}

export type Order = { readonly order: number };

/** log |Γ(x)|; below 0 by Γ(x)·Γ(1 − x) = π/sin πx. ∂y = ψ(x). */
export const lgamma: Nonlinear = {
  kind: "nonlinear",
  name: "lgamma",
  singular: true,
  dtype: floats,
  shape: broadcast,
  vjp: (b, g, _, __, [x]) => [b.mul(g, makeNode(polygamma, [only(x)], { order: 0 }))],
  jvp: (b, [dx], _, __, [x]) => (dx ? b.mul(dx, makeNode(polygamma, [only(x)], { order: 0 })) : null),
  batch: (_, __, [x]) => makeNode(lgamma, [only(x)]),
  lower(k, [input]) {
    const x = only(input);
    const num = (value: number) => k.num(value, x);
    const isNegative = k.lt(x, num(0));
    const y = logGamma(k, k.select(isNegative, k.sub(num(1), x), x));
    const sine = k.sin(k.mul(num(Math.PI), k.abs(k.sub(x, k.round(x)))));
    const reflected = k.sub(k.sub(num(Math.log(Math.PI)), k.log(sine)), y);
    const isEndless = k.eq(y, num(Number.POSITIVE_INFINITY));
    return k.select(isEndless, y, k.select(isNegative, reflected, y));
  },
};

function power<V>(a: Algebra<V>, x: V, exponent: number): V {
  let y = x;
  for (let i = 1; i < exponent; i++) y = a.mul(y, x);
  return y;
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** ψ⁽ⁿ⁾ for x ≥ 0: terms of the sum up to where Euler and Maclaurin's formula is exact for the rest of it. */
function polygammaOf<V>(a: Algebra<V>, x: V, n: number): V {
  const num = (value: number): V => a.num(value, x);
  const count = 10 + n;
  let sum = num(0);
  for (let k = count - 1; k >= 0; k--) sum = a.add(sum, power(a, a.div(num(1), k === 0 ? x : a.add(x, num(k))), n + 1));
  const far = a.add(x, num(count));
  const inverse = a.div(num(1), far);
  const square = a.mul(inverse, inverse);
  if (n === 0) {
    const series = a.mul(
      square,
      polynomial(
        a,
        bernoulli.slice(0, 8).map((value, k) => value / (2 * k + 2)),
        square,
      ),
    );
    return a.sub(a.sub(a.sub(a.log(far), a.mul(num(0.5), inverse)), series), sum);
  }
  // B₂ⱼ/(2j)!·(n + 1)(n + 2)…(n + 2j − 1) = B₂ⱼ·(n + 2j − 1)!/((2j)!·n!)
  const terms = bernoulli.map((value, k) => (value * factorial(n + 2 * k + 1)) / (factorial(2 * k + 2) * factorial(n)));
  const lead = a.add(num(1 / n), a.mul(num(0.5), inverse));
  const rest = a.mul(power(a, inverse, n), a.add(lead, a.mul(square, polynomial(a, terms, square))));
  return a.mul(num((n % 2 === 1 ? 1 : -1) * factorial(n)), a.add(sum, rest));
}

/** The n-th derivative of cot as a polynomial in cot: c′ = −(1 + c²). */
function cotangentPolynomial(n: number): readonly number[] {
  let p: readonly number[] = [0, 1];
  for (let i = 0; i < n; i++) {
    const slope = p.slice(1).map((c, k) => c * (k + 1));
    p = Array.from({ length: slope.length + 2 }, (_, k) => -((slope[k] ?? 0) + (slope[k - 2] ?? 0)));
  }
  return p;
}

/** ψ⁽ⁿ⁾, the derivative of log Γ of order n + 1; below 0 by ψ(1 − x) − ψ(x) = π·cot πx. */
export const polygamma: Nonlinear = {
  kind: "nonlinear",
  name: "polygamma",
  singular: true,
  dtype: floats,
  shape: broadcast,
  vjp: (b, g, _, { order }: Order, [x]) => [b.mul(g, makeNode(polygamma, [only(x)], { order: order + 1 }))],
  jvp: (b, [dx], _, { order }: Order, [x]) =>
    dx ? b.mul(dx, makeNode(polygamma, [only(x)], { order: order + 1 })) : null,
  batch: (_, { order }: Order, [x]) => makeNode(polygamma, [only(x)], { order }),
  lower(k, [input], { order }: Order) {
    const x = only(input);
    const num = (value: number) => k.num(value, x);
    const isNegative = k.lt(x, num(0));
    const y = polygammaOf(k, k.select(isNegative, k.sub(num(1), x), x), order);
    const rest = k.sub(x, k.round(x));
    const angle = k.mul(num(Math.PI), rest);
    const cotangent = k.div(k.cos(angle), k.sin(angle));
    const turn = k.mul(num(Math.PI ** (order + 1)), polynomial(k, cotangentPolynomial(order), cotangent));
    const reflected = k.sub(order % 2 === 0 ? y : k.neg(y), turn);
    // A pole whose sides differ in sign has no value.
    const isPole = order % 2 === 0 ? k.eq(rest, num(0)) : k.lt(num(0), num(0));
    return k.select(isNegative, k.select(isPole, num(Number.NaN), reflected), y);
  },
};

export type Bessel = { readonly order: 0 | 1; readonly scaled: boolean };

/** ∂I₀ = I₁ and ∂I₁ = I₀ − I₁/x; multiplied by exp(−|x|) both lose sign(x)·y. */
function besselSlope(b: Parameters<Nonlinear["vjp"]>[0], y: Node, { order, scaled }: Bessel, x: Node): Node {
  const num = (value: number): Node => b.num(value, x);
  const other = makeNode(besselI, [x], { order: 1 - order, scaled });
  const isZero = b.eq(x, num(0));
  const ratio = b.select(isZero, num(0.5), b.div(y, b.select(isZero, num(1), x)));
  const slope = order === 0 ? other : b.sub(other, ratio);
  if (!scaled) return slope;
  const sign = b.select(isZero, num(0), b.select(b.lt(x, num(0)), num(-1), num(1)));
  return b.sub(slope, b.mul(sign, y));
}

/** The modified Bessel functions I₀ and I₁, `scaled` by exp(−|x|) where that is asked for. */
export const besselI: Nonlinear = {
  kind: "nonlinear",
  name: "besselI",
  dtype: floats,
  shape: broadcast,
  vjp: (b, g, y, attrs: Bessel, [x]) => [b.mul(g, besselSlope(b, y, attrs, only(x)))],
  jvp: (b, [dx], y, attrs: Bessel, [x]) => (dx ? b.mul(dx, besselSlope(b, y, attrs, only(x))) : null),
  batch: (_, { order, scaled }: Bessel, [x]) => makeNode(besselI, [only(x)], { order, scaled }),
  lower(k, [input], { order, scaled }: Bessel) {
    const x = only(input);
    const num = (value: number) => k.num(value, x);
    const size = k.abs(x);
    const near = k.min(size, num(8));
    const series = chebyshev(k, order === 0 ? bessel0Small : bessel1Small, k.sub(k.div(near, num(4)), num(1)));
    const small = order === 0 ? series : k.mul(near, series);
    const far = k.max(size, num(8));
    const tail = chebyshev(k, order === 0 ? bessel0Large : bessel1Large, k.sub(k.div(num(16), far), num(1)));
    const decayed = k.select(k.le(size, num(8)), small, k.div(tail, k.sqrt(far)));
    const isEndless = k.eq(size, num(Number.POSITIVE_INFINITY));
    // The exponential in two factors overflows no sooner than the result.
    const half = k.exp(k.mul(num(0.5), size));
    const y = scaled ? decayed : k.select(isEndless, size, k.mul(k.mul(half, decayed), half));
    return order === 0 ? y : k.select(k.lt(x, num(0)), k.neg(y), k.select(k.eq(x, num(0)), x, y));
  },
};
