// Matrix products by NumPy's rules, as contractions.
import { ShapeError } from "../base/errors.ts";
import { broadcastShapes, type Shape, showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder } from "../ops/builder.ts";

const none: readonly number[] = [];

/** 1-d operands are vectors; leading axes are batches and broadcast. */
export function matmulNode(a: Node, b: Node): Node {
  const [rankA, rankB] = [a.shape.length, b.shape.length];
  if (rankA === 0 || rankB === 0)
    throw new ShapeError(
      `matmul: expected at least one axis each, got ${showShape(a.shape)} and ${showShape(b.shape)}. Use mul`,
    );
  const innerA = a.shape[rankA - 1];
  const innerB = b.shape[Math.max(0, rankB - 2)];
  if (innerA !== innerB)
    throw new ShapeError(
      `matmul: expected matching inner sizes, got ${showShape(a.shape)} and ${showShape(b.shape)}: ${innerA} and ${innerB} differ`,
    );
  if (rankB <= 2) {
    const [contractA, contractB] = [[rankA - 1], [Math.max(0, rankB - 2)]];
    return builder.contract(a, b, { batchA: none, batchB: none, contractA, contractB });
  }
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  const grow = (x: Node, matrix: Shape): Node => builder.expand(x, [...batch, ...matrix]);
  const left = grow(a, a.shape.slice(-2));
  const right = grow(b, b.shape.slice(-2));
  const rank = batch.length;
  const axes = batch.map((_, i) => i);
  const vector = rankA === 1;
  return builder.contract(left, right, {
    batchA: axes,
    batchB: axes,
    contractA: [rank + (vector ? 0 : 1)],
    contractB: [rank],
  });
}
