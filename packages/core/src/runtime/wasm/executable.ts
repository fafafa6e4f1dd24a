// A compiled plan: the addresses that its kernels read lie in a table in linear memory, and a run changes only those
// that differ from the run before. No allocation here, and nothing that grows with the number of runs.
import { elementBytes } from "../../base/dtype.ts";
import { DeviceError } from "../../base/errors.ts";
import type { CanonicalKernel } from "../../kernel/canonical.ts";
import type { Plan, Slot } from "../../kernel/ir.ts";
import type { Buffer, Executable } from "../device.ts";
import { failedCheck } from "../failed-check.ts";
import type { Block } from "./blocks.ts";
import { liveBuffer, type SharedArea } from "./buffer.ts";
import type { KernelCode, KernelFunction } from "./kernel-cache.ts";
import type { LinearMemory } from "./memory.ts";
import type { ThreadPool } from "./threads.ts";

interface Parts {
  readonly plan: Plan;
  readonly kernels: readonly CanonicalKernel[];
  readonly codes: readonly KernelCode[];
  readonly memory: LinearMemory;
  readonly scratch: SharedArea;
  readonly work: SharedArea;
  readonly pool: ThreadPool | null;
}

/** A list of lists of numbers, flat: list i is items[starts[i]] … items[starts[i + 1] − 1]. */
interface Lists {
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

function listsOf(lists: readonly (readonly number[])[]): Lists {
  const starts = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => {
    starts[i + 1] = (starts[i] ?? 0) + list.length;
  });
  return { starts, items: Int32Array.from(lists.flat()) };
}

/** The buffers of one side of a run: how large they must be, where their addresses stand, and what stands there now. */
interface Side {
  readonly neededBytes: Float64Array;
  readonly targets: Lists;
  readonly written: Float64Array;
}

function sideOf(
  kind: "input" | "output",
  slots: readonly Slot[],
  targetsOf: (slot: number) => readonly number[],
): Side {
  const lists: number[][] = [];
  const needed: number[] = [];
  slots.forEach((slot, number) => {
    if (slot.kind !== kind) return;
    for (let i = lists.length; i <= slot.index; i++) lists[i] = [];
    lists[slot.index]?.push(...targetsOf(number));
    needed[slot.index] = Math.max(needed[slot.index] ?? 0, slot.size * elementBytes(slot.dtype));
  });
  return {
    neededBytes: Float64Array.from(lists, (_, i) => needed[i] ?? 0),
    targets: listsOf(lists),
    written: new Float64Array(lists.length),
  };
}

export class WasmExecutable implements Executable {
  /** Sizes and operand addresses of each kernel (i32), params (f64), then a status of two i32 for each kernel with checks, and one for all others. */
  readonly table: Block;
  private readonly plan: Plan;
  private readonly memory: LinearMemory;
  private readonly scratch: SharedArea;
  private readonly work: SharedArea;
  private readonly codes: readonly KernelCode[];
  private readonly pool: ThreadPool | null;
  private readonly hasShared: boolean;
  private readonly wakes: boolean;
  private readonly functions: readonly KernelFunction[];
  private readonly units: Int32Array;
  /** Per kernel: the addresses of its operands, params and status. */
  private readonly operands: Float64Array;
  private readonly params: Float64Array;
  private readonly statuses: Float64Array;
  private readonly inputs: Side;
  private readonly outputs: Side;
  /** int32 positions and byte offsets of the addresses that lie in the scratch arena. */
  private readonly scratchTargets: Int32Array;
  private readonly scratchOffsets: Float64Array;
  private scratchWritten = -1;
  /** Where params begin, as a float64 position, and which of the run's numbers goes to each. */
  private readonly paramStart: number;
  private readonly paramSources: Int32Array;
  /** int32 positions of the statuses of kernels with checks, and these checks' numbers. */
  private readonly checked: Int32Array;
  private readonly checkNumbers: readonly (readonly number[])[];

  constructor({ plan, kernels, codes, memory, scratch, work, pool }: Parts) {
    this.plan = plan;
    this.memory = memory;
    this.scratch = scratch;
    this.work = work;
    this.codes = codes;
    this.pool = pool;
    this.hasShared = pool !== null && codes.some(({ shared }) => shared !== null);
    const sharedNs = codes.reduce((sum, { shared }) => sum + (shared?.workNs ?? 0), 0);
    this.wakes = pool?.isWorthWaking(sharedNs) === true;
    this.functions = codes.map(({ run }) => run);
    this.units = Int32Array.from(codes, ({ units }) => units);
    const operandCount = kernels.reduce((sum, { slots }, i) => sum + slots.length + (codes[i]?.sizes.length ?? 0), 0);
    const paramCount = kernels.reduce((sum, { params }) => sum + params.length, 0);
    const withChecks = kernels.filter(({ checks }) => checks.length > 0);
    const paramOffset = 8 * Math.ceil(operandCount / 2);
    const statusOffset = paramOffset + 8 * paramCount;
    this.table = memory.allocate(statusOffset + 8 * (withChecks.length + 1));
    const { address } = this.table;
    const statusAddress = address + statusOffset;
    memory.int32.fill(0, address / 4, (statusAddress + 8 * (withChecks.length + 1)) / 4);

    const targets = plan.slots.map((): number[] => []);
    const sources: number[] = [];
    let operand = address;
    let status = statusAddress;
    const perKernel = kernels.map((kernel, i) => {
      for (const size of codes[i]?.sizes.toReversed() ?? []) {
        memory.int32[operand / 4] = size;
        operand += 4;
      }
      const addresses = {
        operands: operand,
        params: address + paramOffset + 8 * sources.length,
        status: kernel.checks.length > 0 ? status : statusAddress + 8 * withChecks.length,
      };
      if (kernel.checks.length > 0) status += 8;
      for (const slot of kernel.slots) {
        targets[slot]?.push(operand / 4);
        operand += 4;
      }
      sources.push(...kernel.params);
      return addresses;
    });
    this.operands = Float64Array.from(perKernel, (x) => x.operands);
    this.params = Float64Array.from(perKernel, (x) => x.params);
    this.statuses = Float64Array.from(perKernel, (x) => x.status);
    this.paramStart = (address + paramOffset) / 8;
    this.paramSources = Int32Array.from(sources);
    this.checked = Int32Array.from(withChecks, (_, i) => statusAddress / 4 + 2 * i);
    this.checkNumbers = withChecks.map(({ checks }) => checks);
    const targetsOf = (slot: number): readonly number[] => targets[slot] ?? [];
    this.inputs = sideOf("input", plan.slots, targetsOf);
    this.outputs = sideOf("output", plan.slots, targetsOf);
    const inScratch = plan.slots.flatMap((slot, number) =>
      slot.kind === "scratch" ? targetsOf(number).map((target) => [target, slot.offsetBytes] as const) : [],
    );
    this.scratchTargets = Int32Array.from(inScratch, ([target]) => target);
    this.scratchOffsets = Float64Array.from(inScratch, ([, offset]) => offset);
  }

