// Attention over long sequences, which is taken block by block, against sums in float64 and against the formula as a whole.
import { describe, expect, it } from "vitest";
import { planFor } from "../engine/engine.ts";
import { grad, jvp, stack, type Tensor, tensor, vmap } from "../index.ts";
import { allclose } from "../testing/allclose.ts";
import { seededValues } from "../testing/seeded-values.ts";
import { type AttentionOptions, scaledDotProductAttention } from "./attention.ts";
import { softmax } from "./softmax.ts";

const [t, s, d] = [701, 751, 3];
const q = seededValues([2, t, d], { seed: 1 });
const k = seededValues([1, s, d], { seed: 2 });
const v = seededValues([2, s, 2], { seed: 3 });
const boolMask = seededValues([t, s], { seed: 4 }).gt(-0.5);
const columnMask = seededValues([s], { seed: 5 });
const rowMask = seededValues([2, t, 1], { seed: 6 });

const visible = tensor(
  Float32Array.from({ length: t * s }, (_, i) => (i % s <= Math.floor(i / s) ? 0 : Number.NEGATIVE_INFINITY)),
  { shape: [t, s] },
);

type Attention = (q: Tensor, k: Tensor, v: Tensor, mask: Tensor) => Tensor;

/** One query after the other, in float64. */
function exact(options: { causal?: boolean; mask?: (row: number, column: number) => number }): number[] {
  const [qs, ks, vs] = [q.dataSync(), k.dataSync(), v.dataSync()];
  const out: number[] = [];
  for (let b = 0; b < 2; b++)
    for (let row = 0; row < t; row++) {
      const scores = Array.from({ length: s }, (_, column) => {
        if (options.causal && column > row) return Number.NEGATIVE_INFINITY;
        let score = 0;
        for (let i = 0; i < d; i++) score += (qs[(b * t + row) * d + i] ?? 0) * (ks[column * d + i] ?? 0);
        return score / Math.sqrt(d) + (options.mask?.(row, column) ?? 0);
      });
      const largest = Math.max(...scores);
      const weights = scores.map((x) => Math.exp(x - largest));
      const total = weights.reduce((sum, w) => sum + w, 0);
      for (let e = 0; e < 2; e++)
        out.push(weights.reduce((sum, w, column) => sum + w * (vs[(b * s + column) * 2 + e] ?? 0), 0) / total);
    }
  return out;
}

function whole(a: Tensor, b: Tensor, c: Tensor, mask: Tensor | null): Tensor {
  const scores = a.matmul(b.transpose(-1, -2) as never).div(Math.sqrt(d)) as Tensor;
  return softmax(mask ? scores.add(mask) : scores).matmul(c as never) as Tensor;
}

