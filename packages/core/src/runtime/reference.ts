// The reference device: every kernel through the interpreter, on plain typed arrays. Slow, and right by definition.
import { type DType, elementBytes, type TypedArray, viewArray } from "../base/dtype.ts";
import { DeviceError } from "../base/errors.ts";
import { type CheckStatus, prepareKernel } from "../kernel/interpret.ts";
import type { Plan, Slot } from "../kernel/ir.ts";
import type { Buffer, Device, Executable } from "./device.ts";
import { failedCheck } from "./failed-check.ts";

class ReferenceBuffer implements Buffer {
  readonly sizeBytes: number;
  /** Null once it is free. */
  bytes: ArrayBuffer | null;
  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    // Memory that is read before it is written shows up as NaN or −1.
    this.bytes = new Uint8Array(sizeBytes).fill(0xff).buffer;
  }
}

class ReferenceDevice implements Device {
  readonly name = "reference";
  allocatedBytes = 0;

  allocate(sizeBytes: number): Buffer {
    this.allocatedBytes += sizeBytes;
    return new ReferenceBuffer(sizeBytes);
  }

  free(buffer: Buffer): void {
    bytesOf(buffer);
    if (buffer instanceof ReferenceBuffer) buffer.bytes = null;
    this.allocatedBytes -= buffer.sizeBytes;
  }

  write(buffer: Buffer, data: TypedArray): void {
    new Uint8Array(bytesOf(buffer)).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  read(buffer: Buffer, dtype: DType, length: number): TypedArray {
    return viewArray(dtype, bytesOf(buffer), 0, length).slice();
  }

  compile(plan: Plan): Executable {
    const runners = plan.kernels.map(prepareKernel);
    const scratch = new ArrayBuffer(plan.scratchBytes);
    const runTimed = (
      inputs: readonly Buffer[],
      outputs: readonly Buffer[],
      params: readonly number[],
      times: Float64Array | null,
    ): void => {
      const arrays = plan.slots.map((slot) => arrayOf(slot, inputs, outputs, scratch));
      const status: CheckStatus = { failed: -1, value: 0 };
      if (times) times[0] = performance.now();
      runners.forEach((runner, i) => {
        if (i === plan.commitFrom) throwFailed(plan, status);
        runner(arrays, params, status);
        if (times) times[i + 1] = performance.now();
      });
      throwFailed(plan, status);
    };
    return { run: (inputs, outputs, params) => runTimed(inputs, outputs, params, null), runTimed };
  }
}

function throwFailed(plan: Plan, status: CheckStatus): void {
  if (status.failed >= 0) throw failedCheck(plan.checks[status.failed], status.value);
}

function bytesOf(buffer: Buffer | undefined): ArrayBuffer {
  if (!(buffer instanceof ReferenceBuffer) || buffer.bytes === null)
    throw new DeviceError("reference: expected a live buffer of this device, got one that is free or another device's");
  return buffer.bytes;
}

function arrayOf(slot: Slot, inputs: readonly Buffer[], outputs: readonly Buffer[], scratch: ArrayBuffer): TypedArray {
  if (slot.kind === "scratch") return viewArray(slot.dtype, scratch, slot.offsetBytes, slot.size);
  const bytes = bytesOf((slot.kind === "input" ? inputs : outputs)[slot.index]);
  if (bytes.byteLength < slot.size * elementBytes(slot.dtype))
    throw new DeviceError(
      `reference: expected at least ${slot.size} elements of ${slot.dtype} for ${slot.kind} ${slot.index}, got ${bytes.byteLength} bytes`,
    );
  return viewArray(slot.dtype, bytes, 0, slot.size);
}

export const createReferenceDevice = (): Device => new ReferenceDevice();
