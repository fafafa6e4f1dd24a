// In which order kernels run: before their readers, and so that buffers live short.
import { elementBytes } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { Group } from "./groups.ts";
import type { Lowered } from "./lowered.ts";

/**
 * A topological order of the groups: oldest value first, but what frees at least as much memory as it takes runs as
 * soon as it can. `roots` have buffers of their own, which count neither way.
 */
export function order(groups: readonly Group[], roots: readonly Lowered[]): Group[] {
  return new Ordering(groups, roots).run();
}

/** The buffers that a group needs: those that it reads, and those that must only be there before. */
interface Needs {
  readonly reads: ReadonlySet<Lowered>;
  readonly producers: ReadonlySet<Group>;
}

class Ordering {
  private readonly groups: readonly Group[];
  private readonly outside: ReadonlySet<Lowered>;
  private readonly needs = new Map<Group, Needs>();
  private readonly consumers = new Map<Group, Group[]>();
  /** Who has yet to read a buffer. */
  private readonly readers = new Map<Lowered, Set<Group>>();
  private readonly age = new Map<Group, number>();
  private readonly done = new Set<Group>();

  constructor(groups: readonly Group[], roots: readonly Lowered[]) {
    this.outside = new Set(roots);
    const groupOf = new Map<Lowered, Group>();
    for (const group of groups) {
      this.age.set(group, Math.min(...group.heads.map((head) => head.node.id)));
      for (const head of group.heads) groupOf.set(head.node, group);
    }
    this.groups = [...groups].sort((a, b) => this.ageOf(a) - this.ageOf(b));
    for (const group of this.groups) {
      const reads = new Set<Lowered>();
      const producers = new Set<Group>();
      for (const head of group.heads) {
        for (const { target } of head.references) reads.add(target);
        for (const target of head.after) {
          const producer = groupOf.get(target);
          if (producer && producer !== group) producers.add(producer);
        }
      }
      for (const target of reads) {
        const producer = groupOf.get(target);
        if (!producer || producer === group) {
          reads.delete(target);
          continue;
        }
        producers.add(producer);
        const known = this.readers.get(target);
        if (known) known.add(group);
        else this.readers.set(target, new Set([group]));
      }
      for (const producer of producers) {
        const known = this.consumers.get(producer);
        if (known) known.push(group);
        else this.consumers.set(producer, [group]);
      }
      this.needs.set(group, { reads, producers });
    }
  }

  private ageOf(group: Group): number {
    return this.age.get(group) ?? 0;
  }

  run(): Group[] {
    for (const first of this.groups) {
      const stack: Group[] = [first];
      for (let group = stack.at(-1); group; group = stack.at(-1)) {
        const missing = this.done.has(group) ? [] : this.missing(group);
        if (missing.length > 0) stack.push(...missing);
        else {
          stack.pop();
          this.emit(group);
        }
      }
    }
    return [...this.done];
  }

  private missing(group: Group): Group[] {
    return [...(this.needs.get(group)?.producers ?? [])].filter((producer) => !this.done.has(producer));
  }

  /** Emits a group, and after it what its end lets run at no cost. */
  private emit(first: Group): void {
    const ready = [first];
    for (let group = ready.pop(); group; group = ready.pop()) {
      if (this.done.has(group) || this.missing(group).length > 0) continue;
      if (group !== first && this.growth(group) > 0) continue;
      this.done.add(group);
      const next = new Set<Group>(this.consumers.get(group));
      for (const target of this.needs.get(group)?.reads ?? []) {
        const readers = this.readers.get(target);
        readers?.delete(group);
        if (readers?.size === 1) for (const reader of readers) next.add(reader);
      }
      ready.push(...[...next].sort((a, b) => this.ageOf(b) - this.ageOf(a)));
    }
  }

  /** Bytes of scratch after the group, less those before. */
  private growth(group: Group): number {
    let bytes = 0;
    for (const { node } of group.heads) if (this.readers.has(node)) bytes += this.bytesOf(node);
    for (const target of this.needs.get(group)?.reads ?? [])
      if (this.readers.get(target)?.size === 1) bytes -= this.bytesOf(target);
    return bytes;
  }

  private bytesOf(node: Lowered): number {
    return this.outside.has(node) || node.body.kind === "input" ? 0 : sizeOf(node.shape) * elementBytes(node.dtype);
  }
}
