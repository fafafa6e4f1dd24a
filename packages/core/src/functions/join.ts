// Tensors put together, taken apart and repeated.

import type { DType } from "../base/dtype.ts";
import { promote } from "../base/dtype.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import type { ShapeOf, Stacked } from "../base/shape-types.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { join } from "../ops/join.ts";
import { castNode } from "../tensor/promote.ts";
import { type NoOptions, Tensor } from "../tensor/tensor.ts";
import { checkCount, nodeOf, range } from "./arguments.ts";
import { narrowed } from "./shape.ts";

/** The nodes of a list of tensors, in the widest of their dtypes. */
function nodesOf(operation: string, tensors: readonly Tensor[]): [Node, ...Node[]] {
  const nodes = tensors.map((x) => nodeOf(operation, x));
  const [first, ...rest] = nodes;
  if (!first) throw new ArgumentError(`${operation}: expected at least one tensor, got none`);
  const dtype = rest.reduce<DType>((widest, node) => promote(widest, node.dtype), first.dtype);
  return [castNode(first, dtype), ...rest.map((node) => castNode(node, dtype))];
}

export const concatNodes = (nodes: readonly Node[], axis: number): Node => {
  const [first] = nodes;
  return first && nodes.length === 1 ? first : makeNode(join, nodes, { axis });
};

/**
 * Tensors one after another along an axis; their other sizes are equal.
 * @param options.axis 0 by default
 * @throws {ShapeError} `concat: expected shapes that agree but for axis 0, got [1, 2] and [1, 3]`
 * @example (await concat([tensor([1, 2]), tensor([3])]).toArray()) // [1, 2, 3]
 */
export function concat(tensors: readonly Tensor[], options: { readonly axis?: number } = {}): Tensor {
  const nodes = nodesOf("concat", tensors);
  return new Tensor(concatNodes(nodes, normalizeAxis("concat", options.axis ?? 0, nodes[0].shape)));
}

/**
 * Tensors of one shape side by side along a new axis.
 * @param options.axis where the new axis lies in the result, 0 by default
 * @throws {ShapeError} `stack: expected tensors of one shape, got [2] and [3]`
 * @example (await stack([tensor([1, 2]), tensor([3, 4])], { axis: 1 }).toArray()) // [[1, 3], [2, 4]]
 */
export function stack<const T extends readonly Tensor[], const O extends { readonly axis?: number } = NoOptions>(
  tensors: T,
  options?: O,
): Tensor<Stacked<T, ShapeOf<T[0]>, O>>;
export function stack(tensors: readonly Tensor[], options: { readonly axis?: number } = {}): Tensor {
  const nodes = nodesOf("stack", tensors);
  const { shape } = nodes[0];
  const axis = normalizeAxis("stack", options.axis ?? 0, [...shape, 1]);
  for (const node of nodes)
    if (!sameShape(node.shape, shape))
      throw new ShapeError(
        `stack: expected tensors of one shape, got ${showShape(shape)} and ${showShape(node.shape)}`,
      );
  const grown = nodes.map((node) => b.reshape(node, shape.toSpliced(axis, 0, 1)));
  return new Tensor(concatNodes(grown, axis));
}

/**
 * Parts along an axis: of the given sizes, or of one size, the last of which may be smaller.
 * @param sizes sizes that add up to the axis, or the size of each part
 * @param options.axis 0 by default
 * @throws {ShapeError} `split: expected sizes that add up to 3, got [1, 1]`
 * @example split(zeros([5, 2]), 2).map((x) => x.shape) // [[2, 2], [2, 2], [1, 2]]
 */
export function split(
  x: Tensor,
  sizes: number | readonly number[],
  options: { readonly axis?: number } = {},
): Tensor[] {
  const node = nodeOf("split", x);
  const axis = normalizeAxis("split", options.axis ?? 0, node.shape);
  const n = node.shape[axis] ?? 0;
  let list: readonly number[];
  if (typeof sizes === "number") {
    const size = checkCount("split", "size", sizes, 1);
    list = n === 0 ? [0] : range(Math.ceil(n / size)).map((i) => Math.min(size, n - i * size));
  } else list = sizes;
  if (list.reduce((total, size) => total + size, 0) !== n || list.some((size) => !Number.isInteger(size) || size < 0))
    throw new ShapeError(`split: expected sizes that add up to ${n}, got ${showShape(list)}`);
  let start = 0;
  return list.map((size) => {
    const part = narrowed(node, axis, start, size);
    start += size;
    return new Tensor(part);
  });
}

/**
 * Every slice along an axis, which vanishes.
 * @param options.axis 0 by default
 * @example (await Promise.all(unstack(tensor([[1, 2], [3, 4]])).map((x) => x.toArray()))) // [[1, 2], [3, 4]]
 */
export function unstack(x: Tensor, options: { readonly axis?: number } = {}): Tensor[] {
  const node = nodeOf("unstack", x);
  const axis = normalizeAxis("unstack", options.axis ?? 0, node.shape);
  const rest = node.shape.toSpliced(axis, 1);
  return range(node.shape[axis] ?? 0).map((i) => new Tensor(b.reshape(narrowed(node, axis, i, 1), rest)));
}

