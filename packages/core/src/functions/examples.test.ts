// Every `@example code // result` in the documentation of public functions is run.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as core from "../index.ts";
import * as testing from "../testing/index.ts";

const cotangent = { ...core, ...testing };

interface Example {
  readonly code: string;
  readonly result: string;
}

const source = new URL("../", import.meta.url).pathname;
const files = [
  ...["functions", "tensor", "io"].flatMap((folder) => readdirSync(source + folder).map((name) => `${folder}/${name}`)),
  ...["allclose", "gradcheck", "seeded-values"].map((name) => `testing/${name}.ts`),
].filter((file) => file.endsWith(".ts") && !/\.test(-d)?\.ts$/.test(file));

const examplesOf = (text: string): Example[] =>
  [...text.matchAll(/@example (.+?) \/\/ (.+)$/gm)].map(([, code = "", result = ""]) => ({ code, result }));

async function run(code: string): Promise<unknown> {
  const body = new Function(...Object.keys(cotangent), `return (async () => (${code}))()`);
  return body(...Object.values(cotangent));
}

/** Numbers as documentation writes them, to four decimals; tensors as arrays. */
async function plain(value: unknown): Promise<unknown> {
  if (value instanceof cotangent.Tensor) return plain(await value.toArray());
  if (typeof value === "number") return Number.isFinite(value) ? Number(value.toFixed(4)) + 0 : value;
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  return value;
}

describe.each(files.toSorted())("%s", (file) => {
  const text = readFileSync(`${source}${file}`, "utf8");
  const examples = examplesOf(text);
  test.runIf(examples.length > 0).each(examples)("$code", async ({ code, result }) => {
    expect(await plain(await run(code))).toEqual(await plain(await run(result)));
  });
  test("every example says what it gives", () => {
    expect(examples.length).toBe(text.split("@example").length - 1);
  });
});
