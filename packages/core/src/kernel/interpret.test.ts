import { expect, test } from "vitest";
import { contiguousView } from "../base/view.ts";
import { acc, apply, check, fold, index, literal, load, mapTo, once, strided } from "../testing/expr.ts";
import { type CheckStatus, runKernel } from "./interpret.ts";
import type { Expr } from "./ir.ts";

const status = (): CheckStatus => ({ failed: -1, value: 0 });

test("a shared expression is computed once per iteration", () => {
  // 2⁴⁰ additions if it were a tree.
  let value: Expr = load(0, contiguousView([2]));
  for (let i = 0; i < 40; i++) value = apply("mul", literal(0.5), apply("add", value, value));
  const out = new Float32Array(2);
  runKernel(mapTo([2], [1, value]), [Float32Array.from([3, -1]), out], [], status());
  expect([...out]).toEqual([3, -1]);
});

test("deep expressions do not overflow the stack", () => {
  let value: Expr = index(0, [1]);
  for (let i = 0; i < 20000; i++) value = apply("add", value, literal(1, "int32"));
  const out = new Int32Array(2);
  runKernel(mapTo([2], [0, value]), [out], [], status());
  expect([...out]).toEqual([20000, 20001]);
});

test("a load or store outside its slot is an error of the plan, not a number", () => {
  const out = new Float32Array(3);
  const kernel = mapTo([3], [1, load(0, strided([3], [1], 1))]);
  expect(() => runKernel(kernel, [new Float32Array(3), out], [], status())).toThrow(
    "interpret: expected a load within slot 0 of 3 elements, got element 3 at [2]",
  );
  expect(() => runKernel(mapTo([4], [0, literal(1)]), [out], [], status())).toThrow(/store within slot 0/);
});

test("the first check that fails is noted, and the run goes on", () => {
  const out = new Int32Array(4);
  const noted = status();
  runKernel(mapTo([4], [0, check(index(-1, [3]), 5, 7)]), [out], [], noted);
  expect(noted).toEqual({ failed: 7, value: -1 });
  expect([...out]).toEqual([-1, 2, 5, 8]);
});

test("integer sums wrap where floats would not", () => {
  const x = Int32Array.from([2147483647, 2147483647, 3]);
  const out = new Int32Array(1);
  const stages = [fold("add", load(0, contiguousView([3]), "int32")), once(1, strided([3], [0]), acc(0, "int32"))];
  runKernel({ form: "reduce", outer: [], inner: [3], stages }, [x, out], [], status());
  expect(out[0]).toBe(1);
});

test("a routine that does not exist is an error", () => {
  const operand = { slot: 0, dtype: "float32", size: 1 } as const;
  expect(() =>
    runKernel({ form: "routine", name: "sing", inputs: [], output: operand, numbers: [], check: -1 }, [], [], status()),
  ).toThrow("interpret: expected a known routine, got sing");
});
