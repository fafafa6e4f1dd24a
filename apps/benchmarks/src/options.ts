// Reading the options of a benchmark's command line.
import { parseArgs } from "node:util";
import { deviceNames } from "@cotangent/core";
import { z } from "zod";

const count = (least: number) => z.coerce.number().int().min(least);

const schema = z.strictObject({
  sizes: z
    .string()
    .transform((text) => text.split(",").map(Number))
    .pipe(z.array(z.number().int().min(30)).min(1)),
  batchSize: count(1),
  steps: count(4),
  seconds: z.coerce.number().positive(),
  device: z.enum(deviceNames() as [string, ...string[]]),
  json: z.string().min(1).optional(),
  check: z.boolean(),
});

export type BackwardOptions = z.infer<typeof schema>;

export const usage = `Usage: npm run bench:backward -- [options]

Times the forward pass of a perceptron against the gradient of its loss, and counts the plans that its training compiles.

  --sizes LIST      numbers of parameters (default 1000,10000,100000,1000000,5000000,25000000)
  --batch-size N    examples in a batch (default 512)
  --steps N         training steps whose compiled plans are counted (default 30)
  --seconds S       time for each size at least (default 2)
  --device NAME     ${deviceNames().join(" or ")} (default ${deviceNames()[0]})
  --json FILE       write the numbers to a file as well
  --check           exit with status 1 where a ratio is above 3 or plans keep being compiled
  --help            show this text`;

/** The options, or null where help is asked for. Throws an error that names what is wrong. */
export function readOptions(args: readonly string[]): BackwardOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: { type: "string", default: "1000,10000,100000,1000000,5000000,25000000" },
      "batch-size": { type: "string", default: "512" },
      steps: { type: "string", default: "30" },
      seconds: { type: "string", default: "2" },
      device: { type: "string", default: deviceNames()[0] ?? "" },
      json: { type: "string" },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const { "batch-size": batchSize, help: _, ...rest } = values;
  const parsed = schema.safeParse({ ...rest, batchSize });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new Error(`--${name}: ${issue?.message}`);
}
