// Splits a loop in two where operands lie across each other (a transposed copy), so that lines of the cache are read whole.

/** Iterations inside the loop in the lanes: as many as a line has elements of 32 bits, or not much fewer. */
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
  /** The dim in the lanes: what is behind it are parts of loops that went inside. */
  readonly vector: number;
  /** What the strides along the loops become. */
  strides(before: readonly number[]): number[];
  /** Where a loop that is neither in the lanes nor split stands now. */
  place(dim: number): number;
}

/** So many iterations of a loop go inside. */
interface Part {
  readonly dim: number;
  readonly tile: number;
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
    if (Math.abs(strides[last] ?? 0) < shortestStep) continue;
    const parts = partsAlong(strides, sizes);
    if (parts.length === 0 || parts.some(({ dim }) => dim === fixed)) continue;
    const rest = [...sizes.keys()].filter((dim) => dim !== last && parts.every((part) => part.dim !== dim));
    const split = parts.filter(({ dim, tile }) => tile !== sizes[dim]);
    return {
      sizes: [
        ...rest.map((dim) => sizes[dim] ?? 1),
        ...split.map(({ dim, tile }) => (sizes[dim] ?? 1) / tile),
        size,
        ...parts.map(({ tile }) => tile),
      ],
      vector: rest.length + split.length,
      strides: (before) => [
        ...rest.map((dim) => before[dim] ?? 0),
        ...split.map(({ dim, tile }) => (before[dim] ?? 0) * tile),
        before[last] ?? 0,
        ...parts.map(({ dim }) => before[dim] ?? 0),
      ],
      place: (dim) => rest.indexOf(dim),
    };
  }
  return null;
}

/**
 * What runs along memory for the length of a line, outermost first: a part of one loop, or a short one as a whole
 * inside a part of the loop that goes on where it ends. Empty where nothing does.
 */
function partsAlong(strides: readonly number[], sizes: readonly number[]): Part[] {
  const last = sizes.length - 1;
  const inner = strides.findIndex((stride, dim) => dim < last && Math.abs(stride) === 1);
  if (inner < 0) return [];
  const innerSize = sizes[inner] ?? 1;
  const tile = tileOf(innerSize, longestTile);
  if (tile >= shortestTile) return [{ dim: inner, tile }];
  const next = strides.findIndex((stride, dim) => dim < last && stride === (strides[inner] ?? 0) * innerSize);
  const nextTile = tileOf(sizes[next] ?? 1, Math.floor(longestTile / innerSize));
  if (nextTile === 1 || innerSize * nextTile < shortestTile) return [];
  return [
    { dim: next, tile: nextTile },
    { dim: inner, tile: innerSize },
  ];
}

/** The longest tile that divides a loop. */
function tileOf(size: number, longest: number): number {
  for (let tile = longest; tile > 1; tile--) if (size % tile === 0) return tile;
  return 1;
}
