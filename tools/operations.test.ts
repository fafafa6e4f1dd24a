// docs/operations.md says what the records say.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as core from "../packages/core/src/index.ts";
import { documentedIn, noErrors, operationsPage, page, reexports, withoutErrors } from "./operations.ts";

const written = readFileSync(page, "utf8");

test("docs/operations.md is up to date; `npm run operations` writes it anew", () => {
  expect(withoutErrors(written)).toBe(withoutErrors(operationsPage(noErrors)));
});

test("every function and class that core exports is in it, with a sentence", () => {
  const named = new Map([...written.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, name, rest]) => [name, rest]));
  const missing = Object.keys(core).filter((name) => !named.has(name));
  expect(missing).toEqual([]);
  expect(Object.keys(core).filter((name) => named.get(name)?.trim() === "")).toEqual([]);
});

test("measured columns are left out of the comparison, and no others", () => {
  const cells = Array.from({ length: 13 }, (_, i) => `${i}`);
  expect(withoutErrors(`| ${cells.join(" | ")} |`)).toBe("| 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9");
  expect(withoutErrors("| a | b |")).toBe("| a | b |");
});

test("finds exports and the first sentences of their comments", () => {
  const text =
    "/** Not exported. */\nconst a = 1;\n/**\n * One: of two. And\n * more.\n * @param x y\n */\nexport function f(x: 1): 2;\nexport function f(x) {}\nexport class G {}";
  expect(documentedIn(text)).toEqual([
    { name: "f", summary: "One" },
    { name: "G", summary: "" },
  ]);
  expect(
    reexports('export type { A } from "./a.ts";\nexport {\n  b,\n  type C,\n} from "./b.ts";\nexport * from "./d.ts";'),
  ).toEqual([
    { file: "b.ts", names: ["b"] },
    { file: "d.ts", names: null },
  ]);
});
