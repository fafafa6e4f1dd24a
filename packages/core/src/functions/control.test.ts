// Loops and branches: values and derivatives against the same computation unrolled, nested, over batches, and errors.
import { beforeAll, describe, expect, test } from "vitest";
import {
  checkpoint,
  cond,
  customVjp,
  deviceNames,
  embedding,
  engineStatistics,
  grad,
  hessian,
  jacobian,
  jvp,
  scan,
  setDefaultDevice,
  stack,
  type Tensor,
  tensor,
  valueAndGrad,
  vmap,
  zeros,
} from "../index.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { seededValues } from "../testing/seeded-values.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const near = (actual: Tensor | null | undefined, expected: Tensor | readonly number[] | undefined): void => {
  if (!actual || !expected) throw new Error("no tensor");
  const values = "dataSync" in expected ? numbers(expected) : expected;
  if ("shape" in expected) expect(actual.shape).toEqual(expected.shape);
  expect(numbers(actual).length).toBe(values.length);
  numbers(actual).forEach((x, i) => {
    expect(x).toBeCloseTo(values[i] ?? Number.NaN, 8);
  });
};
const random = (shape: readonly number[], seed = 1): Tensor => seededValues(shape, { dtype: "float64", seed });

interface State {
  readonly h: Tensor;
  readonly count: Tensor;
}
/** A small recurrent network: `h = tanh(x·u + h·w)`, with an integer beside it. */
const step =
  (u: Tensor, w: Tensor) =>
  ({ h, count }: State, x: Tensor): readonly [State, Tensor] => {
    const next = x
      .matmul(u as Tensor<[2, 3]>)
      .add(h.matmul(w as Tensor<[3, 3]>))
      .tanh();
    return [{ h: next, count: count.add(1) }, next.mul(h).sum()];
  };
type Run = (u: Tensor, w: Tensor, h: Tensor, xs: Tensor) => readonly [State, Tensor];
const start = (h: Tensor): State => ({ h, count: tensor(0, { dtype: "int32" }) });
const slice = (xs: Tensor, i: number): Tensor => {
  const [n = 0, ...rest] = xs.shape;
  const one = tensor(
    Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)),
    { dtype: xs.dtype },
  );
  return one.matmul(xs.reshape([n, -1]) as Tensor<[number, number]>).reshape(rest);
};
const looped: Run = (u, w, h, xs) => scan(step(u, w), start(h), xs);
const unrolled: Run = (u, w, h, xs) => {
  let state = start(h);
  const ys: Tensor[] = [];
  for (let i = 0; i < (xs.shape[0] ?? 0); i++) {
    const [next, y] = step(u, w)(state, slice(xs, i));
    state = next;
    ys.push(y);
  }
  return [state, stack(ys)];
};
const backwards: Run = (u, w, h, xs) => scan(step(u, w), start(h), xs, { reverse: true });
const unrolledBackwards: Run = (u, w, h, xs) => {
  let state = start(h);
  const ys: Tensor[] = [];
  for (let i = (xs.shape[0] ?? 0) - 1; i >= 0; i--) {
    const [next, y] = step(u, w)(state, slice(xs, i));
    state = next;
    ys.unshift(y);
  }
  return [state, stack(ys)];
};

