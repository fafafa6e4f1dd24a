// `npm test`: every check of every package through Nx, which repeats only what has changed since it last passed;
// then one closing report over the tests of all packages, cached or not.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { Command } from "commander";

new Command("test")
  .description(
    "Runs every check of every package, those that have passed unchanged from the cache; then one report over all tests.",
  )
  .parse();

/** Runs a program of node_modules/.bin, showing what it prints; returns its exit status. */
function run(program: string, args: readonly string[]): number {
  const { status } = spawnSync(program, args, {
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  return status ?? 1;
}

// Nx puts the reports of unchanged packages back from its cache, so whatever lies here afterwards is of this run.
rmSync("reports", { recursive: true, force: true });
const targets = ["biome", "layers", "typecheck", "build", "test", "modes"];
const checks = run("nx", ["run-many", "-t", ...targets, "--nxBail=false"]);

const reporters = ["--reporter=default", "--reporter=json", "--outputFile.json=reports/tests.json"];
const tests = existsSync("reports/blobs") ? run("vitest", ["run", "--merge-reports=reports/blobs", ...reporters]) : 1;

if (checks !== 0) console.error("Some checks failed: Nx names them above.");
process.exitCode = checks || tests;
