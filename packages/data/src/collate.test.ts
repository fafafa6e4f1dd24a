import type { Tensor } from "@cotangent/core";
import { ArgumentError, ShapeError, tensor } from "@cotangent/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { collate } from "./collate.ts";

describe("collate", () => {
  test("stacks tensors", async () => {
    const batch = collate([tensor([1, 2, 3]), tensor([4, 5, 6])]);
    expect(batch.shape).toEqual([2, 3]);
    expect([...(await batch.data())]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("joins typed arrays and keeps their type", async () => {
    const batch = collate([Int32Array.of(1, 2), Int32Array.of(3, 4), Int32Array.of(5, 6)]);
    expectTypeOf(batch).toEqualTypeOf<Tensor<[number, number]>>();
    expect(batch.shape).toEqual([3, 2]);
    expect(batch.dtype).toBe("int32");
    expect(await batch.data()).toEqual(Int32Array.of(1, 2, 3, 4, 5, 6));
    expect(collate([Float64Array.of(1)]).dtype).toBe("float64");
    expect(collate([Uint8Array.of(1)]).dtype).toBe("uint8");
  });

  test("makes float32 of numbers and bool of booleans", async () => {
    const numbers = collate([1, 2.5]);
    expect([numbers.dtype, numbers.shape]).toEqual(["float32", [2]]);
    expect(collate([true, false]).dtype).toBe("bool");
  });

  test("goes into objects and arrays", () => {
    const batch = collate([
      { x: [Float32Array.of(1, 2), 3], y: { z: true } },
      { x: [Float32Array.of(4, 5), 6], y: { z: false } },
    ]);
    expect(Object.keys(batch)).toEqual(["x", "y"]);
    expect(batch.y.z.shape).toEqual([2]);
    expectTypeOf(collate([{ a: 1, b: Float32Array.of(1) }])).toEqualTypeOf<{
      a: Tensor<[number]>;
      b: Tensor<[number, number]>;
    }>();
  });

  test("refuses samples that do not fit together, saying where", () => {
    expect(() => collate([])).toThrow(ArgumentError);
    expect(() => collate([{ image: Float32Array.of(1, 2) }, { image: Float32Array.of(1) }])).toThrow(ShapeError);
    expect(() => collate([{ image: Float32Array.of(1, 2) }, { image: Float32Array.of(1) }])).toThrow(
      /2 and 1 at image/,
    );
    expect(() => collate<unknown>([Float32Array.of(1), Int32Array.of(1)])).toThrow(
      /expected Float32Array, got Int32Array too/,
    );
    expect(() => collate<unknown>([{ a: 1 }, { a: true }])).toThrow(/expected numbers at a, got boolean too/);
    expect(() => collate<unknown>([{ a: 1 }, { b: 1 }])).toThrow(/expected the keys a, got b/);
    expect(() => collate<unknown>([[1], [1, 2]])).toThrow(/arrays of 1 parts/);
    expect(() => collate<unknown>([{ a: { b: "text" } }])).toThrow(/at a\.b, got string\. Pass a collate function/);
    expect(() => collate<unknown>([new Date()])).toThrow(/got Date/);
    expect(() => collate<unknown>([null])).toThrow(ArgumentError);
  });
});
