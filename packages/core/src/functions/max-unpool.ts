// The way back from max pooling: each value where it was read, zeros elsewhere (Zeiler and Fergus, 2014).
import { ShapeError } from "../base/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { nodeOf } from "./arguments.ts";
import { perAxis } from "./conv.ts";
import { zeros } from "./create.ts";
import { scatter } from "./gather.ts";
import type { PoolOptions } from "./pool.ts";

export interface MaxUnpoolOptions extends Pick<PoolOptions, "stride" | "padding"> {
  /** Spatial extents of the result. By default (n − 1)·stride − 2·padding + kernel: the least that pooling made n of. */
  readonly size?: number | readonly number[];
}

function maxUnpool(
  rank: 1 | 2 | 3,
  x: Tensor,
  indices: Tensor,
  kernel: number | readonly number[],
  options: MaxUnpoolOptions,
): Tensor {
  const operation = `maxUnpool${rank}d`;
  const { shape, dtype, device } = nodeOf(operation, x);
  if ((shape.length !== rank + 1 && shape.length !== rank + 2) || !sameShape(nodeOf(operation, indices).shape, shape))
    throw new ShapeError(
      `${operation}: expected an input [N, C${", L".repeat(rank)}] and an index for each element, got ${showShape(shape)} and ${showShape(indices.shape)}`,
    );
  const cells = perAxis(operation, "kernel", kernel, rank, 1);
  const step = perAxis(operation, "stride", options.stride ?? cells, rank, 1);
  const padding = perAxis(operation, "padding", options.padding ?? 0, rank, 0);
  const lead = shape.slice(0, -rank);
  const extents = shape.slice(-rank);
  const least = extents.map((n, i) => (n - 1) * (step[i] ?? 1) - 2 * (padding[i] ?? 0) + (cells[i] ?? 1));
  const size = perAxis(operation, "size", options.size ?? least, rank, 0);
  const flat = (y: Tensor): Tensor => y.reshape([...lead, sizeOf(extents)]);
  const empty: Tensor<Shape> = zeros([...lead, sizeOf(size)], { dtype, device });
  return scatter(empty, flat(indices), flat(x)).reshape([...lead, ...size]);
}

/**
 * Values put where max pooling had read them, zeros elsewhere. Where windows overlapped and two values go to one place, they
 * are equal; one of them gets the gradient.
 * @param x `[N, C, L]` or `[C, L]`
 * @param indices int32, of x's shape, from `maxPool1dWithIndices`
 * @param kernel size of a window
 * @param options stride (the kernel by default), padding, size
 * @throws {ShapeError} `maxUnpool1d: expected an input [N, C, L] and an index for each element, got [1, 2] and [1, 3]`
 * @throws {IndexError} when it is computed: `scatter: index 4 is out of range for size 4`
 * @example (await maxUnpool1d(tensor([[3, 4]]), tensor([[1, 3]], { dtype: "int32" }), 2).toArray()) // [[0, 3, 0, 4]]
 */
export function maxUnpool1d(
  x: Tensor,
  indices: Tensor,
  kernel: number | readonly number[],
  options: MaxUnpoolOptions = {},
): Tensor {
  return maxUnpool(1, x, indices, kernel, options);
}

/**
 * Values put where max pooling had read them, zeros elsewhere; see `maxUnpool1d`.
 * @param x `[N, C, H, W]` or `[C, H, W]`
 * @param indices int32, of x's shape, from `maxPool2dWithIndices`
 * @example (await maxUnpool2d(tensor([[[5]]]), tensor([[[2]]], { dtype: "int32" }), 2).toArray()) // [[[0, 0], [5, 0]]]
 */
export function maxUnpool2d(
  x: Tensor,
  indices: Tensor,
  kernel: number | readonly number[],
  options: MaxUnpoolOptions = {},
): Tensor {
  return maxUnpool(2, x, indices, kernel, options);
}

/**
 * Values put where max pooling had read them, zeros elsewhere; see `maxUnpool1d`.
 * @param x `[N, C, D, H, W]` or `[C, D, H, W]`
 * @param indices int32, of x's shape, from `maxPool3dWithIndices`
 * @example maxUnpool3d(ones([1, 2, 2, 2]), zeros([1, 2, 2, 2], { dtype: "int32" }), 2).shape // [1, 4, 4, 4]
 */
export function maxUnpool3d(
  x: Tensor,
  indices: Tensor,
  kernel: number | readonly number[],
  options: MaxUnpoolOptions = {},
): Tensor {
  return maxUnpool(3, x, indices, kernel, options);
}
