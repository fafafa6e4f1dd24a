// One workload on one framework, in a process of its own. Prints its result as a line of JSON.
// Usage: node worker.ts cotangent|cotangent-compiled|jaxjs|tfjs WORKLOAD SHARE, node worker.ts profile WORKLOAD, or node worker.ts peaks THREADS
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { readDigits } from "./digits.ts";
import type { Framework } from "./framework.ts";
import { measurePeaks } from "./peaks.ts";
import { isWorkloadName } from "./specification.ts";
import { runWorkload } from "./workload-run.ts";

/** The version in the package.json above a package's entry. */
function versionOf(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    try {
      const { name: found, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      if (found === name && typeof version === "string") return version;
    } catch {
      // No package.json here.
    }
    if (dirname(folder) === folder) return "";
    folder = dirname(folder);
  }
}

async function load(name: string): Promise<Framework> {
  switch (name) {
    case "cotangent":
      return (await import("./cotangent.ts")).cotangent;
    case "cotangent-compiled":
      return (await import("./cotangent.ts")).compiledCotangent;
    case "jaxjs":
      return (await import("./jaxjs.ts")).createJaxjs(versionOf("@jax-js/jax"));
    case "tfjs":
      return (await import("./tfjs.ts")).createTfjs(versionOf("@tensorflow/tfjs"));
    default:
      throw new Error(`expected a framework, got ${name}`);
  }
}

async function result(): Promise<unknown> {
  const [framework = "", what = "", share = "1"] = process.argv.slice(2);
  if (framework === "peaks") return measurePeaks(Number(what));
  if (!isWorkloadName(what)) throw new Error(`expected a workload, got ${what}`);
  if (framework === "profile") return (await import("./kernel-profile.ts")).profileWorkload(what);
  const subject = await load(framework);
  const outcome = await runWorkload(subject, what, Number(share), readDigits);
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  return {
    ...outcome,
    version: `${subject.version}, Node ${process.versions.node}`,
    residentMiB: Math.round(maxRSS / 1024),
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  };
}

try {
  console.log(`RESULT ${JSON.stringify(await result())}`);
  process.exit(0);
} catch (error) {
  console.error(`FAILED ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
