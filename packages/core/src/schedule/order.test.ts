// The order of kernels: what is to come late comes late, and buffers live short. Every plan is verified to be in order.
import { expect, test } from "vitest";
import { planFor } from "../engine/engine.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { after } from "../ops/control.ts";
import { nodeOf, samples, valuesOf } from "../testing/nodes.ts";

const n = 8;
const matrix = (seed: number): Node => nodeOf([n, n], samples(n * n, seed));
const pairs = { batchA: [], batchB: [], contractA: [1], contractB: [0] };
const product = (x: Node, y: Node): Node => b.contract(x, y, pairs);
const squares = (bytes: number): number => bytes / (n * n * 8);

test("what many values are folded into does not wait until all of them are there", () => {
  let total = product(matrix(0), matrix(1));
  for (let i = 1; i < 12; i++) total = product(total, product(matrix(2 * i), matrix(2 * i + 1)));
  const plan = planFor([total]);
  expect(squares(plan.scratchBytes)).toBeLessThanOrEqual(3);
});

test("products of values that a chain leaves behind are computed as the chain goes", () => {
  const [x, w] = [matrix(1), matrix(2)];
  const side: Node[] = [];
  let chain = x;
  for (let i = 0; i < 12; i++) {
    chain = product(chain, w);
    side.push(product(chain, x));
  }
  // The last of the side comes first: its whole chain is needed at once.
  const plan = planFor([chain, ...side.toReversed()]);
  expect(squares(plan.scratchBytes)).toBeLessThanOrEqual(3);
});

test("a sum of products adds each of them up as it is computed, in one buffer", () => {
  const pairsOf = Array.from({ length: 12 }, (_, i) => [matrix(2 * i), matrix(2 * i + 1)] as const);
  const [first, ...rest] = pairsOf.map(([x, y]) => b.permute(product(x, y), [1, 0]));
  if (!first) throw new Error("expected products");
  const total = rest.reduce((sum, x) => b.add(sum, x), first);
  const plan = planFor([b.exp(total)]);
  expect(plan.kernels.map(({ form }) => form)).toEqual(pairsOf.map(() => "contract"));
  expect(squares(plan.scratchBytes)).toBeLessThanOrEqual(2);
  const exact = new Float64Array(n * n);
  for (const [x, y] of pairsOf) {
    const [p, q] = [valuesOf(x), valuesOf(y)];
    for (let i = 0; i < n * n; i++)
      for (let k = 0; k < n; k++)
        exact[i] = (exact[i] ?? 0) + (p[(i % n) * n + k] ?? 0) * (q[k * n + Math.floor(i / n)] ?? 0);
  }
  valuesOf(total).forEach((x, i) => {
    expect(x).toBeCloseTo(exact[i] ?? Number.NaN, 12);
  });
});

test("a value that waits is computed again, and after what it waits for", () => {
  const [x, w] = [matrix(1), matrix(2)];
  const first = product(b.exp(product(x, w)), w);
  const late = makeNode(after, [x, b.sum(first, [0, 1])]);
  const again = product(b.exp(product(late, w)), w);
  const plan = planFor([b.add(b.sum(first, [0, 1]), b.sum(again, [0, 1]))]);
  expect(plan.kernels.filter(({ form }) => form === "contract").length).toBe(4);
  expect(squares(plan.scratchBytes)).toBeLessThan(3);
  const [total] = valuesOf(b.sub(b.sum(first, [0, 1]), b.sum(again, [0, 1])));
  expect(total).toBe(0);
});

test("what waits is not computed together with what came before", () => {
  const x = matrix(1);
  const y = b.exp(x);
  const late = makeNode(after, [x, b.sum(y, [0, 1])]);
  const plan = planFor([b.sum(y, [0, 1]), b.exp(late)]);
  expect(plan.kernels.length).toBe(2);
});
