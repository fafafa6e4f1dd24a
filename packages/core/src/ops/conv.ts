// Convolution (cross-correlation) over one to three spatial axes and its two adjoints: sums over windows as contractions. Of the
// three, each is the derivative of the others.
import { ShapeError } from "../base/errors.ts";
import { contiguousStrides, type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { windowCount } from "../base/view.ts";
import type { Builder, Lowering } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Bilinear } from "../graph/rules.ts";
import { floats, only } from "./expect.ts";
import { framed, type Margins } from "./frame.ts";
import { fold, repeated } from "./view.ts";

/** `low` and `high` are zeros before and after each spatial axis; negative numbers cut cells off. */
export type Conv = {
  readonly stride: Shape;
  readonly dilation: Shape;
  readonly groups: number;
  readonly low: Shape;
  readonly high: Shape;
};
/** Of the convolution that is transposed; `shape` has the spatial extents of its input. */
export type ConvTranspose = Conv & { readonly shape: Shape };
/** `kernel` has the spatial extents of the weight. */
export type ConvFilter = Conv & { readonly kernel: Shape };

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

const convAttrs = ({ stride, dilation, groups, low, high }: Conv): Conv => ({ stride, dilation, groups, low, high });

/** How many windows a convolution has along each axis of an input with these extents. */
const countsOf = (spatial: Shape, kernel: Shape, { stride, dilation, low, high }: Conv): number[] =>
  spatial.map((size, i) =>
    windowCount(size + (low[i] ?? 0) + (high[i] ?? 0), kernel[i] ?? 1, stride[i] ?? 1, dilation[i] ?? 1),
  );

/** x[N, C, ...spatial], w[O, C / groups, ...kernel] → [N, O, ...out]. */
export const conv: Bilinear = {
  kind: "bilinear",
  name: "conv",
  dtype: floats,
  shape([x, w], attrs: Conv) {
    const { stride, dilation, groups, low, high } = attrs;
    const [n = 0, channels = 0, ...spatial] = only(x).shape;
    const [out = 0, perGroup = 0, ...kernel] = only(w).shape;
    const shown = `got ${showShape(only(x).shape)} and ${showShape(only(w).shape)} with ${groups} groups`;
    const ranks = [kernel.length, stride.length, dilation.length, low.length, high.length];
    if (spatial.length === 0 || ranks.some((rank) => rank !== spatial.length))
      throw new ShapeError(
        `conv: expected an input [N, C, ...spatial] and a weight [O, C / groups, ...kernel] of one rank, ${shown}`,
      );
    if (channels !== perGroup * groups || out % groups !== 0)
      throw new ShapeError(
        `conv: expected ${perGroup * groups} channels and a multiple of ${groups} outputs, ${shown}`,
      );
    return [n, out, ...countsOf(spatial, kernel, attrs)];
  },
  transposeA: (_, g, attrs: Conv, x, w) =>
    makeNode(convTranspose, [g, w], { ...attrs, shape: x.shape.slice(2) } satisfies ConvTranspose),
  transposeB: (_, g, attrs: Conv, x, w) =>
    makeNode(convFilter, [g, x], { ...attrs, kernel: w.shape.slice(2) } satisfies ConvFilter),
  batch: (b, attrs: Conv, inputs) => batched(conv, b, attrs, inputs),
  lower(k, inputs, attrs: Conv) {
    const x = only(inputs[0]);
    const w = only(inputs[1]);
    const [out = 1, perGroup = 1, ...kernel] = k.shapeOf(w);
    const grouped = k.view(w, {
      kind: "reshape",
      shape: [attrs.groups, out / attrs.groups, perGroup, ...kernel],
    });
    return correlate(k, x, attrs, grouped, attrs);
  },
};

