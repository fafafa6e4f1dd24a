// Fourier transforms against their definition in double precision, PyTorch's, and each other.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededValues } from "../testing/seeded-values.ts";

const { complex, fft, grad, hessian, hfft, ifft, irfft, jvp, rfft, tensor, vmap } = ct;
type Tensor = ct.Tensor;

/** Σⱼ x[j]·e^{sign·2πi·jk/n} for one row of pairs. */
function defined(x: readonly number[], sign: number): number[] {
  const n = x.length / 2;
  return Array.from({ length: n }, (_, k) => {
    let [re, im] = [0, 0];
    for (let j = 0; j < n; j++) {
      const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
      const [a, b] = [x[2 * j] ?? 0, x[2 * j + 1] ?? 0];
      re += a * Math.cos(angle) - b * Math.sin(angle);
      im += a * Math.sin(angle) + b * Math.cos(angle);
    }
    return [re, im];
  }).flat();
}

const values = (x: Tensor): number[] => [...x.dataSync()];
const size = (list: readonly number[]): number => Math.sqrt(list.reduce((sum, x) => sum + x * x, 0));

const expectClose = (actual: Tensor, expected: readonly number[], digits: number): void => {
  for (const [i, x] of values(actual).entries()) expect(x).toBeCloseTo(expected[i] ?? Number.NaN, digits);
};

/** The largest difference, in epsilons of the dtype relative to the root mean square of what is expected. */
function epsilonsOff(actual: Tensor, expected: readonly number[]): number {
  const epsilon = actual.dtype === "float32" ? 2 ** -23 : 2 ** -52;
  const got = values(actual);
  expect(got.length).toBe(expected.length);
  const worst = got.reduce((most, x, i) => Math.max(most, Math.abs(x - (expected[i] ?? Number.NaN))), 0);
  return worst / epsilon / Math.max(size(expected) / Math.sqrt(expected.length), 1e-300);
}

const rowsOf = (x: Tensor): number[][] => {
  const [rows = 0] = x.shape;
  const list = values(x);
  const width = list.length / rows;
  return Array.from({ length: rows }, (_, i) => list.slice(i * width, (i + 1) * width));
};

// All small ones; then powers, products of all radices, primes of each kind, and what they make together.
const lengths = [
  ...Array.from({ length: 40 }, (_, i) => i + 1),
  64,
  97,
  101,
  128,
  143,
  210,
  243,
  256,
  343,
  500,
  625,
  1000,
  1009,
  1018,
  1024,
];

describe.each(["float32", "float64"] as const)("%s", (dtype) => {
  test.each(lengths)("transforms %i points as the definition says", (n) => {
    // The definition's own error in double precision grows with n.
    const allowed = dtype === "float32" ? 2 + Math.log2(n) : 8 + n / 8;
    const x = seededValues([3, n, 2], { dtype, seed: n });
    const rows = rowsOf(x);
    expect(
      epsilonsOff(
        fft(x),
        rows.flatMap((row) => defined(row, -1)),
      ),
    ).toBeLessThan(allowed);
    const inverse = rows.flatMap((row) => defined(row, 1)).map((y) => y / n);
    expect(epsilonsOff(ifft(x), inverse)).toBeLessThan(allowed);
    expect(epsilonsOff(ifft(fft(x)), values(x))).toBeLessThan(allowed);
    const signal = ct.real(x);
    const half = Math.floor(n / 2) + 1;
    const spectra = rowsOf(complex(signal)).flatMap((row) => defined(row, -1).slice(0, 2 * half));
    expect(epsilonsOff(rfft(signal), spectra)).toBeLessThan(allowed);
    expect(epsilonsOff(irfft(rfft(signal), { n }), values(signal))).toBeLessThan(allowed);
    expect(epsilonsOff(hfft(ct.ihfft(signal), { n }), values(signal))).toBeLessThan(allowed);
    // Parseval: the sum of squares is that of the spectrum, divided by n.
    const energy = size(values(fft(x, { norm: "ortho" }))) / size(values(x));
    expect(Math.abs(energy - 1)).toBeLessThan((allowed * (dtype === "float32" ? 2 ** -23 : 2 ** -52)) / 2);
  });

  test("keeps its precision for long rows", () => {
    const n = 65536;
    const x = seededValues([1, n, 2], { dtype, seed: 5 });
    const y = values(fft(x));
    for (const k of [0, 1, 2, 777, n / 2, n - 1]) {
      let [re, im] = [0, 0];
      values(x).forEach((value, i) => {
        const j = Math.floor(i / 2);
        const angle = (-2 * Math.PI * ((j * k) % n)) / n;
        re += value * (i % 2 ? -Math.sin(angle) : Math.cos(angle));
        im += value * (i % 2 ? Math.cos(angle) : Math.sin(angle));
      });
      const scale = size(values(x)) * (dtype === "float32" ? 2 ** -23 : 2 ** -44);
      expect(Math.abs((y[2 * k] ?? 0) - re)).toBeLessThan(4 * scale);
      expect(Math.abs((y[2 * k + 1] ?? 0) - im)).toBeLessThan(4 * scale);
    }
    expect(epsilonsOff(ifft(fft(x)), values(x))).toBeLessThan(20);
  });
});

