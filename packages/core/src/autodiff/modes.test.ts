// Every kind of record through reverse mode, forward mode, second order and vectorization.
import { describe, expect, test } from "vitest";
import { type Attrs, makeNode, type Node, noAttrs } from "../graph/node.ts";
import type { Elementwise, Linear, Op } from "../graph/rules.ts";
import { topological } from "../graph/walk.ts";
import * as activation from "../ops/activation.ts";
import * as arithmetic from "../ops/arithmetic.ts";
import { builder as b } from "../ops/builder.ts";
import { stopGradient } from "../ops/cast.ts";
import { maximum, minimum, select } from "../ops/compare.ts";
import { contract } from "../ops/contract.ts";
import { conv, convFilter } from "../ops/conv.ts";
import { put, putAlong, take, takeAlong } from "../ops/gather.ts";
import { join } from "../ops/join.ts";
import * as reduce from "../ops/reduce.ts";
import * as transcendental from "../ops/transcendental.ts";
import { padWith, permute } from "../ops/view.ts";
import { checkDerivatives, expectClose, type NodeFunction } from "../testing/derivatives.ts";
import { nodeOf, samples, valuesOf } from "../testing/nodes.ts";
import { dependents } from "./dependents.ts";
import { forward } from "./forward.ts";
import { reverse } from "./reverse.ts";
import { vectorize } from "./vectorize.ts";

const random = (shape: readonly number[], seed = 1, scale = 1, offset = 0): Node =>
  nodeOf(
    shape,
    samples(
      shape.reduce((n, x) => n * x, 1),
      seed,
    ).map((x) => x * scale + offset),
  );

const of =
  (op: Op, attrs: Attrs = noAttrs): NodeFunction =>
  (...xs) =>
    makeNode(op, xs, attrs);

