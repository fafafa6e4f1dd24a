// Pending graph → plan: lower, fuse, choose buffers, order, and plan memory. Knows no backend.
import { elementBytes } from "../base/dtype.ts";
import { GraphError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Kernel, Plan, Slot } from "../kernel/ir.ts";
import { type Donation, placeDonations } from "./donations.ts";
import { emitGroup, type Slots } from "./emit.ts";
import { type Fusion, fuse } from "./fuse.ts";
import { type LoweredPlan, lower, type Pending } from "./lower.ts";
import type { Lowered } from "./lowered.ts";
import { planMemory } from "./memory.ts";
import { slotsRead, slotsWritten, writesInPlace } from "./traffic.ts";
import { verify } from "./verify.ts";

/** Compiles the structure of a pending graph. `donations` are granted where no kernel reads the old value too late. */
export function schedule(pending: Pending, donations: readonly Donation[] = [], apart = false): Plan {
  const lowered = lower(pending);
  const fusion = fuse(lowered.graph, [...new Set(lowered.roots)], apart);
  const table = new SlotTable(pending, lowered, fusion);
  const kernels = fusion.groups
    .flatMap((group) => emitGroup(lowered.graph, group, fusion.stored, table))
    .filter((kernel) => slotsWritten(kernel).length > 0);
  const { ordered, aliases, commitFrom } = placeDonations(kernels, table.outputs, donations, lowered.checks);
  const slots = table.finish(ordered, aliases);
  const plan: Plan = {
    kernels: ordered,
    slots: slots.slots,
    params: lowered.params,
    checks: lowered.checks,
    scratchBytes: slots.bytes,
    commitFrom,
  };
  verify(plan);
  return plan;
}

class SlotTable implements Slots {
  readonly slots: Slot[] = [];
  /** output number → slot */
  readonly outputs: number[] = [];
  private readonly reads = new Map<Lowered, number>();
  private readonly writes = new Map<Lowered, number[]>();

  constructor(pending: Pending, lowered: LoweredPlan, fusion: Fusion) {
    pending.inputs.forEach((node, index) => {
      const { dtype, shape } = node;
      this.reads.set(lowered.graph.input(index, shape, dtype), this.slots.length);
      this.slots.push({ kind: "input", dtype, size: sizeOf(shape), index });
    });
    lowered.roots.forEach((node, index) => {
      const slot = this.add(node, { kind: "output", dtype: node.dtype, size: sizeOf(node.shape), index, alias: -1 });
      this.outputs.push(slot);
    });
    for (const group of fusion.groups) {
      const own = new Set(group.heads.map((head) => head.node));
      for (const head of group.heads)
        for (const { target } of head.references)
          if (!own.has(target) && !this.reads.has(target))
            this.add(target, { kind: "scratch", dtype: target.dtype, size: sizeOf(target.shape), offsetBytes: 0 });
    }
  }

  private add(node: Lowered, slot: Slot): number {
    const number = this.slots.push(slot) - 1;
    if (!this.reads.has(node)) this.reads.set(node, number);
    this.writes.set(node, [...(this.writes.get(node) ?? []), number]);
    return number;
  }

  read(node: Lowered): number {
    const slot = this.reads.get(node);
    if (slot === undefined) throw new GraphError(`schedule: a kernel reads a ${node.body.kind} that has no buffer`);
    return slot;
  }

  written(node: Lowered): readonly number[] {
    return this.writes.get(node) ?? [];
  }

  private bytesOf(number: number): number {
    const slot = this.slots[number];
    return slot ? slot.size * elementBytes(slot.dtype) : 0;
  }

  /** Places the scratch slots by liveness and settles the aliases. */
  finish(kernels: readonly Kernel[], aliases: ReadonlyMap<number, number>): { slots: Slot[]; bytes: number } {
    const from = new Map<number, number>();
    const to = new Map<number, number>();
    kernels.forEach((kernel, i) => {
      for (const slot of [...slotsRead(kernel), ...slotsWritten(kernel)]) {
        if (!from.has(slot)) from.set(slot, i);
        to.set(slot, i);
      }
    });
    const scratch = this.slots.flatMap((slot, i) => (slot.kind === "scratch" ? [{ slot, i }] : []));
    const lifeOf = new Map(scratch.map(({ i }, life) => [i, life]));
    /** What is read for the last time gives its bytes to what is written in the same place. */
    const heirs = new Map<number, number>();
    kernels.forEach((kernel, i) => {
      for (const slot of slotsWritten(kernel)) {
        if (from.get(slot) !== i || !lifeOf.has(slot)) continue;
        for (const read of slotsRead(kernel)) {
          const life = lifeOf.get(read);
          if (life === undefined || to.get(read) !== i || heirs.has(read)) continue;
          if (this.bytesOf(read) !== this.bytesOf(slot) || !writesInPlace(kernel, slot, read)) continue;
          heirs.set(read, slot);
          break;
        }
      }
    });
    const takes = new Map([...heirs].map(([read, slot]) => [slot, lifeOf.get(read)]));
    const { offsets, bytes } = planMemory(
      scratch.map(({ i }) => {
        const taken = takes.get(i);
        const life = { bytes: this.bytesOf(i), from: from.get(i) ?? 0, to: to.get(i) ?? 0 };
        return taken === undefined ? life : { ...life, takes: taken };
      }),
    );
    const slots = this.slots.map(
      (slot, i): Slot => (slot.kind === "output" ? { ...slot, alias: aliases.get(i) ?? -1 } : slot),
    );
    scratch.forEach(({ slot, i }, j) => {
      slots[i] = { kind: "scratch", dtype: slot.dtype, size: slot.size, offsetBytes: offsets[j] ?? 0 };
    });
    return { slots, bytes };
  }
}
