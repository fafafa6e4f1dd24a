// The layer check: what may import what, no import circles, no long files, no holes in the types.
// Run as `npm run layers`; it prints every problem it finds and then exits with status 1.
import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";

/** The folders of packages/core/src, and the folders that each may import. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  graph: ["base"],
  kernel: ["base"],
  ops: ["graph", "base", "kernel"],
  autodiff: ["graph", "base"],
  schedule: ["graph", "kernel", "base"],
  codegen: ["kernel", "base"],
  runtime: ["codegen", "kernel", "base"],
  engine: ["schedule", "runtime", "graph", "kernel", "base"],
  tensor: ["engine", "ops", "autodiff", "graph", "runtime", "base"],
  functions: ["tensor", "engine", "ops", "autodiff", "graph", "base", "runtime"],
  io: ["tensor", "functions", "base"],
  testing: ["functions", "tensor", "engine", "graph", "ops", "autodiff", "kernel", "runtime", "base"],
};

/** Subfolders of one layer that don't import each other. */
export const siblings: Readonly<Record<string, readonly string[]>> = { codegen: ["wasm", "wgsl"] };

/** The folders of the packages, and the packages that each may import. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  "packages/core": [],
  "packages/nn": ["@cotangent/core"],
  "packages/optim": ["@cotangent/core"],
  "packages/data": ["@cotangent/core"],
  "apps/benchmarks": ["@cotangent/core", "@cotangent/nn", "@cotangent/optim"],
  "apps/examples": ["@cotangent/core", "@cotangent/nn", "@cotangent/optim", "@cotangent/data"],
};

const maximumLines = 500;
const coreSource = "packages/core/src/";

/** What a source file may not say, and what to do instead. */
const forbidden: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/:\s*any\b/g, "`: any` switches the type checker off; name the type, or use unknown"],
  [/\bas\s+any\b/g, "`as any` switches the type checker off; narrow the value instead"],
  [/\bas\s+unknown\s+as\b/g, "`as unknown as` forces a type; narrow the value instead"],
];

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `import type` or `export type`: gone at run time. */
  readonly typeOnly: boolean;
}

/** A problem at a line of a file, or with a file as a whole. */
export interface Problem {
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}

/** Repository-relative path with forward slashes ↦ source text. */
export type Sources = ReadonlyMap<string, string>;

const isTest = (file: string): boolean => /\.test(-d)?\.ts$/.test(file);
const blank = (text: string): string => text.replace(/[^\n]/g, " ");
const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length;

// A string, a template or a comment; whichever begins first hides the others.
const tokens = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

/** The text with comments and templates blanked out, and strings too if asked for; lines and columns stay. */
function code(text: string, keepStrings: boolean): string {
  return text.replace(tokens, (token) => (keepStrings && /^["']/.test(token) ? token : blank(token)));
}

/** Every module that a source text imports or re-exports: by statement, for its types alone, or by `import(…)`. */
export function findImports(text: string): Import[] {
  const statement =
    /(?:^|[;}])[ \t]*(?:import|export)\s(?:[^;"'()=]*?\sfrom\s*)?["']([^"']+)["']|\bimport\s*\(\s*["']([^"']+)["']/gm;
  const source = code(text, true);
  return [...source.matchAll(statement)].map((match) => ({
    specifier: match[1] ?? match[2] ?? "",
    line: lineAt(source, match.index + match[0].length),
    typeOnly: /^[;}\s]*(?:import|export)\s+type\s/.test(match[0]),
  }));
}

const packageOf = (file: string): string | undefined =>
  Object.keys(packages).find((name) => file.startsWith(`${name}/`));

/** `packages/core/src/ops/reduce.ts` ↦ `ops`; undefined for files outside of core and for its index. */
function layerOf(file: string): string | undefined {
  if (!file.startsWith(coreSource)) return undefined;
  const [folder, rest] = file.slice(coreSource.length).split("/");
  return rest === undefined ? undefined : folder;
}

/** The file that a relative import names. */
const resolve = (file: string, specifier: string): string => posix.join(posix.dirname(file), specifier);

/** Why `file` may not import `specifier`, or undefined if it may. */
function refusal(file: string, specifier: string): string | undefined {
  const home = packageOf(file);
  if (home === undefined) return undefined;
  if (!specifier.startsWith(".")) return refusalOfPackage(file, home, specifier);

  const target = resolve(file, specifier);
  if (!target.startsWith(`${home}/`)) return `${specifier} leaves ${home}; import the package by its name`;
  const from = layerOf(file);
  if (isTest(file) || from === undefined) return undefined;

  const to = layerOf(target);
  if (to === undefined) return `${from}/ imports ${target}; only a folder below it may be imported`;
  if (to !== from) {
    const allowed = layers[from] ?? [];
    return allowed.includes(to) ? undefined : `${from}/ may not import ${to}/; it may import: ${list(allowed)}`;
  }
  const fork = siblings[from]?.filter((name) => [file, target].some((path) => path.includes(`/${from}/${name}/`)));
  return fork?.length === 2 ? `${from}/${fork.join(" and ")} are siblings, neither imports the other` : undefined;
}

function refusalOfPackage(file: string, home: string, specifier: string): string | undefined {
  if (!specifier.startsWith("@cotangent/")) {
    const lean = home === "packages/core" && !isTest(file) && !specifier.startsWith("node:");
    return lean ? `core has no dependencies, but ${specifier} is one` : undefined;
  }
  const allowed = packages[home] ?? [];
  const forTests = specifier === "@cotangent/core/testing" && isTest(file) && allowed.includes("@cotangent/core");
  return forTests || allowed.includes(specifier)
    ? undefined
    : `${home} may not import ${specifier}; it may import: ${list(allowed)}`;
}

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(", ") : "nothing");

