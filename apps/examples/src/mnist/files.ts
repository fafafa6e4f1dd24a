// Files that are either whole or not there.
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const ignore = (): void => undefined;

/** Writes beside `path` first and then renames: whoever reads `path` never finds a part of it. Makes missing folders. */
export function writeWhole(path: string, contents: Uint8Array): void {
  const unfinished = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  // While there are listeners, Ctrl-C doesn't end the program at once: the file would stay behind under its first name.
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, ignore);
  try {
    writeFileSync(unfinished, contents, { flush: true });
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, ignore);
  }
}
