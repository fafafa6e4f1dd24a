// Buffers of the wasm device.
import { DeviceError } from "../../base/errors.ts";
import type { Buffer } from "../device.ts";
import type { Block } from "./blocks.ts";
import type { LinearMemory } from "./memory.ts";

export class WasmBuffer implements Buffer {
  readonly sizeBytes: number;
  /** 0 once it is free. */
  address: number;
  readonly block: Block;

  constructor(sizeBytes: number, block: Block, address: number = block.address) {
    this.sizeBytes = sizeBytes;
    this.address = address;
    this.block = block;
  }
}

/** Memory that all plans use in turn, as large as the largest needs. */
export class SharedArea {
  address = 0;
  private block: Block | null = null;
  private readonly memory: LinearMemory;

  constructor(memory: LinearMemory) {
    this.memory = memory;
  }

  reserve(bytes: number): void {
    const { block } = this;
    if (bytes <= (block?.capacityBytes ?? 0)) return;
    // Nothing lives here between runs, so the old block may become part of the new one.
    if (block) this.memory.free(block);
    try {
      this.hold(this.memory.allocate(bytes));
    } catch (error) {
      if (block) this.hold(this.memory.allocate(block.capacityBytes));
      throw error;
    }
  }

  private hold(block: Block): void {
    this.block = block;
    this.address = block.address;
  }
}

export function liveBuffer(buffer: Buffer | undefined): WasmBuffer {
  if (!(buffer instanceof WasmBuffer) || buffer.address === 0)
    throw new DeviceError("wasm: expected a live buffer of this device, got one that is free or another device's");
  return buffer;
}
