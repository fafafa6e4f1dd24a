// The classic example f(x1, x2) = sin(x1) + x1·x2 at (2, 3), printed with all that both modes know about it.
import { describe, expect, test } from "vitest";
import { forwardAll } from "../autodiff/forward.ts";
import { reverseAll } from "../autodiff/reverse.ts";
import { builder as b } from "../ops/builder.ts";
import { scalarNode } from "../ops/source.ts";
import { nodeOf, valuesOf } from "../testing/nodes.ts";
import type { Node } from "./node.ts";
import { graphDot, graphTable, type Printable } from "./print.ts";

// Computed nodes that need a gradient keep their inputs.
const x1 = nodeOf([], [2], "float64", { requiresGrad: true });
const x2 = nodeOf([], [3], "float64", { requiresGrad: true });
const y = b.add(b.sin(x1), b.mul(x1, x2));
const one = b.num(1, y);

const number = (node: Node): number => valuesOf(node)[0] ?? Number.NaN;
const numbers = (nodes: ReadonlyMap<Node, Node>): Map<Node, Printable> =>
  new Map([...nodes].map(([node, value]) => [node, number(value)]));

describe("graphTable", () => {
  test("shows values, tangents, adjoints, and what a branching variable adds up", () => {
    const { contributions, totals } = reverseAll(b, [y], [one], [x1, x2]);
    const tangents = numbers(forwardAll(b, [y], [x1, x2], [one, b.num(0, y)]));
    const adjoints = numbers(totals);
    const parts = new Map([...contributions].map(([node, list]) => [node, list.map(({ value }) => number(value))]));
    const nodes = [x1, x2, ...y.inputs, y];
    const values = new Map(nodes.map((node) => [node, number(node)]));
    expect(graphTable([y], { values, tangents: [tangents], adjoints, contributions: parts, digits: 5 })).toBe(
      [
        "variable  expression  value   tangent   adjoint",
        "────────  ──────────  ──────  ────────  ───────────────────────",
        "x1                    2       1         3 + (-0.41615) = 2.5839",
        "x2                    3       0         2",
        "v1        = sin(x1)   0.9093  -0.41615  1",
        "v2        = x1 · x2   6       3         1",
        "v3        = v1 + v2   6.9093  2.5839    1",
      ].join("\n"),
    );
  });
  test("writes literals where they are used, and leaves out columns without data", () => {
    const z = b.neg(b.mul(b.sum(nodeOf([2], [1, 2]), [0]), scalarNode(0.1, "float64", "reference")));
    expect(graphTable([z], { names: new Map([[z, "loss"]]) }).split("\n")).toEqual([
      "variable  expression",
      "────────  ────────────────────",
      "x1",
      "v1        = sum(x1, axes: [0])",
      "v2        = v1 · 0.1",
      "loss      = −v2",
    ]);
  });
  test("cuts long rows short", () => {
    const x = nodeOf([9], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(graphTable([x], { values: new Map([[x, valuesOf(x)]]) })).toContain("[1, 2, 3, 4, 5, 6, …]");
  });
});

describe("graphDot", () => {
  test("draws each use as an arrow", () => {
    const dot = graphDot([y], { values: new Map([[x1, 2]]), names: new Map([[x1, 'the "first"']]) });
    expect(dot.split("\n")).toEqual([
      "digraph {",
      "  rankdir=BT;",
      '  node [shape=box, fontname="monospace"];',
      '  "the \\"first\\"" [label="the \\"first\\"\\n2", style=rounded];',
      '  "x2" [label="x2", style=rounded];',
      '  "v1" [label="v1 = sin(the \\"first\\")"];',
      '  "v2" [label="v2 = the \\"first\\" · x2"];',
      '  "v3" [label="v3 = v1 + v2"];',
      '  "the \\"first\\"" -> "v1";',
      '  "the \\"first\\"" -> "v2";',
      '  "x2" -> "v2";',
      '  "v1" -> "v3";',
      '  "v2" -> "v3";',
      "}",
    ]);
  });
});
