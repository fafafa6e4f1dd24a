// `npm run bench:compile`: what the first step of a process spends its time on, most of all on compiling its plan.
import { fileURLToPath } from "node:url";
import { profile, tensor } from "@cotangent/core";
import { Command, Option } from "commander";
import { z } from "zod";
import { median } from "./measure.ts";
import { given, training } from "./speed/cotangent.ts";
import { launch } from "./speed/launch.ts";
import { type WorkloadName, workloadNames, workloads } from "./speed/specification.ts";
import { batchesOf } from "./speed/workload-run.ts";

const timesSchema = z.record(z.string(), z.number());
type Times = z.infer<typeof timesSchema>;

const columns = ["start", "program", "signature", "compile", "launch", "kernels", "first step", "second step"];

/** Milliseconds of one process, this one. */
async function firstStep(name: WorkloadName | undefined): Promise<Times> {
  const startMs = performance.now();
  const spec = name && workloads[name];
  if (!name || spec?.kind !== "train") throw new Error(`expected a training workload, got ${name}`);
  const [batch] = batchesOf(spec);
  if (!batch) throw new Error("expected a batch");
  const [x, y] = [tensor(batch[0], { shape: spec.data[0].shape }), tensor(batch[1], { shape: spec.data[1].shape })];
  const { step } = training(name, spec, given);
  const [first, second] = [await profile(() => step(x, y)), await profile(() => step(x, y))];
  return {
    start: startMs,
    ...Object.fromEntries(first.phases.map(({ phase, totalMs }) => [phase, totalMs])),
    kernels: first.kernelMs,
    "first step": first.totalMs,
    "second step": second.totalMs,
  };
}

async function main(names: readonly WorkloadName[], rounds: number): Promise<void> {
  const program = fileURLToPath(import.meta.url);
  const runs = new Map<string, Times[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, times] of runs) {
      const command = [process.execPath, "--conditions=@cotangent/source", program, "--one", name];
      const done = await launch(command, {}, 60);
      if ("failure" in done) throw new Error(`${name}: ${done.failure}`);
      times.push(timesSchema.parse(done.result));
    }
  const cells = (title: string, values: readonly string[]): string =>
    title.padEnd(4) + values.map((value) => value.padStart(13)).join("");
  console.log(`Milliseconds, medians of ${rounds} processes\n\n${cells("", columns)}`);
  for (const [name, times] of runs) {
    const medians = columns.map((column) => median(times.map((one) => one[column] ?? 0)).toFixed(1));
    console.log(cells(name, medians));
  }
}

const trained = workloadNames.filter((name) => workloads[name].kind === "train");
const command = new Command("bench:compile")
  .description(
    "Shows what the first step of a process spends its time on. Each runs in fresh processes, in turns; medians.",
  )
  .argument("[workloads...]", `workloads that train: ${trained.join(", ")}`, ["W1", "W2", "W3"])
  .option("--rounds <n>", "processes for each workload", "7")
  .addOption(new Option("--one", "measures this process instead, and prints one line").hideHelp())
  .parse();
const parsed = z
  .strictObject({
    workloads: z.array(z.enum(trained)).min(1),
    rounds: z.coerce.number().int().min(1),
    one: z.boolean().default(false),
  })
  .safeParse({ ...command.opts(), workloads: command.processedArgs[0] });
if (!parsed.success) {
  const [issue] = parsed.error.issues;
  command.error(`error: ${String(issue?.path[0])}: ${issue?.message}`);
} else if (parsed.data.one) {
  console.log(`RESULT ${JSON.stringify(await firstStep(parsed.data.workloads[0]))}`);
  process.exit(0);
} else await main(parsed.data.workloads, parsed.data.rounds);
