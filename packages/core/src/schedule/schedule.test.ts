import { describe, expect, it } from "vitest";
import { planFor, withoutFusion } from "../engine/engine.ts";
import { gelu, softplus } from "../functions/activation.ts";
import { square } from "../functions/arithmetic.ts";
import { cumprod, logcumsumexp } from "../functions/cumulative.ts";
import { realize } from "../functions/evaluate.ts";
import { concat, repeatInterleave, split } from "../functions/join.ts";
import { maxPool2d } from "../functions/pool.ts";
import { kron } from "../functions/products.ts";
import { slice } from "../functions/shape.ts";
import { grad, stopGradient } from "../functions/transforms.ts";
import { printPlan } from "../kernel/print.ts";
import { builder } from "../ops/builder.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { slotsRead, slotsWritten } from "./traffic.ts";

/** A small generator of our own, so that a failing graph can be made again from its seed. */
function dice(seed: number): (n: number) => number {
  let state = seed * 2654435761;
  return (n) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 8) % n;
  };
}

const shapes = [[], [1], [3], [2, 3], [4, 1], [2, 1, 3], [3, 2, 4], [1, 5], [2, 3, 1, 2], [0, 3]];

/** A graph of about `size` operations whose values depend on the seed alone. */
function randomGraph(seed: number, size: number): Tensor[] {
  const roll = dice(seed);
  const pool: Tensor[] = [];
  const pick = (): Tensor => pool[roll(pool.length)] ?? tensor(0, { device: "reference" });
  const fresh = (): Tensor => {
    const shape = shapes[roll(shapes.length)] ?? [];
    const count = shape.reduce((n, k) => n * k, 1);
    return tensor(
      Float32Array.from({ length: count }, () => (roll(41) - 20) / 8),
      { shape, device: "reference" },
    );
  };
  for (let i = 0; i < 4; i++) pool.push(fresh());
  while (pool.length < size) {
    const next = grow(pick(), pick(), roll);
    pool.push(next ?? fresh());
  }
  return [pool.at(-1), pick(), pick()].filter((x) => x !== undefined);
}

function grow(x: Tensor, y: Tensor, roll: (n: number) => number): Tensor | null {
  const rank = x.shape.length;
  const axis = rank > 0 ? roll(rank) : 0;
  const along = (value: number, other: number): number[] => x.shape.map((_, i) => (i === axis ? value : other));
  switch (roll(16)) {
    case 0:
    case 1:
    case 2: {
      try {
        return roll(2) === 0 ? x.add(y) : x.mul(y).mul(0.5);
      } catch {
        return x.neg();
      }
    }
    case 3:
      return x.relu();
    case 4:
      return x.tanh().add(x);
    case 5:
      return rank > 0 && (x.shape[axis] ?? 0) > 0 ? x.max({ axis, keepdims: roll(2) === 0 }) : x.sum();
    case 6:
      return rank > 0 ? x.sum({ axis, keepdims: roll(2) === 0 }).mul(0.25) : x.sigmoid();
    case 7:
      return rank > 1 ? x.transpose(axis, rank - 1) : x.abs();
    case 8:
      return x.reshape([x.size]);
    case 9:
      return rank > 0 ? x.permute([...x.shape.keys()].reverse()).reshape(x.shape) : x;
    case 10:
      return rank > 0 ? new Tensor(builder.pad(x.node, along(1, 0), along(2, 0), along(1 + roll(2), 1))) : null;
    case 11: {
      const n = x.shape[axis] ?? 0;
      if (n < 2) return null;
      const backwards = roll(2) === 0;
      const step = x.shape.map((_, i) => (i === axis ? (backwards ? -1 : 2) : 1));
      const size = x.shape.map((k, i) => (i === axis && !backwards ? Math.ceil(k / 2) : k));
      return new Tensor(builder.slice(x.node, along(backwards ? n - 1 : 0, 0), step, size));
    }
    case 12:
      return x.size > 0 && x.size < 500 ? x.reshape([1, ...x.shape]).expand([2, ...x.shape]) : null;
    case 13:
      return rank >= 2 && x.size < 500 ? x.matmul(x.transpose()).tanh() : x.exp().add(1).log();
    case 14: {
      if (rank === 0 || x.size === 0) return null;
      const shifted = x.sub(x.max({ axis, keepdims: true })).exp();
      return shifted.div(shifted.sum({ axis, keepdims: true }));
    }
    default:
      return x.gt(0).to("float32").add(x);
  }
}

