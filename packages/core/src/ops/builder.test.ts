// What the builder leaves out, and that it leaves out nothing else.
import { describe, expect, test } from "vitest";
import { nodeOf, valuesOf } from "../testing/nodes.ts";
import { builder as b } from "./builder.ts";
import { constantNode, iotaNode, leaf, scalarNode } from "./source.ts";

const x = nodeOf([2, 3], [1, 2, 3, 4, 5, 6]);

describe("what changes nothing builds nothing", () => {
  test.each([
    ["x · 1", b.mul(x, b.num(1, x))],
    ["1 · x", b.mul(b.num(1, x), x)],
    ["x / 1", b.div(x, b.num(1, x))],
    ["reshape to the same shape", b.reshape(x, [2, 3])],
    ["reshape and back", b.reshape(b.reshape(x, [6]), [2, 3])],
    ["permute by the identity", b.permute(x, [0, 1])],
    ["expand to the same shape", b.expand(x, [2, 3])],
    ["slice of everything", b.slice(x, [0, 0], [1, 1], [2, 3])],
    ["pad by nothing", b.pad(x, [0, 0], [0, 0], [1, 1])],
    ["sum over no axes", b.sum(x, [])],
    ["cast to the same dtype", b.cast(x, "float64")],
  ])("%s", (_, y) => expect(y).toBe(x));

  test("but run-time numbers stay, whatever their value", () => {
    expect(b.mul(x, scalarNode(1, "float64", "reference"))).not.toBe(x);
  });
  test("and a literal that adds axes counts", () => {
    expect(valuesOf(b.mul(b.num(1, x), b.num(2, x)))).toEqual([2]);
    expect(b.reshape(b.reshape(x, [6]), [3, 2]).inputs).toEqual([x]);
  });
});

describe("literals", () => {
  test("equal ones are one node, for each dtype", () => {
    expect(b.num(3, x)).toBe(b.num(3, x));
    expect(b.num(3, x)).not.toBe(b.num(3, b.iota(2, x)));
    expect(b.num(3, b.iota(2, x)).dtype).toBe("int32");
  });
  test("minus zero is not zero", () => {
    expect(Object.is(b.num(-0, x).attrs.value, -0)).toBe(true);
    expect(Object.is(b.num(0, x).attrs.value, 0)).toBe(true);
  });
  test("one whose values somebody holds is not shared", () => {
    const five = b.num(5, x);
    expect(valuesOf(five)).toEqual([5]);
    expect(b.num(5, x)).not.toBe(five);
    const six = b.num(6, x);
    six.gone = "it was disposed of";
    expect(valuesOf(b.num(6, x))).toEqual([6]);
  });
  test("fill repeats one", () => expect(valuesOf(b.fill(7, [2, 2], x))).toEqual([7, 7, 7, 7]));
});

test("sources say what they are", () => {
  const { storage } = x;
  if (storage === null) throw new Error("x has no values");
  const trained = leaf([2, 3], "float64", "reference", storage, true);
  expect([trained.op.kind, trained.requiresGrad, b.neg(trained).requiresGrad]).toEqual(["leaf", true, true]);
  const rate = scalarNode(0.1, "float32", "reference");
  expect([rate.op.kind, rate.scalar, rate.shape]).toEqual(["scalar", 0.1, []]);
  expect(constantNode(2, "int32", "reference").attrs).toEqual({ value: 2 });
  expect(valuesOf(iotaNode(3, "reference"))).toEqual([0, 1, 2]);
});
