// Random numbers inside of transforms: each example and each step its own, the same in all derivatives, and seeded.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vectorize } from "../autodiff/vectorize.ts";
import {
  bernoulli,
  checkpoint,
  cond,
  customVjp,
  deviceNames,
  engineStatistics,
  Generator,
  gamma,
  grad,
  jvp,
  linearize,
  manualSeed,
  normal,
  permutation,
  rand,
  randint,
  randn,
  scan,
  setDefaultDevice,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
  where,
  zeros,
} from "../index.ts";
import { builder } from "../ops/builder.ts";
import { valuesOf } from "../testing/nodes.ts";
import { countedUp, forCopies } from "./copies.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const { device: usual } = zeros([]);
const seeded = <T>(seed: number, f: () => T): T => {
  manualSeed(seed);
  return f();
};
/** How many different numbers there are. */
const distinct = (x: Tensor): number => new Set(numbers(x)).size;
const dropped = (x: Tensor): Tensor => where(bernoulli(x.shape, 0.5, { dtype: "bool" }), x, 0).mul(2);

describe.each(deviceNames())("on %s", (device) => {
  beforeAll(() => setDefaultDevice(device));
  afterAll(() => setDefaultDevice(usual));

  describe("vmap", () => {
    test.each([
      ["rand", (n: readonly number[]) => rand([...n])],
      ["rand, float64", (n: readonly number[]) => rand([...n], { dtype: "float64" })],
      ["randn", (n: readonly number[]) => randn([...n])],
      ["normal", (n: readonly number[]) => normal([...n], { mean: 3, std: 2 })],
      ["randint", (n: readonly number[]) => randint(0, 100, [...n])],
      ["bernoulli", (n: readonly number[]) => bernoulli([...n], 0.3)],
      ["gamma", (n: readonly number[]) => gamma([...n], 0.7)],
    ] as const)("%s: what one draw for the whole batch gives", (_, draw) => {
      const one = seeded(5, () => vmap((_x: Tensor) => draw([3]))(zeros([4])));
      const whole = seeded(5, () => draw([4, 3]));
      expect(one.shape).toEqual([4, 3]);
      expect(numbers(one)).toEqual(numbers(whole));
      // And what comes after goes on behind it.
      seeded(5, () => vmap((_x: Tensor) => draw([3]))(zeros([4])));
      const after = numbers(rand([5]));
      seeded(5, () => draw([4, 3]));
      expect(after).toEqual(numbers(rand([5])));
    });
    test("nested: all different, and again what one draw for all gives", () => {
      const inner = (x: Tensor): Tensor => vmap((y: Tensor) => rand([3]).add(y.mul(0)))(x);
      const y = seeded(5, () => vmap(inner)(zeros([4, 2])));
      expect(y.shape).toEqual([4, 2, 3]);
      expect(numbers(y)).toEqual(numbers(seeded(5, () => rand([4, 2, 3]))));
      const three = seeded(6, () => vmap(vmap(vmap((x: Tensor) => rand([2]).add(x))))(zeros([2, 3, 2])));
      expect(numbers(three)).toEqual(numbers(seeded(6, () => rand([2, 3, 2, 2]))));
    });
    test("two draws in one function differ, and a permutation is one for each example", () => {
      const y = vmap((_: Tensor) => rand([4]).sub(rand([4])))(zeros([8]));
      expect(distinct(y)).toBe(32);
      const orders = vmap((_: Tensor) => permutation(9))(zeros([6]));
      for (const order of orders.toArraySync() as number[][])
        expect(order.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      expect(new Set((orders.toArraySync() as number[][]).map(String)).size).toBe(6);
    });
    test('"same", "error", and both inside of "different"', () => {
      const same = vmap((x: Tensor) => rand([3]).add(x.mul(0)), { randomness: "same" })(zeros([4]));
      expect(distinct(same)).toBe(3);
      expect(() => vmap((x: Tensor) => x.add(rand([])), { randomness: "error" })(zeros([4]))).toThrow(
        'vmap: expected a function that draws no random numbers, got one that does. Choose { randomness: "different" } or "same"',
      );
      expect(numbers(vmap((x: Tensor) => x.add(1), { randomness: "error" })(zeros([2])))).toEqual([1, 1]);
      const inner = (x: Tensor): Tensor => vmap((y: Tensor) => rand([3]).add(y.mul(0)), { randomness: "same" })(x);
      const mixed = seeded(5, () => vmap(inner)(zeros([4, 2])));
      expect(distinct(mixed)).toBe(12);
      expect(numbers(mixed)).toEqual(numbers(seeded(5, () => rand([4, 1, 3])).expand([4, 2, 3])));
      const refusing = (x: Tensor): Tensor => vmap((y: Tensor) => y.add(rand([])), { randomness: "error" })(x);
      expect(() => vmap(refusing)(zeros([2, 2]))).toThrow("expected a function that draws no random numbers");
      // An error inside leaves nothing behind.
      expect(distinct(rand([5]))).toBe(5);
      expect(numbers(seeded(1, () => rand([2])))).toEqual(numbers(rand([2], { generator: new Generator(1) })));
    });
    test("gradients with dropout: each example its own mask, the same in value and gradient", () => {
      const f = (x: Tensor): Tensor => dropped(x).pow(2).sum();
      const xs = tensor(Array.from({ length: 40 }, (_, i) => 1 + i / 8)).reshape([4, 10]);
      const whole = seeded(3, () => valueAndGrad((x: Tensor) => dropped(x).pow(2).sum())(xs))[1];
      const each = seeded(3, () => vmap(grad(f))(xs));
      expect(numbers(each)).toEqual(numbers(whole));
      const masks = (each.toArraySync() as number[][]).map((row) => row.map((g) => g !== 0).join());
      expect(new Set(masks).size).toBe(4);
      // The gradient of the batch, the other way round.
      expect(numbers(seeded(3, () => grad((x: Tensor) => vmap(f)(x).sum())(xs)))).toEqual(numbers(whole));
      const [, tangent] = seeded(3, () => jvp((x: Tensor) => vmap(dropped)(x), [xs], [xs]));
      expect(numbers(tangent)).toEqual(numbers(seeded(3, () => dropped(xs))));
      // Per example, with shared weights and inside of a checkpoint.
      const shared = grad((w: Tensor, x: Tensor) => checkpoint((a: Tensor) => dropped(a.mul(x)))(w).sum());
      const w = tensor(Array.from({ length: 10 }, () => 1));
      expect(numbers(seeded(3, () => vmap(shared, { inAxes: [null, 0] })(w, xs)))).toEqual(
        numbers(seeded(3, () => dropped(xs))),
      );
    });
    test("linearize and vjp inside draw once for each example", () => {
      const xs = tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      const both = seeded(4, () =>
        vmap((x: Tensor) => {
          const [y, push] = linearize(dropped, [x]);
          return [y, push(x)];
        })(xs),
      );
      expect(numbers(both[0]!)).toEqual(numbers(both[1]!));
      const pulled = seeded(4, () => vmap((x: Tensor) => vjp(dropped, [x])[1](x)[0]!)(xs));
      expect(numbers(pulled)).toEqual(numbers(both[0]!));
    });
    test("a rule that draws, over a batch", () => {
      const noisy = customVjp(
        (x: Tensor) => x.mul(1),
        (g) => [g.mul(rand([]))],
      );
      expect(distinct(grad((x: Tensor) => vmap(noisy)(x).sum())(zeros([5])))).toBe(5);
    });
    test("in a branch that examples choose for themselves", () => {
      const f = (x: Tensor): Tensor =>
        cond(
          x.gt(0),
          (y) => y.add(rand([])),
          (y) => y.sub(rand([])),
          x,
        );
      const y = seeded(2, () => vmap(f)(tensor([10, -10, 10, -10])));
      expect(distinct(y.abs())).toBe(4);
      expect(numbers(seeded(2, () => vmap(f)(tensor([10, -10, 10, -10]))))).toEqual(numbers(y));
    });
    test("no values to read inside, where examples differ", () => {
      expect(() => vmap((x: Tensor) => x.mul(rand([]).itemSync()))(zeros([2]))).toThrow("inside of vmap");
    });
    test("drawing again compiles nothing, and an empty batch draws nothing", () => {
      const f = vmap((x: Tensor) => dropped(x));
      numbers(f(zeros([3, 5])));
      const { plansCompiled } = engineStatistics();
      const [first, second] = [f(zeros([3, 5]).add(1)), f(zeros([3, 5]).add(1))];
      expect(numbers(first)).not.toEqual(numbers(second));
      expect(engineStatistics().plansCompiled - plansCompiled).toBeLessThanOrEqual(1);
      expect(f(zeros([0, 5])).shape).toEqual([0, 5]);
    });
    test("copies beyond 2³² words draw under keys of their own", () => {
      const generator = new Generator(7);
      // Each draws 2²⁰ words, of which the first two are looked at: 2¹² copies share a key.
      const count = 2 ** 20;
      const { result, numbers: open } = forCopies("vmap", 2 ** 14, "different", () => generator.bits(count, device));
      expect(generator.state.counter).toBe(4 * 2 ** 32);
      const start = builder.slice(result, [0], [1], [2]);
      const chosen = [0, 1, 4095, 4096, 4097, 8191, 8192];
      const [lifted] = vectorize(
        builder,
        [start],
        open,
        [tensor(chosen, { dtype: "int32", device }).node],
        chosen.length,
      );
      const found = valuesOf(lifted!);
      expect(new Set(found).size).toBe(2 * chosen.length);
      // What copy 4097 draws is what a generator gives that has come to its place.
      const there = new Generator(7);
      there.state = { key: generator.state.key, counter: 2 ** 32 + count };
      expect(found.slice(8, 10)).toEqual(valuesOf(there.bits(2, device)));
      expect(valuesOf(countedUp(3, open)[0]!)).toEqual([0, 1, 2]);
    });
  });

  describe("scan", () => {
    const steps = 6;
    test("each step draws its own numbers: those of one draw for all", () => {
      const draws = (): Tensor => scan((c: Tensor) => [c, rand([3])], tensor(0), null, { length: steps })[1];
      expect(numbers(seeded(5, draws))).toEqual(numbers(seeded(5, () => rand([steps, 3]))));
      const reversed = (): Tensor =>
        scan((c: Tensor) => [c, rand([3])], tensor(0), null, { length: steps, reverse: true })[1];
      expect(numbers(seeded(5, reversed))).toEqual(numbers(seeded(5, () => rand([steps, 3]))));
      expect(scan((c: Tensor) => [c, rand([3])], tensor(0), null, { length: 0 })[1].shape).toEqual([0, 3]);
    });
    /** A recurrent net with dropout, as a loop and written out with the same masks. */
    const net = (w: Tensor, xs: Tensor): Tensor =>
      scan(
        (h: Tensor, x: Tensor) => {
          const next = dropped(h.add(x)).mul(w).tanh();
          return [next, next.sum()];
        },
        zeros([4], { dtype: "float64" }),
        xs,
      )[1].sum();
    const unrolled = (w: Tensor, xs: Tensor): Tensor => {
      const masks = bernoulli([steps, 4], 0.5, { dtype: "bool" }).toArraySync() as boolean[][];
      const rows = (xs.toArraySync() as number[][]).map((row) => tensor(row, { dtype: "float64" }));
      let h: Tensor = zeros([4], { dtype: "float64" });
      let total: Tensor = tensor(0, { dtype: "float64" });
      rows.forEach((x, i) => {
        h = where(tensor(masks[i]!), h.add(x), 0).mul(2).mul(w).tanh();
        total = total.add(h.sum());
      });
      return total;
    };
    const w = (): Tensor => tensor([0.3, -0.8, 1.1, 0.5], { dtype: "float64" });
    const xs = (): Tensor =>
      tensor(
        Array.from({ length: steps * 4 }, (_, i) => Math.sin(i)),
        { dtype: "float64" },
      ).reshape([steps, 4]);
    const close = (actual: Tensor, expected: Tensor): void => {
      expect(actual.shape).toEqual(expected.shape);
      numbers(actual).forEach((x, i) => {
        expect(x).toBeCloseTo(numbers(expected)[i] ?? Number.NaN, 10);
      });
    };
    test("value, gradient, tangent and second order see the same draws", () => {
      const [value, gradient] = seeded(9, () => valueAndGrad(net)(w(), xs()));
      const [expected, slope] = seeded(9, () => valueAndGrad(unrolled)(w(), xs()));
      close(value, expected);
      close(gradient, slope);
      const v = tensor([1, -1, 0.5, 2], { dtype: "float64" });
      const along = (f: typeof net) => (): Tensor => jvp((a: Tensor) => f(a, xs()), [w()], [v])[1];
      close(seeded(9, along(net)), seeded(9, along(unrolled)));
      const second = (f: typeof net) => (): Tensor => grad((a: Tensor) => grad(f)(a, xs()).mul(v).sum())(w());
      close(seeded(9, second(net)), seeded(9, second(unrolled)));
      expect(distinct(gradient)).toBe(4);
    });
    test("eager gradients too, whether the loss is read before or after", () => {
      const expected = seeded(9, () => grad(unrolled)(w(), xs()));
      for (const isReadFirst of [true, false]) {
        const parameter = w().requiresGrad_();
        const loss = seeded(9, () => net(parameter, xs()));
        if (isReadFirst) loss.itemSync();
        loss.backward();
        close(parameter.grad!, expected);
      }
    });
    test("under vmap each example and each step its own; over vmap the same", () => {
      const draws = (_: Tensor): Tensor => scan((c: Tensor) => [c, rand([2])], tensor(0), null, { length: steps })[1];
      const y = seeded(5, () => vmap(draws)(zeros([3])));
      expect(numbers(y)).toEqual(numbers(seeded(5, () => rand([3, steps, 2]))));
      const inside = (): Tensor =>
        scan((c: Tensor) => [c, vmap((_: Tensor) => rand([2]))(zeros([3]))], tensor(0), null, { length: steps })[1];
      expect(numbers(seeded(5, inside))).toEqual(numbers(seeded(5, () => rand([steps, 3, 2]))));
      const batch = tensor([0.3, -0.8, 1.1, 0.5, 1, 2, 0.1, 0.2], { dtype: "float64" }).reshape([2, 4]);
      const gradients = seeded(9, () => vmap(grad(net), { inAxes: [0, null] })(batch, xs()));
      const total = (ws: Tensor): Tensor => vmap(net, { inAxes: [0, null] })(ws, xs()).sum();
      close(
        gradients,
        seeded(9, () => grad(total)(batch)),
      );
      const same = seeded(9, () => vmap(grad(net), { inAxes: [0, null], randomness: "same" })(batch, xs()));
      close(
        same,
        seeded(9, () => vmap(grad(unrolled), { inAxes: [0, null], randomness: "same" })(batch, xs())),
      );
    });
    test("loops in loops, and branches in loops", () => {
      const inner = (): Tensor => scan((c: Tensor) => [c, rand([])], tensor(0), null, { length: 3 })[1];
      const y = seeded(5, () => scan((c: Tensor) => [c, inner()], tensor(0), null, { length: 4 })[1]);
      expect(numbers(y)).toEqual(numbers(seeded(5, () => rand([4, 3]))));
      const branched = scan(
        (c: Tensor) => [
          c.add(1),
          cond(
            c.gt(1),
            () => rand([]),
            () => rand([]),
          ),
        ],
        tensor(0),
        null,
        { length: 5 },
      )[1];
      expect(distinct(branched)).toBe(5);
    });
    test("one body, whatever is drawn", () => {
      const walk = (n: number): Tensor =>
        scan((c: Tensor) => [c.add(randn([])), null], tensor(0), null, { length: n })[0];
      walk(200).itemSync();
      const { plansCompiled } = engineStatistics();
      const [a, b] = [walk(200).itemSync(), walk(200).itemSync()];
      expect(a).not.toBe(b);
      expect(engineStatistics().plansCompiled).toBe(plansCompiled);
    });
  });
});

test("every device draws the same bits inside of transforms", () => {
  const drawOn = (device: string): number[] => {
    setDefaultDevice(device);
    manualSeed(11);
    const y = vmap((x: Tensor) => scan((c: Tensor) => [c, randint(0, 2 ** 30, [3])], x, null, { length: 4 })[1])(
      zeros([5]),
    );
    return numbers(y);
  };
  const [first, ...others] = deviceNames().map(drawOn);
  setDefaultDevice(usual);
  expect(new Set(first).size).toBe(60);
  for (const other of others) expect(other).toEqual(first);
});
