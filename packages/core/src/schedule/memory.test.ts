import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Life, planMemory } from "./memory.ts";

const lives = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 0, max: 5000 }), from: fc.nat(20), length: fc.nat(8) })
    .map(({ bytes, from, length }): Life => ({ bytes, from, to: from + length })),
  { maxLength: 30 },
);

describe("the scratch arena", () => {
  it("gives values that live at the same time bytes of their own", () => {
    fc.assert(
      fc.property(lives, (list) => {
        const { offsets, bytes } = planMemory(list);
        list.forEach((a, i) => {
          const start = offsets[i] ?? Number.NaN;
          expect(start % 64).toBe(0);
          expect(start + a.bytes).toBeLessThanOrEqual(bytes);
          list.forEach((b, j) => {
            if (j <= i || a.to < b.from || b.to < a.from) return;
            const other = offsets[j] ?? Number.NaN;
            expect(start + a.bytes <= other || other + b.bytes <= start).toBe(true);
          });
        });
      }),
      { numRuns: 500, seed: 3 },
    );
  });

  it("hands bytes over to who writes in place", () => {
    const lives: Life[] = [
      { bytes: 1000, from: 0, to: 1 },
      { bytes: 64, from: 0, to: 3 },
      { bytes: 1000, from: 1, to: 3, takes: 0 },
      { bytes: 1000, from: 2, to: 3 },
    ];
    const { offsets, bytes } = planMemory(lives);
    expect(offsets).toEqual([0, 1024, 0, 1088]);
    expect(bytes).toBe(2112);
  });

  it("uses bytes again", () => {
    const chain = Array.from({ length: 10 }, (_, i): Life => ({ bytes: 1000, from: i, to: i + 1 }));
    expect(planMemory(chain).bytes).toBe(2048);
  });
});
