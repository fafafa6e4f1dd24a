// When things are computed, and whether gradients are recorded.
import { isFloat } from "../base/dtype.ts";
import { GraphError } from "../base/errors.ts";
import { makeNode, type Node, withoutDerivatives } from "../graph/node.ts";
import { stopGradient } from "../ops/cast.ts";
import { realizeForReading } from "../tensor/backward.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { nodeOf } from "./arguments.ts";

const stop = (x: Node): Node =>
  isFloat(x.dtype) && x.op.kind !== "constant" && x.op.kind !== "scalar" ? makeNode(stopGradient, [x]) : x;

/**
 * Runs a function whose results record no gradient. Transforms see constants, too: `grad` of a function takes no derivative of
 * what that function builds under noGrad.
 * @param body a synchronous function: what it builds after an `await` would record gradients again
 * @throws {GraphError} `noGrad: expected a synchronous function, got one that returns a promise`
 * @example noGrad(() => tensor(2, { requiresGrad: true }).mul(3)).requiresGrad // false
 */
export function noGrad<T>(body: () => T): T {
  const result = withoutDerivatives(stop, body);
  if (result instanceof Promise)
    throw new GraphError(
      "noGrad: expected a synchronous function, got one that returns a promise. Await before, and build inside",
    );
  return result;
}

/**
 * Computes tensors now, together, in one plan. Reading values does this by itself; call it to choose the moment.
 * @example (realize(tensor([1]).add(1)), engineStatistics().runs > 0) // true
 */
export function realize(...tensors: readonly Tensor[]): void {
  realizeForReading(tensors.map((x) => nodeOf("realize", x)));
}
