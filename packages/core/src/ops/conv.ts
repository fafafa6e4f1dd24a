// Convolution (cross-correlation) over one to three spatial axes, by windows and contraction. It does not pad: a pad before it does.
import { ShapeError } from "../base/errors.ts";
import { contiguousStrides, type Shape, showShape, sizeOf } from "../base/shape.ts";
import { windowCount } from "../base/view.ts";
import type { Builder, Lowering } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Bilinear } from "../graph/rules.ts";
import { floats, only } from "./expect.ts";
import { repeated } from "./view.ts";

export type Conv = { readonly stride: Shape; readonly dilation: Shape; readonly groups: number };

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** x[N, C, ...spatial], w[O, C / groups, ...kernel] → [N, O, ...out]. */
export const conv: Bilinear = {
  kind: "bilinear",
  name: "conv",
  dtype: floats,
  shape([x, w], { stride, dilation, groups }: Conv) {
    const [n = 0, channels = 0, ...spatial] = only(x).shape;
    const [out = 0, perGroup = 0, ...kernel] = only(w).shape;
    const shown = `got ${showShape(only(x).shape)} and ${showShape(only(w).shape)} with ${groups} groups`;
    const ranks = [kernel.length, stride.length, dilation.length];
    if (spatial.length === 0 || ranks.some((rank) => rank !== spatial.length))
      throw new ShapeError(
        `conv: expected an input [N, C, ...spatial] and a weight [O, C / groups, ...kernel] of one rank, ${shown}`,
      );
    if (channels !== perGroup * groups || out % groups !== 0)
      throw new ShapeError(
        `conv: expected ${perGroup * groups} channels and a multiple of ${groups} outputs, ${shown}`,
      );
    return [n, out, ...spatial.map((size, i) => windowCount(size, kernel[i] ?? 1, stride[i] ?? 1, dilation[i] ?? 1))];
  },

  /** Every input cell collects what the windows that read it sent back. */
  transposeA(b, g, attrs: Conv, x, w) {
    return attrs.stride.some((step) => step > 1) ? collectWindows(b, g, attrs, x, w) : convolveBack(b, g, attrs, x, w);
  },

  /** Every weight collects over examples and positions what it read times what came back. */
  transposeB(b, g, { stride, dilation, groups }: Conv, x, w) {
    const [out = 0, perGroup = 0, ...kernel] = w.shape;
    const rank = kernel.length;
    const [n = 0] = x.shape;
    const counts = g.shape.slice(2);
    const read = b.windows(x, { axes: range(2, rank), size: kernel, step: stride, dilation });
    const source = b.reshape(read, [n, groups, perGroup, ...counts, ...kernel]);
    const sink = b.reshape(g, [n, groups, out / groups, ...counts]);
    const summed = [0, ...range(3, rank)];
    const product = b.contract(sink, source, { batchA: [1], batchB: [1], contractA: summed, contractB: summed });
    return b.reshape(product, w.shape);
  },

  /** The batch becomes groups; where the weight is the same for all, it joins the examples instead. */
  batch(b, attrs: Conv, inputs) {
    const x = only(inputs[0]);
    const w = only(inputs[1]);
    const [size = 1, n = 1, channels = 1, ...spatial] = x.shape;
    const shared = repeated(w);
    if (shared) {
      const y = makeNode(conv, [b.reshape(x, [size * n, channels, ...spatial]), shared], attrs);
      return b.reshape(y, [size, n, ...y.shape.slice(1)]);
    }
    const [, out = 1, ...rest] = w.shape;
    const swapped = swapLeading(b, x);
    const merged = b.reshape(swapped, [n, size * channels, ...spatial]);
    const weight = b.reshape(w, [size * out, ...rest]);
    const y = makeNode(conv, [merged, weight], { ...attrs, groups: attrs.groups * size });
    return swapLeading(b, b.reshape(y, [n, size, out, ...y.shape.slice(2)]));
  },

  lower(k, inputs, attrs: Conv) {
    const x = only(inputs[0]);
    const w = only(inputs[1]);
    const [out = 1, perGroup = 1, ...kernel] = k.shapeOf(w);
    const single = perGroup === 1 && out === attrs.groups && sizeOf(kernel) <= maxUnrolled;
    return single ? lowerDepthwise(k, x, w, attrs) : lowerContraction(k, x, w, attrs);
  },
};

