import { describe, expect, test } from "vitest";
import { ArgumentError } from "../base/errors.ts";
import { tensor } from "../tensor/create.ts";
import { loadSafetensors, saveSafetensors } from "./safetensors.ts";

/** A file with this header and data, as another program would write it. */
function file(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const one = (dtype: string, shape: number[], data: Uint8Array): Uint8Array =>
  file({ x: { dtype, shape, data_offsets: [0, data.length] } }, data);

describe("saveSafetensors", () => {
  test("keeps names, shapes, dtypes and every bit", async () => {
    const tensors = {
      "0.weight": tensor([
        [1, -0, 3e-45],
        [Number.NaN, Number.POSITIVE_INFINITY, Math.fround(0.1)],
      ]),
      mask: tensor([true, false, true]),
      bytes: tensor(Uint8Array.of(0, 255)),
      "0.precise": tensor(Float64Array.of(0.1, Number.MIN_VALUE)),
      count: tensor(7, { dtype: "int32" }),
      empty: tensor(new Float32Array(), { shape: [0, 3] }),
    };
    const loaded = loadSafetensors(await saveSafetensors(tensors));
    expect(Object.keys(loaded).sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, original] of Object.entries(tensors)) {
      const copy = loaded[name]!;
      expect([copy.shape, copy.dtype]).toEqual([original.shape, original.dtype]);
      expect(Buffer.from((await copy.data()).buffer)).toEqual(Buffer.from((await original.data()).buffer));
    }
  });

  test("writes the format: a little-endian length, JSON padded to 8 bytes, aligned data", async () => {
    const bytes = await saveSafetensors({ b: tensor([true]), a: tensor([1, 2]) }, { metadata: { format: "pt" } });
    const view = new DataView(bytes.buffer);
    const length = Number(view.getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
      __metadata__: { format: "pt" },
      a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      b: { dtype: "BOOL", shape: [1], data_offsets: [8, 9] },
    });
    expect([view.getFloat32(8 + length, true), view.getFloat32(12 + length, true), bytes[16 + length]]).toEqual([
      1, 2, 1,
    ]);
  });

  test("writes no tensors, and loads none", async () => {
    expect(loadSafetensors(await saveSafetensors({}))).toEqual({});
  });

  test("keeps the format's own key to itself", async () => {
    await expect(saveSafetensors({ __metadata__: tensor(1) })).rejects.toThrow(ArgumentError);
  });
});

describe("loadSafetensors", () => {
  test.each([
    ["F16", [0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x8000], [1, -2, 2 ** -24, 65504, Number.NEGATIVE_INFINITY, -0]],
    ["BF16", [0x3f80, 0xc000, 0x3dcd, 0x7f80], [1, -2, 0.10009765625, Number.POSITIVE_INFINITY]],
    ["I16", [0xffff, 0x7fff], [-1, 32767]],
    ["U16", [0xffff], [65535]],
  ])("widens %s", async (dtype, halves, expected) => {
    const data = new Uint8Array(Uint16Array.from(halves).buffer);
    const { x } = loadSafetensors(one(dtype, [halves.length], data));
    expect([...(await x!.data())]).toEqual(expected);
    expect(x!.dtype).toBe(dtype.endsWith("F16") ? "float32" : "int32");
  });

  test("narrows 64-bit and unsigned integers that fit, and refuses others", async () => {
    const big = (value: bigint) => new Uint8Array(BigInt64Array.of(value).buffer);
    expect(await loadSafetensors(one("I64", [], big(-5n))).x!.item()).toBe(-5);
    expect(() => loadSafetensors(one("I64", [], big(2n ** 31n)))).toThrow(
      /x: expected integers that fit int32, got 2147483648/,
    );
    expect(() => loadSafetensors(one("U32", [1], Uint8Array.of(255, 255, 255, 255)))).toThrow(/got 4294967295/);
    expect(await loadSafetensors(one("I8", [1], Uint8Array.of(255))).x!.data()).toEqual(Int32Array.of(-1));
  });

  test("reads data at odd offsets, and a part of a larger buffer", async () => {
    const header = {
      flag: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] },
      x: { dtype: "F32", shape: [1], data_offsets: [1, 5] },
      __metadata__: { format: "pt" },
    };
    const data = Uint8Array.of(1, ...new Uint8Array(Float32Array.of(2.5).buffer));
    const bytes = Buffer.concat([Uint8Array.of(7, 7, 7), file(header, data)]).subarray(3);
    const loaded = loadSafetensors(bytes);
    expect(Object.keys(loaded)).toEqual(["flag", "x"]);
    expect(await loaded.x!.item()).toBe(2.5);
  });

  const data = new Uint8Array(8);
  const entry = (over: object) => file({ x: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...over } }, data);
  test.each([
    ["an empty file", new Uint8Array(), /at least 8 bytes, got 0/],
    [
      "another format",
      new TextEncoder().encode("<!DOCTYPE html>"),
      /got a claim of \d+\. The file is truncated, or of another/,
    ],
    ["a header longer than the file", file({}).subarray(0, 9), /got a claim of 2/],
    ["text that is not JSON", file("{x"), /header in JSON/],
    ["JSON that is not an object", file("[1]"), /JSON object/],
    ["an entry that is none", file({ x: 1 }), /x: expected dtype, shape and data_offsets/],
    ["an unknown dtype", entry({ dtype: "F8_E4M3" }), /x: expected a dtype of .*, got F8_E4M3/],
    ["the name of a method as dtype", entry({ dtype: "toString" }), /got toString/],
    ["a negative size", entry({ shape: [-2] }), /shape of sizes ≥ 0, got \[-2\]/],
    ["a shape that is none", entry({ shape: "2" }), /shape of sizes/],
    [
      "sizes that don't match the offsets",
      entry({ shape: [3] }),
      /x: expected 12 bytes for F32 \[3\], got data_offsets \[0,8\]/,
    ],
    ["a giant size", entry({ shape: [2 ** 40, 2 ** 40] }), /expected 4\.\d+e\+24 bytes/],
    ["no offsets", entry({ data_offsets: null }), /got data_offsets null/],
    ["a gap before the data", entry({ shape: [1], data_offsets: [4, 8] }), /start at 0, got 4/],
    ["data that is cut off", entry({}).subarray(0, -1), /expected 8 bytes after the header, got 7/],
    ["bytes after the end", Uint8Array.of(...entry({}), 0), /expected 8 bytes after the header, got 9/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => loadSafetensors(bytes)).toThrow(ArgumentError);
    expect(() => loadSafetensors(bytes)).toThrow(message);
  });

  test("refuses tensors that overlap", () => {
    const header = {
      x: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      y: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
    };
    expect(() => loadSafetensors(file(header, data))).toThrow(/y: expected its data to start at 8, got 4/);
  });
});
