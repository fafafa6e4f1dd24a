// The positions that sort rows, as WebAssembly. Keys become integers that sort as they do, NaN as the largest; with the position
// in the low half of an int64 all are distinct, so any merge sort of them is stable. Float64 takes two rounds.
import type { DType } from "../../base/dtype.ts";
import { type Callable, call, type FunctionBuilder, type Local, type ModuleBuilder } from "./encoder.ts";
import { f32, f64, type I32, type I64, i32, i64, select } from "./instructions.ts";

export interface SortShape {
  readonly n: number;
  readonly descending: boolean;
}

/** Two arrays of n int64. */
export const argsortWorkspaceBytes = (n: number): number => 16 * n;

/** Writes int32 positions of the rows at `x` to `out`: of those rows that the kernel is asked for. */
export function emitArgsort(
  module: ModuleBuilder,
  f: FunctionBuilder,
  x: Local<"i32">,
  dtype: DType,
  out: Local<"i32">,
  { n, descending }: SortShape,
): void {
  const work = f.param("i32", 3);
  const other = f.local("i32", i32.add(work, i32.const(8 * n)));
  const row = f.local("i32");
  const i = f.local("i32");
  const sorted = f.local("i32");
  const bytes = { float32: 4, float64: 8, int32: 4, uint8: 1, bool: 1 }[dtype];
  /** Writes (high half of key(i), i) for every i, and sorts these. */
  const sortBy = (key: (i: Local<"i32">) => I64): void => {
    f.for(i, 0, n, 1, () => f.store(at(work, i, 3), i64.or(high(key(i)), i64.extendI32U(i))));
    f.set(sorted, call(mergeSort(module), "i32", work, other, i32.const(n)));
  };
  const key = (index: I32): I64 => orderedKey(f, dtype, x, index, descending);

  const [from, to] = [f.param("i32", 4), f.param("i32", 5)];
  f.increase(x, i32.mul(from, i32.const(bytes * n)));
  f.increase(out, i32.mul(from, i32.const(4 * n)));
  f.for(row, from, to, 1, () => {
    if (dtype !== "float64") {
      sortBy(key);
      f.for(i, 0, n, 1, () => f.store(at(out, i, 2), i32.load(at(sorted, i, 3))));
    } else {
      // By the low half first, its top bit flipped for the signed order; then by the high half, stably.
      sortBy((index) => i64.xor(i64.shl(key(index), i64.const(32n)), i64.const(-(1n << 63n))));
      f.for(i, 0, n, 1, () => f.store(at(out, i, 2), i32.load(at(sorted, i, 3))));
      sortBy((index) => key(i32.load(at(out, index, 2))));
      f.for(i, 0, n, 1, () => f.store(at(sorted, i, 3), i32.load(at(out, i32.load(at(sorted, i, 3)), 2))));
      f.for(i, 0, n, 1, () => f.store(at(out, i, 2), i32.load(at(sorted, i, 3))));
    }
    f.increase(x, bytes * n);
    f.increase(out, 4 * n);
  });
}

const at = (base: I32, index: I32, shift: number): I32 => i32.add(base, i32.shl(index, i32.const(shift)));
const high = (value: I64): I64 => i64.and(value, i64.const(-(1n << 32n)));

/** An int64 that sorts as element `index` does; except for float64, its low half is empty. */
function orderedKey(f: FunctionBuilder, dtype: DType, x: I32, index: I32, descending: boolean): I64 {
  const last = i64.const((1n << 63n) - 1n);
  const flip = (value: I64): I64 => (descending ? i64.xor(value, i64.const(-1n)) : value);
  switch (dtype) {
    case "float32":
    case "float64": {
      // Adding 0 makes −0 and 0 one. Negative floats sort backwards as integers: all bits but the sign turn round.
      const single = dtype === "float32";
      const value = f.local(
        "f64",
        f64.add(single ? f64.promoteF32(f32.load(at(x, index, 2))) : f64.load(at(x, index, 3)), f64.const(0)),
      );
      const bits = f.local(
        "i64",
        single
          ? i64.shl(i64.extendI32(i32.reinterpretF32(f32.demoteF64(value))), i64.const(32n))
          : i64.reinterpretF64(value),
      );
      const turned = i64.xor(bits, i64.and(i64.shr(bits, i64.const(63n)), last));
      return flip(select(f64.eq(value, value), turned, last));
    }
    default: {
      const value = dtype === "int32" ? i32.load(at(x, index, 2)) : i32.load8U(i32.add(x, index));
      return flip(i64.shl(i64.extendI32(value), i64.const(32n)));
    }
  }
}

