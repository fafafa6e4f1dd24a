// Running sums and the positions of running extremes along an axis.
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Lowering } from "../graph/algebra.ts";
import { makeNode } from "../graph/node.ts";
import type { Linear, Nonlinear } from "../graph/rules.ts";
import { accumulator, numbers, only } from "./expect.ts";

export type Scan = { readonly axis: number; readonly reverse: boolean };

const modes = { sum: 0, max: 1, min: 2 } as const;

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
