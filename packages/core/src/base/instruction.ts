// The scalar instruction set that every formula is written in and every backend implements.

/** One argument. Floats unless noted. */
export const unaryInstructions = [
  "neg", // any number; int32 wraps
  "abs",
  "exp",
  "expm1",
  "log",
  "log1p",
  "sin",
  "cos",
  "tan",
  "tanh",
  "erf",
  "sqrt",
  "floor",
  "ceil",
  "trunc",
  "round", // half to even
  "not", // bool
] as const;

/** Two arguments of one dtype. */
export const binaryInstructions = [
  "add", // int32 wraps
  "sub",
  "mul",
  "div", // floats; int32 truncates toward zero, and x / 0 is 0
  "pow", // C rules
  "min", // NaN propagates
  "max", // NaN propagates
  "mod", // floored: the sign of the divisor, as Python
  "atan2",
  "and", // int32, uint8, bool
  "or",
  "xor",
  "shl", // int32, by 0–31
  "shr", // int32 as unsigned, by 0–31
] as const;

/** Two arguments of one dtype, a bool out. Comparisons with NaN are false, except `ne`. */
export const compareInstructions = ["eq", "ne", "lt", "le"] as const;

export type UnaryInstruction = (typeof unaryInstructions)[number];
export type BinaryInstruction = (typeof binaryInstructions)[number];
export type CompareInstruction = (typeof compareInstructions)[number];
/**
 * `select(bool, a, b)`; `cast(x)` to the expression's dtype (floats to int32 truncate and saturate, NaN to 0;
 * to uint8 they go by int32 and wrap; to bool: x ≠ 0); `check(x, bound)` is x, and an error unless 0 ≤ x < bound.
 */
export type Instruction = UnaryInstruction | BinaryInstruction | CompareInstruction | "select" | "cast" | "check";

/** How a fold combines: the identity of an empty fold is 0, 1, −∞, ∞ (or the smallest and largest int32). */
export type FoldOp = "add" | "mul" | "max" | "min" | "argmax" | "argmin";
