import { afterEach, describe, expect, test, vi } from "vitest";
import { DeviceError } from "../../base/errors.ts";
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import { hasWasm, wasmFeatures } from "./features.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

test("the engine that runs the tests has vectors", () => {
  expect(hasWasm()).toBe(true);
});

describe("COTANGENT_WASM", () => {
  const all = (): WasmFeatures => {
    vi.stubEnv("COTANGENT_WASM", "");
    return wasmFeatures();
  };

  test("turns nothing off where it is empty", () => {
    expect(all().relaxedSimd).toBe(Number(process.versions.v8.split(".")[0]) >= 12);
  });

  test.each([
    ["baseline", { relaxedSimd: false, wideVectors: false }],
    ["no-relaxed-simd", { relaxedSimd: false }],
    ["no-wide-vectors", { wideVectors: false }],
    ["no-relaxed-simd,no-wide-vectors", { relaxedSimd: false, wideVectors: false }],
  ])("%s", (text, off) => {
    const expected = { ...all(), ...off };
    vi.stubEnv("COTANGENT_WASM", text);
    expect(wasmFeatures()).toEqual(expected);
  });

  test("knows no other words", () => {
    vi.stubEnv("COTANGENT_WASM", "baseline,fast");
    expect(() => wasmFeatures()).toThrow(
      new DeviceError('COTANGENT_WASM: expected baseline, no-relaxed-simd, no-wide-vectors, got "fast"'),
    );
  });
});

test("an engine whose multiply-add is wrong does without", () => {
  vi.stubEnv("COTANGENT_WASM", "");
  vi.stubGlobal("WebAssembly", {
    ...{ validate: WebAssembly.validate, Module: WebAssembly.Module, Memory: WebAssembly.Memory },
    Instance: class {
      readonly exports = { f: () => 2 };
    },
  });
  expect(wasmFeatures().relaxedSimd).toBe(false);
});

test("an engine whose 256-bit operations are wrong does without", () => {
  vi.stubEnv("COTANGENT_WASM", "");
  const { Instance } = WebAssembly;
  let wide = 0;
  vi.stubGlobal("WebAssembly", {
    ...{ validate: WebAssembly.validate, Module: WebAssembly.Module, Memory: WebAssembly.Memory },
    Instance: class {
      readonly exports: WebAssembly.Exports;
      constructor(module: WebAssembly.Module, imports?: { readonly env: { readonly memory: WebAssembly.Memory } }) {
        this.exports = new Instance(module, imports).exports;
        const { multiplyAdd } = this.exports;
        if (typeof multiplyAdd !== "function" || !imports) return;
        wide++;
        this.exports = {
          multiplyAdd: (address: number, steps: number) => {
            multiplyAdd(address, steps);
            // The upper half of a pair of vectors is that of its neighbour.
            new Float32Array(imports.env.memory.buffer).copyWithin(20, 4, 8);
          },
        };
      }
    },
  });
  expect(wasmFeatures().wideVectors).toBe(false);
  vi.unstubAllGlobals();
  expect(wide).toBe(wasmFeatures().wideVectors ? 1 : 0);
});

test("an engine without WebAssembly has nothing", () => {
  vi.stubGlobal("WebAssembly", undefined);
  expect(hasWasm()).toBe(false);
  expect(wasmFeatures().relaxedSimd).toBe(false);
});
