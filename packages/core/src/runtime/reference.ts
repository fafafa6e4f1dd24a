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
  /** Where it begins: not 0 for a window. */
  readonly offsetBytes: number;
  constructor(sizeBytes: number, bytes?: ArrayBuffer, offsetBytes = 0) {
    this.sizeBytes = sizeBytes;
    // Memory that is read before it is written shows up as NaN or −1.
    this.bytes = bytes ?? new Uint8Array(sizeBytes).fill(0xff).buffer;
    this.offsetBytes = offsetBytes;
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
    live(buffer);
    if (buffer instanceof ReferenceBuffer) buffer.bytes = null;
    this.allocatedBytes -= buffer.sizeBytes;
  }

  window(buffer: Buffer, offsetBytes: number, sizeBytes: number): Buffer {
    const whole = live(buffer);
    return new ReferenceBuffer(sizeBytes, whole.bytes, whole.offsetBytes + offsetBytes);
  }

  write(buffer: Buffer, data: TypedArray): void {
    const { bytes, offsetBytes, sizeBytes } = live(buffer);
    new Uint8Array(bytes, offsetBytes, sizeBytes).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  read(buffer: Buffer, dtype: DType, length: number): TypedArray {
    const { bytes, offsetBytes } = live(buffer);
    return viewArray(dtype, bytes, offsetBytes, length).slice();
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

interface Bytes {
  readonly bytes: ArrayBuffer;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

function live(buffer: Buffer | undefined): Bytes {
  if (!(buffer instanceof ReferenceBuffer) || buffer.bytes === null)
    throw new DeviceError("reference: expected a live buffer of this device, got one that is free or another device's");
  const { bytes, offsetBytes, sizeBytes } = buffer;
  return { bytes, offsetBytes, sizeBytes };
}

function arrayOf(slot: Slot, inputs: readonly Buffer[], outputs: readonly Buffer[], scratch: ArrayBuffer): TypedArray {
  if (slot.kind === "scratch") return viewArray(slot.dtype, scratch, slot.offsetBytes, slot.size);
  const { bytes, offsetBytes, sizeBytes } = live((slot.kind === "input" ? inputs : outputs)[slot.index]);
  if (sizeBytes < slot.size * elementBytes(slot.dtype))
    throw new DeviceError(
      `reference: expected at least ${slot.size} elements of ${slot.dtype} for ${slot.kind} ${slot.index}, got ${sizeBytes} bytes`,
    );
  return viewArray(slot.dtype, bytes, offsetBytes, slot.size);
}

export const createReferenceDevice = (): Device => new ReferenceDevice();
