// `npm run bench:bits`: training gives the same bits, whatever the number of threads.
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { z } from "zod";
import { launch } from "./speed/launch.ts";
import { listOf } from "./speed/options.ts";

const schema = z.strictObject({
  workloads: listOf(["W1", "W2", "W3", "W5", "W7"]),
  threads: z
    .string()
    .transform((text) => text.split(",").map(Number))
    .pipe(z.array(z.number().int().min(1)).min(1)),
  steps: z.coerce.number().int().min(1),
});

const resultSchema = z.object({ hash: z.string(), loss: z.number() });
const worker = fileURLToPath(new URL("./bits-worker.ts", import.meta.url));
const limitSeconds = 900;

const command = new Command("bench:bits")
  .description(
    "Trains with several numbers of threads, and compares the bits of all losses and of the final parameters.",
  )
  .option("--workloads <list>", "which workloads", "W1,W2,W3")
  .option("--threads <list>", "numbers of threads", "1,2,3,4")
  .option("--steps <n>", "steps of each", "200")
  .parse(process.argv.slice(2), { from: "user" });
const parsed = schema.safeParse(command.opts());
if (!parsed.success)
  command.error(`error: --${String(parsed.error.issues[0]?.path[0])}: ${parsed.error.issues[0]?.message}`);
else {
  const { workloads, threads, steps } = parsed.data;
  for (const name of workloads) {
    const hashes = new Set<string>();
    for (const count of threads) {
      const program = [process.execPath, "--import", "tsx", worker, name, String(steps)];
      const launched = await launch(program, { COTANGENT_THREADS: String(count) }, limitSeconds);
      if ("failure" in launched) throw new Error(`${name}, ${count} threads: ${launched.failure}`);
      const { hash, loss } = resultSchema.parse(launched.result);
      hashes.add(hash);
      console.log(`${name} after ${steps} steps, threads: ${count}, loss ${loss}, ${hash.slice(0, 16)}`);
    }
    if (hashes.size > 1) {
      console.error(`${name}: expected the same bits for any number of threads, got ${hashes.size} different results`);
      process.exitCode = 1;
    }
  }
}
