// Trains a workload and prints a hash of every loss and of all parameters at the end. Usage: tsx bits-worker.ts WORKLOAD STEPS
import { createHash } from "node:crypto";
import { tensor } from "@cotangent/core";
import { given, training } from "./speed/cotangent.ts";
import { isWorkloadName, workloads } from "./speed/specification.ts";
import { batchesOf } from "./speed/workload-run.ts";

const [name = "", steps = ""] = process.argv.slice(2);
const spec = isWorkloadName(name) ? workloads[name] : null;
if (!isWorkloadName(name) || spec?.kind !== "train") throw new Error(`expected a workload that trains, got ${name}`);

const { weights, step } = training(name, spec, given);
const batches = batchesOf(spec).map(
  ([x, y]) => [tensor(x, { shape: spec.data[0].shape }), tensor(y, { shape: spec.data[1].shape })] as const,
);
const hash = createHash("sha256");
let last = Number.NaN;
for (let i = 0; i < Number(steps); i++) {
  const batch = batches[i % batches.length];
  if (!batch) throw new Error("expected a batch");
  last = await step(...batch);
  hash.update(new Uint8Array(Float64Array.of(last).buffer));
}
for (const { name: parameter } of spec.params) {
  const { buffer, byteOffset, byteLength } = await weights(parameter).data();
  hash.update(new Uint8Array(buffer, byteOffset, byteLength));
}
console.log(`RESULT ${JSON.stringify({ hash: hash.digest("hex"), loss: last })}`);