const values = (roots: readonly Tensor[]): unknown[] => roots.map((x) => [...x.dataSync()]);

describe("fusion", () => {
  it("changes no value: 400 random graphs, fused and apart", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const size = 8 + (seed % 24);
      const fused = values(randomGraph(seed, size));
      const separate = withoutFusion(() => values(randomGraph(seed, size)));
      expect(fused, `seed ${seed}`).toEqual(separate);
    }
  });

  const forms = (x: Tensor): string[] => planFor([x.node]).kernels.map((kernel) => kernel.form);
  const matrix = (m: number, n: number): Tensor =>
    tensor(new Float32Array(m * n), { shape: [m, n], device: "reference" });

  it("runs a softmax as one kernel over rows", () => {
    const x = matrix(4, 10);
    const e = x.sub(x.max({ axis: 1, keepdims: true })).exp();
    expect(forms(e.div(e.sum({ axis: 1, keepdims: true })))).toEqual(["rowwise"]);
  });

  it("runs bias and activation in the store of a matrix product", () => {
    const h = matrix(4, 8)
      .matmul(matrix(8, 10))
      .add(tensor(new Float32Array(10), { device: "reference" }))
      .relu();
    expect(forms(h)).toEqual(["contract"]);
  });

  it("computes a value once, although it is asked for from both ends of a chain", () => {
    // The square reads a copy of the outer product. Copies are found last, and join their readers before it is their turn.
    const f = (z: Tensor): Tensor => square(kron(z, z)).sum() as Tensor;
    const [kernel, ...rest] = planFor([grad(f)(tensor([0.5, -0.7, 0.9], { device: "reference" })).node]).kernels;
    const written = kernel ? slotsWritten(kernel) : [];
    expect(rest.length).toBe(1);
    expect(written.length).toBe(new Set(written).size);
  });

  describe("an activation between two products", () => {
    const [w1, w2, x] = [matrix(3, 8), matrix(8, 5), matrix(6, 3)].map((t, i) =>
      tensor(
        Float32Array.from({ length: t.size }, (_, j) => Math.sin(i + 2 * j)),
        { shape: t.shape, device: "reference" },
      ),
    );
    if (!w1 || !w2 || !x) throw new Error("expected three matrices");
    const bias = tensor(new Float32Array(8).fill(0.25), { device: "reference" });
    const gradients = (activation: (x: Tensor) => Tensor): Tensor[] =>
      grad((a: Tensor, b: Tensor) => square(activation(x.matmul(a).add(bias)).matmul(b)).sum() as Tensor, [0, 1])(
        w1,
        w2,
      ) as Tensor[];
    const silu = (y: Tensor): Tensor => y.mul(y.sigmoid());
    /** How many buffers each kernel writes and reads, in the order of these numbers. */
    const traffic = (activation: (x: Tensor) => Tensor): string[] =>
      planFor(gradients(activation).map(({ node }) => node))
        .kernels.map((kernel) => `${slotsWritten(kernel).length} of ${slotsRead(kernel).size}`)
        .sort();

    it("leaves its value and its derivative, rather than all that the derivative is made of", () => {
      for (const activation of [gelu, (y: Tensor) => gelu(y, { approximate: "tanh" })])
        expect(traffic(activation)).toEqual(["1 of 2", "1 of 2", "1 of 2", "1 of 3", "2 of 3"]);
      // The derivative follows from the value.
      for (const activation of [(y: Tensor) => y.tanh(), (y: Tensor) => y.relu(), (y: Tensor) => y.sigmoid()])
        expect(traffic(activation)).toEqual(["1 of 2", "1 of 2", "1 of 2", "1 of 3", "1 of 3"]);
    });

    it("has the same gradients, fused and apart", () => {
      for (const activation of [gelu, (y: Tensor) => gelu(y, { approximate: "tanh" }), silu, softplus])
        expect(values(gradients((y) => activation(y)))).toEqual(
          withoutFusion(() => values(gradients((y) => activation(y)))),
        );
    });
  });

  it("copies nothing for a transposed operand", () => {
    expect(forms(matrix(8, 4).transpose().matmul(matrix(8, 10)))).toEqual(["contract"]);
  });

  it("stores a permuted matrix product in place of a copy", () => {
    const x = matrix(6, 4).matmul(matrix(4, 10)).reshape([2, 3, 10]).permute([1, 0, 2]).mul(2);
    expect(forms(x)).toEqual(["contract"]);
  });

  it("stores products where a concatenation wants them", () => {
    const parts = [matrix(6, 4).matmul(matrix(4, 5)), matrix(6, 3).matmul(matrix(3, 2)).relu(), matrix(6, 1)];
    expect(forms(concat(parts, { axis: 1 }))).toEqual(["contract", "contract", "map"]);
  });

  it("puts the gradient of a split together without adding zeros", () => {
    const [left, right] = [matrix(4, 5), matrix(4, 7)];
    const weighed = (x: Tensor): Tensor => {
      const [p, q] = split(x, [5, 7], { axis: 1 });
      return p && q ? p.mul(left).sum().add(q.mul(right).sum()) : x;
    };
    expect(forms(grad(weighed)(matrix(4, 12)))).toEqual(["map", "map"]);
    const heads = (x: Tensor): Tensor => {
      const [p, q] = split(x, 6, { axis: 1 }).map((part) => part.reshape([2, 2, 2, 3]).permute([0, 2, 1, 3]));
      return p && q
        ? p
            .matmul(q.permute([0, 1, 3, 2]))
            .tanh()
            .sum()
        : x;
    };
    expect(forms(grad(heads)(matrix(4, 12)))).toEqual(["contract", "contract", "contract"]);
  });

  it("gives a split whose parts are not all used zeros for the rest", () => {
    const x = tensor([1, 2, 3, 4], { device: "reference" });
    const ends = (y: Tensor): Tensor => {
      const [p, , q] = split(y, [1, 2, 1]);
      return p && q ? p.mul(2).add(q.mul(3)).sum() : y;
    };
    expect([...grad(ends)(x).dataSync()]).toEqual([2, 0, 0, 3]);
  });

  it("adds up high columns a block of rows at a time", () => {
    expect(forms(matrix(1024, 128).sum({ axis: 0 }))).toEqual(["reduce", "reduce"]);
    expect(forms(matrix(64, 1024).sum({ axis: 0 }))).toEqual(["reduce"]);
    expect(forms(matrix(1024, 128).sum({ axis: 1 }))).toEqual(["reduce"]);
  });

  it("runs a map and a sum of differently cut loops in one pass", () => {
    const x = matrix(6, 40).tanh();
    const rows = x.reshape([2, 3, 40]).sum({ axis: 2 });
    expect(planFor([rows.node, x.reshape([240]).neg().node]).kernels.map(({ form }) => form)).toEqual(["rowwise"]);
    const wide = matrix(1024, 64);
    const both = [wide.exp().sum().node, wide.exp().mul(wide).node];
    expect(planFor(both).kernels.map(({ form }) => form)).toEqual(["rowwise", "reduce"]);
  });

  it("computes the gradient of pooling right where the product reads it", () => {
    const gradient = grad((x: Tensor) => maxPool2d(x, 2).sum())(matrix(2, 36).reshape([2, 1, 6, 6]));
    const product = gradient.reshape([2, 36]).matmul(matrix(36, 3));
    expect(forms(product)).toEqual(["reduce", "map", "contract"]);
  });
});

