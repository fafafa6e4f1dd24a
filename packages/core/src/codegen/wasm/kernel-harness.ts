// Runs one kernel as a generated module on typed arrays: what tests and measurements stand on.
import type { TypedArray } from "../../base/dtype.ts";
import { CotangentError } from "../../base/errors.ts";
import type { Kernel } from "../../kernel/ir.ts";
import { emitModule, type WasmFeatures, workspaceBytes } from "./emit.ts";

export interface KernelRun {
  /** 0, or 1 + the check that failed; then the value that failed it. */
  readonly status: readonly [number, number];
}

const lineBytes = 64;
const roundUp = (bytes: number): number => Math.ceil(bytes / lineBytes) * lineBytes;
const filler = 0xff;

/** Memory with the slots, the params, the status cell and the workspace of a kernel, and the kernel as a function. */
export class KernelHarness {
  readonly bytes: Uint8Array;
  readonly moduleBytes: number;
  private readonly addresses: number[] = [];
  private readonly tables: { operands: number; params: number; status: number; work: number; end: number };
  private readonly run: (operands: number, params: number, status: number, work: number) => void;

  /** `sizes` are the slots' sizes in bytes; each is followed by at least a line of filler, which is NaN as floats. */
  constructor(kernel: Kernel, sizes: readonly number[], params: readonly number[], features: WasmFeatures) {
    let next = lineBytes;
    const place = (sizeBytes: number): number => {
      const at = next;
      next += roundUp(sizeBytes) + lineBytes;
      return at;
    };
    for (const size of sizes) this.addresses.push(place(size));
    const work = workspaceBytes(kernel);
    this.tables = {
      operands: place(4 * sizes.length),
      params: place(8 * params.length),
      status: place(8),
      work: place(work),
      end: 0,
    };
    this.tables.end = this.tables.work + work;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(next / 65536) });
    this.bytes = new Uint8Array(memory.buffer);
    this.bytes.fill(filler);
    new Int32Array(memory.buffer, this.tables.operands, sizes.length).set(this.addresses);
    new Float64Array(memory.buffer, this.tables.params, params.length).set(params);
    const module = emitModule([kernel], features);
    this.moduleBytes = module.length;
    const maths = Object.getOwnPropertyNames(Math).filter((name) => typeof Reflect.get(Math, name) === "function");
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), {
      env: { memory },
      math: Object.fromEntries(maths.map((name) => [name, Reflect.get(Math, name)])),
    });
    const run = instance.exports.k0;
    if (typeof run !== "function") throw new CotangentError("harness: expected an export k0");
    this.run = (...args) => {
      run(...args);
    };
  }

  address(slot: number): number {
    return this.addresses[slot] ?? 0;
  }

  write(slot: number, data: TypedArray): void {
    this.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), this.address(slot));
  }

  read(slot: number, data: TypedArray): void {
    const from = this.address(slot);
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(
      this.bytes.subarray(from, from + data.byteLength),
    );
  }

  call(): KernelRun {
    const { operands, params, status, work } = this.tables;
    const cell = new Int32Array(this.bytes.buffer, status, 2);
    cell.fill(0);
    this.run(operands, params, status, work);
    return { status: [cell[0] ?? 0, cell[1] ?? 0] };
  }

  /** Whether all bytes that are in no slot, table or workspace are as they were. */
  unharmed(sizes: readonly number[]): boolean {
    const { operands, params, status, work, end } = this.tables;
    const used = [
      ...sizes.map((size, i) => [this.address(i), this.address(i) + size] as const),
      [operands, operands + 4 * sizes.length] as const,
      [params, status] as const,
      [status, status + 8] as const,
      [work, end] as const,
    ].sort((a, b) => a[0] - b[0]);
    let at = 0;
    for (const [from, to] of [...used, [this.bytes.length, 0] as const]) {
      for (; at < from; at++) if (this.bytes[at] !== filler) return false;
      at = Math.max(at, to);
    }
    return true;
  }
}

/** Runs a kernel once: slots are read, and hold what it wrote. Throws where it wrote outside them. */
export function runWasmKernel(
  kernel: Kernel,
  slots: readonly TypedArray[],
  params: readonly number[],
  features: WasmFeatures,
): KernelRun {
  const sizes = slots.map((slot) => slot.byteLength);
  const harness = new KernelHarness(kernel, sizes, params, features);
  slots.forEach((slot, i) => {
    harness.write(i, slot);
  });
  const result = harness.call();
  slots.forEach((slot, i) => {
    harness.read(i, slot);
  });
  if (!harness.unharmed(sizes)) throw new CotangentError("harness: the kernel wrote outside its slots");
  return result;
}
