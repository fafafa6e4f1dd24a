// Plans that read what is not there, one for each way to do it.
import { describe, expect, it, test } from "vitest";
import { GraphError } from "../base/errors.ts";
import { contiguousView } from "../base/view.ts";
import type { Kernel, Plan } from "../kernel/ir.ts";
import { apply, fold, input, load, mapTo, once, output, planOf, scratch, strided } from "../testing/expr.ts";
import { planCases } from "../testing/plans.ts";
import { verify } from "./verify.ts";

const n = 6;
const whole = contiguousView([n]);
const sine = (from: number, to: number): Kernel => mapTo([n], [to, apply("sin", load(from, whole))]);
const half = (from: number, to: number, start: number): Kernel => {
  const view = strided([n / 2], [1], start);
  return { form: "map", outer: [n / 2], inner: [], stages: [once(to, view, load(from, view))] };
};
const total = (from: number, to: number): Kernel => ({
  form: "reduce",
  outer: [],
  inner: [n],
  stages: [fold("add", load(from, whole)), once(to, strided([n], [0]), { kind: "acc", dtype: "float32", index: 0 })],
});
const backwards = (from: number, to: number): Kernel =>
  mapTo([n], [to, apply("sin", load(from, strided([n], [-1], n - 1)))]);
/** Writes the sine of a row, and only then adds the row up. */
const softly = (from: number, to: number): Kernel => ({
  form: "rowwise",
  outer: [],
  inner: [n],
  stages: [
    { kind: "each", store: { slot: to, dtype: "float32", view: whole, value: apply("sin", load(from, whole)) } },
    fold("add", load(from, whole)),
    once(4, strided([n], [0]), { kind: "acc", dtype: "float32", index: 0 }),
  ],
});
const copied = (from: number, to: number): Kernel => ({
  form: "routine",
  name: "take",
  inputs: [{ slot: from, dtype: "float32", size: n }],
  output: { slot: to, dtype: "float32", size: n },
  numbers: [],
  check: -1,
});

/** Slots: 0 the input, 1 the output, 2 and 3 scratch at these offsets, 4 a second output. */
const plan = (kernels: readonly Kernel[], { offsets = [0, 64], alias = -1, bytes = 128 } = {}): Plan =>
  planOf({
    kernels,
    slots: [input(0, n), output(0, n, "float32", alias), ...offsets.map((at) => scratch(at, n)), output(1, 1)],
    scratchBytes: bytes,
  });

describe("a plan that is right", () => {
  test.each(planCases)("$name", (planCase) => {
    expect(() => verify(planCase.plan)).not.toThrow();
  });

  const right: Readonly<Record<string, Plan>> = {
    "a chain": plan([sine(0, 2), sine(2, 3), sine(3, 1), total(3, 4)]),
    "a routine": plan([copied(0, 2), copied(2, 1), total(0, 4)]),
    "an output that is read": plan([sine(0, 1), total(1, 4)]),
    "a buffer in halves": plan([half(0, 2, 0), half(0, 2, 3), sine(2, 1), total(2, 4)]),
    "scratch that is used again": plan([sine(0, 2), total(2, 4), sine(0, 3), sine(3, 1)], { offsets: [0, 0] }),
    "a buffer written in place": plan([sine(0, 2), sine(2, 3), sine(3, 1), total(1, 4)], { offsets: [0, 0] }),
    "a donated input": plan([total(0, 4), sine(0, 1)], { alias: 0 }),
  };
  it.each(Object.entries(right))("%s", (_, it) => {
    expect(() => verify(it)).not.toThrow();
  });
});

describe("a plan that is wrong", () => {
  const wrong: Readonly<Record<string, readonly [Plan, string]>> = {
    "an output that nothing writes": [
      plan([sine(0, 1)]),
      "who reads the results to find the 1 elements of slot 4, got 0",
    ],
    "half an output": [
      plan([half(0, 1, 0), total(0, 4)]),
      "who reads the results to find the 6 elements of slot 1, got 3",
    ],
    "scratch read before it is written": [
      plan([sine(2, 1), sine(0, 2), total(2, 4)]),
      "kernel 0 (map) to find the 6 elements of slot 2, got 0",
    ],
    "a routine before what it reads": [
      plan([copied(2, 1), sine(0, 2)]),
      "kernel 0 (routine) to find the 6 elements of slot 2, got 0",
    ],
    "a read between two parts": [
      plan([half(0, 2, 0), sine(2, 1), half(0, 2, 3)]),
      "kernel 1 (map) to find the 6 elements of slot 2, got 3",
    ],
    "a part written twice": [
      plan([half(0, 2, 0), half(0, 2, 3), half(0, 2, 3), sine(2, 1)]),
      "kernel 3 (map) to find the 6 elements of slot 2, got 9",
    ],
    "scratch written over while others need it": [
      plan([sine(0, 2), sine(0, 3), sine(3, 1), total(2, 4)], { offsets: [0, 16] }),
      "kernel 3 (reduce) to find the 6 elements of slot 2, got 0",
    ],
    "a kernel that writes over what it is yet to read": [
      plan([sine(0, 2), backwards(2, 3), sine(3, 1)], { offsets: [0, 0] }),
      "kernel 1 (map) to find the 6 elements of slot 2, got 0",
    ],
    "a kernel that reads what it writes": [
      plan([sine(0, 2), sine(2, 2), sine(2, 1)]),
      "kernel 1 (map) to find the 6 elements of slot 2, got 12",
    ],
    "a buffer that is read after it was written in place": [
      plan([sine(0, 2), sine(2, 3), sine(3, 1), total(2, 4)], { offsets: [0, 0] }),
      "kernel 3 (reduce) to find the 6 elements of slot 2, got 0",
    ],
    "a pass that reads what another has written in place": [
      plan([sine(0, 2), softly(2, 3), sine(3, 1)], { offsets: [0, 0] }),
      "kernel 1 (rowwise) to find the 6 elements of slot 2, got 0",
    ],
    "a donated input that is read later": [
      plan([sine(0, 1), total(0, 4)], { alias: 0 }),
      "kernel 1 (reduce) to find the 6 elements of slot 0, got 0",
    ],
    "scratch past the end": [plan([sine(0, 3)], { bytes: 64 }), "expected slot 3 within 64 bytes of scratch, got 88"],
  };
  it.each(Object.entries(wrong))("%s", (_, [it, message]) => {
    expect(() => verify(it)).toThrow(GraphError);
    expect(() => verify(it)).toThrow(message);
  });
});
