import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

  test("02-gradients.ts", async () => {
    const { status, errors, output } = await runExample("02-gradients.ts");
    expect([status, errors]).toEqual([0, ""]);
    for (const line of [
      /^v1 .* 2 +1 +0 +3 \+ \(-0\.416147\) = 2\.58385$/m,
      /^v2 .* 3 +0 +1 +2$/m,
      /^v3 +=? ?sin\(v1\) +0\.909297 +-0\.416147 +0 +1$/m,
      /^v4 +=? ?v1 · v2 +6 +3 +2 +1$/m,
      /^v5 +=? ?v3 \+ v4 +6\.9093 +2\.58385 +2 +1$/m,
      /^∂\/∂x1: forward mode 2\.58385, reverse mode 2\.58385, differences 2\.58385$/m,
      /^∂\/∂x2: forward mode 2, reverse mode 2, differences 2$/m,
      /^jvp: value 6\.909297\d* derivatives 2\.583853\d* 2$/m,
      /^grad: 2\.583853\d* 2$/m,
      /^backward: 2\.583853\d* 2$/m,
      /^∂²f\/∂x₁²: -0\.909297\d* −sin 2: -0\.909297/m,
      /^digraph \{\n[\s\S]*"v3" -> "v5";/m,
    ])
      expect(output).toMatch(line);
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

  test("04-profile.ts", async () => {
    const folder = mkdtempSync(join(tmpdir(), "profile-"));
    const { status, errors, output } = await runExample("04-profile.ts", [join(folder, "traces", "step.json")]);
    expect([status, errors]).toEqual([0, ""]);
    expect(output).toContain("matmul + add + relu: contract batch [] m [128] n [256] k [784]");
    expect(output).toMatch(/^profile: [\d.]+ ms, [\d.]+ ms of them in \d+ kernels of 1 plan/m);
    expect(output).toMatch(/^matmul \+ add \+ relu +contract +128×256 over 784 +50 /m);
    expect(output).toMatch(/^compile +0\.000 +0\.0 %$/m);
    const { traceEvents } = JSON.parse(readFileSync(join(folder, "traces", "step.json"), "utf8"));
    expect(traceEvents.length).toBeGreaterThan(500);
    expect(readdirSync(join(folder, "traces"))).toEqual(["step.json"]);
    rmSync(folder, { recursive: true });
  });

  test("05-compile.ts", async () => {
    const { status, errors, output } = await runExample("05-compile.ts");
    expect([status, errors]).toEqual([0, ""]);
    const losses = [...output.matchAll(/loss (\S+)/g)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(2);
    expect(losses[0]).toBe(losses[1]);
    expect(losses[0]).toBeLessThan(1e-3);
  });
});
