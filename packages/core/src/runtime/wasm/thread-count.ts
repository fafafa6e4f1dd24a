// How many threads run kernels.
import { DeviceError } from "../../base/errors.ts";
import { environment } from "./engine-flags.ts";

/** More than this seldom helps, and each costs a workspace. */
const mostThreads = 16;

/**
 * `COTANGENT_THREADS`, or as many as the machine runs at once; the main thread is one of them. 1 where threads cannot
 * share memory: in pages that are not cross-origin isolated.
 */
export function threadCount(): number {
  if (!canShareMemory()) return 1;
  const wanted = environment()?.COTANGENT_THREADS;
  if (wanted === undefined || wanted === "") return Math.min(mostThreads, availableThreads());
  if (!/^[1-9]\d*$/.test(wanted))
    throw new DeviceError(`COTANGENT_THREADS: expected a number of threads, got ${JSON.stringify(wanted)}`);
  return Math.min(64, Number(wanted));
}

function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer !== "function" || typeof Atomics !== "object") return false;
  if (isNode()) return true;
  return typeof Worker === "function" && "crossOriginIsolated" in globalThis && globalThis.crossOriginIsolated === true;
}

/** Whether Node's own modules are there (Bun and Deno have them, too). */
export const isNode = (): boolean => typeof process !== "undefined" && typeof process.getBuiltinModule === "function";

function availableThreads(): number {
  if (isNode()) return process.getBuiltinModule("node:os").availableParallelism();
  return Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1);
}
