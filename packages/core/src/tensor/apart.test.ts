// What functions assign while a transform builds them: it happens as often as they run, or is refused by name.
import { describe, expect, test } from "vitest";
import {
  checkpoint,
  compile,
  cond,
  customJvp,
  customVjp,
  Generator,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  linearize,
  noGrad,
  rand,
  realize,
  scan,
  standingFor,
  type Tensor,
  tensor,
  update,
  valueAndGrad,
  vjp,
  vmap,
  zeros,
} from "../index.ts";

const nothing = tensor(0);
const yes = tensor(true);
const no = tensor(false);

/** Counts its calls in a tensor. */
const counting =
  (count: Tensor) =>
  (x: Tensor): Tensor => {
    count.assign(count.add(1));
    return x.mul(x);
  };

describe("cond assigns what the chosen branch does", () => {
  test.each([true, false])("predicate %s", async (holds) => {
    const [first, second, both] = [tensor(10), tensor(20), tensor(30)];
    const y = cond(
      tensor(holds),
      (x: Tensor) => {
        first.assign(first.add(x));
        both.assign(both.mul(2));
        both.assign(both.add(x));
        return both.add(first);
      },
      (x: Tensor) => {
        second.assign(second.sub(x));
        both.assign(x);
        return both.add(first);
      },
      tensor(3),
    );
    // Without reading y: the assignments join the next run, whatever it computes.
    realize(tensor(1).add(1));
    const state = [first, second, both].map((x) => x.itemSync());
    expect(state).toEqual(holds ? [13, 20, 63] : [10, 17, 3]);
    expect(await y.item()).toBe(holds ? 76 : 13);
  });
  test("after an assignment that waits, and before the next one", () => {
    const state = tensor(1);
    state.assign(state.add(1));
    const keep = (): Tensor => nothing;
    const double = (): Tensor => {
      state.assign(state.mul(2));
      return nothing;
    };
    cond(yes, double, keep); // 4
    cond(no, double, keep); // 4
    state.assign(state.add(1)); // 5
    cond(no, keep, double); // 10
    expect(state.itemSync()).toBe(10);
  });
  test("in branches of branches, and for each call of a compiled function", () => {
    const [a, b] = [tensor(0), tensor(0)];
    const inner = (p: Tensor, x: Tensor): Tensor => cond(p, counting(a), counting(b), x);
    const f = (p: Tensor, q: Tensor, x: Tensor): Tensor =>
      cond(
        p,
        (z: Tensor) => inner(q, z),
        (z: Tensor) => z,
        x,
      );
    const compiled = compile(f);
    for (const g of [f, compiled, compiled, compiled, compiled, compiled]) {
      expect(g(yes, yes, tensor(3)).itemSync()).toBe(9);
      expect(g(yes, no, tensor(3)).itemSync()).toBe(9);
      expect(g(no, no, tensor(3)).itemSync()).toBe(3);
    }
    expect([a.itemSync(), b.itemSync()]).toEqual([6, 6]);
  });
  test("under derivatives, once", () => {
    const [a, b] = [tensor(0), tensor(0)];
    const f = (x: Tensor): Tensor => cond(x.gt(2), counting(a), counting(b), x) as Tensor<[]>;
    expect(grad(f)(tensor(3)).itemSync()).toBe(6);
    expect(jvp(f, [tensor(3)], [tensor(1)])[1].itemSync()).toBe(6);
    expect(hessian(f)(tensor(3)).itemSync()).toBe(2);
    expect(grad(checkpoint(f))(tensor(3)).itemSync()).toBe(6);
    expect([a.itemSync(), b.itemSync()]).toEqual([4, 0]);
  });
  test("no gradient flows into what is assigned", () => {
    const state = tensor(0);
    const w = tensor(2, { requiresGrad: true });
    const y = cond(
      yes,
      () => {
        state.assign(w.mul(3));
        return w.mul(w);
      },
      () => w,
    );
    expect(state.requiresGrad).toBe(false);
    y.backward();
    expect([w.grad?.itemSync(), state.itemSync()]).toEqual([4, 6]);
  });
  test("a branch that throws leaves all as it was", () => {
    const state = tensor(1);
    state.assign(state.add(1));
    const throwing = (): Tensor => {
      state.assign(zeros([]));
      throw new Error("no");
    };
    expect(() => cond(yes, counting(state), throwing as never, nothing)).toThrow("no");
    expect(state.itemSync()).toBe(2);
  });
  test("for each example another branch: no one value to assign", () => {
    const state = tensor(1);
    const f = vmap((x: Tensor) => cond(x.gt(2), counting(state), (z: Tensor) => z, x));
    expect(() => f(tensor([1, 3]))).toThrow("vmap: expected a function that assigns nothing made of its arguments");
    expect(state.itemSync()).toBe(1);
    const count = counting(state);
    const same = vmap((x: Tensor) => x.mul(cond(yes, count, (z: Tensor) => z, tensor(3))));
    expect([...same(tensor([1, 3])).dataSync()]).toEqual([9, 27]);
    expect(state.itemSync()).toBe(2);
  });
});

