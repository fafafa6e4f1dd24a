// Samples of random bits: the same on every device.
import type * as records from "../../ops/random.ts";
import { pointwise } from "./pointwise.ts";
import { exact, type SamplesOf } from "./sample.ts";

export const random: SamplesOf<typeof records> = {
  threefry: pointwise({
    arity: 3,
    bound: exact,
    dtypes: ["int32"],
    integers: [{ low: -2147483648, high: 2147483648 }],
  }),
};
