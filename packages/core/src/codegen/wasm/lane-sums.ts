// The sums of a tile whose lanes hold steps of k: nothing is spread over a vector, and what the lanes hold is added up in the end.
import type { FunctionBuilder, Local } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { registers, type Tile } from "./gemm-tile.ts";
import { f32x4, type I32, type V128, v128 } from "./instructions.ts";

/** Tiles whose sums, shorter side and one of the longer side fit in registers. */
export const laneTiles: readonly Tile[] = Array.from({ length: registers }, (_, r) =>
  Array.from({ length: registers }, (__, c) => ({ rows: r + 1, columns: c + 1 })),
)
  .flat()
  .filter(({ rows, columns }) => rows * columns + Math.min(rows, columns) + 1 <= registers);

/** Where a row of a or a column of b lies. */
export type Place = readonly [address: I32, offset: number];

/** Sums of rows × columns products, each of so many vectors. */
export class LaneSums {
  /** Row by row. */
  readonly sums: readonly (readonly Local<"v128">[])[];
  private readonly f: FunctionBuilder;
  private readonly rows: number;
  private readonly columns: number;
  private readonly relaxed: boolean;
  /** The shorter side of the tile is kept in registers, the other one comes by. */
  private readonly kept: readonly (readonly Local<"v128">[])[];
  private readonly passing: readonly Local<"v128">[];

  constructor(f: FunctionBuilder, rows: number, columns: number, vectors: number, features: WasmFeatures) {
    const register = (value?: V128): Local<"v128">[] => Array.from({ length: vectors }, () => f.local("v128", value));
    this.f = f;
    this.rows = rows;
    this.columns = columns;
    this.relaxed = features.relaxedSimd;
    this.sums = Array.from({ length: rows * columns }, () => register(f32x4.const(0)));
    this.kept = Array.from({ length: Math.min(rows, columns) }, () => register());
    this.passing = register();
  }

  /**
   * One vector of steps. `masks` tell which lanes count where not all do: on both sides, as what lies beyond the last step may
   * be infinite.
   */
  step(a: (row: number) => Place, b: (column: number) => Place, masks: readonly V128[] = []): void {
    const { f, kept, passing, rows, columns } = this;
    const fill = (into: readonly Local<"v128">[], [address, offset]: Place): void =>
      into.forEach((local, part) => {
        const value = v128.load(address, offset + 16 * part);
        const mask = masks[part];
        f.set(local, mask ? v128.and(value, mask) : value);
      });
    const isTall = columns <= rows;
    const [keptPlace, passingPlace] = isTall ? [b, a] : [a, b];
    for (const [q, one] of kept.entries()) fill(one, keptPlace(q));
    for (let p = 0; p < (isTall ? rows : columns); p++) {
      fill(passing, passingPlace(p));
      kept.forEach((one, q) => {
        this.sums[isTall ? p * columns + q : q * columns + p]?.forEach((sum, part) => {
          const [x, y] = [passing[part] ?? sum, one[part] ?? sum];
          f.set(sum, this.relaxed ? f32x4.relaxedMadd(x, y, sum) : f32x4.add(sum, f32x4.mul(x, y)));
        });
      });
    }
  }
}