/** The adjoint of `conv` by its input: g[N, O, ...out], w[O, C / groups, ...kernel] → [N, C, ...shape]. */
export const convTranspose: Bilinear = {
  kind: "bilinear",
  name: "convTranspose",
  dtype: floats,
  shape([g, w], attrs: ConvTranspose) {
    const [n = 0, out = 0, ...counts] = only(g).shape;
    const [given = 0, perGroup = 0, ...kernel] = only(w).shape;
    const expected = countsOf(attrs.shape, kernel, attrs);
    if (out !== given || out % attrs.groups !== 0 || !sameShape(expected, counts))
      throw new ShapeError(
        `convTranspose: expected what a convolution over ${showShape(attrs.shape)} with ${attrs.groups} groups gives, got ${showShape(only(g).shape)} for a weight ${showShape(only(w).shape)}`,
      );
    return [n, perGroup * attrs.groups, ...attrs.shape];
  },
  transposeA: (_, u, attrs: ConvTranspose, __, w) => makeNode(conv, [u, w], convAttrs(attrs)),
  transposeB: (_, u, attrs: ConvTranspose, g, w) =>
    makeNode(convFilter, [g, u], { ...convAttrs(attrs), kernel: w.shape.slice(2) } satisfies ConvFilter),
  batch: (b, attrs: ConvTranspose, inputs) => batched(convTranspose, b, attrs, inputs),
  lower(k, inputs, attrs: ConvTranspose) {
    const g = only(inputs[0]);
    const w = only(inputs[1]);
    return sizeOf(attrs.stride) > mostPhases ? collectWindows(k, g, w, attrs) : correlateByPhase(k, g, w, attrs);
  },
};

/** The gradient of `conv` by its weight: g[N, O, ...out], x[N, C, ...spatial] → [O, C / groups, ...kernel]. */
export const convFilter: Bilinear = {
  kind: "bilinear",
  name: "convFilter",
  dtype: floats,
  shape([g, x], attrs: ConvFilter) {
    const [n = 0, out = 0, ...counts] = only(g).shape;
    const [examples = 0, channels = 0, ...spatial] = only(x).shape;
    const { groups, kernel } = attrs;
    const fits = n === examples && out % groups === 0 && channels % groups === 0;
    if (!fits || !sameShape(countsOf(spatial, kernel, attrs), counts))
      throw new ShapeError(
        `convFilter: expected what a convolution by ${showShape(kernel)} with ${groups} groups gives, got ${showShape(only(g).shape)} for an input ${showShape(only(x).shape)}`,
      );
    return [out, channels / groups, ...kernel];
  },
  transposeA: (_, v, attrs: ConvFilter, __, x) => makeNode(conv, [x, v], convAttrs(attrs)),
  transposeB: (_, v, attrs: ConvFilter, g, x) =>
    makeNode(convTranspose, [g, v], { ...convAttrs(attrs), shape: x.shape.slice(2) } satisfies ConvTranspose),

  /** The batch becomes groups; where the input is the same for all, it joins the outputs instead. */
  batch(b, attrs: ConvFilter, inputs) {
    const g = only(inputs[0]);
    const x = only(inputs[1]);
    const [size = 1, n = 1, out = 1, ...counts] = g.shape;
    const { groups } = attrs;
    const shared = repeated(x);
    if (shared) {
      const split = b.reshape(g, [size, n, groups, out / groups, ...counts]);
      const turned = b.permute(split, [1, 2, 0, ...range(3, 1 + counts.length)]);
      const y = makeNode(convFilter, [b.reshape(turned, [n, size * out, ...counts]), shared], attrs);
      const apart = b.reshape(y, [groups, size, out / groups, ...y.shape.slice(1)]);
      const back = b.permute(apart, [1, 0, ...range(2, apart.shape.length - 2)]);
      return b.reshape(back, [size, out, ...y.shape.slice(1)]);
    }
    const [, , channels = 1, ...spatial] = x.shape;
    const y = makeNode(
      convFilter,
      [
        b.reshape(swapLeading(b, g), [n, size * out, ...counts]),
        b.reshape(swapLeading(b, x), [n, size * channels, ...spatial]),
      ],
      { ...attrs, groups: groups * size },
    );
    return b.reshape(y, [size, out, ...y.shape.slice(1)]);
  },

  lower(k, inputs, attrs: ConvFilter) {
    const g = only(inputs[0]);
    const x = framed(k, only(inputs[1]), attrs);
    const { groups, kernel } = attrs;
    const [, out, ...counts] = k.shapeOf(g);
    const [, channels] = k.shapeOf(x);
    const taps = sizeOf(kernel);
    const areApart = attrs.stride.at(-1) !== 1 || (counts.at(-1) ?? 0) < shortestLine;
    const single = out === groups && channels === groups && taps > 0 && taps <= maxUnrolled;
    return single && areApart ? filterSingle(k, g, x, attrs) : filterMany(k, g, x, attrs);
  },
};

