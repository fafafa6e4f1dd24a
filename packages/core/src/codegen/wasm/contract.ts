// Contractions as WebAssembly.
import { CotangentError } from "../../base/errors.ts";
import type { ContractKernel } from "../../kernel/ir.ts";
import type { FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";

/** A function of the kernel's ABI: (operands, params, status, work), all i32. */
export function emitContract(_module: ModuleBuilder, _kernel: ContractKernel, _features: WasmFeatures): FunctionBuilder {
  throw new CotangentError("emitContract: not written yet");
}

export const contractWorkspaceBytes = (_kernel: ContractKernel): number => 0;
