// Runs a program of this folder on its own, for tests.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

const root = fileURLToPath(new URL("../../..", import.meta.url));

export function run(
  file: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<Outcome> {
  const command = [...flags, "--import", "tsx", `apps/benchmarks/src/${file}`, ...args];
  const child = spawn(process.execPath, command, { cwd: root, env: { ...process.env, ...variables } });
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