/** Import circles, each as the files along it, beginning and ending with the same one. */
export function findCircles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  for (const start of edges.keys()) {
    const path: string[] = [];
    const stack: { file: string; leave: boolean }[] = [{ file: start, leave: false }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      if (top.leave) {
        done.add(path.pop() ?? "");
        continue;
      }
      const seen = path.indexOf(top.file);
      if (seen >= 0) circles.push([...path.slice(seen), top.file]);
      if (seen >= 0 || done.has(top.file)) continue;
      path.push(top.file);
      stack.push({ file: top.file, leave: true });
      for (const file of edges.get(top.file) ?? []) stack.push({ file, leave: false });
    }
  }
  return circles;
}

/** Everything that is wrong with the sources. */
export function check(sources: Sources): Problem[] {
  const problems: Problem[] = [];
  const edges = new Map<string, string[]>();

  for (const [file, text] of sources) {
    const imports = findImports(text);
    const relative = imports.filter(({ specifier }) => specifier.startsWith("."));
    // Types of one folder may name each other (a node has a record, a record makes nodes): nothing of that runs.
    const counted = relative.filter((x) => !(x.typeOnly && dirname(resolve(file, x.specifier)) === dirname(file)));
    edges.set(file, [...new Set(counted.map(({ specifier }) => resolve(file, specifier)))]);

    for (const { specifier, line } of imports) {
      const message = refusal(file, specifier);
      if (message !== undefined) problems.push({ file, line, message });
    }
    if (!isTest(file)) problems.push(...checkText(file, text));
    const layer = layerOf(file);
    if (layer !== undefined && !(layer in layers)) {
      problems.push({ file, message: `${layer}/ is not a layer; add it to the table in tools/check-layers.ts` });
    }
    if (file.startsWith(coreSource) && layer === undefined && file !== `${coreSource}index.ts` && !isTest(file)) {
      problems.push({ file, message: "beside index.ts, every file of core belongs to a folder" });
    }
  }
  for (const circle of findCircles(edges)) {
    problems.push({ file: circle[0] ?? "", message: `import circle: ${circle.join(" → ")}` });
  }
  return problems;
}

/** The rules about a source file's own text. */
function checkText(file: string, text: string): Problem[] {
  const problems: Problem[] = [];
  const lines = text.trimEnd().split("\n").length;
  if (lines > maximumLines && !file.includes("/generated/")) {
    problems.push({ file, message: `${lines} lines; at most ${maximumLines}, so that a file has one subject` });
  }
  const source = code(text, false);
  for (const [pattern, advice] of forbidden) {
    for (const match of source.matchAll(pattern)) {
      problems.push({ file, line: lineAt(source, match.index), message: advice });
    }
  }
  for (const match of text.matchAll(/(?:\/\/|\/\*)\s*@ts-(?:ignore|nocheck)\b/g)) {
    problems.push({ file, line: lineAt(text, match.index), message: "@ts-ignore hides errors; repair the type" });
  }
  return problems;
}

/** The TypeScript sources of the packages below `root`. */
export function readSources(root: string): Sources {
  const patterns = Object.keys(packages).map((folder) => `${folder}/src/**/*.ts`);
  const files = globSync(patterns, { cwd: root }).map((file) => file.replaceAll("\\", "/"));
  return new Map(files.sort().map((file) => [file, readFileSync(join(root, file), "utf8")]));
}

export const format = ({ file, line, message }: Problem): string =>
  `${file}${line === undefined ? "" : `:${line}`}: ${message}`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new Command("layers")
    .description(
      "Checks what imports what, import circles, long files and holes in the types; status 1 where there are problems.",
    )
    .parse();
  const sources = readSources(join(dirname(fileURLToPath(import.meta.url)), ".."));
  const problems = check(sources);
  for (const problem of problems) console.error(format(problem));
  console.log(`layers: ${sources.size} files, ${problems.length} problems`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
