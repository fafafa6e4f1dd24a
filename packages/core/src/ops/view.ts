// Views: index arithmetic that the compiler folds into loads. All are linear; each one's transpose is another of them.
import { ShapeError } from "../base/errors.ts";
import { broadcastAxes, type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { viewShape } from "../base/view.ts";
import type { Lowering } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Linear, Nonlinear } from "../graph/rules.ts";
import { anything, only } from "./expect.ts";

export type Reshape = { readonly shape: Shape };
export type Permute = { readonly axes: readonly number[] };
export type Slice = { readonly start: Shape; readonly step: Shape; readonly size: Shape };
export type Pad = { readonly low: Shape; readonly high: Shape; readonly interior: Shape };
export type Windows = { readonly axes: Shape; readonly size: Shape; readonly step: Shape; readonly dilation: Shape };
export type Fold = Windows & { readonly shape: Shape };

const shift = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

export const reshape: Linear = {
  kind: "linear",
  name: "reshape",
  dtype: anything,
  shape([x], { shape }: Reshape) {
    const from = only(x).shape;
    if (sizeOf(from) !== sizeOf(shape))
      throw new ShapeError(
        `reshape: expected a shape of ${sizeOf(from)} elements for ${showShape(from)}, got ${showShape(shape)} with ${sizeOf(shape)}`,
      );
    return shape;
  },
  transpose: (b, g, _, [x]) => b.reshape(g, only(x).shape),
  batch: (b, { shape }: Reshape, [x]) => b.reshape(only(x), [only(x).shape[0] ?? 1, ...shape]),
  lower: (k, [x], { shape }: Reshape) => k.view(only(x), { kind: "reshape", shape }),
};

/** Axis k of the result is axis `axes[k]` of x. */
export const permute: Linear = {
  kind: "linear",
  name: "permute",
  dtype: anything,
  shape([x], { axes }: Permute) {
    const from = only(x).shape;
    const valid = axes.length === from.length && from.every((_, axis) => axes.includes(axis));
    if (!valid) throw new ShapeError(`permute: expected each axis of ${showShape(from)} once, got ${showShape(axes)}`);
    return axes.map((axis) => from[axis] ?? 1);
  },
  transpose(b, g, { axes }: Permute) {
    const inverse = axes.map(() => 0);
    axes.forEach((axis, i) => {
      inverse[axis] = i;
    });
    return b.permute(g, inverse);
  },
  batch: (b, { axes }: Permute, [x]) => b.permute(only(x), [0, ...shift(axes)]),
  lower: (k, [x], { axes }: Permute) => k.view(only(x), { kind: "permute", axes }),
};

/** NumPy broadcasting to a shape. */
export const expand: Linear = {
  kind: "linear",
  name: "expand",
  dtype: anything,
  shape([x], { shape }: Reshape) {
    const from = only(x).shape;
    const lead = shape.length - from.length;
    if (lead < 0 || from.some((n, i) => n !== 1 && n !== shape[i + lead]))
      throw new ShapeError(`expand: expected a shape that ${showShape(from)} broadcasts to, got ${showShape(shape)}`);
    return shape;
  },
  transpose: (b, g, { shape }: Reshape, [x]) => b.reshape(b.sum(g, broadcastAxes(only(x).shape, shape)), only(x).shape),
  batch(b, { shape }: Reshape, [x]) {
    const [size = 1, ...rest] = only(x).shape;
    const ones = shape.slice(rest.length).map(() => 1);
    return b.expand(b.reshape(only(x), [size, ...ones, ...rest]), [size, ...shape]);
  },
  lower: (k, [x], { shape }: Reshape) => k.view(only(x), { kind: "expand", shape }),
};

/** What x repeats along its leading axis, where it was made by expanding; else null. */
export function repeated(x: Node): Node | null {
  const inner = x.op === expand ? x.inputs[0] : undefined;
  return inner && sameShape(inner.shape, x.shape.slice(1)) ? inner : null;
}

