// What Node lets a program ask of V8. Elsewhere all of this does nothing.

/** Environment variables, where there are any. */
export const environment = (): Readonly<Record<string, string | undefined>> | undefined =>
  typeof process === "undefined" ? undefined : process.env;

/** V8's revectorizer is right and fast from here on: Node 24. */
const firstWideV8 = 13;

/**
 * Turns on `--experimental-wasm-revectorize`, which makes one 256-bit operation of two neighbouring 128-bit ones:
 * matrix products run 1.3 to 1.9 times as fast. Only code that is compiled later takes part. Returns whether it works.
 */
export function enableWideVectors(): boolean {
  if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function") return false;
  if (process.arch !== "x64" || !(Number.parseInt(process.versions?.v8 ?? "", 10) >= firstWideV8)) return false;
  if (!hasWideRegisters()) return false;
  process.getBuiltinModule("node:v8")?.setFlagsFromString("--experimental-wasm-revectorize");
  return true;
}

/** Turns it off again, for code that is compiled later. */
export function disableWideVectors(): void {
  process.getBuiltinModule("node:v8").setFlagsFromString("--no-experimental-wasm-revectorize");
}

/**
 * Runs `body` with code that is optimized at once: V8 compiles what is called for the first time in it quickly otherwise,
 * and well only later, when there is time.
 */
export function withOptimizedCode<T>(body: () => T): T {
  if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function") return body();
  const v8 = process.getBuiltinModule("node:v8");
  v8?.setFlagsFromString("--no-liftoff");
  try {
    return body();
  } finally {
    v8?.setFlagsFromString("--liftoff");
  }
}

/** Whether the processor has AVX2. Only Linux tells; others are taken to be younger than 2013. */
function hasWideRegisters(): boolean {
  if (process.platform !== "linux") return true;
  try {
    return /\bavx2\b/.test(process.getBuiltinModule("node:fs").readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}