const cases: Record<string, [NodeFunction, Node[]]> = {
  "add, broadcast": [of(arithmetic.add), [random([2, 3], 1), random([3], 2)]],
  "sub, broadcast both ways": [of(arithmetic.sub), [random([2, 1], 1), random([1, 3], 2)]],
  "mul, scalar": [of(arithmetic.mul), [random([], 1), random([2, 2], 2)]],
  "mul of one variable": [(x = b.num(0, random([]))) => b.mul(x, b.mul(x, x)), [random([3])]],
  "div, broadcast": [of(arithmetic.div), [random([3], 1), random([2, 1], 2, 0.4, 2)]],
  pow: [of(transcendental.pow), [random([3], 1, 0.5, 1.5), random([2, 1], 2, 1, 2)]],
  atan2: [of(transcendental.atan2), [random([3], 1), random([3], 2)]],
  sin: [of(transcendental.sin), [random([2, 3])]],
  exp: [of(transcendental.exp), [random([3])]],
  log: [of(transcendental.log), [random([3], 1, 0.5, 1.5)]],
  tanh: [of(transcendental.tanh), [random([3])]],
  sigmoid: [of(activation.sigmoid), [random([3], 1, 4)]],
  softplus: [of(activation.softplus), [random([3], 1, 4)]],
  logSigmoid: [of(activation.logSigmoid), [random([3], 1, 4)]],
  gelu: [of(activation.gelu), [random([3], 1, 2)]],
  geluTanh: [of(activation.geluTanh), [random([3], 1, 2)]],
  relu: [of(activation.relu), [random([2, 3])]],
  maximum: [of(maximum), [random([3], 1), random([2, 3], 2)]],
  minimum: [of(minimum), [random([3], 1), random([2, 3], 2)]],
  where: [of(select), [nodeOf([3], [1, 0, 1], "bool"), random([2, 3], 1), random([], 2)]],
  cast: [(x = random([])) => b.mul(b.cast(b.cast(x, "int32"), "float64"), x), [random([3], 1, 5)]],
  reshape: [(x = random([])) => b.reshape(b.mul(x, x), [3, 2]), [random([2, 3])]],
  permute: [(x = random([])) => b.permute(b.mul(x, x), [2, 0, 1]), [random([2, 3, 2])]],
  expand: [(x = random([])) => b.expand(b.mul(x, x), [2, 3, 2]), [random([3, 1])]],
  "slice, steps and flips": [(x = random([])) => b.slice(b.mul(x, x), [1, 5], [1, -2], [2, 3]), [random([3, 7])]],
  "slice of nothing": [(x = random([])) => b.slice(b.mul(x, x), [0, 2], [1, 1], [2, 0]), [random([2, 3])]],
  "pad, interior": [(x = random([])) => b.pad(b.mul(x, x), [1, 0], [0, 2], [1, 3]), [random([2, 3])]],
  padWith: [
    (x = random([])) => makeNode(padWith, [b.mul(x, x)], { low: [1], high: [2], interior: [1], fill: -3 }),
    [random([3])],
  ],
  "windows, overlapping": [
    (x = random([])) => b.windows(b.mul(x, x), { axes: [1, 2], size: [2, 3], step: [1, 2], dilation: [2, 1] }),
    [random([2, 5, 6])],
  ],
  "windows, apart": [
    (x = random([])) => b.windows(b.mul(x, x), { axes: [0, 1], size: [2, 2], step: [2, 3], dilation: [1, 1] }),
    [random([5, 9])],
  ],
  "fold, overlapping": [
    (x = random([])) => b.fold(b.mul(x, x), { axes: [1], size: [3], step: [2], dilation: [1], shape: [2, 8] }),
    [random([2, 3, 3])],
  ],
  "fold, apart, with remainder": [
    (x = random([])) => b.fold(b.mul(x, x), { axes: [0], size: [2], step: [3], dilation: [1], shape: [9, 2] }),
    [random([3, 2, 2])],
  ],
  sum: [(x = random([])) => b.sum(b.mul(x, x), [0, 2]), [random([2, 3, 2])]],
  prod: [of(reduce.prod, { axes: [1] }), [random([2, 5], 1, 1, 0.5)]],
  "prod with zeros": [
    of(reduce.prod, { axes: [0, 2] }),
    [nodeOf([2, 2, 3], [0, 1.5, 2, 3, -1, 0.5, 0.7, 1.1, -2, 0, 2, 0])],
  ],
  "prod of everything": [of(reduce.prod, { axes: [0] }), [nodeOf([4], [2, 0, 3, -1])]],
  "max, shared": [of(reduce.max, { axes: [1], ties: "share" }), [random([3, 4])]],
  "max, first": [of(reduce.max, { axes: [0, 2], ties: "first" }), [random([3, 2, 2])]],
  "min, shared": [of(reduce.min, { axes: [0], ties: "share" }), [random([3, 4])]],
  join: [of(join, { axis: 1 }), [random([2, 3], 1), random([2, 0], 2), random([2, 2], 3)]],
  "matmul [m, k] [k, n]": [
    of(contract, { batchA: [], batchB: [], contractA: [1], contractB: [0] }),
    [random([2, 3], 1), random([3, 4], 2)],
  ],
  "matmul, both transposed": [
    of(contract, { batchA: [], batchB: [], contractA: [0], contractB: [1] }),
    [random([3, 2], 1), random([4, 3], 2)],
  ],
  "contract, batch and sums in other orders": [
    of(contract, { batchA: [1], batchB: [2], contractA: [0, 3], contractB: [1, 0] }),
    [random([3, 2, 2, 4], 1), random([4, 3, 2, 2], 2)],
  ],
  "contract, two batches crossed": [
    of(contract, { batchA: [2, 0], batchB: [0, 1], contractA: [1], contractB: [2] }),
    [random([2, 2, 3], 1), random([3, 2, 2], 2)],
  ],
  dot: [of(contract, { batchA: [], batchB: [], contractA: [0], contractB: [0] }), [random([4], 1), random([4], 2)]],
  outer: [of(contract, { batchA: [], batchB: [], contractA: [], contractB: [] }), [random([2], 1), random([3], 2)]],
  conv1d: [
    of(conv, { stride: [1], dilation: [1], groups: 1, low: [0], high: [0] }),
    [random([2, 2, 5], 1), random([3, 2, 3], 2)],
  ],
  "conv1d, stride with remainder": [
    of(conv, { stride: [2], dilation: [1], groups: 1, low: [0], high: [0] }),
    [random([1, 2, 6], 1), random([2, 2, 3], 2)],
  ],
  "conv2d, stride, dilation, groups": [
    of(conv, { stride: [2, 1], dilation: [1, 2], groups: 2, low: [0, 0], high: [0, 0] }),
    [random([2, 4, 4, 5], 1), random([4, 2, 2, 2], 2)],
  ],
  "conv2d, stride beyond the kernel": [
    of(conv, { stride: [3, 2], dilation: [1, 1], groups: 2, low: [0, 0], high: [0, 0] }),
    [random([2, 2, 5, 4], 1), random([2, 1, 2, 1], 2)],
  ],
  "conv2d, one channel": [
    of(conv, { stride: [1, 2], dilation: [2, 1], groups: 1, low: [0, 0], high: [0, 0] }),
    [random([2, 1, 5, 4], 1), random([1, 1, 2, 2], 2)],
  ],
  "conv2d, depthwise": [
    of(conv, { stride: [1, 1], dilation: [1, 1], groups: 3, low: [0, 0], high: [0, 0] }),
    [random([1, 3, 3, 3], 1), random([3, 1, 2, 2], 2)],
  ],
  conv3d: [
    of(conv, { stride: [1, 2, 1], dilation: [1, 1, 1], groups: 1, low: [0, 0, 0], high: [0, 0, 0] }),
    [random([1, 1, 2, 3, 2], 1), random([2, 1, 2, 2, 1], 2)],
  ],
  take: [of(take, { axis: 1, batch: 0, what: "take" }), [random([2, 3, 2]), nodeOf([4], [2, 0, 2, 1], "int32")]],
  put: [of(put, { axis: 1, batch: 0, what: "put", size: 3 }), [random([2, 4]), nodeOf([4], [2, 0, 2, 1], "int32")]],
  takeAlong: [of(takeAlong, { axis: 0, what: "gather" }), [random([3, 2]), nodeOf([2, 2], [2, 0, 1, 2], "int32")]],
  putAlong: [
    of(putAlong, { axis: 0, what: "scatter", size: 3 }),
    [random([2, 2]), nodeOf([2, 2], [2, 0, 2, 1], "int32")],
  ],
};

