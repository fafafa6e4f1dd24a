// `npm run operations`: writes docs/operations.md, what each operation does and how exactly, from the records themselves.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { deviceNames } from "../packages/core/src/runtime/devices.ts";
import { largestError, type OperationRow, rowOf } from "../packages/core/src/testing/operation-table.ts";
import { type Sampled, sampled } from "../packages/core/src/testing/samples.ts";

const source = fileURLToPath(new URL("../packages/core/src/", import.meta.url));
export const page: string = fileURLToPath(new URL("../docs/operations.md", import.meta.url));

/** The errors of an operation, as cells. */
export type Errors = (operation: Sampled) => readonly string[];

const devices = deviceNames();
const fast = devices.filter((name) => name !== "reference");
const measured = [
  ...fast.flatMap((device) => [["float32", device] as const, ["float64", device] as const]),
  ["float32", "reference"] as const,
];

/** Rounded up to a tenth: another machine may fuse a multiplication with an addition where this one does not. */
const errorText = (error: number | null): string => (error === null ? "" : `${Math.ceil(error * 10) / 10}`);

export const measuredErrors: Errors = (operation) =>
  measured.map(([dtype, device]) => errorText(largestError(operation, dtype, device)));

/** Cells for those who only want to know whether the rest of the page is up to date. */
export const noErrors: Errors = () => measured.map(() => "");

const line = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [line(header), `|${"---|".repeat(header.length)}`, ...rows.map(line)].join("\n");

const marks = (list: readonly boolean[]): string =>
  list.every((x) => x === list[0]) ? (list[0] ? "✓" : "–") : list.map((x) => (x ? "✓" : "–")).join(" ");

const cellsOf = (row: OperationRow): string[] => [
  `\`${row.name}\``,
  row.kind,
  row.shape,
  row.dtypes,
  marks(row.reverse),
  marks(row.forward),
  row.second ? "✓" : "–",
  row.vmap ? "✓" : "–",
  row.devices.join(", "),
  `${row.cases}`,
];

const header = [
  "operation",
  "kind",
  "shape of the result",
  "dtypes",
  "reverse",
  "forward",
  "second order",
  "vmap",
  "devices",
  "cases",
  ...measured.map(([dtype, device]) => `${dtype} on ${device}`),
];

/** The first line of a file, without its slashes: what it is for. */
const purposeOf = (text: string): string => {
  const lines = text.split("\n");
  const end = lines.findIndex((each) => !each.startsWith("//"));
  return lines
    .slice(0, end)
    .map((each) => each.replace(/^\/\/ ?/, ""))
    .join(" ")
    .trim();
};

/** The lines of docs/operations.md that tell of records. */
function operationSections(errors: Errors): string[] {
  const families = [...new Set(sampled.map(({ family }) => family))];
  return families.flatMap((family) => {
    const own = sampled.filter((each) => each.family === family).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return [
      `### ${family}`,
      `${purposeOf(readFileSync(`${source}ops/${family}.ts`, "utf8"))} [\`ops/${family}.ts\`](../packages/core/src/ops/${family}.ts)`,
      table(
        header,
        own.map((each) => [...cellsOf(rowOf(each)), ...errors(each)]),
      ),
    ];
  });
}

interface Documented {
  readonly name: string;
  readonly summary: string;
}

/** The first sentence of a documentation comment. */
function summaryOf(comment: string): string {
  const text = comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .replace(/^\s*\* ?/gm, "")
    .split(/^@/m)[0];
  const flat = (text ?? "").replaceAll(/\s+/g, " ").trim();
  return /^.*?(?:[.:](?= |$)|$)/.exec(flat)?.[0].replace(/[.:]$/, "") ?? "";
}

/** The functions and classes that a file exports, with what their documentation begins with, in the file's order. */
export function documentedIn(text: string): Documented[] {
  const found = new Map<string, string>();
  const declaration = /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export (?:abstract |async )?(?:function|class|const) (\w+)/g;
  for (const [, comment = "", name = ""] of text.matchAll(declaration))
    if (!found.get(name)) found.set(name, summaryOf(comment.trim()));
  return [...found].map(([name, summary]) => ({ name, summary }));
}

/** What index.ts re-exports: files, and the names taken from each; null for all of them. */
export function reexports(index: string): { file: string; names: readonly string[] | null }[] {
  const statement = /^export (type )?(?:\*|\{([^}]*)\}) from "\.\/([^"]+)";/gm;
  return [...index.matchAll(statement)].flatMap(([, types, list, file = ""]) => {
    if (types) return [];
    const names = list
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !name.startsWith("type "));
    return [{ file, names: names ?? null }];
  });
}

function functionSections(): string[] {
  const index = readFileSync(`${source}index.ts`, "utf8");
  return reexports(index).flatMap(({ file, names }) => {
    const text = readFileSync(`${source}${file}`, "utf8");
    const own = documentedIn(text).filter(({ name }) => (names ? names.includes(name) : true));
    if (own.length === 0) return [];
    const rows = own.map(({ name, summary }) => [`\`${name}\``, summary]);
    return [
      `### ${file.replace(".ts", "")}`,
      `${purposeOf(text)} [\`${file}\`](../packages/core/src/${file})`,
      table(["function", "what it is"], rows),
    ];
  });
}

/** The page, with `errors` in the last columns of its operations. */
export function operationsPage(errors: Errors): string {
  const cases = sampled.reduce((count, { samples }) => count + samples.list.length, 0);
  const blocks = [
    "# Operations",
    "Written by `npm run operations` from the records in `packages/core/src/ops` and the samples that the conformance suite tries them on; a test fails where the page is not what the records say.",
    `[Primitive operations](#primitive-operations): ${sampled.length}, held against the reference interpreter in ${cases} cases on each of ${devices.length} devices (${devices.join(", ")}), their derivatives against differences, their batches against loops. [Functions](#functions): what one calls; most are compositions of these.`,
    "## Primitive operations",
    [
      "- **Shape of the result**: a rule that holds for every sample, or one sample with its attributes. *Broadcast* is NumPy's. x is the first input.",
      "- **Dtypes**: *any* is bool, uint8, int32, float32 and float64; *numbers* all but bool, *floats* the last two, *bits* the first three; inputs in parentheses differ.",
      "- **Reverse, forward**: whether there is a gradient, input by input where they differ. A dash is by mathematics: an index, an integer, a step. **Second order**: derivatives of the gradient. All of them are checked against differences.",
      "- **Errors** are the largest that the samples show, in units in the last place, rounded up to tenths: of float32 against the same inputs in double precision, of float64 against the reference device, which computes instruction by instruction. ½ is correctly rounded. Sums count relative to the sum of absolute values, differences relative to what cancels. Values below the smallest normal number are left out. They were measured on one machine; others may fuse multiplications and additions elsewhere.",
    ].join("\n"),
    ...operationSections(errors),
    "## Functions",
    "Everything that `@cotangent/core` exports, by file. Each is documented, with shapes, errors and examples, where it is defined.",
    ...functionSections(),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** The page without its measured columns. */
export const withoutErrors = (markdown: string): string =>
  markdown.replaceAll(/^\|.*\|$/gm, (row) => {
    const cells = row.split(" | ");
    return cells.length === header.length ? cells.slice(0, -measured.length).join(" | ") : row;
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new Command("operations")
    .description("Writes docs/operations.md from the operations' records and their samples, and measures their errors.")
    .parse();
  writeFileSync(page, operationsPage(measuredErrors));
}
