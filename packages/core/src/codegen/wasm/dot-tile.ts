// Tiles of products whose operands both run along k: each sum is one result and has steps of k in its lanes, so that a few
// columns more than a vector has lanes cost no more than they should. What the lanes hold is added up in the end.
import { type Axis, isAlong, isEven, isRun } from "./contract-axes.ts";
import type { Callable, FunctionBuilder, Local, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { ceilTo, cheapestTile, coverCost, type Tile, type TileChoice, tileCost } from "./gemm-tile.ts";
import { f32x4, type I32, i32, i32x4, shuffle32, type V128, v128 } from "./instructions.ts";
import { LaneSums, laneTiles } from "./lane-sums.ts";

/** Steps of k that a sum takes in at a time. */
export const dotLanes = (wide: boolean): number => (wide ? 8 : 4);

/** Cycles for the lanes of a sum to be added up and stored. */
const finishCost = 1.5;

/** The tile that covers m × n with the least work, no larger than that; and cycles for each step of k, as in gemm-tile.ts. */
export function chooseDotTile(m: number, n: number, k: number, wide: boolean): TileChoice {
  const { tile, cost } = cheapestTile(`dots ${m} ${n}`, { rows: 6, columns: 2 }, laneTiles, (one) =>
    coverCost(one, m, n, one.columns, n % one.columns),
  );
  return {
    tile: { rows: Math.min(tile.rows, m), columns: Math.min(tile.columns, n) },
    cost: (cost * Math.ceil(k / dotLanes(wide)) + finishCost * m * n) / k,
  };
}

/** Cycles for an element of columns that are packed along k. */
export const turningCost = 0.5;

/** Sizes of a batch up to the next multiple decide alike, so that they share code. */
const manyRows = 64;

/**
 * Whether sums with k in their lanes cost less than others, which have columns there: where rows of a lie along k, and b's columns
 * too or may be packed so.
 */
export function suitsDots(
  { m, n, k, wide }: { m: number; n: number; k: number; wide: boolean },
  aLanes: readonly Axis[],
  aSteps: readonly Axis[],
  bLanes: readonly Axis[],
  liesAlongK: boolean,
): boolean {
  if (Math.min(m, n) <= 2 || !isEven(aLanes) || !isAlong(aSteps) || bLanes.length > 1) return false;
  const packing = (isRun(bLanes) ? 0 : 0.8) - (liesAlongK ? 0 : turningCost);
  const rows = m <= manyRows ? m : ceilTo(m, manyRows);
  return chooseDotTile(rows, n, k, wide).cost < 0.9 * tileCost(rows, n, wide, rows) + packing * n;
}

/** How a row of tiles finds its data; distances are in bytes. */
export interface DotRow {
  readonly rows: number;
  /** Columns of a tile, and of the last one where n is not a multiple of that; 0 if it is. */
  readonly columns: number;
  readonly restColumns: number;
  readonly aRow: number;
  /** From column to column of b, and from one step of all lanes to the next. */
  readonly bColumn: number;
  readonly bStep: number;
  /** From row to row of the results, or null where a table of offsets gives the rows. */
  readonly targetRow: number | null;
  /** Whether fewer steps than lanes may be left in the end. */
  readonly hasRest: boolean;
  /** Later blocks of k are added to what is there. */
  readonly accumulates: boolean;
}

/** Bytes where a tile leaves its sums. */
export const dotScratchBytes = ({ rows, columns }: Tile): number => 32 * rows * columns;

/**
 * A function (a, b, target, steps, columns, add, table, scratch) that computes the tiles side by side in one row of tiles.
 * `add` says whether to add to what is there, `table` holds offsets of the target's rows. Reads up to seven elements beyond
 * the last step.
 */
export function dotRow(module: ModuleBuilder, shape: DotRow, features: WasmFeatures): Callable {
  return module.helper(`dots ${JSON.stringify(shape)}`, () => {
    const f = module.function(
      Array.from({ length: 8 }, () => "i32" as const),
      null,
    );
    const [b, target, left] = [f.param("i32", 1), f.param("i32", 2), f.param("i32", 4)];
    const { columns, restColumns, bColumn } = shape;
    f.while(i32.ge(left, i32.const(columns)), () => {
      f.scope(() => emitTile(f, shape, columns, features));
      f.increase(b, bColumn * columns);
      f.increase(target, 4 * columns);
      f.increase(left, -columns);
    });
    if (restColumns > 0) f.if(left, () => f.scope(() => emitTile(f, shape, restColumns, features)));
    return f;
  });
}

function emitTile(f: FunctionBuilder, shape: DotRow, columns: number, features: WasmFeatures): void {
  const { rows, aRow, bColumn, bStep } = shape;
  const wide = features.wideVectors === true;
  const lanes = dotLanes(wide);
  const halves = wide ? [0, 1] : [0];
  const param = (i: number): Local<"i32"> => f.param("i32", i);
  const [steps, scratch] = [param(3), param(7)];
  const a = f.local("i32", param(0));
  const b = f.local("i32", param(1));
  const tile = new LaneSums(f, rows, columns, halves.length, features);
  const { sums } = tile;
  const step = (masks?: readonly V128[]): void =>
    tile.step(
      (i) => [a, i * aRow],
      (j) => [b, j * bColumn],
      masks,
    );

  const left = f.local("i32", i32.shrU(steps, i32.const(Math.log2(lanes))));
  f.while(left, () => {
    step();
    f.increase(a, 4 * lanes);
    f.increase(b, bStep);
    f.increase(left, -1);
  });
  if (shape.hasRest) {
    const rest = f.local("i32", i32.and(steps, i32.const(lanes - 1)));
    f.if(rest, () =>
      f.scope(() =>
        step(
          halves.map((h) =>
            f.local("v128", i32x4.lt(i32x4.const(4 * h, 4 * h + 1, 4 * h + 2, 4 * h + 3), i32x4.splat(rest))),
          ),
        ),
      ),
    );
  }

  // Sums of two vectors go by memory: where V8 is to take them for one, a pair has to be stored.
  if (wide)
    sums.forEach((sum, i) => {
      for (const h of [1, 0]) f.store(scratch, sum[h] ?? f32x4.const(0), 32 * i + 16 * h);
    });
  const folded = (i: number): V128 =>
    wide ? f32x4.add(v128.load(scratch, 32 * i), v128.load(scratch, 32 * i + 16)) : (sums[i]?.[0] ?? f32x4.const(0));
  const place = (i: number): [I32, number] => {
    const [r, c] = [Math.floor(i / columns), i % columns];
    if (shape.targetRow === null) return [i32.add(param(2), i32.load(param(6), 4 * r)), 4 * c];
    const offset = r * shape.targetRow;
    return offset < 0 ? [i32.add(param(2), i32.const(offset)), 4 * c] : [param(2), offset + 4 * c];
  };
  for (let first = 0; first < sums.length; first += 4)
    f.scope(() => {
      const count = Math.min(4, sums.length - first);
      const four = f.local(
        "v128",
        foldFour(f, (i) => (i < count ? folded(first + i) : f32x4.const(0))),
      );
      if (shape.accumulates)
        f.if(param(5), () => {
          let before: V128 = f32x4.const(0);
          for (let i = 0; i < count; i++) {
            const [address, offset] = place(first + i);
            before = v128.load32Lane(address, before, i, offset);
          }
          f.set(four, f32x4.add(four, before));
        });
      for (let i = 0; i < count; i++) {
        const isPair = i % 2 === 0 && i + 1 < count && ((first + i) % columns) + 1 < columns;
        const [address, offset] = place(first + i);
        if (isPair) f.storeLane(64, address, four, i++ / 2, offset);
        else f.storeLane(32, address, four, i, offset);
      }
    });
}

/** The sums of the lanes of four vectors, side by side. */
function foldFour(f: FunctionBuilder, vector: (i: number) => V128): V128 {
  const halve = (i: number): V128 => {
    const [x, y] = [f.local("v128", vector(i)), f.local("v128", vector(i + 1))];
    return f.local("v128", f32x4.add(shuffle32(x, y, [0, 4, 1, 5]), shuffle32(x, y, [2, 6, 3, 7])));
  };
  const [x, y] = [halve(0), halve(2)];
  return f32x4.add(shuffle32(x, y, [0, 1, 4, 5]), shuffle32(x, y, [2, 3, 6, 7]));
}
