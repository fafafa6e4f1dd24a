// Losses and metrics of classification.
import { arange, checkIndex, DTypeError, eq, logSoftmax, ne, ShapeError, type Tensor, where } from "@cotangent/core";
import { showShape } from "./arguments.ts";
import { checkNotEmpty, type ReductionOptions, reduceLoss } from "./reduction.ts";

const isFloat = ({ dtype }: Tensor): boolean => dtype === "float32" || dtype === "float64";

/** Logits are [classes] or [batch, classes, …]. */
const classAxis = ({ shape }: Tensor): number => (shape.length === 1 ? 0 : 1);

/** Something for each class, shaped so that it broadcasts along the class axis. */
function alongClasses(x: Tensor, like: Tensor): Tensor {
  const axis = classAxis(like);
  return x.reshape(like.shape.map((n, i) => (i === axis ? n : 1)));
}

interface Picked {
  /** Class ids, 0 where they are ignored. */
  readonly kept: Tensor;
  /** Where labels count; null where all of them do. */
  readonly counts: Tensor | null;
  /** One bool for each class: is it the label's? */
  readonly isLabel: Tensor;
}

function pick(loss: string, logits: Tensor, labels: Tensor, ignoreIndex: number | null): Picked {
  const axis = classAxis(logits);
  const classes = logits.shape[axis] ?? 1;
  const ids = labels.to("int32");
  const counts = ignoreIndex === null ? null : ne(ids, ignoreIndex);
  const kept = checkIndex(counts ? where(counts, ids, 0) : ids, classes, `${loss}: labels`);
  const column = kept.reshape(logits.shape.map((n, i) => (i === axis ? 1 : n)));
  const names = arange(classes, { dtype: "int32", device: logits.device });
  return { kept, counts, isLabel: eq(column, alongClasses(names, logits)) };
}

function checkIds(loss: string, logits: Tensor, labels: Tensor): void {
  const wanted = logits.shape.filter((_, i) => i !== classAxis(logits));
  if (labels.shape.length !== wanted.length || labels.shape.some((n, i) => n !== wanted[i]))
    throw new ShapeError(
      `${loss}: expected labels of shape ${showShape(wanted)} for logits of shape ${showShape(logits.shape)}, got ${showShape(labels.shape)}`,
    );
  if (labels.dtype !== "int32" && labels.dtype !== "uint8")
    throw new DTypeError(
      `${loss}: expected class ids of int32 or uint8, got ${labels.dtype}. Convert them with .to("int32")`,
    );
}

function checkLogits(loss: string, logits: Tensor): void {
  if (logits.shape.length === 0)
    throw new ShapeError(`${loss}: expected logits of shape [classes] or [batch, classes, …], got a scalar`);
  if (!isFloat(logits)) throw new DTypeError(`${loss}: expected float logits, got ${logits.dtype}`);
}

function checkWeight(loss: string, logits: Tensor, weight: Tensor | undefined): void {
  const classes = logits.shape[classAxis(logits)] ?? 1;
  if (weight && (weight.shape.length !== 1 || weight.shape[0] !== classes))
    throw new ShapeError(`${loss}: expected a weight of shape [${classes}], got ${showShape(weight.shape)}`);
}

export interface NLLOptions extends ReductionOptions {
  /** A factor for each class, [classes]. The mean is weighted. */
  readonly weight?: Tensor;
  /** Labels of this value do not count; −100 by default, null for none. */
  readonly ignoreIndex?: number | null;
}

/** −Σ over classes of `logProbabilities` where the label is, and what the mean divides by. */
function nll(
  loss: string,
  logProbabilities: Tensor,
  labels: Tensor,
  { weight, ignoreIndex = -100, reduction = "mean" }: NLLOptions,
  smoothing = 0,
): Tensor {
  const axis = classAxis(logProbabilities);
  const { counts, isLabel } = pick(loss, logProbabilities, labels, ignoreIndex);
  const factors = weight ? alongClasses(weight, logProbabilities) : null;
  const weighted = factors ? logProbabilities.mul(factors) : logProbabilities;
  let losses = where(isLabel, weighted, 0).sum({ axis }).neg();
  if (smoothing !== 0) {
    const spread = weighted.sum({ axis }).mul(-smoothing / (logProbabilities.shape[axis] ?? 1));
    losses = losses.mul(1 - smoothing).add(spread);
  }
  if (counts) losses = where(counts, losses, 0);
  if (reduction !== "mean" || (!counts && !factors)) return reduceLoss(loss, losses, reduction);
  checkNotEmpty(loss, losses.shape, reduction);
  const shares = factors ? where(isLabel, factors, 0).sum({ axis }) : null;
  const total = counts ? (shares ? where(counts, shares, 0) : counts.to(losses.dtype)).sum() : shares?.sum();
  return total ? losses.sum().div(total) : losses.mean();
}

