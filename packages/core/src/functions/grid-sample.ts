// Images read at any places: spatial transformers (Jaderberg et al., 2015).
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { take } from "../ops/gather.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkShape, floatOf, floatPairOf } from "./arguments.ts";
import { cubicWeights } from "./image.ts";
import { concatNodes } from "./join.ts";
import { narrowed } from "./shape.ts";

export interface GridSampleOptions {
  /** "linear" by default (bilinear for images), "nearest" or "cubic". */
  readonly mode?: "linear" | "nearest" | "cubic";
  /** What is read outside of x: "zeros" by default, the cells of the "border", or those of its "reflection". */
  readonly paddingMode?: "zeros" | "border" | "reflection";
  /** Whether −1 and 1 are the centres of the outermost cells, rather than their borders; false by default. */
  readonly alignCorners?: boolean;
}

/** A cell that counts: its position along an axis, its share, and whether it lies inside of x. */
interface Tap {
  readonly index: Node;
  readonly weight: Node | null;
  readonly inside: Node;
}

/** Limited; no gradient at the limits, as in PyTorch. */
function within(place: Node, least: number, most: number): Node {
  const [low, high] = [b.num(least, place), b.num(most, place)];
  return b.select(b.le(place, low), low, b.select(b.le(high, place), high, place));
}

/** Mirrored at the outermost centres, or at the borders half a cell further out, as often as it takes. */
function reflected(place: Node, n: number, alignCorners: boolean): Node {
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? n - 1 : n;
  const num = (value: number): Node => b.num(value, place);
  if (span === 0) return b.fill(0, place.shape, place);
  const distance = b.abs(b.sub(place, num(low)));
  const turns = b.floor(b.div(distance, num(span)));
  const extra = b.sub(distance, b.mul(turns, num(span)));
  const isEven = b.eq(b.sub(turns, b.mul(num(2), b.floor(b.mul(turns, num(0.5))))), num(0));
  return b.select(isEven, b.add(extra, num(low)), b.sub(num(span + low), extra));
}

/** The cells along one axis of n that a place in [−1, 1] reads. */
function tapsOf(given: Node, n: number, options: Required<GridSampleOptions>): Tap[] {
  const { mode, paddingMode, alignCorners } = options;
  const num = (value: number): Node => b.num(value, given);
  // As PyTorch: NaN reads at −1.
  const place = b.select(b.ne(given, given), num(-1), given);
  const scaled = b.mul(b.add(place, num(1)), num((alignCorners ? n - 1 : n) / 2));
  const centred = alignCorners ? scaled : b.sub(scaled, num(0.5));
  // Further out nothing is read, but ∞ − ∞ would be NaN.
  const exact = paddingMode === "zeros" ? within(centred, -4, n + 3) : centred;
  const kept = (at: Node): Node => {
    if (paddingMode === "zeros") return at;
    return within(paddingMode === "border" ? at : reflected(at, n, alignCorners), 0, n - 1);
  };
  const tap = (at: Node, weight: Node | null): Tap => ({
    index: b.cast(b.max(b.min(at, num(n - 1)), num(0)), "int32"),
    weight,
    inside: b.and(b.le(num(0), at), b.le(at, num(n - 1))),
  });
  if (mode === "nearest") return [tap(b.round(kept(exact)), null)];
  if (mode === "linear") {
    const at = kept(exact);
    const whole = b.floor(at);
    const part = b.sub(at, whole);
    return [tap(whole, b.sub(num(1), part)), tap(b.add(whole, num(1)), part)];
  }
  const whole = b.floor(exact);
  return cubicWeights(b.sub(exact, whole)).map((weight, i) => tap(kept(b.add(whole, num(i - 1))), weight));
}

/** One choice from each list. */
const choices = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])), [[]]);

