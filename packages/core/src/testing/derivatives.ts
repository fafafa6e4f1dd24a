// Do the derivatives of a function of nodes agree with differences, with each other, and with a loop over a batch?

import { forward } from "../autodiff/forward.ts";
import { reverse } from "../autodiff/reverse.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { sizeOf } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { nodeOf, samples, valuesOf } from "./nodes.ts";

export type NodeFunction = (...xs: Node[]) => Node;

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a));

/** Throws where two lists differ by more than `tolerance` relative to their size. */
export function expectClose(
  what: string,
  actual: readonly number[],
  expected: readonly number[],
  tolerance: number,
): void {
  if (actual.length !== expected.length)
    throw new Error(`${what}: ${actual.length} numbers, expected ${expected.length}`);
  const scale = Math.max(1, norm(expected));
  actual.forEach((x, i) => {
    const y = expected[i] ?? Number.NaN;
    if (!(Math.abs(x - y) <= tolerance * scale) && !(Number.isNaN(x) && Number.isNaN(y)) && x !== y)
      throw new Error(`${what}: element ${i} is ${x}, expected ${y}\n  got      ${actual}\n  expected ${expected}`);
  });
}

/** The weighted sum of a float result: a scalar function to take the gradient of. */
const weigh = (y: Node, weights: readonly number[]): Node =>
  builder.sum(
    builder.mul(y, nodeOf(y.shape, weights)),
    y.shape.map((_, i) => i),
  );

/**
 * For float64 leaves `xs`: gradient against central differences, ⟨u, J·v⟩ by both modes, gradients of the gradient in
 * both modes, and vectorization against a loop, of the function and of its gradient. Integer leaves are kept as they are.
 */
export function checkDerivatives(f: NodeFunction, xs: readonly Node[], tolerance = 1e-6): void {
  checkGradient(f, xs, tolerance);
  checkBatch(f, xs, tolerance);
  const gradient: NodeFunction = (...inputs) => gradientOf(f, inputs);
  checkGradient(gradient, xs, tolerance * 10);
  checkBatch(gradient, xs, tolerance);
}

/** All gradients of a weighted sum of f, as one flat node. */
export function gradientOf(f: NodeFunction, inputs: readonly Node[]): Node {
  const y = f(...inputs);
  const floats = inputs.filter((x) => x.dtype === "float64");
  const cotangent = nodeOf(y.shape, samples(sizeOf(y.shape), 5), "float64", { device: y.device });
  const grads = reverse(builder, [y], [cotangent], floats);
  let total: Node | null = null;
  grads.forEach((g, i) => {
    if (!g) return;
    // Squares keep the sum nonlinear in the gradient, so that second derivatives are seen.
    const part = builder.sum(
      builder.mul(g, builder.mul(g, nodeOf(g.shape, samples(sizeOf(g.shape), 7 + i), "float64", { device: g.device }))),
      g.shape.map((_, axis) => axis),
    );
    total = total ? builder.add(total, part) : part;
  });
  return total ?? builder.fill(0, [], y);
}

function checkGradient(f: NodeFunction, xs: readonly Node[], tolerance: number): void {
  const floats = xs.filter((x) => x.dtype === "float64");
  const y = f(...xs);
  const count = sizeOf(y.shape);
  const u = samples(count, 11);
  const grads = reverse(builder, [y], [nodeOf(y.shape, u)], floats);
  const directions = floats.map((x, i) => samples(sizeOf(x.shape), 13 + i));
  const [tangent] = forward(
    builder,
    [y],
    floats,
    floats.map((x, i) => nodeOf(x.shape, directions[i] ?? [])),
  );
  const gradients = grads.map((g, i) => (g ? valuesOf(g) : new Array<number>(sizeOf(floats[i]?.shape ?? [])).fill(0)));
  grads.forEach((g, i) => {
    if (g && `${g.shape}` !== `${floats[i]?.shape}`)
      throw new Error(`gradient ${i} has shape ${g.shape}, expected ${floats[i]?.shape}`);
  });
  if (tangent && `${tangent.shape}` !== `${y.shape}`)
    throw new Error(`tangent has shape ${tangent.shape}, expected ${y.shape}`);
  const moved = tangent ? dot(u, valuesOf(tangent)) : 0;
  const pulled = gradients.reduce((sum, g, i) => sum + dot(g, directions[i] ?? []), 0);
  expectClose("⟨u, J·v⟩ forward against reverse", [moved], [pulled], 1e-10);
  floats.forEach((x, i) => {
    const data = valuesOf(x);
    const at = (index: number, delta: number): number => {
      const shifted = nodeOf(x.shape, data.with(index, (data[index] ?? 0) + delta));
      return valuesOf(weigh(f(...xs.map((other) => (other === x ? shifted : other))), u))[0] ?? Number.NaN;
    };
    const h = 1e-5;
    const slopes = data.map((_, index) => (at(index, h) - at(index, -h)) / (2 * h));
    expectClose(`gradient of input ${i}`, gradients[i] ?? [], slopes, tolerance);
  });
}

/** f over a batch of three, by `vectorize` and one by one; each float input batched alone, and all together. */
export function checkBatch(f: NodeFunction, xs: readonly Node[], tolerance: number): void {
  const size = 3;
  const every = xs.map((_, i) => i);
  for (const chosen of xs.length > 1 ? [...every.map((i) => [i]), every] : [every]) {
    const examples = chosen.map((i) => {
      const x = xs[i];
      if (!x) throw new Error("no such input");
      // Integer inputs, such as indices, must stay in range: the batch repeats them in another order.
      const base = valuesOf(x);
      return Array.from({ length: size }, (_, k) =>
        x.dtype === "float64"
          ? base.map((v, j) => v * (1 + 0.1 * k) + 0.01 * k * Math.cos(j))
          : k === 1
            ? base.toReversed()
            : base,
      );
    });
    const mapped = chosen.flatMap((i) => xs[i] ?? []);
    const batched = mapped.map((x, j) =>
      nodeOf([size, ...x.shape], examples[j]?.flat() ?? [], x.dtype, { device: x.device }),
    );
    const [y] = vectorize(builder, [f(...xs)], mapped, batched, size);
    if (!y) throw new Error("vectorize returned nothing");
    const one = (k: number): number[] =>
      valuesOf(
        f(
          ...xs.map((x, i) =>
            chosen.includes(i)
              ? nodeOf(x.shape, examples[chosen.indexOf(i)]?.[k] ?? [], x.dtype, { device: x.device })
              : x,
          ),
        ),
      );
    const looped = Array.from({ length: size }, (_, k) => one(k)).flat();
    expectClose(`vectorized over inputs ${chosen}`, valuesOf(y), looped, tolerance);
  }
}
