// Conversion between dtypes, and the identity through which no gradient passes.
import { type DType, isFloat } from "../base/dtype.ts";
import { makeNode } from "../graph/node.ts";
import type { Linear } from "../graph/rules.ts";
import { anything, broadcast, only } from "./expect.ts";

/** Linear between floats; integers and bools have no gradient. */
export const cast: Linear = {
  kind: "linear",
  name: "cast",
  dtype: (_, { dtype }: { dtype: DType }) => dtype,
  shape: broadcast,
  transpose(b, g, _, [x]) {
    return x && isFloat(x.dtype) ? b.cast(g, x.dtype) : null;
  },
  batch: (b, { dtype }: { dtype: DType }, [x]) => b.cast(only(x), dtype),
  lower: (k, [x], { dtype }: { dtype: DType }) => k.cast(only(x), dtype),
};

/** The identity with gradient zero. */
export const stopGradient: Linear = {
  kind: "linear",
  name: "stopGradient",
  stops: true,
  dtype: anything,
  shape: broadcast,
  transpose: () => null,
  batch: (_, _attrs, [x]) => makeNode(stopGradient, [only(x)]),
  lower: (_, [x]) => only(x),
};

/** The identity: a name of its own for a value, so that a transform tells two uses of one tensor apart. */
export const alias: Linear = {
  kind: "linear",
  name: "alias",
  symbol: "",
  dtype: anything,
  shape: broadcast,
  transpose: (_, g) => g,
  batch: (_, _attrs, [x]) => makeNode(alias, [only(x)]),
  lower: (_, [x]) => only(x),
};
