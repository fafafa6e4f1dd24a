// Divides a range of addresses into blocks: two-level segregated fit (M. Masmano et al., "TLSF: a new dynamic memory
// allocator for real-time systems", 2004). Every call takes constant time, and free neighbours merge at once.

/** Where blocks begin, and what their sizes are multiples of. */
export const blockBytes = 64;

/** A block, in use or free. Neighbours by address know each other. */
export class Block {
  address: number;
  capacityBytes: number;
  isFree = false;
  before: Block | null = null;
  after: Block | null = null;
  /** Neighbours in the list of free blocks of about this size. */
  previousFree: Block | null = null;
  nextFree: Block | null = null;

  constructor(address: number, capacityBytes: number) {
    this.address = address;
    this.capacityBytes = capacityBytes;
  }
}

/** Each power of two is cut into 2³ size classes. */
const cutBits = 3;
const cuts = 1 << cutBits;
/** Powers up to 2³² bytes, counted in units of a block. */
const powers = 27;

export class Blocks {
  private readonly lists = new Array<Block | null>(powers * cuts).fill(null);
  /** Which powers, and which cuts of each, have free blocks. */
  private powerBits = 0;
  private readonly cutBits = new Int32Array(powers);
  private last: Block | null = null;
  /**
   * Block objects out of use, linked by `nextFree`, to be used again. Left to the garbage collector with their links,
   * old ones would keep all younger neighbours alive until a full collection.
   */
  private spare: Block | null = null;

  /** A block of at least `bytes`, a multiple of 64; null where none is free. */
  take(bytes: number): Block | null {
    const units = Math.max(1, Math.ceil(bytes / blockBytes));
    const found = this.find(units);
    if (found === null) return null;
    this.unlist(found);
    found.isFree = false;
    this.split(found, units * blockBytes);
    return found;
  }

  give(block: Block): void {
    let free = block;
    const { before, after } = free;
    if (after?.isFree) {
      this.unlist(after);
      this.merge(free, after);
    }
    if (before?.isFree) {
      this.unlist(before);
      this.merge(before, free);
      free = before;
    }
    this.list(free);
  }

  /** Adds addresses after all others: they join the last block where that is free. */
  extend(address: number, bytes: number): void {
    const block = new Block(address, bytes);
    const { last } = this;
    if (last && last.address + last.capacityBytes === address) {
      block.before = last;
      last.after = block;
    }
    this.last = block;
    this.give(block);
  }

  /** Bytes that the free block at the very end has already, for those who would grow the range. */
  get freeAtEndBytes(): number {
    return this.last?.isFree ? this.last.capacityBytes : 0;
  }

  /** Smallest class whose blocks are all large enough, then its first block. */
  private find(units: number): Block | null {
    // Rounds up to a class boundary, so that no list has to be searched. Small sizes have a class each.
    const power = 31 - Math.clz32(units);
    const rounded = power <= cutBits ? units : units + (1 << (power - cutBits)) - 1;
    const index = classOf(rounded);
    const row = Math.floor(index / cuts);
    let cut = (this.cutBits[row] ?? 0) & (-1 << (index % cuts));
    let at = row;
    if (cut === 0) {
      const larger = row >= 31 ? 0 : this.powerBits & (-1 << (row + 1));
      if (larger === 0) return this.firstOf(classOf(units), units);
      at = 31 - Math.clz32(larger & -larger);
      cut = this.cutBits[at] ?? 0;
    }
    return this.lists[at * cuts + 31 - Math.clz32(cut & -cut)] ?? null;
  }

  /** The one list where blocks may or may not be large enough, before giving up. */
  private firstOf(index: number, units: number): Block | null {
    let block = this.lists[index] ?? null;
    while (block !== null && block.capacityBytes < units * blockBytes) block = block.nextFree;
    return block;
  }

  private split(block: Block, bytes: number): void {
    const rest = block.capacityBytes - bytes;
    if (rest < blockBytes) return;
    block.capacityBytes = bytes;
    const tail = this.create(block.address + bytes, rest);
    tail.before = block;
    tail.after = block.after;
    if (block.after) block.after.before = tail;
    block.after = tail;
    if (this.last === block) this.last = tail;
    this.list(tail);
  }

  private merge(block: Block, next: Block): void {
    block.capacityBytes += next.capacityBytes;
    block.after = next.after;
    if (next.after) next.after.before = block;
    if (this.last === next) this.last = block;
    next.before = null;
    next.after = null;
    next.nextFree = this.spare;
    this.spare = next;
  }

  private create(address: number, capacityBytes: number): Block {
    const block = this.spare;
    if (block === null) return new Block(address, capacityBytes);
    this.spare = block.nextFree;
    block.nextFree = null;
    block.address = address;
    block.capacityBytes = capacityBytes;
    return block;
  }

  private list(block: Block): void {
    const index = classOf(block.capacityBytes / blockBytes);
    const first = this.lists[index] ?? null;
    block.isFree = true;
    block.previousFree = null;
    block.nextFree = first;
    if (first) first.previousFree = block;
    this.lists[index] = block;
    const row = Math.floor(index / cuts);
    this.powerBits |= 1 << row;
    this.cutBits[row] = (this.cutBits[row] ?? 0) | (1 << (index % cuts));
  }

  private unlist(block: Block): void {
    const index = classOf(block.capacityBytes / blockBytes);
    const { previousFree, nextFree } = block;
    block.previousFree = null;
    block.nextFree = null;
    if (nextFree) nextFree.previousFree = previousFree;
    if (previousFree) {
      previousFree.nextFree = nextFree;
      return;
    }
    this.lists[index] = nextFree;
    if (nextFree) return;
    const row = Math.floor(index / cuts);
    const left = (this.cutBits[row] ?? 0) & ~(1 << (index % cuts));
    this.cutBits[row] = left;
    if (left === 0) this.powerBits &= ~(1 << row);
  }
}

/** Which list holds free blocks of so many units: below 16 one for each size, then eight for each power of two. */
function classOf(units: number): number {
  const power = 31 - Math.clz32(units);
  return power < cutBits ? units : (power - cutBits + 1) * cuts + ((units >>> (power - cutBits)) & (cuts - 1));
}
