// Comparisons, bits, and what selects between values. Gradients follow the selection and are never multiplied by a mask.

import { DTypeError } from "../base/errors.ts";
import type { Algebra } from "../graph/algebra.ts";
import type { Elementwise } from "../graph/rules.ts";
import { bits, broadcast, comparison, integers, numbers, sharedDType, truths } from "./expect.ts";

export const eq: Elementwise = {
  kind: "elementwise",
  name: "eq",
  symbol: "=",
  dtype: comparison,
  shape: broadcast,
  body: (a, _, x, y) => a.eq(x, y),
  partials: () => [null, null],
};

export const ne: Elementwise = {
  kind: "elementwise",
  name: "ne",
  symbol: "≠",
  dtype: comparison,
  shape: broadcast,
  body: (a, _, x, y) => a.ne(x, y),
  partials: () => [null, null],
};

export const lt: Elementwise = {
  kind: "elementwise",
  name: "lt",
  symbol: "<",
  dtype: comparison,
  shape: broadcast,
  body: (a, _, x, y) => a.lt(x, y),
  partials: () => [null, null],
};

export const le: Elementwise = {
  kind: "elementwise",
  name: "le",
  symbol: "≤",
  dtype: comparison,
  shape: broadcast,
  body: (a, _, x, y) => a.le(x, y),
  partials: () => [null, null],
};

export const not: Elementwise = {
  kind: "elementwise",
  name: "not",
  symbol: "¬",
  dtype: truths,
  shape: broadcast,
  body: (a, _, x) => a.not(x),
  partials: () => [null],
};

export const and: Elementwise = {
  kind: "elementwise",
  name: "and",
  symbol: "∧",
  dtype: bits,
  shape: broadcast,
  body: (a, _, x, y) => a.and(x, y),
  partials: () => [null, null],
};

export const or: Elementwise = {
  kind: "elementwise",
  name: "or",
  symbol: "∨",
  dtype: bits,
  shape: broadcast,
  body: (a, _, x, y) => a.or(x, y),
  partials: () => [null, null],
};

export const xor: Elementwise = {
  kind: "elementwise",
  name: "xor",
  symbol: "⊕",
  dtype: bits,
  shape: broadcast,
  body: (a, _, x, y) => a.xor(x, y),
  partials: () => [null, null],
};

export const shl: Elementwise = {
  kind: "elementwise",
  name: "shl",
  symbol: "≪",
  dtype: integers,
  shape: broadcast,
  body: (a, _, x, y) => a.shl(x, y),
  partials: () => [null, null],
};

/** Shifts in zeros. */
export const shr: Elementwise = {
  kind: "elementwise",
  name: "shr",
  symbol: "≫",
  dtype: integers,
  shape: broadcast,
  body: (a, _, x, y) => a.shr(x, y),
  partials: () => [null, null],
};

/** The larger; NaN propagates, and equal operands share the gradient half and half. */
export const maximum: Elementwise = {
  kind: "elementwise",
  name: "maximum",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x, y) => a.max(x, y),
  partials: () => [
    (a, g, _, x, y) => won(a, g, x, a.lt(x, y), a.eq(x, y)),
    (a, g, _, x, y) => won(a, g, y, a.lt(y, x), a.eq(x, y)),
  ],
};

/** The smaller; NaN propagates, and equal operands share the gradient half and half. */
export const minimum: Elementwise = {
  kind: "elementwise",
  name: "minimum",
  dtype: numbers,
  shape: broadcast,
  body: (a, _, x, y) => a.min(x, y),
  partials: () => [
    (a, g, _, x, y) => won(a, g, x, a.lt(y, x), a.eq(x, y)),
    (a, g, _, x, y) => won(a, g, y, a.lt(x, y), a.eq(x, y)),
  ],
};

function won<V>(a: Algebra<V>, g: V, like: V, lost: V, tied: V): V {
  return a.select(lost, a.num(0, like), a.select(tied, a.mul(g, a.num(0.5, like)), g));
}

/** `condition ? x : y`. */
export const select: Elementwise = {
  kind: "elementwise",
  name: "where",
  dtype(inputs) {
    const condition = inputs[0]?.dtype;
    if (condition !== "bool")
      throw new DTypeError(`where: expected a bool condition, got ${condition}. Compare it, for example with ne(0)`);
    return sharedDType("where", inputs, 1);
  },
  shape: broadcast,
  body: (a, _, condition, x, y) => a.select(condition, x, y),
  partials: () => [
    null,
    (a, g, y, condition) => a.select(condition, g, a.num(0, y)),
    (a, g, y, condition) => a.select(condition, a.num(0, y), g),
  ],
};

/** x, and an IndexError when it is computed unless 0 ≤ x < bound. */
export const check: Elementwise = {
  kind: "elementwise",
  name: "check",
  dtype: integers,
  shape: broadcast,
  body: (a, { bound, what }: { bound: number; what: string }, x) => a.check(x, bound, what),
  partials: () => [null],
};
