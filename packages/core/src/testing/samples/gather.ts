// Samples of reading and adding at positions, with repeated positions, and of sorting, with ties and NaN.
import { type DType, dtypes } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type { Attrs } from "../../graph/node.ts";
import type * as records from "../../ops/gather.ts";
import {
  type Bound,
  exact,
  given,
  type Input,
  probe,
  random,
  running,
  type Sample,
  type Samples,
  type SamplesOf,
  sample,
} from "./sample.ts";

/** Positions below `bound`, of which some come twice. */
const positions = (shape: Shape, bound: number, seed = 7): Input =>
  bound === 0 ? given(shape, [], "int32") : random(shape, "int32", { low: 0, high: bound, seed });

type Case = readonly [x: Shape, index: Shape, bound: number, attrs: Attrs];

function indexed(cases: readonly Case[], probes: readonly Case[], bound: Bound): Samples {
  const list: Sample[] = [];
  for (const dtype of dtypes.filter((d) => bound.kind === "exact" || d !== "bool"))
    for (const [x, index, n, attrs] of dtype === "float32" ? cases : cases.slice(0, 3))
      list.push(sample([random(x, dtype), positions(index, n)], { ...attrs, what: "index" }));
  for (const [x, index, n, attrs] of probes)
    list.push(probe([random(x, "float64"), positions(index, n)], { ...attrs, what: "index" }));
  return { bound, list };
}

const take = (axis: number, batch = 0): Attrs => ({ axis, batch });
const put = (axis: number, size: number, batch = 0): Attrs => ({ axis, batch, size });

const sortable: readonly DType[] = ["float32", "float64", "int32", "uint8"];
const special = [
  3,
  Number.NaN,
  -0,
  0,
  Number.POSITIVE_INFINITY,
  1,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  1,
  -0,
  3,
  1e-40,
];
const orders = [{ descending: false }, { descending: true }];

export const gather: SamplesOf<typeof records> = {
  take: indexed(
    [
      [[5, 3], [4], 5, take(0)],
      [[2, 7], [10], 7, take(1)],
      [[3, 4, 2], [3, 5], 4, take(1, 1)],
      [[10], [127], 10, take(0)],
      [[65, 17], [33], 65, take(0)],
      [[2, 10, 5], [1], 10, take(1)],
      [[2, 3, 4, 5], [2, 3, 2], 5, take(3, 2)],
      [[5, 3], [0], 5, take(0)],
      [[3, 0], [2], 3, take(0)],
      [[100, 64], [300], 100, take(0)],
    ],
    [
      [[3, 2], [4], 3, take(0)],
      [[2, 3], [2, 2], 3, take(1, 1)],
    ],
    exact,
  ),
  put: indexed(
    [
      [[4, 3], [4], 5, put(0, 5)],
      [[2, 10], [10], 7, put(1, 7)],
      [[3, 5, 2], [3, 5], 4, put(1, 4, 1)],
      [[127], [127], 10, put(0, 10)],
      [[33, 17], [33], 65, put(0, 65)],
      [[0, 3], [0], 5, put(0, 5)],
      [[300, 65], [300], 100, put(0, 100)],
      [[2, 3, 2], [2, 3, 2], 5, put(2, 5, 2)],
    ],
    [
      [[4, 2], [4], 3, put(0, 3)],
      [[2, 2], [2, 2], 3, put(1, 3, 1)],
    ],
    running,
  ),
  takeAlong: indexed(
    [
      [[5, 3], [2, 3], 5, { axis: 0 }],
      [[2, 7], [2, 10], 7, { axis: 1 }],
      [[2, 3, 4], [2, 5, 4], 3, { axis: 1 }],
      [[10], [127], 10, { axis: 0 }],
      [[65, 10], [65, 1], 10, { axis: 1 }],
      [[33, 3], [1, 3], 33, { axis: 0 }],
      [[4, 3], [4, 0], 3, { axis: 1 }],
    ],
    [
      [[3, 2], [2, 2], 3, { axis: 0 }],
      [[2, 2], [2, 3], 2, { axis: 1 }],
    ],
    exact,
  ),
  putAlong: indexed(
    [
      [[2, 3], [2, 3], 5, { axis: 0, size: 5 }],
      [[2, 10], [2, 10], 7, { axis: 1, size: 7 }],
      [[2, 5, 4], [2, 5, 4], 3, { axis: 1, size: 3 }],
      [[127], [127], 10, { axis: 0, size: 10 }],
      [[65, 1], [65, 1], 10, { axis: 1, size: 10 }],
      [[4, 0], [4, 0], 3, { axis: 1, size: 3 }],
    ],
    [
      [[2, 2], [2, 2], 3, { axis: 0, size: 3 }],
      [[2, 3], [2, 3], 2, { axis: 1, size: 2 }],
    ],
    running,
  ),
  argsort: {
    bound: exact,
    list: orders.flatMap((attrs) => [
      ...sortable.flatMap((dtype) =>
        [[7], [3, 10], [2, 3, 5], [1, 127], [1000], [4, 0]].map((shape) => sample([random(shape, dtype)], attrs)),
      ),
      sample([given([special.length], special)], attrs),
      sample([given([special.length], special, "float64")], attrs),
      sample(
        [
          given(
            [40],
            Array.from({ length: 40 }, (_, i) => (i * 7) % 4),
            "int32",
          ),
        ],
        attrs,
      ),
      probe([random([2, 5], "float64")], attrs),
      probe([given([6], [2, 1, 2, 1, 3, 0], "int32")], attrs),
    ]),
  },
};
