import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeWhole } from "./files.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cotangent-files-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("writeWhole makes folders, replaces files, and leaves nothing else", () => {
  const path = join(dir, "a", "b", "file");
  writeWhole(path, Uint8Array.of(1, 2, 3));
  writeWhole(path, Uint8Array.of(4));
  expect([...readFileSync(path)]).toEqual([4]);
  expect(readdirSync(join(dir, "a", "b"))).toEqual(["file"]);
  expect(process.listenerCount("SIGTERM")).toBe(0);
});

test("writeWhole leaves nothing behind when it fails", () => {
  mkdirSync(join(dir, "taken"));
  expect(() => writeWhole(join(dir, "taken"), Uint8Array.of(1))).toThrow();
  expect(readdirSync(dir)).toEqual(["taken"]);
});