/** Every weight collects over examples and positions what it read times what came back. */
function filterMany<L>(k: Lowering<L>, g: L, x: L, { stride, dilation, groups, kernel }: ConvFilter): L {
  const [n = 0, out = 0, ...counts] = k.shapeOf(g);
  const [, channels = 0] = k.shapeOf(x);
  const rank = kernel.length;
  const read = k.view(x, { kind: "windows", axes: range(2, rank), size: kernel, step: stride, dilation });
  const source = k.view(read, { kind: "reshape", shape: [n, groups, channels / groups, ...counts, ...kernel] });
  const sink = k.view(g, { kind: "reshape", shape: [n, groups, out / groups, ...counts] });
  const summed = [0, ...range(3, rank)];
  const product = k.contract(sink, source, { batchA: [1], batchB: [1], contractA: summed, contractB: summed });
  return k.view(product, { kind: "reshape", shape: [out, channels / groups, ...kernel] });
}

/** One channel in, one out: a sum for each tap, all of which share a pass over the cotangent. */
function filterSingle<L>(k: Lowering<L>, g: L, x: L, { stride, dilation, kernel }: ConvFilter): L {
  const [n = 1, channels = 1, ...counts] = k.shapeOf(g);
  const rank = kernel.length;
  const positions = tapsOf(kernel);
  const parts = positions.map((at) => {
    const sum = k.reduce("add", k.mul(g, readAt(k, x, [0, 0], at, [n, channels, ...counts], { stride, dilation })), [
      0,
      ...range(2, rank),
    ]);
    return k.view(sum, { kind: "reshape", shape: [channels, 1, ...kernel.map(() => 1)] });
  });
  return k.join(
    parts,
    positions.map((at) => [0, 0, ...at]),
    [channels, 1, ...kernel],
  );
}

/** The batch becomes groups; where the weight is the same for all, it joins the examples instead. */
function batched(op: Bilinear, b: Builder, attrs: Conv, inputs: readonly Node[]): Node {
  const x = only(inputs[0]);
  const w = only(inputs[1]);
  const [size = 1, n = 1, channels = 1, ...spatial] = x.shape;
  const shared = repeated(w);
  if (shared) {
    const y = makeNode(op, [b.reshape(x, [size * n, channels, ...spatial]), shared], attrs);
    return b.reshape(y, [size, n, ...y.shape.slice(1)]);
  }
  const [, out = 1, ...rest] = w.shape;
  const swapped = swapLeading(b, x);
  const merged = b.reshape(swapped, [n, size * channels, ...spatial]);
  const weight = b.reshape(w, [size * out, ...rest]);
  const y = makeNode(op, [merged, weight], { ...attrs, groups: attrs.groups * size });
  const [, made = 1, ...extents] = y.shape;
  return swapLeading(b, b.reshape(y, [n, size, made / size, ...extents]));
}

const swapLeading = (b: Builder, x: Node): Node => b.permute(x, [1, 0, ...range(2, x.shape.length - 2)]);

type Steps = Pick<Conv, "stride" | "dilation">;

/** Sums of so many terms are written out. */
const maxUnrolled = 64;
/** Windows side by side that products go along, even where they have one channel on either side. */
const shortestLine = 5;
/** A product of no more rows than this reads more than it multiplies. */
const fewRows = 4;
/** So many times the cells in a row may be its windows before those that see zeros are too many. */
const manyZeros = 1.15;

/** x[N, groups · c, ...spatial], w[groups, m, c, ...kernel] → [N, groups · m, ...counts], of all windows inside the framed x. */
function correlate<L>(k: Lowering<L>, x: L, margins: Margins, w: L, steps: Steps): L {
  const [, m = 1, c = 1, ...kernel] = k.shapeOf(w);
  const taps = sizeOf(kernel);
  const isShort = m === 1 && taps * c <= maxUnrolled && taps * c > 0 && (taps > 1 || c === 1);
  if (isShort) return correlateDirect(k, framed(k, x, margins), w, steps);
  return isNarrow(k.shapeOf(x), margins, [m, ...kernel], steps)
    ? correlateNarrow(k, x, margins, w, steps)
    : correlateMany(k, framed(k, x, margins), w, steps);
}

