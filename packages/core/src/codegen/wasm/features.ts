// What the engine that will run a module can do: found out by the runtime, chosen from by the code generator.

export interface WasmFeatures {
  /** `f32x4.relaxed_madd` and its like. */
  readonly relaxedSimd: boolean;
  /**
   * The engine turns pairs of neighbouring v128 operations (stored at offsets 0 and 16) into one 256-bit operation:
   * a tile may hold twice as many sums, and should be an even number of vectors wide.
   */
  readonly wideVectors?: boolean;
  /** The memory is shared between threads: it has to be imported as such. */
  readonly sharedMemory?: boolean;
  /** Kernels of less work than this are not cut into units for threads to share; `minSharedNs` where it is missing. */
  readonly minSharedNs?: number;
}
