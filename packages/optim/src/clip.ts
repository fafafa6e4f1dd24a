// Gradient clipping. It joins the step: nothing is computed here. Gradients of createGraph keep their trail.
import { ArgumentError, clamp, maximum, minimum, Tensor } from "@cotangent/core";

const listOf = (parameters: Tensor | Iterable<Tensor>): Tensor[] =>
  (parameters instanceof Tensor ? [parameters] : [...parameters]).filter((parameter) => parameter.grad !== null);

/**
 * Scales all gradients by one factor, `min(1, maxNorm / (norm + 1e-6))`, so that their joint norm is at most `maxNorm`.
 * Call it between `backward()` and `step()`.
 * @param options.normType 2 by default; Infinity for the largest element
 * @returns the norm before clipping, a scalar tensor
 * @throws {ArgumentError} where no parameter has a gradient, or `clipGradNorm: expected maxNorm ≥ 0, got -1`
 * @example
 * const weight = tensor([3, 4], { requiresGrad: true });
 * weight.mul(weight).sum().backward();
 * await clipGradNorm(weight, 1).item() // 10
 */
export function clipGradNorm(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  { normType = 2 }: { readonly normType?: number } = {},
): Tensor {
  if (!(maxNorm >= 0)) throw new ArgumentError(`clipGradNorm: expected maxNorm ≥ 0, got ${maxNorm}`);
  if (!(normType > 0)) throw new ArgumentError(`clipGradNorm: expected normType > 0, got ${normType}`);
  const list = listOf(parameters);
  const norm = jointNorm(list, normType);
  if (!norm)
    throw new ArgumentError("clipGradNorm: expected parameters with gradients, got none. Call backward() before");
  const scale = minimum(norm.add(1e-6).pow(-1).mul(maxNorm), 1);
  for (const { grad } of list) grad?.assign(grad.mul(scale));
  return norm;
}

function jointNorm(parameters: readonly Tensor[], normType: number): Tensor | undefined {
  let total: Tensor | undefined;
  for (const { grad } of parameters) {
    if (!grad) continue;
    if (normType === Number.POSITIVE_INFINITY) {
      const largest = grad.abs().max();
      total = total ? maximum(total, largest) : largest;
    } else {
      const sum = (normType === 1 ? grad.abs() : normType === 2 ? grad.mul(grad) : grad.abs().pow(normType)).sum();
      total = total ? total.add(sum) : sum;
    }
  }
  if (normType === 2) return total?.sqrt();
  return normType === 1 || normType === Number.POSITIVE_INFINITY ? total : total?.pow(1 / normType);
}

/**
 * Clamps every element of all gradients to [−clipValue, clipValue].
 * @throws {ArgumentError} `clipGradValue: expected clipValue ≥ 0, got -1`
 */
export function clipGradValue(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0)) throw new ArgumentError(`clipGradValue: expected clipValue ≥ 0, got ${clipValue}`);
  for (const { grad } of listOf(parameters)) grad?.assign(clamp(grad, { min: -clipValue, max: clipValue }));
}