/** Whether the taps in a row of the kernel are worth rows of a product each, which then meets no zeros beside the cells. */
function isNarrow(x: Shape, { low, high }: Margins, [m = 1, ...kernel]: Shape, { stride, dilation }: Steps): boolean {
  const [cells = 1, taps = 1] = [x.at(-1), kernel.at(-1)];
  const windows = windowCount(cells + (low.at(-1) ?? 0) + (high.at(-1) ?? 0), taps, 1, dilation.at(-1) ?? 1);
  return taps > 1 && stride.at(-1) === 1 && (m <= fewRows || windows > manyZeros * cells);
}

function correlateMany<L>(k: Lowering<L>, x: L, w: L, { stride, dilation }: Steps): L {
  const [n = 1] = k.shapeOf(x);
  const [groups = 1, m = 1, c = 1, ...kernel] = k.shapeOf(w);
  const rank = kernel.length;
  const read = k.view(x, { kind: "windows", axes: range(2, rank), size: kernel, step: stride, dilation });
  const counts = k.shapeOf(read).slice(2, 2 + rank);
  const source = k.view(read, { kind: "reshape", shape: [n, groups, c, ...counts, ...kernel] });
  const product = k.contract(forEach(k, n, w), source, {
    batchA: [0, 1],
    batchB: [0, 1],
    contractA: [3, ...range(4, rank)],
    contractB: [2, ...range(3 + rank, rank)],
  });
  return k.view(product, { kind: "reshape", shape: [n, groups * m, ...counts] });
}

/** One channel out of few, as in depthwise convolutions: the sum over channels and taps is written out. */
function correlateDirect<L>(k: Lowering<L>, x: L, w: L, steps: Steps): L {
  const [n = 1, , ...cells] = k.shapeOf(x);
  const [groups = 1, , c = 1, ...kernel] = k.shapeOf(w);
  const counts = cells.map((size, i) =>
    windowCount(size, kernel[i] ?? 1, steps.stride[i] ?? 1, steps.dilation[i] ?? 1),
  );
  const ones = kernel.map(() => 1);
  const source = k.view(x, { kind: "reshape", shape: [n, groups, c, ...cells] });
  const sum = sumOverTaps(k, [c, ...kernel], ([channel = 0, ...at]) => {
    const read = readAt(k, source, [0, 0, channel], at, [n, groups, 1, ...counts], steps);
    const cell = k.view(w, {
      kind: "slice",
      start: [0, 0, channel, ...at],
      step: [1, 1, 1, ...ones],
      size: [groups, 1, 1, ...ones],
    });
    return k.mul(read, k.view(cell, { kind: "reshape", shape: [groups, 1, ...ones] }));
  });
  return k.view(sum, { kind: "reshape", shape: [n, groups, ...counts] });
}

/**
 * Few channels out, or many zeros beside the cells: the taps side by side in a row of the kernel are rows of one product with whole
 * rows of cells, and what these come to is added up, shifted.
 */
function correlateNarrow<L>(k: Lowering<L>, x: L, { low, high }: Margins, w: L, { stride, dilation }: Steps): L {
  const [groups = 1, m = 1, c = 1, ...kernel] = k.shapeOf(w);
  const rank = kernel.length;
  const outer = range(0, rank - 1);
  const source = framed(k, x, { low: [...low.slice(0, -1), 0], high: [...high.slice(0, -1), 0] });
  const read = k.view(source, {
    kind: "windows",
    axes: outer.map((axis) => 2 + axis),
    size: kernel.slice(0, -1),
    step: stride.slice(0, -1),
    dilation: dilation.slice(0, -1),
  });
  const [n = 1, , ...counts] = k.shapeOf(read).slice(0, 2 + rank);
  const rows = k.contract(
    forEach(k, n, w),
    k.view(read, { kind: "reshape", shape: [n, groups, c, ...counts, ...kernel.slice(0, -1)] }),
    {
      batchA: [0, 1],
      batchB: [0, 1],
      contractA: [3, ...outer.map((axis) => 4 + axis)],
      contractB: [2, ...outer.map((axis) => 3 + rank + axis)],
    },
  );
  // [N, groups, m, taps, ...counts], of which the last counts cells: they become windows.
  const taps = kernel.at(-1) ?? 1;
  const apart = dilation.at(-1) ?? 1;
  const cells = counts.at(-1) ?? 1;
  const windows = windowCount(cells + (low.at(-1) ?? 0) + (high.at(-1) ?? 0), taps, 1, apart);
  const inFront = outer.map(() => 0);
  return sumOverTaps(k, [taps], ([tap = 0]) => {
    const all = k.shapeOf(rows);
    const row = k.view(rows, {
      kind: "slice",
      start: all.map((_, i) => (i === 3 ? tap : 0)),
      step: all.map(() => 1),
      size: all.map((size, i) => (i === 3 ? 1 : size)),
    });
    const before = (low.at(-1) ?? 0) - tap * apart;
    return framed(k, k.view(row, { kind: "reshape", shape: [n, groups * m, ...counts] }), {
      low: [...inFront, before],
      high: [...inFront, windows - cells - before],
    });
  });
}

