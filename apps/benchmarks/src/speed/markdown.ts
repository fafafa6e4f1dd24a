// Writes generated Markdown to a file of its own, or to its place in a page that exists.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/**
 * @param mark names the place: between the lines `<!-- mark -->` and `<!-- /mark -->`
 * @throws {Error} for a file that exists and has no place for it, which stays as it is
 */
export function writeMarkdown(file: string, text: string, mark = "bench"): void {
  writeFileSync(file, existsSync(file) ? replaced(file, readFileSync(file, "utf8"), text, mark) : `${text}\n`);
}

function replaced(file: string, page: string, text: string, mark: string): string {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file}: expected lines ${begin} and ${end} to write between, got none`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}
