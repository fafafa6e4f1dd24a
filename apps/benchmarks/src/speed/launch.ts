// Runs a command in a process of its own, and reads the line of JSON that it prints.
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

interface Effort {
  readonly seconds: number;
  /** Processor time of the whole machine meanwhile. */
  readonly busySeconds: number;
}

export type Launched = Effort & ({ readonly result: unknown } | { readonly failure: string });

/** Processor time that the machine has spent since it started. */
const busySeconds = (): number =>
  cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1000;

/** @param limitSeconds after which the process is stopped */
export function launch(
  [program = "", ...args]: readonly string[],
  environment: Readonly<Record<string, string>>,
  limitSeconds: number,
): Promise<Launched> {
  const start = performance.now();
  const busyBefore = busySeconds();
  const effort = (): Effort => ({
    seconds: (performance.now() - start) / 1000,
    busySeconds: busySeconds() - busyBefore,
  });
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [output, errors, isLate] = ["", "", false];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, limitSeconds * 1000);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ failure: error.message, ...effort() });
    });
    child.on("close", (status) => {
      clearTimeout(timer);
      const line = output.split("\n").find((text) => text.startsWith("RESULT "));
      if (line !== undefined) resolve({ result: JSON.parse(line.slice("RESULT ".length)), ...effort() });
      else
        resolve({
          failure: isLate ? `no result in ${Math.round(limitSeconds)} s` : reasonIn(errors, status),
          ...effort(),
        });
    });
  });
}

function reasonIn(errors: string, status: number | null): string {
  const lines = errors.trim().split("\n");
  const stated = lines.find((line) => line.startsWith("FAILED "))?.slice("FAILED ".length);
  return stated ?? lines.findLast((line) => /Error/.test(line)) ?? `exit status ${status}`;
}