/** The padded cotangent convolved with the weight, flipped, its inputs and outputs exchanged. For stride 1. */
function convolveBack(b: Builder, g: Node, { dilation, groups }: Conv, x: Node, w: Node): Node {
  const [out = 0, perGroup = 0, ...kernel] = w.shape;
  const reach = kernel.map((size, i) => (size - 1) * (dilation[i] ?? 1));
  const high = x.shape.slice(2).map((size, i) => size - (g.shape[i + 2] ?? 0));
  const padded = b.pad(
    g,
    [0, 0, ...reach],
    [0, 0, ...high],
    g.shape.map(() => 1),
  );
  const last = kernel.map((size) => size - 1);
  const flipped = b.slice(w, [0, 0, ...last], [1, 1, ...kernel.map(() => -1)], w.shape);
  const grouped = b.reshape(flipped, [groups, out / groups, perGroup, ...kernel]);
  const turned = b.permute(grouped, [0, 2, 1, ...range(3, kernel.length)]);
  const weight = b.reshape(turned, [groups * perGroup, out / groups, ...kernel]);
  return makeNode(conv, [padded, weight], { stride: kernel.map(() => 1), dilation, groups });
}

/** The cotangents of all windows, folded: with strides, a stretched cotangent would multiply mostly zeros. */
function collectWindows(b: Builder, g: Node, { stride, dilation, groups }: Conv, x: Node, w: Node): Node {
  const [n = 0, channels = 0] = x.shape;
  const [out = 0, perGroup = 0, ...kernel] = w.shape;
  const rank = kernel.length;
  const counts = g.shape.slice(2);
  const sent = b.contract(
    b.reshape(w, [groups, out / groups, perGroup, ...kernel]),
    b.reshape(g, [n, groups, out / groups, ...counts]),
    { batchA: [0], batchB: [1], contractA: [1], contractB: [2] },
  );
  // [groups, C / groups, ...kernel, N, ...counts] → [N, C, ...counts, ...kernel]
  const turned = b.permute(sent, [2 + rank, 0, 1, ...range(3 + rank, rank), ...range(2, rank)]);
  const read = b.reshape(turned, [n, channels, ...counts, ...kernel]);
  return b.fold(read, { axes: range(2, rank), size: kernel, step: stride, dilation, shape: x.shape });
}

function lowerContraction<L>(k: Lowering<L>, x: L, w: L, { stride, dilation, groups }: Conv): L {
  const [n = 1] = k.shapeOf(x);
  const [out = 1, perGroup = 1, ...kernel] = k.shapeOf(w);
  const rank = kernel.length;
  const read = k.view(x, { kind: "windows", axes: range(2, rank), size: kernel, step: stride, dilation });
  const counts = k.shapeOf(read).slice(2, 2 + rank);
  const source = k.view(read, { kind: "reshape", shape: [n, groups, perGroup, ...counts, ...kernel] });
  const weight = k.view(w, { kind: "reshape", shape: [groups, out / groups, perGroup, ...kernel] });
  const product = k.contract(weight, source, {
    batchA: [0],
    batchB: [1],
    contractA: [2, ...range(3, rank)],
    contractB: [2, ...range(3 + rank, rank)],
  });
  // [groups, outputs of a group, N, ...counts] → [N, groups, outputs of a group, ...counts]
  const turned = k.view(product, { kind: "permute", axes: [2, 0, 1, ...range(3, rank)] });
  return k.view(turned, { kind: "reshape", shape: [n, out, ...counts] });
}

/** Depthwise kernels up to this size are written out. */
const maxUnrolled = 32;

/** One channel in, one out: a matrix product would have a single row. The sum over kernel positions is written out instead. */
function lowerDepthwise<L>(k: Lowering<L>, x: L, w: L, { stride, dilation }: Conv): L {
  const [n = 1, channels = 1, ...cells] = k.shapeOf(x);
  const [, , ...kernel] = k.shapeOf(w);
  const rank = kernel.length;
  const counts = cells.map((size, i) => windowCount(size, kernel[i] ?? 1, stride[i] ?? 1, dilation[i] ?? 1));
  const size = [n, channels, ...counts];
  const strides = contiguousStrides(kernel);
  const ones = kernel.map(() => 1);
  let sum: L | null = null;
  for (let p = 0; p < sizeOf(kernel); p++) {
    const at = kernel.map((extent, i) => Math.floor(p / (strides[i] ?? 1)) % extent);
    const start = [0, 0, ...at.map((position, i) => position * (dilation[i] ?? 1))];
    const read = k.view(x, { kind: "slice", start, step: [1, 1, ...stride], size });
    const cell = k.view(w, {
      kind: "slice",
      start: [0, 0, ...at],
      step: [1, 1, ...ones],
      size: [channels, 1, ...ones],
    });
    const weight = k.view(cell, { kind: "reshape", shape: [channels, ...range(0, rank).map(() => 1)] });
    const term = k.mul(read, weight);
    sum = sum === null ? term : k.add(sum, term);
  }
  return sum ?? lowerContraction(k, x, w, { stride, dilation, groups: channels });
}

const swapLeading = (b: Builder, x: Node): Node => b.permute(x, [1, 0, ...range(2, x.shape.length - 2)]);
