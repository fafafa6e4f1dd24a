// Reading and adding at positions that are data. take and put are each other's transpose, and so are takeAlong and putAlong.
import { DTypeError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Linear, Nonlinear } from "../graph/rules.ts";
import { numbers, only } from "./expect.ts";

/** `batch` leading axes are common to x and the index; `what` names the index in errors. */
export type Take = { readonly axis: number; readonly batch: number; readonly what: string };
/** `size` is the extent of `axis` in the result. */
export type Put = Take & { readonly size: number };
export type TakeAlong = { readonly axis: number; readonly what: string };
export type PutAlong = TakeAlong & { readonly size: number };

function indexed(operation: string, inputs: readonly Node[]): readonly [Node, Node] {
  const [x, index] = inputs;
  if (index?.dtype !== "int32")
    throw new DTypeError(`${operation}: expected an int32 index, got ${index?.dtype}. Convert it with cast("int32")`);
  return [only(x), index];
}

/** The extents before, of, and after the axis, without the batch. */
const around = (shape: Shape, axis: number, batch = 0): [outer: number, n: number, inner: number] => [
  sizeOf(shape.slice(batch, axis)),
  shape[axis] ?? 1,
  sizeOf(shape.slice(axis + 1)),
];

function matchBatch(operation: string, x: Shape, index: Shape, batch: number): void {
  if (index.length !== batch + 1 || index.some((n, i) => i < batch && n !== x[i]))
    throw new ShapeError(
      `${operation}: expected a flat index${batch > 0 ? ` for each of ${showShape(x.slice(0, batch))}` : ""}, got shape ${showShape(index)} for ${showShape(x)}`,
    );
}

/** Slices of x at `index` along `axis`: x[batch, outer, n, inner], index[batch, m] → [batch, outer, m, inner]. */
export const take: Linear = {
  kind: "linear",
  name: "take",
  linearInputs: 1,
  dtype: ([x]) => only(x).dtype,
  shape(inputs, { axis, batch }: Take) {
    const [x, index] = indexed("take", inputs);
    matchBatch("take", x.shape, index.shape, batch);
    return x.shape.with(axis, index.shape[batch] ?? 1);
  },
  transpose(_, g, { axis, batch, what }: Take, [x, index], input) {
    if (input !== 0) return null;
    return makeNode(put, [g, only(index)], { axis, batch, what, size: only(x).shape[axis] ?? 1 });
  },
  batch: (_, { axis, batch, what }: Take, inputs) => makeNode(take, inputs, { axis: axis + 1, batch: batch + 1, what }),
  lower(k, [x, index], { axis, batch, what }: Take) {
    const shape = k.shapeOf(only(x));
    const [outer, n, inner] = around(shape, axis, batch);
    const m = k.shapeOf(only(index))[batch] ?? 1;
    const attrs = { numbers: [sizeOf(shape.slice(0, batch)), outer, n, inner, m], what, bound: n };
    return k.routine("take", [only(x), only(index)], shape.with(axis, m), k.dtypeOf(only(x)), attrs);
  },
};

/** Zeros of extent `size` along `axis`, with each slice of g added at its `index`. */
export const put: Linear = {
  kind: "linear",
  name: "put",
  linearInputs: 1,
  dtype: ([g]) => only(g).dtype,
  shape(inputs, { axis, batch, size }: Put) {
    const [g, index] = indexed("put", inputs);
    matchBatch("put", g.shape, index.shape, batch);
    if (g.shape[axis] !== index.shape[batch])
      throw new ShapeError(
        `put: expected one index for each slice along axis ${axis} of ${showShape(g.shape)}, got ${showShape(index.shape)}`,
      );
    return g.shape.with(axis, size);
  },
  transpose(_, g, { axis, batch, what }: Put, [, index], input) {
    return input === 0 ? makeNode(take, [g, only(index)], { axis, batch, what }) : null;
  },
  batch: (_, { axis, batch, what, size }: Put, inputs) =>
    makeNode(put, inputs, { axis: axis + 1, batch: batch + 1, what, size }),
  lower(k, [g, index], { axis, batch, what, size }: Put) {
    const shape = k.shapeOf(only(g));
    const [outer, m, inner] = around(shape, axis, batch);
    const attrs = { numbers: [sizeOf(shape.slice(0, batch)), outer, size, inner, m], what, bound: size };
    return k.routine("put", [only(g), only(index)], shape.with(axis, size), k.dtypeOf(only(g)), attrs);
  },
};

