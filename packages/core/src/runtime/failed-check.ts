// The message of a failed check, the same on every device.
import { IndexError } from "../base/errors.ts";
import type { Plan } from "../kernel/ir.ts";

export function failedCheck(check: Plan["checks"][number] | undefined, value: number): IndexError {
  return new IndexError(`${check?.what}: index ${value} is out of range for size ${check?.bound}`);
}
