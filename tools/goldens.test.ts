// Every stored case of PyTorch's operations is held against something: core's functions or nn's layers and losses.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { goldenFunctions, otherPackages } from "../packages/core/src/testing/golden-functions.ts";

interface Stored {
  readonly id: string;
  readonly op: string;
}

const read = (path: string): readonly Stored[] =>
  JSON.parse(readFileSync(new URL(`../packages/${path}`, import.meta.url), "utf8")).cases;

test("no case is left out, and what two packages hold is the same", () => {
  const all = read("core/src/testing/fixtures/ops.json");
  const layers = new Map(read("nn/src/fixtures/ops.json").map((item) => [item.id, item]));
  const functions = all.filter(({ op }) => op in goldenFunctions);
  const others = all.filter(({ op }) => otherPackages.includes(op));
  expect(all.filter((item) => !functions.includes(item) && !others.includes(item))).toEqual([]);
  expect(others.filter(({ id }) => !layers.has(id))).toEqual([]);
  for (const item of all) if (layers.has(item.id)) expect(layers.get(item.id)).toEqual(item);
  console.info(
    `goldens: ${all.length} cases of operations, ${functions.length} by functions of core, ${layers.size} by layers and losses of nn`,
  );
});