/**
 * x repeated `repetitions[i]` times along axis i; missing axes are added in front, as `np.tile` does.
 * @example (await tile(tensor([1, 2]), [2, 2]).toArray()) // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function tile(x: Tensor, repetitions: readonly number[]): Tensor {
  const node = nodeOf("tile", x);
  for (const count of repetitions) checkCount("tile", "number of repetitions", count);
  const rank = Math.max(node.shape.length, repetitions.length);
  const pad = (list: Shape): number[] => [...new Array<number>(rank - list.length).fill(1), ...list];
  const sizes = pad(node.shape);
  const counts = pad(repetitions);
  const spread = b.reshape(
    node,
    sizes.flatMap((n) => [1, n]),
  );
  const repeated = b.expand(
    spread,
    sizes.flatMap((n, i) => [counts[i] ?? 1, n]),
  );
  return new Tensor(
    b.reshape(
      repeated,
      sizes.map((n, i) => n * (counts[i] ?? 1)),
    ),
  );
}

/**
 * Each element repeated in place, as `np.repeat` does.
 * @param repeats how many times, for all or for each cell along the axis
 * @param options.axis the axis; the tensor is flattened without one
 * @throws {ShapeError} `repeatInterleave: expected 2 counts, got 1`
 * @example (await repeatInterleave(tensor([1, 2]), [1, 2]).toArray()) // [1, 2, 2]
 */
export function repeatInterleave(
  x: Tensor,
  repeats: number | readonly number[],
  options: { readonly axis?: number } = {},
): Tensor {
  const given = nodeOf("repeatInterleave", x);
  const node = options.axis === undefined ? b.reshape(given, [sizeOf(given.shape)]) : given;
  const axis = normalizeAxis("repeatInterleave", options.axis ?? 0, node.shape);
  const n = node.shape[axis] ?? 0;
  if (typeof repeats === "number") {
    checkCount("repeatInterleave", "count", repeats);
    const grown = b.reshape(node, node.shape.toSpliced(axis + 1, 0, 1));
    return new Tensor(
      b.reshape(b.expand(grown, node.shape.toSpliced(axis + 1, 0, repeats)), node.shape.with(axis, n * repeats)),
    );
  }
  if (repeats.length !== n) throw new ShapeError(`repeatInterleave: expected ${n} counts, got ${repeats.length}`);
  const parts = repeats.map((count, i) => {
    checkCount("repeatInterleave", "count", count);
    return b.expand(narrowed(node, axis, i, 1), node.shape.with(axis, count));
  });
  return new Tensor(parts.length === 0 ? node : concatNodes(parts, axis));
}

/**
 * Elements moved along axes by `shifts`; what leaves at the end comes back at the front.
 * @param shifts one for each of the axes
 * @param axes the axes; the tensor is rolled flattened without them
 * @throws {ArgumentError} `roll: expected one shift for each axis, got 1 shifts and 2 axes`
 * @example (await roll(tensor([1, 2, 3]), 1).toArray()) // [3, 1, 2]
 */
export function roll<S extends Shape>(
  x: Tensor<S>,
  shifts: number | readonly number[],
  axes?: number | readonly number[],
): Tensor<S> {
  const node = nodeOf("roll", x);
  const by = typeof shifts === "number" ? [shifts] : shifts;
  if (axes === undefined) {
    if (by.length !== 1) throw new ArgumentError(`roll: expected one shift without axes, got ${by.length}`);
    const flat = b.reshape(node, [sizeOf(node.shape)]);
    return new Tensor(b.reshape(rolled(flat, 0, by[0] ?? 0), node.shape));
  }
  const along = typeof axes === "number" ? [axes] : axes;
  if (by.length !== along.length)
    throw new ArgumentError(`roll: expected one shift for each axis, got ${by.length} shifts and ${along.length} axes`);
  return new Tensor(along.reduce((y, axis, i) => rolled(y, normalizeAxis("roll", axis, node.shape), by[i] ?? 0), node));
}

function rolled(x: Node, axis: number, shift: number): Node {
  const n = x.shape[axis] ?? 0;
  if (!Number.isInteger(shift)) throw new ArgumentError(`roll: expected a whole shift, got ${shift}`);
  const by = n === 0 ? 0 : ((shift % n) + n) % n;
  if (by === 0) return x;
  return concatNodes([narrowed(x, axis, n - by, by), narrowed(x, axis, 0, n - by)], axis);
}

/**
 * Matrices along a diagonal, zeros elsewhere. Vectors are rows.
 * @example (await blockDiag([tensor([[1, 2]]), tensor([[3]])]).toArray()) // [[1, 2, 0], [0, 0, 3]]
 */
export function blockDiag(tensors: readonly Tensor[]): Tensor {
  const blocks = nodesOf("blockDiag", tensors).map((x) =>
    x.shape.length < 2 ? b.reshape(x, [1, sizeOf(x.shape)]) : x,
  );
  const columns = blocks.reduce((total, { shape }) => total + (shape[1] ?? 0), 0);
  let before = 0;
  const rows = blocks.map((x) => {
    if (x.shape.length > 2) throw new ShapeError(`blockDiag: expected matrices, got ${showShape(x.shape)}`);
    const wide = b.pad(x, [0, before], [0, columns - before - (x.shape[1] ?? 0)], [1, 1]);
    before += x.shape[1] ?? 0;
    return wide;
  });
  return new Tensor(concatNodes(rows, 0));
}
