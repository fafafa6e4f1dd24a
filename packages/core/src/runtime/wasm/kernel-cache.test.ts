import { expect, test } from "vitest";
import { contiguousView } from "../../base/view.ts";
import { canonicalKernel } from "../../kernel/canonical.ts";
import { apply, literal, load, mapTo } from "../../testing/expr.ts";
import { wasmFeatures } from "./features.ts";
import { KernelCache } from "./kernel-cache.ts";
import { LinearMemory } from "./memory.ts";

const view = contiguousView([8]);
const kernel = (addend: number, slot = 0) =>
  canonicalKernel(mapTo([8], [slot + 1, apply("add", load(slot, view), literal(addend))]));

test("equal kernels are compiled once, whatever plan they come from", () => {
  const cache = new KernelCache(new LinearMemory().memory, wasmFeatures());
  const [a, b, again] = cache.codesOf([kernel(1), kernel(2), kernel(1)]);
  expect(cache.size).toBe(2);
  expect(again).toBe(a);
  expect(b).not.toBe(a);
  expect(cache.codesOf([kernel(2, 7)])).toEqual([b]);
});

test("what was not used for longest is forgotten", () => {
  const cache = new KernelCache(new LinearMemory().memory, wasmFeatures(), null, 3);
  const [first] = cache.codesOf([kernel(0)]);
  for (let i = 1; i < 10; i++) {
    cache.codesOf([kernel(i)]);
    expect(cache.size).toBeLessThanOrEqual(3);
    expect(cache.codesOf([kernel(0)])[0]).toBe(first);
  }
  const [, second] = cache.codesOf([kernel(1), kernel(2), kernel(3), kernel(4)]);
  expect(cache.size).toBe(3);
  expect(cache.codesOf([kernel(2)])[0]).toBe(second);
  expect(cache.codesOf([kernel(0)])[0]).not.toBe(first);
});
