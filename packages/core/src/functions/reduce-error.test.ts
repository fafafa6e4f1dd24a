// Rounding errors of reductions grow no faster than the logarithm of the number of terms, and no thread changes a bit.
import { describe, expect, test } from "vitest";
import { logsumexp, norm, realize, type Tensor, tensor, variance, zeros } from "../index.ts";
import { registerEagerThreads } from "../testing/eager-threads.ts";
import { seededValues } from "../testing/seeded-values.ts";

const { device: usual } = zeros([]);
const counts = [
  1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 31, 32, 33, 48, 63, 64, 65, 66, 100, 127, 128, 129, 200, 255, 256, 257,
  300, 511, 513, 777, 1000, 1023, 1031, 1024, 1500, 2047, 2049, 3001, 4096, 4099, 5000,
];
/** Columns side by side: less than a vector, whole ones, and some more. */
const widths = [1, 3, 8, 37];

/** The distance of float32 numbers next to x. */
const ulp = (x: number): number => 2 ** Math.max(-149, Math.floor(Math.log2(Math.abs(x))) - 23);

type Kind = "equal" | "random" | "growing";

/** `width` lists of n terms from ½ to 1 in float32: the same ones, any, or in order, where every term meets a larger sum. */
function termsOf(kind: Kind, n: number, width: number): number[][] {
  const drawn = [...seededValues([n * width], { seed: 17 * n + width, dtype: "float32" }).dataSync()];
  return Array.from({ length: width }, (_, j) => {
    const list = drawn.slice(j * n, (j + 1) * n).map((x) => Math.fround(0.5 + (Math.abs(x) % 0.5)));
    if (kind === "equal") return list.map(() => list[0] ?? 0);
    return kind === "random" ? list : list.sort((a, b) => a - b);
  });
}

/** In float64, where errors of 5000 terms are below 10⁻¹² of the result. */
const exact: Readonly<Record<string, (terms: readonly number[]) => number>> = {
  sum: (xs) => xs.reduce((a, b) => a + b, 0),
  mean: (xs) => xs.reduce((a, b) => a + b, 0) / xs.length,
  norm: (xs) => Math.sqrt(xs.reduce((a, b) => a + b * b, 0)),
  logsumexp: (xs) => Math.log(xs.reduce((a, b) => a + Math.exp(b), 0)),
  var: (xs) => {
    const mean = xs.reduce((a, b) => a + b, 0) / xs.length;
    return xs.reduce((a, b) => a + (b - mean) ** 2, 0) / xs.length;
  },
};
const functions: Readonly<Record<string, (x: Tensor, axis?: number) => Tensor>> = {
  sum: (x, axis) => x.sum(axis === undefined ? {} : { axis }),
  mean: (x, axis) => x.mean(axis === undefined ? {} : { axis }),
  norm: (x, axis) => norm(x, axis === undefined ? {} : { axis }),
  logsumexp: (x, axis) => logsumexp(x, axis === undefined ? {} : { axis }),
  var: (x, axis) => variance(x, axis === undefined ? { correction: 0 } : { axis, correction: 0 }),
};
/** Roundings besides those of the sum, in ulp of the result: of the division, the root, the exponentials; var squares. */
const besides: Readonly<Record<string, number>> = { sum: 0, mean: 1, norm: 1, logsumexp: 2, var: 6 };

describe.each(Object.keys(functions))("%s", (name) => {
  const f = functions[name] ?? functions.sum!;
  const want = exact[name] ?? exact.sum!;
  test.each(["equal", "random", "growing"] as const)("of %s terms, along columns, rows and over all", (kind) => {
    if (name === "var" && kind === "equal") return expect(f(tensor([0.7, 0.7, 0.7])).itemSync()).toBeLessThan(1e-14);
    const misses: string[] = [];
    for (const n of counts)
      for (const width of widths) {
        const lists = termsOf(kind, n, width);
        const rows = tensor(Float32Array.from(lists.flat()), { shape: [width, n] });
        const columns = tensor(
          Float32Array.from({ length: n * width }, (_, i) => lists[i % width]?.[Math.floor(i / width)] ?? 0),
          {
            shape: [n, width],
          },
        );
        const found = [f(columns, 0), f(rows, 1), f(columns), f(columns.transpose(), 1)];
        realize(rows, columns);
        realize(...found);
        found.forEach((y, at) => {
          const all = at === 2;
          const truth = all ? [want(lists.flat())] : lists.map(want);
          const allowed = 1 + Math.log2(all ? n * width : n) + (besides[name] ?? 0);
          truth.forEach((t, i) => {
            const error = Math.abs((y.dataSync()[i] ?? Number.NaN) - t) / ulp(t);
            // The variance of few terms loses digits to the mean's.
            const scale = name === "var" ? Math.max(1, 1 / (8 * t)) : 1;
            if (!(error <= allowed * scale))
              misses.push(`${["columns", "rows", "all", "transposed"][at]} ${n} × ${width}: ${error} ulp of ${t}`);
          });
        });
      }
    expect(misses.slice(0, 5)).toEqual([]);
  });
});

test("one to four threads give the same bits", () => {
  const devices = [1, 2, 3, 4].map((threads) => {
    const name = `threads ${threads}`;
    registerEagerThreads(threads, name);
    return name;
  });
  for (const [n, width] of [
    [17, 37],
    [65, 8],
    [1031, 33],
    [4099, 3],
    [1024, 128],
    [8192, 64],
  ] as const)
    for (const [name, f] of Object.entries(functions)) {
      const x = seededValues([n, width], { dtype: "float32", seed: n });
      const results = [usual, ...devices].map((device) => {
        const own = x.to(device);
        const found = [f(own, 0), f(own, 1), f(own)];
        realize(...found);
        return found.map((y) => [...new Uint32Array(Float32Array.from(y.dataSync()).buffer)]);
      });
      for (const other of results.slice(1)) expect(other, `${name} of ${n} × ${width}`).toEqual(results[0]);
    }
});
