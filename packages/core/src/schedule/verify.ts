// What holds for every plan, whatever has fused and ordered it: no kernel reads what is not there.
import { elementBytes } from "../base/dtype.ts";
import { GraphError } from "../base/errors.ts";
import type { Kernel, Plan, Store } from "../kernel/ir.ts";
import { kernelStores } from "../kernel/walk.ts";
import { slotsRead, slotsWritten, writesInPlace } from "./traffic.ts";

const hint = "The mistake is ours: please report it with the program that led here";

/**
 * Follows a plan kernel by kernel, keeping account of how many elements of each slot are there. What a kernel reads must be
 * an input, or wholly written by kernels before it and not written over since; at the end, all outputs must be there.
 * @throws {GraphError} `schedule: expected kernel 3 (sum) to find the 6 elements of slot 2, got 0. The mistake is ours…`
 */
export function verify({ kernels, slots, scratchBytes }: Plan): void {
  const there = slots.map((slot) => (slot.kind === "input" ? slot.size : 0));
  const expectThere = (slot: number, reader: number): void => {
    const expected = slots[slot]?.size;
    if (there[slot] === expected) return;
    const kernel = kernels[reader];
    const name = kernel ? `kernel ${reader} (${kernel.operations ?? kernel.form})` : "who reads the results";
    throw new GraphError(
      `schedule: expected ${name} to find the ${expected} elements of slot ${slot}, got ${there[slot]}. ${hint}`,
    );
  };
  /** The bytes of the scratch slots that nothing has been written over. */
  const owned = new Map<number, { readonly from: number; readonly to: number }>();
  /** What a slot lies over loses its elements. */
  const claim = (number: number): void => {
    const slot = slots[number];
    if (slot?.kind === "output" && slot.alias >= 0) there[slot.alias] = 0;
    if (slot?.kind !== "scratch" || owned.has(number)) return;
    const from = slot.offsetBytes;
    const to = from + slot.size * elementBytes(slot.dtype);
    if (to > scratchBytes)
      throw new GraphError(
        `schedule: expected slot ${number} within ${scratchBytes} bytes of scratch, got ${to}. ${hint}`,
      );
    for (const [other, bytes] of owned) {
      if (bytes.to <= from || to <= bytes.from) continue;
      there[other] = 0;
      owned.delete(other);
    }
    owned.set(number, { from, to });
  };
  const isSamePlace = (a: number, b: number): boolean => {
    const [x, y] = [slots[a], slots[b]];
    return x?.kind === "scratch" && y?.kind === "scratch" && x.offsetBytes === y.offsetBytes && x.size === y.size;
  };
  kernels.forEach((kernel, i) => {
    const reads = slotsRead(kernel);
    for (const slot of reads) expectThere(slot, i);
    for (const [slot, elements] of written(kernel)) {
      claim(slot);
      there[slot] = (there[slot] ?? 0) + elements;
    }
    // While it runs, too: a kernel takes over no buffer but one that it reads cell by cell as it writes it.
    const isTaken = (slot: number): boolean =>
      slotsWritten(kernel).some(
        (other) => other !== slot && isSamePlace(other, slot) && writesInPlace(kernel, other, slot),
      );
    for (const slot of reads) if (slots[slot]?.kind !== "input" && !isTaken(slot)) expectThere(slot, i);
  });
  slots.forEach((slot, i) => {
    if (slot.kind === "output") expectThere(i, kernels.length);
  });
}

const written = (kernel: Kernel): [slot: number, elements: number][] =>
  kernel.form === "routine"
    ? [[kernel.output.slot, kernel.output.size]]
    : kernelStores(kernel).map((store) => [store.slot, elementsOf(store)]);

/** Loops over which a store does not move write the same element. */
const elementsOf = ({ view }: Store): number =>
  view.shape.reduce((count, extent, i) => (view.strides[i] === 0 ? count : count * extent), 1);
