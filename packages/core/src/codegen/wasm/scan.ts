// Running sums and products, recurrences and positions of extremes along an axis, as WebAssembly. kernel/routines.ts defines what they are.
import { type DType, elementBytes } from "../../base/dtype.ts";
import type { RoutineKernel } from "../../kernel/ir.ts";
import type { FunctionBuilder, Local } from "./encoder.ts";
import { type F64, f32, f64, type I32, i32, select } from "./instructions.ts";

/**
 * `x` and `out` are the addresses of the operands, `y` that of the second input, if there is one. Units are the indices of the
 * outer axes.
 */
export function emitScan(
  f: FunctionBuilder,
  kernel: RoutineKernel,
  x: Local<"i32">,
  y: Local<"i32">,
  out: Local<"i32">,
): void {
  const [outer = 0, n = 0, inner = 0, mode = 0, reverse = 0] = kernel.numbers;
  const dtype = kernel.inputs[0]?.dtype ?? "float32";
  if (outer * n * inner === 0) return;
  const [xBytes, outBytes] = [elementBytes(dtype), elementBytes(kernel.output.dtype)];
  const [from, to] = [f.local("i32"), f.local("i32")];
  const [o, c, j] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const step = reverse ? -inner : inner;
  const start = reverse ? (n - 1) * inner : 0;
  /** From a cell of x to that of the second input. */
  const apart = f.local("i32", i32.sub(y, x));
  const make = (): Step =>
    mode === 1 || mode === 2
      ? runningPosition(f, dtype, mode === 1, reverse !== 0 ? n - 1 : 0)
      : runningTotal(f, dtype, mode === 0 ? "sum" : mode === 3 ? "product" : "recurrence", apart);
  /** Columns from c on, as long as there are so many: side by side, since their cells share lines of the cache. */
  const columns = (count: number): void => {
    const scans = Array.from({ length: count }, make);
    const each = (body: (scan: Step, from: I32, to: I32) => void): void =>
      scans.forEach((scan, i) => {
        body(scan, offset(from, i * xBytes), offset(to, i * outBytes));
      });
    f.while(i32.le(i32.add(c, i32.const(count)), i32.const(inner)), () => {
      f.set(from, i32.add(i32.add(x, i32.mul(c, i32.const(xBytes))), i32.const(start * xBytes)));
      f.set(to, i32.add(i32.add(out, i32.mul(c, i32.const(outBytes))), i32.const(start * outBytes)));
      each((scan, from) => scan.begin(from));
      f.for(j, 0, n, 1, () => {
        each((scan, from, to) => scan.step(from, to, j));
        f.increase(from, step * xBytes);
        f.increase(to, step * outBytes);
      });
      f.increase(c, count);
    });
  };
  const [first, last] = [f.param("i32", 4), f.param("i32", 5)];
  f.increase(x, i32.mul(first, i32.const(n * inner * xBytes)));
  f.increase(out, i32.mul(first, i32.const(n * inner * outBytes)));
  f.for(o, first, last, 1, () => {
    f.set(c, i32.const(0));
    if (inner >= together) columns(together);
    if (inner % together !== 0) columns(1);
    f.increase(x, n * inner * xBytes);
    f.increase(out, n * inner * outBytes);
  });
}

/** So many columns are scanned side by side: their totals fit in registers. */
const together = 8;

const offset = (address: I32, bytes: number): I32 => (bytes === 0 ? address : i32.add(address, i32.const(bytes)));

interface Step {
  begin(from: I32): void;
  step(from: I32, to: I32, j: I32): void;
}

/** Float32 is summed and multiplied in double precision. */
function runningTotal(
  f: FunctionBuilder,
  dtype: DType,
  kind: "sum" | "product" | "recurrence",
  apart: Local<"i32">,
): Step {
  if (dtype === "float32" || dtype === "float64") {
    const total = f.local("f64");
    const isSingle = dtype === "float32";
    const load = (at: I32): F64 => (isSingle ? f64.promoteF32(f32.load(at)) : f64.load(at));
    /** The total after one more cell, but for the first cell of a recurrence. */
    const next = (from: I32): F64 => {
      if (kind === "sum") return f64.add(total, load(from));
      if (kind === "product") return f64.mul(total, load(from));
      return f64.add(f64.mul(load(from), total), load(i32.add(from, apart)));
    };
    return {
      begin: () => f.set(total, f64.const(kind === "product" ? 1 : 0)),
      step: (from, to, j) => {
        f.set(total, kind === "recurrence" ? select(i32.eqz(j), load(i32.add(from, apart)), next(from)) : next(from));
        f.store(to, isSingle ? f32.demoteF64(total) : total);
      },
    };
  }
  const total = f.local("i32");
  const combine = kind === "product" ? i32.mul : i32.add;
  return {
    begin: () => f.set(total, i32.const(kind === "product" ? 1 : 0)),
    step: (from, to) => {
      f.set(total, combine(total, dtype === "int32" ? i32.load(from) : i32.load8U(from)));
      f.store(to, total);
    },
  };
}

/** The latest of equals; a NaN is followed only by another. Both precisions and integers are exact as float64. */
function runningPosition(f: FunctionBuilder, dtype: DType, isMax: boolean, last: number): Step {
  const [best, value] = [f.local("f64"), f.local("f64")];
  const place = f.local("i32");
  const load = (from: I32) => {
    switch (dtype) {
      case "float32":
        return f64.promoteF32(f32.load(from));
      case "float64":
        return f64.load(from);
      default:
        return f64.convertI32(dtype === "int32" ? i32.load(from) : i32.load8U(from));
    }
  };
  return {
    begin: (from) => f.set(best, load(from)),
    step: (from, to, j) => {
      f.set(value, load(from));
      const wins = isMax ? f64.ge(value, best) : f64.le(value, best);
      f.if(i32.or(wins, f64.ne(value, value)), () => {
        f.set(best, value);
        f.set(place, last > 0 ? i32.sub(i32.const(last), j) : j);
      });
      f.store(to, place);
    },
  };
}
