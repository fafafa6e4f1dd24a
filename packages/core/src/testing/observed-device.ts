// A device that tells of every run, for tests that count kernels or spoil results.
import type { Plan } from "../kernel/ir.ts";
import type { Buffer, Device } from "../runtime/device.ts";

/** `inner` under another name; `after` is called with each plan that ran and the buffers of its outputs. */
export function observedDevice(
  name: string,
  inner: Device,
  after: (plan: Plan, outputs: readonly Buffer[]) => void,
): Device {
  return {
    name,
    allocate: (sizeBytes) => inner.allocate(sizeBytes),
    free: (buffer) => inner.free(buffer),
    window: (buffer, offsetBytes, sizeBytes) => inner.window(buffer, offsetBytes, sizeBytes),
    write: (buffer, data) => inner.write(buffer, data),
    read: (buffer, dtype, length) => inner.read(buffer, dtype, length),
    compile(plan) {
      const executable = inner.compile(plan);
      return {
        run(inputs, outputs, params) {
          executable.run(inputs, outputs, params);
          after(plan, outputs);
        },
      };
    },
    get allocatedBytes() {
      return inner.allocatedBytes;
    },
  };
}
