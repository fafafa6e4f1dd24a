import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { check, findImports, format, layers, readSources } from "./check-layers.ts";

const problems = (files: Record<string, string>): string[] => check(new Map(Object.entries(files))).map(format);

const core = (path: string): string => `packages/core/src/${path}`;

describe("imports", () => {
  test("are found whatever their form", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "./b.ts"',
      "import {",
      "  c,",
      '} from "./c.ts";',
      'export * from "./d.ts";',
      'export { type E } from "./e.ts";',
      'import "./f.ts";',
      'const g = await import("./g.ts");',
      'type H = import("./h.ts").H;',
    ].join("\n");
    expect(findImports(text)).toEqual([
      { specifier: "./a.ts", line: 1, typeOnly: false },
      { specifier: "./b.ts", line: 2, typeOnly: true },
      { specifier: "./c.ts", line: 5, typeOnly: false },
      { specifier: "./d.ts", line: 6, typeOnly: false },
      { specifier: "./e.ts", line: 7, typeOnly: false },
      { specifier: "./f.ts", line: 8, typeOnly: false },
      { specifier: "./g.ts", line: 9, typeOnly: false },
      { specifier: "./h.ts", line: 10, typeOnly: false },
    ]);
  });

  test("are not found in comments, strings and templates", () => {
    const text = [
      '// import { a } from "./a.ts";',
      '/* import { b } from "./b.ts";',
      'import { c } from "./c.ts"; */',
      "const d = 'import \"./d.ts\"';",
      'const e = `\nimport "./e.ts";\n`;',
      'export const f = 1; // from "./f.ts"',
      'export const g = "from";',
      'export function h(from: "./h.ts") {}',
    ].join("\n");
    expect(findImports(text)).toEqual([]);
  });
});

describe("the folders of core", () => {
  test("import downwards", () => {
    expect(
      problems({
        [core("index.ts")]: 'export { sum } from "./functions/reduce.ts";',
        [core("functions/reduce.ts")]: 'import { Tensor } from "../tensor/tensor.ts";',
        [core("tensor/tensor.ts")]: 'import type { Shape } from "../base/shape.ts";',
        [core("base/shape.ts")]: "export type Shape = readonly number[];",
      }),
    ).toEqual([]);
  });

  test("don't import upwards or sideways, even for types", () => {
    expect(
      problems({
        [core("graph/node.ts")]: 'import type { Tensor } from "../tensor/tensor.ts";',
        [core("ops/reduce.ts")]: '\nimport { vjp } from "../autodiff/reverse.ts";',
      }),
    ).toEqual([
      "packages/core/src/graph/node.ts:1: graph/ may not import tensor/; it may import: base",
      "packages/core/src/ops/reduce.ts:2: ops/ may not import autodiff/; it may import: graph, base, kernel",
    ]);
  });

  test("don't import the index", () => {
    expect(problems({ [core("io/npy.ts")]: 'import { tensor } from "../index.ts";' })).toEqual([
      "packages/core/src/io/npy.ts:1: io/ imports packages/core/src/index.ts; only a folder below it may be imported",
    ]);
  });

  test("keep sibling back ends apart", () => {
    const files = {
      [core("codegen/wasm/emit.ts")]: 'import { shader } from "../wgsl/emit.ts"; import { x } from "../common.ts";',
    };
    expect(problems(files)).toEqual([
      "packages/core/src/codegen/wasm/emit.ts:1: codegen/wasm and wgsl are siblings, neither imports the other",
    ]);
  });

  test("are those of the table", () => {
    expect(problems({ [core("misc/all.ts")]: "", [core("helpers.ts")]: "" })).toEqual([
      "packages/core/src/misc/all.ts: misc/ is not a layer; add it to the table in tools/check-layers.ts",
      "packages/core/src/helpers.ts: beside index.ts, every file of core belongs to a folder",
    ]);
  });

  test("may be imported by any test", () => {
    expect(problems({ [core("base/shape.test.ts")]: 'import { tensor } from "../index.ts";' })).toEqual([]);
  });

  test("stand in an order without circles", () => {
    const height = (layer: string): number => 1 + Math.max(0, ...(layers[layer] ?? []).map(height));
    for (const layer of Object.keys(layers)) expect(height(layer)).toBeGreaterThan(0);
  });
});

