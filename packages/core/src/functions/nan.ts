// Numbers that may be missing: reductions that leave NaN out, and what takes its place. Norms held below a bound.
import type { Shape } from "../base/shape.ts";
import { normalizeAxis } from "../base/shape.ts";
import type { Reduced } from "../base/shape-types.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { type NoOptions, type ReduceOptions, Tensor } from "../tensor/tensor.ts";
import { floatOf, nodeOf, range, scalarLike } from "./arguments.ts";
import { normNode, sum } from "./reduce.ts";

const known = (x: Node): Node => b.select(b.eq(x, x), x, b.num(0, x));

/**
 * The sum over `axis` of what is not NaN.
 * @param options as in `sum`
 * @example (await nansum(tensor([1, NaN, 2])).item()) // 3
 */
export function nansum<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  return sum<S, O>(new Tensor<S>(known(nodeOf("nansum", x))), options);
}

/**
 * The mean over `axis` of what is not NaN; NaN of nothing.
 * @param options as in `sum`
 * @example (await nanmean(tensor([1, NaN, 2])).item()) // 1.5
 */
export function nanmean<S extends Shape, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S>,
  options?: O,
): Tensor<Reduced<S, O>> {
  const node = floatOf("nanmean", x);
  const total = sum<S, O>(new Tensor<S>(known(node)), options);
  const count = sum<S, O>(new Tensor<S>(b.cast(b.eq(node, node), node.dtype)), options);
  return new Tensor(b.div(total.node, count.node));
}

/**
 * x with numbers for what is not finite.
 * @param options.nan 0 by default
 * @param options.posinf the largest number of x's dtype by default
 * @param options.neginf the smallest number of x's dtype by default
 * @example (await nanToNum(tensor([NaN, Infinity, 1]), { posinf: 9 }).toArray()) // [0, 9, 1]
 */
export function nanToNum<S extends Shape>(
  x: Tensor<S>,
  options: { readonly nan?: number; readonly posinf?: number; readonly neginf?: number } = {},
): Tensor<S> {
  const node = floatOf("nanToNum", x);
  const largest = node.dtype === "float32" ? 3.4028234663852886e38 : Number.MAX_VALUE;
  const { nan = 0, posinf = largest, neginf = -largest } = options;
  const replaced = (y: Node, isWrong: Node, value: number): Node => b.select(isWrong, scalarLike(value, node), y);
  const infinity = Number.POSITIVE_INFINITY;
  const bounded = replaced(node, b.eq(node, b.num(infinity, node)), posinf);
  const finite = replaced(bounded, b.eq(node, b.num(-infinity, node)), neginf);
  return new Tensor(replaced(finite, b.ne(node, node), nan));
}

/**
 * x with its slices along an axis scaled down to a norm of at most `maxNorm`.
 * @param options.p order of the norm, 2 by default
 * @param options.axis which cells are slices, 0 by default
 * @example (await renorm(tensor([[3, 4], [0.3, 0.4]]), 1).toArray()) // [[0.6, 0.8], [0.3, 0.4]]
 */
export function renorm<S extends Shape>(
  x: Tensor<S>,
  maxNorm: number,
  options: { readonly p?: number; readonly axis?: number } = {},
): Tensor<S> {
  const node = floatOf("renorm", x);
  const axis = normalizeAxis("renorm", options.axis ?? 0, node.shape);
  const others = range(node.shape.length).filter((i) => i !== axis);
  const norm = b.reshape(
    normNode(node, others, options.p ?? 2),
    node.shape.map((n, i) => (i === axis ? n : 1)),
  );
  const most = scalarLike(maxNorm, node);
  const isLong = b.lt(most, norm);
  const scale = b.div(most, b.select(isLong, norm, b.num(1, norm)));
  return new Tensor(b.mul(node, b.select(isLong, scale, b.num(1, norm))));
}
