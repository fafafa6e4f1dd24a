// Every operation on every device: values, derivatives, batches.
import { readdirSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { isFloat } from "../base/dtype.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { deviceNames } from "../runtime/devices.ts";
import { Tensor } from "../tensor/tensor.ts";
import { disagreement } from "./conformance.ts";
import { checkBatch, gradientOf, type NodeFunction } from "./derivatives.ts";
import { registerEagerThreads } from "./eager-threads.ts";
import { gradcheck } from "./gradcheck.ts";
import { nodeOf } from "./nodes.ts";
import { presentations } from "./present.ts";
import { isOperation, sampled } from "./samples.ts";

const pool = registerEagerThreads();
const devices = deviceNames();
let values = 0;
let derivatives = 0;

afterAll(() => {
  const cases = sampled.reduce((count, { samples }) => count + samples.list.length, 0);
  console.info(
    `conformance: ${sampled.length} operations, ${cases} cases, ${devices.length} devices (${devices.join(", ")}): ` +
      `${values} comparisons of values, ${derivatives} checks of derivatives and batches`,
  );
});

test("every operation of every file in ops/ has samples", async () => {
  const folder = new URL("../ops/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const missing: string[] = [];
  for (const file of files) {
    const module: Record<string, unknown> = await import(new URL(file, folder).href);
    for (const [name, value] of Object.entries(module))
      if (isOperation(value) && !sampled.some(({ record }) => record === value)) missing.push(`${file}: ${name}`);
  }
  expect(missing).toEqual([]);
  expect(sampled.every(({ samples }) => samples.list.some((each) => each.probes))).toBe(true);
});

describe.each(devices)("on %s", { timeout: 120_000 }, (device) => {
  describe("values are the interpreter's", () => {
    test.each(sampled.map((each) => [each.name, each] as const))("%s", (_, { record, samples }) => {
      const wrong: string[] = [];
      for (const [i, each] of samples.list.entries())
        for (const presentation of ["plain", presentations[i % presentations.length] ?? "plain"] as const) {
          const message = disagreement(record, each, samples.bound, device, presentation);
          if (message !== null) wrong.push(message);
          values++;
        }
      if (wrong.length > 0) throw new Error(`${wrong.length} disagreements:\n${wrong.slice(0, 8).join("\n")}`);
    });
  });

  describe("derivatives are those of differences, batches those of loops", () => {
    test.each(sampled.map((each) => [each.name, each] as const))("%s", async (_, { record, samples }) => {
      for (const { inputs, attrs } of samples.list.filter((each) => each.probes)) {
        const xs = inputs.map(({ shape, values: data, dtype }) => nodeOf(shape, data, dtype, { device }));
        const f: NodeFunction = (...nodes) => makeNode(record, nodes, attrs);
        const hasGradient = inputs.some((x) => isFloat(x.dtype)) && isFloat(f(...xs).dtype);
        if (hasGradient) {
          const count = record.kind === "linear" ? (record.linearInputs ?? xs.length) : xs.length;
          const onTensors = (...ts: Tensor[]): Tensor => new Tensor(f(...ts.map((t) => t.node), ...xs.slice(count)));
          const varied = xs.slice(0, count).map((x) => new Tensor(x));
          await gradcheck(onTensors, varied, { order: 2 });
        }
        checkBatch(f, xs, 1e-12);
        if (hasGradient) checkBatch((...nodes: Node[]) => gradientOf(f, nodes), xs, 1e-10);
        derivatives++;
      }
    });
  });
});

test("a second thread took part", () => {
  expect(Math.min(...pool.claims)).toBeGreaterThan(100);
});
