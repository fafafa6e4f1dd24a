// Power-mean pooling: (Σ xᵖ)^(1/p) of sliding windows.
import { builder as b } from "../ops/builder.ts";
import { powNode } from "../tensor/power.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf } from "./arguments.ts";
import { perAxis } from "./conv.ts";
import { avgPool1d, avgPool2d, avgPool3d, type PoolOptions } from "./pool.ts";

export type LpPoolOptions = Pick<PoolOptions, "stride" | "ceilMode">;

const averages = { 1: avgPool1d, 2: avgPool2d, 3: avgPool3d } as const;

/** As PyTorch: a window that reaches outside counts as many cells as others. The gradient of a window of zeros is 0. */
function lpPool(
  rank: 1 | 2 | 3,
  x: Tensor,
  p: number,
  kernel: number | readonly number[],
  options: LpPoolOptions,
): Tensor {
  const operation = `lpPool${rank}d`;
  const cells = perAxis(operation, "kernel", kernel, rank, 1).reduce((product, n) => product * n, 1);
  const means = averages[rank](new Tensor(powNode(floatOf(operation, x), p)), kernel, options).node;
  const total = b.mul(means, b.num(cells, means));
  const isEmpty = b.eq(total, b.num(0, total));
  const root = powNode(b.select(isEmpty, b.num(1, total), total), 1 / p);
  return new Tensor(b.select(isEmpty, b.num(0, root), root));
}

/**
 * (Σ xᵖ)^(1/p) of each window over one spatial axis. For odd p, x should not be negative: roots of negative sums are NaN.
 * @param x `[N, C, L]` or `[C, L]`
 * @param p 1: the sum, 2: the Euclidean norm
 * @param kernel size of a window
 * @param options stride (the kernel by default), ceilMode
 * @example (await lpPool1d(tensor([[[3, 4, 0, 0]]]), 2, 2).toArray()) // [[[5, 0]]]
 */
export function lpPool1d(
  x: Tensor,
  p: number,
  kernel: number | readonly number[],
  options: LpPoolOptions = {},
): Tensor {
  return lpPool(1, x, p, kernel, options);
}

/**
 * (Σ xᵖ)^(1/p) of each window over two spatial axes; see `lpPool1d`.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param kernel size of a window, one number or one for each axis
 * @throws {ShapeError} `avgPool2d: expected a kernel no larger than the padded input, got [3, 3] for [2, 2]`
 * @example (await lpPool2d(tensor([[[[1, 2], [3, 4]]]]), 1, 2).toArray()) // [[[[10]]]]
 */
export function lpPool2d(
  x: Tensor,
  p: number,
  kernel: number | readonly number[],
  options: LpPoolOptions = {},
): Tensor {
  return lpPool(2, x, p, kernel, options);
}

/**
 * (Σ xᵖ)^(1/p) of each window over three spatial axes; see `lpPool1d`.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @example (await lpPool3d(ones([1, 1, 2, 2, 1]), 2, [2, 2, 1]).toArray()) // [[[[[2]]]]]
 */
export function lpPool3d(
  x: Tensor,
  p: number,
  kernel: number | readonly number[],
  options: LpPoolOptions = {},
): Tensor {
  return lpPool(3, x, p, kernel, options);
}
