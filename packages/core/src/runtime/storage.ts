// The values of a computed node: a device's buffer, given back when nobody can reach it any more, or at once.
import { DeviceError } from "../base/errors.ts";
import type { Storage } from "../base/storage.ts";
import type { Buffer, Device } from "./device.ts";
import { noteAllocated, noteCollected, noteReleased } from "./pressure.ts";

/** What is left to free when a storage is gone. It must not hold the storage. */
interface Held {
  readonly device: Device;
  buffer: Buffer | null;
}

let finalizers: FinalizationRegistry<Held> | null = null;

/** Created with the first storage: importing this file does nothing. */
function registry(): FinalizationRegistry<Held> {
  finalizers ??= new FinalizationRegistry((held) => {
    noteCollected(free(held));
  });
  return finalizers;
}

function free(held: Held): number {
  const { buffer } = held;
  if (buffer === null) return 0;
  held.buffer = null;
  held.device.free(buffer);
  return buffer.sizeBytes;
}

export class DeviceStorage implements Storage {
  readonly device: string;
  readonly sizeBytes: number;
  readonly #held: Held;

  /** Takes `buffer` over: from here on the storage frees it. */
  constructor(device: Device, buffer: Buffer) {
    this.device = device.name;
    this.sizeBytes = buffer.sizeBytes;
    this.#held = { device, buffer };
    noteAllocated(buffer.sizeBytes);
    registry().register(this, this.#held, this.#held);
  }

  /** Throws a DeviceError after release(). */
  get buffer(): Buffer {
    const { buffer } = this.#held;
    if (buffer === null) throw new DeviceError("storage: expected values, got a storage that was released");
    return buffer;
  }

  get isReleased(): boolean {
    return this.#held.buffer === null;
  }

  release(): void {
    if (this.#held.buffer === null) return;
    registry().unregister(this.#held);
    noteReleased(free(this.#held));
  }

  /** Hands the buffer over to another storage. This one is released, but nothing is freed. */
  take(): Buffer {
    const { buffer, sizeBytes } = this;
    registry().unregister(this.#held);
    this.#held.buffer = null;
    noteReleased(sizeBytes);
    return buffer;
  }
}
