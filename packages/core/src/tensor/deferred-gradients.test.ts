// Gradients that are not built: the same numbers as those of a sweep that is made, whoever looks at them, and when.
import { describe, expect, it, test } from "vitest";
import { engineStatistics, flush } from "../engine/engine.ts";
import { Node } from "../graph/node.ts";
import { checkpoint, concat, customVjp, embedding, grad, noGrad, scan, softmax, where } from "../index.ts";
import { tensor } from "./create.ts";
import { StandingUpdate } from "./standing-update.ts";
import type { Tensor } from "./tensor.ts";
import { type Update, update } from "./update.ts";

type Loss = (a: Tensor, b: Tensor, x: Tensor) => Tensor;

const values = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(1.3 * i + seed));

const leaves = (seed: number): [Tensor, Tensor, Tensor] => [
  tensor(values(6, seed), { shape: [2, 3], requiresGrad: true }),
  tensor(values(3, seed + 1), { requiresGrad: true }),
  tensor(values(6, seed + 2), { shape: [2, 3] }),
];

const read = (x: Tensor | null): unknown => x && [...x.dataSync()];
const gradientsOf = (...xs: Tensor[]): unknown[] => xs.map((x) => read(x.grad));

/** By a sweep that is made at once: where the cotangent is given, gradients are built. */
function expected(loss: Loss, seed: number): unknown[] {
  const [a, b, x] = leaves(seed);
  loss(a, b, x).backward(tensor(1));
  return gradientsOf(a, b);
}

function nodesOf(body: () => void): number {
  const before = Node.latestId;
  body();
  return Node.latestId - before;
}

const double = customVjp(
  (x: Tensor) => x.mul(2),
  (g) => [g.mul(2)],
);

const losses: Record<string, Loss> = {
  "a product": (a, b, x) => x.mul(a).add(b).tanh().sum(),
  "a matrix product": (a, b, x) => x.matmul(a.transpose()).exp().mean().add(b.sum()),
  "one leaf twice": (a, _, x) => a.mul(a).mul(x).sum(),
  "a number": (a, b, x) => a.mul(x).mul(a.shape.length).add(b.mul(3)).sum(),
  "a part without gradients": (a, b, x) =>
    a
      .mul(noGrad(() => a.mul(x)))
      .add(b)
      .sum(),
  "a detached leaf": (a, b) => a.sum().add(b.detach().mul(b).sum()),
  "rows and choices": (a, b, x) =>
    where(x.lt(a), softmax(a).mul(b), embedding(a, tensor([1, 0], { dtype: "int32" })).mul(2)).sum(),
  "joined parts": (a, b) =>
    concat([a, b.reshape([1, 3])])
      .pow(2)
      .mean(),
};

describe.each(Object.entries(losses))("%s", (_, loss) => {
  it("has the gradients of a sweep, and makes none from the second time on", () => {
    for (let seed = 0; seed < 5; seed++) {
      const [a, b, x] = leaves(seed);
      const y = loss(a, b, x);
      const nodes = nodesOf(() => y.backward());
      if (seed > 0) expect(nodes).toBe([a, b].filter((leaf) => leaf.grad).length);
      // With the loss in one run, or built because somebody looks into them.
      if (seed % 2 === 0) flush();
      expect(gradientsOf(a, b)).toEqual(expected(loss, seed));
    }
  });
});

const alwaysBuilt: Record<string, Loss> = {
  "a rule of its own": (a, b) => double(a).sum().add(b.sum()),
  "a checkpoint": (a, b, x) =>
    checkpoint((v: Tensor) => v.mul(x).exp())(a)
      .mul(b)
      .sum(),
  "a loop": (a, b) => scan((h: Tensor) => [h.mul(b), null] as const, a.sum({ axis: 0 }), null, { length: 3 })[0].sum(),
};

test.each(Object.entries(alwaysBuilt))("%s: built each time", (_, loss) => {
  for (let seed = 0; seed < 3; seed++) {
    const [a, b, x] = leaves(seed);
    const y = loss(a, b, x);
    expect(nodesOf(() => y.backward())).toBeGreaterThan(2);
    expect(gradientsOf(a, b)).toEqual(expected(loss, seed));
  }
});

