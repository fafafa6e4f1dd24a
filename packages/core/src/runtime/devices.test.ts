import { expect, test } from "vitest";
import { DeviceError } from "../base/errors.ts";
import { defaultDevice, deviceNamed, deviceNames, registerDevice, setDefaultDevice } from "./devices.ts";
import { createReferenceDevice } from "./reference.ts";
import { createWasmDevice } from "./wasm/device.ts";

test("wasm is the default, and each device exists once", () => {
  expect(deviceNames()).toEqual(["wasm", "reference"]);
  expect(defaultDevice().name).toBe("wasm");
  expect(deviceNamed("wasm")).toBe(defaultDevice());
  expect(deviceNamed("reference")).toBe(deviceNamed("reference"));
});

test("the default can be changed", () => {
  setDefaultDevice("reference");
  expect(defaultDevice().name).toBe("reference");
  expect(() => setDefaultDevice("abacus")).toThrow(DeviceError);
  expect(defaultDevice().name).toBe("reference");
  setDefaultDevice("wasm");
});

test("devices register themselves and are created when asked for", () => {
  let created = 0;
  registerDevice("mine", () => {
    created++;
    return createWasmDevice(undefined, null, "mine");
  });
  expect(created).toBe(0);
  expect(deviceNamed("mine")).toBe(deviceNamed("mine"));
  expect(created).toBe(1);
  expect(() => registerDevice("mine", createReferenceDevice)).toThrow(DeviceError);
});

test("a device is registered by its own name: buffers are found by it", () => {
  registerDevice("other", createReferenceDevice);
  expect(() => deviceNamed("other")).toThrow("registerDevice: expected a device named other, got reference");
});

test("an unknown name lists the known ones", () => {
  expect(() => deviceNamed("tpu")).toThrow('deviceNamed: expected one of wasm, reference, mine, other, got "tpu"');
});
