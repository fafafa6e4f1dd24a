// What the goldens do not show: random numbers, creation, options, laziness, and errors that say what to do.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, Generator, type Tensor, tensor, zeros } from "../index.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const int = (values: number[]): Tensor => tensor(values, { dtype: "int32" });
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const { device: usual } = zeros([]);

describe.each(deviceNames())("random numbers on %s", (device) => {
  beforeAll(() => ct.setDefaultDevice(device));
  afterAll(() => ct.setDefaultDevice(usual));
  const draw = (seed: number): Record<string, Tensor> => {
    const generator = new Generator(seed);
    return {
      rand: ct.rand([5000], { generator }),
      rand64: ct.rand([5000], { generator, dtype: "float64" }),
      randn: ct.randn([5000], { generator }),
      uniform: ct.uniform([5000], { generator, low: -2, high: 4 }),
      normal: ct.normal([5000], { generator, mean: 10, std: 0.5 }),
      randint: ct.randint(-3, 5, [5000], { generator }),
      bernoulli: ct.bernoulli([5000], 0.3, { generator }),
      permutation: ct.permutation(5000, { generator }),
    };
  };
  test("have the moments and the range of their distribution", () => {
    const drawn = draw(1);
    const moments = (name: string): [number, number] => {
      const values = numbers(drawn[name]!);
      const center = mean(values);
      return [center, Math.sqrt(mean(values.map((v) => (v - center) ** 2)))];
    };
    const expectMoments = (name: string, center: number, spread: number): void => {
      const [m, s] = moments(name);
      expect(Math.abs(m - center), `${name}: mean ${m}`).toBeLessThan((4 * spread) / Math.sqrt(5000));
      expect(Math.abs(s / spread - 1), `${name}: deviation ${s}`).toBeLessThan(0.05);
    };
    expectMoments("rand", 0.5, Math.sqrt(1 / 12));
    expectMoments("rand64", 0.5, Math.sqrt(1 / 12));
    expectMoments("randn", 0, 1);
    expectMoments("uniform", 1, 6 * Math.sqrt(1 / 12));
    expectMoments("normal", 10, 0.5);
    expectMoments("randint", 0.5, Math.sqrt((64 - 1) / 12));
    expectMoments("bernoulli", 0.3, Math.sqrt(0.21));
    const within = (name: string, low: number, high: number): boolean =>
      numbers(drawn[name]!).every((v) => v >= low && v < high);
    expect(within("rand", 0, 1) && within("rand64", 0, 1) && within("uniform", -2, 4)).toBe(true);
    expect([...new Set(numbers(drawn.randint!))].toSorted((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3, 4]);
    expect(new Set(numbers(drawn.permutation!)).size).toBe(5000);
    expect(numbers(drawn.permutation!).slice(0, 5)).not.toEqual([0, 1, 2, 3, 4]);
    expect(numbers(drawn.randn!).every(Number.isFinite)).toBe(true);
  });
  test("neighbours are not correlated, nor are draws", () => {
    const { rand, rand64 } = draw(2);
    const [a, b] = [numbers(rand!), numbers(rand64!)];
    const correlation = (x: number[], y: number[]): number => mean(x.map((v, i) => (v - 0.5) * (y[i]! - 0.5))) * 12;
    expect(Math.abs(correlation(a, [...a.slice(1), a[0]!]))).toBeLessThan(4 / Math.sqrt(5000));
    expect(Math.abs(correlation(a, b))).toBeLessThan(4 / Math.sqrt(5000));
  });
  test("same seed, same numbers; another seed or a second draw, others", () => {
    for (const [name, x] of Object.entries(draw(3))) {
      expect(numbers(x), name).toEqual(numbers(draw(3)[name]!));
      expect(numbers(x), name).not.toEqual(numbers(draw(4)[name]!));
    }
    ct.manualSeed(5);
    const first = numbers(ct.rand([4]));
    expect(numbers(ct.rand([4]))).not.toEqual(first);
    ct.manualSeed(5);
    expect(numbers(ct.rand([4]))).toEqual(first);
  });
  test("a generator goes on where its state says", () => {
    const generator = new Generator(6);
    ct.rand([3], { generator });
    const { state } = generator;
    const next = numbers(ct.rand([3], { generator }));
    const other = new Generator(0);
    other.state = state;
    expect(numbers(ct.rand([3], { generator: other }))).toEqual(next);
  });
  test("counters beyond 32 bits draw other numbers", () => {
    const generator = new Generator(7);
    const { key } = generator.state;
    const at = (counter: number): number[] => {
      generator.state = { key, counter };
      return numbers(ct.rand([4], { generator }));
    };
    expect(at(2 ** 32)).not.toEqual(at(0));
    expect(at(2 ** 32 - 2)).toEqual(at(2 ** 32));
  });
  test("drawing again compiles nothing", () => {
    const generator = new Generator(8);
    ct.randn([17], { generator }).dataSync();
    const { plansCompiled } = ct.engineStatistics();
    for (let i = 0; i < 3; i++) ct.randn([17], { generator }).dataSync();
    expect(ct.engineStatistics().plansCompiled).toBe(plansCompiled);
  });
});

test("the same bits on every device", () => {
  const draws = deviceNames().map((device) => {
    const generator = new Generator(9);
    const bits = ct.randint(-(2 ** 29), 2 ** 29, [100], { generator, device });
    return [...numbers(bits), ...numbers(ct.rand([100], { generator, device }))];
  });
  for (const other of draws) expect(other).toEqual(draws[0]);
});

describe("numbers among operands", () => {
  test("are not part of the plan", () => {
    const x = tensor([1, 2, 3]);
    const step = (rate: number): number[] => numbers(ct.clamp(ct.leakyRelu(x.mul(rate)).add(rate), { max: rate }));
    step(0.5);
    const { plansCompiled } = ct.engineStatistics();
    expect(step(0.25)).toEqual([0.25, 0.25, 0.25]);
    expect(step(-1)).toEqual([-1.0099999904632568, -1.0199999809265137, -1.0299999713897705]);
    expect(ct.engineStatistics().plansCompiled).toBe(plansCompiled);
  });
  test("join integers as integers, and as floats where they are fractions", () => {
    expect(ct.add(int([1, 2]), 1).dtype).toBe("int32");
    expect(ct.add(int([1, 2]), 0.5).dtype).toBe("float32");
    expect(ct.div(int([1, 2]), 2).dtype).toBe("float32");
    expect(ct.sub(1, int([1, 2])).dtype).toBe("int32");
    expect(ct.exp(int([0])).dtype).toBe("float32");
    expect(ct.floor(int([3])).dtype).toBe("int32");
    expect(ct.where(tensor([true]), 1, 2).dtype).toBe("float32");
    expect(numbers(ct.where(tensor([true, false]), 1, 2))).toEqual([1, 2]);
    expect(ct.sum(tensor([true, true])).dtype).toBe("int32");
    expect(ct.mean(int([1, 2])).itemSync()).toBe(1.5);
    expect(numbers(ct.floorDivide(int([-7, 7]), int([2, 0])))).toEqual([-4, 0]);
  });
});

describe("creation", () => {
  test("sequences", () => {
    expect(numbers(ct.arange(5, 0, -2))).toEqual([5, 3, 1]);
    expect(numbers(ct.arange(0, 1, 0.25))).toEqual([0, 0.25, 0.5, 0.75]);
    expect(ct.arange(3, 1).shape).toEqual([0]);
    expect(ct.arange(3, { dtype: "int32" }).dtype).toBe("int32");
    expect(numbers(ct.linspace(3, 5, 1))).toEqual([3]);
    expect(numbers(ct.linspace(0, 0.1, 3)).at(-1)).toBe(Math.fround(0.1));
    expect(ct.eye(2, 3, { dtype: "bool" }).toArraySync()).toEqual([
      [true, false, false],
      [false, true, false],
    ]);
  });
  test("leaves that collect gradients", () => {
    const w = ct.ones([2], { requiresGrad: true });
    w.mul(3).sum().backward();
    expect(numbers(w.grad!)).toEqual([3, 3]);
    expect(ct.randn([2], { requiresGrad: true }).requiresGrad).toBe(true);
  });
  test("like another", () => {
    const x = tensor([1, 2], { dtype: "float64" });
    expect(ct.zerosLike(x).dtype).toBe("float64");
    expect(ct.onesLike(x, { dtype: "int32" }).dtype).toBe("int32");
    expect(numbers(ct.fullLike(x, 0.1))).toEqual([0.1, 0.1]);
  });
});

describe("evaluation", () => {
  test("noGrad records nothing and refuses what would", () => {
    const w = tensor(2, { requiresGrad: true });
    expect(ct.noGrad(() => w.mul(2)).requiresGrad).toBe(false);
    expect(w.mul(2).requiresGrad).toBe(true);
    expect(() => ct.noGrad(async () => w.mul(2))).toThrow("noGrad: expected a synchronous function");
  });
  test("realize computes several tensors in one run", () => {
    const x = tensor([1, 2]);
    const [a, b] = [x.add(1), x.mul(2)];
    const { runs } = ct.engineStatistics();
    ct.realize(a, b);
    expect(ct.engineStatistics().runs).toBe(runs + 1);
    expect([numbers(a), numbers(b)]).toEqual([
      [2, 3],
      [2, 4],
    ]);
    expect(ct.engineStatistics().runs).toBe(runs + 1);
  });
});

describe("gradients where they are usually wrong", () => {
  const gradient = (f: (x: Tensor) => Tensor, values: number[]): number[] =>
    numbers(ct.grad((x: Tensor) => f(x).sum())(tensor(values)));
  test.each<[string, (x: Tensor) => Tensor, number[], number[]]>([
    ["norm at 0", (x) => ct.norm(x), [0, 0], [0, 0]],
    ["std of equal values", (x) => ct.std(x), [3, 3], [0, 0]],
    ["hypot at 0", (x) => ct.hypot(x, 0), [0], [0]],
    ["norm of order 3 with a zero", (x) => ct.norm(x, { ord: 3 }), [0, 2], [0, 1]],
    ["norm of order 0.5 at 0", (x) => ct.norm(x, { ord: 0.5 }), [0, 0], [0, 0]],
    ["sqrt at 0 under where", (x) => ct.where(ct.gt(x, 0), ct.sqrt(ct.where(ct.gt(x, 0), x, 1)), 0), [0, 4], [0, 0.25]],
    ["logsumexp of nothing but -inf", (x) => ct.logsumexp(ct.where(ct.gt(x, 9), x, -Infinity)), [1, 2], [0, 0]],
    [
      "softmax with a mask",
      (x) => ct.softmax(ct.maskedFill(x, tensor([false, true, false]), -Infinity)).mul(tensor([1, 5, 3])),
      [0, 1, 0],
      [-0.5, 0, 0.5],
    ],
    ["ties in max share", (x) => ct.max(x), [2, 2, 1], [0.5, 0.5, 0]],
    ["repeated indices", (x) => ct.indexSelect(x, int([0, 0, 1])), [5, 6], [2, 1]],
    ["prod with a zero", (x) => ct.prod(x), [0, 2, 3], [6, 0, 0]],
    ["pow 0 at 0", (x) => ct.pow(x, 0), [0], [0]],
    ["elu far out", (x) => ct.elu(x), [1000, -1000], [1, 0]],
    ["logaddexp of equal infinities", (x) => ct.logaddexp(x, x), [-Infinity], [1]],
    ["clamp at its bounds", (x) => ct.clamp(x, { min: 0, max: 1 }), [0, 1, 2, -1], [1, 1, 0, 0]],
    ["fmod", (x) => ct.fmod(x, 3), [0, 5, -5], [1, 1, 1]],
  ])("%s", (_, f, values, expected) => {
    gradient(f, values).forEach((g, i) => {
      expect(g).toBeCloseTo(expected[i]!, 6);
    });
  });
});

describe("errors", () => {
  const x = zeros([2, 3]);
  const image = zeros([1, 3, 8, 8]);
  test.each<[string, () => unknown]>([
    ["exp: expected a tensor, got number 3", () => ct.exp(3 as never)],
    ["add: expected a tensor, got an array", () => ct.add([1] as never, x as never)],
    [
      "add: expected shapes that broadcast, got [2, 3] and [4]: sizes 3 and 4 differ at axis -1",
      () => ct.add(x as Tensor, zeros([4]) as Tensor),
    ],
    [
      "matmul: expected matching inner sizes, got [2, 3] and [2, 3]: 3 and 2 differ",
      () => ct.matmul(x as Tensor, x as Tensor),
    ],
    ["sum: axis 2 is out of range for shape [2, 3]", () => ct.sum(x, { axis: 2 })],
    ["softmax: axis 3 is out of range for shape [2, 3]", () => ct.softmax(x, { axis: 3 })],
    ["max: expected at least one element along the axes, got shape [0]", () => ct.max(zeros([0]))],
    ["zeros: expected sizes that are whole and not negative, got [2, -1]", () => zeros([2, -1])],
    [
      "zeros: expected a dtype of float32, float64, int32, uint8, bool, got int64",
      () => zeros([2], { dtype: "int64" as never }),
    ],
    ["deviceNamed: expected one of", () => zeros([2], { device: "abacus" })],
    ["reshape: expected a shape of 6 elements for [2, 3], got [4, 2] with 8", () => ct.reshape(x as Tensor, [4, 2])],
    ["concat: expected shapes that agree but for axis 0, got [2, 3] and [2, 4]", () => ct.concat([x, zeros([2, 4])])],
    ["concat: expected at least one tensor, got none", () => ct.concat([])],
    ["stack: expected tensors of one shape, got [2, 3] and [3]", () => ct.stack([x, zeros([3])])],
    ["split: expected sizes that add up to 2, got [1, 2]", () => ct.split(x, [1, 2])],
    ["slice: expected a whole step other than 0, got 0", () => ct.slice(x, [[0, 1, 0]])],
    ["select: axis 2 is out of range for shape [2, 3]", () => ct.select(x, 2, 0)],
    ["pad: expected a reflected margin narrower than 3 cells, got 3", () => ct.pad(x, [[3, 0]], { mode: "reflect" })],
    ["gather: expected an int32 index, got float32", () => ct.gather(x, zeros([2, 1]))],
    ["embedding: expected a paddingIndex from 0 to 1, got 2", () => ct.embedding(x, int([0]), { paddingIndex: 2 })],
    ["topk: expected k of at most 3, got 4", () => ct.topk(x, 4)],
    [
      "linear: expected inputs of size 4, got shape [2, 3] for a weight [5, 4]",
      () => ct.linear(x as Tensor, zeros([5, 4]) as Tensor),
    ],
    [
      "conv2d: expected 2 channels for 1 groups, got [1, 3, 8, 8] and [4, 2, 3, 3]",
      () => ct.conv2d(image, zeros([4, 2, 3, 3])),
    ],
    [
      "conv2d: expected a kernel no larger than the padded input [8, 8], got [9, 9]",
      () => ct.conv2d(image, zeros([4, 3, 9, 9])),
    ],
    [
      'conv2d: expected stride 1 with padding "same", got [2, 2]',
      () => ct.conv2d(image, zeros([4, 3, 3, 3]), { stride: 2, padding: "same" }),
    ],
    [
      "conv2d: expected stride as 2 whole numbers of at least 1, got 0",
      () => ct.conv2d(image, zeros([4, 3, 3, 3]), { stride: 0 }),
    ],
    [
      "maxPool2d: expected a padding of at most half the kernel [2, 2], got [2, 2]",
      () => ct.maxPool2d(image, 2, { padding: 2 }),
    ],
    ["layerNorm: expected an input that ends in [4], got [2, 3]", () => ct.layerNorm(x, [4])],
    ["groupNorm: expected channels that 2 groups divide, got [2, 3]", () => ct.groupNorm(x, 2)],
    ['einsum: expected 2 operands for "ij,jk", got 1', () => ct.einsum("ij,jk", x)],
    ['einsum: expected one size for j in "ij,jk", got 3 and 2', () => ct.einsum("ij,jk", x, x)],
    ['einsum: expected 3 axes for "ijk", got 2', () => ct.einsum("ijk->i", x)],
    ["arange: expected a step other than 0, got 0", () => ct.arange(0, 1, 0)],
    ["Generator: expected a seed that is a whole number from 0 to 2^53 - 1, got -1", () => new Generator(-1)],
    ["bernoulli: expected a probability from 0 to 1, got 2", () => ct.bernoulli([1], 2)],
    ["randint: expected whole numbers low < high, less than 2^31 apart, got 3 and 3", () => ct.randint(3, 3, [1])],
    ["rand: expected float32 or float64, got int32", () => ct.rand([1], { dtype: "int32" })],
    ["norm: expected a number as ord, got NaN", () => ct.norm(x, { ord: Number.NaN })],
    ["logicalAnd: expected a tensor, got string a", () => ct.logicalAnd(x, "a" as never)],
  ])("%s", (message, call) => {
    expect(call).toThrow(message);
  });
  test.each<[string, (x: Tensor) => Tensor]>([
    ["indexSelect: index 5 is out of range for size 2", (x) => ct.indexSelect(x, int([0, 5]))],
    ["gather: index 3 is out of range for size 3", (x) => ct.gather(x, tensor([[0], [3]], { dtype: "int32" }))],
    ["embedding: index -1 is out of range for size 2", (x) => ct.embedding(x, int([-1]))],
    ["oneHot: index 4 is out of range for size 4", () => ct.oneHot(int([4]), 4)],
    ["scatterAdd: index 9 is out of range for size 3", () => ct.scatterAdd(zeros([3]), int([9]), tensor([1]))],
    ["at: index 2 is out of range for size 2", (x) => ct.at(x, [int([2])])],
  ])("when it is computed: %s", (message, call) => {
    for (const device of deviceNames()) {
      ct.setDefaultDevice(device);
      expect(() => call(zeros([2, 3])).dataSync()).toThrow(message);
    }
    ct.setDefaultDevice(usual);
  });
});