/** The weight once more for each image, in place: then results lie as the images do, and no stride depends on their number. */
const forEach = <L>(k: Lowering<L>, n: number, w: L): L => {
  const shape = k.shapeOf(w);
  return k.view(k.view(w, { kind: "reshape", shape: [1, ...shape] }), { kind: "expand", shape: [n, ...shape] });
};

function tapsOf(kernel: Shape): Shape[] {
  const strides = contiguousStrides(kernel);
  return range(0, sizeOf(kernel)).map((p) => kernel.map((size, i) => Math.floor(p / (strides[i] ?? 1)) % size));
}

/** Needs at least one tap. */
const sumOverTaps = <L>(k: Lowering<L>, kernel: Shape, term: (at: Shape) => L): L =>
  tapsOf(kernel)
    .map(term)
    .reduce((sum, each) => k.add(sum, each));

/** What all windows read at one position of theirs; the leading axes begin at `first`. */
function readAt<L>(k: Lowering<L>, x: L, first: Shape, at: Shape, size: Shape, { stride, dilation }: Steps): L {
  const start = [...first, ...at.map((position, i) => position * (dilation[i] ?? 1))];
  return k.view(x, { kind: "slice", start, step: [...first.map(() => 1), ...stride], size });
}

/** A transposed convolution of more phases than this would be too many kernels. */
const mostPhases = 16;

/** What the cells of an axis need that have one position between two windows' starts. */
interface Phase {
  /** The first tap that reads such a cell, how far apart these taps are, and their number. */
  readonly first: number;
  readonly step: number;
  readonly taps: number;
  /** How far apart the windows are that two neighbouring taps belong to. */
  readonly dilation: number;
  /** Zeros around the cotangent. */
  readonly low: number;
  readonly high: number;
}

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly low: number;
  readonly cells: number;
  readonly windows: number;
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/**
 * Cell j of the padded axis is read by tap p of window o where j = o·stride + p·dilation. With j = q·stride + r, the taps of
 * phase r are `first`, `first + step`, …, and tap `first + t·step` belongs to window q − shift − t·dilation′: a convolution of
 * the cotangent with these taps, flipped.
 */
function phasesOf({ kernel, stride, dilation, low, cells, windows }: Axis): {
  start: number;
  of: Phase[];
  count: number;
} {
  const start = Math.floor(low / stride);
  const count = Math.ceil((low + cells) / stride) - start;
  const common = divisor(stride, dilation);
  const step = stride / common;
  const apart = dilation / common;
  const of = range(0, stride).map((r): Phase => {
    const first = range(0, Math.min(step, kernel)).find((p) => (p * dilation) % stride === r) ?? kernel;
    const taps = Math.ceil((kernel - first) / step);
    if (taps === 0) return { first, step, taps, dilation: apart, low: 0, high: 0 };
    const before = (first * dilation - r) / stride + (taps - 1) * apart - start;
    const after = count + (taps - 1) * apart - before - windows;
    return { first, step, taps, dilation: apart, low: before, high: after };
  });
  return { start, of, count };
}

