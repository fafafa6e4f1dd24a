// `npm run bench:backward`: one backward sweep costs at most so many forward passes, however many parameters there are.
import { writeFileSync } from "node:fs";
import { setDefaultDevice } from "@cotangent/core";
import { backwardCost, type Cost } from "./backward-cost.ts";
import { readOptions, usage } from "./options.ts";

/** Loss and gradient together, in forward passes. */
const limit = 3;

const columns: readonly (readonly [title: string, width: number, cell: (cost: Cost) => string])[] = [
  ["parameters", 12, (cost) => cost.parameters.toLocaleString("en")],
  ["width", 7, (cost) => String(cost.width)],
  ["forward ms", 12, (cost) => cost.forwardMs.toFixed(3)],
  ["gradient ms", 13, (cost) => cost.gradientMs.toFixed(3)],
  ["ratio", 7, (cost) => cost.ratio.toFixed(2)],
  ["plans, steps 1-3", 18, (cost) => String(cost.plansAtFirst)],
  ["later", 7, (cost) => String(cost.plansLater)],
];

const line = (cells: readonly string[]): string => cells.map((cell, i) => cell.padStart(columns[i]?.[1] ?? 0)).join("");

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === null) {
    console.log(usage);
    return;
  }
  const { sizes, batchSize, steps, seconds, device, json, check } = options;
  setDefaultDevice(device);
  console.log(`Loss and gradient of a perceptron, batches of ${batchSize}, device ${device}\n`);
  console.log(line(columns.map(([title]) => title)));
  const costs: Cost[] = [];
  for (const size of sizes) {
    const effort = { warmUp: 3, rounds: 5, budgetMs: seconds * 1000 };
    const cost = await backwardCost(size, { batchSize, device, steps, effort });
    costs.push(cost);
    console.log(line(columns.map(([, , cell]) => cell(cost))));
  }
  const worst = Math.max(...costs.map((cost) => cost.ratio));
  const isFlat = costs.every((cost) => cost.plansLater === 0);
  console.log(
    `\nworst ratio ${worst.toFixed(2)} (at most ${limit}); ${isFlat ? "no" : "SOME"} plans compiled after step 3`,
  );
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ device, batchSize, steps, limit, worst, costs }, null, 2)}\n`);
  if (check && (worst > limit || !isFlat)) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
