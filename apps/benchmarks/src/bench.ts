// `npm run bench`: eight workloads on Cotangent, PyTorch, jax-js and TensorFlow.js, with results that must agree.
import { writeFileSync } from "node:fs";
import { chart } from "./speed/chart.ts";
import { writeMarkdown } from "./speed/markdown.ts";
import { readOptions } from "./speed/options.ts";
import { asMarkdown, asText, notes, profileTable, ratesTable, timesTable } from "./speed/report.ts";
import { toJson } from "./speed/results.ts";
import { runBenchmark } from "./speed/run-benchmark.ts";

const options = readOptions(process.argv.slice(2));
const { workloads, json, chart: picture, markdown } = options;
const { benchmark, mismatches } = await runBenchmark(options, (line) => {
  console.error(line);
});
const tables = [
  timesTable(benchmark, workloads),
  ratesTable(benchmark, workloads),
  ...workloads.flatMap((name) => {
    const table = profileTable(benchmark, name);
    return table ? [table] : [];
  }),
];
console.log(["", ...tables.map(asText), notes(benchmark).join("\n")].join("\n\n"));
if (json !== undefined) writeFileSync(json, `${JSON.stringify(toJson(benchmark, workloads), null, 2)}\n`);
if (picture !== undefined) writeFileSync(picture, chart(benchmark, workloads));
if (markdown !== undefined) {
  const list = notes(benchmark).map((line) => `- ${line}`);
  writeMarkdown(markdown, [...tables.map(asMarkdown), list.join("\n")].join("\n\n"));
}
if (mismatches.length > 0) {
  console.error(`\nWRONG RESULTS\n${mismatches.join("\n")}`);
  process.exitCode = 1;
}
