// Products over chosen axes: tensor, Kronecker and cross products, covariances.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { broadcastShapes, normalizeAxis, type Shape, showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, likeNode, nodeOf, pairOf, range, scalarLike } from "./arguments.ts";
import { concatNodes } from "./join.ts";
import { moved, narrowed } from "./shape.ts";

/**
 * The sum of products over pairs of axes.
 * @param axes a number n: the last n of x with the first n of y; or a list of axes for each
 * @returns the free axes of x, then those of y
 * @throws {ShapeError} `tensordot: expected axes of one size, got 3 and 4`
 * @example (await tensordot(tensor([[1, 2], [3, 4]]), tensor([1, 10]), 1).toArray()) // [21, 43]
 */
export function tensordot(
  x: Tensor,
  y: Tensor,
  axes: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [left, right] = pairOf("tensordot", x, y);
  const count = typeof axes === "number" ? axes : axes[0].length;
  const given = typeof axes === "number" ? [range(count, left.shape.length - count), range(count)] : axes;
  const [contractA = [], contractB = []] = given.map((list, i) =>
    list.map((axis) => normalizeAxis("tensordot", axis, (i === 0 ? left : right).shape)),
  );
  if (contractA.length !== contractB.length)
    throw new ArgumentError(
      `tensordot: expected as many axes of one as of the other, got ${contractA.length} and ${contractB.length}`,
    );
  contractA.forEach((axis, i) => {
    const [n = 1, m = 1] = [left.shape[axis], right.shape[contractB[i] ?? 0]];
    if (n !== m) throw new ShapeError(`tensordot: expected axes of one size, got ${n} and ${m}`);
  });
  return new Tensor(b.contract(left, right, { batchA: [], batchB: [], contractA, contractB }));
}

/**
 * The Kronecker product: y multiplied by each element of x, in blocks.
 * @returns sizes multiplied axis by axis; missing leading axes count as 1
 * @example (await kron(tensor([1, 2]), tensor([1, 10])).toArray()) // [1, 10, 2, 20]
 */
export function kron(x: Tensor, y: Tensor): Tensor {
  const [left, right] = pairOf("kron", x, y);
  const rank = Math.max(left.shape.length, right.shape.length);
  const padded = (shape: Shape): Shape => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [p, q] = [padded(left.shape), padded(right.shape)];
  const outer = b.reshape(
    left,
    p.flatMap((n) => [n, 1]),
  );
  const inner = b.reshape(
    right,
    q.flatMap((n) => [1, n]),
  );
  return new Tensor(
    b.reshape(
      b.mul(outer, inner),
      p.map((n, i) => n * (q[i] ?? 1)),
    ),
  );
}

/**
 * The vector product of vectors with three components; x and y broadcast.
 * @param options.axis the axis of the components, the last by default
 * @throws {ShapeError} `cross: expected 3 components along axis -1, got [2] and [2]`
 * @example (await cross(tensor([1, 0, 0]), tensor([0, 1, 0])).toArray()) // [0, 0, 1]
 */
export function cross(x: Tensor, y: Tensor, options: { readonly axis?: number } = {}): Tensor {
  const [left, right] = pairOf("cross", x, y);
  const shape = broadcastShapes("cross", left.shape, right.shape);
  const axis = normalizeAxis("cross", options.axis ?? -1, shape);
  if (shape[axis] !== 3)
    throw new ShapeError(
      `cross: expected 3 components along axis ${options.axis ?? -1}, got ${showShape(left.shape)} and ${showShape(right.shape)}`,
    );
  const [p, q] = [b.expand(left, shape), b.expand(right, shape)];
  /** The components one or two further on, around the circle. */
  const turned = (z: Node, by: number): Node =>
    concatNodes([narrowed(z, axis, by, 3 - by), narrowed(z, axis, 0, by)], axis);
  return new Tensor(b.sub(b.mul(turned(p, 1), turned(q, 2)), b.mul(turned(p, 2), turned(q, 1))));
}

/** Options of the covariance matrix. */
export interface CovarianceOptions {
  /** The divisor is n − correction, 1 by default. */
  readonly correction?: number;
}