/** out[i] = x[start + i·step] along each axis; steps may be negative. */
export const slice: Linear = {
  kind: "linear",
  name: "slice",
  dtype: anything,
  shape([x], { start, step, size }: Slice) {
    const from = only(x).shape;
    const valid =
      [start, step, size].every((list) => list.length === from.length) &&
      from.every((n, i) => {
        const first = start[i] ?? 0;
        const count = size[i] ?? 0;
        const last = first + (count - 1) * (step[i] ?? 1);
        return count === 0 || (count > 0 && step[i] !== 0 && first >= 0 && first < n && last >= 0 && last < n);
      });
    if (!valid)
      throw new ShapeError(
        `slice: expected start, step and size inside ${showShape(from)}, got ${showShape(start)}, ${showShape(step)} and ${showShape(size)}`,
      );
    return size;
  },
  transpose(b, g, { start, step, size }: Slice, [x]) {
    const shape = only(x).shape;
    const back = step.map((s, i) => s < 0 && (size[i] ?? 0) > 1);
    const forward = back.some(Boolean)
      ? b.slice(
          g,
          back.map((r, i) => (r ? (size[i] ?? 0) - 1 : 0)),
          back.map((r) => (r ? -1 : 1)),
          size,
        )
      : g;
    const interior = step.map((s, i) => ((size[i] ?? 0) > 1 ? Math.abs(s) : 1));
    const low = start.map((s, i) =>
      (size[i] ?? 0) === 0 ? 0 : back[i] ? s + ((size[i] ?? 0) - 1) * (step[i] ?? 1) : s,
    );
    const high = shape.map((n, i) => {
      const count = size[i] ?? 0;
      return count === 0 ? n : n - (low[i] ?? 0) - (count - 1) * (interior[i] ?? 1) - 1;
    });
    return b.pad(forward, low, high, interior);
  },
  batch(b, { start, step, size }: Slice, [x]) {
    return b.slice(only(x), [0, ...start], [1, ...step], [only(x).shape[0] ?? 1, ...size]);
  },
  lower: (k, [x], { start, step, size }: Slice) => k.view(only(x), { kind: "slice", start, step, size }),
};

function padShape(operation: string, from: Shape, { low, high, interior }: Pad): Shape {
  const valid = [low, high, interior].every((list) => list.length === from.length);
  if (!valid || [...low, ...high].some((n) => n < 0) || interior.some((n) => n < 1))
    throw new ShapeError(
      `${operation}: expected widths ≥ 0 and interior ≥ 1 for each axis of ${showShape(from)}, got ${showShape(low)}, ${showShape(high)} and ${showShape(interior)}`,
    );
  return viewShape(from, { kind: "pad", low, high, interior });
}

/** `low` and `high` zeros around, `interior` − 1 between neighbours. */
export const pad: Linear = {
  kind: "linear",
  name: "pad",
  dtype: anything,
  shape: ([x], attrs: Pad) => padShape("pad", only(x).shape, attrs),
  transpose: (b, g, { low, interior }: Pad, [x]) => b.slice(g, low, interior, only(x).shape),
  batch: (b, { low, high, interior }: Pad, [x]) => b.pad(only(x), [0, ...low], [0, ...high], [1, ...interior]),
  lower: (k, [x], { low, high, interior }: Pad) => k.view(only(x), { kind: "pad", low, high, interior }),
};

/** As `pad`, with another value than 0: affine, so its tangent is padded with zeros. */
export const padWith: Nonlinear = {
  kind: "nonlinear",
  name: "padWith",
  dtype: anything,
  shape: ([x], attrs: Pad) => padShape("padWith", only(x).shape, attrs),
  vjp: (b, g, _, { low, interior }: Pad, [x]) => [b.slice(g, low, interior, only(x).shape)],
  jvp: (b, [dx], _, { low, high, interior }: Pad) => (dx ? b.pad(dx, low, high, interior) : null),
  batch: (_, { low, high, interior, fill }: Pad & { fill: number }, [x]) =>
    makeNode(padWith, [only(x)], { low: [0, ...low], high: [0, ...high], interior: [1, ...interior], fill }),
  lower: (k, [x], { low, high, interior, fill }: Pad & { fill: number }) =>
    k.view(only(x), { kind: "pad", low, high, interior }, fill),
};

/** Sliding windows: each of `axes` becomes its count of windows; their sizes become new last axes. */
export const windows: Linear = {
  kind: "linear",
  name: "windows",
  dtype: anything,
  shape([x], attrs: Windows) {
    const from = only(x).shape;
    const { axes, size, step, dilation } = attrs;
    const valid = [size, step, dilation].every((list) => list.length === axes.length && list.every((n) => n >= 1));
    if (!valid || axes.some((axis) => axis < 0 || axis >= from.length))
      throw new ShapeError(
        `windows: expected a size, step and dilation ≥ 1 for axes of ${showShape(from)}, got ${showShape(size)}, ${showShape(step)} and ${showShape(dilation)} for axes ${showShape(axes)}`,
      );
    return viewShape(from, { kind: "windows", axes, size, step, dilation });
  },
  transpose: (b, g, attrs: Windows, [x]) => b.fold(g, { ...attrs, shape: only(x).shape }),
  batch: (b, attrs: Windows, [x]) => b.windows(only(x), { ...attrs, axes: shift(attrs.axes) }),
  lower: (k, [x], { axes, size, step, dilation }: Windows) =>
    k.view(only(x), { kind: "windows", axes, size, step, dilation }),
};

