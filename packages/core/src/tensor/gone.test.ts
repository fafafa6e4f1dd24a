// What changes or goes between a forward and its backward pass: the right number where the value is still there, and an error
// that says what to do where it is not. Never another number.
import { beforeEach, describe, expect, test } from "vitest";
import {
  compile,
  customVjp,
  deviceNames,
  engineStatistics,
  flip,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  linearize,
  manualSeed,
  rand,
  realize,
  scan,
  setDefaultDevice,
  type Tensor,
  tensor,
  update,
  valueAndGrad,
  vjp,
  vmap,
} from "../index.ts";

const numbers = (x: Tensor | null | undefined): number[] => {
  if (!x) throw new Error("no tensor");
  return [...x.dataSync()];
};

const read = (x: Tensor): Tensor => {
  realize(x);
  return x;
};

/** The message of what f throws. */
const said = (f: () => unknown): string => {
  try {
    f();
  } catch (error) {
    return `${error}`;
  }
  throw new Error("nothing was thrown");
};

const disposed =
  "got none: dispose() has freed them. Call it after all that needs them is computed, backward() with step() or realize() too";
const replaced =
  "got none: two later updates (step() or assign()) have replaced them. Call backward() and read what depends on them before the second, or build it anew";
const overwritten =
  "got none: an update in place has overwritten them. Call backward() and read what depends on them before it, or update without inPlace";