/**
 * The negative log-likelihood of class ids under log-probabilities, such as those of `LogSoftmax`.
 * @param logProbabilities float `[classes]` or `[batch, classes, …]`
 * @param labels class ids, int32 or uint8, `[]` or `[batch, …]`
 * @param options.weight a factor for each class; the mean divides by the sum of the factors that counted
 * @param options.ignoreIndex labels of this value do not count, −100 by default
 * @throws {IndexError} when it is computed: `nllLoss: labels: index 12 is out of range for size 10`
 */
export function nllLoss(logProbabilities: Tensor, labels: Tensor, options: NLLOptions = {}): Tensor {
  checkLogits("nllLoss", logProbabilities);
  checkIds("nllLoss", logProbabilities, labels);
  checkWeight("nllLoss", logProbabilities, options.weight);
  return nll("nllLoss", logProbabilities, labels, options);
}

export interface CrossEntropyOptions extends NLLOptions {
  /** Share of each label that is spread evenly over all classes (Szegedy et al., 2016). 0 by default. */
  readonly labelSmoothing?: number;
}

/**
 * Cross entropy between softmax(logits) and labels: `logsumexp(logits) − logits[label]`, without overflow.
 * @param logits float `[classes]` or `[batch, classes, …]`
 * @param labels class ids, int32 or uint8, `[]` or `[batch, …]`; or probabilities, float, shaped like the logits
 * @param options.weight a factor for each class; the mean over class ids divides by the sum of the factors that counted
 * @param options.ignoreIndex class ids of this value do not count, −100 by default
 * @param options.labelSmoothing from 0 to 1, 0 by default
 * @returns a scalar, or with `{ reduction: "none" }` a loss for each label
 * @throws {ShapeError} `crossEntropy: expected labels of shape [32] for logits of shape [32, 10], got [10]`
 * @throws {ArgumentError} for an empty batch, whose mean would be NaN
 * @throws {IndexError} when it is computed: `crossEntropy: labels: index 12 is out of range for size 10`
 * @example (await crossEntropy(tensor([[0, 0]]), tensor([1], { dtype: "int32" })).item()) // 0.6931
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight, labelSmoothing = 0, reduction = "mean" } = options;
  checkLogits("crossEntropy", logits);
  checkWeight("crossEntropy", logits, weight);
  const axis = classAxis(logits);
  const logProbabilities = logSoftmax(logits, { axis });
  if (!isFloat(labels) || labels.shape.length !== logits.shape.length) {
    checkIds("crossEntropy", logits, labels);
    return nll("crossEntropy", logProbabilities, labels, options, labelSmoothing);
  }
  if (labels.shape.some((n, i) => n !== logits.shape[i]))
    throw new ShapeError(
      `crossEntropy: expected probabilities of the logits' shape ${showShape(logits.shape)}, got ${showShape(labels.shape)}`,
    );
  const classes = logits.shape[axis] ?? 1;
  const smoothed = labelSmoothing === 0 ? labels : labels.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const weighted = weight ? logProbabilities.mul(alongClasses(weight, logits)) : logProbabilities;
  return reduceLoss("crossEntropy", weighted.mul(smoothed).sum({ axis }).neg(), reduction);
}

/**
 * The share of examples whose largest logit is the label's, a scalar without gradient.
 * @param logits `[classes]` or `[batch, classes, …]`
 * @param labels class ids, int32 or uint8, `[]` or `[batch, …]`
 * @example (await accuracy(tensor([[1, 0], [0, 1]]), tensor([0, 0], { dtype: "int32" })).item()) // 0.5
 */
export function accuracy(logits: Tensor, labels: Tensor): Tensor {
  checkLogits("accuracy", logits);
  checkIds("accuracy", logits, labels);
  checkNotEmpty("accuracy", labels.shape, "mean");
  return eq(logits.argmax({ axis: classAxis(logits) }), labels.to("int32"))
    .to("float32")
    .mean();
}
