// Offsets in the scratch arena: values whose lives do not overlap share bytes.

export interface Life {
  readonly bytes: number;
  /** First and last kernel that touches it. */
  readonly from: number;
  readonly to: number;
  /** The life whose bytes it takes over: one of as many bytes, which ends with the kernel that this one begins with. */
  readonly takes?: number;
}

const alignment = 64;
const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Best fit, in order of first use. Returns an offset for each life and the arena's size. */
export function planMemory(lives: readonly Life[]): { offsets: number[]; bytes: number } {
  const offsets = new Array<number>(lives.length).fill(0);
  const order = lives.map((_, i) => i).sort((a, b) => (lives[a]?.from ?? 0) - (lives[b]?.from ?? 0));
  let live: { offset: number; end: number; to: number; life: number }[] = [];
  let bytes = 0;
  for (const i of order) {
    const life = lives[i];
    if (!life) continue;
    live = live.filter((block) => block.to >= life.from);
    const taken = live.find((block) => block.life === life.takes);
    if (taken) {
      offsets[i] = taken.offset;
      taken.life = i;
      taken.to = life.to;
      continue;
    }
    const size = Math.max(alignment, align(life.bytes));
    let best = -1;
    let bestGap = Number.POSITIVE_INFINITY;
    let cursor = 0;
    for (const block of live) {
      const gap = block.offset - cursor;
      if (gap >= size && gap < bestGap) {
        best = cursor;
        bestGap = gap;
      }
      cursor = Math.max(cursor, block.end);
    }
    const offset = best >= 0 ? best : cursor;
    offsets[i] = offset;
    bytes = Math.max(bytes, offset + size);
    const at = live.findIndex((block) => block.offset > offset);
    live.splice(at < 0 ? live.length : at, 0, { offset, end: offset + size, to: life.to, life: i });
  }
  return { offsets, bytes };
}
