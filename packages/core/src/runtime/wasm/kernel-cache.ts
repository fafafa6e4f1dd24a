// Compiled kernels by key, shared by all plans of a memory.

import { CotangentError } from "../../base/errors.ts";
import { binaryInstructions, unaryInstructions } from "../../base/instruction.ts";
import {
  emitModule,
  goesOn,
  keepsPanels,
  minClaimNs,
  minSharedNs,
  type Sized,
  sizedKernel,
  unitsOf,
  workNs,
  workspaceBytes,
} from "../../codegen/wasm/emit.ts";
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
  /** What the function is told, before the operands' addresses. */
  readonly sizes: readonly number[];
  /** What one thread needs. */
  readonly workBytes: number;
  readonly units: number;
  /** How threads run it together; null where one runs it alone. */
  readonly shared: SharedKernel | null;
  /** Lives as long as any code that runs it. */
  readonly program: Program;
}

/** A compiled function: kernels that differ in sizes may share it. */
interface Program {
  readonly run: KernelFunction;
  /** Its number in its module. */
  readonly index: number;
  readonly home: Home;
}

/** A module. Workers get to know it with the first of its functions that is worth sharing, and forget it when it is gone. */
interface Home {
  readonly module: WebAssembly.Module | null;
  readonly count: number;
  /** The number by which workers know its first function, or -1. */
  first: number;
}

/** Functions that kernels import for what WebAssembly has no instruction for, in double precision. */
const math: Record<string, Formula> = Object.fromEntries(
  [...unaryInstructions, ...binaryInstructions].map((op) => [op, scalarFormula(op, "float64")]),
);

const isKernelFunction = (value: unknown): value is KernelFunction => typeof value === "function";

export class KernelCache {
  /** By kernel, sizes and all; least recently used first. Plans hold the code that they run, so forgetting it here is safe. */
  private readonly codes = new Map<string, KernelCode>();
  /** By the kernel that they were written for, as long as any code runs them. */
  private readonly programs = new Map<string, WeakRef<Program>>();
  private readonly gone: FinalizationRegistry<string>;
  private readonly memory: WebAssembly.Memory;
  private readonly features: WasmFeatures;
  private readonly limit: number;
  private readonly pool: ThreadPool | null;
  /** How many kernels were compiled. */
  compiled = 0;

  /** `pool`: who shares large kernels; the memory is a shared one then. */
  constructor(memory: WebAssembly.Memory, features: WasmFeatures, pool: ThreadPool | null = null, limit = 1024) {
    this.memory = memory;
    this.features = { ...features, sharedMemory: pool !== null };
    this.pool = pool;
    this.limit = limit;
    this.gone = new FinalizationRegistry((key) => {
      if (!this.programs.get(key)?.deref()) this.programs.delete(key);
    });
  }

  get size(): number {
    return this.codes.size;
  }

  /** The code of each kernel; what is new is compiled as one module. */
  codesOf(kernels: readonly CanonicalKernel[]): KernelCode[] {
    const fresh = new Map<string, Sized>();
    const missing = new Map<string, Kernel>();
    const programs = new Map<string, Program>();
    for (const { key, kernel } of kernels) {
      if (this.codes.has(key) || fresh.has(key)) continue;
      const sized = sizedKernel({ kernel, key }, this.features);
      fresh.set(key, sized);
      const known = this.programs.get(sized.key)?.deref();
      if (known) programs.set(sized.key, known);
      else if (runsOnHost(kernel)) programs.set(key, this.hosted(hostRoutine(kernel, this.memory, this.features)));
      else missing.set(sized.key, sized.kernel);
    }
    if (missing.size > 0) for (const [key, program] of this.compile([...missing])) programs.set(key, program);
    const codes = kernels.map(({ key, kernel }) => {
      const made = fresh.get(key);
      const program = made && programs.get(made.key);
      const code = this.codes.get(key) ?? (program && this.codeOf(kernel, made, program));
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
  private hosted(run: KernelFunction): Program {
    return { run, index: 0, home: { module: null, count: 1, first: -1 } };
  }

  private compile(kernels: readonly (readonly [key: string, kernel: Kernel])[]): Map<string, Program> {
    const bytes = emitModule(
      kernels.map(([, kernel]) => kernel),
      this.features,
    );
    const module = new WebAssembly.Module(bytes);
    // Workers have the functions of Math. A kernel that calls others must not keep its neighbours from being shared.
    const isPortable = WebAssembly.Module.imports(module).every(
      ({ kind, name }) => kind !== "function" || math[name] === Object.getOwnPropertyDescriptor(Math, name)?.value,
    );
    if (!isPortable && kernels.length > 1) return new Map(kernels.flatMap((kernel) => [...this.compile([kernel])]));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.memory }, math });
    const home: Home = { module: isPortable ? module : null, count: kernels.length, first: -1 };
    this.compiled += kernels.length;
    return new Map(
      kernels.map(([key], index) => {
        const run = exports[`k${index}`];
        if (!isKernelFunction(run))
          throw new CotangentError(`wasm: expected an exported function k${index}, got ${typeof run}`);
        const program: Program = { run, index, home };
        this.programs.set(key, new WeakRef(program));
        this.gone.register(program, key);
        return [key, program];
      }),
    );
  }

  private codeOf(kernel: Kernel, sized: Sized, program: Program): KernelCode {
    const { run } = program;
    if (runsOnHost(kernel)) return { run, sizes: [], workBytes: 0, units: 1, shared: null, program };
    const units = unitsOf(sized, this.features);
    const workBytes = workspaceBytes(sized, this.features);
    const shared = this.share(kernel, program, units, workBytes);
    return { run, sizes: sized.sizes, workBytes, units, shared, program };
  }

  private share(kernel: Kernel, { run, index, home }: Program, units: number, workBytes: number): SharedKernel | null {
    const ns = workNs(kernel);
    const isWorth = units >= 2 && ns >= (this.features.minSharedNs ?? minSharedNs);
    if (!this.pool || !home.module || !isWorth) return null;
    if (home.first < 0) home.first = this.pool.add(home, home.module, this.memory, home.count);
    return {
      run,
      id: home.first + index,
      units,
      leastUnits: Math.min(Math.ceil(units / 2), Math.ceil((units * minClaimNs) / ns)),
      laterFrom: keepsPanels(kernel, this.features) ? goesOn : 0,
      workStep: 64 * Math.ceil(workBytes / 64),
      workNs: ns,
      unitMs: Number.POSITIVE_INFINITY,
    };
  }
}
