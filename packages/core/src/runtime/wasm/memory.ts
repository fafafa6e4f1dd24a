// The linear memory that kernels run in, and its division into buffers.
import { DeviceError } from "../../base/errors.ts";
import { type Block, Blocks, blockBytes } from "./blocks.ts";

const pageBytes = 65536;
/** 4 GiB: all that 32-bit addresses reach. */
const maxPages = 65536;
const initialPages = 32;
/** Grows by a quarter, at least by so much: growing detaches all views, so it should be rare. */
const minGrowthPages = 256;
/** Kernels may load up to 63 bytes past the end of a buffer. */
const marginBytes = 64;

export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  /** Views of all of it. They are replaced when the memory grows: never keep one across an allocation, or it is too short. */
  bytes: Uint8Array<ArrayBufferLike>;
  int32: Int32Array<ArrayBufferLike>;
  float32: Float32Array<ArrayBufferLike>;
  float64: Float64Array<ArrayBufferLike>;
  /** Bytes in blocks that are in use. */
  usedBytes = 0;
  private readonly blocks = new Blocks();
  /** Where the next bytes of a growing memory go. */
  private end: number;
  private readonly buffer: () => ArrayBufferLike;

  /** `shared`: threads can see it. */
  constructor(limitPages: number = maxPages, shared = false) {
    const initial = Math.min(initialPages, limitPages);
    const memory = new WebAssembly.Memory({ initial, maximum: limitPages, shared });
    this.memory = memory;
    this.buffer = () => memory.buffer;
    const buffer = this.buffer();
    this.bytes = new Uint8Array(buffer);
    this.int32 = new Int32Array(buffer);
    this.float32 = new Float32Array(buffer);
    this.float64 = new Float64Array(buffer);
    // Address 0 is nobody's, so that 0 can mean "none".
    this.end = buffer.byteLength - marginBytes;
    this.blocks.extend(blockBytes, this.end - blockBytes);
  }

  get capacityBytes(): number {
    return this.bytes.length;
  }

  /** Memory that begins at a multiple of 64, uninitialized. Throws DeviceError where there is none left. */
  allocate(bytes: number): Block {
    const block = this.blocks.take(bytes) ?? this.grow(bytes);
    this.usedBytes += block.capacityBytes;
    return block;
  }

  free(block: Block): void {
    this.usedBytes -= block.capacityBytes;
    this.blocks.give(block);
  }

  private grow(bytes: number): Block {
    const missing = Math.ceil((bytes - this.blocks.freeAtEndBytes + blockBytes) / pageBytes);
    const pages = this.bytes.length / pageBytes;
    const wanted = Math.max(missing, minGrowthPages, Math.ceil(pages / 4));
    if (!this.tryGrow(wanted) && !this.tryGrow(missing)) throw this.outOfMemory(bytes);
    const block = this.blocks.take(bytes);
    if (block === null) throw this.outOfMemory(bytes);
    return block;
  }

  private tryGrow(pages: number): boolean {
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    const buffer = this.buffer();
    this.bytes = new Uint8Array(buffer);
    this.int32 = new Int32Array(buffer);
    this.float32 = new Float32Array(buffer);
    this.float64 = new Float64Array(buffer);
    const end = buffer.byteLength - marginBytes;
    this.blocks.extend(this.end, end - this.end);
    this.end = end;
    return true;
  }

  private outOfMemory(bytes: number): DeviceError {
    return new DeviceError(
      `wasm: expected ${bytes} bytes of free memory, got none: ${this.usedBytes} are in use of ${this.capacityBytes}. Dropped tensors are freed between tasks: await something in long loops, release what is large by hand, or use smaller batches`,
    );
  }
}
