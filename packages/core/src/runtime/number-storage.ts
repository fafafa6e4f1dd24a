// The value of a single number that was read from its device at once: what a compiled step returns costs no memory there.
import { type DType, elementBytes, emptyArray } from "../base/dtype.ts";
import type { Storage } from "../base/storage.ts";
import type { Device } from "./device.ts";
import { DeviceStorage } from "./storage.ts";

export class NumberStorage implements Storage {
  readonly device: string;
  readonly dtype: DType;
  readonly value: number;
  isReleased = false;

  constructor(device: string, dtype: DType, value: number) {
    this.device = device;
    this.dtype = dtype;
    this.value = value;
  }

  get sizeBytes(): number {
    return elementBytes(this.dtype);
  }

  release(): void {
    this.isReleased = true;
  }

  /** The same in the device's memory, for kernels that read it. */
  placed(device: Device): DeviceStorage {
    const data = emptyArray(this.dtype, 1);
    data[0] = this.value;
    const buffer = device.allocate(this.sizeBytes);
    device.write(buffer, data);
    return new DeviceStorage(device, buffer);
  }
}
