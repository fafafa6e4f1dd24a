// Runs an example as a program of its own, for tests.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

/**
 * @param onOutput called with all of standard output so far, and a function that sends the program a signal
 */
export function runExample(
  file: string,
  options: readonly string[] = [],
  onOutput?: (output: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Outcome> {
  // Node warns where both are set, as the test runner does under NO_COLOR.
  const { FORCE_COLOR: _, ...env } = process.env;
  const command = ["--import", "tsx", `apps/examples/src/${file}`, ...options];
  const child = spawn(process.execPath, command, { cwd: root, env: { ...env, NO_COLOR: "1" } });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    onOutput?.(output, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, output, errors }));
  });
}
