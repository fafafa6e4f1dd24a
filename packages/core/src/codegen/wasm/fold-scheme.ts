// How folds are computed in lanes: what a running state holds, how it takes in values, how two states become one.
import type { DType } from "../../base/dtype.ts";
import type { FoldOp } from "../../base/instruction.ts";
import { foldIdentity } from "../../kernel/fold.ts";
import { f32x4, i32x4, type V128, v128 } from "./instructions.ts";
import type { LaneOperations, Lanes } from "./lanes.ts";

/** The vectors of a state: those of the value first (two for float64), then others of 32-bit lanes. */
export type FoldState = readonly V128[];

export interface FoldScheme {
  readonly dtype: DType;
  initial(): FoldState;
  /** The state with one more value, at `position` for folds that ask for it. */
  absorb(state: FoldState, value: Lanes, position: V128 | null): FoldState;
  merge(a: FoldState, b: FoldState): FoldState;
  result(state: FoldState): Lanes;
}

/** The scheme of a fold over values of `dtype`. */
export function foldScheme(c: LaneOperations, op: FoldOp, dtype: DType): FoldScheme {
  if (op === "argmax" || op === "argmin") return positionScheme(c, op, dtype);
  if (dtype === "float32" && (op === "max" || op === "min")) return extremumScheme(c, op);
  return plainScheme(c, op, dtype);
}

/** The fold's instruction itself. */
function plainScheme(c: LaneOperations, op: "add" | "mul" | "max" | "min", dtype: DType): FoldScheme {
  const combine = (a: FoldState, b: FoldState): FoldState =>
    c.apply(op, dtype, [
      { dtype, parts: a },
      { dtype, parts: b },
    ]).parts;
  return {
    dtype,
    initial: () => c.literal(dtype, foldIdentity(op, dtype)).parts,
    absorb: (state, value) => combine(state, value.parts),
    merge: combine,
    result: (parts) => ({ dtype, parts }),
  };
}

/**
 * Largest or smallest float32. The engine's own instruction for that takes some eight of the machine's, so the state
 * is the extremum without regard to NaN and to the sign of zeros, whether there was a NaN, and the signs that a zero
 * must have: − for max if all were −, for min if one was.
 */
function extremumScheme(c: LaneOperations, op: "max" | "min"): FoldScheme {
  const pick = op === "max" ? f32x4.pmax : f32x4.pmin;
  const signs = op === "max" ? v128.and : v128.or;
  const part = (state: FoldState, i: number): V128 => state[i] ?? c.int(0);
  return {
    dtype: "float32",
    initial: () => [c.float(foldIdentity(op, "float32")), c.int(0), c.int(op === "max" ? -1 : 0)],
    absorb: (state, value) => {
      const x = c.keep(value.parts[0] ?? c.int(0));
      return [pick(part(state, 0), x), v128.or(part(state, 1), f32x4.ne(x, x)), signs(part(state, 2), x)];
    },
    merge: (a, b) => [pick(part(a, 0), part(b, 0)), v128.or(part(a, 1), part(b, 1)), signs(part(a, 2), part(b, 2))],
    result: (state) => {
      const extremum = c.keep(part(state, 0));
      const zero = v128.and(part(state, 2), c.int(-0x80000000));
      const signed = v128.bitselect(zero, extremum, f32x4.eq(extremum, c.float(0)));
      return { dtype: "float32", parts: [v128.or(signed, part(state, 1))] };
    },
  };
}

/** The first position that no other beats; the first NaN beats all. */
function positionScheme(c: LaneOperations, op: "argmax" | "argmin", dtype: DType): FoldScheme {
  const identity = c.literal(dtype, foldIdentity(op === "argmax" ? "max" : "min", dtype));
  const count = identity.parts.length;
  const isFloat = dtype === "float32" || dtype === "float64";
  const compare = (name: "lt" | "le" | "eq" | "ne", a: Lanes, b: Lanes): V128 =>
    c.apply(name, "bool", [a, b]).parts[0] ?? c.int(0);
  const pick = (state: FoldState, value: Lanes, position: V128): FoldState => {
    const best: Lanes = { dtype, parts: state.slice(0, count) };
    const bestPosition = state[count] ?? c.int(0);
    const candidate = c.keepLanes(value);
    const at = c.keep(position);
    const better = op === "argmax" ? compare("lt", best, candidate) : compare("lt", candidate, best);
    const isFirst = c.keep(i32x4.lt(at, bestPosition));
    let wins = v128.or(better, v128.and(compare("eq", best, candidate), isFirst));
    if (isFloat) {
      const isUnordered = compare("ne", candidate, candidate);
      const wasUnordered = compare("ne", best, best);
      wins = v128.or(wins, v128.and(isUnordered, v128.or(v128.not(wasUnordered), isFirst)));
    }
    const won = c.keep(wins);
    return [...c.select(won, candidate, best).parts, v128.bitselect(at, bestPosition, won)];
  };
  /** A state takes values in the order of their positions, so that equal ones come too late, as do all after a NaN. */
  const absorb = (state: FoldState, value: Lanes, position: V128): FoldState => {
    const best: Lanes = { dtype, parts: state.slice(0, count) };
    const candidate = c.keepLanes(value);
    const [low, high] = op === "argmax" ? [candidate, best] : [best, candidate];
    const won = c.keep(
      isFloat ? v128.andnot(compare("eq", best, best), compare("le", low, high)) : compare("lt", high, low),
    );
    return [...c.select(won, candidate, best).parts, v128.bitselect(position, state[count] ?? position, won)];
  };
  return {
    dtype,
    initial: () => [...identity.parts, c.int(0)],
    absorb: (state, value, position) => absorb(state, value, position ?? c.int(0)),
    merge: (a, b) => pick(a, { dtype, parts: b.slice(0, count) }, b[count] ?? c.int(0)),
    result: (state) => ({ dtype: "int32", parts: state.slice(count) }),
  };
}
