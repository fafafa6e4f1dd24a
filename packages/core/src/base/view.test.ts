import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contiguousStrides, type Shape, sizeOf } from "./shape.ts";
import { composeView, contiguousView, foldViews, type View, type ViewOp, viewShape, windowCount } from "./view.ts";

/** An array with its shape; holes of padding are null. */
interface Cells {
  readonly shape: Shape;
  readonly values: readonly (number | null)[];
}

const indices = (shape: Shape): number[][] =>
  shape.reduce<number[][]>((all, n) => all.flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i])), [[]]);

const at = (x: Cells, index: readonly number[]): number | null => {
  const strides = contiguousStrides(x.shape);
  return x.values[index.reduce((sum, i, axis) => sum + i * (strides[axis] ?? 0), 0)] ?? null;
};

/** What each view operation means, cell by cell. */
function applied(x: Cells, op: ViewOp): Cells {
  const shape = viewShape(x.shape, op);
  if (op.kind === "reshape") return { shape, values: x.values };
  const rank = x.shape.length;
  const source = (index: readonly number[]): (number | null)[] => {
    switch (op.kind) {
      case "permute":
        return x.shape.map((_, axis) => index[op.axes.indexOf(axis)] ?? 0);
      case "expand":
        return x.shape.map((n, axis) => (n === 1 ? 0 : (index[axis + shape.length - rank] ?? 0)));
      case "slice":
        return index.map((i, axis) => (op.start[axis] ?? 0) + i * (op.step[axis] ?? 1));
      case "pad":
        return index.map((i, axis) => {
          const [place, step] = [i - (op.low[axis] ?? 0), op.interior[axis] ?? 1];
          return place < 0 || place % step !== 0 || place / step >= (x.shape[axis] ?? 0) ? null : place / step;
        });
      case "windows":
        return x.shape.map((_, axis) => {
          const j = op.axes.indexOf(axis);
          const i = index[axis] ?? 0;
          return j < 0 ? i : i * (op.step[j] ?? 1) + (index[rank + j] ?? 0) * (op.dilation[j] ?? 1);
        });
      default:
        return [...index];
    }
  };
  const values = indices(shape).map((index) => {
    const from = source(index).filter((i) => i !== null);
    return from.length < rank ? null : at(x, from);
  });
  return { shape, values };
}

/** What a load through the view yields: the address's number, or null where a guard fails. */
function read(view: View): Cells {
  const values = indices(view.shape).map((index) => {
    let address = view.offset + index.reduce((sum, i, axis) => sum + i * (view.strides[axis] ?? 0), 0);
    for (const guard of view.guards) {
      const e = guard.offset + index.reduce((sum, i, axis) => sum + i * (guard.coefficients[axis] ?? 0), 0);
      if (e < 0 || e > (guard.size - 1) * guard.step || e % guard.step !== 0) return null;
      address += guard.stride * (e / guard.step);
    }
    return address;
  });
  return { shape: view.shape, values };
}

const numbered = (shape: Shape): Cells => ({ shape, values: Array.from({ length: sizeOf(shape) }, (_, i) => i) });

/** A view operation that suits `shape`, from a list of dice. */
function pick(shape: Shape, dice: readonly number[]): ViewOp {
  const die = (i: number, n: number): number => (n > 0 ? (dice[i] ?? 0) % n : 0);
  const rank = shape.length;
  const axis = die(1, rank);
  const one = (value: number, other: number): number[] => shape.map((_, i) => (i === axis ? value : other));
  const n = shape[axis] ?? 1;
  switch (die(0, 6)) {
    case 0: {
      const factors = shape.flatMap((k) => (k % 2 === 0 && die(2, 2) === 0 ? [2, k / 2] : [k]));
      return { kind: "reshape", shape: die(3, 2) === 0 ? [sizeOf(shape)] : factors };
    }
    case 1:
      return { kind: "permute", axes: shape.map((_, i) => (i + die(2, rank)) % rank) };
    case 2:
      return { kind: "expand", shape: [2, ...shape.map((k) => (k === 1 ? 3 : k))] };
    case 3: {
      const step = [1, 2, -1][die(2, 3)] ?? 1;
      const size = step === 2 ? Math.ceil(n / 2) : Math.max(0, n - 1);
      return {
        kind: "slice",
        start: one(step < 0 ? n - 1 : n > 1 && step === 1 ? 1 : 0, 0),
        step: one(step, 1),
        size: one(size, 0).map((k, i) => (i === axis ? k : (shape[i] ?? 1))),
      };
    }
    case 4:
      return { kind: "pad", low: one(die(2, 3), 0), high: one(die(3, 3), 0), interior: one(1 + die(4, 2), 1) };
    default: {
      const size = 1 + die(2, Math.min(3, n));
      return { kind: "windows", axes: [axis], size: [size], step: [1 + die(3, 2)], dilation: [1] };
    }
  }
}

describe("views", () => {
  it("fold into strides and guards that read the right cells, or say that they cannot", () => {
    const chain = fc.array(fc.array(fc.nat(59), { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 5 });
    const shapes = fc.constantFrom([4], [2, 3], [3, 1, 4], [2, 2, 3], [1], [6, 2]);
    let composed = 0;
    fc.assert(
      fc.property(shapes, chain, (shape, dice) => {
        let cells = numbered(shape);
        let view = contiguousView(shape);
        for (const roll of dice) {
          if (sizeOf(cells.shape) > 2000 || sizeOf(cells.shape) === 0 || cells.shape.length === 0) return;
          const op = pick(cells.shape, roll);
          const next = composeView(view, op);
          if (!next) return;
          cells = applied(cells, op);
          view = next;
          composed++;
          expect(read(view)).toEqual(cells);
        }
      }),
      { numRuns: 3000, seed: 7 },
    );
    expect(composed).toBeGreaterThan(4000);
  });

  it("need a copy to merge axes that do not line up", () => {
    const transposed: ViewOp = { kind: "permute", axes: [1, 0] };
    expect(foldViews([2, 3], [transposed, { kind: "reshape", shape: [6] }]).folded).toBe(1);
    expect(foldViews([2, 3], [transposed, transposed, { kind: "reshape", shape: [6] }]).folded).toBe(3);
  });

  it("count windows that fit", () => {
    expect(windowCount(5, 2, 2, 1)).toBe(2);
    expect(windowCount(5, 3, 1, 2)).toBe(1);
    expect(windowCount(2, 3, 1, 1)).toBe(0);
  });
});