/** Runs of so many elements are sorted by insertion. */
const runLength = 8;

/** (values, spare, n) → the address of the sorted int64 values, one of the two arrays. */
function mergeSort(module: ModuleBuilder): Callable {
  return module.helper("merge sort", () => {
    const f = module.function(["i32", "i32", "i32"], "i32");
    const from = f.param("i32", 0);
    const to = f.param("i32", 1);
    const bytes = f.local("i32", i32.shl(f.param("i32", 2), i32.const(3)));
    const width = f.local("i32", i32.const(8 * runLength));
    const start = f.local("i32");
    f.for(start, i32.const(0), bytes, 8 * runLength, () => insertionSort(f, from, start, bytes));
    f.while(i32.lt(width, bytes), () => {
      f.for(start, i32.const(0), bytes, i32.shl(width, i32.const(1)), () => merge(f, from, to, start, width, bytes));
      const swapped = f.local("i32", from);
      f.set(from, to);
      f.set(to, swapped);
      f.set(width, i32.shl(width, i32.const(1)));
    });
    f.value(from);
    return f;
  });
}

const minimum = (a: I32, b: I32): I32 => select(i32.lt(a, b), a, b);

/** Sorts the run that begins `start` bytes into the array. */
function insertionSort(f: FunctionBuilder, array: I32, start: I32, bytes: I32): void {
  f.scope(() => {
    const first = f.local("i32", i32.add(array, start));
    const end = f.local("i32", i32.add(array, minimum(bytes, i32.add(start, i32.const(8 * runLength)))));
    const next = f.local("i32", i32.add(first, i32.const(8)));
    const place = f.local("i32");
    const value = f.local("i64");
    f.while(i32.ltU(next, end), () => {
      f.set(value, i64.load(next));
      f.set(place, next);
      f.block((out) =>
        f.while(i32.gtU(place, first), () => {
          f.brIf(out, i64.lt(i64.load(i32.sub(place, i32.const(8))), value));
          f.store(place, i64.load(i32.sub(place, i32.const(8))));
          f.increase(place, -8);
        }),
      );
      f.store(place, value);
      f.increase(next, 8);
    });
  });
}

/** Merges two neighbouring runs of `width` bytes, the second of which may be short or missing. */
function merge(f: FunctionBuilder, from: I32, to: I32, start: I32, width: I32, bytes: I32): void {
  f.scope(() => {
    const left = f.local("i32", i32.add(from, start));
    const middle = f.local("i32", i32.add(from, minimum(bytes, i32.add(start, width))));
    const right = f.local("i32", middle);
    const end = f.local("i32", i32.add(from, minimum(bytes, i32.add(start, i32.shl(width, i32.const(1))))));
    const target = f.local("i32", i32.add(to, start));
    const [a, b] = [f.local("i64"), f.local("i64")];
    const rightFirst = f.local("i32");
    // No branch depends on the data.
    f.while(i32.and(i32.ltU(left, middle), i32.ltU(right, end)), () => {
      f.set(a, i64.load(left));
      f.set(b, i64.load(right));
      f.set(rightFirst, i64.lt(b, a));
      f.store(target, select(rightFirst, b, a));
      f.increase(right, i32.shl(rightFirst, i32.const(3)));
      f.increase(left, i32.shl(i32.xor(rightFirst, i32.const(1)), i32.const(3)));
      f.increase(target, 8);
    });
    f.memoryCopy(target, left, i32.sub(middle, left));
    f.increase(target, i32.sub(middle, left));
    f.memoryCopy(target, right, i32.sub(end, right));
  });
}
