// Routines that JavaScript runs on views of the linear memory, called as if they were kernels.
import { viewArray } from "../../base/dtype.ts";
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import type { Operand, RoutineKernel } from "../../kernel/ir.ts";
import { offerProduct } from "../../kernel/linalg/blocks.ts";
import { routines } from "../../kernel/routines.ts";
import { doubleProduct } from "./double-product.ts";
import type { KernelFunction } from "./kernel-cache.ts";

let hasOffered = false;

/** `kernel` is canonical: its operands' addresses lie one after another, its check is number 0. */
export function hostRoutine(kernel: RoutineKernel, memory: WebAssembly.Memory, features: WasmFeatures): KernelFunction {
  if (!hasOffered) offerProduct(doubleProduct(features));
  hasOffered = true;
  const routine = routines[kernel.name];
  const { inputs, output, numbers, check } = kernel;
  return (operands, _params, status) => {
    // The buffer is another one after the memory has grown.
    const { buffer } = memory;
    const int32 = new Int32Array(buffer);
    const view = ({ slot, dtype, size }: Operand) => viewArray(dtype, buffer, int32[operands / 4 + slot] ?? 0, size);
    const wrong = routine?.(inputs.map(view), view(output), numbers) ?? null;
    if (wrong === null || check < 0) return;
    int32[status / 4] = check + 1;
    int32[status / 4 + 1] = wrong;
  };
}