function covariance(operation: string, x: Tensor, correction: number): Node {
  const given = floatOf(operation, x);
  if (given.shape.length !== 1 && given.shape.length !== 2)
    throw new ShapeError(
      `${operation}: expected variables in rows [d, n] or one variable [n], got ${showShape(given.shape)}`,
    );
  const node = given.shape.length === 1 ? b.reshape(given, [1, ...given.shape]) : given;
  const [d = 1, n = 1] = node.shape;
  const center = b.div(b.reshape(b.sum(node, [1]), [d, 1]), b.num(n, node));
  const distance = b.sub(node, center);
  const total = b.contract(distance, distance, { batchA: [], batchB: [], contractA: [1], contractB: [1] });
  return b.div(total, b.num(Math.max(0, n - correction), total));
}

/**
 * The covariance matrix of variables in rows.
 * @param x `[d, n]`: n observations of d variables; or `[n]`
 * @param options.correction the divisor is n − correction, 1 by default
 * @returns `[d, d]`; a scalar for one variable
 * @example (await cov(tensor([[1, 2, 3], [6, 4, 2]])).toArray()) // [[1, -2], [-2, 4]]
 */
export function cov(x: Tensor, options: CovarianceOptions = {}): Tensor {
  const y = covariance("cov", x, options.correction ?? 1);
  return new Tensor(x.rank === 1 ? b.reshape(y, []) : y);
}

/**
 * The correlation coefficients of variables in rows.
 * @param x `[d, n]`: n observations of d variables; or `[n]`
 * @returns `[d, d]`; a scalar for one variable
 * @example (await corrcoef(tensor([[1, 2, 3], [6, 4, 2]])).toArray()) // [[1, -1], [-1, 1]]
 */
export function corrcoef(x: Tensor): Tensor {
  const y = covariance("corrcoef", x, 1);
  const [d = 1] = y.shape;
  const diagonal = b.slice(b.reshape(y, [d * d]), [0], [d + 1], [d]);
  const spread = b.sqrt(diagonal);
  const scaled = b.div(b.div(y, b.reshape(spread, [d, 1])), spread);
  const bounded = b.max(b.min(scaled, b.num(1, y)), b.num(-1, y));
  return new Tensor(x.rank === 1 ? b.reshape(bounded, []) : bounded);
}

/**
 * Differences of neighbours along an axis, taken n times.
 * @param options.n 1 by default
 * @param options.axis the last by default
 * @example (await diff(tensor([1, 4, 9, 16])).toArray()) // [3, 5, 7]
 */
export function diff(x: Tensor, options: { readonly n?: number; readonly axis?: number } = {}): Tensor {
  const { n = 1 } = options;
  let node = nodeOf("diff", x);
  const axis = normalizeAxis("diff", options.axis ?? -1, node.shape);
  if (!Number.isInteger(n) || n < 0) throw new ArgumentError(`diff: expected a whole n of at least 0, got ${n}`);
  for (let i = 0; i < n; i++) {
    const size = Math.max(0, (node.shape[axis] ?? 0) - 1);
    const [before, after] = [narrowed(node, axis, 0, size), narrowed(node, axis, Math.min(1, size), size)];
    node = node.dtype === "bool" ? b.ne(after, before) : b.sub(after, before);
  }
  return new Tensor(node);
}

/**
 * The integral along an axis by the trapezoidal rule.
 * @param options.dx the distance of neighbours, 1 by default
 * @param options.x where the values lie, instead of dx: `[n]`, or of y's shape
 * @param options.axis the last by default
 * @example (await trapezoid(tensor([1, 2, 4]), { dx: 0.5 }).item()) // 2.25
 */
export function trapezoid(
  y: Tensor,
  options: { readonly dx?: number; readonly x?: Tensor; readonly axis?: number } = {},
): Tensor {
  const node = floatOf("trapezoid", y);
  const rank = node.shape.length;
  const rows = moved(node, normalizeAxis("trapezoid", options.axis ?? -1, node.shape), rank - 1);
  const sums = (z: Node, combine: (p: Node, q: Node) => Node): Node => {
    const last = z.shape.length - 1;
    const n = z.shape[last] ?? 0;
    const size = Math.max(0, n - 1);
    return combine(narrowed(z, last, Math.min(1, size), size), narrowed(z, last, 0, size));
  };
  const heights = sums(rows, b.add);
  const half = b.num(0.5, rows);
  if (!options.x) {
    const total = b.sum(heights, [rank - 1]);
    return new Tensor(b.mul(total, b.mul(half, scalarLike(options.dx ?? 1, total))));
  }
  const [, places] = pairOf("trapezoid", y, options.x);
  const along =
    places.shape.length === 1
      ? places
      : moved(places, normalizeAxis("trapezoid", options.axis ?? -1, places.shape), rank - 1);
  return new Tensor(b.sum(b.mul(b.mul(heights, half), sums(along, b.sub)), [rank - 1]));
}

