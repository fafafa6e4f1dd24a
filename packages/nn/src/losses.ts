// Losses of regression, of yes-or-no questions, and between distributions. Input and target have one shape.
import { abs, clamp, exp, log, log1p, logSigmoid, ShapeError, type Tensor, where } from "@cotangent/core";
import { checkNotEmpty, checkSameShape, type Reduction, type ReductionOptions, reduceLoss } from "./reduction.ts";

const checked = (loss: string, input: Tensor, target: Tensor): void => checkSameShape(loss, input.shape, target.shape);

/**
 * (input − target)².
 * @throws {ShapeError} `mse: expected a target of shape [32, 1], got [32]`
 * @example (await mse(tensor([1, 2]), tensor([1, 4])).item()) // 2
 */
export function mse(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  checked("mse", input, target);
  const difference = input.sub(target);
  return reduceLoss("mse", difference.mul(difference), options.reduction);
}

/**
 * |input − target|; its derivative is 0 where both are equal.
 * @example (await l1Loss(tensor([1, 2]), tensor([1, 4])).item()) // 1
 */
export function l1Loss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  checked("l1Loss", input, target);
  return reduceLoss("l1Loss", abs(input.sub(target)), options.reduction);
}

/**
 * Half the square of the difference d where |d| ≤ delta, `delta·(|d| − delta/2)` beyond (Huber, 1964).
 * @param options.delta 1 by default
 * @example (await huberLoss(tensor([0, 0]), tensor([1, 3])).item()) // 1.5
 */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { delta = 1, reduction = "mean" }: ReductionOptions & { readonly delta?: number } = {},
): Tensor {
  checked("huberLoss", input, target);
  const difference = input.sub(target);
  const size = abs(difference);
  const losses = where(size.le(delta), difference.mul(difference).mul(0.5), size.sub(delta / 2).mul(delta));
  return reduceLoss("huberLoss", losses, reduction);
}

/**
 * `d²/(2·beta)` where |d| < beta, `|d| − beta/2` beyond.
 * @param options.beta 1 by default; with 0 it is `l1Loss`
 * @example (await smoothL1Loss(tensor([0, 0]), tensor([1, 3])).item()) // 1.5
 */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { beta = 1, reduction = "mean" }: ReductionOptions & { readonly beta?: number } = {},
): Tensor {
  checked("smoothL1Loss", input, target);
  const difference = input.sub(target);
  const size = abs(difference);
  if (beta === 0) return reduceLoss("smoothL1Loss", size, reduction);
  const losses = where(size.lt(beta), difference.mul(difference).mul(0.5 / beta), size.sub(beta / 2));
  return reduceLoss("smoothL1Loss", losses, reduction);
}

/**
 * Binary cross entropy of probabilities. Logarithms are limited to −100, as in PyTorch.
 * @param probabilities from 0 to 1
 * @param target from 0 to 1
 * @param options.weight a factor for each loss, of a shape that broadcasts
 * @example (await bce(tensor([0.5]), tensor([1])).item()) // 0.6931
 */
export function bce(
  probabilities: Tensor,
  target: Tensor,
  { weight, reduction = "mean" }: ReductionOptions & { readonly weight?: Tensor } = {},
): Tensor {
  checked("bce", probabilities, target);
  const yes = clamp(log(probabilities), { min: -100 });
  const no = clamp(log1p(probabilities.neg()), { min: -100 });
  const losses = target.mul(yes).add(target.neg().add(1).mul(no)).neg();
  return reduceLoss("bce", weight ? losses.mul(weight) : losses, reduction);
}

/**
 * Binary cross entropy of logits: `−target·log σ(x) − (1 − target)·log σ(−x)`, without overflow or cancellation.
 * @param options.weight a factor for each loss, of a shape that broadcasts
 * @param options.posWeight a factor for the first term, of a shape that broadcasts
 * @example (await bceWithLogits(tensor([0]), tensor([1])).item()) // 0.6931
 */
export function bceWithLogits(
  logits: Tensor,
  target: Tensor,
  {
    weight,
    posWeight,
    reduction = "mean",
  }: ReductionOptions & { readonly weight?: Tensor; readonly posWeight?: Tensor } = {},
): Tensor {
  checked("bceWithLogits", logits, target);
  const positive = posWeight ? target.mul(posWeight) : target;
  const losses = positive
    .mul(logSigmoid(logits))
    .add(target.neg().add(1).mul(logSigmoid(logits.neg())))
    .neg();
  return reduceLoss("bceWithLogits", weight ? losses.mul(weight) : losses, reduction);
}

/**
 * Kullback-Leibler divergence `target·(log target − input)`, 0 where the target is 0.
 * @param input log-probabilities
 * @param target probabilities, or with `logTarget` their logarithms
 * @param options.reduction besides the usual ones "batchmean": the sum divided by the size of the first axis
 * @example (await klDiv(tensor([-0.6931, -0.6931]), tensor([1, 0]), { reduction: "sum" }).item()) // 0.6931
 */
export function klDiv(
  input: Tensor,
  target: Tensor,
  {
    logTarget = false,
    reduction = "mean",
  }: { readonly logTarget?: boolean; readonly reduction?: Reduction | "batchmean" } = {},
): Tensor {
  checked("klDiv", input, target);
  const losses = logTarget
    ? exp(target).mul(target.sub(input))
    : where(target.gt(0), target.mul(log(target).sub(input)), 0);
  if (reduction !== "batchmean") return reduceLoss("klDiv", losses, reduction);
  const [batch] = losses.shape;
  if (batch === undefined) throw new ShapeError("klDiv: expected a batch axis with batchmean, got a scalar");
  checkNotEmpty("klDiv", losses.shape, "mean");
  return losses.sum().div(batch);
}
