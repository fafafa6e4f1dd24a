// `npm run bench`: eight workloads on Cotangent, PyTorch, jax-js and TensorFlow.js, with results that must agree.
import { writeFileSync } from "node:fs";
import { chart } from "./speed/chart.ts";
import { readOptions } from "./speed/options.ts";
import { asMarkdown, asText, notes, ratesTable, timesTable } from "./speed/report.ts";
import { toJson } from "./speed/results.ts";
import { runBenchmark } from "./speed/run-benchmark.ts";

const options = readOptions(process.argv.slice(2));
const { benchmark, mismatches } = await runBenchmark(options, (line) => {
  console.error(line);
});
const tables = [timesTable(benchmark, options.workloads), ratesTable(benchmark, options.workloads)];
console.log(["", ...tables.map(asText), notes(benchmark).join("\n")].join("\n\n"));

const { json, chart: picture, markdown } = options;
if (json !== undefined) writeFileSync(json, `${JSON.stringify(toJson(benchmark, options.workloads), null, 2)}\n`);
if (picture !== undefined) writeFileSync(picture, chart(benchmark, options.workloads));
if (markdown !== undefined)
  writeFileSync(
    markdown,
    `${[
      ...tables.map(asMarkdown),
      notes(benchmark)
        .map((line) => `- ${line}`)
        .join("\n"),
    ].join("\n\n")}\n`,
  );
if (mismatches.length > 0) {
  console.error(`\nWRONG RESULTS\n${mismatches.join("\n")}`);
  process.exitCode = 1;
}
