import { describe, expect, it } from "vitest";
import { engineStatistics } from "../engine/engine.ts";
import { startRecording, stopRecording } from "../engine/profiling.ts";
import { noGrad } from "../functions/evaluate.ts";
import { embedding } from "../functions/gather.ts";
import { tensor } from "./create.ts";
import type { Tensor } from "./tensor.ts";
import { update } from "./update.ts";

const device = "reference";
const weights = (): Tensor =>
  tensor(
    [
      [1, -2],
      [3, 0.5],
      [0, 1],
    ],
    { requiresGrad: true, device },
  );
const inputs = (): Tensor =>
  tensor(
    [
      [1, 2, 3],
      [-1, 0, 2],
    ],
    { device },
  );
const lossOf = (x: Tensor, w: Tensor): Tensor => x.matmul(w).tanh().mul(2).sum();
const step = (w: Tensor, rate: number): void => {
  if (w.grad) update([{ target: w, value: w.detach().sub(w.grad.mul(rate)) }]);
};

describe("backward", () => {
  it("fills grad, adds up over calls, and starts anew after zeroGrad", async () => {
    const w = tensor([1, 2], { requiresGrad: true, device });
    w.mul(w).sum().backward();
    expect(await w.grad?.toArray()).toEqual([2, 4]);
    w.mul(3).sum().backward();
    expect(await w.grad?.toArray()).toEqual([5, 7]);
    w.zeroGrad();
    expect(w.grad).toBeNull();
    w.mul(3).sum().backward();
    expect(await w.grad?.toArray()).toEqual([3, 3]);
  });

  it("takes a cotangent for values that are not scalars", async () => {
    const w = tensor([1, 2], { requiresGrad: true, device });
    w.mul(w).backward(tensor([1, 10], { device }));
    expect(await w.grad?.toArray()).toEqual([2, 40]);
  });

  it("says what is wrong", () => {
    const w = tensor([1, 2], { requiresGrad: true, device });
    expect(() => w.mul(2).backward()).toThrow("backward: expected a scalar, got shape [2]");
    expect(() => tensor(1, { device }).mul(2).backward()).toThrow("depends on a tensor with requiresGrad");
    expect(() => w.mul(2).backward(tensor([1], { device }))).toThrow("expected a gradient of shape [2], got [1]");
    expect(() => w.detach().sum().backward()).toThrow("detached");
  });

  it("gives each leaf a gradient of its own: zeroGrad takes nobody else's values along", () => {
    const w = tensor(2, { requiresGrad: true });
    const x = tensor(3);
    w.mul(x).backward();
    expect(w.grad?.itemSync()).toBe(3);
    w.zeroGrad();
    expect(x.itemSync()).toBe(3);
    const [a, b] = [tensor([2], { requiresGrad: true }), tensor([3], { requiresGrad: true })];
    a.add(b).sum().backward();
    expect(a.grad?.toArraySync()).toEqual([1]);
    a.zeroGrad();
    expect(b.grad?.toArraySync()).toEqual([1]);
  });

  it("does not go through what was built under noGrad, computed or not", () => {
    for (const isComputed of [false, true]) {
      const w = tensor(3, { requiresGrad: true });
      const square = noGrad(() => w.mul(w));
      if (isComputed) square.itemSync();
      w.mul(square).backward();
      expect(w.grad?.itemSync()).toBe(9);
      const gradient = w.grad as Tensor;
      w.zeroGrad();
      w.mul(w).backward();
      const again = w.grad as Tensor;
      w.zeroGrad();
      // A gradient that records none is a constant.
      w.mul(again).backward();
      expect([again.itemSync(), w.grad?.itemSync()]).toEqual([6, 6]);
      expect(() => gradient.itemSync()).toThrow("zeroGrad");
    }
  });

  it("keeps no handle to a gradient alive past zeroGrad, and says so", () => {
    const w = tensor([1, 2], { requiresGrad: true, device });
    w.mul(w).sum().backward();
    const { grad } = w;
    expect([...(grad?.dataSync() ?? [])]).toEqual([2, 4]);
    w.zeroGrad();
    expect(() => grad?.dataSync()).toThrow(
      "zeroGrad() has given the gradient's memory back. Read it before, or keep a copy",
    );
  });
});

