// Sums of products along lines that lie side by side in both operands, as in gradients by filter: lanes are steps of k, so that
// nothing is packed and no element is spread over a vector. A sum stays one vector until the end, when its lanes are added up.
import type { Callable, FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { f32x4, type I32, i32, i32x4, shuffle32, type V128, v128 } from "./instructions.ts";
import { LaneSums } from "./lane-sums.ts";

/** Where a block of steps lies: `lines` of `length` steps side by side, and how far apart they begin, in bytes. */
export interface LineSteps {
  readonly lines: number;
  readonly length: number;
  readonly aLine: number;
  readonly bLine: number;
  /** Of four lanes each, that make up a sum. */
  readonly vectors: number;
}

interface LineTile extends LineSteps {
  readonly rows: number;
  /** From row to row of a, and where the columns of b lie, in bytes; none are negative. */
  readonly aRow: number;
  readonly columns: readonly number[];
}

/** Runs of columns, `size` each but for the last one. */
export const columnTiles = (columns: readonly number[], size: number): (readonly number[])[] =>
  Array.from({ length: Math.ceil(columns.length / size) }, (_, i) => columns.slice(i * size, (i + 1) * size));

/** Where columns lie beside the first in memory. */
export function besideFirst(columns: readonly number[]): { first: number; beside: readonly number[] } {
  const first = Math.min(...columns);
  return { first, beside: columns.map((at) => at - first) };
}

/** How all columns of b, and some rows of a, are cut into tiles of `rows` × `width`. */
export interface LineTiles {
  readonly columns: readonly number[];
  readonly width: number;
  readonly rows: number;
  readonly vectors: number;
  /** Visits the rows of tiles; `advance` comes after each but the last one, which may have fewer rows. */
  each(visit: (rows: number) => void, advance: () => void): void;
}

/** Computes the sums of a block of steps, tile by tile; `add`: adds them to what is there. */
export function addLines(
  f: FunctionBuilder,
  module: ModuleBuilder,
  { columns, width, rows, each }: LineTiles,
  lines: LineSteps & Pick<LineTile, "aRow">,
  at: { readonly a: I32; readonly b: I32; readonly sums: I32; readonly add: I32 },
  features: WasmFeatures,
): void {
  f.scope(() => {
    const sums = f.local("i32", at.sums);
    const [a, b] = [f.local("i32"), f.local("i32")];
    for (const these of columnTiles(columns, width)) {
      const { first, beside } = besideFirst(these);
      f.set(a, at.a);
      f.set(b, i32.add(at.b, i32.const(first)));
      each(
        (count) => {
          f.call(lineTile(module, { ...lines, rows: count, columns: beside }, features), a, b, sums, at.add);
          f.increase(sums, 16 * lines.vectors * count * these.length);
        },
        () => f.increase(a, rows * lines.aRow),
      );
    }
  });
}

/** Stores what the lanes of all sums come to; rows of the results are `pitch` bytes apart. */
export function endLines(
  f: FunctionBuilder,
  module: ModuleBuilder,
  { columns, width, rows, vectors, each }: LineTiles,
  at: { readonly sums: I32; readonly target: I32; readonly pitch: number },
): void {
  f.scope(() => {
    const sums = f.local("i32", at.sums);
    const target = f.local("i32");
    columnTiles(columns, width).forEach((these, i) => {
      f.set(target, i32.add(at.target, i32.const(4 * i * width)));
      each(
        (count) => {
          const shape = { rows: count, columns: these.length, vectors, pitch: at.pitch };
          f.call(lineResults(module, shape), sums, target);
          f.increase(sums, 16 * vectors * count * these.length);
        },
        () => f.increase(target, rows * at.pitch),
      );
    });
  });
}

/** Whole vectors of a line that are written out; longer lines go round in fours. */
const straight = 8;
const unrolled = 4;

/** A function (a, b, sums, add) that computes rows × columns sums, side by side; `add`: adds them to what is there. */
function lineTile(module: ModuleBuilder, shape: LineTile, features: WasmFeatures): Callable {
  return module.helper(`lines ${JSON.stringify(shape)}`, () => {
    const f = module.function(["i32", "i32", "i32", "i32"], null);
    emitSums(f, shape, features);
    return f;
  });
}

function emitSums(f: FunctionBuilder, shape: LineTile, features: WasmFeatures): void {
  const { rows, columns, vectors, lines, length, aLine, bLine } = shape;
  const [a, b, target, add] = [f.param("i32", 0), f.param("i32", 1), f.param("i32", 2), f.param("i32", 3)];
  const tile = new LaneSums(f, rows, columns.length, vectors, features);
  const width = 4 * vectors;
  const lastMasks = Array.from({ length: length % width > 0 ? vectors : 0 }, (_, part) => {
    const [x = 0, ...others] = [0, 1, 2, 3].map((lane) => (4 * part + lane < length % width ? -1 : 0));
    return i32x4.const(x, ...others);
  });
  const both = (fromA: I32, fromB: I32, vector: number, masks?: readonly V128[]): void => {
    const offset = 16 * vectors * vector;
    tile.step(
      (i) => [fromA, offset + i * shape.aRow],
      (j) => [fromB, offset + (columns[j] ?? 0)],
      masks,
    );
  };

  const whole = Math.floor(length / width);
  const line = (): void => {
    const rounds = whole <= straight ? 0 : Math.floor(whole / unrolled);
    let [fromA, fromB] = [a, b];
    if (rounds > 0) {
      [fromA, fromB] = [f.local("i32", a), f.local("i32", b)];
      const count = f.local("i32", i32.const(rounds));
      f.loop((again) => {
        for (let q = 0; q < unrolled; q++) both(fromA, fromB, q);
        f.increase(fromA, 16 * vectors * unrolled);
        f.increase(fromB, 16 * vectors * unrolled);
        f.increase(count, -1);
        f.brIf(again, count);
      });
    }
    const rest = whole - rounds * unrolled;
    for (let q = 0; q < rest; q++) both(fromA, fromB, q);
    if (length % width > 0) both(fromA, fromB, rest, lastMasks);
  };
  if (lines === 1) line();
  else {
    const count = f.local("i32", i32.const(lines));
    f.loop((again) => {
      line();
      f.increase(a, aLine);
      f.increase(b, bLine);
      f.increase(count, -1);
      f.brIf(again, count);
    });
  }
  const flat = tile.sums.flat();
  f.if(add, () =>
    flat.forEach((sum, i) => {
      f.set(sum, f32x4.add(sum, v128.load(target, 16 * i)));
    }),
  );
  // From the last to the first: see storeAll in loops.ts.
  for (const [i, sum] of [...flat.entries()].reverse()) f.store(target, sum, 16 * i);
}

/** A function (sums, target) that adds up the lanes of rows × columns sums; rows of the results are `pitch` bytes apart. */
function lineResults(
  module: ModuleBuilder,
  { rows, columns, vectors, pitch }: { rows: number; columns: number; vectors: number; pitch: number },
): Callable {
  return module.helper(`line results ${rows} ${columns} ${vectors} ${pitch}`, () => {
    const f = module.function(["i32", "i32"], null);
    const [sums, target] = [f.param("i32", 0), f.param("i32", 1)];
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        f.scope(() => {
          const at = 16 * vectors * (i * columns + j);
          const [first = f32x4.const(0), ...others] = Array.from({ length: vectors }, (_, part) =>
            v128.load(sums, at + 16 * part),
          );
          const sum = f.local("v128", others.reduce(f32x4.add, first));
          f.set(sum, f32x4.add(sum, shuffle32(sum, sum, [2, 3, 0, 1])));
          f.set(sum, f32x4.add(sum, shuffle32(sum, sum, [1, 0, 3, 2])));
          f.storeLane(32, target, sum, 0, pitch * i + 4 * j);
        });
    return f;
  });
}
