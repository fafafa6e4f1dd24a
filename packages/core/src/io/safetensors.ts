// Safetensors files: named tensors behind a JSON header (Hugging Face, 2022; https://huggingface.co/docs/safetensors).
import { type DType, emptyArray, type TypedArray } from "../base/dtype.ts";
import { ArgumentError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How our dtypes are called in the header. */
const written = { float32: "F32", float64: "F64", int32: "I32", uint8: "U8", bool: "BOOL" } as const satisfies Record<
  DType,
  string
>;

/** An element type of the format: its size, the dtype it becomes here, and how one element is read. */
interface Format {
  readonly sizeBytes: number;
  readonly dtype: DType;
  read(view: DataView, offset: number): number;
}

/** Half-precision floats become float32; wider integers become int32 where their values fit. */
const formats: Readonly<Record<string, Format>> = {
  F64: { sizeBytes: 8, dtype: "float64", read: (view, at) => view.getFloat64(at, true) },
  F32: { sizeBytes: 4, dtype: "float32", read: (view, at) => view.getFloat32(at, true) },
  F16: { sizeBytes: 2, dtype: "float32", read: (view, at) => readHalf(view.getUint16(at, true)) },
  BF16: { sizeBytes: 2, dtype: "float32", read: (view, at) => readBrain(view.getUint16(at, true)) },
  I64: { sizeBytes: 8, dtype: "int32", read: (view, at) => Number(view.getBigInt64(at, true)) },
  U64: { sizeBytes: 8, dtype: "int32", read: (view, at) => Number(view.getBigUint64(at, true)) },
  U32: { sizeBytes: 4, dtype: "int32", read: (view, at) => view.getUint32(at, true) },
  I32: { sizeBytes: 4, dtype: "int32", read: (view, at) => view.getInt32(at, true) },
  I16: { sizeBytes: 2, dtype: "int32", read: (view, at) => view.getInt16(at, true) },
  U16: { sizeBytes: 2, dtype: "int32", read: (view, at) => view.getUint16(at, true) },
  I8: { sizeBytes: 1, dtype: "int32", read: (view, at) => view.getInt8(at) },
  U8: { sizeBytes: 1, dtype: "uint8", read: (view, at) => view.getUint8(at) },
  BOOL: { sizeBytes: 1, dtype: "bool", read: (view, at) => view.getUint8(at) },
};

/** The header's length comes first, as an unsigned integer of this many bytes. */
const lengthBytes = 8;

/** The reference implementation's bound for headers. */
const maximumHeaderBytes = 100_000_000;

/**
 * The contents of a safetensors file with these tensors, as PyTorch and others read it.
 * @param tensors by name; a module's `stateDict()`, for example
 * @param options.metadata strings to keep in the header
 * @example (await saveSafetensors({ weight: tensor([1, 2]) })).length // 80
 */
export async function saveSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  options: { readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<Uint8Array> {
  const header: [string, unknown][] = [];
  if (options.metadata !== undefined) header.push(["__metadata__", options.metadata]);
  const parts: TypedArray[] = [];
  let end = 0;
  // Wide elements first, so that every tensor starts at a multiple of its element's size.
  const byWidth = Object.entries(tensors).sort(([, a], [, b]) => widthOf(b) - widthOf(a));
  for (const [name, source] of byWidth) {
    if (name === "__metadata__") throw new ArgumentError("saveSafetensors: expected a tensor's name, got __metadata__");
    const data = await source.data();
    const { dtype, shape } = source;
    header.push([name, { dtype: written[dtype], shape, data_offsets: [end, end + data.byteLength] }]);
    parts.push(data);
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const start = lengthBytes + Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(start + end);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(start - lengthBytes), true);
  file.fill(0x20, lengthBytes, start);
  file.set(json, lengthBytes);
  let at = start;
  for (const data of parts) {
    writeLittleEndian(view, at, data);
    at += data.byteLength;
  }
  return file;
}

const widthOf = ({ dtype }: Tensor): number => formats[written[dtype]]?.sizeBytes ?? 1;

/** Whether this machine keeps the lowest byte of a number first, as the format does. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function writeLittleEndian(view: DataView, offset: number, data: TypedArray): void {
  if (isLittleEndian || data instanceof Uint8Array) {
    new Uint8Array(view.buffer, offset).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return;
  }
  for (let i = 0, at = offset; i < data.length; i++, at += data.BYTES_PER_ELEMENT) {
    const value = data[i] ?? 0;
    if (data instanceof Float64Array) view.setFloat64(at, value, true);
    else if (data instanceof Float32Array) view.setFloat32(at, value, true);
    else view.setInt32(at, value, true);
  }
}

/**
 * The tensors of a safetensors file. F16 and BF16 become float32; I64, U64, U32, I16, U16 and I8 become int32. All of
 * the header is checked before the first tensor is made.
 * @throws {ArgumentError} `loadSafetensors: 0.weight: expected 1024 bytes for F32 [16, 16], got 1000`
 * @example loadSafetensors(await saveSafetensors({ weight: tensor([1, 2]) })).weight // tensor([1, 2])
 */
export function loadSafetensors(bytes: Uint8Array): Record<string, Tensor> {
  const { header, start } = readHeader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  const places = entries.map(([name, entry]) => ({ name, ...readEntry(name, entry) }));
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const { name, begin, end: next } of places) {
    if (begin !== end) throw failed(`${name}: expected its data to start at ${end}, got ${begin}`);
    end = next;
  }
  if (end !== view.byteLength)
    throw failed(`expected ${end} bytes after the header, got ${view.byteLength}. The file is truncated or too long`);
  return Object.fromEntries(
    places.map(({ name, format, shape, begin }) => {
      const values = readElements(name, view, begin, sizeOf(shape), format);
      return [name, tensor(values, { shape, dtype: format.dtype })];
    }),
  );
}

const failed = (message: string, cause?: unknown): ArgumentError =>
  new ArgumentError(`loadSafetensors: ${message}`, { cause });

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.length < lengthBytes) throw failed(`expected at least ${lengthBytes} bytes, got ${bytes.length}`);
  const claimed = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (claimed > maximumHeaderBytes || claimed > bytes.length - lengthBytes)
    throw failed(
      `expected a header within the file's ${bytes.length} bytes, got a claim of ${claimed}. The file is truncated, or of another format`,
    );
  const start = lengthBytes + Number(claimed);
  try {
    const header: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(lengthBytes, start)),
    );
    if (isRecord(header)) return { header, start };
  } catch (cause) {
    throw failed("expected a header in JSON, got text that cannot be parsed", cause);
  }
  throw failed("expected a JSON object as header, got another value");
}