function matchRank(operation: string, x: Shape, index: Shape, axis: number): void {
  if (x.length !== index.length || x.some((n, i) => i !== axis && n !== index[i]))
    throw new ShapeError(
      `${operation}: expected an index that agrees with ${showShape(x)} but for axis ${axis}, got ${showShape(index)}`,
    );
}

/** out[.., j, ..] = x[.., index[.., j, ..], ..] along `axis`. */
export const takeAlong: Linear = {
  kind: "linear",
  name: "takeAlong",
  linearInputs: 1,
  dtype: ([x]) => only(x).dtype,
  shape(inputs, { axis }: TakeAlong) {
    const [x, index] = indexed("takeAlong", inputs);
    matchRank("takeAlong", x.shape, index.shape, axis);
    return index.shape;
  },
  transpose(_, g, { axis, what }: TakeAlong, [x, index], input) {
    if (input !== 0) return null;
    return makeNode(putAlong, [g, only(index)], { axis, what, size: only(x).shape[axis] ?? 1 });
  },
  batch: (_, { axis, what }: TakeAlong, inputs) => makeNode(takeAlong, inputs, { axis: axis + 1, what }),
  lower(k, [x, index], { axis, what }: TakeAlong) {
    const [outer, n, inner] = around(k.shapeOf(only(x)), axis);
    const shape = k.shapeOf(only(index));
    const attrs = { numbers: [outer, n, inner, shape[axis] ?? 1], what, bound: n };
    return k.routine("takeAlong", [only(x), only(index)], shape, k.dtypeOf(only(x)), attrs);
  },
};

/** Zeros of extent `size` along `axis`, with each element of g added at its `index`. */
export const putAlong: Linear = {
  kind: "linear",
  name: "putAlong",
  linearInputs: 1,
  dtype: ([g]) => only(g).dtype,
  shape(inputs, { axis, size }: PutAlong) {
    const [g, index] = indexed("putAlong", inputs);
    matchRank("putAlong", g.shape, index.shape, axis);
    if (g.shape[axis] !== index.shape[axis])
      throw new ShapeError(
        `putAlong: expected an index for each element of ${showShape(g.shape)}, got ${showShape(index.shape)}`,
      );
    return g.shape.with(axis, size);
  },
  transpose(_, g, { axis, what }: PutAlong, [, index], input) {
    return input === 0 ? makeNode(takeAlong, [g, only(index)], { axis, what }) : null;
  },
  batch: (_, { axis, what, size }: PutAlong, inputs) => makeNode(putAlong, inputs, { axis: axis + 1, what, size }),
  lower(k, [g, index], { axis, what, size }: PutAlong) {
    const shape = k.shapeOf(only(g));
    const [outer, m, inner] = around(shape, axis);
    const attrs = { numbers: [outer, size, inner, m], what, bound: size };
    return k.routine("putAlong", [only(g), only(index)], shape.with(axis, size), k.dtypeOf(only(g)), attrs);
  },
};

/** The order that sorts the last axis, int32; stable, NaN the largest. */
export const argsort: Nonlinear = {
  kind: "nonlinear",
  name: "argsort",
  dtype(inputs) {
    numbers.call(argsort, inputs);
    return "int32";
  },
  shape: ([x]) => only(x).shape,
  vjp: () => [null],
  jvp: () => null,
  batch: (_, { descending }: { descending: boolean }, [x]) => makeNode(argsort, [only(x)], { descending }),
  lower(k, [x], { descending }: { descending: boolean }) {
    const shape = k.shapeOf(only(x));
    const n = shape.at(-1) ?? 1;
    const attrs = { numbers: [sizeOf(shape.slice(0, -1)), n, descending ? 1 : 0] };
    return k.routine("argsort", [only(x)], shape, "int32", attrs);
  },
};
