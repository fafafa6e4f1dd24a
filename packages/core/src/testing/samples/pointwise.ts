// Samples of elementwise operations: all sizes and broadcasts, special values crossed with each other, smooth places.
import { type DType, isFloat } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import { type Attrs, noAttrs } from "../../graph/node.ts";
import {
  type Bound,
  exact,
  given,
  type Input,
  probe,
  type Range,
  random,
  type Sample,
  type Samples,
  sample,
} from "./sample.ts";

const infinity = Number.POSITIVE_INFINITY;

const specialFloats = [
  ...[
    0,
    0.5,
    1,
    1.5,
    2,
    2.5,
    3,
    1e-3,
    1e-10,
    1e-40,
    2 ** -149,
    2 ** -126,
    1e6,
    8388609,
    2 ** 31,
    1e15,
    1e30,
    3.4e38,
    infinity,
  ],
  ...[0.1, 0.7, 3.14159274, 10.3, 20.7, 88.5, 89.1, 103.9, 709.5, 5, 7, 1e-7],
].flatMap((x) => [x, -x]);

/** Fewer of them, to be crossed. */
const fewFloats = [0, 0.5, 1, 2, 3, 2.5, 1e-40, 1e30, 7, infinity].flatMap((x) => [x, -x]);

const specialValues: Record<DType, { readonly all: readonly number[]; readonly few: readonly number[] }> = {
  float32: { all: [...specialFloats, Number.NaN], few: [...fewFloats, Number.NaN] },
  float64: {
    all: [...specialFloats, Number.NaN, 5e-324, 1.7e308, -1.7e308],
    few: [...fewFloats, Number.NaN, 1e-310, 1e300],
  },
  int32: {
    all: [0, 1, -1, 2, -2, 7, -7, 255, 256, 65536, 2147483647, -2147483648, 2147483646, 1234567, -7654321],
    few: [0, 1, -1, 2, -2, 3, -3, 7, -7, 31, 65537, 2147483647, -2147483648],
  },
  uint8: { all: [0, 1, 2, 7, 127, 128, 200, 254, 255], few: [0, 1, 2, 3, 7, 100, 128, 255] },
  bool: { all: [0, 1], few: [0, 1] },
};

/** Every combination of the values of all arguments, one argument after another. */
function crossed(dtypes: readonly DType[], values: (dtype: DType) => readonly number[]): Input[] {
  let rows: number[][] = [[]];
  for (const dtype of dtypes) rows = rows.flatMap((row) => values(dtype).map((x) => [...row, x]));
  return dtypes.map((dtype, i) =>
    given(
      [rows.length],
      rows.map((row) => row[i] ?? 0),
      dtype,
    ),
  );
}

const allShapes: readonly Shape[] = [
  [],
  [0],
  [1],
  [3],
  [5],
  [7],
  [10],
  [17],
  [33],
  [65],
  [127],
  [1000],
  [3, 0, 2],
  [5, 7],
];
const fewShapes: readonly Shape[] = [[], [0], [7], [65], [3, 5]];

/** Shapes of two or three arguments that broadcast. */
const broadcasts: readonly (readonly [Shape, Shape, Shape])[] = [
  [[], [5], [5]],
  [[17], [], [1]],
  [[3, 1], [1, 5], [5]],
  [[2, 3, 5], [5], [3, 1]],
  [[4, 1, 3], [2, 1], []],
  [[10], [65, 10], [65, 1]],
  [[0], [3, 1], [1]],
  [[1], [1, 1], []],
];

export interface Pointwise {
  readonly arity: 1 | 2 | 3;
  readonly bound: Bound;
  /** The first is sampled in all sizes. */
  readonly dtypes: readonly DType[];
  /** Where floats lie; the first for each argument unless there is one for each. */
  readonly ranges?: readonly Range[];
  /** Where integers lie. */
  readonly integers?: readonly Range[];
  /** Where derivatives are checked; null: nowhere. The ranges by default. */
  readonly smooth?: readonly Range[] | null;
  /** The dtypes of leading arguments that are not of the common one. */
  readonly leading?: readonly DType[];
  readonly attrs?: readonly Attrs[];
  /** Left out where the operation is not defined on them: an index in range, bits to shift by. */
  readonly specials?: boolean;
}

export function pointwise(options: Pointwise): Samples {
  const {
    arity,
    bound,
    dtypes,
    leading = [],
    attrs = [noAttrs],
    specials = true,
    ranges = [],
    integers = [],
  } = options;
  const within = (dtype: DType): readonly Range[] => (isFloat(dtype) ? ranges : integers);
  const list: Sample[] = [];
  const inputs = (shapes: readonly Shape[], dtype: DType, where = within(dtype)): Input[] =>
    Array.from({ length: arity }, (_, i) =>
      random(shapes[i] ?? shapes[0] ?? [], leading[i] ?? dtype, { seed: 1 + i, ...(where[i] ?? where[0]) }),
    );
  for (const [a, attributes] of attrs.entries())
    for (const [d, dtype] of dtypes.entries()) {
      const shapes = d === 0 && a === 0 ? allShapes : fewShapes;
      for (const shape of shapes) list.push(sample(inputs([shape], dtype), attributes));
      if (arity > 1 && d === 0 && a === 0)
        for (const row of broadcasts) list.push(sample(inputs(row, dtype), attributes));
      if (!specials) continue;
      const all = Array.from({ length: arity }, (_, i) => leading[i] ?? dtype);
      list.push(
        sample(
          crossed(all, (x) => (arity === 1 ? specialValues[x].all : specialValues[x].few)),
          attributes,
        ),
      );
    }
  const { smooth = ranges } = options;
  const probed = dtypes.some(isFloat) ? "float64" : (dtypes[0] ?? "int32");
  if (smooth !== null)
    for (const attributes of attrs)
      for (const row of arity === 1 ? [[[2, 3]], [[]]] : [[[2, 3]], [[3], [2, 1], [1, 3]], [[], [3], []]])
        list.push(probe(inputs(row, probed, isFloat(probed) ? smooth : integers), attributes));
  return { bound, list };
}

const numbers: readonly DType[] = ["float32", "float64", "int32", "uint8"];
const floats: readonly DType[] = ["float32", "float64"];

type Details = Partial<Pointwise>;

/** One float argument. */
export const unary = (bound: Bound, details: Details = {}): Samples =>
  pointwise({ arity: 1, bound, dtypes: floats, ...details });
/** One number. */
export const unaryNumber = (bound: Bound = exact, details: Details = {}): Samples =>
  pointwise({ arity: 1, bound, dtypes: numbers, ...details });
/** Two floats. */
export const binary = (bound: Bound, details: Details = {}): Samples =>
  pointwise({ arity: 2, bound, dtypes: floats, ...details });
/** Two numbers. */
export const binaryNumber = (bound: Bound = exact, details: Details = {}): Samples =>
  pointwise({ arity: 2, bound, dtypes: numbers, ...details });
