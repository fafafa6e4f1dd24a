// The algebra of plain numbers: runs the formulas of records on single values, as the reference device would.
import type { DType } from "../base/dtype.ts";
import { IndexError } from "../base/errors.ts";
import type { Instruction } from "../base/instruction.ts";
import type { Algebra } from "../graph/algebra.ts";
import { scalarFormula } from "../kernel/scalar.ts";

export interface Scalar {
  readonly value: number;
  readonly dtype: DType;
}

const apply = (op: Instruction, dtype: DType, x: Scalar, y: Scalar = x, z: Scalar = x): Scalar => ({
  value: scalarFormula(op, dtype)(x.value, y.value, z.value),
  dtype,
});
const unary =
  (op: Instruction) =>
  (x: Scalar): Scalar =>
    apply(op, x.dtype, x);
const binary =
  (op: Instruction) =>
  (x: Scalar, y: Scalar): Scalar =>
    apply(op, x.dtype, x, y);
const compare =
  (op: Instruction) =>
  (x: Scalar, y: Scalar): Scalar => ({ value: scalarFormula(op, x.dtype)(x.value, y.value, 0), dtype: "bool" });

export const scalarAlgebra: Algebra<Scalar> = {
  num: (value, like) => ({ value: scalarFormula("cast", like.dtype)(value, 0, 0), dtype: like.dtype }),
  dtypeOf: (x) => x.dtype,
  neg: unary("neg"),
  abs: unary("abs"),
  exp: unary("exp"),
  expm1: unary("expm1"),
  log: unary("log"),
  log1p: unary("log1p"),
  sin: unary("sin"),
  cos: unary("cos"),
  tan: unary("tan"),
  tanh: unary("tanh"),
  erf: unary("erf"),
  sqrt: unary("sqrt"),
  floor: unary("floor"),
  ceil: unary("ceil"),
  trunc: unary("trunc"),
  round: unary("round"),
  not: unary("not"),
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  pow: binary("pow"),
  min: binary("min"),
  max: binary("max"),
  mod: binary("mod"),
  atan2: binary("atan2"),
  and: binary("and"),
  or: binary("or"),
  xor: binary("xor"),
  shl: binary("shl"),
  shr: binary("shr"),
  eq: compare("eq"),
  ne: compare("ne"),
  lt: compare("lt"),
  le: compare("le"),
  select: (condition, x, y) => apply("select", x.dtype, condition, x, y),
  cast: (x, dtype) => apply("cast", dtype, x),
  check(x, bound, what) {
    if (!(x.value >= 0 && x.value < bound))
      throw new IndexError(`${what}: index ${x.value} is out of range for size ${bound}`);
    return x;
  },
};