describe("packages", () => {
  test("import core by its name", () => {
    expect(problems({ "packages/nn/src/linear.ts": 'import { tensor } from "@cotangent/core";' })).toEqual([]);
  });

  test("import neither each other nor parts of core", () => {
    expect(
      problems({
        "packages/nn/src/a.ts": 'import { Adam } from "@cotangent/optim";',
        "packages/optim/src/b.ts": 'import { node } from "@cotangent/core/src/graph/node.ts";',
        "packages/data/src/c.ts": 'import { tensor } from "../../core/src/index.ts";',
        "packages/data/src/d.ts": 'import { allclose } from "@cotangent/core/testing";',
        "packages/data/src/d.test.ts": 'import { allclose } from "@cotangent/core/testing";',
      }),
    ).toEqual([
      "packages/nn/src/a.ts:1: packages/nn may not import @cotangent/optim; it may import: @cotangent/core",
      "packages/optim/src/b.ts:1: packages/optim may not import @cotangent/core/src/graph/node.ts; it may import: @cotangent/core",
      "packages/data/src/c.ts:1: ../../core/src/index.ts leaves packages/data; import the package by its name",
      "packages/data/src/d.ts:1: packages/data may not import @cotangent/core/testing; it may import: @cotangent/core",
    ]);
  });

  test("of the framework: core depends on nothing", () => {
    expect(problems({ [core("base/a.ts")]: 'import { z } from "zod";\nimport os from "node:os";' })).toEqual([
      "packages/core/src/base/a.ts:1: core has no dependencies, but zod is one",
    ]);
  });
});

describe("files", () => {
  test("don't import each other in a circle", () => {
    expect(
      problems({
        [core("base/a.ts")]: 'import { b } from "./b.ts";',
        [core("base/b.ts")]: 'import { c } from "./c.ts";',
        [core("base/c.ts")]: 'import { b } from "./b.ts";',
      }),
    ).toEqual([
      "packages/core/src/base/b.ts: import circle: packages/core/src/base/b.ts → packages/core/src/base/c.ts → packages/core/src/base/b.ts",
    ]);
  });

  test("of one folder may name each other's types", () => {
    const types = "import type { X } from";
    expect(
      problems({
        [core("graph/node.ts")]: `${types} "./rules.ts";`,
        [core("graph/rules.ts")]: `${types} "./node.ts";`,
        "packages/nn/src/a.ts": `${types} "./deep/b.ts";`,
        "packages/nn/src/deep/b.ts": 'import { a } from "../a.ts";',
      }),
    ).toEqual([
      "packages/nn/src/a.ts: import circle: packages/nn/src/a.ts → packages/nn/src/deep/b.ts → packages/nn/src/a.ts",
    ]);
  });

  test("have at most 500 lines, unless generated or tests", () => {
    const long = "\n".repeat(500).concat("export {};\n");
    expect(
      problems({
        [core("base/long.ts")]: long,
        [core("base/long.test.ts")]: long,
        [core("base/generated/table.ts")]: long,
        [core("base/short.ts")]: long.slice(1),
      }),
    ).toEqual(["packages/core/src/base/long.ts: 501 lines; at most 500, so that a file has one subject"]);
  });

  test("don't switch the type checker off, except in tests", () => {
    const text = [
      "const a = (x: any) => x as any;",
      "const b = a as unknown as string; // as any",
      "// @ts-ignore",
      'const c = "as any";',
    ].join("\n");
    expect(problems({ [core("base/a.ts")]: text, [core("base/a.test.ts")]: text })).toEqual([
      "packages/core/src/base/a.ts:1: `: any` switches the type checker off; name the type, or use unknown",
      "packages/core/src/base/a.ts:1: `as any` switches the type checker off; narrow the value instead",
      "packages/core/src/base/a.ts:2: `as unknown as` forces a type; narrow the value instead",
      "packages/core/src/base/a.ts:3: @ts-ignore hides errors; repair the type",
    ]);
  });

  test("are read from the packages' source folders", () => {
    const root = mkdtempSync(join(tmpdir(), "layers-"));
    try {
      const files = ["packages/core/src/base/a.ts", "packages/core/dist/b.ts", "apps/examples/src/c.ts", "d.ts"];
      for (const file of files) {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        writeFileSync(join(root, file), "export {};\n");
      }
      expect([...readSources(root).keys()]).toEqual(["apps/examples/src/c.ts", "packages/core/src/base/a.ts"]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
