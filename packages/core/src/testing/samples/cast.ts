// Samples of conversions: every dtype to every other, with what does not fit.
import { type DType, dtypes } from "../../base/dtype.ts";
import type * as records from "../../ops/cast.ts";
import { pointwise } from "./pointwise.ts";
import { exact, probe, random, type Samples, type SamplesOf } from "./sample.ts";

const converted = (to: DType): Samples =>
  pointwise({
    arity: 1,
    bound: exact,
    dtypes,
    attrs: [{ dtype: to }],
    ranges: [{ low: -300, high: 300 }],
    smooth: null,
  });

export const cast: SamplesOf<typeof records> = {
  cast: {
    bound: exact,
    list: [
      ...dtypes.flatMap((to) => converted(to).list),
      probe([random([2, 3], "float64")], { dtype: "float64" }),
      // Truncated away from whole numbers, where the steps of differences change nothing.
      probe([random([3], "float64", { low: 0.1, high: 0.9 })], { dtype: "int32" }),
      probe([random([3], "int32")], { dtype: "float64" }),
    ],
  },
  alias: {
    bound: exact,
    list: [...pointwise({ arity: 1, bound: exact, dtypes, smooth: null }).list, probe([random([2, 3], "float64")])],
  },
  stopGradient: {
    bound: exact,
    // Differences see through it: integers, for the batches.
    list: [...pointwise({ arity: 1, bound: exact, dtypes, smooth: null }).list, probe([random([2, 3], "int32")])],
  },
};
