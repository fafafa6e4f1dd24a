// The one interface that a device implements. Nothing above runtime/ knows which one runs.
import type { DType, TypedArray } from "../base/dtype.ts";
import type { Plan } from "../kernel/ir.ts";

/** A piece of device memory. Opaque to all but its device. */
export interface Buffer {
  readonly sizeBytes: number;
}

export interface Executable {
  /**
   * Runs the plan. `inputs` and `outputs` follow the slots' own numbering; an aliased output is handed the input's buffer.
   * Throws IndexError or LinAlgError for a check that failed, before anything donated has changed.
   */
  run(inputs: readonly Buffer[], outputs: readonly Buffer[], params: readonly number[]): void;
  /**
   * As `run`, and writes the times of a clock in ms: times[0] as the first kernel begins, times[i + 1] as kernel i ends.
   * A device that cannot tell leaves it out, and is timed as a whole.
   */
  runTimed?(
    inputs: readonly Buffer[],
    outputs: readonly Buffer[],
    params: readonly number[],
    times: Float64Array,
  ): void;
}

export interface Device {
  readonly name: string;
  /** Uninitialized memory. Throws DeviceError where there is none left. */
  allocate(sizeBytes: number): Buffer;
  free(buffer: Buffer): void;
  /** A part of a buffer, as a buffer that need not be freed. It must not be used after the whole has been. */
  window(buffer: Buffer, offsetBytes: number, sizeBytes: number): Buffer;
  write(buffer: Buffer, data: TypedArray): void;
  /** A copy of `length` elements. */
  read(buffer: Buffer, dtype: DType, length: number): TypedArray;
  compile(plan: Plan): Executable;
  /** Bytes in live buffers. */
  readonly allocatedBytes: number;
}
