// For tests: a device that shares every kernel between threads, however small, so that suites of small samples try threads too.
import { registerDevice } from "../runtime/devices.ts";
import { Balance } from "../runtime/wasm/balance.ts";
import { createWasmDevice } from "../runtime/wasm/device.ts";
import { wasmFeatures } from "../runtime/wasm/features.ts";
import { ThreadPool } from "../runtime/wasm/threads.ts";

class Restless extends Balance {
  override isResting(): boolean {
    return false;
  }
}

class EagerPool extends ThreadPool {
  protected override readonly balance: Balance = new Restless();

  override isWorthWaking(): boolean {
    return true;
  }
}

/** Registers a device of so many threads and returns its pool, which counts what the others have done. */
export function registerEagerThreads(threads = 2, name = "threads"): ThreadPool {
  const pool = new EagerPool(threads);
  registerDevice(name, () => createWasmDevice({ ...wasmFeatures(), minSharedNs: 0 }, pool, name));
  return pool;
}
