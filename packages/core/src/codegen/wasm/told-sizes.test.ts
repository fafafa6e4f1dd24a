// Code that is told sizes: what was written for one batch, run for others.
import { setFlagsFromString } from "node:v8";
import { describe, expect, it } from "vitest";
import type { TypedArray } from "../../base/dtype.ts";
import { canonicalKernel } from "../../kernel/canonical.ts";
import { runKernel } from "../../kernel/interpret.ts";
import type { ContractKernel, Kernel } from "../../kernel/ir.ts";
import { apply, Case, floats, load, wholes } from "./contract-cases.ts";
import { type Sized, sizedKernel } from "./emit.ts";
import { loadKernel } from "./harness.ts";
import { engineFlags } from "./kernel-samples.ts";

engineFlags.forEach(setFlagsFromString);

const featureSets = [{ relaxedSimd: false }, { relaxedSimd: true, wideVectors: true }];
const batches = [
  ...Array.from({ length: 130 }, (_, i) => i + 1),
  ...[159, 160, 161, 255, 256, 320, 321, 322, 333, 500, 641, 700, 1000, 1024],
];

/** Gives each kernel the code of the first one that has the same key. */
class Codes {
  private readonly known = new Map<string, Kernel>();
  private readonly features: (typeof featureSets)[number];
  constructor(features: (typeof featureSets)[number]) {
    this.features = features;
  }
  of(kernel: Kernel): [code: Sized, written: Kernel] {
    const code = sizedKernel(canonicalKernel(kernel), this.features);
    const written = this.known.get(code.key) ?? code.kernel;
    this.known.set(code.key, written);
    return [code, written];
  }
  get count(): number {
    return this.known.size;
  }
}

interface Product {
  readonly kernel: ContractKernel;
  readonly inputs: readonly TypedArray[];
  readonly outputs: readonly TypedArray[];
}

const relu = (c: Case, inputs: number, n: number): ReturnType<typeof apply> => {
  expect(n).toBeGreaterThan(0);
  return apply("max", apply("add", c.acc(), c.load(inputs, c.order(c.at.n))), c.load(inputs, c.order(c.at.n)));
};

/** x[batch, k] · w[k, n], w as it lies or turned round, bare or with what is stored in its place. */
function forward(n: number, k: number, layout: "N" | "T", withStore: boolean): (batch: number) => Product {
  return (batch) => {
    const c = new Case({ m: [batch], n: [n], k: [k] });
    const { at } = c;
    const w = c.load(1, layout === "T" ? c.order(at.n, at.k) : c.order(at.k, at.n));
    const value = withStore ? relu(c, 2, n) : c.acc();
    return {
      kernel: c.kernel(c.load(0, c.order(at.m, at.k)), w, [c.store(withStore ? 3 : 2, value)]),
      inputs: [floats(batch * k), floats(k * n), ...(withStore ? [floats(n)] : [])],
      outputs: [new Float32Array(batch * n)],
    };
  };
}

/** Σ over the batch of x[batch, m] · g[batch, n], bare or taken from what was there. */
function gradient(m: number, n: number, withStore: boolean): (batch: number) => Product {
  return (batch) => {
    const c = new Case({ m: [m], n: [n], k: [batch] });
    const { at } = c;
    const value = withStore ? apply("sub", c.load(2, c.order(at.m, at.n)), c.acc()) : c.acc();
    return {
      kernel: c.kernel(c.load(0, c.order(at.k, at.m)), c.load(1, c.order(at.k, at.n)), [
        c.store(withStore ? 3 : 2, value),
      ]),
      inputs: [floats(batch * m), floats(batch * n), ...(withStore ? [floats(m * n)] : [])],
      outputs: [new Float32Array(m * n)],
    };
  };
}

/** A product for each element of the batch and of the heads. */
function batched(m: number, n: number, k: number): (batch: number) => Product {
  return (batch) => {
    const c = new Case({ batch: [batch, 2], m: [m], n: [n], k: [k] });
    const { at } = c;
    return {
      kernel: c.kernel(c.load(0, c.order(at.batch, at.m, at.k)), c.load(1, c.order(at.batch, at.n, at.k)), [
        c.store(2, apply("mul", c.acc(), c.acc())),
      ]),
      inputs: [wholes(batch * 2 * m * k), wholes(batch * 2 * n * k)],
      outputs: [new Float32Array(batch * 2 * m * n)],
    };
  };
}

/** Windows of 3×3 over images, with one weight for all: stored as images lie. */
function images(channels: number, filters: number, out: number): (batch: number) => Product {
  return (batch) => {
    const size = out + 2;
    const c = new Case({ batch: [batch], m: [filters], n: [out, out], k: [channels, 3, 3] });
    const { at } = c;
    const windows = c.load(1, [channels * size * size, 0, size, 1, size * size, size, 1]);
    return {
      kernel: c.kernel(c.load(0, c.order(at.m, at.k)), windows, [c.store(2, c.acc())]),
      inputs: [wholes(filters * channels * 9), wholes(batch * channels * size * size)],
      outputs: [new Float32Array(batch * filters * out * out)],
    };
  };
}

