// Every TypeScript block in the documentation compiles, runs, and gives what its comments say.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { instrumented, matches, programsOf, show } from "./docs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = [
  "README.md",
  "docs/guide.md",
  "docs/automatic-differentiation.md",
  "docs/operations.md",
  ...globSync("packages/*/README.md", { cwd: root }).toSorted(),
];
const folder = join(root, "reports/docs");

const programs = pages.flatMap((page) =>
  programsOf(readFileSync(join(root, page), "utf8")).map(({ title, code, prints }, i) => {
    const file = `${page.replaceAll("/", "-").replace(".md", "")}-${i}.ts`;
    return { page, title, code, prints, typed: join(folder, "types", file), runs: join(folder, "runs", file) };
  }),
);

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

interface Finding {
  readonly line: number;
  readonly promised: string;
  readonly got: string;
}

/** Runs a program and returns what it didn't keep. */
async function broken(file: string, code: string, prints: readonly string[] = []): Promise<Finding[]> {
  const findings: Finding[] = [];
  const printed: string[] = [];
  const console = vi.spyOn(globalThis.console, "log").mockImplementation((text) => printed.push(String(text)));
  const compare = (line: number, promised: string, got: string): void => {
    if (!matches(got, promised)) findings.push({ line, promised, got });
  };
  Object.assign(globalThis, {
    seen: (line: number, promised: string, value: unknown) => compare(line, promised, show(value)),
    thrown: async (line: number, promised: string, body: () => Promise<unknown>) => {
      const got = await body().then(
        () => "nothing thrown",
        (error: Error) => `${error.name}: ${error.message}`,
      );
      compare(line, promised, got);
    },
  });
  write(file, `${instrumented(code)}\nexport {};\n`);
  try {
    await import(/* @vite-ignore */ file);
  } finally {
    console.mockRestore();
  }
  const output = printed.join("\n");
  for (const text of prints) if (!output.includes(text)) findings.push({ line: 0, promised: text, got: output });
  return findings;
}

// Programs may write files: into a folder of their own.
const [before, work] = [process.cwd(), mkdtempSync(join(tmpdir(), "docs-"))];
beforeAll(() => process.chdir(work));
afterAll(() => {
  process.chdir(before);
  rmSync(work, { recursive: true });
});

describe("the checker", () => {
  test("joins the blocks under a heading, and keeps their lines", () => {
    const page =
      "# A\n```ts\nconst x = 1;\n```\ntext\n```ts\nx + 1; // → 2\n```\n```text\nls\n```\n## B\n```ts\n3;\n```";
    expect(programsOf(page)).toEqual([
      { title: "A", code: "\n\nconst x = 1;\n\n\n\nx + 1; // → 2\n\n\n\n\n\n\n\n", prints: ["ls"] },
      { title: "B", code: "\n\n\n\n\n\n\n\n\n\n\n\n\n3;\n", prints: [] },
    ]);
  });

  test("finds what isn't so", async () => {
    const code = [
      "const x = 1; // → 1",
      "x / 3; // → 0.3333",
      "[x, 'a']; // → [1, \"b\"]",
      "JSON.parse('{'); // throws SyntaxError: Expected…",
      "JSON.parse('1'); // throws SyntaxError: Expected…",
      "for (const y of [5, 6]) {",
      "  y; // → 5",
      "}",
      "console.log('one\\ntwo');",
    ].join("\n");
    expect(await broken(join(folder, "runs/checker.ts"), code, ["two", "three"])).toEqual([
      { line: 3, promised: '[1, "b"]', got: '[1, "a"]' },
      { line: 5, promised: "SyntaxError: Expected…", got: "nothing thrown" },
      { line: 7, promised: "5", got: "6" },
      { line: 0, promised: "three", got: "one\ntwo" },
    ]);
  });
});

test("the programs of the documentation compile", () => {
  for (const { typed, code } of programs) write(typed, `${code}\nexport {};\n`);
  const config = { extends: "../../tsconfig.base.json", include: ["types/*.ts"] };
  write(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
  expect(tsc.stdout.replaceAll(folder, "")).toBe("");
  expect(tsc.status).toBe(0);
}, 60_000);

describe.each(pages)("%s", (page) => {
  test.each(programs.filter((program) => program.page === page))(
    "$title",
    async ({ runs, code, prints }) => {
      expect(await broken(runs, code, prints)).toEqual([]);
    },
    60_000,
  );

  test("links to files that exist", () => {
    const links = [...readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)].map(
      (link) => link[1],
    );
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link ?? "")))).toEqual([]);
  });
});
