// Running sums and products, linear recurrences, and the positions of running extremes along an axis.
import { ShapeError } from "../base/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import type { Builder, Lowering } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import type { Linear, Nonlinear } from "../graph/rules.ts";
import { accumulator, broadcast, floats, numbers, only } from "./expect.ts";
import { padWith } from "./view.ts";

export type Scan = { readonly axis: number; readonly reverse: boolean };

const modes = { sum: 0, max: 1, min: 2, product: 3, recurrence: 4 } as const;

/** The routine's numbers: extents before, of and after the axis, what to do, and whether backwards. */
function layoutOf(shape: Shape, { axis, reverse }: Scan, mode: keyof typeof modes): { numbers: readonly number[] } {
  const outer = sizeOf(shape.slice(0, axis));
  const inner = sizeOf(shape.slice(axis + 1));
  return { numbers: [outer, shape[axis] ?? 1, inner, modes[mode], reverse ? 1 : 0] };
}

/** The sum of each cell and all before it, or after it; bools and small integers are summed as int32. */
export const cumsum: Linear = {
  kind: "linear",
  name: "cumsum",
  dtype: ([x]) => accumulator(only(x).dtype),
  shape: ([x]) => only(x).shape,
  transpose: (_, g, { axis, reverse }: Scan) => makeNode(cumsum, [g], { axis, reverse: !reverse }),
  batch: (_, { axis, reverse }: Scan, inputs) => makeNode(cumsum, inputs, { axis: axis + 1, reverse }),
  lower(k, [input], attrs: Scan) {
    const x = k.cast(only(input), accumulator(k.dtypeOf(only(input))));
    return k.routine("scan", [x], k.shapeOf(x), k.dtypeOf(x), layoutOf(k.shapeOf(x), attrs, "sum"));
  },
};

/** What comes before each cell, and `first` before the first one. */
function before(b: Builder, x: Node, { axis, reverse }: Scan, first: number): Node {
  const n = x.shape[axis] ?? 0;
  if (n === 0) return x;
  const zeros = x.shape.map(() => 0);
  const ones = x.shape.map(() => 1);
  const rest = b.slice(x, zeros.with(axis, reverse ? 1 : 0), ones, x.shape.with(axis, n - 1));
  const [low, high] = [zeros.with(axis, reverse ? 0 : 1), zeros.with(axis, reverse ? 1 : 0)];
  return makeNode(padWith, [rest], { low, high, interior: ones, fill: first });
}

/** Cotangents of y[i] = a[i]·y[i − 1] + …, as they reach each cell: r[i] = g[i] + a[i + 1]·r[i + 1]. */
function collected(b: Builder, g: Node, a: Node, { axis, reverse }: Scan): Node {
  const back = { axis, reverse: !reverse };
  return makeNode(recurrence, [before(b, a, back, 0), g], back);
}

/** y[i] = a[i]·y[i − 1] + b[i], from y[0] = b[0] on; a[0] is not read. */
export const recurrence: Nonlinear = {
  kind: "nonlinear",
  name: "recurrence",
  dtype: floats,
  shape(inputs, { axis }: Scan) {
    const shape = broadcast.call(recurrence, inputs);
    if (inputs.every((x) => sameShape(x.shape, shape)) && axis < shape.length) return shape;
    throw new ShapeError(`recurrence: expected two inputs of one shape, got ${inputs.map((x) => showShape(x.shape))}`);
  },
  vjp(b, g, y, attrs: Scan, [a]) {
    const r = collected(b, g, only(a), attrs);
    return [b.mul(r, before(b, y, attrs, 0)), r]; // ∂a[i] = r[i]·y[i − 1], ∂b[i] = r[i]
  },
  jvp(b, [da, db], y, attrs: Scan, [a]) {
    const moved = da ? b.mul(da, before(b, y, attrs, 0)) : null;
    const source = moved && db ? b.add(moved, db) : (moved ?? db);
    return source ? makeNode(recurrence, [only(a), source], attrs) : null;
  },
  batch: (_, { axis, reverse }: Scan, inputs) => makeNode(recurrence, inputs, { axis: axis + 1, reverse }),
  lower(k, [a, b], attrs: Scan) {
    const shape = k.shapeOf(only(a));
    return k.routine("scan", [only(a), only(b)], shape, k.dtypeOf(only(a)), layoutOf(shape, attrs, "recurrence"));
  },
};

/** The product of each cell and all before it; its derivatives never divide, so they are right where there are zeros. */
export const cumprod: Nonlinear = {
  kind: "nonlinear",
  name: "cumprod",
  dtype: ([x]) => accumulator(only(x).dtype),
  shape: ([x]) => only(x).shape,
  // ∂x[i] = (x[0]···x[i − 1])·r[i]
  vjp: (b, g, y, attrs: Scan, [x]) => [b.mul(collected(b, g, only(x), attrs), before(b, y, attrs, 1))],
  jvp: (b, [dx], y, attrs: Scan, [x]) =>
    dx ? makeNode(recurrence, [only(x), b.mul(dx, before(b, y, attrs, 1))], attrs) : null,
  batch: (_, { axis, reverse }: Scan, inputs) => makeNode(cumprod, inputs, { axis: axis + 1, reverse }),
  lower(k, [input], attrs: Scan) {
    const x = k.cast(only(input), accumulator(k.dtypeOf(only(input))));
    return k.routine("scan", [x], k.shapeOf(x), k.dtypeOf(x), layoutOf(k.shapeOf(x), attrs, "product"));
  },
};

function lowerPositions<L>(k: Lowering<L>, x: L, attrs: Scan, mode: "max" | "min"): L {
  return k.routine("scan", [x], k.shapeOf(x), "int32", layoutOf(k.shapeOf(x), attrs, mode));
}

/** Where along the axis the largest so far is, int32: the latest of equals, NaN before all. */
export const argcummax: Nonlinear = {
  kind: "nonlinear",
  name: "argcummax",
  dtype(inputs) {
    numbers.call(argcummax, inputs);
    return "int32";
  },
  shape: ([x]) => only(x).shape,
  vjp: () => [null],
  jvp: () => null,
  batch: (_, { axis, reverse }: Scan, inputs) => makeNode(argcummax, inputs, { axis: axis + 1, reverse }),
  lower: (k, [x], attrs: Scan) => lowerPositions(k, only(x), attrs, "max"),
};

/** Where along the axis the smallest so far is, int32: the latest of equals, NaN before all. */
export const argcummin: Nonlinear = {
  kind: "nonlinear",
  name: "argcummin",
  dtype(inputs) {
    numbers.call(argcummin, inputs);
    return "int32";
  },
  shape: ([x]) => only(x).shape,
  vjp: () => [null],
  jvp: () => null,
  batch: (_, { axis, reverse }: Scan, inputs) => makeNode(argcummin, inputs, { axis: axis + 1, reverse }),
  lower: (k, [x], attrs: Scan) => lowerPositions(k, only(x), attrs, "min"),
};