describe("a structure", () => {
  it("is another one with other leaves that want a gradient", () => {
    const loss: Loss = (a, b, x) => a.mul(b).mul(x).sum();
    for (const [first, second] of [
      [true, true],
      [true, false],
      [false, true],
      [true, true],
    ]) {
      const [a, b, x] = leaves(1);
      a.requiresGrad_(first);
      b.requiresGrad_(second);
      loss(a, b, x).backward();
      const [forA, forB] = expected(loss, 1);
      expect(gradientsOf(a, b)).toEqual([first ? forA : null, second ? forB : null]);
    }
  });

  it("is another one where one leaf comes twice", () => {
    const [a, b] = [tensor([2], { requiresGrad: true }), tensor([3], { requiresGrad: true })];
    a.mul(b).sum().backward();
    const c = tensor([5], { requiresGrad: true });
    c.mul(c).sum().backward();
    expect(gradientsOf(a, b, c)).toEqual([[3], [2], [10]]);
  });

  it("is another one without a gradient on the way", () => {
    for (const isTracked of [true, false, true]) {
      const w = tensor([3], { requiresGrad: true });
      const square = (): Tensor => w.mul(w);
      w.mul((isTracked ? square() : noGrad(square)).detach())
        .sum()
        .backward();
      expect(read(w.grad)).toEqual([9]);
    }
  });

  it("knows shapes, dtypes and attributes", () => {
    for (const dtype of ["float32", "float64"] as const)
      for (const shape of [[4], [2, 2], [1, 4]])
        for (const axis of [0, -1]) {
          const w = tensor(values(4, 1), { shape, dtype, requiresGrad: true });
          w.mul(w).sum({ axis }).max().backward();
          const sums = w.mul(w).sum({ axis });
          const mask = sums.eq(sums.max());
          const spread = axis === 0 ? mask : mask.reshape([...shape.slice(0, -1), 1]);
          expect(w.grad?.dtype).toBe(dtype);
          expect(read(w.grad)).toEqual(read(w.mul(2).mul(spread.to(dtype)).detach()));
        }
  });

  it("ends where the table of structures starts over", () => {
    for (let n = 1; n <= 600; n++) {
      const w = tensor(new Float32Array(n).fill(2), { requiresGrad: true });
      w.mul(w).sum().backward();
      if (n % 97 === 1) expect(read(w.grad)).toEqual(new Array(n).fill(4));
      else w.zeroGrad();
    }
  });
});

describe("a gradient that is not built", () => {
  const loss: Loss = (a, b, x) => x.mul(a).add(b).tanh().sum();
  const prepared = (seed: number): { a: Tensor; b: Tensor; y: Tensor } => {
    const [a, b, x] = leaves(seed);
    return { a, b, y: loss(a, b, x) };
  };

  it("is added to", () => {
    for (let round = 0; round < 2; round++) {
      const { a, b, y } = prepared(1);
      y.backward();
      y.backward();
      const [forA, forB] = expected(loss, 1) as number[][];
      expect(gradientsOf(a, b)).toEqual([forA?.map((g) => 2 * g), forB?.map((g) => 2 * g)]);
    }
  });

  it("can be kept past zeroGrad while it is not computed", () => {
    const { a, b, y } = prepared(2);
    y.backward();
    const kept = a.grad;
    a.zeroGrad();
    b.zeroGrad();
    expect(read(kept)).toEqual(expected(loss, 2)[0]);
  });

  it("cannot be kept past zeroGrad once it is", () => {
    const { a, y } = prepared(2);
    y.backward();
    const kept = a.grad;
    flush();
    a.zeroGrad();
    expect(() => kept?.dataSync()).toThrow("zeroGrad() has given the gradient's memory back");
  });

  it("can be computed with, before and after it is computed", () => {
    const { a, b, y } = prepared(3);
    y.backward();
    const before = a.grad?.mul(2) ?? null;
    flush();
    const after = b.grad?.mul(2) ?? null;
    const [forA, forB] = expected(loss, 3) as number[][];
    expect([read(before), read(after)]).toEqual([forA?.map((g) => 2 * g), forB?.map((g) => 2 * g)]);
  });

  it("comes with a loss that was read before", () => {
    const { a, b, y } = prepared(4);
    y.itemSync();
    y.backward();
    expect(gradientsOf(a, b)).toEqual(expected(loss, 4));
  });

  it("is not there where a hook wants to see it, or a gradient of it is wanted", () => {
    const { a, y } = prepared(5);
    const seen: unknown[] = [];
    const hook = a.registerHook((g) => {
      seen.push(read(g));
      return g.mul(4);
    });
    y.backward();
    hook.remove();
    const [forA] = expected(loss, 5) as number[][];
    expect(seen).toEqual([forA]);
    expect(read(a.grad)).toEqual(forA?.map((g) => 4 * g));
    const w = tensor(2, { requiresGrad: true });
    w.mul(w).mul(w).backward(undefined, { createGraph: true });
    w.grad?.backward();
    expect(w.grad?.itemSync()).toBe(12 + 12);
  });

  it("is built inside of a function that is differentiated", () => {
    const outer = grad((x: Tensor) => {
      const w = tensor(3, { requiresGrad: true });
      w.mul(w).backward();
      return x.mul(w.grad ?? 0);
    });
    for (let round = 0; round < 2; round++) expect(outer(tensor(2)).itemSync()).toBe(6);
  });

  it("is computed again after a run that failed", () => {
    for (let round = 0; round < 3; round++) {
      const table = tensor([1, 2], { requiresGrad: true });
      embedding(table, tensor([round === 1 ? 7 : 1], { dtype: "int32" }))
        .sum()
        .backward();
      if (round === 1) expect(() => read(table.grad)).toThrow("7");
      else expect(read(table.grad)).toEqual([0, 1]);
    }
  });
});

