// Putting elements on cells that are data: the last, the largest or the smallest of those that meet there.
import { DTypeError, ShapeError } from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import type { Builder } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Nonlinear } from "../graph/rules.ts";
import { sharedDType } from "./expect.ts";
import { putAlong, takeAlong } from "./gather.ts";

export type Scatter = { readonly axis: number; readonly what: string; readonly mode: "set" | "max" | "min" };

const modes = { set: 0, max: 1, min: 2 } as const;

function parts(inputs: readonly Node[]): readonly [source: Node, index: Node, x: Node] {
  const [source, index, x] = inputs;
  if (!source || !index || !x || index.dtype !== "int32")
    throw new DTypeError(`scatter: expected an int32 index, got ${index?.dtype}. Convert it with cast("int32")`);
  return [source, index, x];
}

/** Which of the things that meet on a cell is there in the end: in x, and in the source. */
function winners(b: Builder, y: Node, attrs: Scatter, inputs: readonly Node[]): readonly [own: Node, put: Node] {
  const [source, index, x] = parts(inputs);
  const { axis, what, mode } = attrs;
  if (mode !== "set") return [b.eq(x, y), b.eq(source, makeNode(takeAlong, [y, index], { axis, what }))];
  const places = b.reshape(b.iota(sizeOf(index.shape), index), index.shape);
  const last = makeNode(scatter, [places, index, b.fill(-1, x.shape, index)], attrs);
  return [b.lt(last, b.num(0, last)), b.eq(places, makeNode(takeAlong, [last, index], { axis, what }))];
}

/** How many share a cell's gradient. */
function sharers(b: Builder, own: Node, put: Node, attrs: Scatter, inputs: readonly Node[]): Node {
  const [, index, x] = parts(inputs);
  const size = x.shape[attrs.axis] ?? 1;
  const hits = makeNode(putAlong, [b.cast(put, x.dtype), index], { axis: attrs.axis, what: attrs.what, size });
  return b.add(b.cast(own, x.dtype), hits);
}

/** source, index, x → x with out[.., index[.., j, ..], ..] = source[.., j, ..]. Equal extremes share the gradient evenly. */
export const scatter: Nonlinear = {
  kind: "nonlinear",
  name: "scatter",
  dtype(inputs, { mode }: Scatter) {
    const [source, , x] = parts(inputs);
    const dtype = sharedDType("scatter", [source, x]);
    if (dtype === "bool" && mode !== "set")
      throw new DTypeError('scatter: expected numbers, got bool. Convert it with cast("int32") or cast("float32")');
    return dtype;
  },
  shape(inputs, { axis }: Scatter) {
    const [source, index, x] = parts(inputs);
    if (`${source.shape}` !== `${index.shape}`)
      throw new ShapeError(
        `scatter: expected an index for each element of ${showShape(source.shape)}, got ${showShape(index.shape)}`,
      );
    if (x.shape.length !== index.shape.length || x.shape.some((n, i) => i !== axis && n !== index.shape[i]))
      throw new ShapeError(
        `scatter: expected an index that agrees with ${showShape(x.shape)} but for axis ${axis}, got ${showShape(index.shape)}`,
      );
    return x.shape;
  },
  vjp(b, g, y, attrs: Scatter, inputs) {
    const [, index] = parts(inputs);
    const [own, put] = winners(b, y, attrs, inputs);
    const share = attrs.mode === "set" ? g : b.div(g, sharers(b, own, put, attrs, inputs));
    const zero = b.num(0, g);
    const { axis, what } = attrs;
    return [b.select(put, makeNode(takeAlong, [share, index], { axis, what }), zero), null, b.select(own, share, zero)];
  },
  jvp(b, [ds, , dx], y, attrs: Scatter, inputs) {
    const [, index, x] = parts(inputs);
    if (!ds && !dx) return null;
    const [own, put] = winners(b, y, attrs, inputs);
    const zero = b.num(0, x);
    const kept = dx ? b.select(own, dx, zero) : b.fill(0, x.shape, x);
    const size = x.shape[attrs.axis] ?? 1;
    const attributes = { axis: attrs.axis, what: attrs.what, size };
    const total = ds ? b.add(kept, makeNode(putAlong, [b.select(put, ds, zero), index], attributes)) : kept;
    return attrs.mode === "set" ? total : b.div(total, sharers(b, own, put, attrs, inputs));
  },
  batch: (_, { axis, what, mode }: Scatter, inputs) => makeNode(scatter, inputs, { axis: axis + 1, what, mode }),
  lower(k, [source, index, x], { axis, what, mode }: Scatter) {
    if (source === undefined || index === undefined || x === undefined)
      throw new ShapeError("scatter: expected three inputs");
    const shape = k.shapeOf(x);
    const n = shape[axis] ?? 1;
    const m = k.shapeOf(index)[axis] ?? 1;
    const numbers = [sizeOf(shape.slice(0, axis)), n, sizeOf(shape.slice(axis + 1)), m, modes[mode]];
    return k.routine("scatter", [source, index, x], shape, k.dtypeOf(x), { numbers, what, bound: n });
  },
};
