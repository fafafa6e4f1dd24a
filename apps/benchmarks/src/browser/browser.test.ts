// The packages in a real browser: with threads where the page is cross-origin isolated, without elsewhere.
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../run.ts";
import { bundleForBrowsers } from "./bundle.ts";
import { findChromium, howToGetChromium, runInChromium, type Visit } from "./chromium.ts";
import { train } from "./training.ts";
import type { Trained } from "./training-page.ts";

const steps = 60;
const pageFile = new URL("./training-page.ts", import.meta.url);

test("a page's script reaches nothing of Node's", async () => {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(pageFile)],
    bundle: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "esm",
    conditions: ["@cotangent/source"],
  });
  const imports = Object.values(metafile.inputs).flatMap((file) => file.imports);
  expect(imports.length).toBeGreaterThan(500);
  expect(imports.filter(({ external }) => external)).toEqual([]);
});

const chromium = findChromium();

/** Where there is none, `npm test` goes without; CI does not. */
describe.skipIf(chromium === null && !process.env.CI)("in Chromium", () => {
  let script = "";
  let expected: number[] = [];
  const ask = (text: string, page: Visit): Promise<unknown> => {
    if (chromium === null) throw new Error(`The tests of browsers could not run: ${howToGetChromium}`);
    return runInChromium(chromium, text, page);
  };
  const visit = async (page: Omit<Visit, "limitSeconds">, patience = 0): Promise<Trained> =>
    (await ask(script, { ...page, search: `?steps=${steps}&patience=${patience}`, limitSeconds: 60 })) as Trained;
  const expectLosses = (losses: readonly number[]): void => {
    expect(losses.length).toBe(steps);
    losses.forEach((loss, i) => {
      expect(Math.abs(loss / (expected[i] ?? Number.NaN) - 1), `loss ${i}`).toBeLessThan(1e-5);
    });
  };

  beforeAll(async () => {
    [script, expected] = await Promise.all([bundleForBrowsers(pageFile), train(steps)]);
  });

  test("pages train as Node does: with a thread for each core where they are isolated, and to the same bits", async () => {
    const isolated = await visit({ isolated: true }, 30);
    expectLosses(isolated.losses);
    expect([isolated.isolated, isolated.workers]).toEqual([true, Math.min(16, availableParallelism()) - 1]);
    if (isolated.workers > 0) expect(isolated.claims).toBeGreaterThan(0);

    const other = await visit({ isolated: false });
    expect(other.losses).toEqual(isolated.losses);
    expect([other.isolated, other.workers]).toEqual([false, 0]);
  });

  test("a page whose policy forbids our workers trains without them", async () => {
    const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
    const { losses, isolated, claims } = await visit({ isolated: true, contentSecurityPolicy: policy });
    expectLosses(losses);
    expect([isolated, claims]).toEqual([true, 0]);
  });

  test("a page that fails, or says nothing, is an error", async () => {
    const fail = `fetch("/answer", { method: "POST", body: '{ "failure": "no luck" }' });`;
    await expect(ask(fail, { isolated: false, limitSeconds: 60 })).rejects.toThrow("the page failed: no luck");
    await expect(ask("throw new Error('lost')", { isolated: false, limitSeconds: 3 })).rejects.toThrow("lost");
  });

  test("npm run bench:browser shows both kinds of pages next to Node", async () => {
    const args = ["--workloads", "W1", "--repetitions", "1", "--share", "0.02"];
    const { status, output, errors } = await run("bench-browser.ts", args);
    expect(status, errors).toBe(0);
    expect(output).toMatch(/Chromium, isolated.*Chromium, not isolated, 1 thread.*Node, /);
    expect(output).toMatch(/W1 mlp( +\d[\d.]* \([\d.]+\)){5}/);
  });
});

describe("npm run bench:browser", { timeout: 120_000 }, () => {
  test("explains itself", async () => {
    const { status, output } = await run("bench-browser.ts", ["--help"]);
    expect([status, output.includes("--workloads")]).toEqual([0, true]);
  });

  test("says where it finds no browser", async () => {
    const { status, errors } = await run("bench-browser.ts", [], { CHROMIUM: "/nowhere" });
    expect([status, errors.includes("apt-get install chromium")]).toEqual([1, true]);
  });

  test("refuses a workload that reads files", async () => {
    const { status, errors } = await run("bench-browser.ts", ["--workloads", "W8"]);
    expect([status, errors.includes("--workloads")]).toEqual([1, true]);
  });
});
