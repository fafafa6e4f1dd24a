// `npm run bench:derivatives`: reverse mode costs by outputs, forward mode by inputs, checkpoints by the root of the layers.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deviceNames, explain, setDefaultDevice, type Tensor, tensor } from "@cotangent/core";
import { z } from "zod";
import { checkpointCost, hessianCost, loopCost, type ModeCost, modeCost } from "./derivatives/costs.ts";
import { differenceErrors } from "./derivatives/differences.ts";
import { asText, costChart, type DerivativeCosts, differenceChart, violations } from "./derivatives/report.ts";
import type { Effort } from "./measure.ts";

const usage = `Usage: npm run bench:derivatives -- [options]

Times both modes of differentiation against the function for growing numbers of inputs and outputs, products with the Hessian
against gradients, checkpoints against keeping all, and counts the plans that loops compile.

  --most N          inputs, outputs at most: 1, 4, 16, … (default 256)
  --layers LIST     layers in checkpoints (default 4,16,36,64)
  --seconds S       time for each measurement at least (default 0.6)
  --device NAME     ${deviceNames().join(" or ")} (default ${deviceNames()[0]})
  --json FILE       write the numbers to a file as well
  --charts FOLDER   write the pictures of docs/automatic-differentiation.md to a folder
  --check           exit with status 1 where something costs more than it may
  --help            show this text`;

const schema = z.strictObject({
  most: z.coerce.number().int().min(1),
  layers: z
    .string()
    .transform((text) => text.split(",").map(Number))
    .pipe(z.array(z.number().int().min(1)).min(1)),
  seconds: z.coerce.number().positive(),
  device: z.enum(deviceNames() as [string, ...string[]]),
  json: z.string().min(1).optional(),
  charts: z.string().min(1).optional(),
  check: z.boolean(),
});

function readOptions(args: readonly string[]): z.infer<typeof schema> | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      most: { type: "string", default: "256" },
      layers: { type: "string", default: "4,16,36,64" },
      seconds: { type: "string", default: "0.6" },
      device: { type: "string", default: deviceNames()[0] ?? "" },
      json: { type: "string" },
      charts: { type: "string" },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { help, ...rest } = values;
  if (help) return null;
  const parsed = schema.safeParse(rest);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`--${String(issue?.path[0] ?? "")}: ${issue?.message}`);
}

/** f(x₁, x₂) = sin x₁ + x₁·x₂, as a picture. */
function explained(): string {
  const f = (x1: Tensor, x2: Tensor): Tensor => x1.sin().add(x1.mul(x2));
  return explain(f, [tensor(2), tensor(3)]).toSvg();
}

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === null) {
    console.log(usage);
    return;
  }
  const { most, layers, seconds, device, json, charts, check } = options;
  setDefaultDevice(device);
  const effort: Effort = { warmUp: 2, rounds: 3, budgetMs: seconds * 1000 };
  const counts = [1, 4, 16, 64, 256, 1024, 4096].filter((n) => n <= most);
  const [byInputs, byOutputs]: [ModeCost[], ModeCost[]] = [[], []];
  for (const n of counts) byInputs.push(await modeCost(n, 1, device, effort));
  for (const m of counts) byOutputs.push(await modeCost(1, m, device, effort));
  const hessian = await hessianCost(device, effort);
  const checkpoints = [];
  for (const count of layers) checkpoints.push(await checkpointCost(count, device, effort));
  const loops = [await loopCost(10, device), await loopCost(10_000, device)];
  const costs: DerivativeCosts = { device, byInputs, byOutputs, hessian, checkpoints, loops };
  console.log(asText(costs));
  const wrong = violations(costs);
  for (const line of wrong) console.log(`EXCEEDED: ${line}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ ...costs, violations: wrong }, null, 2)}\n`);
  if (charts !== undefined) {
    mkdirSync(charts, { recursive: true });
    writeFileSync(join(charts, "derivative-costs.svg"), costChart(costs));
    writeFileSync(join(charts, "differences.svg"), differenceChart(differenceErrors()));
    writeFileSync(join(charts, "explain.svg"), explained());
  }
  if (check && wrong.length > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