/** For each phase of the stride, a convolution of the cotangent with the taps of that phase; their results interleave. */
function correlateByPhase<L>(k: Lowering<L>, g: L, w: L, attrs: ConvTranspose): L {
  const { stride, groups, shape } = attrs;
  const [n = 1, , ...windows] = k.shapeOf(g);
  const [out = 1, perGroup = 1, ...kernel] = k.shapeOf(w);
  const rank = kernel.length;
  const grouped = k.view(w, { kind: "reshape", shape: [groups, out / groups, perGroup, ...kernel] });
  const turned = k.view(grouped, { kind: "permute", axes: [0, 2, 1, ...range(3, rank)] });
  const axes = shape.map((cells, i) =>
    phasesOf({
      kernel: kernel[i] ?? 1,
      stride: stride[i] ?? 1,
      dilation: attrs.dilation[i] ?? 1,
      low: attrs.low[i] ?? 0,
      cells,
      windows: windows[i] ?? 0,
    }),
  );
  const counts = axes.map(({ count }) => count);
  const channels = groups * perGroup;
  // One frame for all phases, if there are several, of which each takes what it needs.
  const most = (margins: number[]): number => (sizeOf(stride) > 1 ? Math.max(0, ...margins) : 0);
  const low = axes.map(({ of }) => most(of.map((phase) => phase.low)));
  const high = axes.map(({ of }) => most(of.map((phase) => phase.high)));
  const source = framed(k, g, { low, high });
  const partOf = (phases: readonly Phase[]): L => {
    if (phases.some(({ taps }) => taps === 0) || out === 0)
      return k.view(k.literal(0, k.dtypeOf(g)), { kind: "expand", shape: [n, channels, ...counts] });
    const taps = k.view(turned, {
      kind: "slice",
      start: [0, 0, 0, ...phases.map((phase) => phase.first + (phase.taps - 1) * phase.step)],
      step: [1, 1, 1, ...phases.map((phase) => -phase.step)],
      size: [groups, perGroup, out / groups, ...phases.map((phase) => phase.taps)],
    });
    const margins = {
      low: phases.map((phase, i) => phase.low - (low[i] ?? 0)),
      high: phases.map((phase, i) => phase.high - (high[i] ?? 0)),
    };
    const dilation = phases.map((phase) => phase.dilation);
    return correlate(k, source, margins, taps, { stride: phases.map(() => 1), dilation });
  };
  const all = axes.reduce<(readonly Phase[])[]>(
    (sets, { of }) => sets.flatMap((set) => of.map((p) => [...set, p])),
    [[]],
  );
  const parts = all.map(partOf);
  if (parts.length === 1) return only(parts[0]);
  const strides = contiguousStrides(stride);
  const joined = k.join(
    parts.map((part) => k.view(part, { kind: "reshape", shape: [n, channels, ...counts.flatMap((q) => [q, 1])] })),
    parts.map((_, p) => [0, 0, ...stride.flatMap((s, i) => [0, Math.floor(p / (strides[i] ?? 1)) % s])]),
    [n, channels, ...counts.flatMap((q, i) => [q, stride[i] ?? 1])],
  );
  const merged = k.view(joined, {
    kind: "reshape",
    shape: [n, channels, ...counts.map((q, i) => q * (stride[i] ?? 1))],
  });
  return k.view(merged, {
    kind: "slice",
    start: [0, 0, ...axes.map(({ start }, i) => (attrs.low[i] ?? 0) - start * (stride[i] ?? 1))],
    step: [1, 1, ...stride.map(() => 1)],
    size: [n, channels, ...shape],
  });
}

/** What all windows send back, folded. */
function collectWindows<L>(k: Lowering<L>, g: L, w: L, attrs: ConvTranspose): L {
  const { stride, dilation, groups, low, high, shape } = attrs;
  const [n = 0, , ...counts] = k.shapeOf(g);
  const [out = 0, perGroup = 0, ...kernel] = k.shapeOf(w);
  const rank = kernel.length;
  const sent = k.contract(
    forEach(k, n, k.view(w, { kind: "reshape", shape: [groups, out / groups, perGroup, ...kernel] })),
    k.view(g, { kind: "reshape", shape: [n, groups, out / groups, ...counts] }),
    { batchA: [0, 1], batchB: [0, 1], contractA: [2], contractB: [2] },
  );
  // [N, groups, C / groups, ...kernel, ...counts] → [N, C, ...counts, ...kernel]
  const turned = k.view(sent, {
    kind: "permute",
    axes: [0, 1, 2, ...range(3 + rank, rank), ...range(3, rank)],
  });
  const channels = groups * perGroup;
  const read = k.view(turned, { kind: "reshape", shape: [n, channels, ...counts, ...kernel] });
  const padded = shape.map((cells, i) => cells + (low[i] ?? 0) + (high[i] ?? 0));
  const all = { axes: range(2, rank), size: kernel, step: stride, dilation, shape: [n, channels, ...padded] };
  return framed(k, fold.lower(k, [read], all), { low: low.map((cells) => -cells), high: high.map((cells) => -cells) });
}
