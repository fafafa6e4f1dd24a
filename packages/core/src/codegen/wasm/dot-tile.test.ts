// Products that have k in the lanes of their sums, against plain loops.
import { describe, expect, it } from "vitest";
import { apply, Case, check, floats, load, wholes } from "./contract-cases.ts";
import { planContract } from "./contract-plan.ts";
import { sizedKernel } from "./emit.ts";

const wide = { relaxedSimd: true, wideVectors: true };

/** m×k by k×n, both along k or b as it is read as vectors; `pitch`: how much further apart than k the rows of both lie. */
function product(m: number, n: number, k: number, layout: "NN" | "NT", pitch = 0): ReturnType<Case["kernel"]> {
  const c = new Case({ m: [m], n: [n], k: [k] });
  const b = layout === "NT" ? [0, k + pitch, 1] : [0, 1, n];
  return c.kernel(c.load(0, [k + pitch, 0, 1]), c.load(1, b), [c.store(2, c.acc())]);
}

const lanesOf = (kernel: ReturnType<Case["kernel"]>, isWide = true): number => {
  const plan = planContract(kernel, isWide);
  return plan.kind === "gemm" ? plan.kLanes : 0;
};

describe("dots", () => {
  it("are taken where columns would fill a part of a vector, or would have to be packed for few rows", () => {
    for (const n of [9, 10, 11, 17, 18]) expect(lanesOf(product(128, n, 784, "NN")), `${n} columns`).toBe(8);
    for (const n of [10, 65]) expect(lanesOf(product(128, n, 784, "NT")), `${n} columns`).toBe(8);
    expect(lanesOf(product(5, 1000, 512, "NT"))).toBe(8);
    expect(lanesOf(product(128, 9, 784, "NN"), false)).toBe(4);
    for (const n of [8, 16, 128, 256]) expect(lanesOf(product(128, n, 784, "NN")), `${n} columns`).toBe(1);
    expect(lanesOf(product(512, 10, 4, "NN"))).toBe(1);
  });

  for (const layout of ["NN", "NT"] as const)
    it(`multiply few rows by few columns, ${layout}`, () => {
      for (let m = 1; m <= 13; m++)
        for (let n = 1; n <= 20; n++) {
          const k = 1 + ((7 * m + 11 * n) % 40);
          check(product(m, n, k, layout), [floats(m * k), floats(n * k)], [new Float32Array(m * n)]);
        }
      for (let k = 1; k <= 40; k++)
        check(product(13, 9, k, layout), [floats(13 * k), floats(9 * k)], [new Float32Array(13 * 9)]);
    });

  it("go over several blocks of k, packed or not", () => {
    for (const layout of ["NN", "NT"] as const)
      for (const [m, n, k] of [
        [20, 10, 1283],
        [150, 10, 2567],
        [131, 17, 5125],
        [40, 9, 7000],
      ] as const)
        check(product(m, n, k, layout), [floats(m * k), floats(n * k)], [new Float32Array(m * n)]);
  });

  it("leave alone what lies between rows", () => {
    const [m, n, k, pitch] = [13, 10, 75, 6];
    const spaced = (rows: number): Float32Array => {
      const x = floats(rows * (k + pitch));
      for (let row = 0; row < rows; row++)
        x.fill(Number.POSITIVE_INFINITY, row * (k + pitch) + k, (row + 1) * (k + pitch));
      return x;
    };
    const kernel = product(m, n, k, "NT", pitch);
    expect(lanesOf(kernel)).toBe(8);
    check(kernel, [spaced(m), spaced(n)], [new Float32Array(m * n)]);
  });

  it("pass infinities on to the results they belong to", () => {
    const [m, n, k] = [14, 10, 45];
    const [a, b] = [floats(m * k), floats(n * k)];
    a[3 * k + k - 1] = Number.NEGATIVE_INFINITY;
    a[7 * k + 2] = Number.POSITIVE_INFINITY;
    b[9 * k + 44] = Number.NEGATIVE_INFINITY;
    for (const layout of ["NN", "NT"] as const) {
      const values = layout === "NT" ? b : b.map((_, i) => b[(i % n) * k + Math.floor(i / n)] ?? 0);
      check(product(m, n, k, layout), [a, values], [new Float32Array(m * n)]);
    }
  });

  it("read columns that lie apart, repeat, or go backwards", () => {
    const c = new Case({ m: [13], n: [10], k: [50] });
    const a = c.load(0, [50, 0, 1]);
    const spots: [readonly number[], number][] = [
      [[0, 120, 1], 5],
      [[0, 0, 1], 5],
      [[0, -60, 1], 9 * 60],
      [[0, 2, 40], 1],
      [[0, 60, -1], 49],
      [[0, 100, 2], 1],
    ];
    for (const [strides, offset] of spots)
      check(
        c.kernel(a, c.load(1, strides, offset), [c.store(2, c.acc())]),
        [wholes(650), wholes(2000)],
        [new Float32Array(130)],
      );
  });

  it("take k in parts where b has it so", () => {
    const c = new Case({ m: [15], n: [10], k: [9, 7] });
    const a = c.load(0, [63, 0, 7, 1]);
    for (const strides of [
      [0, 1, 10, 90],
      [0, 80, 8, 1],
    ])
      check(
        c.kernel(a, c.load(1, strides), [c.store(2, c.acc())]),
        [floats(945), floats(800)],
        [new Float32Array(150)],
      );
  });

  it("store rows that a table finds, rows from the last to the first, and through expressions", () => {
    const c = new Case({ m: [5, 3], n: [10], k: [40] });
    const [a, b] = [c.load(0, [120, 40, 0, 1]), c.load(1, [0, 0, 40, 1])];
    const inputs = [floats(600), floats(400)];
    for (const [strides, offset] of [
      [[10, 50, 1, 0], 0],
      [[-30, -10, 1, 0], 140],
    ] as const)
      check(c.kernel(a, b, [c.store(2, c.acc(), strides, offset)]), inputs, [new Float32Array(150)]);
    const bias = c.load(2, [0, 0, 1, 0]);
    const stores = [
      c.store(3, apply("max", apply("add", c.acc(), bias), apply("mul", c.acc(), bias)), [30, 10, 1, 0]),
      c.store(4, apply("tanh", c.acc()), [3, 1, 15, 0]),
    ];
    check(c.kernel(a, b, stores), [...inputs, floats(10)], [new Float32Array(150), new Float32Array(150)]);
  });

  it("run batches that either operand may share", () => {
    for (const [as, bs] of [
      [
        [520, 40, 0, 1],
        [400, 0, 40, 1],
      ],
      [
        [520, 40, 0, 1],
        [0, 0, 1, 10],
      ],
      [
        [0, 40, 0, 1],
        [400, 0, 1, 10],
      ],
    ] as const) {
      const c = new Case({ batch: [3], m: [13], n: [10], k: [40] });
      check(
        c.kernel(c.load(0, as), c.load(1, bs), [c.store(2, c.acc())]),
        [floats(1560), floats(1200)],
        [new Float32Array(390)],
      );
    }
  });

  it("share code between numbers of rows", () => {
    const [few, many] = [product(1001, 10, 100, "NT"), product(1400, 10, 100, "NT")];
    const [written, told] = [few, many].map((kernel) => sizedKernel({ kernel, key: "m\nsame" }, wide));
    expect(told?.key).toBe(written?.key);
    if (!told || !written) throw new Error("expected two kernels");
    load(
      many,
      [floats(140000), floats(1000)],
      [new Float32Array(14000)],
      [],
      wide,
      undefined,
      told,
      written.kernel,
    ).compare();
  });

  it("add up many positive numbers to within a few units in the last place", () => {
    const [m, n, k] = [12, 10, 20000];
    const [a, b] = [floats(m * k).map(Math.abs), floats(n * k).map(Math.abs)];
    check(product(m, n, k, "NT"), [a, b], [new Float32Array(m * n)]);
  });
});
