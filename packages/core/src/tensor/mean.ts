// The mean, for methods and functions alike.
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";
import { scalarNode } from "../ops/source.ts";

/** Of floats. The first axis may be a batch: its size is then a number that plans are told, so that other sizes share kernels. */
export function meanNode(x: Node, axes: readonly number[]): Node {
  const total = builder.sum(x, axes);
  const count = axes.reduce((n, axis) => n * (x.shape[axis] ?? 1), 1);
  return builder.div(
    total,
    axes.includes(0) ? scalarNode(count, total.dtype, total.device) : builder.num(count, total),
  );
}