describe("what happens at once is refused", () => {
  const w = tensor(2, { requiresGrad: true });
  const doings: Record<string, (x: Tensor) => void> = {
    update: (x) => update([{ target: w, value: x.detach() }]),
    assign: (x) => w.assign(x.detach()),
    backward: () => w.mul(w).backward(),
  };
  test.each(Object.entries(doings))("%s", (name, act) => {
    const f = (x: Tensor): Tensor => {
      act(tensor(5));
      return x;
    };
    const error = `${name}: expected to be called outside of `;
    expect(() => cond(no, f, (x: Tensor) => x, nothing)).toThrow(`${error}cond, got a call inside of it`);
    expect(() => scan((x: Tensor) => [f(x), null], nothing, null, { length: 2 })).toThrow(`${error}scan`);
    expect(() => vmap(f)(tensor([1, 2]))).toThrow(`${error}vmap`);
    expect([w.itemSync(), w.grad]).toEqual([2, null]);
    f(nothing);
    expect(name === "backward" ? w.grad?.itemSync() : w.itemSync()).toBe(name === "backward" ? 4 : 5);
    w.zeroGrad();
    w.assign(tensor(2));
  });
  test("but not for tensors that the function has made", () => {
    const slope = (x: Tensor): Tensor => {
      const own = x.detach().requiresGrad_();
      own.mul(own).backward();
      return own.grad ?? nothing;
    };
    expect(cond(yes, slope, (x: Tensor) => x, tensor(3)).itemSync()).toBe(6);
    const summed = (x: Tensor): Tensor => {
      const sum = zeros([]);
      sum.assign(sum.add(x));
      sum.assign(sum.add(x));
      return sum;
    };
    expect([...vmap(summed)(tensor([1, 2])).dataSync()]).toEqual([2, 4]);
    const [, ys] = scan((c: Tensor, x: Tensor) => [c, summed(x)], nothing, tensor([3, 4]));
    expect([...ys.dataSync()]).toEqual([6, 8]);
  });
});