/**
 * x read at the places of a grid, between its cells by interpolation. Gradients flow to x and to the grid.
 * @param x `[N, C, H, W]`, or `[N, C, D, H, W]`
 * @param grid `[N, H′, W′, 2]`, or `[N, D′, H′, W′, 3]`: places from −1 to 1, first along W, then along H, then along D
 * @param options mode, paddingMode, alignCorners
 * @returns `[N, C, H′, W′]`, or `[N, C, D′, H′, W′]`
 * @throws {ShapeError} `gridSample: expected a grid [1, H, W, 2] for an input [1, 1, 2, 2], got [1, 2, 2, 3]`
 * @example (await gridSample(tensor([[[[1, 2], [3, 4]]]]), tensor([[[[0, 0], [0.5, -0.5]]]])).toArray()) // [[[[2.5, 2]]]]
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = "linear", paddingMode = "zeros", alignCorners = false } = options;
  if (!["linear", "nearest", "cubic"].includes(mode))
    throw new ArgumentError(`gridSample: expected mode linear, nearest or cubic, got ${String(mode)}`);
  if (!["zeros", "border", "reflection"].includes(paddingMode))
    throw new ArgumentError(`gridSample: expected paddingMode zeros, border or reflection, got ${String(paddingMode)}`);
  const [node, places] = floatPairOf("gridSample", x, grid);
  const [n = 0, c = 0, ...extents] = node.shape;
  const rank = extents.length;
  if ((rank !== 2 && rank !== 3) || extents.includes(0))
    throw new ShapeError(`gridSample: expected an input [N, C, H, W] or [N, C, D, H, W], got ${showShape(node.shape)}`);
  if (places.shape.length !== rank + 2 || places.shape[0] !== n || places.shape.at(-1) !== rank)
    throw new ShapeError(
      `gridSample: expected a grid [${n}${rank === 2 ? "" : ", D"}, H, W, ${rank}] for an input ${showShape(node.shape)}, got ${showShape(places.shape)}`,
    );
  const size = places.shape.slice(1, -1);
  const count = sizeOf(size);
  const taps = extents.map((extent, i) => {
    const along = b.reshape(narrowed(places, rank + 1, rank - 1 - i, 1), [n, count]);
    return tapsOf(along, extent, { mode, paddingMode, alignCorners });
  });
  const cells = b.reshape(node, [n, c, sizeOf(extents)]);
  const spread = (y: Node): Node => b.reshape(y, [n, 1, count]);
  const parts = choices(taps).map((corner) => {
    const index = corner
      .map((tap) => tap.index)
      .reduce((sum, at, i) => b.add(b.mul(sum, b.num(extents[i] ?? 1, at)), at));
    const read = makeNode(take, [cells, index], { axis: 2, batch: 1, what: "gridSample" });
    const inside = spread(corner.map((tap) => tap.inside).reduce((p, q) => b.and(p, q)));
    // By selection: what lies outside gets no gradient, whatever the weight.
    const value = paddingMode === "zeros" ? b.select(inside, read, b.num(0, read)) : read;
    const weights = corner.flatMap(({ weight }) => weight ?? []);
    return weights.length === 0 ? value : b.mul(value, spread(weights.reduce((p, q) => b.mul(p, q))));
  });
  const y = parts.reduce((sum, part) => b.add(sum, part));
  return new Tensor(b.reshape(y, [n, c, ...size]));
}

/**
 * The grid of an affine map: where `gridSample` reads to move, turn, shear or scale images.
 * @param theta `[N, 2, 3]`, or `[N, 3, 4]` for volumes: rows of (x, y, 1), or of (x, y, z, 1)
 * @param size of the result: `[N, C, H, W]`, or `[N, C, D, H, W]`
 * @param options.alignCorners as for `gridSample`
 * @returns `[N, H, W, 2]`, or `[N, D, H, W, 3]`
 * @throws {ShapeError} `affineGrid: expected theta [1, 2, 3] for size [1, 1, 4, 4], got [2, 3]`
 * @example (await affineGrid(tensor([[[1, 0, 0], [0, 1, 0]]]), [1, 1, 1, 2]).toArray()) // [[[[-0.5, 0], [0.5, 0]]]]
 */
export function affineGrid(theta: Tensor, size: Shape, options: { readonly alignCorners?: boolean } = {}): Tensor {
  const node = floatOf("affineGrid", theta);
  const [n = 0, , ...extents] = checkShape("affineGrid", size);
  const rank = extents.length;
  if (rank !== 2 && rank !== 3)
    throw new ShapeError(`affineGrid: expected a size [N, C, H, W] or [N, C, D, H, W], got ${showShape(size)}`);
  const wanted = [n, rank, rank + 1];
  if (node.shape.length !== 3 || node.shape.some((k, i) => k !== wanted[i]))
    throw new ShapeError(
      `affineGrid: expected theta ${showShape(wanted)} for size ${showShape(size)}, got ${showShape(node.shape)}`,
    );
  const { alignCorners = false } = options;
  const columns = extents.map((extent, i) => {
    const k = b.cast(b.iota(extent, node), node.dtype);
    const num = (value: number): Node => b.num(value, k);
    const step = alignCorners ? 2 / Math.max(1, extent - 1) : 2 / extent;
    const first = alignCorners ? (extent > 1 ? -1 : 0) : 1 / extent - 1;
    const along = b.reshape(b.add(b.mul(k, num(step)), num(first)), [
      ...extents.map((_, j) => (j === i ? extent : 1)),
      1,
    ]);
    return b.expand(along, [...extents, 1]);
  });
  const places = concatNodes([...columns.reverse(), b.fill(1, [...extents, 1], node)], rank);
  const grid = b.contract(node, places, { batchA: [], batchB: [], contractA: [2], contractB: [rank] });
  const turned = b.permute(grid, [0, ...extents.map((_, i) => i + 2), 1]);
  return new Tensor(turned);
}
