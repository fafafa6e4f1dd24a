// Which outputs take over the buffers of inputs, and when kernels write them.
import type { Check, Kernel } from "../kernel/ir.ts";
import { exprOrder, kernelRoots } from "../kernel/walk.ts";
import { slotsRead, slotsWritten, writesInPlace } from "./traffic.ts";

export interface Donation {
  /** The output that may take over … */
  readonly output: number;
  /** … the buffer of this input. */
  readonly input: number;
}

interface Placed {
  readonly ordered: readonly Kernel[];
  /** Output slots, and the input slots whose buffers they take over. */
  readonly aliases: ReadonlyMap<number, number>;
  /** The first kernel that writes a donated buffer. */
  readonly commitFrom: number;
}

/**
 * Grants a donation where one kernel writes the output and reads the input at the same place, and everyone else can read
 * the input before. Such kernels wait for these, and for all checks; then they run at once: what they read is in cache still,
 * and has a buffer no longer than it must.
 * @param outputs the slots of the outputs, by number
 */
export function placeDonations(
  kernels: readonly Kernel[],
  outputs: readonly number[],
  donations: readonly Donation[],
  checks: readonly Check[],
): Placed {
  const writers = new Map<number, Kernel[]>();
  const readers = new Map<number, Kernel[]>();
  const note = (map: Map<number, Kernel[]>, slot: number, kernel: Kernel): void => {
    const known = map.get(slot);
    if (known) known.push(kernel);
    else map.set(slot, [kernel]);
  };
  for (const kernel of kernels) {
    for (const slot of slotsWritten(kernel)) note(writers, slot, kernel);
    for (const slot of slotsRead(kernel)) note(readers, slot, kernel);
  }
  const aliases = new Map<number, number>();
  for (const { output, input } of donations) {
    const slot = outputs[output];
    const [writer, ...others] = writers.get(slot ?? -1) ?? [];
    if (slot !== undefined && writer && others.length === 0 && writesInPlace(writer, slot, input))
      aliases.set(slot, input);
  }

  for (;;) {
    const late = lateOnes(kernels, aliases);
    const checking = aliases.size > 0 ? checkingOnes(kernels, checks).filter((kernel) => !late.has(kernel)) : [];
    const done = new Set<Kernel>();
    const isDone = (kernel: Kernel): boolean => done.has(kernel);
    const isComputed = (kernel: Kernel): boolean =>
      [...slotsRead(kernel)].every((slot) => (writers.get(slot) ?? []).every(isDone));
    const mayWrite = (kernel: Kernel): boolean =>
      slotsWritten(kernel).every((slot) => {
        const input = aliases.get(slot);
        if (input === undefined) return true;
        return (
          checking.every(isDone) && (readers.get(input) ?? []).every((reader) => reader === kernel || isDone(reader))
        );
      });
    let waiting: Kernel[] = [];
    for (const kernel of kernels) {
      if (late.has(kernel)) waiting.push(kernel);
      else done.add(kernel);
      for (let count = -1; count !== waiting.length; ) {
        count = waiting.length;
        for (const next of waiting) if (isComputed(next) && mayWrite(next)) done.add(next);
        waiting = waiting.filter((next) => !done.has(next));
      }
    }
    if (waiting.length === 0) {
      const ordered = [...done];
      const first = ordered.findIndex((kernel) => late.has(kernel));
      return { ordered, aliases, commitFrom: first < 0 ? ordered.length : first };
    }
    // Who has yet to read a donated buffer waits for its new value, or for another that waits so: no donation then.
    const stuck = waiting.find((kernel) => isComputed(kernel) && !mayWrite(kernel));
    for (const slot of stuck ? slotsWritten(stuck) : [...aliases.keys()]) aliases.delete(slot);
  }
}

/** The kernels that write donated buffers, and those that follow from them. */
function lateOnes(kernels: readonly Kernel[], aliases: ReadonlyMap<number, number>): Set<Kernel> {
  const late = new Set<Kernel>();
  const written = new Set<number>();
  for (const kernel of kernels) {
    const own = slotsWritten(kernel);
    if (!own.some((slot) => aliases.has(slot)) && ![...slotsRead(kernel)].some((slot) => written.has(slot))) continue;
    late.add(kernel);
    for (const slot of own) written.add(slot);
  }
  return late;
}

/** The kernels that check something, without those whose indices an earlier one has looked at: gradients of what gathers. */
function checkingOnes(kernels: readonly Kernel[], checks: readonly Check[]): Kernel[] {
  const known = new Set<string>();
  return kernels.filter((kernel) => {
    if (kernel.form !== "routine")
      return exprOrder(kernelRoots(kernel)).some((expr) => expr.kind === "apply" && expr.check !== undefined);
    const check = checks[kernel.check];
    if (!check || check.problem !== undefined) return check !== undefined;
    const key = `${kernel.inputs[1]?.slot} ${check.bound}`;
    const isNew = !known.has(key);
    known.add(key);
    return isNew;
  });
}
