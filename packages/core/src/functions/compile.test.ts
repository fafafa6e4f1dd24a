// compile(): the same numbers as without, and errors where it cannot tell.
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError, GraphError } from "../base/errors.ts";
import {
  checkpoint,
  compile,
  engineStatistics,
  grad,
  hessian,
  jvp,
  live,
  manualSeed,
  matmul,
  noGrad,
  rand,
  scan,
  softmax,
  type Tensor,
  tensor,
  vmap,
  where,
} from "../index.ts";

const numbers = (count: number, seed = 0): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(1.3 * i + seed));

test("runs the function twice for each form of its arguments, then repeats its plan, and checks it at powers of two", () => {
  let calls = 0;
  const f = compile((x: Tensor, y: Tensor) => {
    calls++;
    return x.mul(y).sum();
  });
  const before = engineStatistics().plansCompiled;
  const counts: number[] = [];
  for (let i = 1; i <= 17; i++) {
    expect(f(tensor([1, i]), tensor([3, 4])).itemSync()).toBe(3 + 4 * i);
    counts.push(calls);
  }
  expect(counts).toEqual([1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5]);
  for (let i = 1; i <= 3; i++) expect(f(tensor([[1, i]]), tensor([3, 4])).itemSync()).toBe(3 + 4 * i);
  expect(calls).toBe(7);
  expect(engineStatistics().plansCompiled - before).toBe(2);
});

test("trees, dtypes, and arguments that are not tensors", () => {
  const f = compile(({ x, rest: [y, z] }: { x: Tensor; rest: readonly [Tensor, Tensor] }, times: number) => ({
    sum: x.add(y).mul(times),
    parts: [z, x.sub(y)] as const,
    nothing: null,
  }));
  for (let i = 0; i < 12; i++) {
    const times = i % 2;
    const [x, y, z] = [tensor(numbers(3, i)), tensor(numbers(3, i + 1)), tensor(new Int32Array([i, 2, 3]))];
    const got = f({ x, rest: [y, z] }, times);
    expect(got.sum.dataSync()).toEqual(x.add(y).mul(times).dataSync());
    expect(got.parts[0].dataSync()).toEqual(z.dataSync());
    expect(got.parts[0].dtype).toBe("int32");
    expect(got.parts[1].dataSync()).toEqual(x.sub(y).dataSync());
    expect(got.nothing).toBeNull();
  }
  expect(() => f({ x: tensor([1]), rest: [tensor([1, 2]), tensor([1, 2, 3])] }, 1)).not.toThrow();
});

test("arguments that are one tensor, pending ones, scalars, empty ones and views", () => {
  const f = compile((x: Tensor, y: Tensor) => x.mul(2).sub(y));
  for (let i = 0; i < 6; i++) {
    const x = tensor(numbers(4, i));
    expect(f(x, x).dataSync()).toEqual(x.dataSync());
    const y = tensor(numbers(4, i + 1));
    expect(f(x, y).dataSync()).toEqual(x.mul(2).sub(y).dataSync());
    expect(f(x.exp(), y.mul(3)).dataSync()).toEqual(x.exp().mul(2).sub(y.mul(3)).dataSync());
    expect(f(tensor(i), tensor(1)).itemSync()).toBe(2 * i - 1);
    expect(f(tensor([]), tensor([])).shape).toEqual([0]);
    const m = tensor(numbers(6, i), { shape: [2, 3] });
    expect(f(m.transpose(), m.transpose()).dataSync()).toEqual(m.transpose().dataSync());
    const odd = tensor([Number.NaN, Number.POSITIVE_INFINITY, -0]);
    expect([...f(odd, tensor([1, 1, 0])).dataSync()]).toEqual([Number.NaN, Number.POSITIVE_INFINITY, -0]);
  }
});

test("results are values of their own: later calls do not change them", () => {
  const f = compile((x: Tensor) => [x.add(1), x.sum(), x] as const);
  const kept = [0, 1, 2, 3, 4, 5, 6].map((i) => f(tensor([i, i])));
  kept.forEach(([y, s, x], i) => {
    expect([...y.dataSync()]).toEqual([i + 1, i + 1]);
    expect(s.itemSync()).toBe(2 * i);
    expect(s.add(1).itemSync()).toBe(2 * i + 1);
    expect([...x.dataSync()]).toEqual([i, i]);
  });
});

test("a scalar result is an argument, and what it was built for keeps its dtype", () => {
  const f = compile((x: Tensor) => x.sum());
  for (const dtype of ["float32", "float64", "int32"] as const)
    for (let i = 0; i < 5; i++) {
      const s = f(tensor([i, 3], { dtype }));
      expect(s.dtype).toBe(dtype);
      expect(f(s).itemSync()).toBe(i + 3);
      expect(String(s)).toContain(String(i + 3));
      s.dispose();
      expect(() => s.itemSync()).toThrow("dispose() has freed them");
    }
});