describe.each(deviceNames())("on %s", (device) => {
  let w = tensor([1, 2], { requiresGrad: true });
  beforeEach(() => {
    setDefaultDevice(device);
    w = tensor([1, 2], { requiresGrad: true });
  });
  const cubed = (x: Tensor): Tensor => x.mul(x).mul(x).sum();
  const assignDoubled = (x: Tensor): void => x.assign(x.detach().mul(2));

  describe("parameters", () => {
    test.each([false, true])(
      "one update later, the gradient is that of the loss as it was (read before: %s)",
      (read) => {
        const loss = cubed(w);
        if (read) expect(loss.itemSync()).toBe(9);
        assignDoubled(w);
        loss.backward();
        expect(numbers(w.grad)).toEqual([3, 12]);
        expect(numbers(w)).toEqual([2, 4]);
        expect(loss.itemSync()).toBe(9);
      },
    );
    test("a loss over both values of a parameter adds up both gradients", () => {
      const before = cubed(w);
      assignDoubled(w);
      before.add(cubed(w)).backward();
      expect(numbers(w.grad)).toEqual([3 + 12, 12 + 48]);
    });
    test.each([
      ["assign", (x: Tensor) => assignDoubled(x)],
      ["update", (x: Tensor) => update([{ target: x, value: x.detach().mul(2) }])],
    ])("two updates by %s later: an error in backward(), which changes no gradient", (_, change) => {
      w.sum().backward();
      const loss = cubed(w);
      change(w);
      change(w);
      expect(said(() => loss.backward())).toBe(
        `GraphError: backward: expected the values of a tensor of shape [2], ${replaced}`,
      );
      expect(numbers(w.grad)).toEqual([1, 1]);
      w.zeroGrad();
      cubed(w).backward();
      expect(numbers(w.grad)).toEqual([48, 192]);
    });
    test("two updates later, what needs no lost value is still right", () => {
      const loss = w.exp().sum();
      loss.itemSync();
      const linear = w.mul(tensor([5, 7])).sum();
      linear.itemSync();
      assignDoubled(w);
      assignDoubled(w);
      linear.backward();
      expect(numbers(w.grad)).toEqual([5, 7]);
      w.zeroGrad();
      loss.backward(); // exp's derivative is its result, which was kept
      expect(numbers(w.grad)[0]).toBeCloseTo(Math.E, 6);
    });
    test("an update in place: an error", () => {
      const loss = cubed(w);
      update([{ target: w, value: w.detach().mul(2), inPlace: true }]);
      expect(said(() => loss.backward())).toBe(
        `GraphError: backward: expected the values of a tensor of shape [2], ${overwritten}`,
      );
    });
    test("functions that have closed over one: right after one update, an error after two", () => {
      const [, pull] = vjp((x: Tensor) => x.mul(w).sum(), [tensor([5, 6])]);
      assignDoubled(w);
      expect(numbers(pull(tensor(1))[0])).toEqual([1, 2]);
      assignDoubled(w);
      expect(said(() => numbers(pull(tensor(1))[0]))).toContain(replaced);
    });
  });

  describe("what is no parameter", () => {
    test("assigned buffers: the gradient is that of the loss as it was, however often", () => {
      const buffer = tensor([3, 4]);
      for (const read of [false, true]) {
        const expected = numbers(buffer);
        const loss = w.mul(buffer).sum();
        if (read) loss.itemSync();
        for (let i = 0; i < 3; i++) {
          buffer.assign(buffer.mul(10));
          if (read) numbers(buffer);
        }
        w.zeroGrad();
        loss.backward();
        expect(numbers(w.grad)).toEqual(expected);
      }
      expect(numbers(buffer)).toEqual([3e6, 4e6]);
    });
    test("updated where the plan cannot write in place: the same error, and the memory is back at once", () => {
      const state = tensor([3, 4]);
      const loss = w.mul(state).sum();
      const { storage } = state.node;
      update([{ target: state, value: flip(state).add(state.mul(2)), inPlace: true }]);
      expect(storage?.isReleased).toBe(true);
      expect(numbers(state)).toEqual([10, 11]);
      expect(said(() => loss.backward())).toContain(overwritten);
    });
    test("updated in place: an error", () => {
      const state = tensor([3, 4]);
      const loss = w.mul(state).sum();
      update([{ target: state, value: state.mul(2), inPlace: true }]);
      expect(said(() => loss.backward())).toContain(overwritten);
    });
    test("random numbers are those of the forward pass, whatever is drawn or seeded since", () => {
      manualSeed(3);
      const mask = rand([2]);
      const loss = w.mul(mask).sum();
      for (const _ of [0, 1]) {
        manualSeed(4);
        numbers(rand([5]));
        w.zeroGrad();
        loss.backward();
        const gradient = numbers(w.grad);
        expect(gradient).toEqual(numbers(mask));
      }
    });
  });

  describe("dispose()", () => {
    test("of a parameter, of data, of a result on the way: an error in backward()", () => {
      const cases: [what: string, (x: Tensor) => [loss: Tensor, victim: Tensor]][] = [
        ["a tensor", (x) => [cubed(x), x]],
        ["a tensor", (x) => ((data) => [x.mul(data).sum(), data])(tensor([3, 4]) as Tensor)],
        ["a result of exp", (x) => ((h) => [h.mul(h).sum(), h])(x.exp())],
        ["a result of exp", (x) => ((h) => [h.mul(h).sum(), h])(read(x.exp()))],
      ];
      for (const [what, make] of cases) {
        const leaf = tensor([1, 2], { requiresGrad: true });
        const [loss, victim] = make(leaf);
        victim.dispose();
        expect(said(() => loss.backward())).toBe(
          `GraphError: backward: expected the values of ${what} of shape [2], ${disposed}`,
        );
        expect(leaf.grad).toBeNull();
        // Nothing of it waits to spoil another run.
        expect(tensor(1).add(1).itemSync()).toBe(2);
      }
    });
    test("of a loss that was read: the gradient is right", () => {
      const loss = cubed(w);
      loss.itemSync();
      loss.dispose();
      loss.backward();
      expect(numbers(w.grad)).toEqual([3, 12]);
    });
    test("in functions: an error that names the operation that needs the values", () => {
      const x = tensor([1, 2]);
      const [, pull] = vjp((y: Tensor) => y.exp().sum(), [x]);
      x.dispose();
      expect(said(() => numbers(pull(tensor(1))[0]))).toContain(
        `expected the values of a tensor of shape [2], ${disposed}`,
      );
      expect(said(() => numbers(x.mul(2)))).toBe(
        `GraphError: mul: expected the values of a tensor of shape [2], ${disposed}`,
      );
      expect(said(() => numbers(grad(cubed)(x)))).toContain(disposed);
      const f = compile((y: Tensor) => y.mul(2));
      const z = tensor([1, 2]);
      for (let i = 0; i < 3; i++) f(z);
      z.dispose();
      expect(said(() => f(z))).toContain(disposed);
    });
  });

  describe("a second backward()", () => {
    test("adds the same gradient again: the graph is not freed, with or without retainGraph, after updates too", () => {
      for (const retainGraph of [false, true]) {
        const x = tensor([1, 2], { requiresGrad: true });
        const loss = cubed(x);
        loss.backward(undefined, { retainGraph });
        loss.backward();
        expect(numbers(x.grad)).toEqual([6, 24]);
        assignDoubled(x);
        loss.backward();
        expect(numbers(x.grad)).toEqual([9, 36]);
      }
    });
    test("after zeroGrad() starts at zero; a gradient of a gradient needs the first one", () => {
      const loss = cubed(w);
      loss.backward();
      w.zeroGrad();
      loss.backward();
      expect(numbers(w.grad)).toEqual([3, 12]);
      w.zeroGrad();
      cubed(w).backward(undefined, { createGraph: true });
      const first = w.grad;
      const penalty = first?.mul(first).sum();
      numbers(first);
      w.zeroGrad();
      expect(said(() => penalty?.backward())).toContain(
        "got none: zeroGrad() has given the gradient's memory back. Read it before, or keep a copy: realize(x.grad.detach())",
      );
    });
    test("of losses that were read and are not kept any more computes their forward pass again", () => {
      const losses = [1, 2, 3, 4].map((k) => cubed(w.mul(k)));
      for (const loss of losses) loss.itemSync();
      losses[0]?.backward();
      expect(numbers(w.grad)).toEqual([3, 12]);
      losses[3]?.backward();
      expect(numbers(w.grad)).toEqual([3 + 64 * 3, 12 + 64 * 12]);
    });
  });

  describe("inside of compile", () => {
    const stepped = (): { x: Tensor; step: (input: Tensor) => Tensor } => {
      const x = tensor([1, 2], { requiresGrad: true });
      const step = compile((input: Tensor) => {
        x.zeroGrad();
        const loss = x.mul(x).mul(input).sum();
        loss.backward();
        const { grad } = x;
        if (grad) update([{ target: x, value: x.detach().sub(grad.mul(0.25)) }]);
        return loss;
      });
      return { x, step };
    };
    test.each([0, 1, 5])("an old loss after %s compiled steps: right after one more, an error after two", (warm) => {
      const { x, step } = stepped();
      const input = tensor([1, -1]);
      for (let i = 0; i < warm; i++) step(input);
      const expected = numbers(x).map((v) => 3 * v * v);
      const losses = [cubed(x), cubed(x)];
      step(input);
      x.zeroGrad();
      losses[0]?.backward();
      expect(numbers(x.grad)).toEqual(expected);
      step(input);
      expect(said(() => losses[1]?.backward())).toContain(replaced);
    });
    test("backward() twice, and after an assignment in the function, in every call", () => {
      const step = compile((input: Tensor) => {
        w.zeroGrad();
        const loss = w.mul(w).mul(input).sum();
        assignDoubled(w);
        loss.backward();
        loss.backward();
      });
      for (let i = 0; i < 6; i++) {
        const expected = numbers(w).map((v) => 4 * v);
        step(tensor([1, 1]));
        expect(numbers(w.grad)).toEqual(expected);
      }
    });
    test("two assignments in the function before backward(): an error", () => {
      const step = compile(() => {
        const loss = cubed(w);
        assignDoubled(w);
        assignDoubled(w);
        loss.backward();
      });
      expect(said(step)).toContain(replaced);
    });
  });

  test("what was assigned stays its owner's: neither updates nor dispose() on one side reach the other", () => {
    for (const pending of [false, true]) {
      const best = pending ? tensor([5, 6]).add(1) : tensor([6, 7]);
      const [a, b] = [tensor([1, 2], { requiresGrad: true }), tensor([1, 2], { requiresGrad: true })];
      const state = tensor([1, 2]);
      a.assign(best);
      b.assign(best);
      for (let i = 0; i < 3; i++) assignDoubled(a);
      expect(numbers(best)).toEqual([6, 7]);
      update([{ target: state, value: best }]);
      update([{ target: state, value: state.mul(2), inPlace: true }]);
      expect(numbers(best)).toEqual([6, 7]);
      best.dispose();
      expect([numbers(a), numbers(b), numbers(state)]).toEqual([
        [48, 56],
        [6, 7],
        [12, 14],
      ]);
    }
  });
  test("update() hands a pending value over, to the first of two targets", () => {
    const value = tensor([1, 2]).add(1);
    const [c, d] = [tensor([0, 0]), tensor([0, 0])];
    update([
      { target: c, value },
      { target: d, value },
    ]);
    expect(numbers(value)).toEqual([2, 3]);
    update([{ target: c, value: c.mul(2), inPlace: true }]);
    expect([numbers(c), numbers(d)]).toEqual([
      [4, 6],
      [2, 3],
    ]);
    expect(said(() => numbers(value))).toBe(
      "GraphError: data: expected the values of a result of add of shape [2], got none: update() has handed them to a tensor that has got others since. Read that one, or pass update() a copy: x.detach()",
    );
  });

  test("a gradient is given by hand in the tensor's own shape and dtype", () => {
    expect(said(() => Object.assign(w, { grad: tensor([1]) }))).toBe("ShapeError: grad: expected shape [2], got [1]");
    expect(said(() => Object.assign(w, { grad: tensor([1, 2], { dtype: "float64" }) }))).toBe(
      'DTypeError: grad: expected float32, got float64. Convert it with .to("float32")',
    );
  });

  describe("functions say what to do", () => {
    let ints = tensor([1, 2]) as Tensor;
    let floats = ints;
    beforeEach(() => {
      ints = tensor([1, 2], { dtype: "int32" });
      floats = tensor([1, 2]);
    });
    const rounded = (x: Tensor): Tensor => x.sum().to("int32");
    const floatResult =
      "expected a float result, got int32. Integers and bools have no gradient: convert the inputs, not the result";
    const floatArgument =
      'expected float tensors to differentiate by, got int32. Name the others in the positions, or convert it with .to("float32")';
    test.each<[string, (f: (x: Tensor) => Tensor, x: Tensor) => unknown]>([
      ["grad", (f, x) => grad(f as never)(x as never)],
      ["valueAndGrad", (f, x) => valueAndGrad(f as never)(x as never)],
      ["vjp", (f, x) => vjp(f, [x])],
      ["jvp", (f, x) => jvp(f, [x], [x])],
      ["jacobian", (f, x) => jacobian(f)(x)],
      ["hessian", (f, x) => hessian(f)(x)],
      ["hvp", (f, x) => hvp(f, [x], [x])],
    ])("%s of integers", (name, transform) => {
      expect(said(() => transform(rounded, floats))).toBe(`DTypeError: ${name}: ${floatResult}`);
      expect(said(() => transform((x) => x.sum(), ints))).toContain(floatArgument);
    });
    test("linearize of integers", () => {
      expect(said(() => linearize(rounded, [floats]))).toBe(`DTypeError: linearize: ${floatResult}`);
      expect(said(() => jacobian((x: Tensor) => [x, rounded(x)])(floats))).toBe(`DTypeError: jacobian: ${floatResult}`);
    });
    test("integers beside floats among the results are left alone", () => {
      const [, pull] = vjp((x: Tensor) => [x.mul(3), x.argmax()], [floats]);
      expect(numbers(pull([tensor([1, 1]), tensor(9, { dtype: "int32" })])[0])).toEqual([3, 3]);
      const [, [dy, index]] = jvp((x: Tensor) => [x.mul(3), x.argmax()], [floats], [floats]);
      expect([numbers(dy), numbers(index)]).toEqual([[3, 6], [0]]);
    });
    test("a result that is no scalar, or no tensor", () => {
      const reduce = "expected a function with a scalar result, got shape [2]. Reduce it (.sum(), .mean())";
      expect(said(() => grad((x: Tensor) => x.mul(2))(floats))).toContain(`grad: ${reduce}`);
      expect(said(() => hessian((x: Tensor) => x.mul(2))(floats))).toContain(`hessian: ${reduce}`);
      expect(said(() => hvp((x: Tensor) => x.mul(2), [floats], [floats]))).toContain(`hvp: ${reduce}`);
      expect(said(() => grad((() => undefined) as never)(floats as never))).toBe(
        "ArgumentError: grad: expected a tensor, got undefined. Make one with tensor(…)",
      );
      expect(said(() => grad((() => tensor(1)) as never)())).toBe(
        "ArgumentError: grad: expected arguments to differentiate by, got none",
      );
    });
    test("what the result does not depend on has the gradient 0; in eager style, none", () => {
      const unused = (x: Tensor, _y: Tensor): Tensor => x.sum();
      expect(numbers(grad(unused, 1)(floats, tensor([3, 4, 5])))).toEqual([0, 0, 0]);
      expect(numbers(vjp(unused, [floats, floats])[1](tensor(1))[1])).toEqual([0, 0]);
      expect(numbers(jacobian(unused, 1)(floats, floats))).toEqual([0, 0]);
      const v = tensor([1, 2], { requiresGrad: true });
      w.sum().backward();
      expect(v.grad).toBeNull();
    });
    test("backward() where tensors stand for others", () => {
      const loss = (x: Tensor): Tensor => {
        const y = w.mul(x).sum();
        y.backward();
        return y;
      };
      expect(said(() => vmap(loss)(tensor([[1, 2]])))).toBe(
        "GraphError: backward: expected the values of a tensor of shape [2], got none: inside of vmap a tensor has no values of its own",
      );
      expect(
        said(() => scan((c: Tensor, x: Tensor) => [c.add(loss(x)), c], tensor(0) as Tensor, tensor([[1, 2]]))),
      ).toContain("got none: inside of scan and cond a tensor has no values of its own");
      expect(w.grad).toBeNull();
    });
  });

  test("a failed backward() leaves no plan behind", () => {
    const loss = cubed(w);
    w.dispose();
    const { plansCompiled } = engineStatistics();
    for (let i = 0; i < 3; i++) said(() => loss.backward());
    expect(engineStatistics().plansCompiled).toBe(plansCompiled);
    const f = customVjp(
      (x: Tensor) => x.mul(2),
      (g) => [g],
    );
    expect(numbers(grad((x: Tensor) => f(x).sum())(tensor([1, 2])))).toEqual([1, 1]);
  });
});
