// How kernels are called: (operands, params, status, work, from, to), all i32. See emit.ts.
import type { FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import { type I32, i32 } from "./instructions.ts";

/**
 * Set in `from` where a thread goes on with a run of which it has done units before, in the same workspace: what it
 * packed for all units is still there. Only kernels that `keepsPanels` (emit.ts) says so know it.
 */
export const goesOn: number = 1 << 31;

/** An exported kernel, or one that does all its work, a part of another kernel: it has an extent in place of `from` and `to`. */
export type Extent = "units" | "whole";

export const kernelFunction = (module: ModuleBuilder, extent: Extent = "units"): FunctionBuilder =>
  module.function(["i32", "i32", "i32", "i32", "i32", ...(extent === "units" ? (["i32"] as const) : [])], null);

/** Stands for an extent in kernels whose code is told the size when it runs. No real one is beyond int32. */
export const anySize: number = 2 ** 40;

/** The sizes that an exported kernel is told lie before its operands' addresses, the first one last. */
export const toldSize = (f: FunctionBuilder, index: number): I32 =>
  i32.load(i32.sub(f.param("i32", 0), i32.const(4 * (index + 1))));
