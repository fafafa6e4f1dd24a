// When things are computed, and whether gradients are recorded.
import { GraphError } from "../base/errors.ts";
import { withoutGradients } from "../graph/node.ts";
import { realizeForReading } from "../tensor/backward.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { nodeOf } from "./arguments.ts";

/**
 * Runs a function whose results record no gradient.
 * @param body a synchronous function: what it builds after an `await` would record gradients again
 * @throws {GraphError} `noGrad: expected a synchronous function, got one that returns a promise`
 * @example noGrad(() => tensor(2, { requiresGrad: true }).mul(3)).requiresGrad // false
 */
export function noGrad<T>(body: () => T): T {
  const result = withoutGradients(body);
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
