// Samples of values that wait for others.
import { dtypes } from "../../base/dtype.ts";
import type * as records from "../../ops/control.ts";
import { exact, probe, random, type SamplesOf, sample } from "./sample.ts";

export const control: SamplesOf<typeof records> = {
  after: {
    bound: exact,
    list: [
      ...dtypes.map((dtype) => sample([random([2, 3], dtype), random([4])])),
      sample([random([], "float32"), random([0]), random([5], "int32")]),
      probe([random([2, 3], "float64"), random([2], "int32")]),
    ],
  },
};
