// Losses that compare: margins between scores, distances between embeddings; and likelihoods of counts and of noisy values.
import {
  cosineSimilarity,
  gather,
  log,
  logaddexp,
  maximum,
  minimum,
  norm,
  oneHot,
  ShapeError,
  type Tensor,
  where,
} from "@cotangent/core";
import { showShape } from "./arguments.ts";
import { checkSameShape, type ReductionOptions, reduceLoss } from "./reduction.ts";

/** A loss with a margin. */
export interface MarginOptions extends ReductionOptions {
  readonly margin?: number;
}

/**
 * `max(0, −y·(x1 − x2) + margin)`: x1 should rank above x2 where y is 1, below where it is −1.
 * @param options.margin 0 by default
 * @throws {ShapeError} `marginRankingLoss: expected a target of shape [3], got [2]`
 * @example (await marginRankingLoss(tensor([1, 2]), tensor([3, 1]), tensor([1, 1])).item()) // 1
 */
export function marginRankingLoss(x1: Tensor, x2: Tensor, y: Tensor, options: MarginOptions = {}): Tensor {
  checkSameShape("marginRankingLoss", x1.shape, x2.shape);
  checkSameShape("marginRankingLoss", x1.shape, y.shape);
  const losses = y
    .mul(x2.sub(x1))
    .add(options.margin ?? 0)
    .relu();
  return reduceLoss("marginRankingLoss", losses, options.reduction);
}

/**
 * x where y is 1, `max(0, margin − x)` where it is −1: distances of pairs that belong together, or don't.
 * @param options.margin 1 by default
 * @example (await hingeEmbeddingLoss(tensor([0.5, 0.2]), tensor([1, -1])).item()) // 0.65
 */
export function hingeEmbeddingLoss(x: Tensor, y: Tensor, options: MarginOptions = {}): Tensor {
  checkSameShape("hingeEmbeddingLoss", x.shape, y.shape);
  const apart = x
    .neg()
    .add(options.margin ?? 1)
    .relu();
  return reduceLoss("hingeEmbeddingLoss", where(y.eq(1), x, apart), options.reduction);
}

/**
 * `log(1 + exp(−y·x))`, without overflow.
 * @param y 1 or −1
 * @example (await softMarginLoss(tensor([0]), tensor([1])).item()) // 0.6931
 */
export function softMarginLoss(x: Tensor, y: Tensor, options: ReductionOptions = {}): Tensor {
  checkSameShape("softMarginLoss", x.shape, y.shape);
  return reduceLoss("softMarginLoss", logaddexp(y.mul(x).neg(), 0), options.reduction);
}

/**
 * The hinge loss of several classes: for each example the mean over the other classes j of `max(0, margin − x[y] + x[j])^p`, divided by
 * the number of classes.
 * @param x scores `[batch, classes]`
 * @param labels class ids, int32 or uint8, `[batch]`
 * @param options.p 1 by default
 * @param options.margin 1 by default
 * @param options.weight a factor for each class
 * @throws {IndexError} when it is computed: `oneHot: index 12 is out of range for size 10`
 * @example (await multiMarginLoss(tensor([[0.5, 0, 1]]), tensor([2], { dtype: "int32" })).item()) // 0.1667
 */
export function multiMarginLoss(
  x: Tensor,
  labels: Tensor,
  options: MarginOptions & { readonly p?: number; readonly weight?: Tensor } = {},
): Tensor {
  const [batch, classes] = x.shape;
  if (x.rank !== 2 || classes === undefined || labels.rank !== 1 || labels.shape[0] !== batch)
    throw new ShapeError(
      `multiMarginLoss: expected scores [batch, classes] and labels [batch], got ${showShape(x.shape)} and ${showShape(labels.shape)}`,
    );
  const { p = 1, margin = 1, weight } = options;
  const isLabel = oneHot(labels, classes).eq(1);
  const own = where(isLabel, x, 0).sum({ axis: 1, keepdims: true });
  const hinge = x.sub(own).add(margin).relu();
  const powers = p === 1 ? hinge : hinge.pow(p);
  const factors = weight ? gather(weight, labels.to("int32")).reshape([labels.size, 1]) : 1;
  const losses = where(isLabel, 0, powers.mul(factors)).sum({ axis: 1 }).div(classes);
  return reduceLoss("multiMarginLoss", losses, options.reduction);
}

/**
 * `1 − cos(a, b)` where y is 1, `max(0, cos(a, b) − margin)` where it is −1.
 * @param a `[batch, d]`, or `[d]` with a scalar y
 * @param y 1 or −1, `[batch]`
 * @param options.margin 0 by default
 * @throws {ShapeError} `cosineEmbeddingLoss: expected a target of shape [2, 3], got [2, 4]`
 * @example (await cosineEmbeddingLoss(tensor([[1, 0]]), tensor([[0, 1]]), tensor([1])).item()) // 1
 */