describe.each(deviceNames())("on %s", (device) => {
  let args: [Tensor, Tensor, Tensor, Tensor];
  beforeAll(() => {
    setDefaultDevice(device);
    args = [random([2, 3], 1), random([3, 3], 2), random([3], 3), random([5, 2], 4)];
  });
  const all = [0, 1, 2, 3] as const;
  const loss =
    (run: Run) =>
    (...xs: [Tensor, Tensor, Tensor, Tensor]): Tensor => {
      const [{ h }, ys] = run(...xs);
      return h.mul(h).sum().add(ys.sin().sum());
    };

  describe.each([
    ["scan", looped, unrolled],
    ["scan in reverse", backwards, unrolledBackwards],
  ] as const)("%s", (_, run, reference) => {
    test("values", () => {
      const [state, ys] = run(...args);
      const [expected, expectedYs] = reference(...args);
      near(state.h, expected.h);
      near(ys, expectedYs);
      expect(numbers(state.count)).toEqual([5]);
    });
    test("gradients in reverse mode", () => {
      const found = grad(loss(run), all)(...args);
      const expected = grad(loss(reference), all)(...args);
      all.forEach((i) => {
        near(found[i], expected[i]);
      });
    });
    test("only some results, only some gradients", () => {
      const last = (f: Run) => (h: Tensor) => f(args[0], args[1], h, args[3])[0].h.sum();
      near(grad(last(run))(args[2]), grad(last(reference))(args[2]));
      const yielded = (f: Run) => (xs: Tensor) => f(args[0], args[1], args[2], xs)[1].sum();
      near(grad(yielded(run))(args[3]), grad(yielded(reference))(args[3]));
    });
    test("tangents in forward mode", () => {
      const [value, tangent] = jvp(loss(run), args, args);
      const [expectedValue, expected] = jvp(loss(reference), args, args);
      near(value, expectedValue);
      near(tangent, expected);
      const bySlices = (f: Run) => jvp((xs: Tensor) => f(args[0], args[1], args[2], xs)[1], [args[3]], [args[3]])[1];
      near(bySlices(run), bySlices(reference));
    });
    test("second order, in all ways", () => {
      const of = (f: Run) => (h: Tensor) => loss(f)(args[0], args[1], h, args[3]);
      const expected = hessian(of(reference))(args[2]);
      near(hessian(of(run))(args[2]), expected);
      near(jacobian(grad(of(run)), 0, { mode: "reverse" })(args[2]), expected);
      near(jacobian(grad(of(run)), 0, { mode: "forward" })(args[2]), expected);
      const norm = (f: Run) => (w: Tensor) => {
        const [du, dx] = grad(loss(f), [0, 3])(args[0], w, args[2], args[3]);
        return du.mul(du).sum().add(dx.mul(dx).sum());
      };
      near(grad(norm(run))(args[1]), grad(norm(reference))(args[1]));
      const tangent = (f: Run) => (h: Tensor) => jvp(of(f), [h], [args[2]])[1];
      near(grad(tangent(run))(args[2]), grad(tangent(reference))(args[2]));
    });
    test("over a batch, its gradients too", () => {
      const batch = [args[0], random([2, 3, 3], 5), random([2, 3], 6), random([2, 5, 2], 7)] as const;
      const inAxes = [null, 0, 0, 0];
      near(vmap(loss(run), { inAxes })(...batch), vmap(loss(reference), { inAxes })(...batch));
      const yields = (f: Run) => vmap((...xs: [Tensor, Tensor, Tensor, Tensor]) => f(...xs)[1], { inAxes })(...batch);
      near(yields(run), yields(reference));
      const gradients = (f: Run) => vmap(grad(loss(f), all), { inAxes })(...batch);
      const expected = gradients(reference);
      gradients(run).forEach((g, i) => {
        near(g, expected[i]);
      });
      const sum = (f: Run) => (xs: Tensor) => vmap((x: Tensor) => loss(f)(args[0], args[1], args[2], x))(xs).sum();
      near(grad(sum(run))(batch[3]), grad(sum(reference))(batch[3]));
    });
  });

  test("eager gradients, before and after the loss is read", () => {
    const expected = grad(loss(unrolled), 1)(...args);
    for (const read of [false, true]) {
      const w = tensor(args[1].dataSync(), { shape: [3, 3], requiresGrad: true });
      const value = loss(looped)(args[0], w, args[2], args[3]);
      if (read) value.itemSync();
      value.backward();
      near(w.grad, expected);
    }
  });
  test("no steps, one step, and no sequences", () => {
    const none = valueAndGrad((h: Tensor) => scan((c: Tensor, x: Tensor) => [c.mul(x), x], h, zeros([0]))[0]);
    near(none(tensor(3))[0], [3]);
    near(none(tensor(3))[1], [1]);
    const [last, ys] = scan((c: Tensor, x: Tensor) => [c.mul(x), c.add(x)], tensor(3), tensor([2]));
    near(last, [6]);
    near(ys, [5]);
    near(
      grad((x: Tensor) => scan((c: Tensor) => [c.mul(x), null], tensor(1), null, { length: 10 })[0])(tensor(1)),
      [10],
    );
  });
  test("what the step only hands on", () => {
    const [[a, b], [x, w]] = scan(
      ([p, q]: [Tensor, Tensor], s: Tensor) => [[q, p] as [Tensor, Tensor], [s, args[1]] as const],
      [tensor(1), tensor(2)],
      tensor([7, 8, 9]),
    );
    near(a, [2]);
    near(b, [1]);
    near(x, [7, 8, 9]);
    expect(w.shape).toEqual([3, 3, 3]);
  });
  test("inside of a loop, a branch, a checkpoint and a custom rule", () => {
    const inner = (a: Tensor, x: Tensor): Tensor =>
      scan((c: Tensor, y: Tensor) => [c.mul(y).sin(), null], a, stack([x, x.mul(2)]))[0];
    const twice = customVjp(
      (c: Tensor) => c.mul(2),
      (g) => [g.mul(2)],
    );
    const nested = (a: Tensor, xs: Tensor): Tensor =>
      scan(
        (c: Tensor, x: Tensor) => {
          const chosen = cond(
            c.gt(0.5),
            (d: Tensor) => d.mul(x),
            (d: Tensor) => inner(d, x),
            c,
          );
          return [checkpoint((d: Tensor) => twice(d).tanh())(chosen), chosen];
        },
        a,
        xs,
      )[0];
    const flat = (a: Tensor, xs: Tensor): Tensor => {
      let c = a;
      for (let i = 0; i < 4; i++) {
        const x = slice(xs, i);
        const chosen = c.itemSync() > 0.5 ? c.mul(x) : c.mul(x).sin().mul(x.mul(2)).sin();
        c = chosen.mul(2).tanh();
      }
      return c;
    };
    const [a, xs] = [tensor(0.9, { dtype: "float64" }), tensor([0.7, 1.5, 0.9, 1.2], { dtype: "float64" })];
    near(nested(a, xs), flat(a, xs));
    const [da, dxs] = grad(nested, [0, 1])(a, xs);
    const [ea, exs] = grad(flat, [0, 1])(a, xs);
    near(da, ea);
    near(dxs, exs);
    near(jvp(nested, [a, xs], [a, xs])[1], jvp(flat, [a, xs], [a, xs])[1]);
    const outer = checkpoint(vmap((c: Tensor) => nested(c, xs)));
    const batch = tensor([0.9, 0.1, -0.4], { dtype: "float64" });
    near(
      grad((x: Tensor) => outer(x).sum())(batch),
      numbers(batch).map((v) => grad(flat)(tensor(v, { dtype: "float64" }), xs).itemSync()),
    );
  });
  test("a loop between two networks: what comes before is computed once, and all in one call", () => {
    const f = (run: Run) => (w: Tensor) => {
      const h = args[2].matmul(w as Tensor<[3, 3]>).exp();
      const [{ h: last }] = run(args[0], w, h, args[3]);
      return last.mul(h).sum();
    };
    const [value, g] = valueAndGrad(f(looped))(args[1]);
    const [expectedValue, expected] = valueAndGrad(f(unrolled))(args[1]);
    near(g, expected);
    near(value, expectedValue);
  });
  test("slices that begin anywhere", () => {
    const xs = seededValues([7, 3], { dtype: "float32" });
    const f = (c: Tensor, ys: Tensor): Tensor =>
      scan((d: Tensor, y: Tensor) => [d.mul(0.5).add(y), d.mul(y)], c, ys)[1].sum();
    const g = (c: Tensor, ys: Tensor): Tensor => {
      let [d, total] = [c, tensor(0) as Tensor];
      for (let i = 0; i < 7; i++) {
        const y = slice(ys, i);
        total = total.add(d.mul(y).sum());
        d = d.mul(0.5).add(y);
      }
      return total;
    };
    const [found, expected] = [grad(f, [0, 1])(zeros([3]), xs), grad(g, [0, 1])(zeros([3]), xs)];
    found.forEach((x, i) => {
      numbers(x).forEach((v, j) => {
        expect(v).toBeCloseTo(numbers(expected[i] as Tensor)[j] ?? Number.NaN, 5);
      });
    });
    const bools = tensor([true, false, true]);
    const [last, flags] = scan((c: Tensor, x: Tensor) => [c.ne(x), c.eq(x)], tensor(false), bools);
    expect(numbers(last)).toEqual([0]);
    expect(numbers(flags)).toEqual([0, 0, 1]);
  });
  test("10,000 steps compile one body, once", () => {
    const f = (x: Tensor, w: Tensor): Tensor =>
      scan((c: Tensor, y: Tensor) => [c.mul(w).add(y), null], x, zeros([10000]))[0];
    const before = engineStatistics().plansCompiled;
    const run = (w: number): number[] => {
      const [value, g] = valueAndGrad(f)(tensor(1), tensor(w));
      return [value.itemSync(), g.itemSync()];
    };
    expect(run(1)).toEqual([1, 1]);
    const after = engineStatistics().plansCompiled;
    expect(after - before).toBeLessThan(10);
    expect(run(0)).toEqual([0, 0]);
    expect(engineStatistics().plansCompiled).toBe(after);
  });

  test("a step that fails is an error, gives all memory back, and leaves the next run sound", () => {
    const table = tensor([1, 2, 3]);
    const sum = (ids: readonly number[]): Tensor =>
      scan(
        (c: Tensor, id: Tensor) => [c.add(embedding(table.reshape([3, 1]), id).sum()), null],
        tensor(0),
        tensor([...ids], { dtype: "int32" }),
      )[0];
    const before = deviceNamed(device).allocatedBytes;
    const bad = sum([0, 1, 9, 2]);
    const held = deviceNamed(device).allocatedBytes;
    expect(() => bad.itemSync()).toThrow("index 9 is out of range");
    expect(deviceNamed(device).allocatedBytes).toBe(held);
    expect(held).toBeGreaterThan(before);
    near(sum([0, 1, 2]), [6]);
  });

  test("cond: values, derivatives and batches", () => {
    const w = tensor([3, 4]);
    const f = (x: Tensor): Tensor =>
      cond(
        x.sum(),
        (y: Tensor) => y.mul(w).sin(),
        (y: Tensor) => y.exp(),
        x,
      );
    const [yes, no] = [tensor([1, 2]), tensor([1, -1])];
    near(f(no), no.exp());
    expect(f(yes).shape).toEqual([2]);
    const sum = (x: Tensor): Tensor => f(x).sum();
    near(grad(sum)(no), no.exp());
    near(grad(sum)(yes), yes.mul(w).cos().mul(w));
    near(jvp(f, [yes], [yes])[1], yes.mul(w).cos().mul(w).mul(yes));
    near(grad((x: Tensor) => grad(sum)(x).sum())(no), no.exp());
    const both = stack([yes, no]);
    near(vmap(grad(sum))(both), stack([grad(sum)(yes), grad(sum)(no)]));
    const flag = tensor(true);
    const shared = vmap((x: Tensor) =>
      cond(
        flag,
        () => x.mul(2),
        () => x.log(),
      ),
    );
    near(shared(both), both.mul(2));
    near(grad((x: Tensor) => shared(x).sum())(both), [2, 2, 2, 2]);
    const p = tensor(2, { requiresGrad: true });
    cond(
      flag,
      () => p.mul(3),
      () => p.div(0),
    ).backward();
    near(p.grad, [3]);
  });
  test("the branch that isn't chosen isn't computed", () => {
    const x = tensor(0);
    const f = (y: Tensor): Tensor =>
      cond(
        y.gt(0),
        (z: Tensor) => z.log(),
        (z: Tensor) => z.mul(5),
        y,
      );
    near(grad(f)(x), [5]);
  });

  test("refuses what doesn't fit", () => {
    const x = tensor([1, 2]);
    expect(() => scan((c: Tensor) => [c.sum(), null], x, null, { length: 2 })).toThrow(
      "scan: expected a carry after the step of shape [2], got []",
    );
    expect(() => scan((c: Tensor) => [c.to("float64"), null], x, null, { length: 2 })).toThrow(
      "scan: expected a carry after the step of float32, got float64",
    );
    expect(() => scan((c: Tensor) => [[c, c], null] as never, x, null, { length: 2 })).toThrow(
      "a carry after the step with 1 tensors, got 2",
    );
    expect(() => scan((c: Tensor) => c as never, x, null, { length: 2 })).toThrow("a function that returns [carry, y]");
    expect(() => scan((c: Tensor) => [c, null], x, null)).toThrow("expected sequences, or a length");
    expect(() => scan((c: Tensor, _: readonly Tensor[]) => [c, null], x, [x, zeros([3])])).toThrow(
      "scan: expected sequences of one length, got 2 and 3",
    );
    expect(() => scan((c: Tensor) => [c, null], x, tensor(1))).toThrow("expected sequences with a first axis");
    expect(() => scan((c: Tensor) => [c.mul(c.sum().itemSync()), null], x, null, { length: 1 })).toThrow(
      "inside of scan and cond a tensor has no values of its own",
    );
    expect(() =>
      cond(
        x,
        () => x,
        () => x,
      ),
    ).toThrow("cond: expected a predicate with one element, got shape [2]. Use where");
    expect(() =>
      cond(
        tensor(true),
        () => x,
        () => x.sum() as Tensor as Tensor<[2]>,
      ),
    ).toThrow("cond: expected a second result of shape [2], got []");
  });
});