/** The adjoint of `windows`: overlapping windows add up into `shape`. */
export const fold: Linear = {
  kind: "linear",
  name: "fold",
  dtype: anything,
  shape([x], { axes, size, step, dilation, shape }: Fold) {
    const expected = viewShape(shape, { kind: "windows", axes, size, step, dilation });
    if (!sameShape(expected, only(x).shape))
      throw new ShapeError(
        `fold: expected the windows of ${showShape(shape)}, which have shape ${showShape(expected)}, got ${showShape(only(x).shape)}`,
      );
    return shape;
  },
  transpose: (b, g, { axes, size, step, dilation }: Fold) => b.windows(g, { axes, size, step, dilation }),
  batch: (b, attrs: Fold, [x]) =>
    b.fold(only(x), { ...attrs, axes: shift(attrs.axes), shape: [only(x).shape[0] ?? 1, ...attrs.shape] }),
  lower(k, [x], attrs: Fold) {
    const { axes, size, step, dilation, shape } = attrs;
    let y = only(x);
    if (axes.every((_, i) => (step[i] ?? 1) >= (size[i] ?? 1) && dilation[i] === 1)) return foldDisjoint(k, y, attrs);
    // The last window axis belongs to the last of `axes`: axis by axis, from the end.
    for (let i = axes.length - 1; i >= 0; i--) {
      const n = shape[axes[i] ?? 0] ?? 1;
      const one = { axis: axes[i] ?? 0, size: size[i] ?? 1, step: step[i] ?? 1, dilation: dilation[i] ?? 1, n };
      y = foldOverlapping(k, y, one);
    }
    return y;
  },
};

interface FoldOne {
  readonly axis: number;
  readonly size: number;
  readonly step: number;
  readonly dilation: number;
  /** The extent of the axis in the result. */
  readonly n: number;
}

const filled = (length: number, value: number): number[] => new Array<number>(length).fill(value);
const withAt = (list: Shape, axis: number, value: number): number[] => list.with(axis, value);

/** Windows that do not overlap lie side by side: no sum, only views, which put each next to its own axis. */
function foldDisjoint<L>(k: Lowering<L>, y: L, { axes, size, step, shape }: Fold): L {
  const windowed = k.shapeOf(y);
  const rank = shape.length;
  const gaps = [...filled(rank, 0), ...axes.map((_, i) => (step[i] ?? 1) - (size[i] ?? 1))];
  const zeros = filled(windowed.length, 0);
  const spread = k.view(y, { kind: "pad", low: zeros, high: gaps, interior: filled(windowed.length, 1) });
  const order = shape.flatMap((_, axis) => (axes.includes(axis) ? [axis, rank + axes.indexOf(axis)] : [axis]));
  const merged = shape.map((n, axis) =>
    axes.includes(axis) ? (windowed[axis] ?? 0) * (step[axes.indexOf(axis)] ?? 1) : n,
  );
  const rows = k.view(k.view(spread, { kind: "permute", axes: order }), { kind: "reshape", shape: merged });
  const kept = shape.map((n, axis) => Math.min(n, merged[axis] ?? 0));
  const flat = filled(rank, 0);
  const unit = filled(rank, 1);
  const cut = k.view(rows, { kind: "slice", start: flat, step: unit, size: kept });
  return k.view(cut, { kind: "pad", low: flat, high: shape.map((n, axis) => n - (kept[axis] ?? 0)), interior: unit });
}

/** The sum over window positions, each spread out to where it was read. */
function foldOverlapping<L>(k: Lowering<L>, y: L, { axis, size, step, dilation, n }: FoldOne): L {
  const shape = k.shapeOf(y);
  const rank = shape.length;
  const rest = shape.slice(0, -1);
  const count = rest[axis] ?? 0;
  const flat = rest.map(() => 0);
  const length = count === 0 ? 0 : (count - 1) * step + 1;
  let sum: L | null = null;
  for (let p = 0; p < size; p++) {
    const low = p * dilation;
    const at = { start: withAt(filled(rank, 0), rank - 1, p), step: filled(rank, 1), size: [...rest, 1] };
    const part = k.view(k.view(y, { kind: "slice", ...at }), { kind: "reshape", shape: rest });
    const placed = k.view(part, {
      kind: "pad",
      low: withAt(flat, axis, count === 0 ? 0 : low),
      high: withAt(flat, axis, count === 0 ? n : n - low - length),
      interior: withAt(filled(rest.length, 1), axis, step),
    });
    sum = sum === null ? placed : k.add(sum, placed);
  }
  return sum ?? y;
}
