// The wasm device: buffers in one linear memory, plans as calls of generated kernels.
import { type DType, type TypedArray, viewArray } from "../../base/dtype.ts";
import { DeviceError } from "../../base/errors.ts";
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import { canonicalKernel } from "../../kernel/canonical.ts";
import type { Plan } from "../../kernel/ir.ts";
import type { Buffer, Device, Executable } from "../device.ts";
import type { Block } from "./blocks.ts";
import { liveBuffer, SharedArea, WasmBuffer } from "./buffer.ts";
import { WasmExecutable } from "./executable.ts";
import { wasmFeatures } from "./features.ts";
import { KernelCache } from "./kernel-cache.ts";
import { LinearMemory } from "./memory.ts";
import { type ThreadPool, threadPool } from "./threads.ts";

/**
 * Workers start with the first buffer of so many bytes: kernels that are worth sharing will follow. When the first plan is
 * compiled workers are ready then, and the first steps run on all cores (7 to 11 of 145 to 150 ms less for the first fifty on MNIST).
 */
const startingBytes = 2 ** 18;

class WasmDevice implements Device {
  readonly name: string;
  allocatedBytes = 0;
  private readonly memory: LinearMemory;
  private readonly cache: KernelCache;
  private readonly scratch: SharedArea;
  private readonly work: SharedArea;
  private readonly tables: FinalizationRegistry<Block>;

  private readonly pool: ThreadPool | null;

  constructor(features: WasmFeatures, pool: ThreadPool | null, name: string) {
    this.name = name;
    const memory = new LinearMemory(undefined, pool !== null);
    this.memory = memory;
    this.pool = pool;
    this.cache = new KernelCache(memory.memory, features, pool);
    this.scratch = new SharedArea(memory);
    this.work = new SharedArea(memory);
    this.tables = new FinalizationRegistry((table) => {
      memory.free(table);
    });
  }

  allocate(sizeBytes: number): Buffer {
    if (sizeBytes >= startingBytes) this.pool?.start();
    const buffer = new WasmBuffer(sizeBytes, this.memory.allocate(sizeBytes));
    this.allocatedBytes += sizeBytes;
    return buffer;
  }

  free(buffer: Buffer): void {
    const mine = liveBuffer(buffer);
    mine.address = 0;
    this.memory.free(mine.block);
    this.allocatedBytes -= mine.sizeBytes;
  }

  window(buffer: Buffer, offsetBytes: number, sizeBytes: number): Buffer {
    const whole = liveBuffer(buffer);
    return new WasmBuffer(sizeBytes, whole.block, whole.address + offsetBytes);
  }

  write(buffer: Buffer, data: TypedArray): void {
    const mine = liveBuffer(buffer);
    if (data.byteLength > mine.sizeBytes)
      throw new DeviceError(`wasm: expected at most ${mine.sizeBytes} bytes to write, got ${data.byteLength}`);
    this.memory.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), mine.address);
  }

  read(buffer: Buffer, dtype: DType, length: number): TypedArray {
    const { address } = liveBuffer(buffer);
    if (dtype !== "float32" || length !== 1) return viewArray(dtype, this.memory.bytes.buffer, address, length).slice();
    // A loss, as a rule: a view of its own takes longer than a small kernel.
    const one = new Float32Array(1);
    one[0] = this.memory.float32[address / 4] ?? Number.NaN;
    return one;
  }

  compile(plan: Plan): Executable {
    const kernels = plan.kernels.map(canonicalKernel);
    const codes = this.cache.codesOf(kernels);
    this.scratch.reserve(plan.scratchBytes);
    const threads = this.pool?.threads ?? 1;
    this.work.reserve(
      codes.reduce((most, { workBytes, shared }) => Math.max(most, shared ? shared.workStep * threads : workBytes), 0),
    );
    const { memory, scratch, work, pool } = this;
    const executable = new WasmExecutable({ plan, kernels, codes, memory, scratch, work, pool });
    this.tables.register(executable, executable.table);
    return executable;
  }
}

/** `pool`: the threads that share its kernels, null for none. `name`: that it is registered by. */
export const createWasmDevice = (
  features: WasmFeatures = wasmFeatures(),
  pool: ThreadPool | null = threadPool(),
  name = "wasm",
): Device => new WasmDevice(features, pool, name);
