// Powers whose exponent is a number: the usual ones are products, roots and quotients.
import { makeNode, type Node } from "../graph/node.ts";
import { reciprocal, square } from "../ops/arithmetic.ts";
import { builder } from "../ops/builder.ts";
import { scalarNode } from "../ops/source.ts";

/** xᵖ of a float node. */
export function powNode(x: Node, exponent: number): Node {
  switch (exponent) {
    case 1:
      return x;
    case 2:
      return makeNode(square, [x]);
    case 3:
      return builder.mul(makeNode(square, [x]), x);
    case -1:
      return makeNode(reciprocal, [x]);
    default:
      return builder.pow(x, scalarNode(exponent, x.dtype, x.device));
  }
}
