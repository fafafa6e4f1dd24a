import { describe, expect, it } from "vitest";
import { contiguousView } from "../base/view.ts";
import type { Check, Expr, Kernel } from "../kernel/ir.ts";
import { apply, check, load, mapTo } from "../testing/expr.ts";
import { placeDonations } from "./donations.ts";

const n = 4;
const whole = contiguousView([n]);
const read = (slot: number): Expr => load(slot, whole);
/** Writes the sum of the others to the first. */
const sum = (to: number, a: number, ...others: readonly number[]): Kernel =>
  mapTo([n], [to, others.map(read).reduce((x, y) => apply("add", x, y), read(a))]);
const gather = (name: "take" | "put", to: number, x: number, index: number, number: number): Kernel => ({
  form: "routine",
  name,
  inputs: [
    { slot: x, dtype: "float32", size: n },
    { slot: index, dtype: "int32", size: n },
  ],
  output: { slot: to, dtype: "float32", size: n },
  numbers: [1, 1, n, 1, n],
  check: number,
});

/** Slots: 0 to 9 inputs, 10 to 19 what is computed between, 20 and 21 outputs that may take over inputs 0 and 1. */
const place = (kernels: readonly Kernel[], checks: readonly Check[] = []) => {
  const { ordered, aliases, commitFrom } = placeDonations(
    kernels,
    [20, 21],
    [
      { output: 0, input: 0 },
      { output: 1, input: 1 },
    ],
    checks,
  );
  return { order: ordered.map((kernel) => kernels.indexOf(kernel)), aliases: [...aliases], commitFrom };
};
const indices: Check = { what: "index", bound: n };

describe("donations", () => {
  it("runs an update as soon as everyone else has read the old value", () => {
    const kernels = [sum(10, 2), sum(20, 0, 10), sum(11, 0, 10), sum(12, 11), sum(21, 1, 12)];
    expect(place(kernels)).toEqual({
      order: [0, 2, 1, 3, 4],
      aliases: [
        [20, 0],
        [21, 1],
      ],
      commitFrom: 2,
    });
  });

  it("lets updates wait for all checks, and what reads their results for them", () => {
    const checked = mapTo([n], [12, apply("add", read(10), check(load(3, whole, "int32"), n, 0))]);
    const kernels = [sum(10, 2), sum(20, 0, 10), sum(11, 20), checked, sum(21, 1, 12)];
    expect(place(kernels, [indices])).toMatchObject({ order: [0, 3, 1, 2, 4], commitFrom: 2 });
  });

  it("does not wait for a second look at the same indices", () => {
    const kernels = [gather("take", 10, 2, 3, 0), sum(20, 0, 10), gather("put", 11, 10, 3, 0), sum(21, 1, 11)];
    expect(place(kernels, [indices])).toMatchObject({ order: [0, 1, 2, 3], commitFrom: 1 });
    const others = kernels.with(2, gather("put", 11, 10, 4, 1));
    expect(place(others, [indices, { what: "index", bound: n + 1 }])).toMatchObject({
      order: [0, 2, 1, 3],
      commitFrom: 2,
    });
    expect(place(kernels.with(2, gather("put", 11, 10, 3, 1)), [indices, { what: "index", bound: 2 }])).toMatchObject({
      commitFrom: 2,
    });
    const singular: Check = { what: "matrix", bound: n, problem: "is singular" };
    expect(place(kernels, [singular])).toMatchObject({ order: [0, 2, 1, 3], commitFrom: 2 });
  });

  it("refuses one where the old value is read by what follows from the new one", () => {
    expect(place([sum(20, 0), sum(10, 20, 0), sum(21, 1, 10)])).toEqual({
      order: [0, 1, 2],
      aliases: [[21, 1]],
      commitFrom: 2,
    });
  });

  it("refuses one of two that wait for each other", () => {
    // Each new value is made of the other's old one as well.
    const { order, aliases, commitFrom } = place([sum(20, 0, 1), sum(21, 1, 0)]);
    expect({ order, aliases, commitFrom }).toEqual({ order: [0, 1], aliases: [[21, 1]], commitFrom: 1 });
  });

  it("keeps the order where there is nothing to donate", () => {
    const { ordered, aliases, commitFrom } = placeDonations([sum(20, 0), sum(10, 0), sum(21, 10)], [20, 21], [], []);
    expect([ordered.length, aliases.size, commitFrom]).toEqual([3, 0, 3]);
  });
});
