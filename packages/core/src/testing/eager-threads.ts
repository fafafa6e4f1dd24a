// For tests: a device that shares every kernel between two threads, however small, so that suites of small samples try threads too.
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

/** Registers the device "threads" and returns its pool, which counts what the second thread has done. */
export function registerEagerThreads(): ThreadPool {
  const pool = new EagerPool(2);
  registerDevice("threads", () => createWasmDevice({ ...wasmFeatures(), minSharedNs: 0 }, pool, "threads"));
  return pool;
}
