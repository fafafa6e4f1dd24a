// What vector formulas are written with.
import type { FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import type { Callable, V128, Value } from "./instructions.ts";

export interface MathContext {
  readonly f: FunctionBuilder;
  readonly module: ModuleBuilder;
  /** The same for the body of another function. */
  forFunction(f: FunctionBuilder): MathContext;
  /** A vector that may be used more than once. */
  keep(x: V128): V128;
  /** Calls a function that returns a vector, in a way that V8's revectorizer survives. */
  callVector(callee: Callable, ...args: readonly Value[]): V128;
  /** Constants in all lanes. */
  float(value: number): V128;
  double(value: number): V128;
  int(a: number, b?: number, c?: number, d?: number): V128;
  /** a·b + c and c − a·b of float32 and float64, rounded once where the engine can. */
  madd(a: V128, b: V128, c: V128): V128;
  nmadd(a: V128, b: V128, c: V128): V128;
  madd64(a: V128, b: V128, c: V128): V128;
  nmadd64(a: V128, b: V128, c: V128): V128;
  /** Between four float32 lanes and two pairs of float64. */
  promote(x: V128): [V128, V128];
  demote(low: V128, high: V128): V128;
  joinLow(low: V128, high: V128): V128;
}
