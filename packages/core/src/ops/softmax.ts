// Softmax and its logarithm along one axis. Their derivatives come from the result alone: nothing else is kept for them.
import type { Shape } from "../base/shape.ts";
import type { Builder, Lowering } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Nonlinear } from "../graph/rules.ts";
import { floats, only } from "./expect.ts";

export type Along = { readonly axis: number };

const sameAsInput = ([x]: readonly Node[]): Shape => only(x).shape;

/** Σ x along the axis, which stays, with size 1. */
const total = (b: Builder, x: Node, axis: number): Node => b.reshape(b.sum(x, [axis]), x.shape.with(axis, 1));

function folded<L>(k: Lowering<L>, op: "add" | "max", x: L, axis: number): L {
  return k.view(k.reduce(op, x, [axis]), { kind: "reshape", shape: k.shapeOf(x).with(axis, 1) });
}

/** ∂yᵢ/∂xⱼ = yᵢ·(δᵢⱼ − yⱼ), which is symmetric: forward and backward are the same product. */
const softmaxMoved = (b: Builder, v: Node, y: Node, axis: number): Node =>
  b.mul(y, b.sub(v, total(b, b.mul(v, y), axis)));

/** exp(x − max) / Σ exp(x − max). */
export const softmax: Nonlinear = {
  kind: "nonlinear",
  name: "softmax",
  dtype: floats,
  shape: sameAsInput,
  vjp: (b, g, y, { axis }: Along) => [softmaxMoved(b, g, y, axis)],
  jvp: (b, [dx], y, { axis }: Along) => (dx ? softmaxMoved(b, dx, y, axis) : null),
  batch: (_, { axis }: Along, [x]) => makeNode(softmax, [only(x)], { axis: axis + 1 }),
  lower(k, [input], { axis }: Along) {
    const x = only(input);
    if (k.shapeOf(x)[axis] === 0) return x;
    const e = k.exp(k.sub(x, folded(k, "max", x, axis)));
    return k.div(e, folded(k, "add", e, axis));
  },
};

/** x − max − log Σ exp(x − max): ∂yᵢ/∂xⱼ = δᵢⱼ − exp(yⱼ). */
export const logSoftmax: Nonlinear = {
  kind: "nonlinear",
  name: "logSoftmax",
  dtype: floats,
  shape: sameAsInput,
  // Adding what is negative, so that cotangents of −0 give 0.
  vjp: (b, g, y, { axis }: Along) => [b.add(g, b.mul(b.exp(y), total(b, b.neg(g), axis)))],
  jvp: (b, [dx], y, { axis }: Along) => (dx ? b.sub(dx, total(b, b.mul(b.exp(y), dx), axis)) : null),
  batch: (_, { axis }: Along, [x]) => makeNode(logSoftmax, [only(x)], { axis: axis + 1 }),
  lower(k, [input], { axis }: Along) {
    const x = only(input);
    if (k.shapeOf(x)[axis] === 0) return x;
    const z = k.sub(x, folded(k, "max", x, axis));
    return k.sub(z, k.log(folded(k, "add", k.exp(z), axis)));
  },
};
