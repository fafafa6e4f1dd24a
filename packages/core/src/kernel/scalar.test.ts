import { describe, expect, test } from "vitest";
import type { DType } from "../base/dtype.ts";
import { binaryInstructions, compareInstructions, type Instruction, unaryInstructions } from "../base/instruction.ts";
import { convertTo, scalarFormula } from "./scalar.ts";

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;
const run = (op: Instruction, dtype: DType, ...args: number[]): number =>
  scalarFormula(op, dtype)(args[0] ?? 0, args[1] ?? 0, args[2] ?? 0);

/** [arguments, result] in float64, told apart as Object.is does. */
const floats: Partial<Record<Instruction, readonly (readonly [readonly number[], number])[]>> = {
  neg: [
    [[2], -2],
    [[0], -0],
    [[-inf], inf],
    [[nan], nan],
  ],
  abs: [
    [[-2], 2],
    [[-0], 0],
    [[-inf], inf],
    [[nan], nan],
  ],
  exp: [
    [[0], 1],
    [[-inf], 0],
    [[inf], inf],
    [[710], inf],
    [[nan], nan],
  ],
  expm1: [
    [[0], 0],
    [[-0], -0],
    [[1e-20], 1e-20],
    [[-inf], -1],
    [[inf], inf],
    [[nan], nan],
  ],
  log: [
    [[1], 0],
    [[0], -inf],
    [[-1], nan],
    [[inf], inf],
    [[nan], nan],
  ],
  log1p: [
    [[-0], -0],
    [[1e-20], 1e-20],
    [[-1], -inf],
    [[-2], nan],
    [[inf], inf],
    [[nan], nan],
  ],
  sin: [
    [[0], 0],
    [[-0], -0],
    [[inf], nan],
    [[nan], nan],
  ],
  cos: [
    [[0], 1],
    [[inf], nan],
    [[nan], nan],
  ],
  tan: [
    [[-0], -0],
    [[inf], nan],
    [[nan], nan],
  ],
  tanh: [
    [[-0], -0],
    [[inf], 1],
    [[-inf], -1],
    [[nan], nan],
  ],
  erf: [
    [[-0], -0],
    [[inf], 1],
    [[-inf], -1],
    [[nan], nan],
  ],
  sqrt: [
    [[4], 2],
    [[-0], -0],
    [[-1], nan],
    [[inf], inf],
    [[nan], nan],
  ],
  floor: [
    [[1.5], 1],
    [[-1.5], -2],
    [[-0], -0],
    [[-inf], -inf],
    [[nan], nan],
  ],
  ceil: [
    [[1.5], 2],
    [[-0.5], -0],
    [[inf], inf],
    [[nan], nan],
  ],
  trunc: [
    [[1.5], 1],
    [[-1.5], -1],
    [[-0.5], -0],
    [[inf], inf],
    [[nan], nan],
  ],
  round: [
    [[0.5], 0],
    [[1.5], 2],
    [[2.5], 2],
    [[3.5], 4],
    [[-0.5], -0],
    [[-1.5], -2],
    [[-2.5], -2],
    [[2.4], 2],
    [[2.6], 3],
    [[-2.4], -2],
    [[-2.6], -3],
    [[-0.2], -0],
    [[0.49999999999999994], 0],
    [[2251799813685249.5], 2251799813685250],
    [[-0], -0],
    [[inf], inf],
    [[-inf], -inf],
    [[nan], nan],
  ],
  add: [
    [[1, 2], 3],
    [[inf, -inf], nan],
    [[-0, -0], -0],
  ],
  sub: [
    [[1, 2], -1],
    [[inf, inf], nan],
  ],
  mul: [
    [[3, -2], -6],
    [[0, inf], nan],
    [[-1, 0], -0],
  ],
  div: [
    [[1, 0], inf],
    [[1, -0], -inf],
    [[0, 0], nan],
    [[7, 2], 3.5],
  ],
  pow: [
    [[2, 10], 1024],
    [[2, -1], 0.5],
    [[-2, 3], -8],
    [[-2, 0.5], nan],
    [[nan, 0], 1],
    [[1, nan], 1],
    [[1, inf], 1],
    [[-1, inf], 1],
    [[-1, -inf], 1],
    [[0, -1], inf],
    [[-0, -1], -inf],
    [[0, 0], 1],
    [[0.5, inf], 0],
    [[2, -inf], 0],
    [[nan, 1], nan],
    [[2, nan], nan],
  ],
  min: [
    [[1, 2], 1],
    [[-inf, 1], -inf],
    [[nan, 1], nan],
    [[1, nan], nan],
    [[0, -0], -0],
  ],
  max: [
    [[1, 2], 2],
    [[inf, 1], inf],
    [[nan, 1], nan],
    [[1, nan], nan],
    [[0, -0], 0],
  ],
  mod: [
    [[7, 3], 1],
    [[-7, 3], 2],
    [[7, -3], -2],
    [[-7, -3], -1],
    [[5.5, 2], 1.5],
    [[6, -3], -0],
    [[-6, 3], 0],
    [[5, inf], 5],
    [[-5, inf], inf],
    [[5, 0], nan],
    [[inf, 2], nan],
    [[nan, 2], nan],
  ],
  atan2: [
    [[0, 1], 0],
    [[0, -1], Math.PI],
    [[-0, -1], -Math.PI],
    [[1, 0], Math.PI / 2],
    [[inf, inf], Math.PI / 4],
    [[nan, 1], nan],
  ],
  eq: [
    [[1, 1], 1],
    [[0, -0], 1],
    [[nan, nan], 0],
    [[inf, inf], 1],
  ],
  ne: [
    [[1, 1], 0],
    [[0, -0], 0],
    [[nan, nan], 1],
    [[nan, 1], 1],
  ],
  lt: [
    [[1, 2], 1],
    [[2, 2], 0],
    [[-inf, inf], 1],
    [[nan, 1], 0],
    [[1, nan], 0],
  ],
  le: [
    [[2, 2], 1],
    [[3, 2], 0],
    [[nan, 1], 0],
    [[nan, nan], 0],
    [[-0, 0], 1],
  ],
  select: [
    [[1, 3, 4], 3],
    [[0, 3, 4], 4],
    [[0, nan, 4], 4],
    [[1, -0, 4], -0],
  ],
  check: [
    [[3, 5], 3],
    [[7, 5], 7],
  ],
  cast: [
    [[1.5], 1.5],
    [[nan], nan],
    [[-0], -0],
  ],
};