interface Case {
  readonly name: keyof typeof functions;
  readonly shape: number[];
  readonly options: ct.FourierOptions & ct.FourierAxesOptions;
  readonly result: number[];
  readonly values: number[];
}

const functions = {
  fft: ct.fft,
  ifft: ct.ifft,
  rfft: ct.rfft,
  irfft: ct.irfft,
  hfft: ct.hfft,
  ihfft: ct.ihfft,
  fft2: ct.fft2,
  ifft2: ct.ifft2,
  rfft2: ct.rfft2,
  irfft2: ct.irfft2,
  fftn: ct.fftn,
  ifftn: ct.ifftn,
  rfftn: ct.rfftn,
  irfftn: ct.irfftn,
};
const takesReal = new Set(["rfft", "ihfft", "rfft2", "rfftn"]);

describe("as PyTorch 1.13", () => {
  const cases: Case[] = JSON.parse(readFileSync(new URL("../testing/fixtures/fourier.json", import.meta.url), "utf8"));
  test.each(cases.map((each) => [each.name, JSON.stringify(each.shape), JSON.stringify(each.options), each] as const))(
    "%s of %s, %s",
    (name, _, __, each) => {
      const shape = takesReal.has(name) ? each.shape : [...each.shape, 2];
      const count = shape.reduce((a, b) => a * b, 1);
      const data = Float64Array.from({ length: count }, (_, i) =>
        Number((Math.sin(1.3 * i + 0.4) + 0.1 * i).toFixed(6)),
      );
      const y = functions[name](tensor(data, { shape }), each.options);
      expect(y.shape).toEqual(each.result);
      expectClose(y, each.values, 10);
    },
  );
  test("covers every transform", () => {
    expect(new Set(cases.map(({ name }) => name))).toEqual(new Set(Object.keys(functions)));
  });
});

const f64 = (...shape: number[]): Tensor => seededValues(shape, { dtype: "float64", seed: 3 });

