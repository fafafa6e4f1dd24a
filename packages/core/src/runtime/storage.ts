// The values of a computed node: a device's buffer, given back when nobody can reach it any more, or at once.
import { DeviceError } from "../base/errors.ts";
import type { Storage } from "../base/storage.ts";
import type { Buffer, Device } from "./device.ts";
import { noteAllocated, noteCollected, noteMoved, noteReleased } from "./pressure.ts";

/** A buffer that somebody must give back. It must not hold its storage. */
interface Held {
  readonly device: Device;
  buffer: Buffer | null;
  /** Its position in the list of its lease. */
  place: number;
}

/**
 * Storages that the garbage collector tells us about together: when the last of them cannot be reached, what they still
 * hold is freed. Being told costs more than a small kernel, and a training step makes dozens of small results.
 */
export class Lease {
  readonly #held: Held[] = [];

  /** @internal */
  add(held: Held): void {
    if (this.#held.length === 0) registry().register(this, this.#held, this.#held);
    held.place = this.#held.push(held) - 1;
  }

  /** @internal */
  remove(held: Held): void {
    const last = this.#held.pop();
    if (last && last !== held) {
      last.place = held.place;
      this.#held[held.place] = last;
    }
    if (this.#held.length === 0) registry().unregister(this.#held);
  }
}

/** From this size on, a storage has a lease of its own: it must not wait for its neighbours. */
const largeBytes = 64 * 2 ** 10;

let finalizers: FinalizationRegistry<readonly Held[]> | null = null;

/** Created with the first storage: importing this file does nothing. */
function registry(): FinalizationRegistry<readonly Held[]> {
  finalizers ??= new FinalizationRegistry((list) => {
    for (const held of list) noteCollected(free(held));
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
  readonly #lease: Lease;

  /** Takes `buffer` over: from here on the storage frees it. Small results of one run may share a lease. */
  constructor(device: Device, buffer: Buffer, lease?: Lease) {
    this.device = device.name;
    this.sizeBytes = buffer.sizeBytes;
    this.#held = { device, buffer, place: 0 };
    this.#lease = lease && buffer.sizeBytes < largeBytes ? lease : new Lease();
    this.#lease.add(this.#held);
    noteAllocated(buffer.sizeBytes);
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
    noteReleased(free(this.#held));
    this.#lease.remove(this.#held);
  }

  /** Hands the buffer over to another storage. This one is released, but nothing is freed. */
  take(): Buffer {
    const { buffer, sizeBytes } = this;
    this.#held.buffer = null;
    noteMoved(sizeBytes);
    this.#lease.remove(this.#held);
    return buffer;
  }
}
