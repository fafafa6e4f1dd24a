// The command line of the benchmark: parsed by commander, checked by zod.
import { availableParallelism } from "node:os";
import { Command } from "commander";
import { z } from "zod";
import { type FrameworkName, frameworkNames } from "./configurations.ts";
import { type WorkloadName, workloadNames } from "./specification.ts";

/** Some of these names, separated by commas, each once. */
export const listOf = <const Name extends string>(names: readonly Name[]) =>
  z
    .string()
    .transform((text) => [...new Set(text.split(",").map((part) => part.trim()))])
    .pipe(z.array(z.enum(names as readonly [Name, ...Name[]])).min(1));

const schema = z
  .strictObject({
    workloads: listOf(workloadNames),
    frameworks: listOf(frameworkNames),
    repetitions: z.coerce.number().int().min(1).optional(),
    threads: z.coerce.number().int().min(1),
    nodes: z
      .string()
      .transform((text) => text.split(","))
      .pipe(z.array(z.string().regex(/^\d+(\.\d+)*$/, "expected versions such as 20,22")))
      .default([]),
    patience: z.coerce.number().min(0),
    quick: z.boolean().default(false),
    profile: z.boolean().default(false),
    json: z.string().min(1).optional(),
    chart: z.string().min(1).optional(),
    markdown: z.string().min(1).optional(),
  })
  .transform(({ repetitions, ...options }) => ({ ...options, repetitions: repetitions ?? (options.quick ? 1 : 3) }));

export interface BenchOptions {
  readonly workloads: readonly WorkloadName[];
  readonly frameworks: readonly FrameworkName[];
  readonly repetitions: number;
  readonly threads: number;
  /** Other versions of Node. */
  readonly nodes: readonly string[];
  readonly patience: number;
  readonly quick: boolean;
  readonly profile: boolean;
  readonly json?: string | undefined;
  readonly chart?: string | undefined;
  readonly markdown?: string | undefined;
}

const details = `
Workloads: W1 perceptron on MNIST, W2 convolutional network, W3 GPT, W4 products of matrices, W5 perceptron with
25 million parameters, W6 GELU of 4 million elements with its gradient, W7 tiny perceptron, W8 one epoch of MNIST.
Each framework runs each workload in a process of its own, and its first losses must be the expected ones. Times are the
median of the processes' medians, and the minimum; processes that others disturbed count only where there are no better ones.
PyTorch takes part where a Python with torch is found: set PYTHON, or install Debian's python3-torch.`;

/** The options in `args`; null where help was asked for. Throws an error that names what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const command = new Command("bench")
    .description("Compares Cotangent with PyTorch, jax-js and TensorFlow.js on this machine.")
    .option("--workloads <list>", "which workloads, for example W1,W3", workloadNames.join(","))
    .option("--frameworks <list>", "which frameworks", frameworkNames.join(","))
    .option(
      "--repetitions <n>",
      "processes for each framework and workload, three times as many for W8 (default: 3, quick: 1)",
    )
    .option(
      "--threads <n>",
      "threads of PyTorch and Cotangent; both run on one thread as well",
      String(availableParallelism()),
    )
    .option("--nodes <list>", "other versions of Node to run Cotangent on, for example 20,22")
    .option(
      "--patience <seconds>",
      "wait so long before each process at most, until others leave the machine alone",
      "0",
    )
    .option(
      "--quick",
      "ends within two minutes: one short run each, and only the fast workloads for the slow frameworks",
    )
    .option("--profile", "show the costliest kernels of Cotangent on each workload, on one thread")
    .option("--json <file>", "write all numbers to a file")
    .option("--chart <file>", "write a chart of the times over PyTorch's, as SVG")
    .option(
      "--markdown <file>",
      "write the tables as Markdown; in a file that exists, between its lines <!-- bench --> and <!-- /bench -->",
    )
    .addHelpText("after", details)
    .parse(args, { from: "user" });
  const { success, data, error } = schema.safeParse(command.opts());
  if (success) return data;
  const issue = error.issues[0];
  const option = String(issue?.path[0] ?? "");
  const given: unknown = command.opts()[option];
  const expected = issue?.message.replace(/^(Invalid input|Invalid option|Too \w+): /, "").replace(/, received .*/, "");
  return command.error(`error: --${option}: ${expected}, got '${given}'`);
}
