import { describe, expect, test } from "vitest";
import { runExample } from "./run.ts";

describe("examples", { timeout: 60_000 }, () => {
  test("01-tensors.ts", async () => {
    const { status, errors, output } = await runExample("01-tensors.ts");
    expect([status, errors]).toEqual([0, ""]);
    expect(output).toContain("a · aᵀ [ [ 14, 32 ], [ 32, 77 ] ]");
    expect(output).toContain("3 and 4 differ");
    expect(output).toContain("runs so far 0\nvalue 37.0121 runs 1");
  });

  test("03-linear-regression.ts", async () => {
    const { status, errors, output } = await runExample("03-linear-regression.ts");
    expect([status, errors]).toEqual([0, ""]);
    const numbers = (line: RegExp) =>
      [...(line.exec(output)?.[0] ?? "").matchAll(/-?\d+\.\d+/g)].map(([text]) => Number(text));
    for (const found of [numbers(/by hand:.*/), numbers(/with a layer:.*/)]) {
      expect(found).toHaveLength(3);
      [3, -2, 0.5].forEach((expected, i) => {
        expect(Math.abs((found[i] ?? 0) - expected)).toBeLessThan(0.05);
      });
    }
  });
});