export function cosineEmbeddingLoss(a: Tensor, b: Tensor, y: Tensor, options: MarginOptions = {}): Tensor {
  checkSameShape("cosineEmbeddingLoss", a.shape, b.shape);
  checkSameShape("cosineEmbeddingLoss", a.shape.slice(0, -1), y.shape);
  const cosine = cosineSimilarity(a, b, { axis: -1, eps: 1e-6 });
  const apart = cosine.sub(options.margin ?? 0).relu();
  return reduceLoss("cosineEmbeddingLoss", where(y.eq(1), cosine.neg().add(1), apart), options.reduction);
}

export interface TripletOptions extends MarginOptions {
  /** The order of the norm, 2 by default. */
  readonly p?: number;
  /** Added to each difference, 1e-6 by default. */
  readonly eps?: number;
  /** Takes the distance from positive to negative where that is smaller (Balntas et al., 2016). */
  readonly swap?: boolean;
}

/**
 * `max(0, d(anchor, positive) − d(anchor, negative) + margin)` (Schroff et al., "FaceNet", 2015).
 * @param anchor `[batch, d]`, as the others
 * @param options.margin 1 by default
 * @throws {ShapeError} `tripletMarginLoss: expected a target of shape [2, 3], got [2, 4]`
 * @example (await tripletMarginLoss(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 5]])).item()) // 1
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletOptions = {},
): Tensor {
  const { margin = 1, p = 2, eps = 1e-6, swap = false } = options;
  for (const other of [positive, negative]) checkSameShape("tripletMarginLoss", anchor.shape, other.shape);
  const distance = (x: Tensor, y: Tensor): Tensor => norm(x.sub(y).add(eps), { ord: p, axis: -1 });
  const away = distance(anchor, negative);
  const far = swap ? minimum(away, distance(positive, negative)) : away;
  const losses = distance(anchor, positive).sub(far).add(margin).relu();
  return reduceLoss("tripletMarginLoss", losses, options.reduction);
}

/**
 * The negative log-likelihood of counts under Poisson's distribution: `exp(x) − target·x`, without what does not depend on x.
 * @param x the logarithm of the rate, or with `logInput: false` the rate itself
 * @param options.logInput true by default
 * @param options.full adds Stirling's approximation of log target!, where the target is above 1
 * @param options.eps added to a rate before its logarithm is taken, 1e-8 by default
 * @example (await poissonNllLoss(tensor([0]), tensor([2])).item()) // 1
 */
export function poissonNllLoss(
  x: Tensor,
  target: Tensor,
  options: ReductionOptions & {
    readonly logInput?: boolean;
    readonly full?: boolean;
    readonly eps?: number;
  } = {},
): Tensor {
  const { logInput = true, full = false, eps = 1e-8 } = options;
  checkSameShape("poissonNllLoss", x.shape, target.shape);
  const losses = logInput ? x.exp().sub(target.mul(x)) : x.sub(target.mul(log(x.add(eps))));
  if (!full) return reduceLoss("poissonNllLoss", losses, options.reduction);
  const safe = maximum(target, 1);
  const stirling = safe
    .mul(log(safe))
    .sub(safe)
    .add(log(safe.mul(2 * Math.PI)).mul(0.5));
  return reduceLoss("poissonNllLoss", losses.add(where(target.gt(1), stirling, 0)), options.reduction);
}

/**
 * The negative log-likelihood of values under normal distributions: `½·(log var + (mean − target)²/var)`.
 * @param variance of the mean's shape, or one that broadcasts; taken as eps where it is smaller
 * @param options.full adds ½·log 2π
 * @param options.eps 1e-6 by default
 * @example (await gaussianNllLoss(tensor([1]), tensor([3]), tensor([4])).item()) // 1.1931
 */
export function gaussianNllLoss(
  mean: Tensor,
  target: Tensor,
  variance: Tensor,
  options: ReductionOptions & { readonly full?: boolean; readonly eps?: number } = {},
): Tensor {
  const { full = false, eps = 1e-6 } = options;
  checkSameShape("gaussianNllLoss", mean.shape, target.shape);
  const bounded = maximum(variance, eps);
  const difference = mean.sub(target);
  const losses = log(bounded).add(difference.mul(difference).div(bounded)).mul(0.5);
  return reduceLoss("gaussianNllLoss", full ? losses.add(Math.log(2 * Math.PI) / 2) : losses, options.reduction);
}