export interface GradientOptions {
  /** The distance of neighbours: one number, one for each axis, or for each axis the places `[n]` of its cells. 1 by default. */
  readonly spacing?: number | readonly (number | Tensor)[];
  /** One axis or several; all by default. */
  readonly axis?: number | readonly number[];
  /** 1: differences at the edges; 2: parabolas through the three outermost cells. 1 by default. */
  readonly edgeOrder?: 1 | 2;
}

/**
 * The derivative along each axis of a function known on a grid: by central differences, exact for parabolas, also where
 * cells are unevenly spaced.
 * @param y float tensor; integers become float32
 * @param options spacing, axis, edgeOrder
 * @returns one tensor of y's shape for each axis
 * @throws {ShapeError} `gradient: expected at least 2 cells along axis 0 for edgeOrder 1, got 1`
 * @example (await gradient(tensor([1, 4, 9, 16]))[0].toArray()) // [3, 4, 6, 7]
 * @example (await gradient(tensor([0, 1, 9]), { spacing: [tensor([0, 1, 3])], edgeOrder: 2 })[0].toArray()) // [0, 2, 6]
 */
export function gradient(y: Tensor, options: GradientOptions = {}): Tensor[] {
  const node = floatOf("gradient", y);
  const { spacing = 1, axis, edgeOrder = 1 } = options;
  if (edgeOrder !== 1 && edgeOrder !== 2)
    throw new ArgumentError(`gradient: expected edgeOrder 1 or 2, got ${String(edgeOrder)}`);
  const given = axis === undefined ? range(node.shape.length) : typeof axis === "number" ? [axis] : axis;
  const axes = given.map((at) => normalizeAxis("gradient", at, node.shape));
  const list = typeof spacing === "number" ? axes.map(() => spacing) : spacing;
  if (list.length !== axes.length)
    throw new ArgumentError(`gradient: expected a spacing for each of ${axes.length} axes, got ${list.length}`);
  return axes.map((at, i) => {
    const n = node.shape[at] ?? 0;
    if (n <= edgeOrder)
      throw new ShapeError(
        `gradient: expected at least ${edgeOrder + 1} cells along axis ${at} for edgeOrder ${edgeOrder}, got ${n}`,
      );
    return new Tensor(slopesAlong(node, at, list[i] ?? 1, edgeOrder));
  });
}

function slopesAlong(y: Node, axis: number, spacing: number | Tensor, edgeOrder: 1 | 2): Node {
  const n = y.shape[axis] ?? 0;
  const cut = (z: Node, start: number, count: number): Node => narrowed(z, axis, start, count);
  const neighbours = (z: Node, distance: number, count: number): Node =>
    b.sub(cut(z, distance, count), cut(z, 0, count));
  /** The distances of neighbours, which broadcast to y; null where all are one number. */
  let steps: Node | null = null;
  let half: Node;
  let slopes: Node;
  if (typeof spacing === "number") {
    const h = scalarLike(spacing, y);
    slopes = b.div(neighbours(y, 1, n - 1), h);
    half = b.div(neighbours(y, 2, n - 2), b.mul(h, b.num(2, h)));
  } else {
    const places = likeNode("gradient", spacing, y);
    if (places.shape.length !== 1 || places.shape[0] !== n)
      throw new ShapeError(`gradient: expected ${n} places along axis ${axis}, got shape ${showShape(places.shape)}`);
    const column = b.reshape(
      places,
      y.shape.map((_, i) => (i === axis ? n : 1)),
    );
    steps = neighbours(column, 1, n - 1);
    slopes = b.div(neighbours(y, 1, n - 1), steps);
    const [before, after] = [cut(steps, 0, n - 2), cut(steps, 1, n - 2)];
    // The slope of the parabola through three cells: each difference weighs as much as the other one's distance.
    const weighed = b.add(b.mul(before, cut(slopes, 1, n - 2)), b.mul(after, cut(slopes, 0, n - 2)));
    half = b.div(weighed, b.add(before, after));
  }
  const edge = (at: number, next: number): Node => {
    const own = cut(slopes, at, 1);
    if (edgeOrder === 1) return own;
    const share = steps ? b.div(cut(steps, at, 1), b.add(cut(steps, at, 1), cut(steps, next, 1))) : b.num(0.5, own);
    return b.add(own, b.mul(b.sub(own, cut(slopes, next, 1)), share));
  };
  return concatNodes([edge(0, 1), half, edge(n - 2, n - 3)], axis);
}
