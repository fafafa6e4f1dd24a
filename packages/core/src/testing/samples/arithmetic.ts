// Samples of arithmetic: IEEE operations are exact on every device.
import type * as records from "../../ops/arithmetic.ts";
import { binary, binaryNumber, unary, unaryNumber } from "./pointwise.ts";
import { exact, type SamplesOf } from "./sample.ts";

/** No integer within the steps of differences. */
const between = { low: 0.1, high: 0.9 };
/** Away from zero. */
const positive = { low: 0.5, high: 3 };
/** The quotient lies between 2.2 and 2.7. */
const remainder = [
  { low: 3.1, high: 3.3 },
  { low: 1.25, high: 1.4 },
];

export const arithmetic: SamplesOf<typeof records> = {
  neg: unaryNumber(),
  abs: unaryNumber(exact, { smooth: [{ low: -2, high: -0.1 }] }),
  sign: unaryNumber(exact, { smooth: [positive] }),
  floor: unary(exact, { smooth: [between] }),
  ceil: unary(exact, { smooth: [between] }),
  trunc: unary(exact, { smooth: [between] }),
  round: unary(exact, { smooth: [{ low: 0.6, high: 1.4 }] }),
  add: binaryNumber(),
  sub: binaryNumber(),
  mul: binaryNumber(),
  div: binaryNumber(exact, { ranges: [{}, positive] }),
  mod: binaryNumber(exact, { ranges: [{ low: -9, high: 9 }, positive], smooth: remainder }),
  fmod: binaryNumber(exact, { ranges: [{ low: -9, high: 9 }, positive], smooth: remainder }),
  square: unaryNumber(),
  hypot: binary(exact, { smooth: [{ low: 0.3, high: 2 }] }),
  reciprocal: unary(exact, { ranges: [positive] }),
};
