import { describe, expect, test } from "vitest";
import { builder as b } from "../ops/builder.ts";
import { nodeOf } from "../testing/nodes.ts";
import type { Node } from "./node.ts";
import type { Printable } from "./print.ts";
import { graphSvg } from "./svg.ts";

const x = nodeOf([], [2], "float64", { requiresGrad: true });
const y = b.mul(b.sin(x), x);
const values = new Map<Node, Printable>([
  [x, 2],
  [y, 1.8],
]);

/** Throws where tags do not match. */
function checkTags(text: string): void {
  const open: string[] = [];
  for (const [, closes, name = "", ends] of text.matchAll(/<(\/)?(\w+)(?:\s[^<>]*?)?(\/)?>/g))
    if (closes) expect(open.pop()).toBe(name);
    else if (!ends) open.push(name);
  expect(open).toEqual([]);
}

describe("graphSvg", () => {
  test("has a box for each variable and an arrow for each operand", () => {
    const svg = graphSvg([y], { values, tangents: [new Map([[x, 1]])], adjoints: new Map([[x, -0.5]]) }, "sine");
    checkTags(svg);
    expect(svg.match(/<rect class="box/g)).toHaveLength(3);
    expect(svg.match(/class="edge"/g)).toHaveLength(3);
    for (const text of [
      "<title>sine</title>",
      ">v2</tspan> = v1 · x1",
      ">1.8<",
      ">∂/∂x1</text>",
      ">-0.5<",
      "forward mode, one pass",
    ])
      expect(svg).toContain(text);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(graphSvg([y], { values }, "sine")).toBe(graphSvg([y], { values }, "sine"));
  });

  test("escapes what names and titles contain", () => {
    const svg = graphSvg([y], { names: new Map([[x, 'a<b & "c"']]) }, "<&>");
    checkTags(svg);
    expect(svg).toContain("a&lt;b &amp; &quot;c&quot;");
    expect(svg).toContain("<title>&lt;&amp;&gt;</title>");
  });

  test("is as wide as its longest text", () => {
    const width = (svg: string): number => Number(/width="(\d+)"/.exec(svg)?.[1]);
    const long = nodeOf(
      [6],
      [1, 2, 3, 4, 5, 6].map((k) => k / 7),
      "float64",
    );
    const list: Printable = [1, 2, 3, 4, 5, 6].map((k) => k / 7);
    const wide = graphSvg(
      [b.mul(long, long)],
      { values: new Map([[long, list]]), adjoints: new Map([[long, list]]) },
      "",
    );
    expect(width(wide)).toBeGreaterThan(width(graphSvg([y], { values }, "")));
  });
});
