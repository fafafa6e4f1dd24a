import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { DeviceError } from "../base/errors.ts";
import { heldStorageBytes, yieldToFinalizers } from "./pressure.ts";
import { createReferenceDevice } from "./reference.ts";
import { DeviceStorage } from "./storage.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

test("release gives the memory back at once, and only once", () => {
  const device = createReferenceDevice();
  const before = heldStorageBytes();
  const storage = new DeviceStorage(device, device.allocate(64));
  expect(storage.device).toBe("reference");
  expect(storage.sizeBytes).toBe(64);
  expect(storage.isReleased).toBe(false);
  expect(heldStorageBytes() - before).toBe(64);
  expect(device.read(storage.buffer, "uint8", 64).length).toBe(64);
  storage.release();
  storage.release();
  expect(storage.isReleased).toBe(true);
  expect(device.allocatedBytes).toBe(0);
  expect(heldStorageBytes()).toBe(before);
  expect(() => storage.buffer).toThrow(DeviceError);
});

test("take hands the buffer on", () => {
  const device = createReferenceDevice();
  const storage = new DeviceStorage(device, device.allocate(8));
  const next = new DeviceStorage(device, storage.take());
  expect(storage.isReleased).toBe(true);
  storage.release();
  expect(device.allocatedBytes).toBe(8);
  next.release();
  expect(device.allocatedBytes).toBe(0);
});

test("what nobody can reach is freed, what somebody holds is not", async () => {
  const device = createReferenceDevice();
  const held: DeviceStorage[] = [];
  // A function of its own, so that no variable of this one holds the last storage.
  const create = (i: number): void => {
    const storage = new DeviceStorage(device, device.allocate(1000));
    if (i % 10 === 0) held.push(storage);
    if (i % 10 === 1) storage.release();
  };
  for (let i = 0; i < 100; i++) create(i);
  expect(device.allocatedBytes).toBe(90 * 1000);
  for (let i = 0; i < 50 && device.allocatedBytes > 10 * 1000; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await yieldToFinalizers();
  }
  expect(device.allocatedBytes).toBe(10 * 1000);
  for (const storage of held) storage.release();
  expect(device.allocatedBytes).toBe(0);
});