describe("a root", () => {
  it("is written, although one formula alone goes on with it", () => {
    const x = tensor([0.5, -0.7, 0.9], { dtype: "float64", device: "reference" });
    const inner = x.sin();
    const outer = inner.sin();
    // Both sums read the inner sine by way of the outer one, which has a buffer for that.
    realize(inner, outer.sum(), outer.mul(outer).mean());
    expect([...inner.dataSync()]).toEqual([0.5, -0.7, 0.9].map(Math.sin));
  });
});

describe("names of operations", () => {
  const operations = (x: Tensor): unknown[] => planFor([x.node]).kernels.map((kernel) => kernel.operations);
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { device: "reference" },
  );

  it("are those whose values a kernel computes, in their order", () => {
    expect(operations(x.matmul(x).add(1).relu())).toEqual([["matmul", "add", "relu"]]);
    expect(operations(x.exp().sum({ axis: 1 }).mul(x.sum()))).toEqual([["sum"], ["exp", "sum", "mul"]]);
  });

  it("are those of views only where nothing else is done", () => {
    expect(operations(x.transpose())).toEqual([["permute"]]);
    expect(operations(x.transpose().exp())).toEqual([["exp"]]);
    expect(operations(stopGradient(x))).toEqual([["copy"]]);
  });
});

