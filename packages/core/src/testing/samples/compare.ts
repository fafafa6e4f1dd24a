// Samples of comparisons, bits and selections: all exact.
import type { DType } from "../../base/dtype.ts";
import type * as records from "../../ops/compare.ts";
import { binaryNumber, pointwise } from "./pointwise.ts";
import { exact, type Samples, type SamplesOf } from "./sample.ts";

const everything: readonly DType[] = ["float32", "float64", "int32", "uint8", "bool"];
const bits: readonly DType[] = ["int32", "uint8", "bool"];

const comparison = pointwise({ arity: 2, bound: exact, dtypes: everything });
const bitwise = pointwise({ arity: 2, bound: exact, dtypes: bits });
const shift: Samples = pointwise({
  arity: 2,
  bound: exact,
  dtypes: ["int32"],
  specials: false,
  integers: [
    { low: -2147483648, high: 2147483648 },
    { high: 32, low: 0 },
  ],
});
/** Apart, so that no step of the differences makes them change places. */
const apart = {
  smooth: [
    { low: 0, high: 1 },
    { low: 1.1, high: 2 },
  ],
};

export const compare: SamplesOf<typeof records> = {
  eq: comparison,
  ne: comparison,
  lt: comparison,
  le: comparison,
  not: pointwise({ arity: 1, bound: exact, dtypes: ["bool"] }),
  and: bitwise,
  or: bitwise,
  xor: bitwise,
  shl: shift,
  shr: shift,
  maximum: binaryNumber(exact, apart),
  minimum: binaryNumber(exact, apart),
  select: pointwise({ arity: 3, bound: exact, dtypes: everything, leading: ["bool"] }),
  check: pointwise({
    arity: 1,
    bound: exact,
    dtypes: ["int32"],
    specials: false,
    integers: [{ low: 0, high: 100 }],
    attrs: [{ bound: 100, what: "label" }],
  }),
};
