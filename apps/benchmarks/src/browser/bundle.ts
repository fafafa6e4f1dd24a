// One script of a program and everything it imports, for browsers.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Packages are read from their sources. Fails where the program reaches anything that browsers lack. */
export async function bundleForBrowsers(program: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(program)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    conditions: ["@cotangent/source"],
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}
