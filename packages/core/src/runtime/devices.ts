// The devices by name. Each is created when it is first asked for.
import { DeviceError } from "../base/errors.ts";
import type { Device } from "./device.ts";
import { createReferenceDevice } from "./reference.ts";
import { createWasmDevice } from "./wasm/device.ts";
import { hasWasm } from "./wasm/features.ts";

const factories = new Map<string, () => Device>([
  ["wasm", createWasm],
  ["reference", createReferenceDevice],
]);
const devices = new Map<string, Device>();
let chosen: string | null = null;

function createWasm(): Device {
  if (!hasWasm())
    throw new DeviceError('wasm: expected WebAssembly with 128-bit vectors, got an engine without. Use "reference"');
  return createWasmDevice();
}

/** Makes `deviceNamed(name)` call `create` once. Replaces a device of the same name that nobody has asked for yet. */
export function registerDevice(name: string, create: () => Device): void {
  if (devices.has(name)) throw new DeviceError(`registerDevice: expected a new name, got ${name}, which is in use`);
  factories.set(name, create);
}

/** The names of the devices that there are, the default first. */
export const deviceNames = (): string[] => [...factories.keys()];

export function deviceNamed(name: string): Device {
  const known = devices.get(name);
  if (known) return known;
  const create = factories.get(name);
  if (!create)
    throw new DeviceError(`deviceNamed: expected one of ${deviceNames().join(", ")}, got ${JSON.stringify(name)}`);
  const device = create();
  // Storages know their device by its name: with another one they would be read from a stranger's memory.
  if (device.name !== name)
    throw new DeviceError(`registerDevice: expected a device named ${name}, got ${device.name}`);
  devices.set(name, device);
  return device;
}

/** The device that new tensors are on: the wasm device where the engine has it, until setDefaultDevice says otherwise. */
export function defaultDevice(): Device {
  chosen ??= hasWasm() ? "wasm" : "reference";
  return deviceNamed(chosen);
}

/** Where tensors are made from here on, unless told otherwise; throws DeviceError for an unknown name. */
export function setDefaultDevice(name: string): void {
  deviceNamed(name);
  chosen = name;
}
