// The innermost part of a matrix product: a tile of results that stays in registers while k passes by.
import type { Callable, FunctionBuilder, Local, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { f32x4, type I32, i32, type V128, v128 } from "./instructions.ts";

/** Rows of a, each as one splat at a time, times columns of b, vectors of four of them. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

/** The next multiple: what whole tiles cover. */
export const ceilTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Engines give 15 of 16 vector registers to a function: the sums, one step of b, and one splat of a. */
export const registers = 15;

/** How many registers hold so many vectors side by side: of more than three, V8 makes pairs of all or of none. */
const registersFor = (vectors: number, wide: boolean): number =>
  wide && (vectors % 2 === 0 || vectors <= 3) ? Math.ceil(vectors / 2) : vectors;

const candidatesFor = (wide: boolean): readonly Tile[] =>
  Array.from({ length: 13 }, (_, r) =>
    Array.from({ length: wide ? 16 : 8 }, (__, v) => ({ rows: r + 1, columns: 4 * v + 4 })),
  )
    .flat()
    .filter(({ rows, columns }) => (rows + 1) * registersFor(columns / 4, wide) + 1 <= registers);

const candidates = { narrow: candidatesFor(false), wide: candidatesFor(true) };

/**
 * Cycles per step of k, as measured on Zen 5: two multiply-adds and two loads at a time, and four cycles until a sum can
 * be added to again. These meet, so that the more sums there are, the nearer tiles of them come to two at a time: in
 * registers side by side 8 sums take 5.2 cycles, 10 take 5.9, 12 take 6.4; one register wide, 13 take 8.0 and 10 take 6.2.
 */
function stepCost(rows: number, columns: number): number {
  if (rows * columns === 0) return 0;
  return Math.max(0.36 * rows * columns + 2.2, (rows + columns) / 2 + 0.9, 4.25);
}

/** Cycles for all tiles of m × n, of which whole and last ones take `across` and `restAcross` registers side by side. */
export function coverCost({ rows, columns }: Tile, m: number, n: number, across: number, restAcross: number): number {
  const fullRows = Math.floor(m / rows);
  const fullColumns = Math.floor(n / columns);
  const restRows = m - fullRows * rows;
  return (
    fullRows * fullColumns * stepCost(rows, across) +
    fullRows * stepCost(rows, restAcross) +
    fullColumns * stepCost(restRows, across) +
    stepCost(restRows, restAcross)
  );
}

function costOf(tile: Tile, m: number, n: number, wide: boolean): number {
  const rest = n % tile.columns;
  // What is stored lane by lane has no pairs either.
  const restWide = wide && (rest % 8 === 0 || rest <= 12);
  const across = registersFor(tile.columns / 4, wide);
  return coverCost(tile, m, n, across, registersFor(Math.ceil(rest / 4), restWide));
}

export interface TileChoice {
  readonly tile: Tile;
  readonly cost: number;
}

/** Planning asks for the same few sizes again and again. */
const choices = new Map<string, TileChoice>();
const mostChoices = 256;

/** The tile of the least cost; others than `usual` must save a twentieth: batches of other sizes then share code. */
export function cheapestTile(
  key: string,
  usual: Tile,
  candidates: readonly Tile[],
  costOf: (tile: Tile) => number,
): TileChoice {
  let choice = choices.get(key);
  if (!choice) {
    if (choices.size >= mostChoices) choices.clear();
    let best = usual;
    let cost = 0.95 * costOf(usual);
    for (const tile of candidates) {
      const its = costOf(tile);
      if (its < cost) [best, cost] = [tile, its];
    }
    choice = { tile: best, cost };
    choices.set(key, choice);
  }
  return choice;
}

const choose = (m: number, n: number, wide: boolean, mostRows: number): TileChoice =>
  cheapestTile(
    `${m} ${n} ${wide} ${mostRows}`,
    { rows: Math.min(6, mostRows), columns: wide ? 16 : 8 },
    wide ? candidates.wide : candidates.narrow,
    (tile) => (tile.rows > mostRows ? Number.POSITIVE_INFINITY : costOf(tile, m, n, wide)),
  );

/**
 * The tile that covers m × n with the least work; rows and vectors no more than there are, and rows no more than `mostRows`. `wide`:
 * neighbouring vectors share a register.
 */
export function chooseTile(m: number, n: number, wide: boolean, mostRows: number): Tile {
  const { tile } = choose(m, n, wide, mostRows);
  return { rows: Math.min(tile.rows, m), columns: Math.min(tile.columns, 4 * Math.ceil(n / 4)) };
}

/** Work for one step of k, in cycles. */
export const tileCost = (m: number, n: number, wide: boolean, mostRows: number): number =>
  choose(m, n, wide, mostRows).cost;

/** How a row of tiles finds its data; distances are in bytes. */
export interface TileRow {
  readonly rows: number;
  /** Columns of a tile, and of the last one where n is not a multiple of that; 0 if it is. */
  readonly columns: number;
  readonly restColumns: number;
  /** From row to row and from step to step of a; null where tables of offsets give both. */
  readonly aRow: number | null;
  readonly aStep: number;
  /**
   * From step to step and from tile to tile of b; packed panels are as wide as their tile, and said to be how far apart.
   * A table may give the steps.
   */
  readonly bStep: number | "packed" | "table";
  readonly bTile: number | null;
  /** From row to row of the results, or null where a table of offsets gives the rows. */
  readonly targetRow: number | null;
  /** Powers of two, added up, that are left of some number of steps beyond the unrolled loop: see `restSteps`. */
  readonly restSteps: number;
  /** Later blocks of k are added to what is there. */
  readonly accumulates: boolean;
}

/** Steps in one round of the loop: what a round costs beside them weighs most where operands come from far away. */
const unrolled = 4;

/** What may be left beyond whole rounds: of any number of steps, and where k is taken in blocks. */
export const anyRestSteps: number = unrolled - 1;
export const restSteps = (k: number, kBlock: number): number => (kBlock | (k % kBlock)) & anyRestSteps;

/**
 * A function (a, b, target, steps, columns, add, table, panel, aRows, aSteps, bSteps) that computes the tiles side by side in
 * one row of tiles: the results of a row lie next to each other in memory, and a's part stays in the nearest cache. `add` says
 * whether to add to what is there, `table` holds offsets of the target's rows, `panel` is the distance of b's packed panels,
 * the others hold offsets of a's rows and of the steps.
 */
export function tileRow(module: ModuleBuilder, shape: TileRow, features: WasmFeatures): Callable {
  return module.helper(`tile ${JSON.stringify(shape)}`, () => {
    const f = module.function(
      Array.from({ length: 11 }, () => "i32" as const),
      null,
    );
    const param = (i: number): Local<"i32"> => f.param("i32", i);
    const at = {
      a: param(0),
      b: param(1),
      target: param(2),
      steps: param(3),
      add: param(5),
      table: param(6),
      aRows: param(8),
      aSteps: param(9),
      bSteps: param(10),
    };
    const left = param(4);
    const { columns, restColumns } = shape;
    f.while(i32.ge(left, i32.const(columns)), () => {
      f.scope(() => emitTile(f, shape, columns, at, features));
      f.increase(at.b, shape.bTile ?? param(7));
      f.increase(at.target, 4 * columns);
      f.increase(left, -columns);
    });
    if (restColumns > 0) f.if(left, () => f.scope(() => emitTile(f, shape, restColumns, at, features)));
    return f;
  });
}

interface TileLocals {
  readonly a: Local<"i32">;
  readonly b: Local<"i32">;
  readonly target: Local<"i32">;
  readonly steps: Local<"i32">;
  readonly add: Local<"i32">;
  readonly table: Local<"i32">;
  readonly aRows: Local<"i32">;
  readonly aSteps: Local<"i32">;
  readonly bSteps: Local<"i32">;
}

function emitTile(f: FunctionBuilder, shape: TileRow, columns: number, at: TileLocals, features: WasmFeatures): void {
  const { rows } = shape;
  const vectors = Math.ceil(columns / 4);
  const bStep = shape.bStep === "packed" ? 16 * vectors : shape.bStep;
  const zero = f32x4.const(0);
  const sums = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.local("v128", zero)));
  const { aRow } = shape;
  const a = f.local("i32", at.a);
  const aRows =
    aRow === null ? sums.map((_, i) => f.local("i32", i32.add(at.a, i32.load(at.aRows, 4 * i)))) : sums.map(() => a);
  const b = f.local("i32", at.b);
  const [aTable, aMoved] = [f.local("i32", at.aSteps), f.local("i32")];
  const bTable = f.local("i32", at.bSteps);
  const left = f.local("i32");
  const right = Array.from({ length: vectors }, () => f.local("v128"));
  const splat = f.local("v128");

  /** A row's multiply-adds are the same in each step. */
  const multiplied = sums.map((row) =>
    f.record(() => {
      row.forEach((sum, j) => {
        const vector = right[j] ?? splat;
        f.set(
          sum,
          features.relaxedSimd ? f32x4.relaxedMadd(splat, vector, sum) : f32x4.add(sum, f32x4.mul(splat, vector)),
        );
      });
    }),
  );
  /** The step number q from here, where steps are even. */
  const step = (q: number): void => {
    if (bStep === "table") f.set(b, i32.add(at.b, i32.load(bTable, 4 * q)));
    if (aRow === null) f.set(aMoved, i32.load(aTable, 4 * q));
    right.forEach((local, j) => {
      f.set(local, v128.load(b, (bStep === "table" || bStep < 0 ? 0 : q * bStep) + 16 * j));
    });
    sums.forEach((_, i) => {
      const from = aRows[i] ?? a;
      f.set(
        splat,
        aRow === null
          ? v128.load32Splat(i32.add(from, aMoved))
          : v128.load32Splat(from, (shape.aStep < 0 ? 0 : q * shape.aStep) + i * aRow),
      );
      f.write(multiplied[i] ?? []);
    });
  };
  const recorded = Array.from({ length: unrolled }, (_, q) => f.record(() => step(q)));
  const steps = (count: number): void => {
    for (let q = 0; q < count; q++) {
      f.write(recorded[q] ?? []);
      if (aRow !== null && shape.aStep < 0) f.increase(a, shape.aStep);
      if (bStep !== "table" && bStep < 0) f.increase(b, bStep);
    }
    if (aRow === null) f.increase(aTable, 4 * count);
    else if (shape.aStep > 0) f.increase(a, count * shape.aStep);
    if (bStep === "table") f.increase(bTable, 4 * count);
    else if (bStep > 0) f.increase(b, count * bStep);
  };

  f.set(left, i32.shrU(at.steps, i32.const(Math.log2(unrolled))));
  f.if(left, () => {
    f.loop((again) => {
      steps(unrolled);
      f.increase(left, -1);
      f.brIf(again, left);
    });
  });
  for (let rest = unrolled / 2; rest >= 1; rest /= 2)
    if ((shape.restSteps & rest) !== 0) f.if(i32.and(at.steps, i32.const(rest)), () => steps(rest));

  const row = f.local("i32");
  const eachRow = (visit: (address: I32, offset: number, sums: readonly Local<"v128">[]) => void): void =>
    sums.forEach((row_, i) => {
      if (shape.targetRow === null) {
        f.set(row, i32.add(at.target, i32.load(at.table, 4 * i)));
        visit(row, 0, row_);
      } else if (shape.targetRow >= 0) visit(at.target, i * shape.targetRow, row_);
      else {
        f.set(row, i32.add(at.target, i32.const(i * shape.targetRow)));
        visit(row, 0, row_);
      }
    });
  if (shape.accumulates)
    f.if(at.add, () =>
      eachRow((address, offset, row_) =>
        row_.forEach((sum, j) => {
          f.set(sum, f32x4.add(sum, v128.load(address, offset + 16 * j)));
        }),
      ),
    );
  // From the last to the first: see storeAll in loops.ts.
  eachRow((address, offset, row_) => {
    for (const [j, sum] of [...row_.entries()].reverse())
      storeLanes(f, address, sum, Math.min(4, columns - 4 * j), offset + 16 * j);
  });
}

/** The first `lanes` of a vector, and nothing beyond them. */
function storeLanes(f: FunctionBuilder, address: I32, value: V128, lanes: number, offset: number): void {
  if (lanes === 4) f.store(address, value, offset);
  else {
    if (lanes > 1) f.storeLane(64, address, value, 0, offset);
    if (lanes !== 2) f.storeLane(32, address, value, lanes - 1, offset + 4 * (lanes - 1));
  }
}
