// Convolution (cross-correlation) over one to three spatial axes, by windows and contraction. It does not pad: a pad before it does.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { windowCount } from "../base/view.ts";
import type { Builder } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Bilinear } from "../graph/rules.ts";
import { floats, only } from "./expect.ts";

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

  /** Every input cell collects what its windows sent out: the stretched cotangent convolved with the flipped weight. */
  transposeA(b, g, { stride, dilation, groups }: Conv, x, w) {
    const [out = 0, perGroup = 0, ...kernel] = w.shape;
    const cells = x.shape.slice(2);
    const reach = kernel.map((size, i) => (size - 1) * (dilation[i] ?? 1));
    const high = cells.map((size, i) => {
      const count = g.shape[i + 2] ?? 0;
      return size - (count === 0 ? 0 : (count - 1) * (stride[i] ?? 1) + 1);
    });
    const stretched = b.pad(g, [0, 0, ...reach], [0, 0, ...high], [1, 1, ...stride]);
    const flipped = b.slice(w, [0, 0, ...kernel.map((size) => size - 1)], [1, 1, ...kernel.map(() => -1)], w.shape);
    const grouped = b.reshape(flipped, [groups, out / groups, perGroup, ...kernel]);
    const turned = b.permute(grouped, [0, 2, 1, ...range(3, kernel.length)]);
    const weight = b.reshape(turned, [groups * perGroup, out / groups, ...kernel]);
    return makeNode(conv, [stretched, weight], { stride: kernel.map(() => 1), dilation, groups });
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
    const shared = unbatched(w);
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

  lower(k, inputs, { stride, dilation, groups }: Conv) {
    const x = only(inputs[0]);
    const w = only(inputs[1]);
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
  },
};

/** What x repeats along its leading axis, if it was made by expanding. */
function unbatched(x: Node): Node | null {
  const inner = x.op.name === "expand" ? x.inputs[0] : undefined;
  const same = inner && inner.shape.length === x.shape.length - 1 && inner.shape.every((n, i) => n === x.shape[i + 1]);
  return same ? inner : null;
}

const swapLeading = (b: Builder, x: Node): Node => b.permute(x, [1, 0, ...range(2, x.shape.length - 2)]);
