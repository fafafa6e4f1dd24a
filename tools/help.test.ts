// Every command tells how it is used, and does nothing else then.
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";

const root = fileURLToPath(new URL("../", import.meta.url));
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(`${root}package.json`, "utf8")));
const ofScripts = Object.values(scripts).flatMap((script) => /^tsx (\S+)/.exec(script)?.[1] ?? []);
const examples = globSync("apps/examples/src/0*.ts", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
const commands = [...new Set([...ofScripts, ...examples, "tools/bench-contract.ts"])].toSorted();

test("there are commands of every folder", () => {
  for (const file of ["tools/test.ts", "apps/examples/src/01-tensors.ts", "apps/benchmarks/src/bench.ts"])
    expect(commands).toContain(file);
});

test.each(commands)("%s --help", async (file) => {
  // Node warns where both are set, as the test runner does under NO_COLOR.
  const { FORCE_COLOR: _, ...env } = process.env;
  const command = ["--import", "tsx", file, "--help"];
  // Another exit status than 0 is an error here.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, { cwd: root, env });
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^Usage: \S+/);
  expect(stdout).toContain("--help");
});
