import { expect, test } from "vitest";
import { DeviceError } from "../../base/errors.ts";
import { LinearMemory } from "./memory.ts";

test("views are made again when the memory grows, and keep what was written", () => {
  const memory = new LinearMemory();
  const small = memory.allocate(8);
  memory.int32[small.address >> 2] = 42;
  const before = memory.int32;
  const large = memory.allocate(40 << 20);
  expect(before.length).toBe(0);
  expect(memory.int32[small.address >> 2]).toBe(42);
  expect(large.address + large.capacityBytes + 64).toBeLessThanOrEqual(memory.capacityBytes);
  memory.float64[(large.address + (40 << 20) - 8) >> 3] = 1.5;
  expect(memory.bytes.length).toBe(memory.memory.buffer.byteLength);
});

test("what is freed is used again", () => {
  const memory = new LinearMemory();
  for (let i = 0; i < 300; i++) memory.free(memory.allocate(10 << 20));
  expect(memory.usedBytes).toBe(0);
  expect(memory.capacityBytes).toBeLessThan(64 << 20);
});

test("no memory left: an error that says how much was wanted and held", () => {
  const memory = new LinearMemory(16);
  const held = memory.allocate(512 << 10);
  const wanted = 1 << 20;
  expect(() => memory.allocate(wanted)).toThrow(DeviceError);
  expect(() => memory.allocate(wanted)).toThrow(
    `wasm: expected ${wanted} bytes of free memory, got none: ${512 << 10} are in use of ${1 << 20}`,
  );
  memory.free(held);
  expect(memory.allocate(900 << 10).address % 64).toBe(0);
});

test("grows to the limit where its usual step is too large", () => {
  const memory = new LinearMemory(100);
  const block = memory.allocate(98 * 65536);
  expect(block.capacityBytes).toBe(98 * 65536);
});
