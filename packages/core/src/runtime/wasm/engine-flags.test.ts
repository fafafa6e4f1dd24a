import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { enableWideVectors, environment } from "./engine-flags.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

test("wide vectors are there on x64 with AVX2", () => {
  const runsThem =
    process.arch === "x64" &&
    Number.parseInt(process.versions.v8, 10) >= 13 &&
    (process.platform !== "linux" || readFileSync("/proc/cpuinfo", "utf8").includes("avx2"));
  expect(enableWideVectors()).toBe(runsThem);
});

test("browsers have neither flags nor an environment", () => {
  vi.stubGlobal("process", undefined);
  expect(enableWideVectors()).toBe(false);
  expect(environment()).toBeUndefined();
});
