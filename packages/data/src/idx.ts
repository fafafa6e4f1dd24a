// IDX files: the format of MNIST and its relatives (Yann LeCun, Corinna Cortes, Christopher Burges, 1998).
import { ArgumentError, type DType, type TypedArray } from "@cotangent/core";
import { gunzip, isGzip } from "./gzip.ts";

/** An array as an IDX file holds it. */
export interface IdxArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

interface ElementType {
  readonly name: string;
  readonly dtype: DType;
  readonly sizeBytes: number;
}

/** The third byte of a file gives its element type. int8 and int16 become int32. */
const elementTypes: Readonly<Record<number, ElementType>> = {
  8: { name: "uint8", dtype: "uint8", sizeBytes: 1 },
  9: { name: "int8", dtype: "int32", sizeBytes: 1 },
  11: { name: "int16", dtype: "int32", sizeBytes: 2 },
  12: { name: "int32", dtype: "int32", sizeBytes: 4 },
  13: { name: "float32", dtype: "float32", sizeBytes: 4 },
  14: { name: "float64", dtype: "float64", sizeBytes: 8 },
};

interface Header {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly headerBytes: number;
  readonly totalBytes: number;
}

/**
 * Reads an IDX file, gzipped or not. The file is checked as a whole before any of it is converted.
 * @param bytes the file's contents
 * @param options.name what errors call the file
 * @throws {ArgumentError} `readIdx: train-labels: expected 60008 bytes (header 8 + 60000 × uint8), got 1000. The file is truncated`
 * @example [...(await readIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9))).data]; // [7, 9]
 */
export async function readIdx(bytes: Uint8Array, options: { name?: string } = {}): Promise<IdxArray> {
  const name = options.name ?? "data";
  const raw = isGzip(bytes)
    ? await gunzip(bytes, `readIdx: ${name}`, (head) => readHeader(head, name)?.totalBytes)
    : bytes;
  const header = readHeader(raw, name);
  if (header === undefined)
    throw new ArgumentError(
      `readIdx: ${name}: expected a complete header, got ${raw.length} bytes. The file is truncated`,
    );
  if (raw.length !== header.totalBytes) {
    const { type, shape, headerBytes, totalBytes } = header;
    const expected = `${totalBytes} bytes (header ${headerBytes} + ${[...shape, type.name].join(" × ")})`;
    const got = isGzip(bytes) && raw.length > totalBytes ? "more" : raw.length;
    const hint = raw.length < totalBytes ? "The file is truncated" : "There are bytes after the end";
    throw new ArgumentError(`readIdx: ${name}: expected ${expected}, got ${got}. ${hint}`);
  }
  return { dtype: header.type.dtype, shape: header.shape, data: readElements(raw, header) };
}

/** The header, or undefined where `bytes` end before it does. */
function readHeader(bytes: Uint8Array, name: string): Header | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = elementTypes[view.getUint8(2)];
  const rank = view.getUint8(3);
  if (view.getUint16(0) !== 0 || type === undefined)
    throw new ArgumentError(
      `readIdx: ${name}: expected a magic number 0x0000TTRR with type TT among 08, 09, 0b … 0e, got 0x${view.getUint32(0).toString(16).padStart(8, "0")}`,
    );
  if (rank === 0) throw new ArgumentError(`readIdx: ${name}: expected at least one axis, got none`);
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) return undefined;
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const totalBytes = headerBytes + shape.reduce((size, extent) => size * extent, type.sizeBytes);
  if (!(totalBytes <= 2 ** 32))
    throw new ArgumentError(
      `readIdx: ${name}: expected at most 4 GiB, got a header that claims ${shape.join(" × ")} × ${type.name}`,
    );
  return { type, shape, headerBytes, totalBytes };
}

function readElements(bytes: Uint8Array, { type, headerBytes, totalBytes }: Header): TypedArray {
  const length = (totalBytes - headerBytes) / type.sizeBytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset + headerBytes, totalBytes - headerBytes);
  switch (type.name) {
    case "int8":
      return Int32Array.from({ length }, (_, i) => view.getInt8(i));
    case "int16":
      return Int32Array.from({ length }, (_, i) => view.getInt16(2 * i));
    case "int32":
      return Int32Array.from({ length }, (_, i) => view.getInt32(4 * i));
    case "float32":
      return Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i));
    case "float64":
      return Float64Array.from({ length }, (_, i) => view.getFloat64(8 * i));
    default:
      return new Uint8Array(bytes.subarray(headerBytes));
  }
}
