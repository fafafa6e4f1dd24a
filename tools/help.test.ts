// Every command tells how it is used, and does nothing else then.
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";

const root = fileURLToPath(new URL("../", import.meta.url));
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(`${root}package.json`, "utf8")));
const ofScripts = Object.values(scripts).flatMap((script) => /^tsx (\S+)/.exec(script)?.[1] ?? []);
const examples = globSync("apps/examples/src/0*.ts", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
const commands = [...new Set([...ofScripts, ...examples, "tools/bench-contract.ts"])].toSorted();

interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

function helpOf(file: string): Promise<Outcome> {
  // Node warns where both are set, as the test runner does under NO_COLOR.
  const { FORCE_COLOR: _, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", file, "--help"], { cwd: root, env });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output, errors }));
  });
}

test("there are commands of every folder", () => {
  for (const file of ["tools/test.ts", "apps/examples/src/01-tensors.ts", "apps/benchmarks/src/bench.ts"])
    expect(commands).toContain(file);
});

test.each(commands)("%s --help", async (file) => {
  const { status, output, errors } = await helpOf(file);
  expect([status, errors]).toEqual([0, ""]);
  expect(output).toMatch(/^Usage: \S+/);
  expect(output).toContain("--help");
});
