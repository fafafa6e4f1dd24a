// What the engine that will run a module can do: found out by the runtime, chosen from by the code generator.

export interface WasmFeatures {
  /** `f32x4.relaxed_madd` and its like. */
  readonly relaxedSimd: boolean;
  /** The memory is shared between threads: it has to be imported as such. */
  readonly sharedMemory?: boolean;
}
