// The message of a failed check, the same on every device.
import { type CotangentError, IndexError, LinAlgError } from "../base/errors.ts";
import type { Check } from "../kernel/ir.ts";

export function failedCheck(check: Check | undefined, value: number): CotangentError {
  if (check?.problem === undefined)
    return new IndexError(`${check?.what}: index ${value} is out of range for size ${check?.bound}`);
  const { what, bound, problem } = check;
  const number = Math.floor(value / bound);
  return new LinAlgError(`${what}: ${problem.replace("{order}", `${value % bound}`).replace("{number}", `${number}`)}`);
}
