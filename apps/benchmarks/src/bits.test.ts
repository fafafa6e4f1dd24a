import { expect, test } from "vitest";
import { run } from "./run.ts";

// `npm run bench:bits` takes 200 steps of each.
test.each([
  ["W1", 200],
  ["W2", 20],
  ["W3", 5],
])("%s gives the same bits in %i steps for 1 to 4 threads", async (name, steps) => {
  const { status, output, errors } = await run("bits.ts", ["--workloads", name, "--steps", String(steps)]);
  expect(status, errors).toBe(0);
  const hashes = [...output.matchAll(/loss (\d\.\d+), ([0-9a-f]{16})$/gm)].map(([, , hash]) => hash);
  expect([hashes.length, new Set(hashes).size]).toEqual([4, 1]);
});