test("state that the function reads and assigns", () => {
  const total = tensor([0, 0]);
  const count = tensor(0);
  const f = compile((x: Tensor) => {
    total.assign(total.add(x));
    count.assign(count.add(1));
    return total.div(count);
  });
  for (let i = 1; i <= 9; i++) {
    expect([...f(tensor([i, 1])).dataSync()]).toEqual([(i + 1) / 2, 1]);
    if (i % 3 === 0) expect(count.itemSync()).toBe(i);
  }
  total.assign(tensor([100, 0]));
  count.assign(tensor(9));
  expect([...f(tensor([10, 1])).dataSync()]).toEqual([11, Math.fround(0.1)]);
  const g = compile(() => {
    count.assign(count.mul(2));
  });
  for (let i = 0; i < 5; i++) g();
  expect(count.itemSync()).toBe(320);
});

test("a state that is returned, and two states with one value", () => {
  const [a, b] = [tensor([1, 2]), tensor([0, 0])];
  const f = compile((x: Tensor) => {
    const next = a.mul(x);
    a.assign(next);
    b.assign(next);
    return [next, a] as const;
  });
  const kept: Tensor[] = [];
  for (let i = 0; i < 6; i++) {
    const [next, same] = f(tensor(2));
    expect(same).toBe(a);
    kept.push(next);
  }
  expect(kept.map((x) => [...x.dataSync()])).toEqual([1, 2, 3, 4, 5, 6].map((i) => [2 ** i, 2 ** (i + 1)]));
  a.assign(tensor([0, 0]));
  expect([...b.dataSync()]).toEqual([64, 128]);
});

test("live numbers are read at each call; what else is live is watched", () => {
  let [scale, isNegative, calls] = [1, false, 0];
  const f = compile((x: Tensor) => {
    calls++;
    const { factor, negate } = live(() => ({ factor: scale, negate: isNegative }));
    const y = x.mul(factor).mul(live(() => scale));
    return negate ? y.neg() : y;
  });
  for (let i = 0; i < 12; i++) {
    scale = i;
    isNegative = i >= 6 && i < 9;
    expect(f(tensor([3])).itemSync()).toBe(3 * i * i * (isNegative ? -1 : 1) + 0);
  }
  expect(calls).toBeLessThan(8);
});

test("random numbers are new ones in each call", () => {
  const draws = (f: () => Tensor): number[] => {
    manualSeed(7);
    return Array.from({ length: 8 }, () => f().itemSync());
  };
  const plain = draws(() => rand([]));
  expect(draws(compile(() => rand([])))).toEqual(plain);
  expect(new Set(plain).size).toBe(8);
  const seeded = compile(() => {
    manualSeed(3);
    return rand([2]);
  });
  const all = Array.from({ length: 6 }, () => [...seeded().dataSync()].join());
  expect(new Set(all).size).toBe(1);
});

describe("transforms", () => {
  const f = (x: Tensor): Tensor => x.sin().mul(x).sum();
  const compiled = compile(f);
  const x = (i: number): Tensor => tensor(numbers(5, i));
  test.each([0, 1, 2, 3, 4])("of compiled functions, and compiled, call %i", (i) => {
    const expected = grad(f)(x(i)).dataSync();
    expect(grad(compiled)(x(i)).dataSync()).toEqual(expected);
    const rows = tensor(numbers(15, i), { shape: [3, 5] });
    expect(vmap(compiled)(rows).dataSync()).toEqual(vmap(f)(rows).dataSync());
    expect(vmap(grad(compiled))(rows).dataSync()).toEqual(vmap(grad(f))(rows).dataSync());
    expect(hessian(compiled)(x(i)).dataSync()).toEqual(hessian(f)(x(i)).dataSync());
    expect(jvp(compiled, [x(i)], [x(9)])[1].itemSync()).toBe(jvp(f, [x(i)], [x(9)])[1].itemSync());
    expect(checkpoint(compiled)(x(i)).itemSync()).toBe(f(x(i)).itemSync());
  });
  test("inside of compile", () => {
    const g = compile((y: Tensor) => grad(compiled)(y));
    const h = compile((y: Tensor) => vmap(grad(f))(y));
    const outer = compile((y: Tensor) => compiled(y.mul(2)));
    for (let i = 0; i < 6; i++) {
      expect(g(x(i)).dataSync()).toEqual(grad(f)(x(i)).dataSync());
      const rows = tensor(numbers(15, i), { shape: [3, 5] });
      expect(h(rows).dataSync()).toEqual(vmap(grad(f))(rows).dataSync());
      expect(outer(x(i)).itemSync()).toBe(f(x(i).mul(2)).itemSync());
    }
  });
  test("gradients flow through arguments and results", () => {
    const weight = tensor([2, 3], { requiresGrad: true });
    const scaled = compile((y: Tensor) => weight.mul(y).sum());
    for (let i = 1; i <= 5; i++) {
      weight.zeroGrad();
      scaled(tensor([i, 1])).backward();
      expect([...(weight.grad?.dataSync() ?? [])]).toEqual([i, 1]);
      const y = tensor([i, i], { requiresGrad: true });
      compiled(y).backward();
      expect(y.grad?.dataSync()).toEqual(grad(f)(tensor([i, i])).dataSync());
      expect(noGrad(() => scaled(tensor([i, 1]))).itemSync()).toBe(2 * i + 3);
    }
  });
  test("loops inside", () => {
    const g = compile((y: Tensor) => scan((c: Tensor, z: Tensor) => [c.add(z), c] as const, tensor(0), y)[0]);
    for (let i = 0; i < 5; i++) expect(g(tensor([i, 1, 2])).itemSync()).toBe(i + 3);
  });
});