describe("derivatives", () => {
  test.each([
    ["fft", (x: Tensor) => fft(x), f64(6, 2)],
    ["fft along another axis", (x: Tensor) => fft(x, { axis: 0, n: 5 }), f64(3, 2, 2)],
    ["ifft of 17 points", (x: Tensor) => ifft(x, { norm: "ortho" }), f64(17, 2)],
    ["rfft, even", (x: Tensor) => rfft(x), f64(2, 8)],
    ["rfft, odd", (x: Tensor) => rfft(x, { n: 7 }), f64(2, 5)],
    ["irfft, even", (x: Tensor) => irfft(x), f64(2, 4, 2)],
    ["irfft, odd", (x: Tensor) => irfft(x, { n: 7 }), f64(4, 2)],
    ["hfft", (x: Tensor) => hfft(x), f64(4, 2)],
    ["fft2", (x: Tensor) => ct.fft2(x), f64(3, 4, 2)],
    ["irfftn", (x: Tensor) => ct.irfftn(x), f64(2, 3, 3, 2)],
    ["a power spectrum", (x: Tensor) => rfft(x).pow(2).sum({ axis: -1 }).add(1).log(), f64(2, 8)],
  ] as const)("%s", async (_, f, x) => {
    await gradcheck(f, [x], { order: 2 });
  });

  test("vmap is the loop, of gradients too", () => {
    const x = f64(4, 6, 2);
    const f = (row: Tensor): Tensor => fft(row).pow(3).sum();
    for (const g of [(row: Tensor) => fft(row), grad(f)]) {
      const looped = ct.stack(Array.from({ length: 4 }, (_, i) => g(ct.select(x, 0, i))));
      expect(values(vmap(g)(x))).toEqual(values(looped));
    }
    expect(vmap((row: Tensor) => rfft(row, { n: 5 }))(f64(3, 8)).shape).toEqual([3, 3, 2]);
  });

  test("the gradient is the conjugate transform, forward mode the transform itself", () => {
    const [x, g] = [f64(7, 2), seededValues([7, 2], { dtype: "float64", seed: 9 })];
    const [, pull] = ct.vjp((y: Tensor) => fft(y), [x]);
    expect(epsilonsOff(pull(g)[0] ?? x, values(ifft(g, { norm: "forward" })))).toBeLessThan(4);
    expect(values(jvp((y: Tensor) => fft(y), [x], [g])[1])).toEqual(values(fft(g)));
    // Σ|X|² = n·Σ|x|², so the second derivative is 2n.
    const energy = hessian((y: Tensor) => fft(y).pow(2).sum())(f64(3, 2));
    expectClose(
      energy,
      values(ct.eye(6)).map((x) => 6 * x),
      12,
    );
  });

  test("what irfft leaves out has no gradient", () => {
    const pulled = values(grad((x: Tensor) => irfft(x).pow(2).sum())(f64(4, 2)));
    expect([pulled[1], pulled[7]].map((x) => Math.abs(x ?? 1))).toEqual([0, 0]);
  });
});

describe("shapes and arguments", () => {
  test("nothing to transform gives nothing", () => {
    expect(fft(ct.zeros([0, 4, 2])).shape).toEqual([0, 4, 2]);
    expect(values(fft(ct.zeros([0, 4, 2])))).toEqual([]);
    expect(rfft(ct.zeros([0, 5])).shape).toEqual([0, 3, 2]);
    expect(values(rfft(ct.zeros([0, 6])))).toEqual([]);
  });
  test("one point is itself", () => {
    expect(values(fft(tensor([[3, -4]])))).toEqual([3, -4]);
    expect(values(rfft(tensor([3])))).toEqual([3, 0]);
    expect(values(irfft(tensor([[3, 5]]), { n: 1 }))).toEqual([3]);
  });
  test("integers become float32, views and steps are read", () => {
    const x = tensor([4, 3, 2, 1], { dtype: "int32" });
    expect(rfft(x).dtype).toBe("float32");
    expect(values(rfft(ct.flip(x)))).toEqual([10, 0, -2, 2, -2, 0]);
    const pairs = f64(6, 4, 2);
    expect(values(fft(ct.slice(pairs, [[0, 6, 2]])))).toEqual(
      rowsOf(fft(pairs))
        .filter((_, i) => i % 2 === 0)
        .flat(),
    );
  });
  test("what is not finite stays in its row", () => {
    const y = values(
      fft(
        tensor([
          [
            [1, 0],
            [Infinity, 0],
            [0, 0],
            [0, 0],
          ],
          [
            [1, 0],
            [2, 0],
            [3, 0],
            [4, 0],
          ],
        ]),
      ),
    );
    expect(y.slice(0, 8).some((value) => !Number.isFinite(value))).toBe(true);
    expect(y.slice(8)).toEqual([10, 0, -2, 2, -2, 0, -2, -2]);
  });
  test("a routine that many rows share gives the same rows", () => {
    const x = seededValues([300, 60, 2], { seed: 4 });
    const all = rowsOf(fft(x));
    for (const i of [0, 1, 150, 299]) expect(values(fft(ct.select(x, 0, i)))).toEqual(all[i]);
  });
  test("errors", () => {
    expect(() => fft(ct.zeros([3]))).toThrow("fft: expected pairs (re, im) along the last axis, got [3]. complex(x)");
    expect(() => fft(ct.zeros([3, 2]), { axis: 1 })).toThrow("fft: axis 1 is out of range for shape [3]");
    expect(() => fft(ct.zeros([3, 2]), { n: 0 })).toThrow(
      "fft: expected a whole number of points of at least 1, got 0",
    );
    expect(() => rfft(ct.zeros([2, 0]))).toThrow("rfft: expected a whole number of points of at least 1, got 0");
    expect(() => irfft(ct.zeros([1, 2]))).toThrow("irfft: expected a whole number of points of at least 1, got 0");
    expect(() => fft(ct.zeros([3, 2]), { norm: "none" as "ortho" })).toThrow(
      "fft: expected a norm of backward, ortho or forward, got none",
    );
    expect(() => ct.fftn(ct.zeros([4, 4, 2]), { axes: [0, -2] })).toThrow("fftn: an axis is named twice in [0, -2]");
    expect(() => ct.fftn(ct.zeros([4, 2]), { s: [1, 2] })).toThrow("fftn: expected at most 1 sizes, got [1, 2]");
    expect(() => ct.fft2(ct.zeros([4, 4, 2]), { s: [4] })).toThrow(
      "fft2: expected a size for each of the axes [-2, -1], got [4]",
    );
    expect(() => ct.rfftn(ct.zeros([4]), { axes: [] })).toThrow("rfftn: expected at least one axis, got none");
    expect(() => ct.fftshift(ct.zeros([4, 2]), -1)).toThrow("fftshift: expected axes counted from the front, got -1");
  });
});

