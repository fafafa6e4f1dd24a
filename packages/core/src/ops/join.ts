// Concatenation: linear in all of its inputs together.
import { ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { makeNode } from "../graph/node.ts";
import type { Linear } from "../graph/rules.ts";
import { anything, only } from "./expect.ts";

export type Join = { readonly axis: number };

/** Where each part begins along the axis, and where the last one ends. */
function offsets(shapes: readonly Shape[], axis: number): number[] {
  const out = [0];
  for (const shape of shapes) out.push((out.at(-1) ?? 0) + (shape[axis] ?? 0));
  return out;
}

/** All inputs, one after another along `axis`; their other sizes are equal. */
export const join: Linear = {
  kind: "linear",
  name: "concat",
  dtype: anything,
  shape(inputs, { axis }: Join) {
    const first = only(inputs[0]).shape;
    for (const { shape } of inputs)
      if (shape.length !== first.length || shape.some((n, i) => i !== axis && n !== first[i]))
        throw new ShapeError(
          `concat: expected shapes that agree but for axis ${axis}, got ${showShape(first)} and ${showShape(shape)}`,
        );
    return first.with(
      axis,
      offsets(
        inputs.map((x) => x.shape),
        axis,
      ).at(-1) ?? 0,
    );
  },
  transpose(b, g, { axis }: Join, inputs, index) {
    const { shape } = only(inputs[index]);
    const start =
      offsets(
        inputs.map((x) => x.shape),
        axis,
      )[index] ?? 0;
    const zeros = shape.map(() => 0);
    return b.slice(
      g,
      zeros.with(axis, start),
      shape.map(() => 1),
      shape,
    );
  },
  batch: (_, { axis }: Join, inputs) => makeNode(join, inputs, { axis: axis + 1 }),
  lower(k, inputs, { axis }: Join) {
    const shapes = inputs.map((x) => k.shapeOf(x));
    const at = offsets(shapes, axis);
    const first = only(shapes[0]);
    const zeros = first.map(() => 0);
    return k.join(
      inputs,
      shapes.map((_, i) => zeros.with(axis, at[i] ?? 0)),
      first.with(axis, at.at(-1) ?? 0),
    );
  },
};
