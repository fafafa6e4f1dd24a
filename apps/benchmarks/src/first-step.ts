// `npm run bench:compile`: what the first step of a process spends its time on, most of all on compiling its plan.
// Each step runs in fresh processes, in turns; medians. Usage: npm run bench:compile -- [WORKLOAD …] [--rounds 7]
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { profile, tensor } from "@cotangent/core";
import { median } from "./measure.ts";
import { given, training } from "./speed/cotangent.ts";
import { launch } from "./speed/launch.ts";
import { isWorkloadName, workloads } from "./speed/specification.ts";
import { batchesOf } from "./speed/workload-run.ts";

type Times = Readonly<Record<string, number>>;

const columns = ["start", "program", "signature", "compile", "launch", "kernels", "first step", "second step"];

/** Milliseconds of one process, this one. */
async function firstStep(name: string): Promise<Times> {
  const startMs = performance.now();
  const spec = isWorkloadName(name) ? workloads[name] : null;
  if (!isWorkloadName(name) || spec?.kind !== "train") throw new Error(`expected a training workload, got ${name}`);
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

async function main(names: readonly string[], rounds: number): Promise<void> {
  const program = fileURLToPath(import.meta.url);
  const runs = new Map<string, Times[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, times] of runs) {
      const command = [process.execPath, "--conditions=@cotangent/source", program, "--one", name];
      const done = await launch(command, {}, 60);
      if ("failure" in done) throw new Error(`${name}: ${done.failure}`);
      times.push(done.result as Times);
    }
  const cells = (title: string, values: readonly string[]): string =>
    title.padEnd(4) + values.map((value) => value.padStart(13)).join("");
  console.log(`Milliseconds, medians of ${rounds} processes\n\n${cells("", columns)}`);
  for (const [name, times] of runs) {
    const medians = columns.map((column) => median(times.map((one) => one[column] ?? 0)).toFixed(1));
    console.log(cells(name, medians));
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "7" }, one: { type: "string" } },
});
if (values.one === undefined) {
  await main(positionals.length > 0 ? positionals : ["W1", "W2", "W3"], Math.max(1, Number(values.rounds)));
} else {
  console.log(`RESULT ${JSON.stringify(await firstStep(values.one))}`);
  process.exit(0);
}