describe("a training step", () => {
  const kernels = (body: () => void): number => {
    const before = engineStatistics().kernels;
    body();
    return engineStatistics().kernels - before;
  };

  it("computes loss, gradients and update in one run", () => {
    const [x, w] = [inputs(), weights()];
    const { runs } = engineStatistics();
    const loss = lossOf(x, w);
    loss.backward();
    step(w, 0.1);
    expect(engineStatistics().runs).toBe(runs + 1);
    expect(loss.itemSync()).toBeCloseTo(2 * (Math.tanh(7) + Math.tanh(2) + Math.tanh(-1) + Math.tanh(4)), 6);
    expect(w.grad?.dataSync().length).toBe(6);
    expect(engineStatistics().runs).toBe(runs + 1);
  });

  it("runs no second forward pass where the loss is read before backward", () => {
    const [x, w] = [inputs(), weights()];
    const whole = kernels(() => {
      const loss = lossOf(x, w);
      loss.backward();
      step(w, 0);
    });
    const forward = kernels(() => lossOf(x, w.detach()).itemSync());
    w.zeroGrad();
    const products: number[] = [];
    const parted = kernels(() => {
      const loss = lossOf(x, w);
      products.push(kernels(() => loss.itemSync()));
      loss.backward();
      step(w, 0);
    });
    expect(products[0]).toBeLessThanOrEqual(forward + 1);
    expect(parted).toBeLessThanOrEqual(whole + 1);
  });

  it("keeps the forward pass of a loss that is read in each step, not only the first", () => {
    const [x, w] = [inputs(), weights()];
    const lossAndStep = (): void => {
      const loss = lossOf(x, w);
      loss.itemSync();
      loss.backward();
      step(w, 0.1);
      w.zeroGrad();
    };
    lossAndStep();
    startRecording();
    for (let i = 0; i < 5; i++) lossAndStep();
    const products = stopRecording().kernels.filter(({ dims }) => dims === "2×2 over 3");
    expect(products.reduce((runs, { timesMs }) => runs + timesMs.length, 0)).toBe(5);
  });

  it("compiles once, whatever the learning rate", () => {
    const [x, w] = [inputs(), weights()];
    const train = (rate: number): void => {
      w.zeroGrad();
      lossOf(x, w).backward();
      step(w, rate);
    };
    train(0.1);
    const { plansCompiled } = engineStatistics();
    for (let i = 0; i < 20; i++) train(0.1 / (i + 2));
    expect(engineStatistics().plansCompiled).toBe(plansCompiled);
  });

  it("leaves what was built from the old value readable until the update after", () => {
    const [x, w] = [inputs(), weights()];
    const before = x.matmul(w);
    const expected = [...x.matmul(w.detach()).dataSync()];
    lossOf(x, w).backward();
    step(w, 1);
    expect([...before.dataSync()]).toEqual(expected);
    const late = x.matmul(w);
    step(w, 1);
    step(w, 1);
    expect(() => late.dataSync()).toThrow("two later updates (step() or assign()) have replaced them");
  });

  it("updates state in place with the same numbers", () => {
    const run = (inPlace: boolean): number[] => {
      const [x, w] = [inputs(), weights()];
      const momentum = tensor(new Float32Array(6), { shape: [3, 2], device });
      for (let i = 0; i < 4; i++) {
        w.zeroGrad();
        lossOf(x, w).backward();
        if (!w.grad) continue;
        const next = momentum.mul(0.9).add(w.grad);
        update([
          { target: momentum, value: next, inPlace },
          { target: w, value: w.detach().sub(next.mul(0.01)) },
        ]);
      }
      return [...w.dataSync(), ...momentum.dataSync()];
    };
    expect(run(true)).toEqual(run(false));
  });

  it("changes nothing where an update does not fit", () => {
    const w = weights();
    const before = [...w.dataSync()];
    expect(() => update([{ target: w, value: tensor([1, 2], { device }) }])).toThrow(
      "assign: expected shape [3, 2], got [2]",
    );
    expect([...w.dataSync()]).toEqual(before);
  });
});

describe("assign", () => {
  it("joins the next run", () => {
    const mean = tensor([0, 0], { device });
    const x = tensor([2, 4], { device });
    mean.assign(mean.mul(0.5).add(x.mul(0.5)));
    mean.assign(mean.mul(0.5).add(x.mul(0.5)));
    const { runs } = engineStatistics();
    expect(x.sum().itemSync()).toBe(6);
    expect([...mean.dataSync()]).toEqual([1.5, 3]);
    expect(engineStatistics().runs).toBe(runs + 1);
  });
});

describe("a run that fails", () => {
  const rows = (ids: number[]): Tensor => tensor(Int32Array.from(ids), { device });
  const table = (): Tensor =>
    tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { requiresGrad: true, device },
    );
  const pick = (w: Tensor, ids: number[]): Tensor => embedding(w, rows(ids));

  it("leaves assigned state at its last good value, and the next run sound", () => {
    const w = table();
    const mean = tensor([0, 0], { device });
    const track = (ids: number[]): Tensor => {
      const x = pick(w, ids);
      mean.assign(mean.mul(0.5).add(x.detach().mean({ axis: 0 }).mul(0.5)));
      return x.sum();
    };
    expect(track([0, 1]).itemSync()).toBe(10);
    expect([...mean.dataSync()]).toEqual([1, 1.5]);
    const bad = track([0, 9]);
    expect(() => bad.itemSync()).toThrow("index 9 is out of range");
    expect([...mean.dataSync()]).toEqual([1, 1.5]);
    expect(track([1, 2]).itemSync()).toBe(18);
    expect([...mean.dataSync()]).toEqual([2.5, 3.25]);
  });

  it("does not come back once its gradients are given up", () => {
    const w = table();
    const bad = pick(w, [0, 9]).sum();
    bad.backward();
    w.zeroGrad();
    pick(w, [0, 1]).sum().backward();
    expect([...(w.grad?.dataSync() ?? [])]).toEqual([1, 1, 1, 1, 0, 0]);
  });
});

describe("to", () => {
  it("moves values between devices, and leaves that collect gradients", () => {
    const w = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { requiresGrad: true, device },
    );
    const moved = w.to("wasm");
    expect([moved.device, moved.shape, moved.requiresGrad]).toEqual(["wasm", [2, 2], true]);
    expect([...moved.dataSync()]).toEqual([1, 2, 3, 4]);
    expect(() => moved.add(w)).toThrow(
      'expected tensors on one device, got wasm and reference. Move one with .to("wasm")',
    );
    expect(() => w.mul(2).to("wasm")).toThrow("to: expected a leaf or a detached tensor to move");
    expect(() => w.to("cuda")).toThrow("to: expected a dtype or one of");
    expect(w.to("float64").dtype).toBe("float64");
  });
});
