// The suites that say what is right, run once more in each mode that a user may be in.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { Command } from "commander";
import { z } from "zod";

/** What `npm test` runs besides the default: one thread, and what every engine with vectors has. */
const modes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "one-thread": { COTANGENT_THREADS: "1" },
  baseline: { COTANGENT_WASM: "baseline", COTANGENT_THREADS: "2" },
};

/** What computes. Tests of the code generator choose their features themselves, whatever the mode. */
const folders = ["autodiff", "engine", "functions", "io", "ops", "runtime", "tensor", "testing"];
const suites = [...folders.map((folder) => `packages/core/src/${folder}/`), "packages/nn/src/goldens"];

/** Reasons why a test has nothing to say in an older Node. */
const exceptions: readonly { readonly test: string; readonly below: number; readonly because: string }[] = [
  {
    test: "storages that were dropped at once do not pile up until the nursery is full",
    below: 24,
    because: "collecting the nursery runs no finalizers there; full collections have to do",
  },
  {
    test: "random programs have a text that computes the same",
    below: 22,
    because: "the test runs TypeScript, whose types Node strips from 22 on",
  },
];

const reportSchema = z.object({
  numPassedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

interface Run {
  readonly passed: number;
  /** What failed, and why. */
  readonly failures: readonly string[];
}

const versionOf = (mode: string): string | undefined => /^node-(\d+)$/.exec(mode)?.[1];

function runMode(mode: string): Run {
  const version = versionOf(mode);
  const report = `reports/modes/${mode}.json`;
  rmSync(report, { force: true });
  // Vitest's other reporters need a newer Node than 20.
  const reporter = ["--reporter=json", `--outputFile.json=${report}`, "--typecheck.enabled=false"];
  const vitest = ["node_modules/vitest/vitest.mjs", "run", ...reporter, ...suites];
  const command = version === undefined ? [process.execPath, ...vitest] : npx(version, vitest);
  const { status } = spawnSync(command[0] ?? "", command.slice(1), {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...modes[mode] },
  });
  if (!existsSync(report)) return { passed: 0, failures: [`no report; status ${status}`] };
  const { numPassedTests: passed, testResults } = reportSchema.parse(JSON.parse(readFileSync(report, "utf8")));
  const isExcepted = (name: string): boolean =>
    exceptions.some(({ test, below }) => name.endsWith(test) && Number(version ?? below) < below);
  const failures = testResults.flatMap(({ name, status: outcome, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (failed.length === 0) return outcome === "failed" ? [`${name}: ${message}`] : [];
    return failed
      .filter(({ fullName }) => !isExcepted(fullName))
      .map(({ fullName, failureMessages }) => `${name}: ${fullName}\n  ${failureMessages?.[0]?.split("\n")[0]}`);
  });
  return { passed, failures };
}

/** A Node that npm fetches once and keeps. Its folder comes first in PATH, for tests that start programs. */
const npx = (version: string, args: readonly string[]): string[] => [
  "npx",
  ...["--yes", "--package", `node@${version}`, "--call", `node ${args.join(" ")}`],
];

const known = Object.keys(modes);
const command = new Command("modes")
  .description("Runs the suites that say what is right once more in each mode.")
  .argument("[modes...]", `${known.join(", ")} or node-N: that Node, fetched from npm`, known)
  .parse();
const unknown = command.args.find((mode) => !Object.hasOwn(modes, mode) && versionOf(mode) === undefined);
if (unknown !== undefined) command.error(`error: expected ${known.join(", ")} or node-N, got '${unknown}'`);

mkdirSync("reports/modes", { recursive: true });
for (const mode of command.args.length > 0 ? command.args : known) {
  const { passed, failures } = runMode(mode);
  console.log(`${mode}: ${passed} passed, ${failures.length} failed`);
  for (const failure of failures) console.log(`  ${failure}`);
  if (failures.length > 0 || passed === 0) process.exitCode = 1;
}
