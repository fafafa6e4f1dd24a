// A step that fails leaves everything as it was: parameters, state, memory, and the steps after it.
import { describe, expect, it } from "vitest";
import { DeviceError, DTypeError, IndexError, ShapeError } from "../base/errors.ts";
import { embedding, gather } from "../functions/gather.ts";
import { logSoftmax } from "../functions/softmax.ts";
import { deviceNamed, deviceNames } from "../runtime/devices.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { update } from "../tensor/update.ts";
import { seededValues } from "../testing/seeded-values.ts";

const rows = 5;

interface State {
  readonly table: Tensor;
  readonly momentum: Tensor;
}

const start = (device: string): State => ({
  table: seededValues([rows, 4], { device, requiresGrad: true }),
  momentum: seededValues([rows, 4], { device, seed: 2 }),
});

const numbers = (device: string, list: readonly number[]): Tensor =>
  tensor([...list], { dtype: "int32", shape: [list.length, 1], device });

/** The loss of a lookup and a classification: ids name rows of the table, labels name classes. */
function lossOf({ table }: State, ids: Tensor, labels: Tensor): Tensor {
  const logits = embedding(table, ids).reshape([-1, 4]);
  return gather(logSoftmax(logits), labels).mean().neg();
}

/** One step of gradient descent with momentum, which is updated in place. */
function train(state: State, ids: Tensor, labels: Tensor): Tensor {
  const { table, momentum } = state;
  table.zeroGrad();
  const loss = lossOf(state, ids, labels);
  loss.backward();
  if (!table.grad) throw new Error("no gradient");
  const next = momentum.mul(0.9).add(table.grad);
  update([
    { target: momentum, value: next, inPlace: true },
    { target: table, value: table.detach().sub(next.mul(0.1)) },
  ]);
  return loss;
}

const values = ({ table, momentum }: State): number[][] => [[...table.dataSync()], [...momentum.dataSync()]];

describe.each(deviceNames())("on %s", (device) => {
  const ids = numbers(device, [0, 3, 4]);
  const labels = numbers(device, [1, 0, 3]);
  const failures: readonly (readonly [string, Tensor, Tensor, string])[] = [
    ["a label too large", ids, numbers(device, [1, 4, 3]), "gather: index 4 is out of range for size 4"],
    ["a negative label", ids, numbers(device, [1, 0, -1]), "gather: index -1 is out of range for size 4"],
    ["an id too large", numbers(device, [0, 5, 4]), labels, "embedding: index 5 is out of range for size 5"],
  ];

  it.each(failures)("%s fails the step and changes nothing", (_, badIds, badLabels, message) => {
    const [state, untroubled] = [start(device), start(device)];
    train(state, ids, labels);
    train(untroubled, ids, labels);
    const before = values(state);
    expect(() => train(state, badIds, badLabels)).toThrow(new IndexError(message));
    expect(values(state)).toEqual(before);
    // The steps after it are those that would have come without it.
    train(state, ids, labels);
    train(untroubled, ids, labels);
    expect(values(state)).toEqual(values(untroubled));
  });

  it.each(failures)("%s fails the reading of the loss, and no later step", (_, badIds, badLabels, message) => {
    const [state, untroubled] = [start(device), start(device)];
    const loss = lossOf(state, badIds, badLabels);
    expect(() => loss.itemSync()).toThrow(new IndexError(message));
    expect(() => loss.itemSync()).toThrow(new IndexError(message));
    expect(train(state, ids, labels).itemSync()).toBe(train(untroubled, ids, labels).itemSync());
    expect(values(state)).toEqual(values(untroubled));
  });

  it("a hundred failures hold no memory", () => {
    const state = start(device);
    train(state, ids, labels);
    train(state, ids, labels);
    state.table.zeroGrad();
    const bad = numbers(device, [9, 9, 9]);
    const held = deviceNamed(device).allocatedBytes;
    for (let i = 0; i < 100; i++) expect(() => train(state, bad, labels)).toThrow(IndexError);
    state.table.zeroGrad();
    expect(deviceNamed(device).allocatedBytes).toBe(held);
  });

  it("values of another shape or dtype are refused before anything is computed", () => {
    const [a, b] = [seededValues([2], { device }), seededValues([3], { device })];
    const before = [...a.dataSync()];
    const wrong =
      (value: Tensor): (() => void) =>
      () =>
        update([
          { target: a, value: a.mul(2) },
          { target: b, value },
        ]);
    expect(wrong(a.add(1))).toThrow(new ShapeError("assign: expected shape [3], got [2]"));
    expect(wrong(b.gt(0))).toThrow(
      new DTypeError('assign: expected float32, got bool. Convert it with .to("float32")'),
    );
    expect([...a.dataSync()]).toEqual(before);
  });
});

describe("two devices", () => {
  const [first = "", second = ""] = deviceNames();
  const [a, b] = [seededValues([2], { device: first }), seededValues([2], { device: second })];

  it("do not meet in an operation", () => {
    const message = `add: expected tensors on one device, got ${first} and ${second}. Move one with .to("${first}")`;
    expect(() => a.add(b)).toThrow(new DeviceError(message));
    expect([...a.add(b.to(first)).dataSync()]).toEqual([...a.dataSync()].map((x) => Math.fround(2 * x)));
  });

  it("do not meet in an update, which then changes neither", () => {
    const before = [[...a.dataSync()], [...b.dataSync()]];
    const both = (): void =>
      update([
        { target: a, value: a.mul(2) },
        { target: b, value: b.mul(2) },
      ]);
    expect(both).toThrow(DeviceError);
    expect([[...a.dataSync()], [...b.dataSync()]]).toEqual(before);
  });
});