test("hooks that come and go", () => {
  const weight = tensor([1, 2], { requiresGrad: true });
  const f = compile((x: Tensor) => {
    weight.zeroGrad();
    const y = weight.mul(x).sum();
    y.backward();
    return y;
  });
  const gradient = (): number[] => [...(weight.grad?.dataSync() ?? [])];
  for (let i = 0; i < 5; i++) f(tensor([i, 1]));
  const hook = weight.registerHook((g) => g.mul(10));
  for (let i = 0; i < 5; i++) {
    f(tensor([i, 1]));
    expect(gradient()).toEqual([10 * i, 10]);
  }
  hook.remove();
  f(tensor([2, 1]));
  expect(gradient()).toEqual([2, 1]);
});

test("errors", async () => {
  const x = tensor([1, 2]);
  expect(() => compile((y: Tensor) => y.mul(y.sum().itemSync()))(x)).toThrow(
    "compile: expected a function that reads no values, got one that reads a tensor of shape []",
  );
  // @ts-expect-error a value for the plan to freeze
  expect(() => compile(() => 3 as Tensor)().dtype.length.foo).toThrow(ArgumentError);
  expect(() => compile((y: Tensor) => [y, "a"] as const)(x)).toThrow("got a string among its results");
  expect(() => compile(async (y: Tensor) => y)(x)).toThrow("expected a synchronous function");
  expect(() =>
    compile((y: Tensor) => {
      y.assign(y.add(1));
    })(x),
  ).toThrow("expected a function that assigns to no argument");
  let n = 1;
  const f = compile((y: Tensor) => y.mul(n));
  f(x);
  n = 2;
  expect(() => f(x)).toThrow("got other numbers than before");
  const g = compile((y: Tensor) => y.add(tensor([n, n])));
  g(x);
  n = 3;
  expect(() => g(x)).toThrow("got a tensor made of other data than before");
  let other = tensor([1, 1]);
  const h = compile((y: Tensor) => y.add(other));
  for (let i = 0; i < 3; i++) h(x);
  other = tensor([2, 2]);
  expect(() => h(x)).toThrow(GraphError);
});

test("a function that throws leaves nothing behind", () => {
  const f = compile((x: Tensor, y: Tensor) => matmul(x, y));
  const [a, b] = [tensor(numbers(6), { shape: [2, 3] }), tensor(numbers(6), { shape: [3, 2] })];
  for (let i = 0; i < 4; i++) {
    expect(() => f(a, a)).toThrow("matmul");
    expect(f(a, b).shape).toEqual([2, 2]);
  }
});

test("many forms: the oldest programs are dropped", () => {
  const f = compile((x: Tensor) => softmax(x).mul(2));
  for (let round = 0; round < 2; round++)
    for (let n = 1; n <= 100; n++)
      expect(f(tensor(numbers(n))).dataSync()).toEqual(
        softmax(tensor(numbers(n)))
          .mul(2)
          .dataSync(),
      );
});

test("keeps the type of the function", () => {
  const f = compile((x: Tensor<[2, 3]>, { k }: { readonly k: number }) => [x.sum({ axis: 0 }), x.mul(k)] as const);
  expectTypeOf(f).toEqualTypeOf<
    (x: Tensor<[2, 3]>, options: { readonly k: number }) => readonly [Tensor<[3]>, Tensor<[2, 3]>]
  >();
  expectTypeOf(live(() => ({ rate: 1, isOn: true as boolean, name: "a" as string }))).toEqualTypeOf<{
    readonly rate: Tensor<[]>;
    readonly isOn: boolean;
    readonly name: string;
  }>();
  expectTypeOf(live(() => 3)).toEqualTypeOf<Tensor<[]>>();
  expect(where).toBeDefined();
});