describe("StandingUpdate", () => {
  const step = (w: Tensor, rate: Tensor): Update[] => [{ target: w, value: w.sub((w.grad as Tensor).mul(rate)) }];

  it("does what update does, with other values, and builds nothing", () => {
    const w = tensor([1, 2], { requiresGrad: true });
    let standing: StandingUpdate | null = null;
    let [one, two] = [1, 2];
    const plans: number[] = [];
    for (let i = 0; i < 5; i++) {
      const rate = tensor(0.5 ** i);
      w.zeroGrad();
      w.mul(w).sum().backward();
      const reads = [w, w.grad as Tensor, rate];
      noGrad(() => {
        if (standing) standing.again(reads, () => step(w, rate));
        else standing = StandingUpdate.begin(step(w, rate), reads);
      });
      expect(standing).not.toBeNull();
      one -= 2 * one * 0.5 ** i;
      two -= 2 * two * 0.5 ** i;
      expect(read(w)).toEqual([one, two]);
      plans.push(engineStatistics().plansCompiled);
    }
    expect(plans.at(-1)).toBe(plans[1]);
  });

  it("tells inputs apart below values that were computed on the way", () => {
    const out = tensor([0]);
    let standing: StandingUpdate | null = null;
    for (const isSwapped of [false, true, false]) {
      const [p, q] = [tensor([2], { requiresGrad: true }), tensor([3], { requiresGrad: true })];
      const product = p.mul(q);
      product.sum().backward();
      const ofP = p.grad as Tensor;
      p.zeroGrad();
      q.zeroGrad();
      product.dataSync();
      const reads = isSwapped ? [q, p, ofP] : [p, q, ofP];
      const build = (): Update[] => [{ target: out, value: (reads[0] as Tensor).sub(reads[1] as Tensor).add(ofP) }];
      noGrad(() => {
        if (standing) standing.again(reads, build);
        else standing = StandingUpdate.begin(build(), reads);
      });
      expect(read(out)).toEqual([isSwapped ? 4 : 2]);
    }
  });

  it("refuses what is made of more than it is told", () => {
    const [w, other] = [tensor([1]), tensor([2])];
    expect(StandingUpdate.begin([{ target: w, value: w.add(other) }], [w])).toBeNull();
    expect(read(w)).toEqual([3]);
    expect(StandingUpdate.begin([{ target: w, value: w.mul(2) }], [w])).toBeNull();
    expect(read(w)).toEqual([6]);
    expect(StandingUpdate.begin([{ target: w, value: other }], [w, other])).toBeNull();
    expect(read(w)).toEqual([2]);
  });

  it("leaves all as it was where the run fails", () => {
    const [w, m] = [tensor([1, 2]), tensor([0])];
    const build = (at: Tensor): Update[] => [
      { target: w, value: w.mul(w) },
      { target: m, value: embedding(w, at), inPlace: true },
    ];
    const [good, bad]: [Tensor, Tensor] = [tensor([1], { dtype: "int32" }), tensor([5], { dtype: "int32" })];
    const standing = StandingUpdate.begin(build(good), [w, m, good]);
    expect([read(w), read(m)]).toEqual([[1, 4], [2]]);
    expect(() => standing?.again([w, m, bad], () => build(bad))).toThrow("5");
    expect([read(w), read(m)]).toEqual([[1, 4], [2]]);
    standing?.again([w, m, good], () => build(good));
    expect([read(w), read(m)]).toEqual([[1, 16], [4]]);
    update([{ target: w, value: w.add(1) }]);
    expect(read(w)).toEqual([2, 17]);
  });
});
