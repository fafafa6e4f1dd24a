// `npm run bench:shapes`: 60 products and 60 convolutions of all kinds of shapes, to find those that are far slower than their like.
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { z } from "zod";
import { type Group, groupsOf, type Rate } from "./shapes/sweep.ts";
import { launch } from "./speed/launch.ts";
import { listOf } from "./speed/options.ts";
import { asText, showNumber } from "./speed/report.ts";

const schema = z.strictObject({
  kinds: listOf(["matmul", "conv"]),
  threads: z
    .string()
    .transform((text) => text.split(",").map(Number))
    .pipe(z.array(z.number().int().min(1)).min(1)),
  processes: z.coerce.number().int().min(1),
  share: z.coerce.number().positive(),
  limit: z.coerce.number().min(0).max(1),
  json: z.string().min(1).optional(),
});

const ratesSchema = z.array(
  z.object({ name: z.string(), kind: z.string(), flops: z.number(), minMs: z.number(), gflops: z.number() }),
);

const worker = fileURLToPath(new URL("./shapes/worker.ts", import.meta.url));
const limitSeconds = 300;

async function sweep(kind: string, threads: number, share: number): Promise<Rate[]> {
  const program = [process.execPath, "--import", "tsx", worker, kind, String(share)];
  const launched = await launch(program, { COTANGENT_THREADS: String(threads) }, limitSeconds);
  if ("failure" in launched) throw new Error(`${kind}, threads: ${threads}: ${launched.failure}`);
  return ratesSchema.parse(launched.result);
}

/** The faster of two runs of the same shapes. */
const fastest = (before: readonly Rate[], rates: readonly Rate[]): Rate[] =>
  rates.map((rate, i) => {
    const other = before[i] ?? rate;
    return other.minMs < rate.minMs ? other : rate;
  });

function show({ title, rates, worstRatio }: Group, limit: number): string {
  const best = rates[0]?.gflops ?? 0;
  const lines = rates.map(({ name, minMs, gflops }) => {
    const ratio = gflops / best;
    return [name, showNumber(minMs), showNumber(gflops), `${ratio.toFixed(2)}${ratio < limit ? " !" : ""}`];
  });
  return asText([[title, "ms", "GFLOP/s", `worst ${worstRatio.toFixed(2)}`], ...lines]);
}

async function main(args: readonly string[]): Promise<void> {
  const command = new Command("bench:shapes")
    .description(
      "Times 60 products of matrices and 60 convolutions, forward and both gradients, and marks what is slow for its size.",
    )
    .option("--kinds <list>", "matmul, conv", "matmul,conv")
    .option("--threads <list>", "numbers of threads, each in a process of its own", `1,${availableParallelism()}`)
    // A system may run both threads on one core for as long as a shape is timed.
    .option("--processes <n>", "processes for each of these, of which the fastest counts for each shape", "2")
    .option("--share <n>", "share of the usual time, a quarter of a second for each shape", "1")
    .option("--limit <ratio>", "mark shapes below this share of the best of their kind and size", "0.6")
    .option("--json <file>", "write all numbers to a file")
    .parse(args, { from: "user" });
  const parsed = schema.safeParse(command.opts());
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return command.error(`error: --${String(issue?.path[0])}: ${issue?.message}`);
  }
  const { kinds, threads, processes, share, limit, json } = parsed.data;
  const found: { threads: number; groups: Group[] }[] = [];
  for (const count of new Set(threads)) {
    const rates: Rate[] = [];
    for (const kind of kinds) {
      let best: Rate[] = [];
      for (let i = 0; i < processes; i++) best = fastest(best, await sweep(kind, count, share));
      rates.push(...best);
    }
    const groups = groupsOf(rates);
    found.push({ threads: count, groups });
    console.log(`\nThreads: ${count}\n\n${groups.map((group) => show(group, limit)).join("\n\n")}`);
  }
  const summary = found.flatMap(({ threads: count, groups }) =>
    groups.map(({ title, rates, worstRatio }) => [
      title,
      String(count),
      String(rates.length),
      showNumber(rates[0]?.gflops ?? 0),
      worstRatio.toFixed(2),
    ]),
  );
  console.log(`\n${asText([["", "threads", "shapes", "best GFLOP/s", "worst / best"], ...summary])}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ limit, sweeps: found }, null, 2)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
