import { expect, test, vi } from "vitest";
import type { Buffer, Device } from "./device.ts";
import { noteAllocated, noteReleased, yieldToFinalizers } from "./pressure.ts";
import { DeviceStorage } from "./storage.ts";
import * as youngObjects from "./young.ts";

vi.mock("./young.ts", { spy: true });

/** A device whose buffers exist only on paper. */
class PaperDevice implements Device {
  readonly name = "paper";
  allocatedBytes = 0;
  peakBytes = 0;
  allocate(sizeBytes: number): Buffer {
    this.allocatedBytes += sizeBytes;
    this.peakBytes = Math.max(this.peakBytes, this.allocatedBytes);
    return { sizeBytes };
  }
  free(buffer: Buffer): void {
    this.allocatedBytes -= buffer.sizeBytes;
  }
  window(_: Buffer, _offsetBytes: number, sizeBytes: number): Buffer {
    return { sizeBytes };
  }
  write(): void {}
  read(): Float32Array {
    return new Float32Array(0);
  }
  compile(): never {
    throw new Error("paper does not compute");
  }
}

test("storages that grew old and were dropped are collected before they pile up", async () => {
  const device = new PaperDevice();
  const sizeBytes = 1 << 20;
  const recent: DeviceStorage[] = [];
  const count = 3000;
  for (let i = 0; i < count; i++) {
    // Held for a while, with garbage around: they move to the old generation, which is collected seldom.
    recent[i % 64] = new DeviceStorage(device, device.allocate(sizeBytes));
    const garbage: object[] = [];
    for (let j = 0; j < 2000; j++) garbage.push({ j });
    await yieldToFinalizers();
  }
  expect(device.peakBytes / sizeBytes).toBeLessThan(count / 3);
  for (const storage of recent) storage.release();
});

test("storages that were dropped at once do not pile up until the nursery is full", async () => {
  const device = new PaperDevice();
  const sizeBytes = 256 << 10;
  let kept = 0;
  for (let i = 0; i < 4000; i++) {
    kept += new DeviceStorage(device, device.allocate(sizeBytes)).sizeBytes;
    await yieldToFinalizers();
  }
  expect(kept).toBe(4000 * sizeBytes);
  expect(device.peakBytes / 2 ** 20).toBeLessThan(32);
});

test("buffers that storages hand on are no reason to collect", async () => {
  const device = new PaperDevice();
  const young = vi.spyOn(youngObjects, "collectYoung");
  let storage = new DeviceStorage(device, device.allocate(64 << 20));
  await yieldToFinalizers();
  young.mockClear();
  for (let i = 0; i < 100; i++) {
    storage = new DeviceStorage(device, storage.take());
    await yieldToFinalizers();
  }
  expect(young).not.toHaveBeenCalled();
  storage.release();
});

test("yieldToFinalizers lets other tasks run, but not at every call", async () => {
  let tasks = 0;
  const start = performance.now();
  const timer = setInterval(() => {
    tasks++;
  }, 1);
  let calls = 0;
  while (performance.now() - start < 100) {
    calls++;
    await yieldToFinalizers();
  }
  clearInterval(timer);
  expect(tasks).toBeGreaterThan(2);
  expect(tasks).toBeLessThan(50);
  expect(calls).toBeGreaterThan(1000);
});

test("yields at once where much was allocated", async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  await yieldToFinalizers();
  let ran = false;
  setImmediate(() => {
    ran = true;
  });
  noteAllocated(100 << 20);
  await yieldToFinalizers();
  noteReleased(100 << 20);
  expect(ran).toBe(true);
});

test("works without setImmediate", async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  vi.stubGlobal("setImmediate", undefined);
  let ran = false;
  setTimeout(() => {
    ran = true;
  }, 0);
  for (let i = 0; i < 10 && !ran; i++) {
    await new Promise((resolve) => setTimeout(resolve, 9));
    await yieldToFinalizers();
  }
  vi.unstubAllGlobals();
  expect(ran).toBe(true);
});