function readEntry(name: string, entry: unknown): { format: Format; shape: number[]; begin: number; end: number } {
  if (!isRecord(entry)) throw failed(`${name}: expected dtype, shape and data_offsets, got another value`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const format = typeof dtype === "string" && Object.hasOwn(formats, dtype) ? formats[dtype] : undefined;
  if (format === undefined) throw failed(`${name}: expected a dtype of ${Object.keys(formats)}, got ${String(dtype)}`);
  if (!isSizes(shape)) throw failed(`${name}: expected a shape of sizes ≥ 0, got ${JSON.stringify(shape)}`);
  const [begin, end] = isSizes(offsets) ? offsets : [];
  const sizeBytes = sizeOf(shape) * format.sizeBytes;
  if (begin === undefined || end === undefined || end - begin !== sizeBytes)
    throw failed(
      `${name}: expected ${sizeBytes} bytes for ${String(dtype)} [${shape.join(", ")}], got data_offsets ${JSON.stringify(offsets)}`,
    );
  return { format, shape, begin, end };
}

function readElements(name: string, view: DataView, begin: number, length: number, format: Format): TypedArray {
  const values = emptyArray(format.dtype, length);
  for (let i = 0; i < length; i++) {
    const value = format.read(view, begin + i * format.sizeBytes);
    values[i] = value;
    if (format.dtype === "int32" && values[i] !== value)
      throw failed(`${name}: expected integers that fit int32, got ${value} at ${i}`);
  }
  return values;
}

/** IEEE 754 half precision: 1 sign bit, 5 exponent bits, 10 fraction bits. */
function readHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16: the upper half of a float32. */
function readBrain(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
