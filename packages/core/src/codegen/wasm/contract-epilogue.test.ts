// What a contraction does with its results: expressions of them, views to store them through, several stores.
import { describe, expect, it } from "vitest";
import type { TypedArray } from "../../base/dtype.ts";
import { contiguousStrides, sizeOf } from "../../base/shape.ts";
import type { View } from "../../base/view.ts";
import type { Expr } from "../../kernel/ir.ts";
import { contractWorkspaceBytes } from "./contract.ts";
import { apply, Case, check, floats } from "./contract-cases.ts";

describe("stores of a contract", () => {
  const shapes = [
    [1, 1, 1],
    [7, 10, 5],
    [33, 65, 70],
    [128, 10, 256],
    [150, 40, 700],
    [2, 600, 330],
    [70, 600, 20],
    [260, 530, 7],
    [257, 4111, 2],
  ] as const;
  for (const [m, n, k] of shapes)
    it(`finishes results of ${m} × ${n} × ${k}`, () => {
      const c = new Case({ batch: [2], m: [m], n: [n], k: [k] });
      const { batch, m: ms, n: ns, k: ks } = c.at;
      const a = c.load(0, c.order(batch, ms, ks));
      const b = c.load(1, c.order(ks, ns));
      const inputs = (): TypedArray[] => [floats(2 * m * k), floats(k * n), floats(n), floats(2 * m * n)];
      const results = (): Float32Array => new Float32Array(2 * m * n);
      const bias = c.load(2, c.order(ns));
      const residual = c.load(3, c.order(batch, ms, ns));
      const biased = apply("add", c.acc(), bias);
      check(c.kernel(a, b, [c.store(4, apply("tanh", biased))]), inputs(), [results()]);
      check(c.kernel(a, b, [c.store(4, apply("add", biased, residual), c.order(ns, batch, ms))]), inputs(), [
        results(),
      ]);
      // Several results, one of them transposed, with a param and an index.
      const scale: Expr = { kind: "param", dtype: "float32", index: 1 };
      const shift: Expr = { kind: "param", dtype: "float32", index: 0 };
      const index: Expr = { kind: "index", dtype: "int32", offset: 3, coefficients: [1000, 10, 1, 0] };
      const place: Expr = { kind: "apply", dtype: "float32", op: "cast", args: [index] };
      const scaled = apply("add", apply("mul", c.acc(), scale), shift);
      check(
        c.kernel(a, b, [
          c.store(4, c.acc()),
          c.store(5, scaled, c.order(batch, ns, ms)),
          c.store(6, apply("add", apply("mul", c.acc(), { kind: "literal", dtype: "float32", value: 0 }), place)),
          c.store(7, { kind: "apply", dtype: "float64", op: "cast", args: [c.acc()] }),
        ]),
        inputs(),
        [results(), results(), results(), new Float64Array(2 * m * n)],
        [0.25, -1.5],
      );
    });

  it("writes every other cell, and to a place of its own", () => {
    for (const [m, n, k] of shapes) {
      const c = new Case({ m: [m], n: [n], k: [k] });
      const { at } = c;
      const a = c.load(0, c.order(at.m, at.k));
      const b = c.load(1, c.order(at.k, at.n));
      const rows = 2 * n + 3;
      for (const strides of [
        [rows, 1, 0],
        [rows, 2, 0],
        [-rows, 1, 0],
      ]) {
        const offset = 2 + (strides[0] === -rows ? rows * (m - 1) : 0);
        check(
          c.kernel(a, b, [c.store(2, c.acc(), strides, offset)]),
          [floats(m * k), floats(k * n)],
          [floats(m * rows + 2)],
        );
      }
    }
  });

  it("reads what it overwrites: an output in the place of an input", () => {
    const c = new Case({ m: [37], n: [45], k: [19] });
    const { at } = c;
    const weights = floats(37 * 45);
    const inputs = [floats(37 * 19), floats(19 * 45)];
    const a = c.load(0, c.order(at.m, at.k));
    const b = c.load(1, c.order(at.k, at.n));
    const rate: Expr = { kind: "param", dtype: "float32", index: 0 };
    const update = apply("sub", c.load(2, c.order(at.m, at.n)), apply("mul", rate, c.acc()));
    check(c.kernel(a, b, [c.store(2, update)]), inputs, [weights], [0.1]);
  });

  it("reads padded inputs", () => {
    // x padded by one column on the left, in front of a batch that its guard sees or does not see.
    for (const guarded of ["n", "m", "batch"] as const) {
      const c = new Case({ batch: [3], m: [20], n: [30], k: [17] });
      const { at } = c;
      const sizes = { batch: [2, 20, 30], m: [3, 19, 30], n: [3, 20, 29] }[guarded];
      const inner = contiguousStrides(sizes);
      const axis = at[guarded][0] ?? 0;
      const view: View = {
        shape: c.dims,
        offset: -(inner[axis] ?? 0),
        strides: [...inner, 0],
        guards: [
          {
            coefficients: c.dims.map((_, i) => (i === axis ? 1 : 0)),
            offset: -1,
            size: sizes[axis] ?? 1,
            step: 1,
            stride: 0,
          },
        ],
      };
      const padded: Expr = { kind: "load", dtype: "float32", slot: 2, view };
      const a = c.load(0, c.order(at.batch, at.m, at.k));
      const b = c.load(1, c.order(at.k, at.n));
      const inside: Expr = { kind: "inside", dtype: "bool", guards: view.guards };
      const masked: Expr = { kind: "apply", dtype: "float32", op: "select", args: [inside, c.acc(), padded] };
      check(
        c.kernel(a, b, [c.store(3, apply("add", c.acc(), padded)), c.store(4, masked)]),
        [floats(60 * 17), floats(17 * 30), floats(sizeOf(sizes))],
        [new Float32Array(1800), new Float32Array(1800)],
      );
    }
  });
});

describe("workspace of a contract", () => {
  it("stays small", () => {
    for (const [m, n, k] of [
      [4096, 4096, 4096],
      [100000, 8, 1],
      [8, 100000, 1],
      [3000, 3000, 9],
      [64, 32768, 576],
    ] as const)
      for (const [rows, columns] of [
        [[m], [n]],
        [[m / 2, 2], [n]],
        [[m], [n / 2, 2]],
      ] as const) {
        const c = new Case({ m: rows, n: columns, k: [k] });
        const { at } = c;
        const a = c.load(0, c.order(at.k, [...at.m].reverse()));
        const b = c.load(1, c.order([...at.n].reverse(), at.k));
        const bias = c.load(2, c.order(at.n));
        for (const value of [c.acc(), apply("add", c.acc(), bias)])
          for (const wideVectors of [false, true]) {
            const kernel = c.kernel(a, b, [c.store(3, value)]);
            expect(contractWorkspaceBytes(kernel, { relaxedSimd: true, wideVectors })).toBeLessThan(1.5 * 2 ** 20);
          }
      }
  });
});