describe("derivatives and batches of every record", () => {
  test.each(Object.entries(cases))("%s", (_, [f, xs]) => checkDerivatives(f, xs));
});

describe("the check itself", () => {
  const wrong = (changes: Partial<Linear>): NodeFunction => of({ ...permute, ...changes }, { axes: [1, 0] });
  const square = [random([2, 2])];
  test("notices a wrong transpose", () => {
    expect(() => checkDerivatives(wrong({ transpose: (_, g) => g }), square)).toThrow("forward against reverse");
  });
  test("notices a wrong batch rule", () => {
    expect(() => checkDerivatives(wrong({ batch: (_, _attrs, [x]) => x ?? b.num(0, random([])) }), square)).toThrow(
      "vectorized",
    );
  });
  test("notices a formula that is wrong in both modes", () => {
    const slip: Elementwise = { ...transcendental.sin, partials: () => [(a, g, _, x) => a.mul(g, a.sin(x))] };
    expect(() => checkDerivatives(of(slip), square)).toThrow("gradient of input 0");
  });
});

describe("reverse", () => {
  const x = random([3], 1);
  const ones = b.fill(1, [3], x);
  const gradients = (y: Node, ...wrt: Node[]): (number[] | null)[] =>
    reverse(b, [y], [b.fill(1, y.shape, y)], wrt).map((g) => g && valuesOf(g));

  test("adds up what the users of a branching variable contribute", () => {
    const y = b.add(b.mul(x, x), b.sin(x));
    expect(gradients(y, x)[0]).toEqual(valuesOf(x).map((v) => v + v + Math.cos(v)));
  });
  test("is null where the root does not depend on the variable", () => {
    const floored = b.floor(x);
    expect(gradients(floored, random([3], 2), x)).toEqual([null, null]);
    expect(gradients(b.cast(b.cast(x, "int32"), "float64"), x)).toEqual([null]);
    expect(gradients(makeNode(stopGradient, [x]), x)).toEqual([null]);
    expect(gradients(b.mul(makeNode(stopGradient, [x]), x), x)).toEqual([valuesOf(x)]);
  });
  test("gives gradients of intermediates and of the root itself", () => {
    const middle = b.exp(x);
    const y = b.mul(middle, x);
    const expected = valuesOf(x).map((v) => Math.exp(v) * v + Math.exp(v));
    const [root, inner, outer] = gradients(y, y, middle, x);
    expect(root).toEqual([1, 1, 1]);
    expect(inner).toEqual(valuesOf(x));
    expectClose("x", outer ?? [], expected, 1e-12);
  });
  test("several roots pull together, the same root twice too", () => {
    const y = b.sin(x);
    const [g] = reverse(b, [y, b.neg(x), y], [ones, ones, ones], [x]);
    expectClose(
      "x",
      g ? valuesOf(g) : [],
      valuesOf(x).map((v) => 2 * Math.cos(v) - 1),
      1e-12,
    );
  });
  test("a graph of 100 000 nodes does not overflow the stack", () => {
    let y = x;
    for (let i = 0; i < 100_000; i++) y = b.neg(y);
    expect(reverse(b, [y], [ones], [x])[0]).not.toBeNull();
    expect(forward(b, [y], [x], [ones])[0]).not.toBeNull();
    expect(vectorize(b, [y], [x], [b.expand(x, [2, 3])], 2)[0]?.shape).toEqual([2, 3]);
  });
  test("visits nothing below the variables", () => {
    let deep = x;
    for (let i = 0; i < 1000; i++) deep = b.sin(deep);
    expect(dependents([b.exp(deep)], [deep]).size).toBe(2);
  });
});

