// What each scalar instruction means, on plain numbers.
import type { DType } from "../base/dtype.ts";
import type { Instruction } from "../base/instruction.ts";
import { erf } from "./erf.ts";

/** Up to three arguments; instructions with fewer ignore the rest. Booleans are 0 and 1. */
export type Formula = (x: number, y: number, z: number) => number;

/** A value brought back into the range of a dtype after an instruction: floats round, integers wrap. */
export const roundTo: Record<DType, (x: number) => number> = {
  float32: Math.fround,
  float64: (x) => x,
  int32: (x) => x | 0,
  uint8: (x) => x & 255,
  bool: (x) => (x ? 1 : 0),
};

const saturate = (x: number): number =>
  x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : Math.trunc(x) | 0;

/** What `cast` does: floats to integers truncate and saturate at the ends of int32, NaN is 0; uint8 then wraps. */
export const convertTo: Record<DType, (x: number) => number> = {
  float32: Math.fround,
  float64: (x) => x,
  int32: saturate,
  uint8: (x) => saturate(x) & 255,
  bool: (x) => (x !== 0 ? 1 : 0),
};

function roundHalfEven(x: number): number {
  const rest = Math.abs(x) % 1;
  if (rest !== 0.5) return x < 0 || Object.is(x, -0) ? -Math.round(-x) : Math.round(x);
  return 2 * Math.round(x / 2);
}

/** C's pow: 1 to anything is 1, and so is −1 to ±∞, where JavaScript says NaN. */
export const pow = (x: number, y: number): number =>
  x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;

/** Python's %: the sign of the divisor, also for zeros. */
export function floorMod(x: number, y: number): number {
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;
  return rest < 0 === y < 0 ? rest : rest + y;
}

/** Wraps at every multiplication; a negative power is what integer division makes of 1 / xⁿ. */
function integerPow(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? ((y & 1) === 0 ? 1 : -1) : 0;
  let power = 1;
  let square = x;
  for (let n = y; n > 0; n >>>= 1) {
    if ((n & 1) === 1) power = Math.imul(power, square);
    square = Math.imul(square, square);
  }
  return power;
}

/** Formulas in double precision; `roundTo` follows them. */
const formulas = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  tanh: Math.tanh,
  erf,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundHalfEven,
  not: (x) => (x ? 0 : 1),
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  pow,
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  mod: floorMod,
  atan2: Math.atan2,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y) => x << y,
  shr: (x, y) => x >>> y,
  eq: (x, y) => (x === y ? 1 : 0),
  ne: (x, y) => (x !== y ? 1 : 0),
  lt: (x, y) => (x < y ? 1 : 0),
  le: (x, y) => (x <= y ? 1 : 0),
  select: (x, y, z) => (x ? y : z),
  cast: (x) => x,
  check: (x) => x,
} satisfies Record<Instruction, Formula>;

/** Where integers differ from "in double precision, then wrapped". */
const integerFormulas: Partial<Record<Instruction, Formula>> = {
  mul: Math.imul,
  div: (x, y) => (y === 0 ? 0 : Math.trunc(x / y)),
  mod: (x, y) => (y === 0 ? 0 : floorMod(x, y)),
  pow: integerPow,
};

/** The instruction as a function of numbers that gives a value of `dtype`. */
export function scalarFormula(op: Instruction, dtype: DType): Formula {
  if (op === "cast") return convertTo[dtype];
  const isInteger = dtype === "int32" || dtype === "uint8";
  const formula: Formula = (isInteger ? integerFormulas[op] : undefined) ?? formulas[op];
  if (dtype === "float64") return formula;
  const round = roundTo[dtype];
  return (x, y, z) => round(formula(x, y, z));
}
