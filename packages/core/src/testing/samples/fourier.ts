// Samples of Fourier transforms: lengths of every radix, rows by twos and alone, tables shared and not.
import type { DType } from "../../base/dtype.ts";
import type * as records from "../../ops/fourier.ts";
import { unitRoots } from "../../ops/fourier.ts";
import { given, type Input, probe, random, type Sample, type SamplesOf, sample } from "./sample.ts";

const lengths = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 24, 26, 30, 32, 36, 40, 49, 60, 64, 77,
];

/** With an axis of groups in front: a table that is shown with its first row repeated would not be one. */
const roots = (n: number, dtype: DType, groups = 1): Input =>
  given([groups, n, 2], Array.from({ length: groups }, () => [...unitRoots(n)]).flat(), dtype);

const list: Sample[] = [];
for (const inverse of [false, true]) {
  const attrs = { inverse, scale: inverse ? 0.5 : 1 };
  for (const dtype of ["float32", "float64"] as const) {
    for (const n of lengths) list.push(sample([random([1, 3, n, 2], dtype), roots(n, dtype)], attrs));
    list.push(sample([random([2, 3, 8, 2], dtype), roots(8, dtype, 2)], attrs));
    list.push(sample([random([1, 16, 2], dtype), roots(16, dtype)], attrs));
    list.push(sample([random([1, 0, 4, 2], dtype), roots(4, dtype)], attrs));
  }
  list.push(probe([random([1, 2, 4, 2], "float64"), roots(4, "float64")], attrs));
  list.push(probe([random([2, 5, 2], "float64"), roots(5, "float64", 2)], attrs));
}

export const fourier: SamplesOf<typeof records> = {
  // Errors go with the norm of a row, not with each of its values: 16 is a usual one for these samples. In float64 the interpreter
  // has rounding errors of its own.
  dft: { bound: { kind: "scaled", epsilons: 8, scale: () => 16 }, list },
};