describe("complex numbers", () => {
  const [a, b] = [
    tensor(
      [
        [1, 2],
        [-3, 0.5],
      ],
      { dtype: "float64" },
    ),
    tensor(
      [
        [0.5, -1],
        [2, 4],
      ],
      { dtype: "float64" },
    ),
  ];
  test("products, quotients, exponentials", () => {
    expect(values(ct.complexMul(a, b))).toEqual([2.5, 0, -8, -11]);
    expectClose(ct.complexDiv(ct.complexMul(a, b), b), values(a), 14);
    expectClose(ct.polar(ct.complexAbs(a), ct.complexAngle(a)), values(a), 14);
    const powers = [Math.exp(2.5), 0, Math.exp(-8) * Math.cos(11), -Math.exp(-8) * Math.sin(11)];
    expectClose(ct.complexExp(ct.complexMul(a, b)), powers, 13);
    expect(values(ct.complexConj(a))).toEqual([1, -2, -3, -0.5]);
    expect(values(complex(ct.real(a), ct.imag(a)))).toEqual(values(a));
  });
  test("large and small ones neither overflow nor vanish", () => {
    for (const scale of [1e-300, 1e300]) {
      const y = tensor([3 * scale, 4 * scale], { dtype: "float64" });
      expect((values(ct.complexAbs(y))[0] ?? 0) / scale).toBeCloseTo(5, 14);
      expectClose(ct.complexDiv(y, y), [1, 0], 14);
    }
  });
  test("derivatives", async () => {
    await gradcheck((x: Tensor, y: Tensor) => ct.complexMul(x, y), [a, b], { order: 2 });
    await gradcheck((x: Tensor, y: Tensor) => ct.complexDiv(x, y), [a, b], { order: 2 });
    await gradcheck((x: Tensor) => ct.complexExp(x), [a], { order: 2 });
    await gradcheck((x: Tensor) => ct.complexAngle(x).add(ct.complexAbs(x)), [a], { order: 2 });
    expect(
      values(
        grad((x: Tensor) => ct.complexAbs(x).sum())(
          tensor([
            [0, 0],
            [3, 4],
          ]),
        ),
      ),
    ).toEqual([0, 0, expect.closeTo(0.6), expect.closeTo(0.8)]);
  });
});
