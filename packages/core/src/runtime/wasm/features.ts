// Finds out what the engine's WebAssembly can do.
import type { WasmFeatures } from "../../codegen/wasm/features.ts";
import { enableWideVectors, environment } from "./engine-flags.ts";

/** A module with one function that returns a v128, made by `body`. */
function vectorModule(body: readonly number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 11];
  const type = [1, 5, 1, 0x60, 0, 1, 0x7b];
  const section = [10, code.length + 2, 1, code.length, ...code];
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, 3, 2, 1, 0, ...section]);
}

/** i32.const 0, i8x16.splat */
const zeros = [0x41, 0, 0xfd, 0x0f];
const relaxedMadd = [0xfd, 0x85, 0x02];

const validates = (bytes: Uint8Array<ArrayBuffer>): boolean =>
  typeof WebAssembly === "object" && WebAssembly.validate(bytes);

/** Whether the wasm device runs here at all: it needs 128-bit vectors. */
export const hasWasm = (): boolean => validates(vectorModule(zeros));

/**
 * What kernels may use. `COTANGENT_WASM=baseline` keeps to what every engine with vectors has. Where V8 can make
 * 256-bit operations it is told to, for all code that the process compiles from here on.
 */
export function wasmFeatures(): WasmFeatures {
  if (environment()?.COTANGENT_WASM === "baseline") return { relaxedSimd: false };
  return {
    relaxedSimd: validates(vectorModule([...zeros, ...zeros, ...zeros, ...relaxedMadd])),
    wideVectors: enableWideVectors(),
  };
}
