import { afterEach, expect, test, vi } from "vitest";
import { hasWasm, wasmFeatures } from "./features.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

test("the engine that runs the tests has vectors", () => {
  expect(hasWasm()).toBe(true);
});

test("COTANGENT_WASM=baseline turns relaxed vectors off", () => {
  vi.stubEnv("COTANGENT_WASM", "");
  expect(wasmFeatures().relaxedSimd).toBe(Number(process.versions.v8.split(".")[0]) >= 12);
  vi.stubEnv("COTANGENT_WASM", "baseline");
  expect(wasmFeatures().relaxedSimd).toBe(false);
});

test("an engine without WebAssembly has nothing", () => {
  vi.stubGlobal("WebAssembly", undefined);
  expect(hasWasm()).toBe(false);
  expect(wasmFeatures().relaxedSimd).toBe(false);
});
