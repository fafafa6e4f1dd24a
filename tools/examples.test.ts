// Every `@example` in the documentation of nn, optim and data is run, and its last line gives what the comment behind it says.
import { globSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import * as core from "@cotangent/core";
import * as data from "@cotangent/data";
import * as nn from "@cotangent/nn";
import * as optim from "@cotangent/optim";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const scope: Readonly<Record<string, unknown>> = { ...core, ...nn, ...optim, ...data };

interface Example {
  readonly statements: string;
  readonly expression: string;
  readonly result: string;
}

/** Comments' examples, from the tag to the next one or to the comment's end. */
function examplesIn(text: string): Example[] {
  const comments = [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].map(([comment]) =>
    comment.replace(/\s*\*\/$/, "").replace(/^\s*\* ?/gm, ""),
  );
  return comments
    .flatMap((comment) => comment.split(/^@(?=\w)/m))
    .filter((part) => part.startsWith("example"))
    .map((part) => {
      const lines = part.slice("example".length).trim().split("\n");
      const [, expression = "", result = ""] = /^(.*?);? \/\/ (.*)$/.exec(lines.pop() ?? "") ?? [];
      return { statements: lines.join("\n"), expression, result };
    });
}

async function run({ statements, expression }: Pick<Example, "statements" | "expression">): Promise<unknown> {
  const code = stripTypeScriptTypes(`async function example() { ${statements}\n return (${expression}); }`);
  return new Function(...Object.keys(scope), `${code}\nreturn example();`)(...Object.values(scope));
}

/** Numbers as documentation writes them, to four decimals; tensors as arrays. */
async function plain(value: unknown): Promise<unknown> {
  if (value instanceof core.Tensor) return plain(await value.toArray());
  if (typeof value === "number") return Number.isFinite(value) ? Number(value.toFixed(4)) + 0 : value;
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  return value;
}

const files = globSync("packages/{nn,optim,data}/src/*.ts", { cwd: root }).filter(
  (file) => !/\.test(-d)?\.ts$/.test(file),
);

describe.each(files.toSorted())("%s", (file) => {
  const text = readFileSync(`${root}${file}`, "utf8");
  const examples = examplesIn(text);
  test.each(examples.map((example) => [example.expression, example] as const))("%s", async (_, example) => {
    expect(example.result, "what the example gives").not.toBe("");
    expect(await plain(await run(example))).toEqual(
      await plain(await run({ statements: "", expression: example.result })),
    );
  });
  test("has found its examples", () => {
    expect(examples.length).toBe(text.split("@example").length - 1);
  });
});
