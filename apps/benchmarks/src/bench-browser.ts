// `npm run bench:browser`: the workloads in Chromium, in pages that are cross-origin isolated and in others, next to Node.
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Command } from "commander";
import { z } from "zod";
import { bundleForBrowsers } from "./browser/bundle.ts";
import { findChromium, howToGetChromium, runInChromium } from "./browser/chromium.ts";
import { median } from "./measure.ts";
import { configurationsOf } from "./speed/configurations.ts";
import { launch } from "./speed/launch.ts";
import { writeMarkdown } from "./speed/markdown.ts";
import { listOf } from "./speed/options.ts";
import { differences, type Outcome, outcomeSchema } from "./speed/outcome.ts";
import { asMarkdown, asText, showNumber } from "./speed/report.ts";
import { type WorkloadName, workloadNames, workloads as workloadSpecs } from "./speed/specification.ts";

/** W8 reads files. */
const inPages = workloadNames.filter((name) => name !== "W8");

const optionsSchema = z.strictObject({
  workloads: listOf(inPages),
  repetitions: z.coerce.number().int().min(1),
  share: z.coerce.number().positive().max(1),
  json: z.string().min(1).optional(),
  markdown: z.string().min(1).optional(),
});

const runSchema = outcomeSchema.extend({ version: z.string() });
type Run = z.infer<typeof runSchema>;

const limitSeconds = 300;

/** One way to run a workload; the page's threads are those of its machine. */
interface Place {
  readonly title: string;
  run(name: WorkloadName, share: number): Promise<unknown>;
}

const threadsTitle = (threads: number): string => (threads === 1 ? "1 thread" : `${threads} threads`);

function chromiumPlaces(chromium: string, script: string): Place[] {
  return [true, false].map((isolated) => ({
    title: `Chromium, ${isolated ? "isolated" : "not isolated"}, ${threadsTitle(isolated ? availableParallelism() : 1)}`,
    run: (name, share) =>
      runInChromium(chromium, script, { isolated, search: `?workload=${name}&share=${share}`, limitSeconds }),
  }));
}

function nodePlaces(): Place[] {
  return configurationsOf("cotangent", availableParallelism()).map(({ title, command, environment }) => ({
    title: title.replace("Cotangent", "Node"),
    async run(name, share) {
      const launched = await launch([...command, name, String(share)], environment, limitSeconds);
      if ("failure" in launched) throw new Error(launched.failure);
      return launched.result;
    },
  }));
}

const cellOf = (runs: readonly Outcome[]): string => {
  if (runs.length === 0) return "fails";
  const medianMs = median(runs.map((run) => run.medianMs));
  return `${showNumber(medianMs)} (${showNumber(Math.min(...runs.map((run) => run.minMs)))})`;
};

async function main(args: readonly string[]): Promise<void> {
  const command = new Command("bench:browser")
    .description("Runs Cotangent's workloads in headless Chromium, with threads and without, and in Node.")
    .option("--workloads <list>", `which workloads, of ${inPages.join(",")}`, "W1,W2")
    .option("--repetitions <n>", "pages and processes for each workload", "3")
    .option("--share <n>", "share of the specified measuring time", "1")
    .option("--json <file>", "write all numbers to a file")
    .option(
      "--markdown <file>",
      "write the table to a file, between its lines <!-- browsers --> and <!-- /browsers -->",
    )
    .addHelpText(
      "after",
      "\nThe first losses of each run must be the expected ones. Chromium: the program that CHROMIUM names, or in PATH.",
    )
    .parse(args, { from: "user" });
  const parsed = optionsSchema.safeParse(command.opts());
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return command.error(`error: --${String(issue?.path[0])}: ${issue?.message}`);
  }
  const { workloads, repetitions, share, json, markdown } = parsed.data;

  const chromium = findChromium();
  if (chromium === null) throw new Error(`bench:browser: ${howToGetChromium}`);
  const script = await bundleForBrowsers(new URL("./browser/workload-page.ts", import.meta.url));
  const places = [...chromiumPlaces(chromium, script), ...nodePlaces()];
  const runs = new Map<string, Run[]>();
  const runsOf = (name: WorkloadName, { title }: Place): Run[] => runs.get(`${name} ${title}`) ?? [];
  const failures: string[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++)
    for (const name of workloads)
      for (const place of places) {
        const what = `${name} ${place.title}`;
        try {
          const run = runSchema.parse(await place.run(name, share));
          const wrong = differences(name, run.evidence);
          if (wrong.length > 0) throw new Error(wrong.join("; "));
          runs.set(what, [...runsOf(name, place), run]);
          console.error(`${what}: ${showNumber(run.medianMs)} ms`);
        } catch (error) {
          failures.push(`${what}: ${error instanceof Error ? error.message : error}`);
        }
      }

  const table = [
    ["ms: median (minimum)", ...places.map(({ title }) => title)],
    ...workloads.map((name) => [
      `${name} ${workloadSpecs[name].name}`,
      ...places.map((place) => cellOf(runsOf(name, place))),
    ]),
  ];
  const versions = [...new Set([...runs.values()].flat().map(({ version }) => version))];
  console.log(`${asText(table)}\n\n${versions.join("\n")}`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ versions, runs: Object.fromEntries(runs) }, null, 2)}\n`);
  if (markdown !== undefined) writeMarkdown(markdown, asMarkdown(table), "browsers");
  if (failures.length > 0) throw new Error(`\nFAILED\n${failures.join("\n")}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
