// How kernels are called: (operands, params, status, work, from, to), all i32. See emit.ts.
import type { FunctionBuilder, ModuleBuilder } from "./encoder.ts";

/** An exported kernel, or one that does all its work and has no `from` and `to`: a part of another kernel. */
export type Extent = "units" | "whole";

export const kernelFunction = (module: ModuleBuilder, extent: Extent = "units"): FunctionBuilder =>
  module.function(["i32", "i32", "i32", "i32", ...(extent === "units" ? (["i32", "i32"] as const) : [])], null);
