// Where to draw the boxes of a graph: layers by longest path, few crossings, boxes near what they are joined to
// (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", 1981).

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  /** The upper left corner of each box. */
  readonly places: readonly Point[];
  /** For each edge the points that it goes through: from the lower side of a box to the upper side of another. */
  readonly routes: readonly (readonly Point[])[];
  readonly size: Size;
}

export interface Spacing {
  readonly across: number;
  readonly down: number;
}

/** A box, or where a long edge crosses a layer. */
interface Cell {
  readonly width: number;
  readonly height: number;
  readonly layer: number;
  readonly above: Cell[];
  readonly below: Cell[];
  /** Of its middle. */
  x: number;
}

const sweeps = 12;

/** Boxes from top to bottom, each below those with an edge to it. Edges are pairs of positions in `boxes`, without circles. */
export function layered(
  boxes: readonly Size[],
  edges: readonly (readonly [from: number, to: number])[],
  spacing: Spacing,
): Layout {
  const depths = longestPaths(boxes.length, edges);
  const cells = boxes.map(({ width, height }, i) => cellOf(width, height, depths[i] ?? 0));
  const layers: Cell[][] = Array.from({ length: Math.max(0, ...depths.map((d) => d + 1)) }, () => []);
  for (const cell of cells) layers[cell.layer]?.push(cell);
  const chains = edges.map(([from, to]) => chain(cells[from], cells[to], layers));
  reorder(layers);
  for (let i = 0; i < sweeps; i++) {
    // From the top down, then up again; the last sweep puts operands over what reads them.
    const order = i % 2 === 0 ? layers : layers.toReversed();
    for (const layer of order) align(layer, i % 2 === 0, spacing.across);
  }
  const left = Math.min(...cells.map((cell) => cell.x - cell.width / 2));
  const heights = layers.map((layer) => Math.max(0, ...layer.map(({ height }) => height)));
  const tops = heights.map((_, i) => heights.slice(0, i).reduce((sum, h) => sum + h + spacing.down, 0));
  const topOf = (cell: Cell): number => (tops[cell.layer] ?? 0) + ((heights[cell.layer] ?? 0) - cell.height) / 2;
  return {
    places: cells.map((cell) => ({ x: cell.x - left - cell.width / 2, y: topOf(cell) })),
    routes: chains.map((list) =>
      list.flatMap((cell, i): Point[] => {
        const x = cell.x - left;
        const [top, bottom] = [topOf(cell), topOf(cell) + cell.height];
        if (i === 0) return [{ x, y: bottom }];
        return i === list.length - 1 ? [{ x, y: top }] : [{ x, y: (top + bottom) / 2 }];
      }),
    ),
    size: {
      width: Math.max(0, ...cells.map((cell) => cell.x - left + cell.width / 2)),
      height: heights.reduce((sum, h) => sum + h + spacing.down, -spacing.down),
    },
  };
}

const cellOf = (width: number, height: number, layer: number): Cell => ({
  width,
  height,
  layer,
  above: [],
  below: [],
  x: 0,
});

/** How many edges lead to each box at most. Boxes come after those with an edge to them. */
function longestPaths(count: number, edges: readonly (readonly [number, number])[]): number[] {
  const depths = new Array<number>(count).fill(0);
  for (const [from, to] of edges.toSorted(([, a], [, b]) => a - b))
    depths[to] = Math.max(depths[to] ?? 0, (depths[from] ?? 0) + 1);
  return depths;
}

/** Joins two cells by way of a new one in each layer between. */
function chain(from: Cell | undefined, to: Cell | undefined, layers: readonly Cell[][]): Cell[] {
  if (!from || !to) return [];
  const list = [from];
  for (let layer = from.layer + 1; layer < to.layer; layer++) {
    const cell = cellOf(0, 0, layer);
    layers[layer]?.push(cell);
    list.push(cell);
  }
  list.push(to);
  list.forEach((cell, i) => {
    const next = list[i + 1];
    if (!next) return;
    cell.below.push(next);
    next.above.push(cell);
  });
  return list;
}

/** Puts the cells of each layer in the order of the middles of their neighbours: fewer crossings. */
function reorder(layers: readonly Cell[][]): void {
  const number = (layer: readonly Cell[]): void => {
    layer.forEach((cell, i) => {
      cell.x = i - (layer.length - 1) / 2;
    });
  };
  layers.forEach(number);
  for (let i = 0; i < sweeps; i++) {
    const down = i % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) {
      const wanted = new Map(layer.map((cell) => [cell, middle(down ? cell.above : cell.below, cell.x)]));
      layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      number(layer);
    }
  }
}

const middle = (cells: readonly Cell[], otherwise: number): number =>
  cells.length === 0 ? otherwise : cells.reduce((sum, { x }) => sum + x, 0) / cells.length;

/**
 * Moves the cells of a layer as near as can be to the middles of their neighbours without touching each other: the least
 * squares that keep the order, by pooling adjacent violators (Ayer et al., 1955).
 */
function align(layer: readonly Cell[], down: boolean, across: number): void {
  const pools: { sum: number; count: number }[] = [];
  const offsets: number[] = [];
  let offset = 0;
  layer.forEach((cell, i) => {
    const before = layer[i - 1];
    if (before) offset += (before.width + cell.width) / 2 + across;
    offsets.push(offset);
    let pool = { sum: middle(down ? cell.above : cell.below, cell.x) - offset, count: 1 };
    for (let last = pools.at(-1); last && last.sum / last.count > pool.sum / pool.count; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count };
    }
    pools.push(pool);
  });
  let next = 0;
  for (const { sum, count } of pools)
    for (let i = 0; i < count; i++, next++) {
      const cell = layer[next];
      if (cell) cell.x = sum / count + (offsets[next] ?? 0);
    }
}
