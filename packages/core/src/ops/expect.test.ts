// What records refuse, and what they say then.
import { describe, expect, test } from "vitest";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { nodeOf } from "../testing/nodes.ts";
import * as arithmetic from "./arithmetic.ts";
import { builder as b } from "./builder.ts";
import * as compare from "./compare.ts";
import { contract } from "./contract.ts";
import { conv, convFilter, convTranspose } from "./conv.ts";
import { put, take, takeAlong } from "./gather.ts";
import { join } from "./join.ts";
import * as reduce from "./reduce.ts";
import { sin } from "./transcendental.ts";

const zeros = (shape: readonly number[], dtype: "float32" | "float64" | "int32" | "bool" = "float32"): Node =>
  nodeOf(shape, [], dtype);

describe("dtypes", () => {
  test("inputs share one", () => {
    expect(() => makeNode(arithmetic.add, [zeros([2]), zeros([2], "int32")])).toThrow(
      new DTypeError("add: expected inputs of one dtype, got float32 and int32. Convert one with cast"),
    );
  });
  test("functions of real numbers take floats", () => {
    expect(() => makeNode(sin, [zeros([2], "int32")])).toThrow(
      new DTypeError('sin: expected float32 or float64, got int32. Convert it with cast("float32")'),
    );
  });
  test("arithmetic takes no bools", () => {
    expect(() => makeNode(arithmetic.mul, [zeros([], "bool"), zeros([], "bool")])).toThrow(
      /^mul: expected numbers, got bool/,
    );
  });
  test("conditions are bools, and so are comparisons", () => {
    expect(() => makeNode(compare.select, [zeros([]), zeros([]), zeros([])])).toThrow(
      /^where: expected a bool condition, got float32/,
    );
    expect(() => makeNode(compare.not, [zeros([], "int32")])).toThrow(/^not: expected bool, got int32/);
    expect(() => makeNode(compare.and, [zeros([]), zeros([])])).toThrow(
      /^and: expected bool, uint8 or int32, got float32/,
    );
    expect(makeNode(compare.lt, [zeros([2]), zeros([])]).dtype).toBe("bool");
    expect(makeNode(compare.select, [zeros([2], "bool"), zeros([], "int32"), zeros([1], "int32")]).dtype).toBe("int32");
  });
  test("sums of bools and integers are int32", () => {
    for (const op of [reduce.sum, reduce.prod]) {
      expect(makeNode(op, [zeros([2], "bool")], { axes: [0] }).dtype).toBe("int32");
      expect(makeNode(op, [zeros([2], "float64")], { axes: [0] }).dtype).toBe("float64");
    }
    expect(makeNode(reduce.argmax, [zeros([2])], { axes: [0] }).dtype).toBe("int32");
    expect(() => makeNode(reduce.any, [zeros([2])], { axes: [0] })).toThrow(/^any: expected bool, got float32/);
  });
  test("indices are int32", () => {
    for (const op of [take, takeAlong])
      expect(() => makeNode(op, [zeros([3]), zeros([2])], { axis: 0, batch: 0, what: "t" })).toThrow(
        /expected an int32 index/,
      );
  });
});

describe("shapes", () => {
  test.each<[string, () => Node, string]>([
    ["broadcasting", () => b.add(zeros([2, 3]), zeros([4])), "add: expected shapes that broadcast, got [2, 3] and [4]"],
    [
      "reshape",
      () => b.reshape(zeros([2, 3]), [4]),
      "reshape: expected a shape of 6 elements for [2, 3], got [4] with 4",
    ],
    ["permute", () => b.permute(zeros([2, 3]), [1, 1]), "permute: expected each axis of [2, 3] once, got [1, 1]"],
    ["expand", () => b.expand(zeros([2, 3]), [2, 4]), "expand: expected a shape that [2, 3] broadcasts to, got [2, 4]"],
    [
      "slice",
      () => b.slice(zeros([3]), [1], [1], [3]),
      "slice: expected start, step and size inside [3], got [1], [1] and [3]",
    ],
    ["slice backwards", () => b.slice(zeros([3]), [1], [-1], [3]), "slice: expected start, step and size inside [3]"],
    ["pad", () => b.pad(zeros([3]), [-1], [0], [1]), "pad: expected widths ≥ 0 and interior ≥ 1"],
    [
      "windows",
      () => b.windows(zeros([3]), { axes: [1], size: [1], step: [1], dilation: [1] }),
      "windows: expected a size",
    ],
    [
      "fold",
      () => b.fold(zeros([2, 3]), { axes: [0], size: [2], step: [1], dilation: [1], shape: [3] }),
      "fold: expected the windows of [3], which have shape [2, 2], got [2, 3]",
    ],
    [
      "concat",
      () => makeNode(join, [zeros([2, 3]), zeros([3, 3])], { axis: 1 }),
      "concat: expected shapes that agree but for axis 1",
    ],
    [
      "max of nothing",
      () => makeNode(reduce.max, [zeros([2, 0])], { axes: [1], ties: "share" }),
      "max: expected at least one element",
    ],
    [
      "matmul",
      () =>
        makeNode(contract, [zeros([2, 3]), zeros([4, 5])], { batchA: [], batchB: [], contractA: [1], contractB: [0] }),
      "matmul: expected equal sizes, got [2, 3] and [4, 5]: axis 1 of the first (3) meets axis 0 of the second (4)",
    ],
    [
      "conv",
      () =>
        makeNode(conv, [zeros([1, 3, 8]), zeros([4, 2, 3])], {
          stride: [1],
          dilation: [1],
          groups: 1,
          low: [0],
          high: [0],
        }),
      "conv: expected 2 channels and a multiple of 1 outputs, got [1, 3, 8] and [4, 2, 3] with 1 groups",
    ],
    [
      "convTranspose",
      () =>
        makeNode(convTranspose, [zeros([1, 4, 7]), zeros([4, 2, 3])], {
          ...{ stride: [1], dilation: [1], groups: 1, low: [0], high: [0] },
          shape: [8],
        }),
      "convTranspose: expected what a convolution over [8] with 1 groups gives, got [1, 4, 7] for a weight [4, 2, 3]",
    ],
    [
      "convFilter",
      () =>
        makeNode(convFilter, [zeros([1, 4, 6]), zeros([2, 2, 8])], {
          ...{ stride: [1], dilation: [1], groups: 1, low: [0], high: [0] },
          kernel: [3],
        }),
      "convFilter: expected what a convolution by [3] with 1 groups gives, got [1, 4, 6] for an input [2, 2, 8]",
    ],
    [
      "take",
      () => makeNode(take, [zeros([3]), zeros([2, 2], "int32")], { axis: 0, batch: 0, what: "t" }),
      "take: expected a flat index, got shape [2, 2] for [3]",
    ],
    [
      "put",
      () => makeNode(put, [zeros([3]), zeros([2], "int32")], { axis: 0, batch: 0, what: "t", size: 4 }),
      "put: expected one index for each slice along axis 0 of [3], got [2]",
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(message);
  });
});
