// Zeros around spatial axes.
import type { Shape } from "../base/shape.ts";
import type { Lowering } from "../graph/algebra.ts";

/** Of each spatial axis. */
export interface Margins {
  readonly low: Shape;
  readonly high: Shape;
}

interface Frame {
  readonly start: Shape;
  readonly size: Shape;
  readonly before: Shape;
  readonly after: Shape;
  readonly ones: Shape;
}

/** Which cells of x[N, C, ...spatial] stay, and the zeros that come before and after them. */
function frameOf(shape: Shape, { low, high }: Margins): Frame {
  const one = (n: number, lowest: number, highest: number) => {
    const start = Math.min(n, Math.max(0, -lowest));
    const size = Math.max(0, n - start - Math.max(0, -highest));
    const zeros = Math.max(0, lowest + n + highest - size);
    const before = Math.min(zeros, Math.max(0, lowest));
    return { start, size, before, after: zeros - before };
  };
  const all = shape.map((n, i) => one(n, low[i - 2] ?? 0, high[i - 2] ?? 0));
  return {
    start: all.map((each) => each.start),
    size: all.map((each) => each.size),
    before: all.map((each) => each.before),
    after: all.map((each) => each.after),
    ones: shape.map(() => 1),
  };
}

/** x with zeros around its axes from the third on; negative margins cut cells off. */
export function framed<L>(k: Lowering<L>, x: L, margins: Margins): L {
  const { start, size, before, after, ones } = frameOf(k.shapeOf(x), margins);
  const kept = k.view(x, { kind: "slice", start, step: ones, size });
  return k.view(kept, { kind: "pad", low: before, high: after, interior: ones });
}
