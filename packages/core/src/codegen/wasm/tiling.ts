// Splits a loop in two where operands lie across each other (a transposed copy), so that lines of the cache are read whole.

/** Iterations of the innermost loop: as many as a line has elements of 32 bits, or not much fewer. */
const longestTile = 16;
const shortestTile = 8;
/** Where neighbours in the lanes lie closer, a vector finds several of its elements in a line. */
const shortestStep = 8;
/** Loops in the lanes that are shorter write whole lines as they are. */
const shortestRow = 16;
/** Vectors side by side in a round: each row that they read keeps a line of the cache busy, and sets have eight or twelve. */
export const tiledVectors = 2;

export interface Tiling {
  readonly sizes: readonly number[];
  /** The dim in the lanes: the last but one. */
  readonly vector: number;
  /** What the strides along the loops become. */
  strides(before: readonly number[]): number[];
  /** Where a loop that is neither in the lanes nor split stands now. */
  place(dim: number): number;
}

/**
 * Of loops over `sizes`, the last of which runs in the lanes: where a load steps over memory along that one and runs
 * along memory in another, a part of the other goes inside. `fixed` is a loop that stays as it is, or −1.
 */
export function tilingOf(
  sizes: readonly number[],
  fixed: number,
  loads: readonly (readonly number[])[],
): Tiling | null {
  const last = sizes.length - 1;
  const size = sizes[last] ?? 1;
  if (size < shortestRow || fixed === last) return null;
  for (const strides of loads) {
    const other = strides.findIndex((stride, dim) => dim < last && Math.abs(stride) === 1);
    const tile = tileOf(sizes[other] ?? 1);
    if (other < 0 || other === fixed || tile < shortestTile || Math.abs(strides[last] ?? 0) < shortestStep) continue;
    const rest = [...sizes.keys()].filter((dim) => dim !== other && dim !== last);
    return {
      sizes: [...rest.map((dim) => sizes[dim] ?? 1), (sizes[other] ?? 1) / tile, size, tile],
      vector: rest.length + 1,
      strides: (before) => {
        const along = before[other] ?? 0;
        return [...rest.map((dim) => before[dim] ?? 0), along * tile, before[last] ?? 0, along];
      },
      place: (dim) => rest.indexOf(dim),
    };
  }
  return null;
}

/** The longest tile that divides a loop. */
function tileOf(size: number): number {
  for (let tile = longestTile; tile > 1; tile--) if (size % tile === 0) return tile;
  return 1;
}