describe("loops and batches", () => {
  test("scan refuses what each step would do, also where it would be the same", () => {
    const state = tensor(1);
    state.assign(state.add(1));
    expect(() => scan((c: Tensor) => [counting(state)(c), null], nothing, null, { length: 3 })).toThrow(
      "scan: expected a function that assigns nothing, got one that does. State that each step changes belongs in the carry",
    );
    expect(state.itemSync()).toBe(2);
  });
  test("vmap does once what does not depend on the examples, and gives back what does", () => {
    const [state, other] = [tensor(1), tensor(7)];
    state.assign(state.add(1));
    expect([...vmap(counting(state))(tensor([1, 2, 3])).dataSync()]).toEqual([1, 4, 9]);
    expect(state.itemSync()).toBe(3);
    state.assign(state.add(1));
    const f = (x: Tensor): Tensor => {
      other.assign(other.add(1));
      state.assign(x);
      return x;
    };
    expect(() => vmap(f)(tensor([1, 2]))).toThrow(
      "vmap: expected a function that assigns nothing made of its arguments",
    );
    expect([state.itemSync(), other.itemSync()]).toEqual([4, 7]);
  });
  test("what a tensor is assigned while it stands for another is the other's", () => {
    const [state, other, third] = [tensor(1), tensor(10), tensor(100)];
    const f = (x: Tensor): Tensor =>
      standingFor([[state, other]], () => {
        standingFor([[state, third]], () => counting(state)(x));
        return counting(state)(counting(state)(x));
      });
    expect(f(tensor(2)).itemSync()).toBe(16);
    expect([state, other, third].map((x) => x.itemSync())).toEqual([1, 12, 101]);
    // Where assignments are held back, also one that was there before.
    expect([...vmap(f)(tensor([1, 2])).dataSync()]).toEqual([1, 16]);
    expect([state, other, third].map((x) => x.itemSync())).toEqual([1, 14, 102]);
    const after = vmap((x: Tensor) => f(counting(state)(x)));
    expect([...after(tensor([1, 2])).dataSync()]).toEqual([1, 256]);
    expect([state, other, third].map((x) => x.itemSync())).toEqual([2, 16, 103]);
    cond(yes, f, (x: Tensor) => x, tensor(3));
    cond(no, f, (x: Tensor) => x, tensor(3));
    expect([state, other, third].map((x) => x.itemSync())).toEqual([2, 18, 104]);
    standingFor([[state, other]], () => cond(yes, counting(state), counting(third), nothing));
    expect([state, other, third].map((x) => x.itemSync())).toEqual([2, 19, 104]);
  });
  test("the other's is what it was assigned before an error, or an error of its own", () => {
    const [state, second, other, third] = [tensor(1), tensor(2), tensor(10), tensor(100)];
    const failing = (): void => {
      counting(state)(nothing);
      throw new Error("on purpose");
    };
    expect(() => standingFor([[state, other]], failing)).toThrow("on purpose");
    expect([state.itemSync(), other.itemSync()]).toEqual([1, 11]);
    const pairs = [state, second].map((x) => [x, other] as const);
    expect(() => standingFor(pairs, () => [state, second].map((x) => counting(x)(nothing)))).toThrow(
      "standingFor: expected another tensor for each that is assigned to, got one of shape [] for several",
    );
    expect([state.itemSync(), second.itemSync()]).toEqual([1, 2]);
    // One that is not assigned to does not count, nor one tensor under two names.
    const before = other.itemSync();
    standingFor(pairs, () => counting(second)(nothing));
    const twice = [other, other].map((x) => [state, x] as const);
    standingFor(twice, () => counting(state)(nothing));
    standingFor([[third, third]], () => counting(third)(nothing));
    expect([state, second, other, third].map((x) => x.itemSync())).toEqual([1, 2, before + 2, 101]);
    const f = (x: Tensor): Tensor => standingFor([[state, x]], () => counting(state)(x));
    expect(() => vmap(f)(tensor([1, 2]))).toThrow("vmap: expected a function that assigns to none of its arguments");
    expect(state.itemSync()).toBe(1);
  });
});

describe("rules of custom derivatives", () => {
  const tracking = (state: Tensor): ((x: Tensor) => Tensor) =>
    customVjp(
      (x: Tensor) => x.mul(2),
      (g: Tensor) => {
        state.assign(state.add(g));
        return [g.mul(2)];
      },
    );
  test("once for each backward(), whether the loss is read before or not", () => {
    const state = tensor(0);
    const w = tensor(1, { requiresGrad: true });
    for (let i = 1; i <= 4; i++) {
      const loss = tracking(state)(w.mul(w));
      if (i % 2 === 0) expect(loss.itemSync()).toBe(2);
      loss.backward();
      w.zeroGrad();
      expect(state.itemSync()).toBe(i);
    }
    expect(grad(tracking(state) as (x: Tensor) => Tensor<[]>)(tensor(1)).itemSync()).toBe(2);
    expect(state.itemSync()).toBe(5);
  });
  test("refused where the derivative is built once: in loops, branches and vjp", () => {
    const state = tensor(0);
    const f = tracking(state);
    const looped = (x: Tensor): Tensor => scan((c: Tensor) => [f(c), null], x, null, { length: 3 })[0] as Tensor;
    const chosen = (x: Tensor): Tensor => cond(yes, f, (z: Tensor) => z, x);
    const error = "expected a function that assigns nothing";
    for (const g of [looped, chosen])
      expect(() => grad(g as (x: Tensor) => Tensor<[]>)(tensor(1))).toThrow(`scan and cond: ${error}`);
    expect(() => vjp(f, [tensor(1)])).toThrow(`vjp: ${error} made of its arguments`);
    // Forward mode transposes the rule, and has no cotangent to track.
    expect(linearize(f, [tensor(1)])[1](tensor(1)).itemSync()).toBe(2);
    expect([looped(tensor(1)).itemSync(), state.itemSync()]).toEqual([8, 0]);
  });
});