/** The gradient of their weight, in four parts that take turns. */
function filter(channels: number, filters: number, out: number): (batch: number) => Product {
  return (batch) => {
    const size = out + 2;
    const c = new Case({ batch: [4], m: [filters], n: [channels, 3, 3], k: [batch, out, out] });
    const [image, result] = [channels * size * size, filters * out * out];
    return {
      kernel: c.kernel(
        c.load(0, [result, out * out, 0, 0, 0, 4 * result, out, 1]),
        c.load(1, [image, 0, size * size, size, 1, 4 * image, size, 1]),
        [c.store(2, c.acc())],
      ),
      inputs: [wholes(4 * batch * result), wholes(4 * batch * image)],
      outputs: [new Float32Array(4 * filters * channels * 9)],
    };
  };
}

describe("code of one batch run for another", () => {
  const products: [string, (batch: number) => Product, number][] = [
    ["forward, 33 × 20", forward(33, 20, "N", false), 130],
    ["forward with a store, 64 × 17", forward(64, 17, "N", true), 1024],
    ["forward with weights turned round, 48 × 40", forward(48, 40, "T", true), 1024],
    ["forward in several blocks, 130 × 400", forward(130, 400, "N", true), 333],
    ["gradient by weights, 21 × 34", gradient(21, 34, false), 1024],
    ["gradient by weights with a store, 80 × 50", gradient(80, 50, true), 1024],
    ["one row of gradients", gradient(1, 64, true), 130],
    ["a batch of products", batched(9, 12, 7), 130],
    ["windows over images", images(3, 7, 12), 40],
    ["windows over images by few filters", images(2, 2, 12), 40],
    ["gradients by filter", filter(2, 6, 5), 40],
  ];
  for (const [name, product, largest] of products)
    it(`multiplies: ${name}`, () => {
      for (const features of featureSets) {
        const codes = new Codes(features);
        const sizes = batches.filter((batch) => batch <= largest);
        for (const batch of sizes) {
          const { kernel, inputs, outputs } = product(batch);
          load(kernel, inputs, outputs, [], features, undefined, ...codes.of(kernel)).compare();
        }
        expect(codes.count, name).toBeLessThanOrEqual(sizes.length / 4);
      }
    });

  it("takes and puts rows, sorts and adds up along them", () => {
    const [n, inner] = [11, 6];
    const operand = (slot: number, dtype: "float32" | "int32", size: number) => ({ slot, dtype, size });
    const routine = (
      name: string,
      sizes: readonly ["float32" | "int32", number][],
      numbers: readonly number[],
    ): Kernel => {
      const operands = sizes.map(([dtype, size], slot) => operand(slot, dtype, size));
      const output = operands.pop() ?? operand(0, "float32", 0);
      return { form: "routine", name, inputs: operands, output, numbers, check: -1 };
    };
    const kernels: ((rows: number) => Kernel)[] = [
      (m) =>
        routine(
          "take",
          [
            ["float32", n * inner],
            ["int32", m],
            ["float32", m * inner],
          ],
          [1, 1, n, inner, m],
        ),
      (m) =>
        routine(
          "put",
          [
            ["float32", m * inner],
            ["int32", m],
            ["float32", n * inner],
          ],
          [1, 1, n, inner, m],
        ),
      (m) =>
        routine(
          "argsort",
          [
            ["float32", m * n],
            ["int32", m * n],
          ],
          [m, n, 1],
        ),
      (m) =>
        routine(
          "scan",
          [
            ["float32", m * n * 2],
            ["float32", m * n * 2],
          ],
          [m, n, 2, 0, 0],
        ),
    ];
    for (const make of kernels) {
      const codes = new Codes({ relaxedSimd: true });
      for (const rows of batches.slice(0, 40)) {
        const kernel = make(rows);
        if (kernel.form !== "routine") continue;
        const all = [...kernel.inputs, kernel.output];
        const dtypes = all.map(({ dtype }) => dtype);
        const slots = all.map(({ dtype, size }) =>
          dtype === "int32" ? Int32Array.from({ length: size }, (_, i) => (7 * i + rows) % n) : wholes(size),
        );
        const expected = slots.map((slot) => slot.slice());
        runKernel(kernel, expected, [], { failed: -1, value: 0 });
        const loaded = loadKernel(kernel, dtypes, slots, [], { relaxedSimd: true }, ...codes.of(kernel));
        for (let unit = 0; unit < loaded.units; unit++) loaded.run(unit, unit + 1);
        expect(loaded.slots.at(-1), `${kernel.name}, ${rows} rows`).toEqual(expected.at(-1));
        expect(loaded.isPaddingIntact()).toBe(true);
      }
      expect(codes.count).toBe(1);
    }
  });
});
