// Matrix products against plain loops: sizes around the tiles, all layouts, windows, and code of V8's best compiler.
import { setFlagsFromString } from "node:v8";
import { beforeAll, describe, expect, it } from "vitest";
import { apply, Case, check, filled, floats, load, random, wholes } from "./contract-cases.ts";
import { planContract } from "./contract-plan.ts";
import { goesOn, keepsPanels } from "./emit.ts";
import { loadKernel } from "./harness.ts";

const matrix = (m: number, n: number, k: number, transposed: string): void => {
  const c = new Case({ m: [m], n: [n], k: [k] });
  const { at } = c;
  const a = c.load(0, transposed[0] === "T" ? c.order(at.k, at.m) : c.order(at.m, at.k));
  const b = c.load(1, transposed[1] === "T" ? c.order(at.n, at.k) : c.order(at.k, at.n));
  const out = c.store(2, c.acc(), transposed[2] === "T" ? c.order(at.n, at.m) : c.order(at.m, at.n));
  check(c.kernel(a, b, [out]), [floats(m * k), floats(k * n)], [new Float32Array(m * n)]);
};

describe("contract", () => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 33, 64, 65, 127, 129];
  const layouts = ["NNN", "NTN", "TNN", "TTN", "NNT", "NTT", "TNT", "TTT"];
  // Every pair of sizes meets for each two of m, n and k; the third goes round, and so do the layouts.
  for (const x of sizes)
    it(`multiplies matrices with a side of ${x}`, () => {
      sizes.forEach((y, j) => {
        const z = sizes[(7 * j + x) % sizes.length] ?? 1;
        const layout = layouts[(j + x) % layouts.length] ?? "NNN";
        matrix(x, y, z, layout);
        matrix(z, x, y, layout);
        matrix(y, z, x, layout);
      });
    });

  for (const layout of layouts)
    it(`multiplies ${layout} with several blocks of k, m and n`, () => {
      matrix(131, 70, 700, layout);
      matrix(131, 270, 400, layout);
      matrix(5, 530, 333, layout);
      matrix(300, 3, 650, layout);
      matrix(6, 8, 1300, layout);
      matrix(3, 530, 701, layout);
      matrix(1, 403, 700, layout);
    });

  it("leaves nothing of what was there before when k is empty, and stores nothing where nothing is", () => {
    for (const [m, n, k] of [
      [3, 5, 0],
      [0, 5, 4],
      [3, 0, 4],
      [0, 0, 0],
    ] as const) {
      const c = new Case({ m: [m], n: [n], k: [k] });
      const kernel = c.kernel(c.load(0, c.order(c.at.m, c.at.k)), c.load(1, c.order(c.at.k, c.at.n)), [
        c.store(2, c.acc()),
      ]);
      check(kernel, [floats(m * k), floats(k * n)], [floats(m * n)]);
    }
  });

  it("reads strided, reversed and repeated operands", () => {
    const c = new Case({ m: [21], n: [18], k: [35] });
    const out = [c.store(2, c.acc())];
    const spots: [readonly number[], number][] = [
      [[2 * 71, 0, 2], 1], // every other row and column
      [[-36, 0, -1], 20 * 36 + 34], // from the end
      [[0, 0, 1], 0], // the same row again
      [[1, 0, 0], 0], // the same along k
      [[0, 0, 0], 3], // one number
    ];
    for (const [strides, offset] of spots)
      for (const [otherStrides, otherOffset] of spots) {
        const [p = 0, , q = 0] = otherStrides;
        const a = c.load(0, strides, offset);
        const b = c.load(1, [0, p, q], otherOffset);
        check(c.kernel(a, b, out), [wholes(21 * 2 * 71 + 80), wholes(21 * 2 * 71 + 80)], [new Float32Array(21 * 18)]);
      }
  });

  it("reads along a k that jumps about", () => {
    const c = new Case({ m: [6], n: [9], k: [3, 2, 2] });
    const a = c.load(0, [30, 0, 4, 5, 1]);
    const b = c.load(1, [0, 30, 4, 5, 1]);
    check(c.kernel(a, b, [c.store(2, c.acc())]), [floats(200), floats(300)], [new Float32Array(54)]);
  });

  it("ends blocks of k where k takes a jump, or packs across it", () => {
    // [outer, inner] of k: blocks of 225, 198 and 100 steps; short runs, and one that has no divisor to cut it by.
    for (const k of [
      [2, 225],
      [3, 396],
      [7, 100],
      [30, 20],
      [2, 331],
    ] as const)
      for (const [m, n] of [
        [13, 21],
        [70, 66],
      ] as const) {
        const c = new Case({ m: [m], n: [n], k });
        const [outer = 0, inner = 0] = c.at.k;
        const size = k[0] * k[1];
        // Along each side's own lanes, k runs on, jumps from one image to the next, or has the lanes inside.
        const as = [c.order([outer], c.at.m, [inner]), c.order(c.at.k, c.at.m), c.order([inner, outer], c.at.m)];
        const bs = [
          c.order([outer], c.at.n, [inner]),
          c.order([inner], c.at.n, [outer]),
          c.order([inner, outer], c.at.n),
        ];
        for (const a of as)
          for (const b of bs)
            check(
              c.kernel(c.load(0, a), c.load(1, b), [c.store(2, c.acc())]),
              [floats(m * size), floats(n * size)],
              [new Float32Array(m * n)],
            );
      }
  });

  it("packs far steps whose lanes lie side by side", () => {
    for (const [m, n, k] of [
      [67, 530, 70],
      [301, 83, 333],
      [20, 1300, 900],
      // Few readers of steps that are 4 KiB apart.
      [9, 1024, 70],
      [1024, 9, 70],
    ] as const)
      for (const layout of ["NN", "TN"]) matrix(m, n, k, `${layout}N`);
  });

  it("runs batches that either operand may share", () => {
    for (const [m, n, k] of [
      [20, 24, 8],
      [5, 33, 7],
      [1, 10, 400],
      [13, 1, 9],
    ] as const) {
      const c = new Case({ batch: [3, 2], m: [m], n: [n], k: [k] });
      const { batch, m: ms, n: ns, k: ks } = c.at;
      const heads = [batch[0] ?? 0];
      const as = [c.order(batch, ms, ks), c.order(ms, ks), c.order(heads, ks, ms), c.order([batch[1] ?? 0], ms, ks)];
      const bs = [c.order(batch, ks, ns), c.order(batch, ns, ks), c.order(ks, ns), c.order(heads, ns, ks)];
      const outs = [undefined, c.order(heads, ms, [batch[1] ?? 0], ns), c.order(ns, batch, ms)];
      for (const a of as)
        for (const b of bs)
          for (const out of outs)
            check(
              c.kernel(c.load(0, a), c.load(1, b), [c.store(2, c.acc(), out)]),
              [floats(6 * m * k), floats(6 * k * n)],
              [new Float32Array(6 * m * n)],
            );
    }
  });

  it("takes images of few pixels together, as many as divide them", () => {
    const batchOf = (images: number, out: number): number => {
      const size = out + 2;
      const c = new Case({ batch: [images], m: [64], n: [out, out], k: [64, 3, 3] });
      const windows = c.load(1, [64 * size * size, 0, size, 1, size * size, size, 1]);
      const plan = planContract(c.kernel(c.load(0, c.order(c.at.m, c.at.k)), windows, [c.store(2, c.acc())]), true);
      return plan.kind === "gemm" ? plan.batch : 0;
    };
    expect([batchOf(64, 7), batchOf(63, 7), batchOf(12, 1), batchOf(67, 7), batchOf(64, 12)]).toEqual([
      16, 21, 1, 67, 64,
    ]);
  });

  it("multiplies float64 and int32", () => {
    const doubles = new Case({ m: [9], n: [11], k: [13] }, "float64");
    const { m, n, k } = doubles.at;
    check(
      doubles.kernel(doubles.load(0, doubles.order(m, k)), doubles.load(1, doubles.order(n, k)), [
        doubles.store(2, doubles.acc()),
      ]),
      [filled(new Float64Array(9 * 13)), filled(new Float64Array(11 * 13))],
      [new Float64Array(99)],
    );
    const integers = new Case({ m: [5], n: [6], k: [7] }, "int32");
    const many = (size: number): Int32Array => Int32Array.from({ length: size }, () => random() * 2 ** 31);
    const kernel = integers.kernel(
      integers.load(0, integers.order(integers.at.m, integers.at.k)),
      integers.load(1, integers.order(integers.at.k, integers.at.n)),
      [integers.store(2, integers.acc())],
    );
    check(kernel, [many(35), many(42)], [new Int32Array(30)]);
  });
});