describe("customJvp's rule", () => {
  const calls = { count: 0 };
  const tracking = (state: Tensor): ((x: Tensor) => Tensor<[]>) =>
    customJvp(
      (x: Tensor) => x.mul(2) as Tensor<[]>,
      (_, [dx]) => {
        calls.count++;
        state.assign(state.add(dx).add(1));
        return dx.mul(2) as Tensor<[]>;
      },
    );
  test("assigns in forward mode, once", () => {
    const state = tensor(0);
    expect(jvp(tracking(state), [tensor(1)], [tensor(5)])[1].itemSync()).toBe(10);
    expect(state.itemSync()).toBe(6);
  });
  test("assigns nothing in reverse mode, where it has no tangent", () => {
    const [state, w] = [tensor(0), tensor(1, { requiresGrad: true })];
    const f = tracking(state);
    calls.count = 0;
    const loss = f(w);
    expect(loss.itemSync()).toBe(2);
    loss.backward();
    expect(w.grad?.itemSync()).toBe(2);
    expect(grad(f)(tensor(1)).itemSync()).toBe(2);
    expect(vjp(f, [tensor(1)])[1](tensor(3))[0].itemSync()).toBe(6);
    const looped = (x: Tensor): Tensor<[]> =>
      scan((c: Tensor) => [f(c), null], x, null, { length: 3 })[0] as Tensor<[]>;
    expect(grad(looped)(tensor(1)).itemSync()).toBe(8);
    expect(calls.count).toBeGreaterThan(3);
    expect(state.itemSync()).toBe(0);
  });
});

describe("arguments keep their value while a transform's function runs", () => {
  type Layer = { weight: Tensor; tensorsByName(): Record<string, Tensor> };
  const layer = (): Layer => {
    const weight = tensor([1, 2], { requiresGrad: true });
    return { weight, tensorsByName: () => ({ weight }) };
  };
  const doubled = (x: Tensor): void => noGrad(() => x.assign(x.mul(2)));
  const one = tensor([1, 0]);
  type Of<A> = (f: (x: A) => Tensor<[]>, x: A) => unknown;
  const transforms = {
    grad: (f, x) => grad(f)(x),
    valueAndGrad: (f, x) => valueAndGrad(f)(x),
    vjp: (f, x) => vjp(f, [x]),
    linearize: (f, x) => linearize(f, [x]),
    jacobian: (f, x) => jacobian(f)(x),
    hessian: (f, x) => hessian(f)(x),
    hvp: (f, x) => hvp(f, [x], [x]),
    jvp: (f, x) => jvp(f, [x], [x]),
    vmap: (f, x) => vmap(f)(x),
    customVjp: (f, x) => customVjp(f, () => [null])(x),
    customJvp: (f, x) => customJvp(f, () => nothing)(x),
  } satisfies Record<string, Of<Tensor>>;
  const told = (name: string): string => `${name}: expected a function that assigns to none of its arguments`;
  test.each(Object.entries(transforms))("%s says so of a tensor, whatever it is given", (name, transform) => {
    const values = [
      doubled,
      (x: Tensor) => x.assign(x.mul(2)),
      (x: Tensor) => x.assign(zeros(x.shape)),
      (x: Tensor) => update([{ target: x, value: zeros(x.shape) }]),
    ];
    for (const requiresGrad of [false, true])
      for (const assign of values) {
        const x = tensor([1, 2], { requiresGrad });
        const f = (y: Tensor): Tensor<[]> => {
          assign(y);
          return y.mul(y).sum() as Tensor<[]>;
        };
        expect(() => transform(f, x)).toThrow(told(name));
        expect([...x.dataSync()]).toEqual([1, 2]);
      }
  });
  test("of a module, which keeps its value, its shape and its gradient", () => {
    const f = ({ weight }: Layer): Tensor<[]> => {
      doubled(weight);
      return weight.mul(weight).sum() as Tensor<[]>;
    };
    const all: Record<string, (m: Layer) => unknown> = {
      grad: (m) => grad(f)(m),
      valueAndGrad: (m) => valueAndGrad(f)(m),
      vjp: (m) => vjp(f, [m]),
      linearize: (m) => linearize(f, [m]),
      jacobian: (m) => jacobian(f)(m),
      hessian: (m) => hessian(f)(m),
      hvp: (m) => hvp(f, [m], [{ weight: one }]),
      jvp: (m) => jvp(f, [m], [{ weight: one }]),
      vmap: (m) => vmap(f)(m),
      customVjp: (m) => customVjp(f, () => [null])(m),
      standingFor: (m) => standingFor([[m.weight, one]], () => f(m)),
    };
    for (const [name, transform] of Object.entries(all)) {
      const model = layer();
      const { node } = model.weight;
      expect(() => transform(model)).toThrow(told(name));
      expect(model.weight.node).toBe(node);
      expect(model.weight.requiresGrad).toBe(true);
    }
    const constant = (m: Layer): Tensor => {
      m.weight.assign(zeros(m.weight.shape));
      return m.weight;
    };
    const model = layer();
    expect(() => vmap(constant)(model)).toThrow(told("vmap"));
    expect(model.weight.shape).toEqual([2]);
  });
  test("the innermost function that was given it is the one that is named, and afterwards all is free again", () => {
    const f = (x: Tensor): Tensor<[]> => {
      doubled(x);
      return x.sum() as Tensor<[]>;
    };
    const model = layer();
    const inner = (m: Layer): Tensor<[]> => jvp((y: Tensor) => y.mul(f(m.weight)).sum(), [one], [one])[1] as Tensor<[]>;
    expect(() => grad(inner)(model)).toThrow(told("grad"));
    const free = (m: Layer): Tensor<[]> => grad((n: Layer) => f(n.weight))(m).weight?.sum() as Tensor<[]>;
    expect(() => vjp(free, [model])).toThrow(told("grad"));
    doubled(model.weight);
    expect([...model.weight.dataSync()]).toEqual([2, 4]);
    let kept: Tensor = tensor(0);
    grad((x: Tensor) => {
      kept = x;
      return x.sum() as Tensor<[]>;
    })(one);
    kept.assign(zeros([2]));
    expect([...kept.dataSync()]).toEqual([0, 0]);
  });
  test("what is no argument is free: other tensors, those made inside, arguments that are not differentiated", () => {
    const state = tensor([0, 0]);
    const f = (x: Tensor, count: Tensor): Tensor<[]> => {
      const sum = zeros([2]);
      sum.assign(sum.add(x));
      state.assign(state.add(x));
      count.assign(count.add(1));
      return sum.mul(x).sum() as Tensor<[]>;
    };
    const count = tensor(0);
    expect([...grad(f)(tensor([1, 2]), count).dataSync()]).toEqual([2, 4]);
    expect([...state.dataSync(), count.itemSync()]).toEqual([1, 2, 1]);
  });
  test("backward() gives the gradient of all values that the tensor had meanwhile", () => {
    const { weight } = layer();
    const before = weight.sum();
    doubled(weight);
    before.add(weight.mul(weight).sum()).backward();
    expect([...(weight.grad?.dataSync() ?? [])]).toEqual([5, 9]);
  });
});

