// What a plan written by hand must give, and how to find out whether it does.
import { elementBytes, type TypedArray } from "../base/dtype.ts";
import type { Plan } from "../kernel/ir.ts";
import type { Buffer, Device, Executable } from "../runtime/device.ts";

export interface PlanCase {
  readonly name: string;
  readonly plan: Plan;
  readonly inputs: readonly TypedArray[];
  readonly params: readonly number[];
  readonly outputs: readonly TypedArray[];
  /** Relative to 1 + |expected|; 0 is bit for bit. */
  readonly tolerance: number;
  /** The message of the IndexError that the run must throw; outputs then are what donated inputs still hold. */
  readonly error?: string;
}

/** Numbers in (−2, 2) that look random and are the same everywhere. */
export function samples(count: number, seed = 1): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >> 8) / 2 ** 22;
  });
}

export const f32 = (count: number, at: (i: number) => number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => at(i));

export const get = (x: TypedArray, i: number): number => x[i] ?? Number.NaN;

/** Runs a plan on fresh buffers and reads its outputs; an output that took over an input's buffer is read from there. */
export function runPlan(
  device: Device,
  plan: Plan,
  inputs: readonly TypedArray[],
  params: readonly number[],
  executable: Executable = device.compile(plan),
): { outputs: TypedArray[]; error: unknown } {
  const held: Buffer[] = [];
  const allocate = (bytes: number): Buffer => {
    const buffer = device.allocate(bytes);
    held.push(buffer);
    return buffer;
  };
  try {
    const inputBuffers = inputs.map((data) => {
      const buffer = allocate(data.byteLength);
      device.write(buffer, data);
      return buffer;
    });
    const outputs = plan.slots.flatMap((slot) => {
      if (slot.kind !== "output") return [];
      const alias = plan.slots[slot.alias];
      const taken = alias?.kind === "input" ? inputBuffers[alias.index] : undefined;
      return [{ slot, buffer: taken ?? allocate(slot.size * elementBytes(slot.dtype)) }];
    });
    outputs.sort((a, b) => a.slot.index - b.slot.index);
    let error: unknown = null;
    try {
      executable.run(
        inputBuffers,
        outputs.map(({ buffer }) => buffer),
        params,
      );
    } catch (thrown) {
      error = thrown;
    }
    return { outputs: outputs.map(({ slot, buffer }) => device.read(buffer, slot.dtype, slot.size)), error };
  } finally {
    for (const buffer of held) device.free(buffer);
  }
}

/** The first element that differs, in words; null where none does. NaN equals NaN. */
export function firstDifference(actual: TypedArray, expected: TypedArray, tolerance: number): string | null {
  if (actual.length !== expected.length) return `expected ${expected.length} elements, got ${actual.length}`;
  for (let i = 0; i < expected.length; i++) {
    const [x, y] = [get(actual, i), get(expected, i)];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (Math.abs(x - y) <= tolerance * (1 + Math.abs(y))) continue;
    return `expected ${y} at ${i}, got ${x}`;
  }
  return null;
}
