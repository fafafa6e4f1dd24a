import { gzipSync } from "node:zlib";
import { ArgumentError } from "@cotangent/core";
import { describe, expect, test } from "vitest";
import { readIdx } from "./idx.ts";

/** An IDX file with the given sizes in its header and bytes after it. */
function idx(type: number, shape: readonly number[], payload: Uint8Array): Uint8Array {
  const file = new Uint8Array(4 + 4 * shape.length + payload.length);
  const view = new DataView(file.buffer);
  view.setUint8(2, type);
  view.setUint8(3, shape.length);
  shape.forEach((extent, axis) => {
    view.setUint32(4 + 4 * axis, extent);
  });
  file.set(payload, 4 + 4 * shape.length);
  return file;
}

function bigEndian(count: number, sizeBytes: number, write: (view: DataView, i: number, offset: number) => void) {
  const payload = new Uint8Array(count * sizeBytes);
  const view = new DataView(payload.buffer);
  for (let i = 0; i < count; i++) write(view, i, i * sizeBytes);
  return payload;
}

const small = idx(8, [2, 3], Uint8Array.of(1, 2, 3, 4, 5, 255));

describe("readIdx", () => {
  test("reads bytes with their shape", async () => {
    expect(await readIdx(small)).toEqual({ dtype: "uint8", shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) });
  });

  test("reads a part of a larger buffer, and copies it", async () => {
    const buffer = Buffer.concat([Uint8Array.of(9, 9, 9), small]).subarray(3);
    const { data } = await readIdx(buffer);
    buffer.fill(0);
    expect(data).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 255));
  });

  test.each([
    [9, "int32", Int32Array.of(-128, 127), bigEndian(2, 1, (v, i, o) => v.setInt8(o, [-128, 127][i]!))],
    [11, "int32", Int32Array.of(-32768, 258), bigEndian(2, 2, (v, i, o) => v.setInt16(o, [-32768, 258][i]!))],
    [
      12,
      "int32",
      Int32Array.of(-(2 ** 31), 16909060),
      bigEndian(2, 4, (v, i, o) => v.setInt32(o, [-(2 ** 31), 16909060][i]!)),
    ],
    [13, "float32", Float32Array.of(0.5, -3e38), bigEndian(2, 4, (v, i, o) => v.setFloat32(o, [0.5, -3e38][i]!))],
    [
      14,
      "float64",
      Float64Array.of(Math.PI, -1e300),
      bigEndian(2, 8, (v, i, o) => v.setFloat64(o, [Math.PI, -1e300][i]!)),
    ],
  ] as const)("reads type %i, most significant byte first, as %s", async (type, dtype, data, payload) => {
    expect(await readIdx(idx(type, [2], payload))).toEqual({ dtype, shape: [2], data });
  });

  test("reads gzipped files, small ones and ones of many blocks", async () => {
    expect((await readIdx(gzipSync(small))).shape).toEqual([2, 3]);
    const payload = Uint8Array.from({ length: 500_000 }, (_, i) => (i * i) >> 7);
    const { shape, data } = await readIdx(gzipSync(idx(8, [500, 1000], payload)));
    expect(shape).toEqual([500, 1000]);
    expect(Buffer.from(data).equals(payload)).toBe(true);
  });

  test("reads arrays without elements", async () => {
    expect(await readIdx(idx(13, [0, 7], new Uint8Array()))).toEqual({
      dtype: "float32",
      shape: [0, 7],
      data: new Float32Array(),
    });
  });

  test.each([
    ["an empty file", new Uint8Array(), /expected a complete header, got 0 bytes/],
    ["half a magic number", Uint8Array.of(0, 0), /complete header, got 2 bytes/],
    ["half a header", small.subarray(0, 10), /complete header, got 10 bytes/],
    [
      "a truncated file",
      small.subarray(0, 17),
      /expected 18 bytes \(header 12 \+ 2 × 3 × uint8\), got 17\. The file is truncated/,
    ],
    ["bytes after the end", Uint8Array.of(...small, 0), /got (19|more)\. There are bytes after the end/],
    ["another format", new TextEncoder().encode("PNG or HTML"), /magic number 0x0000TTRR .* got 0x504e4720/],
    ["an unknown type", idx(10, [1], Uint8Array.of(1)), /got 0x00000a01/],
    ["little-endian magic", Uint8Array.of(3, 8, 0, 0, 0, 0, 0, 1), /got 0x03080000/],
    ["no axes", Uint8Array.of(0, 0, 8, 0, 5), /at least one axis/],
    [
      "a giant claim",
      idx(8, [2 ** 31, 784], new Uint8Array(8)),
      /at most 4 GiB, got a header that claims 2147483648 × 784/,
    ],
    [
      "a claim beyond numbers",
      idx(14, [...new Array<number>(60).fill(2 ** 32 - 1), 0], new Uint8Array(8)),
      /at most 4 GiB/,
    ],
    [
      "a large claim without the bytes",
      idx(8, [60000, 28, 28], new Uint8Array(8)),
      /expected 47040016 bytes .* got 24/,
    ],
  ])("refuses %s", async (_, bytes, message) => {
    await expect(readIdx(bytes, { name: "train-images" })).rejects.toThrow(ArgumentError);
    await expect(readIdx(bytes, { name: "train-images" })).rejects.toThrow(message);
    await expect(readIdx(bytes, { name: "train-images" })).rejects.toThrow(/^readIdx: train-images: /);
    if (bytes.length > 0) await expect(readIdx(gzipSync(bytes), { name: "x" })).rejects.toThrow(message);
  });

  test("refuses gzip that is cut off or damaged", async () => {
    const packed = gzipSync(
      idx(
        8,
        [1000],
        Uint8Array.from({ length: 1000 }, (_, i) => (i * i) >> 3),
      ),
    );
    for (const cut of [2, 12, packed.length >> 1, packed.length - 1])
      await expect(readIdx(packed.subarray(0, cut), { name: "x" })).rejects.toThrow(/^readIdx: x: .*gzip/);
    const damaged = Uint8Array.from(packed);
    damaged[40] = 255 - (damaged[40] ?? 0);
    await expect(readIdx(damaged)).rejects.toThrow(ArgumentError);
  });

  test("stops unpacking where the contents should have ended", async () => {
    const bomb = gzipSync(idx(8, [4], new Uint8Array(64 * 2 ** 20)));
    const before = process.memoryUsage().arrayBuffers;
    await expect(readIdx(bomb)).rejects.toThrow(/got more/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20);
  });
});
