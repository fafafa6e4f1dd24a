// Kernels to a WebAssembly module: one exported function k0, k1, … for each.
import type { CanonicalKernel } from "../../kernel/canonical.ts";
import type { Kernel } from "../../kernel/ir.ts";
import { contractWorkspaceBytes, emitContract, sizedContract } from "./contract.ts";
import { contractKeepsPanels, contractUnits } from "./contract-units.ts";
import { type FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { loopsWorkspaceBytes } from "./loop-layout.ts";
import { emitLoops } from "./loops.ts";
import { emitRoutine, routineUnits, routineWorkspaceBytes, sizedRoutine } from "./routine.ts";
import { loopUnits, type Sized, sizedLoops } from "./told-sizes.ts";

export { goesOn } from "./abi.ts";
export type { WasmFeatures } from "./features.ts";
export type { Sized } from "./told-sizes.ts";
export { minClaimNs, minSharedNs, workNs } from "./work.ts";

/**
 * A module that imports `env.memory` (and scalar functions `math.*` where float64 needs them) and exports k0, k1, …:
 * (operands, params, status, work, from, to) → (), addresses of: the operands' addresses, the float64 params, the status
 * cell of failed checks, and `workspaceBytes` of memory; then which units of work to do, from ≤ unit < to. Kernels are
 * canonical: slots, params and checks count from 0. What `sizedKernel` tells the code lies before the operands' addresses, the
 * first number last.
 */
export function emitModule(kernels: readonly Kernel[], features: WasmFeatures): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory({
    module: "env",
    name: "memory",
    minimumPages: 0,
    ...(features.sharedMemory ? { maximumPages: 65536, shared: true } : {}),
  });
  kernels.forEach((kernel, i) => {
    module.export(`k${i}`, emitKernel(module, kernel, features));
  });
  return module.finish();
}

function emitKernel(module: ModuleBuilder, kernel: Kernel, features: WasmFeatures): FunctionBuilder {
  switch (kernel.form) {
    case "contract":
      return emitContract(module, kernel, features);
    case "routine":
      return emitRoutine(module, kernel, features);
    default:
      return emitLoops(module, kernel, features);
  }
}

/** What to write code for in place of a kernel, and the sizes that its code is told: equal keys share their code. */
export function sizedKernel({ kernel, key }: Pick<CanonicalKernel, "kernel" | "key">, features: WasmFeatures): Sized {
  switch (kernel.form) {
    case "contract":
      return sizedContract(kernel, key, features);
    case "routine":
      return sizedRoutine(kernel, key);
    default:
      return sizedLoops(kernel, key, features);
  }
}

/** Bytes of memory that the kernel needs at `work`. */
export function workspaceBytes({ kernel }: Sized, features: WasmFeatures): number {
  switch (kernel.form) {
    case "contract":
      return contractWorkspaceBytes(kernel, features);
    case "routine":
      return routineWorkspaceBytes(kernel);
    default:
      return loopsWorkspaceBytes(kernel);
  }
}

/**
 * Into how many units the kernel's work is cut. It depends on sizes and features alone, and units know nothing of each
 * other: whoever runs them, in whatever order, the results have the same bits.
 */
export function unitsOf({ kernel, sizes }: Sized, features: WasmFeatures): number {
  switch (kernel.form) {
    case "contract":
      return contractUnits(kernel, features);
    case "routine":
      return routineUnits(kernel, sizes[0]);
    default:
      return loopUnits(kernel, features, sizes[0]);
  }
}

/** Whether calls for later units, with `goesOn` in `from`, use what the first one of the same thread has packed. */
export const keepsPanels = (kernel: Kernel, features: WasmFeatures): boolean =>
  kernel.form === "contract" && contractKeepsPanels(kernel, features);