describe("contract of windows", () => {
  interface Window {
    images: number;
    channels: number;
    size: number;
    filters: number;
    window: number;
    step: number;
    dilation: number;
  }
  const shapes: Window[] = [
    { images: 3, channels: 1, size: 28, filters: 8, window: 5, step: 1, dilation: 1 },
    { images: 2, channels: 3, size: 12, filters: 7, window: 3, step: 1, dilation: 1 },
    { images: 2, channels: 2, size: 15, filters: 5, window: 3, step: 2, dilation: 1 },
    { images: 1, channels: 4, size: 17, filters: 9, window: 3, step: 3, dilation: 2 },
    { images: 2, channels: 40, size: 6, filters: 3, window: 3, step: 1, dilation: 1 },
    // Few filters over rows with cells between them; rows that are cut into parts, that cannot be, and that are too long.
    { images: 2, channels: 5, size: 19, filters: 1, window: 3, step: 1, dilation: 1 },
    { images: 1, channels: 2, size: 46, filters: 3, window: 3, step: 1, dilation: 1 },
    { images: 1, channels: 1, size: 49, filters: 2, window: 3, step: 1, dilation: 1 },
    { images: 1, channels: 3, size: 45, filters: 36, window: 5, step: 1, dilation: 2 },
    // Windows that are read one by one, over several blocks of k.
    { images: 3, channels: 37, size: 11, filters: 20, window: 3, step: 1, dilation: 1 },
    { images: 5, channels: 3, size: 23, filters: 40, window: 3, step: 2, dilation: 2 },
    // Images of few pixels, of which all or some are taken together.
    { images: 12, channels: 5, size: 5, filters: 20, window: 3, step: 1, dilation: 1 },
    { images: 6, channels: 37, size: 9, filters: 40, window: 3, step: 1, dilation: 1 },
    { images: 7, channels: 6, size: 3, filters: 70, window: 3, step: 1, dilation: 1 },
  ];
  for (const { images, channels, size, filters, window, step, dilation } of shapes) {
    const out = Math.floor((size - dilation * (window - 1) - 1) / step) + 1;
    const image = channels * size * size;
    const pixels = images * image;
    const weights = filters * channels * window * window;
    const results = images * filters * out * out;
    const name = `${channels}×${size}² by ${filters} windows of ${window}², step ${step}, dilation ${dilation}`;

    it(`convolves ${name}`, () => {
      const c = new Case({ batch: [images], m: [filters], n: [out, out], k: [channels, window, window] });
      const { batch, m, n, k } = c.at;
      const a = c.load(0, c.order(m, k));
      const b = c.load(1, [image, 0, step * size, step, size * size, dilation * size, dilation]);
      check(c.kernel(a, b, [c.store(2, c.acc())]), [floats(weights), floats(pixels)], [new Float32Array(results)]);
      const bias = c.load(2, c.order(m));
      const relu = apply("max", apply("add", c.acc(), bias), { kind: "literal", dtype: "float32", value: 0 });
      const channelsLast = c.order(batch, n, m);
      for (const target of [undefined, channelsLast])
        check(
          c.kernel(a, b, [c.store(3, relu, target)]),
          [floats(weights), floats(pixels), floats(filters)],
          [new Float32Array(results)],
        );
    });

    it(`convolves all images of ${name} at once, and stores them apart`, () => {
      const c = new Case({ m: [filters], n: [images, out, out], k: [channels, window, window] });
      const { m, n, k } = c.at;
      const a = c.load(0, c.order(m, k));
      const b = c.load(1, [0, image, step * size, step, size * size, dilation * size, dilation]);
      const [first = 0, ...cells] = n;
      const relu = apply("max", apply("add", c.acc(), c.load(2, c.order(m))), c.load(3, c.order([first], m, cells)));
      // Whole images, every other row and column of larger ones, and as the product lies.
      const spread = [4 * out * out, 4 * filters * out * out, 4 * out, 2, ...k.map(() => 0)];
      for (const [target, cellsOf] of [
        [c.order([first], m, cells), 1],
        [spread, 4],
        [c.order(m, n), 1],
      ] as const)
        check(
          c.kernel(a, b, [c.store(4, relu, target)]),
          [floats(weights), floats(pixels), floats(filters), floats(results)],
          [new Float32Array(results * cellsOf)],
        );
    });

    it(`takes the gradient of the weights of ${name}`, () => {
      const c = new Case({ m: [filters], n: [channels, window, window], k: [images, out, out] });
      const a = c.load(0, [out * out, 0, 0, 0, filters * out * out, out, 1]);
      const b = c.load(1, [0, size * size, dilation * size, dilation, image, step * size, step]);
      check(c.kernel(a, b, [c.store(2, c.acc())]), [floats(results), floats(pixels)], [new Float32Array(weights)]);
    });
  }
});