const integers: Partial<Record<Instruction, readonly (readonly [readonly number[], number])[]>> = {
  neg: [
    [[2], -2],
    [[-2147483648], -2147483648],
  ],
  abs: [
    [[-2], 2],
    [[-2147483648], -2147483648],
  ],
  add: [[[2147483647, 1], -2147483648]],
  sub: [[[-2147483648, 1], 2147483647]],
  mul: [
    [[65536, 65536], 0],
    [[123456789, 987654321], -67153019],
    [[-3, 5], -15],
  ],
  div: [
    [[7, 2], 3],
    [[-7, 2], -3],
    [[7, 0], 0],
    [[-2147483648, -1], -2147483648],
  ],
  mod: [
    [[7, 3], 1],
    [[-7, 3], 2],
    [[7, -3], -2],
    [[-6, 3], 0],
    [[7, 0], 0],
    [[-2147483648, -1], 0],
  ],
  pow: [
    [[3, 4], 81],
    [[-3, 3], -27],
    [[0, 0], 1],
    [[3, 21], 1870418611],
    [[2, -1], 0],
    [[1, -5], 1],
    [[-1, -5], -1],
    [[-1, -4], 1],
  ],
  min: [[[-1, 1], -1]],
  max: [[[-1, 1], 1]],
  and: [
    [[12, 10], 8],
    [[-1, 7], 7],
  ],
  or: [[[12, 10], 14]],
  xor: [
    [[12, 10], 6],
    [[-1, 0], -1],
  ],
  shl: [
    [[1, 4], 16],
    [[1, 31], -2147483648],
  ],
  shr: [
    [[-1, 28], 15],
    [[-1, 0], -1],
    [[16, 2], 4],
  ],
  lt: [[[-1, 1], 1]],
  select: [[[1, 5, 6], 5]],
};

const bools: Partial<Record<Instruction, readonly (readonly [readonly number[], number])[]>> = {
  not: [
    [[0], 1],
    [[1], 0],
  ],
  and: [
    [[1, 1], 1],
    [[1, 0], 0],
  ],
  or: [
    [[1, 0], 1],
    [[0, 0], 0],
  ],
  xor: [
    [[1, 1], 0],
    [[1, 0], 1],
  ],
};

describe.each([
  ["float64", floats],
  ["int32", integers],
  ["bool", bools],
] as const)("in %s", (dtype, table) => {
  test.each(Object.entries(table))("%s", (op, rows) => {
    for (const [args, result] of rows) expect(run(op as Instruction, dtype, ...args), `${op}(${args})`).toBe(result);
  });
});

test("every instruction has samples", () => {
  const sampled = new Set([...Object.keys(floats), ...Object.keys(integers), ...Object.keys(bools)]);
  for (const op of [...unaryInstructions, ...binaryInstructions, ...compareInstructions, "select", "cast", "check"])
    expect(sampled).toContain(op);
});

test("float32 rounds after each instruction", () => {
  expect(run("add", "float32", 16777216, 1)).toBe(16777216);
  expect(run("exp", "float32", 1)).toBe(Math.fround(Math.E));
  expect(run("mul", "float32", 1e30, 1e30)).toBe(inf);
});

test("uint8 wraps", () => {
  expect(run("add", "uint8", 250, 10)).toBe(4);
  expect(run("sub", "uint8", 3, 5)).toBe(254);
  expect(run("mul", "uint8", 16, 17)).toBe(16);
});

test("casts saturate, truncate and wrap", () => {
  const rows: [DType, number, number][] = [
    ["int32", 1.9, 1],
    ["int32", -1.9, -1],
    ["int32", 3e9, 2147483647],
    ["int32", -3e9, -2147483648],
    ["int32", nan, 0],
    ["int32", inf, 2147483647],
    ["uint8", 257, 1],
    ["uint8", -1, 255],
    ["uint8", 1e20, 255],
    ["uint8", nan, 0],
    ["bool", 0, 0],
    ["bool", -0, 0],
    ["bool", 0.1, 1],
    ["bool", nan, 1],
    ["float32", 0.1, Math.fround(0.1)],
  ];
  for (const [dtype, x, y] of rows) {
    expect(convertTo[dtype](x), `${x} to ${dtype}`).toBe(y === 0 ? 0 : y);
    expect(run("cast", dtype, x)).toBe(convertTo[dtype](x));
  }
});
