import { expect, test } from "vitest";
import { builder as b } from "../ops/builder.ts";
import { constantNode } from "../ops/source.ts";
import { topological, userCounts } from "./walk.ts";

const x = constantNode(2, "float32", "reference");
const sine = b.sin(x);
const product = b.mul(x, sine);
const y = b.add(product, sine);

test("inputs come before users, each node once", () => {
  expect(topological([y])).toEqual([x, sine, product, y]);
  expect(topological([sine, y, sine])).toEqual([x, sine, product, y]);
  expect(topological([])).toEqual([]);
});

test("what is not entered is left out, with all that only it depends on", () => {
  expect(topological([y], (node) => node !== sine)).toEqual([x, product, y]);
  expect(topological([y], (node) => node !== product)).toEqual([x, sine, y]);
});

test("users are counted by use", () => {
  const square = b.mul(sine, sine);
  const counts = userCounts(topological([square]));
  expect(counts.get(sine)).toBe(2);
  expect(counts.get(x)).toBe(1);
  expect(counts.get(square)).toBeUndefined();
});

test("a graph of 200 000 nodes does not overflow the stack", () => {
  let deep = x;
  for (let i = 0; i < 200_000; i++) deep = b.neg(deep);
  expect(topological([deep])).toHaveLength(200_001);
});
