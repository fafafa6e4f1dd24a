// Hooks, second backward passes, gradients of gradients, and what is said where there is no gradient.
import { beforeEach, describe, expect, test } from "vitest";
import { startRecording, stopRecording } from "../engine/profiling.ts";
import {
  deviceNames,
  engineStatistics,
  grad,
  noGrad,
  setDefaultDevice,
  type Tensor,
  tensor,
  update,
} from "../index.ts";

const numbers = (x: Tensor | null | undefined): number[] => {
  if (!x) throw new Error("no tensor");
  return [...x.dataSync()];
};

const gradientOf = (x: Tensor): Tensor | null => x.grad;

describe.each(deviceNames())("on %s", (device) => {
  let x = tensor([1, 2], { requiresGrad: true });
  beforeEach(() => {
    setDefaultDevice(device);
    x = tensor([1, 2], { requiresGrad: true });
  });

  describe("hooks", () => {
    test("see the gradient of a leaf before it is added up, and may replace it", () => {
      const seen: number[][] = [];
      const hook = x.registerHook((g) => {
        seen.push(numbers(g));
        return g.mul(10);
      });
      x.mul(3).sum().backward();
      x.mul(3).sum().backward();
      expect(seen).toEqual([
        [3, 3],
        [3, 3],
      ]);
      expect(numbers(x.grad)).toEqual([60, 60]);
      hook.remove();
      hook.remove();
      x.mul(3).sum().backward();
      expect(numbers(x.grad)).toEqual([63, 63]);
    });
    test("see the whole gradient of what lies between, whenever they were registered", () => {
      const h = x.mul(2);
      const loss = h.mul(h).add(h).sum();
      const seen: number[][] = [];
      h.registerHook((g) => {
        seen.push(numbers(g));
        return undefined;
      });
      h.registerHook((g) => g.neg());
      loss.backward();
      expect(seen).toEqual([[5, 9]]);
      expect(numbers(x.grad)).toEqual([-10, -18]);
    });
    test("stay with a parameter that is updated, and are called once where the loss is read before", () => {
      let calls = 0;
      x.registerHook((g) => {
        calls++;
        return g;
      });
      for (let i = 0; i < 3; i++) {
        const loss = x.mul(x).sum();
        loss.itemSync();
        loss.backward();
        if (x.grad) update([{ target: x, value: x.detach().sub(x.grad.mul(0.1)) }]);
        x.zeroGrad();
      }
      expect(calls).toBe(3);
    });
    test("refuse what does not fit", () => {
      expect(() => tensor(1).registerHook((g) => g)).toThrow(
        "registerHook: expected a tensor with a gradient, got one without. Set requiresGrad first",
      );
      x.registerHook((g) => g.sum() as Tensor as Tensor<[2]>);
      expect(() => x.sum().backward()).toThrow(
        "like the one that the hook was given, [2] of float32, got [] of float32",
      );
    });
  });

  test("a second backward() adds the gradients again, and with retainGraph computes nothing again", () => {
    const products = (retainGraph: boolean): number => {
      const w = tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2], requiresGrad: true });
      const loss = tensor([1, 0, 1, 0, 1, 0], { shape: [2, 3] })
        .matmul(w)
        .tanh()
        .sum();
      loss.itemSync();
      startRecording();
      loss.backward(undefined, { retainGraph });
      const first = numbers(w.grad);
      loss.backward();
      const second = numbers(w.grad);
      expect(second).toEqual(first.map((g) => g * 2));
      return stopRecording()
        .kernels.filter(({ dims }) => dims === "2×2 over 3")
        .reduce((runs, { timesMs }) => runs + timesMs.length, 0);
    };
    expect(products(true)).toBe(0);
    expect(products(false)).toBe(1);
  });
  test("createGraph: gradients of gradients through .grad", () => {
    x.pow(3).sum().backward(undefined, { createGraph: true });
    const first = gradientOf(x);
    expect(numbers(first)).toEqual([3, 12]);
    expect(first?.requiresGrad).toBe(true);
    x.grad = null;
    first?.mul(first).sum().backward();
    // d/dx (3x²)² = 36x³
    expect(numbers(x.grad)).toEqual([36, 288]);
    x.zeroGrad();
    x.pow(2).sum().backward();
    expect(gradientOf(x)?.requiresGrad).toBe(false);
    expect(numbers(x.grad)).toEqual([2, 4]);
  });

  describe("says what to do", () => {
    test("where there is nothing to differentiate", () => {
      expect(() => tensor([1, 2], { dtype: "int32" }).sum().backward()).toThrow(
        "backward: expected a float value, got int32. Integers and bools have no gradient",
      );
      expect(() => x.argmax().backward()).toThrow("backward: expected a float value, got int32");
      expect(() => tensor([1, 2], { dtype: "int32" }).requiresGrad_()).toThrow(
        'requiresGrad: expected a float tensor, got int32. Cast it with .to("float32")',
      );
      const reason = "expected a value that depends on a tensor with requiresGrad, got one that does not";
      expect(() => tensor(1).mul(2).backward()).toThrow(reason);
      expect(() => noGrad(() => x.sum()).backward()).toThrow("Were the inputs made under noGrad, or detached?");
      expect(() => x.detach().sum().backward()).toThrow(reason);
      expect(() => grad((a: Tensor) => a.sum())(tensor([1, 2], { dtype: "int32" }))).toThrow(
        'Name the others in the positions, or convert it with .to("float32")',
      );
    });
    test("where the cotangent is missing or does not fit", () => {
      expect(() => x.mul(2).backward()).toThrow(
        "backward: expected a scalar, got shape [2]. Reduce it (.sum(), .mean()) or pass the cotangent: backward(gradient)",
      );
      expect(() => x.mul(2).backward(tensor([1]))).toThrow("backward: expected a gradient of shape [2], got [1]");
    });
  });
  test("a loop of backward passes compiles once", () => {
    const step = (): void => {
      x.zeroGrad();
      x.mul(x).sum().backward();
      numbers(x.grad);
    };
    step();
    const { plansCompiled } = engineStatistics();
    for (let i = 0; i < 5; i++) step();
    expect(engineStatistics().plansCompiled).toBe(plansCompiled);
  });
});