test("random numbers: how far each transform moves the generator", () => {
  const f = (generator: Generator) => (x: Tensor) => x.mul(rand([3], { generator }).sum()) as Tensor<[]>;
  const at = tensor(2);
  const drawn = f(new Generator(1))(tensor(1)).itemSync();
  const runs: Record<string, [words: number, run: (g: Generator) => Tensor]> = {
    grad: [3, (g) => grad(f(g))(at)],
    jvp: [3, (g) => jvp(f(g), [at], [tensor(1)])[1]],
    vjp: [3, (g) => vjp(f(g), [at])[1](tensor(1))[0]],
    linearize: [3, (g) => linearize(f(g), [at])[1](tensor(1))],
    checkpoint: [3, (g) => grad(checkpoint(f(g)))(at)],
    customVjp: [3, (g) => customVjp(f(g), (c) => [c])(tensor(1))],
    compile: [3, (g) => compile(f(g))(tensor(1))],
    // Both branches are built, and each has words of its own.
    cond: [6, (g) => grad((x: Tensor) => cond(yes, f(g), f(g), x) as Tensor<[]>)(at)],
  };
  for (const [name, [words, run]] of Object.entries(runs)) {
    const generator = new Generator(1);
    expect(run(generator).itemSync(), name).toBe(drawn);
    expect(generator.state.counter, name).toBe(words);
  }
  const generator = new Generator(1);
  scan((c: Tensor) => [f(generator)(c), null], at, null, { length: 4 });
  expect(generator.state.counter).toBe(12);
  vmap(f(generator))(tensor([1, 2]));
  expect(generator.state.counter).toBe(18);
});
