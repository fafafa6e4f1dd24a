// Datasets that lie in memory as one typed array per column, and make batches by copying rows.
import {
  ArgumentError,
  type DType,
  type Shape,
  ShapeError,
  type Tensor,
  type TypedArray,
  tensor,
} from "@cotangent/core";
import { emptyLike } from "./collate.ts";
import { checkIndex, type Dataset, type Indices } from "./dataset.ts";

/** All values of one part of the samples, sample after sample. */
export interface Column<S extends Shape = Shape> {
  readonly data: TypedArray;
  /** The shape of one sample's part: `[784]` for a flat image, `[]` for a label. */
  readonly shape: S;
  /** What the bytes of `data` stand for: 256 float32 values. The column is kept as bytes and becomes float32 in batches. */
  readonly table?: Float32Array | undefined;
  /** Set to `"bool"` if the bytes of `data` are 0 or 1 and mean false or true; otherwise the array's type decides. */
  readonly dtype?: DType | undefined;
}

/** One tensor per column; `S` gives the shapes. */
export type Sample<S extends Record<string, Shape>> = { [K in keyof S]: Tensor<S[K]> };

/** One tensor per column, with a leading batch axis. */
export type Batch<S extends Record<string, Shape>> = { [K in keyof S]: Tensor<[number, ...S[K]]> };

/**
 * Samples in memory. A batch of 128 images of 784 float32 values takes about a tenth of a millisecond.
 * @throws {ShapeError} `ArrayDataset: expected columns of equal length, got image: 60000, label: 10000`
 * @example
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2] };
 * const y = { data: Int32Array.of(0, 1), shape: [] };
 * new ArrayDataset({ x, y }).get(1).x; // [3, 4]
 */
export class ArrayDataset<const S extends Record<string, Shape>> implements Dataset<Sample<S>, Batch<S>> {
  readonly length: number;
  readonly columns: { readonly [K in keyof S]: Column<S[K]> };

  constructor(columns: { readonly [K in keyof S]: Column<S[K]> }) {
    const lengths = Object.entries<Column>(columns).map(([name, column]) => [name, rowCount(name, column)] as const);
    const length = lengths[0]?.[1];
    if (length === undefined) throw new ArgumentError("ArrayDataset: expected at least one column, got none");
    if (lengths.some(([, rows]) => rows !== length))
      throw new ShapeError(
        `ArrayDataset: expected columns of equal length, got ${lengths.map(([name, rows]) => `${name}: ${rows}`).join(", ")}`,
      );
    this.length = length;
    this.columns = columns;
  }

  get(index: number): Sample<S> {
    checkIndex("ArrayDataset.get", index, this.length);
    return this.#map((column) => tensorOf(column, gather(column, [index]), column.shape));
  }

  batch(indices: Indices): Batch<S> {
    for (const index of indices) checkIndex("ArrayDataset.batch", index, this.length);
    return this.#map((column) => tensorOf(column, gather(column, indices), [indices.length, ...column.shape]));
  }

  #map<R>(make: (column: Column) => Tensor): R;
  #map(make: (column: Column) => Tensor): unknown {
    return Object.fromEntries(Object.entries<Column>(this.columns).map(([name, column]) => [name, make(column)]));
  }
}

const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);

function rowCount(name: string, { data, shape, table }: Column): number {
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 1))
    throw new ShapeError(`ArrayDataset: expected sizes ≥ 1 in the shape of ${name}, got [${shape.join(", ")}]`);
  if (table !== undefined && (!(data instanceof Uint8Array) || table.length !== 256))
    throw new ArgumentError(
      `ArrayDataset: expected bytes and a table of 256 values for ${name}, got a table of ${table.length}`,
    );
  const rows = data.length / sizeOf(shape);
  if (!Number.isInteger(rows))
    throw new ShapeError(
      `ArrayDataset: expected a multiple of ${sizeOf(shape)} values in ${name}, of shape [${shape.join(", ")}] each, got ${data.length}`,
    );
  return rows;
}

/** Where rows are gathered before `tensor` copies them: fresh memory for every batch would double its cost. */
const scratch = new WeakMap<Column, TypedArray>();

function scratchFor(column: Column, length: number): TypedArray {
  let array = scratch.get(column);
  if (array === undefined || array.length < length) {
    array = column.table === undefined ? emptyLike(column.data, length) : new Float32Array(length);
    scratch.set(column, array);
  }
  return array.length === length ? array : array.subarray(0, length);
}

/** The rows at `indices`, one after another, until the next call for this column. */
function gather(column: Column, indices: Indices): TypedArray {
  const { data, shape, table } = column;
  const size = sizeOf(shape);
  const rows = scratchFor(column, indices.length * size);
  let end = 0;
  for (const index of indices) {
    const row = data.subarray(index * size, (index + 1) * size);
    if (table === undefined) rows.set(row, end);
    else lookUp(row, table, rows.subarray(end, end + size));
    end += size;
  }
  return rows;
}

function lookUp(bytes: TypedArray, table: Float32Array, values: TypedArray): void {
  for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i] ?? 0] ?? 0;
}

const tensorOf = ({ dtype }: Column, data: TypedArray, shape: Shape): Tensor =>
  tensor(data, dtype === undefined ? { shape } : { shape, dtype });

/**
 * A dataset of the rows of tensors: their first axis counts the samples. The values are read once, here.
 * @throws {ShapeError} for a tensor without axes, or first axes of different sizes
 * @example (await tensorDataset({ x: rand([100, 8]), y: rand([100]) })).batch([5, 7]).x.shape; // [2, 8]
 */
export async function tensorDataset<K extends string>(
  tensors: Readonly<Record<K, Tensor>>,
): Promise<ArrayDataset<Record<K, Shape>>>;
export async function tensorDataset(
  tensors: Readonly<Record<string, Tensor>>,
): Promise<ArrayDataset<Record<string, Shape>>> {
  const columns: Record<string, Column> = {};
  for (const [name, source] of Object.entries(tensors)) {
    if (source.shape.length === 0)
      throw new ShapeError(`tensorDataset: expected a first axis that counts the samples, got ${name} of shape []`);
    columns[name] = { data: await source.data(), shape: source.shape.slice(1), dtype: source.dtype };
  }
  return new ArrayDataset(columns);
}
