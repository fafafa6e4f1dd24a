// Connectionist temporal classification: the likelihood of a sequence of labels, however it is spread over time.
import {
  ArgumentError,
  arange,
  concat,
  full,
  gather,
  logaddexp,
  logicalAnd,
  narrow,
  pad,
  ShapeError,
  select,
  stack,
  type Tensor,
  tensor,
  unsqueeze,
  where,
} from "@cotangent/core";
import { showShape } from "./arguments.ts";
import { type ReductionOptions, reduceLoss } from "./reduction.ts";

export interface CTCOptions extends ReductionOptions {
  /** The class that stands for no label, 0 by default. */
  readonly blank?: number;
  /** Takes an infinite loss, of a target too long for its input, as 0, and its gradient too. */
  readonly zeroInfinity?: boolean;
}

const lowest = Number.NEGATIVE_INFINITY;

/** x moved `by` places along the last axis; what comes in is impossible. */
const later = (x: Tensor, by: number): Tensor =>
  pad(narrow(x, -1, 0, (x.shape.at(-1) ?? 0) - by), [[by, 0]], { value: lowest });

/**
 * The negative logarithm of the probability that a sequence of class probabilities spells the target, summed over all alignments
 * (Graves et al., 2006). The loop over time is unrolled into the graph.
 * @param logProbabilities `[time, batch, classes]`, such as those of `logSoftmax`
 * @param targets class ids without blanks, int32 `[batch, labels]`, padded with anything in range
 * @param inputLengths how much of the time counts, for each example: whole numbers of at least 1
 * @param targetLengths how many of the labels count, for each example
 * @param options.reduction "mean" divides each loss by its target's length, and takes the mean of these
 * @throws {ShapeError} `ctcLoss: expected [time, batch, classes] and targets [batch, labels], got [5, 2, 3] and [3, 2]`
 * @example (await ctcLoss(logSoftmax(zeros([2, 1, 2])), tensor([[1]], { dtype: "int32" }), [2], [1]).item()) // 0.2877
 */
export function ctcLoss(
  logProbabilities: Tensor,
  targets: Tensor,
  inputLengths: readonly number[],
  targetLengths: readonly number[],
  options: CTCOptions = {},
): Tensor {
  const { blank = 0, reduction = "mean", zeroInfinity = false } = options;
  const [time = 0, batch = 0, classes = 0] = logProbabilities.shape;
  if (logProbabilities.rank !== 3 || targets.rank !== 2 || targets.shape[0] !== batch)
    throw new ShapeError(
      `ctcLoss: expected [time, batch, classes] and targets [batch, labels], got ${showShape(logProbabilities.shape)} and ${showShape(targets.shape)}`,
    );
  const labels = targets.shape[1] ?? 0;
  checkLengths("input", inputLengths, batch, 1, time);
  checkLengths("target", targetLengths, batch, 0, labels);
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes)
    throw new ArgumentError(`ctcLoss: expected a blank from 0 to ${classes - 1}, got ${blank}`);
  const { device } = logProbabilities;
  // Labels with a blank before, between and after them.
  const ids = targets.to("int32");
  const blanks = full([batch, labels], blank, { dtype: "int32", device });
  const pairs = stack([blanks, ids], { axis: 2 }).reshape([batch, 2 * labels]);
  const states = concat([pairs, full([batch, 1], blank, { dtype: "int32", device })], { axis: 1 });
  const count = 2 * labels + 1;
  // A blank may be left out between two labels that differ.
  const isOther = states.ne(
    pad(narrow(states, 1, 0, Math.max(0, count - 2)), [[Math.min(2, count), 0]], { value: blank }),
  );
  const skips = logicalAnd(states.ne(blank), isOther);
  const emitted = gather(logProbabilities, states.reshape([1, batch, count]).expand([time, batch, count]), { axis: 2 });
  const list = (values: readonly number[]): Tensor => tensor(Int32Array.from(values), { device });
  const lengths = unsqueeze(list(inputLengths), 1);
  const place = arange(count, { dtype: "int32", device });
  let alpha = where(place.lt(2), select(emitted, 0, 0), lowest);
  for (let t = 1; t < time; t++) {
    const stayed = count > 1 ? logaddexp(alpha, later(alpha, 1)) : alpha;
    const moved = count > 2 ? logaddexp(stayed, where(skips, later(alpha, 2), lowest)) : stayed;
    alpha = where(lengths.gt(t), moved.add(select(emitted, 0, t)), alpha);
  }
  const ends = list(targetLengths.map((n) => 2 * n));
  const last = gather(alpha, unsqueeze(ends, 1));
  const before = gather(alpha, unsqueeze(list(targetLengths.map((n) => Math.max(0, 2 * n - 1))), 1));
  const total = where(unsqueeze(ends.gt(0), 1), logaddexp(last, before), last).reshape([batch]);
  const losses = total.neg();
  const kept = zeroInfinity ? where(losses.eq(Number.POSITIVE_INFINITY), 0, losses) : losses;
  if (reduction !== "mean") return reduceLoss("ctcLoss", kept, reduction);
  const sizes = tensor(
    targetLengths.map((n) => Math.max(1, n)),
    { dtype: losses.dtype, device },
  );
  return reduceLoss("ctcLoss", kept.div(sizes), reduction);
}

function checkLengths(what: string, lengths: readonly number[], batch: number, least: number, most: number): void {
  if (lengths.length !== batch || lengths.some((n) => !Number.isInteger(n) || n < least || n > most))
    throw new ArgumentError(
      `ctcLoss: expected ${batch} whole ${what} lengths from ${least} to ${most}, got [${lengths.join(", ")}]`,
    );
}
