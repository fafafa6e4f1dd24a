// Compiled kernels by key, shared by all plans of a memory.

import { CotangentError } from "../../base/errors.ts";
import { binaryInstructions, unaryInstructions } from "../../base/instruction.ts";
import { emitModule, workspaceBytes } from "../../codegen/wasm/emit.ts";
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import type { CanonicalKernel } from "../../kernel/canonical.ts";
import { type Formula, scalarFormula } from "../../kernel/scalar.ts";

/** (operands, params, status, work): addresses, as codegen/wasm/emit.ts has them. */
export type KernelFunction = (operands: number, params: number, status: number, work: number) => void;

export interface KernelCode {
  readonly run: KernelFunction;
  readonly workBytes: number;
}

/** Functions that kernels import for what WebAssembly has no instruction for, in double precision. */
const math: Record<string, Formula> = Object.fromEntries(
  [...unaryInstructions, ...binaryInstructions].map((op) => [op, scalarFormula(op, "float64")]),
);

const isKernelFunction = (value: unknown): value is KernelFunction => typeof value === "function";

export class KernelCache {
  /** Least recently used first. Plans hold the code that they run, so forgetting it here is safe. */
  private readonly codes = new Map<string, KernelCode>();
  private readonly memory: WebAssembly.Memory;
  private readonly features: WasmFeatures;
  private readonly limit: number;

  constructor(memory: WebAssembly.Memory, features: WasmFeatures, limit = 4096) {
    this.memory = memory;
    this.features = features;
    this.limit = limit;
  }

  get size(): number {
    return this.codes.size;
  }

  /** The code of each kernel; what is new is compiled as one module. */
  codesOf(kernels: readonly CanonicalKernel[]): KernelCode[] {
    const missing = new Map<string, CanonicalKernel>();
    for (const kernel of kernels) if (!this.codes.has(kernel.key)) missing.set(kernel.key, kernel);
    const fresh = missing.size > 0 ? this.compile([...missing.values()]) : new Map<string, KernelCode>();
    const codes = kernels.map(({ key }) => {
      const code = this.codes.get(key) ?? fresh.get(key);
      if (!code) throw new CotangentError("wasm: expected code for each kernel, got none");
      this.codes.delete(key);
      this.codes.set(key, code);
      return code;
    });
    for (const key of this.codes.keys()) {
      if (this.codes.size <= this.limit) break;
      this.codes.delete(key);
    }
    return codes;
  }

  private compile(kernels: readonly CanonicalKernel[]): Map<string, KernelCode> {
    const bytes = emitModule(
      kernels.map(({ kernel }) => kernel),
      this.features,
    );
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: this.memory }, math });
    return new Map(
      kernels.map(({ key, kernel }, i) => {
        const run = instance.exports[`k${i}`];
        if (!isKernelFunction(run))
          throw new CotangentError(`wasm: expected an exported function k${i}, got ${typeof run}`);
        return [key, { run, workBytes: workspaceBytes(kernel) }];
      }),
    );
  }
}
