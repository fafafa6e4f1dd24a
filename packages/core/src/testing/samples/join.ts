// Samples of concatenation: parts of all sizes, empty ones too.
import { dtypes } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type * as records from "../../ops/join.ts";
import { exact, probe, random, type SamplesOf, sample } from "./sample.ts";

const cases: readonly (readonly [axis: number, ...Shape[]])[] = [
  [0, [3], [5]],
  [1, [2, 3], [2, 0], [2, 2]],
  [0, [1, 3], [4, 3], [2, 3]],
  [2, [2, 1, 7], [2, 1, 10], [2, 1, 17]],
  [0, [4]],
  [0, [127], [1], [65]],
  [1, [3, 33, 5], [3, 1, 5]],
  [0, [0], [0]],
  [1, [0, 3], [0, 2]],
];

export const join: SamplesOf<typeof records> = {
  join: {
    bound: exact,
    list: [
      ...dtypes.flatMap((dtype) =>
        (dtype === "float32" ? cases : cases.slice(0, 3)).map(([axis, ...shapes]) =>
          sample(
            shapes.map((shape, i) => random(shape, dtype, { seed: i + 1 })),
            { axis },
          ),
        ),
      ),
      probe([random([2, 3], "float64"), random([2, 0], "float64"), random([2, 1], "float64", { seed: 2 })], {
        axis: 1,
      }),
      probe([random([2], "float64"), random([1], "float64", { seed: 2 })], { axis: 0 }),
    ],
  },
};