describe("views that one formula reads in several ways", () => {
  const values = (x: Tensor): number[] => [...x.dataSync()];
  const double = (data: readonly number[]): Tensor => tensor([...data], { dtype: "float64", device: "reference" });
  const weighed = (y: Tensor): Tensor => new Tensor(builder.sum(builder.mul(y.node, double([1, 2]).node), [0]));

  it("a copy that one reader needs does not stand for the view where others see it elsewhere", () => {
    // Products on the way, of every other element from the end on: their gradient reads the padded part at i and at i + 1.
    const f = (x: Tensor): Tensor =>
      weighed(
        cumprod(slice(x, [[null, null, -2]]), 0)
          .sin()
          .sin()
          .sin() as Tensor,
      );
    const x = double([0.5, 0.7, 0.9]);
    const slope = (at: number): number => {
      const wave = (t: number): number => Math.sin(Math.sin(Math.sin(t)));
      const value = ([a = 0, , c = 0]: readonly number[]): number => wave(c) + 2 * wave(c * a);
      const moved = (h: number): number => value([0.5, 0.7, 0.9].map((v, i) => (i === at ? v + h : v)));
      return (moved(1e-6) - moved(-1e-6)) / 2e-6;
    };
    values(grad(f)(x)).forEach((g, i) => {
      expect(g).toBeCloseTo(slope(i), 8);
    });
  });

  it("a kernel that makes the copy itself reads it from there", () => {
    const y = repeatInterleave(double([0.5, 0.7, 0.9]), 2, { axis: 0 })
      .sin()
      .sin()
      .sin() as Tensor;
    const f = (x: Tensor): Tensor => repeatInterleave(x, 2, { axis: 0 }).sin().sin().sin().sum() as Tensor;
    const g = grad(f)(double([0.5, 0.7, 0.9]));
    expect(values(g)).toEqual(withoutFusion(() => values(grad(f)(double([0.5, 0.7, 0.9])))));
    expect(values(y)[5]).toBeCloseTo(Math.sin(Math.sin(Math.sin(0.9))), 12);
  });

  it("formulas do not double with every step that reads the one before through two views", () => {
    const textFor = (length: number): number => {
      const x = double(Array.from({ length }, (_, i) => Math.sin(i)));
      return printPlan(planFor([grad((z: Tensor): Tensor => logcumsumexp(z, 0).sum() as Tensor)(x).node])).length;
    };
    // Four steps more: as many times as long would be 4⁴.
    expect(textFor(320) / textFor(20)).toBeLessThan(4);
  });

  it("what is made of no elements of a product is not made in its kernel", () => {
    const x = double([1, 2, 3]).reshape([1, 3]) as Tensor;
    const gram = x.matmul(x.transpose()).sin() as Tensor;
    const none = slice(gram, [[1, 1]]).sin() as Tensor;
    expect([none.shape, values(none)]).toEqual([[0, 1], []]);
    const twice = none.mul(2) as Tensor;
    realize(twice, gram);
    expect([twice, gram].map(values)).toEqual([[], [Math.sin(14)]]);
    const product = double([2]).matmul(double([3]).reshape([1, 1])) as Tensor;
    const met = product.add(double([])) as Tensor;
    expect([met.cos() as Tensor, met, product].map(values)).toEqual([[], [], [6]]);
  });
});