describe("attention over long sequences", () => {
  it("is the weighted mean, whatever is masked", () => {
    const bits = boolMask.dataSync();
    const columns = columnMask.dataSync();
    allclose(scaledDotProductAttention(q, k, v).reshape([-1]), exact({}));
    allclose(scaledDotProductAttention(q, k, v, { causal: true }).reshape([-1]), exact({ causal: true }));
    allclose(
      scaledDotProductAttention(q, k, v, { mask: boolMask }).reshape([-1]),
      exact({ mask: (row, column) => (bits[row * s + column] ? 0 : Number.NEGATIVE_INFINITY) }),
    );
    allclose(
      scaledDotProductAttention(q, k, v, { mask: columnMask, causal: true }).reshape([-1]),
      exact({ causal: true, mask: (_, column) => columns[column] ?? 0 }),
    );
  });

  const gradients = (f: (a: Tensor, b: Tensor, c: Tensor, mask: Tensor) => Tensor, mask: Tensor): readonly Tensor[] =>
    grad((a: Tensor, b: Tensor, c: Tensor, m: Tensor) => f(a, b, c, m).pow(2).sum(), [0, 1, 2, 3])(q, k, v, mask);
  const inBlocks = (options: AttentionOptions) => (a: Tensor, b: Tensor, c: Tensor, mask: Tensor) =>
    scaledDotProductAttention(a, b, c, { ...options, mask });

  it.each([
    ["columns", columnMask],
    ["rows", rowMask],
  ])("has the gradients of the formula, also by a mask of %s", (_, mask) => {
    const plain = gradients((a, b, c, m) => whole(a, b, c, m), mask);
    gradients(inBlocks({}), mask).forEach((g, i) => {
      allclose(g, plain[i] ?? 0, { atol: 1e-4, rtol: 1e-4 });
    });
    const causal = gradients((a, b, c, m) => whole(a, b, c, m.add(visible)), mask);
    gradients(inBlocks({ causal: true }), mask).forEach((g, i) => {
      allclose(g, causal[i] ?? 0, { atol: 1e-4, rtol: 1e-4 });
    });
  });

  it("is batched like the formula", () => {
    const batched = vmap((a: Tensor, c: Tensor) =>
      scaledDotProductAttention(a, k.reshape([s, d]), c, { causal: true }),
    );
    allclose(batched(q, v), scaledDotProductAttention(q, k, v, { causal: true }));
  });

  it.each([
    [400, 1200],
    [1200, 400],
    [384, 384],
  ])("has derivatives of all kinds: %i queries that see the keys before them, of %i", (rows, columns) => {
    const [a, b, c] = [
      seededValues([rows, 2], { seed: 1 }),
      seededValues([columns, 2], { seed: 2 }),
      seededValues([columns, 1], { seed: 3 }),
    ];
    const mask = seededValues([columns], { seed: 4 });
    const lower = tensor(
      Float32Array.from({ length: rows * columns }, (_, i) =>
        i % columns <= Math.floor(i / columns) ? 0 : Number.NEGATIVE_INFINITY,
      ),
      { shape: [rows, columns] },
    );
    const blocks: Attention = (x, y, z, m) => scaledDotProductAttention(x, y, z, { causal: true, mask: m });
    const formula: Attention = (x, y, z, m) => {
      const scores = (x.matmul(y.transpose(-1, -2) as never) as Tensor).div(Math.sqrt(2)).add(lower).add(m);
      return softmax(scores).matmul(z as never) as Tensor;
    };
    const first = (f: Attention) =>
      grad((x: Tensor, y: Tensor, z: Tensor, m: Tensor) => f(x, y, z, m).pow(2).sum(), [0, 1, 2, 3]);
    const derivatives = (f: Attention): readonly Tensor[] => {
      const second = grad(
        (x: Tensor, y: Tensor, z: Tensor) => {
          const [dx, dy, dz] = first(f)(x, y, z, mask);
          return dx.pow(2).sum().add(dy.pow(2).sum()).add(dz.pow(2).sum());
        },
        [0, 1, 2],
      );
      const [, tangent] = jvp((x: Tensor, y: Tensor) => f(x, y, c, mask), [a, b], [a.cos(), b.sin()]);
      const pair = (x: Tensor): Tensor => stack([x, x.mul(0.5)]);
      const mapped = vmap((x: Tensor, y: Tensor, z: Tensor) => first(f)(x, y, z, mask)[1]);
      return [...first(f)(a, b, c, mask), ...second(a, b, c), tangent, mapped(pair(a), pair(b), pair(c))];
    };
    const expected = derivatives(formula);
    derivatives(blocks).forEach((x, i) => {
      allclose(x, expected[i] ?? 0, { atol: 1e-4, rtol: 1e-4 });
    });
  });

  it("refuses a mask of the wrong size", () => {
    const short = seededValues([128, s]);
    expect(() => scaledDotProductAttention(q, k, v, { mask: short })).toThrow("[128, 751]");
  });

  it.each([
    [false, 2],
    [true, 2],
    [false, 1],
  ])(
    "needs memory that grows with the length, not with its square (causal: %s, heads with keys: %i)",
    (causal, own) => {
      const [heads, features] = [2, 32];
      /** In tensors of the size of q. */
      const scratch = (n: number): { value: number; gradients: number } => {
        const [a, b, c] = [heads, own, own].map((count, seed) => seededValues([count, n, features], { seed }));
        if (!a || !b || !c) throw new Error("expected three tensors");
        const attention = (x: Tensor, y: Tensor, z: Tensor) => scaledDotProductAttention(x, y, z, { causal });
        const gradients = grad((x: Tensor, y: Tensor, z: Tensor) => attention(x, y, z).pow(2).sum(), [0, 1, 2])(
          a,
          b,
          c,
        );
        const tensors = (results: readonly Tensor[]): number =>
          planFor(results.map((x) => x.node)).scratchBytes / (heads * n * features * 4);
        return { value: tensors([attention(a, b, c)]), gradients: tensors(gradients) };
      };
      // Scores of 128 queries take 128 / 32 tensors.
      for (const n of [1024, 2048, 4096]) {
        const { value, gradients } = scratch(n);
        expect(value).toBeLessThan(4.5);
        expect(gradients).toBeLessThan(3 * 4 + 5.5);
      }
    },
  );
});
