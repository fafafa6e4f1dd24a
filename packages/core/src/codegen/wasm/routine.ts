// Routines as WebAssembly: what has an algorithm of its own.
import { CotangentError } from "../../base/errors.ts";
import type { RoutineKernel } from "../../kernel/ir.ts";
import type { FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";

/** A function of the kernel's ABI: (operands, params, status, work), all i32. */
export function emitRoutine(_module: ModuleBuilder, _kernel: RoutineKernel, _features: WasmFeatures): FunctionBuilder {
  throw new CotangentError("emitRoutine: not written yet");
}

export const routineWorkspaceBytes = (_kernel: RoutineKernel): number => 0;
