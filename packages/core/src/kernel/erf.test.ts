import { expect, test } from "vitest";
import { erf } from "./erf.ts";

const bits = 400n;
const one = 1n << bits;

/** A double as a fixed-point number with 400 bits behind the point, exactly. */
function toFixed(x: number): bigint {
  let scaled = x;
  let shift = 0n;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return (BigInt(scaled) << bits) >> shift;
}

/** √π to 400 bits, from Machin's formula and Newton's square root. */
function rootOfPi(): bigint {
  const arctanInverse = (n: bigint) => {
    let sum = 0n;
    let term = one / n;
    for (let k = 1n; term !== 0n; k += 2n) {
      sum += (k % 4n === 1n ? term : -term) / k;
      term /= n * n;
    }
    return sum;
  };
  const pi = 16n * arctanInverse(5n) - 4n * arctanInverse(239n);
  const square = pi << bits;
  let root = one * 2n;
  for (let i = 0; i < 20; i++) root = (root + square / root) / 2n;
  return root;
}
const halfRootOfPi = rootOfPi() / 2n;

/** 2/√π Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)), in fixed point. */
function exactErf(x: number): number {
  const fixed = toFixed(x);
  const square = (fixed * fixed) >> bits;
  let power = fixed;
  let sum = 0n;
  for (let n = 0n; power !== 0n; n++) {
    const term = power / (2n * n + 1n);
    sum += n % 2n === 0n ? term : -term;
    power = ((power * square) >> bits) / (n + 1n);
  }
  const value = (sum << bits) / halfRootOfPi;
  return Number((value << 100n) >> bits) / 2 ** 100;
}

test("erf agrees with its power series to a relative error of 1e-15", () => {
  let worst = 0;
  for (let i = 1; i <= 1300; i++) {
    const x = i / 200 + 1 / 1537;
    const exact = exactErf(x);
    worst = Math.max(worst, Math.abs(erf(x) - exact) / exact);
    expect(erf(-x)).toBe(-erf(x));
  }
  expect(worst).toBeLessThan(1e-15);
});

test("erf of tiny, zero, infinite and missing numbers", () => {
  expect(erf(1e-300) / 1e-300).toBeCloseTo(2 / Math.sqrt(Math.PI), 14);
  expect(Object.is(erf(0), 0)).toBe(true);
  expect(Object.is(erf(-0), -0)).toBe(true);
  expect(erf(Number.POSITIVE_INFINITY)).toBe(1);
  expect(erf(Number.NEGATIVE_INFINITY)).toBe(-1);
  expect(erf(Number.NaN)).toBeNaN();
});
