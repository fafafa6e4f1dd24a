// Times every shape, and finds the cliffs: shapes that are far slower than others of their kind and size.
import type { ShapeCase } from "./cases.ts";

export interface Rate {
  readonly name: string;
  readonly kind: string;
  readonly flops: number;
  readonly minMs: number;
  readonly gflops: number;
}

export interface Group {
  readonly title: string;
  /** The fastest first. */
  readonly rates: readonly Rate[];
  /** The lowest GFLOP/s over the highest. */
  readonly worstRatio: number;
}

/** The fastest of many runs, after some that V8 needs to compile. */
export function timeCase({ name, kind, flops, prepare }: ShapeCase, warmUpMs: number, timedMs: number): Rate {
  const run = prepare();
  const repeat = (ms: number, leastRuns: number): number => {
    let least = Number.POSITIVE_INFINITY;
    const end = performance.now() + ms;
    for (let i = 0; i < leastRuns || performance.now() < end; i++) {
      const start = performance.now();
      run();
      least = Math.min(least, performance.now() - start);
    }
    return least;
  };
  repeat(warmUpMs, 3);
  const minMs = repeat(timedMs, 5);
  return { name, kind, flops, minMs, gflops: flops / minMs / 1e6 };
}

/** Sizes of one group differ by a factor of 8 at most. */
const sizeOf = (flops: number): number => Math.floor(Math.log2(flops / 1e6) / 3);

const showSize = (size: number): string =>
  `${Number((8 ** size).toPrecision(2))} to ${Number((8 ** (size + 1)).toPrecision(2))} MFLOP`;

/** Cases of one kind and of about the same size. */
export function groupsOf(rates: readonly Rate[]): Group[] {
  const groups = Map.groupBy(rates, ({ kind, flops }) => `${kind}, ${showSize(sizeOf(flops))}`);
  return [...groups].map(([title, members]) => {
    const sorted = members.toSorted((a, b) => b.gflops - a.gflops);
    return { title, rates: sorted, worstRatio: (sorted.at(-1)?.gflops ?? 0) / (sorted[0]?.gflops ?? 0) };
  });
}
