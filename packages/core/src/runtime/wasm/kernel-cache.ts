// Compiled kernels by key, shared by all plans of a memory.

import { CotangentError } from "../../base/errors.ts";
import { binaryInstructions, unaryInstructions } from "../../base/instruction.ts";
import { emitModule, minClaimNs, minSharedNs, unitsOf, workNs, workspaceBytes } from "../../codegen/wasm/emit.ts";
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import type { CanonicalKernel } from "../../kernel/canonical.ts";
import type { Kernel } from "../../kernel/ir.ts";
import { runsOnHost } from "../../kernel/routines.ts";
import { type Formula, scalarFormula } from "../../kernel/scalar.ts";
import { hostRoutine } from "./host-routine.ts";
import type { SharedKernel, ThreadPool } from "./threads.ts";

/** (operands, params, status, work): addresses, and units from … to − 1, as codegen/wasm/emit.ts has them. */
export type KernelFunction = SharedKernel["run"];

export interface KernelCode {
  readonly run: KernelFunction;
  /** What one thread needs. */
  readonly workBytes: number;
  readonly units: number;
  /** How threads run it together; null where one runs it alone. */
  readonly shared: SharedKernel | null;
  /** Lives as long as any code of its module: workers forget what is gone. */
  readonly home: object;
}

/** Functions that kernels import for what WebAssembly has no instruction for, in double precision. */
const math: Record<string, Formula> = Object.fromEntries(
  [...unaryInstructions, ...binaryInstructions].map((op) => [op, scalarFormula(op, "float64")]),
);

type Coded = Pick<CanonicalKernel, "key" | "kernel">;

const isKernelFunction = (value: unknown): value is KernelFunction => typeof value === "function";

export class KernelCache {
  /** Least recently used first. Plans hold the code that they run, so forgetting it here is safe. */
  private readonly codes = new Map<string, KernelCode>();
  private readonly memory: WebAssembly.Memory;
  private readonly features: WasmFeatures;
  private readonly limit: number;
  private readonly pool: ThreadPool | null;

  /** `pool`: who shares large kernels; the memory is a shared one then. */
  constructor(memory: WebAssembly.Memory, features: WasmFeatures, pool: ThreadPool | null = null, limit = 4096) {
    this.memory = memory;
    this.features = { ...features, sharedMemory: pool !== null };
    this.pool = pool;
    this.limit = limit;
  }

  get size(): number {
    return this.codes.size;
  }

  /** The code of each kernel; what is new is compiled as one module. */
  codesOf(kernels: readonly CanonicalKernel[]): KernelCode[] {
    const missing = new Map<string, Coded>();
    const fresh = new Map<string, KernelCode>();
    for (const { key, kernel } of kernels) {
      if (this.codes.has(key)) continue;
      if (runsOnHost(kernel)) fresh.set(key, this.hosted(hostRoutine(kernel, this.memory, this.features)));
      else missing.set(key, { key, kernel });
    }
    if (missing.size > 0) for (const [key, code] of this.compile([...missing.values()])) fresh.set(key, code);
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

  /** What JavaScript runs is not shared. */
  private hosted(run: KernelFunction): KernelCode {
    return { run, workBytes: 0, units: 1, shared: null, home: run };
  }

  private compile(kernels: readonly Coded[]): Map<string, KernelCode> {
    const bytes = emitModule(
      kernels.map(({ kernel }) => kernel),
      this.features,
    );
    const module = new WebAssembly.Module(bytes);
    // Workers have the functions of Math. A kernel that calls others must not keep its neighbours from being shared.
    const isPortable = WebAssembly.Module.imports(module).every(
      ({ kind, name }) => kind !== "function" || math[name] === Object.getOwnPropertyDescriptor(Math, name)?.value,
    );
    if (!isPortable && kernels.length > 1) return new Map(kernels.flatMap((kernel) => [...this.compile([kernel])]));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.memory }, math });
    const home = {};
    const share = isPortable ? this.sharer(home, module, kernels.length) : () => null;
    return new Map(
      kernels.map(({ key, kernel }, i) => {
        const run = exports[`k${i}`];
        if (!isKernelFunction(run))
          throw new CotangentError(`wasm: expected an exported function k${i}, got ${typeof run}`);
        const units = unitsOf(kernel, this.features);
        const workBytes = workspaceBytes(kernel);
        return [key, { run, units, workBytes, home, shared: share(kernel, i, { run, units, workBytes }) }];
      }),
    );
  }

  /** Makes kernels of a module known to the pool, once there is one that is worth sharing. */
  private sharer(
    home: object,
    module: WebAssembly.Module,
    count: number,
  ): (kernel: Kernel, i: number, code: Pick<KernelCode, "run" | "units" | "workBytes">) => SharedKernel | null {
    let first = -1;
    return (kernel, i, { run, units, workBytes }) => {
      const ns = workNs(kernel);
      if (!this.pool || units < 2 || ns < (this.features.minSharedNs ?? minSharedNs)) return null;
      if (first < 0) first = this.pool.add(home, module, this.memory, count);
      const leastUnits = Math.min(Math.ceil(units / 2), Math.ceil((units * minClaimNs) / ns));
      return {
        run,
        id: first + i,
        units,
        leastUnits,
        workStep: 64 * Math.ceil(workBytes / 64),
        workNs: ns,
        unitMs: Number.POSITIVE_INFINITY,
      };
    };
  }
}