describe("forward", () => {
  const x = random([3], 1);
  test("is null where nothing moves, and the tangent itself for a variable that is a root", () => {
    const dx = random([3], 2);
    const [still, itself] = forward(b, [b.floor(x), x], [x], [dx]);
    expect(still).toBeNull();
    expect(itself).toBe(dx);
  });
  test("join with a part that does not move", () => {
    const [t] = forward(b, [makeNode(join, [x, random([1], 3)], { axis: 0 })], [x], [b.fill(2, [3], x)]);
    expect(t && valuesOf(t)).toEqual([2, 2, 2, 0]);
  });
});

describe("vectorize", () => {
  test("roots that do not depend on the batch are repeated", () => {
    const x = random([2], 1);
    const [y] = vectorize(b, [b.neg(x)], [random([], 2)], [random([3], 3)], 3);
    expect(y && valuesOf(y)).toEqual([...valuesOf(x), ...valuesOf(x), ...valuesOf(x)].map((v) => -v));
  });
  test("a weight that all examples share is not copied for each", () => {
    const x = random([1, 2, 4], 1);
    const w = random([2, 2, 2], 2);
    const y = makeNode(conv, [x, w], { stride: [1], dilation: [1], groups: 1, low: [0], high: [0] });
    const [batched] = vectorize(b, [y], [x], [random([5, 1, 2, 4], 3)], 5);
    const convs = topological(batched ? [batched] : []).filter((node) => node.op === conv);
    expect(convs.map((node) => node.attrs.groups)).toEqual([1]);
  });
  test("an input that all examples share is not copied for each in a gradient by the weight", () => {
    const attrs = { stride: [2], dilation: [1], groups: 2, low: [1], high: [0], kernel: [2] };
    const g = random([3, 4, 3], 1);
    const x = random([3, 2, 5], 2);
    const gs = random([5, 3, 4, 3], 3);
    const [batched] = vectorize(b, [makeNode(convFilter, [g, x], attrs)], [g], [gs], 5);
    const filters = topological(batched ? [batched] : []).filter((node) => node.op === convFilter);
    expect(filters.map((node) => node.attrs.groups)).toEqual([2]);
    const each = [0, 1, 2, 3, 4].flatMap((i) => {
      const one = b.reshape(b.slice(gs, [i, 0, 0, 0], [1, 1, 1, 1], [1, 3, 4, 3]), [3, 4, 3]);
      return valuesOf(makeNode(convFilter, [one, x], attrs));
    });
    expect(batched && valuesOf(batched)).toEqual(each);
  });
});
