// Turns the TypeScript in a Markdown page into programs that check what the page says they give.
//
// All ```ts blocks under one heading are one program. `// → text` at the end of a line says what the line's value, or
// the constant that it declares, looks like. ```text blocks are among what the program prints. `// throws Name: text` says which error it throws; `…` may cut it short.

export interface Program {
  /** The heading, for messages. */
  readonly title: string;
  /** The blocks where they stand in the page, all other lines blank: line numbers are the page's. */
  readonly code: string;
  /** The ```text blocks. */
  readonly prints: readonly string[];
}

/** The programs of a page, one for each heading that has code below it. */
export function programsOf(markdown: string): Program[] {
  const lines = markdown.split("\n");
  const programs = new Map<string, { code: string[]; texts: string[][] }>();
  let title = "";
  let language: string | null = null;
  for (const [at, line] of lines.entries()) {
    const program = programs.get(title) ?? { code: lines.map(() => ""), texts: [] };
    if (line.startsWith("```")) {
      language = language === null ? line.slice(3) : null;
      if (language === "text") program.texts.push([]);
    } else if (language === null) title = /^#+ (.+)/.exec(line)?.[1] ?? title;
    else if (language === "text") program.texts.at(-1)?.push(line);
    else if (language === "ts") {
      program.code[at] = line;
      programs.set(title, program);
    }
  }
  return [...programs].map(([heading, { code, texts }]) => ({
    title: heading,
    code: code.join("\n"),
    prints: texts.map((text) => text.join("\n")),
  }));
}

/** The program with calls of `seen(line, expected, value)` and `thrown(line, expected, body)` for its comments. */
export function instrumented(code: string): string {
  const lines = code.split("\n").map((line, at) => {
    const [, indent = "", statement = "", mark, text = ""] = /^(\s*)(\S.*?);?\s*\/\/ (→|throws) (.+)$/.exec(line) ?? [];
    if (mark === undefined) return line;
    const place = `${at + 1}, ${JSON.stringify(text)}`;
    if (mark === "throws") return `${indent}await thrown(${place}, async () => (${statement}));`;
    const [, name] = /^const (\w+)/.exec(statement) ?? [];
    return name === undefined
      ? `${indent}seen(${place}, ${statement});`
      : `${indent}${statement}; seen(${place}, ${name});`;
  });
  return lines.join("\n");
}

/** A value as a page shows it: numbers to four decimals. */
export function show(value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? `${Number(value.toFixed(4)) + 0}` : `${value}`;
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (value instanceof Float32Array || value instanceof Int32Array) return show([...value]);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${key}: ${show(item)}`)
      .join(", ")} }`;
  return `${value}`;
}

/** Whether a text is what a page promises, which may end in `…`. */
export const matches = (text: string, promise: string): boolean =>
  promise.endsWith("…") ? text.startsWith(promise.slice(0, -1)) : text === promise;
