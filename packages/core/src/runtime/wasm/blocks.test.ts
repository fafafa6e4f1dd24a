import { expect, test } from "vitest";
import { type Block, Blocks } from "./blocks.ts";

/** A generator of the same numbers everywhere, in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test("blocks are aligned, large enough and apart", () => {
  const blocks = new Blocks();
  blocks.extend(64, 1 << 24);
  const next = random(1);
  const live: Block[] = [];
  for (let i = 0; i < 5000; i++) {
    if (live.length > 0 && next() < 0.5) {
      const [gone] = live.splice(Math.floor(next() * live.length), 1);
      if (gone) blocks.give(gone);
    } else {
      const bytes = Math.floor(2 ** (next() * 16));
      const block = blocks.take(bytes);
      if (!block) throw new Error("full");
      expect(block.address % 64).toBe(0);
      expect(block.capacityBytes).toBeGreaterThanOrEqual(bytes);
      live.push(block);
    }
  }
  live.sort((a, b) => a.address - b.address);
  for (let i = 1; i < live.length; i++) {
    const [a, b] = [live[i - 1], live[i]];
    expect((a?.address ?? 0) + (a?.capacityBytes ?? 0)).toBeLessThanOrEqual(b?.address ?? 0);
  }
  for (const block of live) blocks.give(block);
  expect(blocks.freeAtEndBytes).toBe(1 << 24);
  expect(blocks.take(1 << 24)?.address).toBe(64);
  expect(blocks.take(1)).toBeNull();
});

test("a block that fits exactly is found, whatever its class", () => {
  for (const units of [1, 2, 7, 8, 9, 15, 16, 17, 100, 1000, 1023, 12345]) {
    const blocks = new Blocks();
    blocks.extend(64, units * 64);
    expect(blocks.take(units * 64 + 1)).toBeNull();
    expect(blocks.take(units * 64)?.capacityBytes).toBe(units * 64);
  }
});

test("up to 4 GiB", () => {
  const blocks = new Blocks();
  blocks.extend(64, 2 ** 32 - 128);
  const block = blocks.take(2 ** 32 - 128);
  expect(block?.capacityBytes).toBe(2 ** 32 - 128);
  if (block) blocks.give(block);
  expect(blocks.take(2 ** 31)?.address).toBe(64);
  expect(blocks.take(2 ** 30)?.address).toBe(2 ** 31 + 64);
});

test("an extension joins the free end", () => {
  const blocks = new Blocks();
  blocks.extend(64, 640);
  blocks.extend(704, 640);
  expect(blocks.freeAtEndBytes).toBe(1280);
  expect(blocks.take(1280)?.address).toBe(64);
});

test("steps of mixed sizes do not fragment", () => {
  const blocks = new Blocks();
  let heldBytes = 1 << 20;
  blocks.extend(64, heldBytes);
  const next = random(2);
  const kept: { block: Block; until: number }[] = [];
  let peakBytes = 0;
  let usedBytes = 0;
  for (let step = 0; step < 10000; step++) {
    for (let i = 0; i < 8; i++) {
      const bytes = next() < 0.2 ? Math.floor(2 ** (12 + next() * 8)) : Math.floor(2 ** (next() * 12));
      let block = blocks.take(bytes);
      while (!block) {
        blocks.extend(64 + heldBytes, 1 << 20);
        heldBytes += 1 << 20;
        block = blocks.take(bytes);
      }
      usedBytes += block.capacityBytes;
      kept.push({ block, until: step + Math.floor(next() ** 4 * 50) });
    }
    peakBytes = Math.max(peakBytes, usedBytes);
    for (let i = kept.length - 1; i >= 0; i--) {
      const entry = kept[i];
      if (!entry || entry.until > step) continue;
      kept[i] = kept.at(-1) ?? entry;
      kept.pop();
      usedBytes -= entry.block.capacityBytes;
      blocks.give(entry.block);
    }
  }
  expect(heldBytes / peakBytes).toBeLessThan(1.5);
});
