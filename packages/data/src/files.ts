// Reading files where there is a file system. Nothing here imports a Node module, so browsers can bundle it.
import { ArgumentError } from "@cotangent/core";

/** Node's own modules; an error where there are none. */
function nodeModules(operation: string) {
  if (typeof process !== "object" || typeof process.getBuiltinModule !== "function")
    throw new ArgumentError(
      `${operation}: expected Node's file system (Node 20.16 or newer), got none. In a browser, fetch the files and use readIdx`,
    );
  return {
    fs: process.getBuiltinModule("node:fs/promises"),
    path: process.getBuiltinModule("node:path"),
    module: process.getBuiltinModule("node:module"),
  };
}

/** The first of `names` that `folder` has, with its contents. */
export async function readFirstFile(
  operation: string,
  folder: string,
  names: readonly string[],
): Promise<{ path: string; bytes: Uint8Array }> {
  const { fs, path } = nodeModules(operation);
  const present = await fs.readdir(folder).catch((cause: unknown) => {
    throw new ArgumentError(`${operation}: expected a folder with ${names[0]}, got ${folder}, which cannot be read`, {
      cause,
    });
  });
  const name = names.find((candidate) => present.includes(candidate));
  if (name === undefined)
    throw new ArgumentError(`${operation}: expected ${names.join(" or ")} in ${folder}, got none of them`);
  const file = path.join(folder, name);
  const bytes = await fs.readFile(file).catch((cause: unknown) => {
    throw new ArgumentError(`${operation}: expected to read ${file}, got an error from the file system`, { cause });
  });
  return { path: file, bytes };
}

/** The folder of an installed npm package, seen from here or else from the working directory. */
export function packageFolder(operation: string, name: string): string {
  const { path, module } = nodeModules(operation);
  for (const from of [import.meta.url, path.join(process.cwd(), "index.js")]) {
    try {
      return path.dirname(module.createRequire(from).resolve(`${name}/package.json`));
    } catch {
      // Not installed there.
    }
  }
  throw new ArgumentError(
    `${operation}: expected the npm package ${name}, got none. Run npm install ${name}, or pass dir`,
  );
}
