// Which vector formula computes an instruction, and where it stands: written into the loop, or called.
import { CotangentError } from "../../base/errors.ts";
import type { Instruction } from "../../base/instruction.ts";
import { call, type ModuleBuilder } from "./encoder.ts";
import { type F64, f64x2, type V128 } from "./instructions.ts";
import type { MathContext } from "./math-context.ts";
import { atan2, mod, pow, tan } from "./math-double.ts";
import { floorMod } from "./math-scalar.ts";
import { cos, erf, exp, expm1, log, log1p, sin, tanh } from "./math-single.ts";

const unaryFormulas: { readonly [op: string]: (c: MathContext, x: V128) => V128 } = {
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  tanh,
  erf,
};
const binaryFormulas: { readonly [op: string]: (c: MathContext, x: V128, y: V128) => V128 } = { pow, atan2, mod };

/** Short enough to stand in the loop itself, where their constants stay in registers. */
const inlined: ReadonlySet<string> = new Set(["exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf"]);

/** A function of float32 lanes. */
export function vectorMath(c: MathContext, op: Instruction, x: V128, y: V128): V128 {
  const unary = unaryFormulas[op];
  const binary = binaryFormulas[op];
  if (unary && inlined.has(op)) return unary(c, x);
  if (unary) {
    const callee = c.module.helper(`${op} of float32`, () => {
      const f = c.module.function(["v128"], "v128");
      f.value(unary(c.forFunction(f), f.param("v128", 0)));
      return f;
    });
    return c.callVector(callee, x);
  }
  if (!binary) throw new CotangentError(`${op}: expected an instruction on floats`);
  const callee = c.module.helper(`${op} of float32`, () => {
    const f = c.module.function(["v128", "v128"], "v128");
    f.value(binary(c.forFunction(f), f.param("v128", 0), f.param("v128", 1)));
    return f;
  });
  return c.callVector(callee, x, y);
}

/** A function of one or two doubles, computed by JavaScript or by a loop of our own. */
export function scalarMath(module: ModuleBuilder, op: Instruction): (x: F64, y: F64) => F64 {
  if (op === "mod") return (x, y) => call(floorMod(module), "f64", x, y);
  if (op in unaryFormulas) return (x) => call(module.importFunction("math", op, ["f64"], "f64"), "f64", x);
  if (op in binaryFormulas)
    return (x, y) => call(module.importFunction("math", op, ["f64", "f64"], "f64"), "f64", x, y);
  throw new CotangentError(`${op}: expected an instruction on floats`);
}

/** A function of float64 lanes, one lane after the other. */
export function float64Math(
  c: MathContext,
  op: Instruction,
  x: readonly [V128, V128],
  y: readonly [V128, V128],
): V128[] {
  const scalar = scalarMath(c.module, op);
  return x.map((part, i) => {
    const a = c.keep(part);
    const b = c.keep(y[i] ?? part);
    const lane = (n: number): F64 => scalar(f64x2.extractLane(a, n), f64x2.extractLane(b, n));
    return c.keep(f64x2.replaceLane(f64x2.splat(lane(0)), 1, lane(1)));
  });
}