  run(inputs: readonly Buffer[], outputs: readonly Buffer[], params: readonly number[]): void {
    this.prepare(inputs, outputs, params);
    const { commitFrom } = this.plan;
    const count = this.functions.length;
    this.call(0, Math.min(commitFrom, count));
    if (this.checked.length > 0) this.throwFailed();
    if (commitFrom >= count) return;
    this.call(commitFrom, count);
    if (this.checked.length > 0) this.throwFailed();
  }

  runTimed(
    inputs: readonly Buffer[],
    outputs: readonly Buffer[],
    params: readonly number[],
    times: Float64Array,
  ): void {
    this.prepare(inputs, outputs, params);
    times[0] = performance.now();
    for (let i = 0; i < this.functions.length; i++) {
      if (i === this.plan.commitFrom) this.throwFailed();
      this.call(i, i + 1);
      times[i + 1] = performance.now();
    }
    this.throwFailed();
  }

  /** Writes what this run's kernels read: addresses and params. */
  private prepare(inputs: readonly Buffer[], outputs: readonly Buffer[], params: readonly number[]): void {
    this.point(inputs, this.inputs, "input");
    this.point(outputs, this.outputs, "output");
    if (this.scratch.address !== this.scratchWritten) this.pointScratch();
    const { float64 } = this.memory;
    const { paramSources, paramStart } = this;
    for (let i = 0; i < paramSources.length; i++) float64[paramStart + i] = params[paramSources[i] ?? 0] ?? Number.NaN;
  }

  private call(from: number, to: number): void {
    if (this.hasShared) {
      this.callTogether(from, to);
      return;
    }
    const { functions, operands, params, statuses, units } = this;
    const work = this.work.address;
    for (let i = from; i < to; i++)
      functions[i]?.(operands[i] ?? 0, params[i] ?? 0, statuses[i] ?? 0, work, 0, units[i] ?? 0);
  }

  /** Large kernels are shared between threads; this one waits for the others after each. */
  private callTogether(from: number, to: number): void {
    const { codes, pool, operands, params, statuses } = this;
    const work = this.work.address;
    for (let i = from; i < to; i++) {
      const code = codes[i];
      if (!code) continue;
      const [operand = 0, param = 0, status = 0] = [operands[i], params[i], statuses[i]];
      if (pool && code.shared) {
        pool.run(code.shared, operand, param, status, work, this.wakes);
        if (this.memory.int32[status / 4] === 0) continue;
        // Which check failed first depends on who came first: find out alone.
        this.memory.int32.fill(0, status / 4, status / 4 + 2);
      }
      code.run(operand, param, status, work, 0, code.units);
    }
  }

  private point(buffers: readonly Buffer[], side: Side, kind: string): void {
    const { neededBytes, written, targets } = side;
    const { int32 } = this.memory;
    for (let i = 0; i < written.length; i++) {
      const buffer = liveBuffer(buffers[i]);
      if (buffer.sizeBytes < (neededBytes[i] ?? 0))
        throw new DeviceError(
          `wasm: expected at least ${neededBytes[i]} bytes for ${kind} ${i}, got ${buffer.sizeBytes}`,
        );
      const { address } = buffer;
      if (address === written[i]) continue;
      written[i] = address;
      const end = targets.starts[i + 1] ?? 0;
      for (let t = targets.starts[i] ?? 0; t < end; t++) int32[targets.items[t] ?? 0] = address;
    }
  }

  private pointScratch(): void {
    const { address } = this.scratch;
    const { int32 } = this.memory;
    this.scratchTargets.forEach((target, i) => {
      int32[target] = address + (this.scratchOffsets[i] ?? 0);
    });
    this.scratchWritten = address;
  }

  /** Throws for the first kernel with a check that failed, and clears all statuses. */
  private throwFailed(): void {
    const { checked } = this;
    const { int32 } = this.memory;
    let first = -1;
    for (let i = checked.length - 1; i >= 0; i--) if (int32[checked[i] ?? 0] !== 0) first = i;
    if (first < 0) return;
    const position = checked[first] ?? 0;
    const number = this.checkNumbers[first]?.[(int32[position] ?? 1) - 1] ?? -1;
    const value = int32[position + 1] ?? 0;
    for (const cell of checked) int32[cell] = 0;
    throw failedCheck(this.plan.checks[number], value);
  }
}
