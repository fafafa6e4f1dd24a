// Margins around a tensor.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { padWith } from "../ops/view.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf, range } from "./arguments.ts";
import { concatNodes } from "./join.ts";
import { narrowed } from "./shape.ts";

export type PadMode = "constant" | "reflect" | "replicate" | "circular";

export interface PadOptions {
  /** "constant" by default; "reflect" mirrors without the edge, "replicate" repeats the edge, "circular" wraps around. */
  readonly mode?: PadMode;
  /** What a constant margin holds, 0 by default. Part of the compiled plan. */
  readonly value?: number;
}

/** A constant margin. */
export function padConstant(x: Node, low: Shape, high: Shape, value: number): Node {
  const interior = x.shape.map(() => 1);
  if (value === 0) return b.pad(x, low, high, interior);
  if (low.every((n) => n === 0) && high.every((n) => n === 0)) return x;
  return makeNode(padWith, [x], { low, high, interior, fill: value });
}

/**
 * A margin around x. Negative widths cut off.
 * @param widths `[before, after]` for each axis; fewer of them belong to the last axes
 * @param options mode and value
 * @throws {ShapeError} `pad: expected a reflected margin narrower than 2 cells, got 2`
 * @example (await pad(tensor([1, 2, 3]), [[1, 2]], { mode: "reflect" }).toArray()) // [2, 1, 2, 3, 2, 1]
 */
export function pad(
  x: Tensor,
  widths: readonly (readonly [before: number, after: number])[],
  options: PadOptions = {},
): Tensor {
  const node = nodeOf("pad", x);
  const { mode = "constant", value = 0 } = options;
  const rank = node.shape.length;
  if (widths.length > rank || !widths.flat().every(Number.isInteger))
    throw new ShapeError(
      `pad: expected at most ${rank} pairs of whole widths for shape ${showShape(node.shape)}, got ${JSON.stringify(widths)}`,
    );
  const lead = rank - widths.length;
  const pairs = node.shape.map((_, i): readonly [number, number] => widths[i - lead] ?? [0, 0]);
  const cut = pairs.reduce((y, [before, after], axis) => {
    const start = Math.max(0, -before);
    const length = (y.shape[axis] ?? 0) - start - Math.max(0, -after);
    if (length < 0)
      throw new ShapeError(
        `pad: expected to cut at most ${node.shape[axis]} cells of axis ${axis}, got ${-before - after}`,
      );
    return narrowed(y, axis, start, length);
  }, node);
  const low = pairs.map(([before]) => Math.max(0, before));
  const high = pairs.map(([, after]) => Math.max(0, after));
  if (mode === "constant") return new Tensor(padConstant(cut, low, high, value));
  if (!["reflect", "replicate", "circular"].includes(mode))
    throw new ArgumentError(`pad: expected mode constant, reflect, replicate or circular, got ${String(mode)}`);
  return new Tensor(range(rank).reduce((y, axis) => margins(y, axis, low[axis] ?? 0, high[axis] ?? 0, mode), cut));
}

/** The margins of one axis, made of its own cells. */
function margins(x: Node, axis: number, low: number, high: number, mode: PadMode): Node {
  if (low === 0 && high === 0) return x;
  const n = x.shape[axis] ?? 0;
  const width = Math.max(low, high);
  if (mode === "replicate") {
    if (n === 0) throw new ShapeError("pad: expected at least one cell to repeat, got none");
    const edge = (at: number, count: number): Node => b.expand(narrowed(x, axis, at, 1), x.shape.with(axis, count));
    return concatNodes([edge(0, low), x, edge(n - 1, high)], axis);
  }
  if (mode === "circular") {
    if (width > n) throw new ShapeError(`pad: expected a circular margin of at most ${n} cells, got ${width}`);
    return concatNodes([narrowed(x, axis, n - low, low), x, narrowed(x, axis, 0, high)], axis);
  }
  if (width >= n) throw new ShapeError(`pad: expected a reflected margin narrower than ${n} cells, got ${width}`);
  return concatNodes([mirrored(x, axis, low, low), x, mirrored(x, axis, n - 2, high)], axis);
}

/** `count` cells backwards from cell `first` on. */
function mirrored(x: Node, axis: number, first: number, count: number): Node {
  const zeros = x.shape.map(() => 0);
  if (count === 0) return narrowed(x, axis, 0, 0);
  return b.slice(x, zeros.with(axis, first), zeros.map(() => 1).with(axis, -1), x.shape.with(axis, count));
}
