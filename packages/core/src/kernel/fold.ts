// What each fold means: its identity, and how it takes in one more value.
import type { DType } from "../base/dtype.ts";
import type { FoldOp } from "../base/instruction.ts";
import { roundTo } from "./scalar.ts";

export interface Fold {
  start(): void;
  add(x: number): void;
  finish(): number;
}

const lowest: Record<DType, number> = {
  float32: Number.NEGATIVE_INFINITY,
  float64: Number.NEGATIVE_INFINITY,
  int32: -2147483648,
  uint8: 0,
  bool: 0,
};
const highest: Record<DType, number> = {
  float32: Number.POSITIVE_INFINITY,
  float64: Number.POSITIVE_INFINITY,
  int32: 2147483647,
  uint8: 255,
  bool: 1,
};

/** The value of a fold over nothing; 0 for the position of a largest or smallest element. */
export function foldIdentity(op: FoldOp, dtype: DType): number {
  switch (op) {
    case "mul":
      return 1;
    case "max":
      return lowest[dtype];
    case "min":
      return highest[dtype];
    default:
      return 0;
  }
}

/** A fold of values of `dtype`. Floats fold in double precision and round once, at the end. */
export function foldOf(op: FoldOp, dtype: DType): Fold {
  if (op === "argmax") return position((x, best) => x > best);
  if (op === "argmin") return position((x, best) => x < best);
  const identity = foldIdentity(op, dtype);
  const isFloat = dtype === "float32" || dtype === "float64";
  const combine = {
    add: (x: number, y: number) => x + y,
    mul: isFloat ? (x: number, y: number) => x * y : Math.imul,
    max: Math.max,
    min: Math.min,
  }[op];
  const finish = roundTo[dtype];
  const step = isFloat ? (x: number) => x : finish;
  let acc = identity;
  return {
    start: () => {
      acc = identity;
    },
    add: (x) => {
      acc = step(combine(acc, x));
    },
    finish: () => finish(acc),
  };
}

/** The first position that no other beats; the first NaN beats all. */
function position(beats: (x: number, best: number) => boolean): Fold {
  let at = 0;
  let count = 0;
  let best = 0;
  return {
    start: () => {
      at = 0;
      count = 0;
    },
    add: (x) => {
      if (count === 0 || beats(x, best) || (Number.isNaN(x) && !Number.isNaN(best))) {
        at = count;
        best = x;
      }
      count++;
    },
    finish: () => at,
  };
}