// Short runs stay in V8's baseline compiler. Here its optimizing one makes the code, with 256-bit operations.
describe("contract, optimized", () => {
  const products = [
    [1, 1, 1],
    [1, 70, 33],
    [3, 17, 9],
    [5, 16, 4],
    [12, 8, 7],
    [33, 10, 25],
    [65, 129, 31],
    [20, 64, 700],
    [37, 45, 331],
  ] as const;
  const cases = products.flatMap(([m, n, k], i) => {
    const c = new Case({ batch: [2], m: [m], n: [n], k: [k] });
    const { at } = c;
    const a = c.load(0, i % 2 === 0 ? c.order(at.batch, at.m, at.k) : c.order(at.k, at.m));
    const b = c.load(1, i % 3 === 0 ? c.order(at.batch, at.n, at.k) : c.order(at.batch, at.k, at.n));
    const inputs = [floats(2 * m * k), floats(2 * k * n), floats(n)];
    const biased = apply("tanh", apply("add", c.acc(), c.load(2, c.order(at.n))));
    return [
      ["alone", c.acc(), c.order(at.batch, at.m, at.n)] as const,
      ["transposed", c.acc(), c.order(at.n, at.batch, at.m)] as const,
      ["finished", biased, c.order(at.batch, at.m, at.n)] as const,
    ].map(([name, value, order]) => ({
      name: `${m} × ${n} × ${k}, ${name}`,
      loaded: load(c.kernel(a, b, [c.store(3, value, order)]), inputs, [new Float32Array(2 * m * n)], [], {
        relaxedSimd: true,
        wideVectors: true,
      }),
    }));
  });
  beforeAll(async () => {
    setFlagsFromString("--wasm-tiering-budget=100");
    setFlagsFromString("--experimental-wasm-revectorize");
    for (const { loaded } of cases) for (let i = 0; i < 30; i++) loaded.run();
    // The compiler works in the background.
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  for (const { name, loaded } of cases) it(name, loaded.compare);
});

describe("later units of one thread", () => {
  const [m, n, k] = [1001, 27, 45];
  const c = new Case({ m: [m], n: [n], k: [k] });
  const { at } = c;
  const product = (a: string, b: string): ReturnType<typeof c.kernel> =>
    c.kernel(
      c.load(0, a === "T" ? c.order(at.k, at.m) : c.order(at.m, at.k)),
      c.load(1, b === "T" ? c.order(at.n, at.k) : c.order(at.k, at.n)),
      [c.store(2, apply("add", c.acc(), c.acc()))],
    );
  const load = (kernel: ReturnType<typeof product>, wideVectors: boolean): ReturnType<typeof loadKernel> =>
    loadKernel(kernel, ["float32", "float32", "float32"], [floats(m * k), floats(k * n), new Float32Array(m * n)], [], {
      relaxedSimd: true,
      wideVectors,
    });

  it.each([false, true])("use what the first ones packed, wide vectors: %o", (wideVectors) => {
    const kernel = product("N", "T");
    expect(keepsPanels(kernel, { relaxedSimd: true, wideVectors })).toBe(true);
    const loaded = load(kernel, wideVectors);
    const [, b, result] = loaded.slots;
    expect(loaded.units).toBeGreaterThan(2);
    loaded.run();
    const expected = result?.slice();
    result?.fill(0);
    loaded.run(1, 2);
    // Nobody looks at it again.
    b?.fill(Number.NaN);
    loaded.run(2 | goesOn, loaded.units);
    loaded.run(0 | goesOn, 1);
    expect(result).toEqual(expected);
    loaded.run(0, 1);
    expect(result?.[0]).toBeNaN();
  });

  // Blocks of 64 to 128 columns, of one step and of several; the first one runs in between as well.
  it.each([[45], [700]])("use what is packed of their columns, again after others, %i steps", (steps) => {
    const [rows, columns] = [300, 300];
    const of = new Case({ m: [rows], n: [columns], k: [steps] });
    const kernel = of.kernel(of.load(0, of.order(of.at.m, of.at.k)), of.load(1, of.order(of.at.n, of.at.k)), [
      of.store(2, of.acc()),
    ]);
    const features = { relaxedSimd: true, wideVectors: true };
    const plan = planContract(kernel, true);
    if (plan.kind !== "gemm") throw new TypeError("expected a product in blocks");
    const { columnBlock, rowChunk, rowChunks, columnBlocks } = plan;
    expect(Math.min(rowChunks, columnBlocks)).toBeGreaterThan(1);
    expect(keepsPanels(kernel, features)).toBe(true);
    const operands = [floats(rows * steps), floats(columns * steps), new Float32Array(rows * columns)];
    const loaded = loadKernel(kernel, ["float32", "float32", "float32"], operands, [], features);
    const [, b, result] = loaded.slots;
    loaded.run();
    const expected = result?.slice();
    const [first, other] = [0, rowChunks];
    result?.fill(0);
    loaded.run(first + 1, other);
    for (let unit = other; unit < loaded.units; unit++) loaded.run(unit | goesOn, unit + 1);
    loaded.run(first | goesOn, first + 1);
    expect(result).toEqual(expected);
    // The columns at hand are not looked at again, others are.
    b?.fill(Number.NaN);
    result?.fill(0);
    loaded.run((first + 1) | goesOn, other + 1);
    const at = (row: number, column: number): number => result?.[row * columns + column] ?? 0;
    expect(at(rowChunk, 0)).toBe(expected?.[rowChunk * columns]);
    expect(at(rows - 1, columnBlock - 1)).toBe(expected?.[(rows - 1) * columns + columnBlock - 1]);
    expect(at(0, columnBlock)).toBeNaN();
  });

  it("have nothing to use where operands are read in place", () => {
    expect(keepsPanels(product("N", "N"), { relaxedSimd: true, wideVectors: true })).toBe(false);
  });
});

describe("sums along lines", () => {
  /** The gradient by a filter of `taps` along each axis: [images, rows, cells] are summed over. */
  const filter = (groups: number, out: number, channels: number, taps: Size2, [images, rows, cells]: Size3) => {
    const [down, along] = taps;
    const [high, wide] = [rows + down - 1, cells + along - 1];
    const c = new Case({ batch: [groups], m: [out], n: [channels, down, along], k: [images, rows, cells] });
    const g = c.load(0, [out * rows * cells, rows * cells, 0, 0, 0, groups * out * rows * cells, cells, 1]);
    const plane = high * wide;
    const x = c.load(1, [channels * plane, 0, plane, wide, 1, groups * channels * plane, wide, 1]);
    return { c, g, x, sizes: [groups * images * out * rows * cells, groups * images * channels * plane] as const };
  };
  type Size2 = readonly [number, number];
  type Size3 = readonly [number, number, number];
  const cases: readonly (readonly [string, number, number, number, Size2, Size3])[] = [
    ["one row, nine columns", 3, 1, 1, [3, 3], [3, 14, 13]],
    ["a line shorter than a vector", 2, 2, 1, [3, 3], [9, 9, 5]],
    ["eight filters of eight channels", 2, 8, 8, [3, 3], [2, 28, 28]],
    ["an odd number of rows and columns", 1, 7, 5, [2, 3], [4, 17, 31]],
    ["long lines that go round", 1, 3, 1, [5, 5], [1, 9, 101]],
    ["one image, more lines than a block", 1, 5, 2, [3, 3], [1, 90, 60]],
  ];
  it.each(cases)("%s", (_, groups, out, channels, taps, steps) => {
    const { c, g, x, sizes } = filter(groups, out, channels, taps, steps);
    const [batch = 0] = c.at.batch;
    const results = groups * out * channels * taps[0] * taps[1];
    const stored = [
      [c.store(2, c.acc())],
      [c.store(2, c.acc(), c.order([batch], c.at.n, c.at.m))],
      [c.store(2, apply("tanh", c.acc()))],
    ];
    for (const stores of stored) {
      const kernel = c.kernel(g, x, stores);
      const plan = planContract(kernel, true);
      expect(plan.kind === "gemm" && plan.inLines !== null).toBe(true);
      check(kernel, [floats(sizes[0]), floats(sizes[1])], [new Float32Array(results)]);
    }
  });

  it("keep what lies behind a line out of its sums", () => {
    const { c, g, x, sizes } = filter(1, 2, 1, [3, 3], [2, 12, 13]);
    const kernel = c.kernel(g, x, [c.store(2, c.acc())]);
    const plan = planContract(kernel, true);
    expect(plan.kind === "gemm" && plan.inLines !== null).toBe(true);
    const infinite = floats(sizes[1]);
    // The last cell of the first row: seen by the windows of one tap along the row alone.
    infinite[14] = Number.POSITIVE_INFINITY;
    check(kernel, [floats(sizes[0]).fill(1), infinite], [new Float32Array(18)]);
  });

  it("are taken of many steps and few results alone", () => {
    const c = new Case({ m: [64], n: [64], k: [64] });
    const plan = planContract(
      c.kernel(c.load(0, c.order(c.at.m, c.at.k)), c.load(1, c.order(c.at.n, c.at.k)), [c.store(2, c.acc())]),
      true,
    );
    expect(plan.kind === "gemm" && plan.inLines === null).toBe(true);
  });
});
