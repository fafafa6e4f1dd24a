// Attention over long sequences, which is taken block by block, against sums in float64 and against the formula as a whole.
import { describe, expect, it } from "vitest";
import { planFor } from "../engine/engine.ts";
import {
  ArgumentError,
  bernoulli,
  checkpoint,
  compile,
  eye,
  Generator,
  grad,
  jvp,
  live,
  manualSeed,
  ShapeError,
  stack,
  type Tensor,
  tensor,
  vmap,
  where,
  zeros,
} from "../index.ts";
import { allclose } from "../testing/allclose.ts";
import { valuesOf } from "../testing/nodes.ts";
import { seededValues } from "../testing/seeded-values.ts";
import { type AttentionOptions, scaledDotProductAttention } from "./attention.ts";
import { bitsAt } from "./draw.ts";
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
  it("is the weighted mean, whatever is masked", async () => {
    const bits = boolMask.dataSync();
    const columns = columnMask.dataSync();
    await allclose(scaledDotProductAttention(q, k, v).reshape([-1]), exact({}));
    await allclose(scaledDotProductAttention(q, k, v, { causal: true }).reshape([-1]), exact({ causal: true }));
    await allclose(
      scaledDotProductAttention(q, k, v, { mask: boolMask }).reshape([-1]),
      exact({ mask: (row, column) => (bits[row * s + column] ? 0 : Number.NEGATIVE_INFINITY) }),
    );
    await allclose(
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
  ])("has the gradients of the formula, also by a mask of %s", async (_, mask) => {
    const plain = gradients((a, b, c, m) => whole(a, b, c, m), mask);
    for (const [i, g] of gradients(inBlocks({}), mask).entries()) {
      await allclose(g, plain[i] ?? 0, { atol: 1e-4, rtol: 1e-4 });
    }
    const causal = gradients((a, b, c, m) => whole(a, b, c, m.add(visible)), mask);
    for (const [i, g] of gradients(inBlocks({ causal: true }), mask).entries()) {
      await allclose(g, causal[i] ?? 0, { atol: 1e-4, rtol: 1e-4 });
    }
  });

  it("is batched like the formula", async () => {
    const batched = vmap((a: Tensor, c: Tensor) =>
      scaledDotProductAttention(a, k.reshape([s, d]), c, { causal: true }),
    );
    await allclose(batched(q, v), scaledDotProductAttention(q, k, v, { causal: true }));
  });

  it.each([
    [400, 1200],
    [1200, 400],
    [384, 384],
  ])("has derivatives of all kinds: %i queries that see the keys before them, of %i", async (rows, columns) => {
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
    for (const [i, x] of derivatives(blocks).entries()) {
      await allclose(x, expected[i] ?? 0, { atol: 1e-4, rtol: 1e-4 });
    }
  });

  it("refuses a mask of the wrong size", () => {
    const short = seededValues([128, s]);
    expect(() => scaledDotProductAttention(q, k, v, { mask: short })).toThrow("[128, 751]");
  });

  it.each([
    [false, 2, 0, false],
    [true, 2, 0, false],
    [false, 1, 0, false],
    [false, 2, 0.1, false],
    [true, 1, 0.1, false],
    [false, 2, 0, true],
    [true, 1, 0.1, true],
  ])(
    "needs memory that grows with the length, not with its square (causal: %s, heads with keys: %i, dropout: %d, a mask of keys: %s)",
    (causal, own, dropoutP, masked) => {
      const [heads, features] = [2, 32];
      /** In tensors of the size of q. */
      const scratch = (n: number): { value: number; gradients: number } => {
        const [a, b, c] = [heads, own, own].map((count, seed) => seededValues([count, n, features], { seed }));
        const mask = masked ? seededValues([n]).gt(-0.5) : null;
        if (!a || !b || !c) throw new Error("expected three tensors");
        const attention = (x: Tensor, y: Tensor, z: Tensor) =>
          scaledDotProductAttention(x, y, z, { causal, dropoutP, mask });
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

describe("attention that leaves weights out", () => {
  const dropoutP = 0.3;
  const numbers = (x: Tensor): number[] => [...x.dataSync()];
  const product = (x: Tensor, y: Tensor): Tensor => x.matmul(y as never) as Tensor;
  /** The formula with a mask of `bernoulli`. */
  const formula =
    (shape: readonly number[], lower: Tensor | null): Attention =>
    (x, y, z, mask) => {
      const scores = product(x, y.transpose(-1, -2) as Tensor)
        .div(Math.sqrt(x.shape.at(-1) ?? 1))
        .add(mask) as Tensor;
      const weights = softmax(lower ? scores.add(lower) : scores);
      const isKept = bernoulli([...shape], 1 - dropoutP, { dtype: "bool" });
      return product(where(isKept, weights, 0).div(1 - dropoutP), z);
    };
  const dropped =
    (options: AttentionOptions = {}): Attention =>
    (x, y, z, mask) =>
      scaledDotProductAttention(x, y, z, { dropoutP, mask, ...options });
  const seeded = <T>(seed: number, f: () => T): T => {
    manualSeed(seed);
    return f();
  };
  type Operands = readonly [Tensor, Tensor, Tensor, Tensor];
  const first = (f: Attention) =>
    grad((x: Tensor, y: Tensor, z: Tensor, m: Tensor) => f(x, y, z, m).pow(2).sum(), [0, 1, 2, 3]);
  /** Value and gradients, with the same draws. */
  const derivatives = (f: Attention, operands: Operands): readonly Tensor[] => [
    seeded(9, () => f(...operands)),
    ...seeded(9, () => first(f)(...operands)),
  ];
  const below = (rows: number, columns: number): Tensor =>
    tensor(
      Float32Array.from({ length: rows * columns }, (_, i) =>
        i % columns <= Math.floor(i / columns) ? 0 : Number.NEGATIVE_INFINITY,
      ),
      { shape: [rows, columns] },
    );
  const same = async (found: readonly Tensor[], expected: readonly Tensor[]): Promise<void> => {
    expect(found).toHaveLength(expected.length);
    for (const [i, x] of found.entries()) {
      expect(x.shape).toEqual(expected[i]?.shape);
      await allclose(x, expected[i] ?? 0, { atol: 1e-4, rtol: 1e-4 });
    }
  };

  describe.each([
    ["short", 5, 7],
    ["long", t, s],
    ["long, more queries than keys", 1200, 400],
  ])("%s", (_, rows, columns) => {
    const operands = (heads: readonly number[], keyed: readonly number[], masked: readonly number[]): Operands => [
      seededValues([...heads, rows, d], { seed: 1 }),
      seededValues([...keyed, columns, d], { seed: 2 }),
      seededValues([...heads, columns, 2], { seed: 3 }),
      seededValues([...masked, columns], { seed: 4 }),
    ];
    it.each([
      [false, [2], [2], [rows]],
      [true, [2], [1], []],
      [true, [], [], [rows]],
      [false, [2], [1], [2, 1]],
      [false, [], [], [3, rows]],
    ])(
      "is the formula with the same mask (causal: %s, heads %j, of keys %j, mask %j)",
      async (causal, heads, keyed, masked) => {
        const given = operands(heads, keyed, masked);
        const shape = [...(masked.length === 2 && heads.length === 0 ? [3] : heads), rows, columns];
        const expected = derivatives(formula(shape, causal ? below(rows, columns) : null), given);
        await same(derivatives(dropped({ causal }), given), expected);
      },
    );
    it("goes on behind what it has drawn", () => {
      const given = operands([2], [2], []);
      const generator = new Generator(3);
      scaledDotProductAttention(given[0], given[1], given[2], { dropoutP, generator });
      expect(generator.state.counter).toBe(2 * rows * columns);
      scaledDotProductAttention(given[0], given[1], given[2], { dropoutP: 0, generator });
      expect(generator.state.counter).toBe(2 * rows * columns);
    });
    it("has the same bits for the same seed, and others for others", () => {
      const given = operands([2], [2], []);
      const draw = (seed: number): number[] => numbers(seeded(seed, () => dropped()(...given)));
      expect(draw(1)).toEqual(draw(1));
      expect(draw(1)).not.toEqual(draw(2));
    });
    it("draws for each example of a batch, in the order of one draw for all", async () => {
      const [x, y, z, mask] = operands([2], [2], []);
      const whole = derivatives(dropped({ causal: true }), [x, y, z, mask]);
      const one: Attention = (...rest) => dropped({ causal: true })(...rest);
      const inAxes = { inAxes: [0, 0, 0, null] as const };
      const value = seeded(9, () => vmap(one, inAxes)(x, y, z, mask));
      const each = seeded(9, () => vmap((...rest: Operands) => first(one)(...rest), inAxes)(x, y, z, mask));
      const over = seeded(9, () => first((...rest) => vmap(one, inAxes)(...rest))(x, y, z, mask));
      await same([value, ...each.slice(0, 3), each[3].sum({ axis: 0 })], whole);
      await same([value, ...over], whole);
      const copies = vmap(one, { ...inAxes, randomness: "same" });
      const pair = (w: Tensor): Tensor => stack([w, w]) as Tensor;
      const [a, b] = seeded(9, () => copies(pair(x), pair(y), pair(z), mask)).toArraySync() as number[][][];
      expect(a).toEqual(b);
      const [g] = seeded(9, () => first((...rest) => copies(...rest))(pair(x), pair(y), pair(z), mask));
      const [ga, gb] = g.toArraySync() as number[][][];
      expect(ga).toEqual(gb);
    });
    it("is computed again with the same mask in a checkpoint", async () => {
      const given = operands([2], [1], [rows]);
      const again: Attention = (...rest) => checkpoint((...inner: Operands) => dropped()(...inner))(...rest);
      await same(derivatives(again, given), derivatives(dropped(), given));
    });
    it("keeps the share that it should, and scales it", () => {
      const many = Math.max(rows, 200);
      const y = scaledDotProductAttention(zeros([many, d]), zeros([columns, d]), eye(columns), {
        dropoutP,
        generator: new Generator(4),
      });
      const found = numbers(y);
      const left = 1 / (columns * (1 - dropoutP));
      for (const x of found) expect(Math.min(Math.abs(x), Math.abs(x - left))).toBeLessThan(1e-6 * left);
      const share = found.filter((x) => x > 0).length / found.length;
      expect(Math.abs(share - 0.7)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / found.length));
    });
    it("is 0 where all is left out, and so are its gradients", () => {
      const all: Attention = (x, y, z, mask) => scaledDotProductAttention(x, y, z, { dropoutP: 1, mask });
      for (const x of derivatives(all, operands([2], [2], [])))
        expect(new Set(numbers(x.abs() as Tensor))).toEqual(new Set([0]));
    });
  });

  it.each([
    [9, 7],
    [384, 384],
  ])("has derivatives of second order and along directions (%i × %i)", async (rows, columns) => {
    const [a, b, c, m] = [[rows, 2], [columns, 2], [columns, 1], [columns]].map((shape, seed) =>
      seededValues(shape, { seed }),
    ) as never as Operands;
    const second = (f: Attention): readonly Tensor[] => {
      const total = (x: Tensor, y: Tensor, z: Tensor): Tensor => {
        const [dx, dy, dz] = first(f)(x, y, z, m);
        return dx.pow(2).sum().add(dy.pow(2).sum()).add(dz.pow(2).sum()) as Tensor;
      };
      const [, tangent] = seeded(9, () => jvp((x: Tensor, y: Tensor) => f(x, y, c, m), [a, b], [a.cos(), b.sin()]));
      return [...seeded(9, () => grad(total as never, [0, 1, 2])(a, b, c) as unknown as readonly Tensor[]), tangent];
    };
    await same(second(dropped({ causal: true })), second(formula([rows, columns], below(rows, columns))));
  });

  it("takes a probability that changes, in a compiled function", () => {
    let p = 0.5;
    const [x, y, z] = [zeros([200, 1]), zeros([3000, 1]), seededValues([3000, 1]).mul(0).add(1) as Tensor];
    const f = compile((w: Tensor) => scaledDotProductAttention(w, y, z, { dropoutP: live(() => p) }));
    const shares = (): number[] => numbers(f(x)).map((share) => Math.round(share * (1 - p) * 3000));
    const halves = shares();
    expect(Math.abs(halves.reduce((sum, n) => sum + n, 0) / 600000 - 0.5)).toBeLessThan(0.005);
    expect(shares()).not.toEqual(halves);
    p = 0.9;
    expect(Math.abs(shares().reduce((sum, n) => sum + n, 0) / 600000 - 0.1)).toBeLessThan(0.005);
  });

  it("refuses what is no probability", () => {
    const x = zeros([2, 1]);
    for (const p of [-0.1, 1.5, Number.NaN])
      expect(() => scaledDotProductAttention(x, x, x, { dropoutP: p })).toThrow(
        new ArgumentError(`scaledDotProductAttention: expected a dropoutP from 0 to 1, got ${p}`),
      );
    expect(() => scaledDotProductAttention(x, x, x, { dropoutP: zeros([2]) })).toThrow(
      new ShapeError("scaledDotProductAttention: expected a dropoutP that is a number or a scalar, got shape [2]"),
    );
  });

  it("never repeats words, however many there are", () => {
    const generator = new Generator(7);
    // 2¹² parts share a key.
    const count = 2 ** 20;
    const words = generator.stretch(count, q.device, 2 ** 14);
    expect(generator.state.counter).toBe(4 * 2 ** 32);
    const parts = tensor([0, 1, 4095, 4096, 4097, 8191, 8192], { dtype: "int32" }).reshape([7, 1]).node;
    const found = valuesOf(bitsAt(words, tensor([0, 1], { dtype: "int32" }).node, parts));
    expect(new Set(found).size).toBe(14);
    const there = new Generator(7);
    there.state = { key: generator.state.key, counter: 2 ** 32 + count };
    expect(found.slice(8, 10)).toEqual(valuesOf(there.bits(2, q.device)));
  });
});
