// Moves of random programs between integers, bools and the reals: their values are exact, so any device must agree on them.
import type { DType } from "../base/dtype.ts";
import {
  abs,
  add,
  floorDivide,
  maximum,
  minimum,
  mul,
  neg,
  remainder,
  sign,
  square,
  sub,
} from "../functions/arithmetic.ts";
import { eq, ge, gt, le, logicalAnd, logicalNot, logicalOr, logicalXor, lt, ne } from "../functions/compare.ts";
import { cummax, cumsum } from "../functions/cumulative.ts";
import { sin } from "../functions/exponential.ts";
import {
  argsort,
  embedding,
  gather,
  indexAdd,
  indexSelect,
  oneHot,
  scatter,
  scatterAdd,
  sort,
  take,
  topk,
} from "../functions/gather.ts";
import { index, indexPut } from "../functions/indexing.ts";
import { maxPool1dWithIndices } from "../functions/pool.ts";
import { all, any, argmax, argmin, countNonzero, max, min, sum } from "../functions/reduce.ts";
import { bincount, bucketize, isin } from "../functions/search.ts";
import { ceil, floor, maskedFill, round, where } from "../functions/select.ts";
import { flip, permute, slice, unsqueeze } from "../functions/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { axisOf, broadcasts, kinked, largest, type Made, type Move, type Names, smoothMove } from "./moves.ts";

/** A move of the youngest integers, whatever x is. */
const ofWhole =
  (make: (k: Tensor, name: string, detail: number, n: Names) => Made | null): Move["make"] =>
  (_x, _y, detail, n) => {
    const [k, name] = n.whole(detail);
    return make(k, name, detail, n);
  };

const unary = (name: string, f: (k: Tensor) => Tensor): Move =>
  smoothMove(ofWhole((k, text) => (k.dtype === "bool" ? null : [f(k), `${name}(${text})`])));

/** With integers that broadcast against them, or a number. */
const binary = (name: string, f: (k: Tensor, other: Tensor | number) => Tensor, low = 0): Move =>
  smoothMove(
    ofWhole((k, text, detail, n) => {
      if (detail % 3 === 0) return [f(k, low + (detail % 7)), `${name}(${text}, ${low + (detail % 7)})`];
      const [other, second] = n.integers(
        k.shape.slice(detail % 2),
        6,
        detail + 7,
        detail % 4 === 1 ? "uint8" : "int32",
      );
      const least = low === 0 ? other : add(other, low);
      return [f(k, least), `${name}(${text}, ${low === 0 ? second : `add(${second}, ${low})`})`];
    }),
  );

type Along = (k: Tensor, options: { readonly axis: number; readonly keepdims: boolean }) => Tensor;

const along = (name: string, f: Along, ofBools = true): Move =>
  smoothMove(
    ofWhole((k, text, detail) => {
      const axis = detail % Math.max(1, k.rank);
      if (k.rank === 0 || (k.shape[axis] ?? 0) === 0 || (k.dtype === "bool" && !ofBools)) return null;
      const options = { axis, keepdims: detail % 4 === 0 };
      return [f(k, options), `${name}(${text}, ${JSON.stringify(options)})`];
    }),
  );

const casts: readonly DType[] = ["int32", "bool", "uint8", "float32", "float64"];

/** Integers and bools from the same. */
const among: readonly Move[] = [
  unary("neg", neg),
  unary("abs", abs),
  unary("sign", sign),
  smoothMove(
    ofWhole((k, text) => [remainder(square(k.to("int32")), 11), `remainder(square(${text}.to("int32")), 11)`]),
  ),
  binary("add", add),
  binary("sub", sub),
  binary("mul", (a, b) => mul(a, b)),
  binary("maximum", maximum),
  binary("minimum", minimum),
  binary("remainder", remainder, 1),
  binary("floorDivide", floorDivide, 1),
  binary("remainder", remainder, -7),
  binary("eq", eq),
  binary("ne", ne),
  binary("lt", lt),
  binary("le", le),
  binary("gt", gt),
  binary("ge", ge),
  binary("logicalAnd", logicalAnd),
  binary("logicalOr", logicalOr),
  binary("logicalXor", logicalXor),
  smoothMove(ofWhole((k, text) => [logicalNot(k), `logicalNot(${text})`])),
  along("sum", (k, options) => sum(k, options)),
  along("max", (k, options) => max(k, options), false),
  along("min", (k, options) => min(k, options), false),
  along("any", (k, options) => any(k, options)),
  along("all", (k, options) => all(k, options)),
  along("countNonzero", (k, options) => countNonzero(k, options)),
  along("argmax", (k, options) => argmax(k, options)),
  along("argmin", (k, options) => argmin(k, options)),
  smoothMove(
    ofWhole((k, text, detail) => {
      const [first = "int32", second = "int32"] = [casts[detail % 5], casts[detail % 3]];
      return [k.to(first).to(second), `${text}.to("${first}").to("${second}")`];
    }),
  ),
  smoothMove(
    ofWhole((k, text, detail) => {
      const axis = axisOf(k, detail);
      if (axis === null || k.dtype === "bool") return null;
      return detail % 2 === 0
        ? [cumsum(k, axis), `cumsum(${text}, ${axis})`]
        : [cummax(k, axis), `cummax(${text}, ${axis})`];
    }),
  ),
  // Many are equal: the order among them is a promise, too.
  smoothMove(
    ofWhole((k, text, detail) => {
      const axis = axisOf(k, detail);
      if (axis === null || k.dtype === "bool") return null;
      const options = { axis, descending: detail % 2 === 0 };
      return [argsort(k, options), `argsort(${text}, ${JSON.stringify(options)})`];
    }),
  ),
  smoothMove(
    ofWhole((k, text, detail) => {
      const axis = axisOf(k, detail);
      if (axis === null || k.dtype === "bool") return null;
      const count = 1 + (detail % (k.shape[axis] ?? 1));
      return [topk(k, count, { axis }).values, `topk(${text}, ${count}, { axis: ${axis} }).values`];
    }),
  ),
  smoothMove(
    ofWhole((k, text, detail) => {
      const ranges = k.shape.map((_, i) => (i === detail % k.rank ? ([null, null, -1 - (detail % 2)] as const) : null));
      return k.rank === 0 ? null : [slice(k, ranges), `slice(${text}, ${JSON.stringify(ranges)})`];
    }),
  ),
  smoothMove(
    ofWhole((k, text) => {
      const axes = [...k.shape.keys()].reverse();
      return [permute(k, axes), `permute(${text}, ${JSON.stringify(axes)})`];
    }),
  ),
  smoothMove(
    ofWhole((k, text, detail) => {
      const axis = axisOf(k, detail);
      return axis === null ? null : [flip(k, axis), `flip(${text}, ${axis})`];
    }),
  ),
  smoothMove(
    ofWhole((k, text, _, n) => {
      if (k.dtype === "bool") return null;
      const [test, second] = n.integers([3], 5, 11);
      return [isin(k, test), `isin(${text}, ${second})`];
    }),
  ),
  smoothMove(
    ofWhole((k, text) => [bincount(remainder(k.to("int32"), 5), 5), `bincount(remainder(${text}.to("int32"), 5), 5)`]),
  ),
];

const factor = 0.0625;

/** Integers that choose among reals, or count in them. */
const choosing: readonly Move[] = [
  smoothMove((x, _, detail, n) => {
    const [k, text] = n.whole(detail);
    return broadcasts(x.shape, k.shape)
      ? [
          mul(add(x, remainder(k.to("int32"), 7)), factor),
          `mul(add(${n.x}, remainder(${text}.to("int32"), 7)), ${factor})`,
        ]
      : null;
  }),
  smoothMove((x, y, detail, n) => {
    const [k, text] = n.whole(detail);
    if (!broadcasts(x.shape, k.shape) || !broadcasts(x.shape, y.shape) || !broadcasts(y.shape, k.shape)) return null;
    if (sizesTogether(x, y, k) > largest) return null;
    return [where(gt(k, 1), x, mul(y, 0.5)), `where(gt(${text}, 1), ${n.x}, mul(${n.y}, 0.5))`];
  }),
  smoothMove((x, _, detail, n) => {
    const [k, text] = n.whole(detail);
    const axis = axisOf(x, detail);
    if (axis === null || k.rank === 0 || x.size === 0) return null;
    const length = x.shape[axis] ?? 1;
    const flat = remainder(k.to("int32"), length);
    const at = `remainder(${text}.to("int32"), ${length})`;
    if (k.rank === 1)
      return (x.size / length) * k.size > largest
        ? null
        : [indexSelect(x, flat, { axis }), `indexSelect(${n.x}, ${at}, { axis: ${axis} })`];
    return [take(x, remainder(k.to("int32"), x.size)), `take(${n.x}, remainder(${text}.to("int32"), ${x.size}))`];
  }),
  smoothMove((x, _, detail, n) => {
    const axis = axisOf(x, detail);
    if (axis === null) return null;
    const [k, text] = n.integers(x.shape, x.shape[axis] ?? 1, detail);
    return [gather(x, flip(k, axis), { axis }), `gather(${n.x}, flip(${text}, ${axis}), { axis: ${axis} })`];
  }),
  smoothMove((x, _, detail, n) => {
    const axis = axisOf(x, detail);
    if (axis === null) return null;
    const [k, text] = n.integers(x.shape, x.shape[axis] ?? 1, detail);
    const options = { axis, reduce: detail % 2 === 0 ? ("set" as const) : ("add" as const) };
    return [
      mul(scatter(x, k, sin(x), options), 0.25),
      `mul(scatter(${n.x}, ${text}, sin(${n.x}), ${JSON.stringify(options)}), 0.25)`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    const axis = axisOf(x, detail);
    if (axis === null) return null;
    const length = x.shape[axis] ?? 1;
    const [k, text] = n.integers([length], length, detail);
    return [
      mul(indexAdd(x, k, sin(x), { axis }), 0.25),
      `mul(indexAdd(${n.x}, ${text}, sin(${n.x}), { axis: ${axis} }), 0.25)`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    const length = x.shape[0] ?? 0;
    if (x.rank !== 2 || length === 0 || (x.shape[1] ?? 0) > 50) return null;
    const [k, text] = n.integers([2, 1 + (detail % 5)], length, detail);
    return [embedding(x, k), `embedding(${n.x}, ${text})`];
  }),
  smoothMove((x, _, detail, n) => {
    const length = x.shape.at(-1) ?? 0;
    if (x.rank === 0 || length === 0) return null;
    const [k, text] = n.integers([length], length, detail);
    return x.size * length > largest * 4
      ? null
      : [
          sum(mul(unsqueeze(x, -1), oneHot(k, length)), { axis: -1 }),
          `sum(mul(unsqueeze(${n.x}, -1), oneHot(${text}, ${length})), { axis: -1 })`,
        ];
  }),
  smoothMove((x, _, detail, n) => {
    if ((x.shape[0] ?? 0) < 2) return null;
    const step = -1 - (detail % 3);
    return [index(x, [[null, null, step]]), `index(${n.x}, [[null, null, ${step}]])`];
  }),
  smoothMove((x, _, detail, n) => {
    if ((x.shape.at(-1) ?? 0) < 2) return null;
    const options = { reduce: detail % 2 === 0 ? ("add" as const) : ("set" as const) };
    return [
      mul(indexPut(x, ["...", [null, null, -2]], 0.5, options), 0.5),
      `mul(indexPut(${n.x}, ["...", [null, null, -2]], 0.5, ${JSON.stringify(options)}), 0.5)`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    const [k, text] = n.whole(detail);
    if (x.rank === 0 || (x.shape[0] ?? 0) === 0 || k.rank !== 1 || k.size !== x.shape[0]) return null;
    const at = remainder(k.to("int32"), x.shape[0] ?? 1);
    const total = indexAdd(mul(x, 0), at, x);
    return [
      mul(total, 0.25),
      `mul(indexAdd(mul(${n.x}, 0), remainder(${text}.to("int32"), ${x.shape[0]}), ${n.x}), 0.25)`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    const axis = axisOf(x, detail);
    if (axis === null) return null;
    const [k, text] = n.integers(x.shape, 3, detail);
    const last = Math.min(2, (x.shape[axis] ?? 1) - 1);
    return [
      mul(scatterAdd(x, minimum(k, last), x, { axis }), 0.125),
      `mul(scatterAdd(${n.x}, minimum(${text}, ${last}), ${n.x}, { axis: ${axis} }), 0.125)`,
    ];
  }),
];

function sizesTogether(...list: readonly Tensor[]): number {
  return list.reduce((product, { size }) => product * Math.max(1, size), 1);
}

const steep = (make: Move["make"]): Move => ({ ...kinked(make), steep: true });
const stepped = (name: string, f: (x: Tensor) => Tensor): Move =>
  steep((x, _, _d, n) => [mul(f(mul(x, 4)), 0.25), `mul(${name}(mul(${n.x}, 4)), 0.25)`]);
const ranked = (f: (x: Tensor, axis: number) => Tensor, text: (x: string, axis: number) => string): Move =>
  steep((x, _, detail, n) => {
    const axis = axisOf(x, detail);
    return axis === null ? null : [f(x, axis), text(n.x, axis)];
  });

/** What jumps where reals differ in the last bit. */
const jumps: readonly Move[] = [
  stepped("floor", floor),
  stepped("ceil", ceil),
  stepped("round", round),
  steep((x, _, _d, n) => [mul(x, 9).to("int32"), `mul(${n.x}, 9).to("int32")`]),
  steep((x, y, detail, n) => {
    if (!broadcasts(x.shape, y.shape)) return null;
    return detail % 2 === 0 ? [gt(x, y), `gt(${n.x}, ${n.y})`] : [le(x, y), `le(${n.x}, ${n.y})`];
  }),
  steep((x, y, _, n) =>
    broadcasts(x.shape, y.shape)
      ? [where(gt(x, y), x, mul(y, 0.5)), `where(gt(${n.x}, ${n.y}), ${n.x}, mul(${n.y}, 0.5))`]
      : null,
  ),
  ranked(
    (x, axis) => argmax(x, { axis }),
    (x, axis) => `argmax(${x}, { axis: ${axis} })`,
  ),
  ranked(
    (x, axis) => argmin(x, { axis, keepdims: true }),
    (x, axis) => `argmin(${x}, { axis: ${axis}, keepdims: true })`,
  ),
  ranked(
    (x, axis) => argsort(x, { axis }),
    (x, axis) => `argsort(${x}, { axis: ${axis} })`,
  ),
  ranked(
    (x, axis) => sort(x, { axis, descending: true }).indices,
    (x, axis) => `sort(${x}, { axis: ${axis}, descending: true }).indices`,
  ),
  ranked(
    (x, axis) => topk(x, 1, { axis }).indices,
    (x, axis) => `topk(${x}, 1, { axis: ${axis} }).indices`,
  ),
  steep((x, _, _d, n) => {
    if (x.rank !== 3 || (x.shape[2] ?? 0) < 2 || x.size === 0) return null;
    return [maxPool1dWithIndices(x, 2).indices, `maxPool1dWithIndices(${n.x}, 2).indices`];
  }),
  steep((x, _, _d, n) => {
    const [k, text] = n.integers([4], 3, 21);
    return [bucketize(x, sub(mul(cumsum(k, 0), 0.25), 1)), `bucketize(${n.x}, sub(mul(cumsum(${text}, 0), 0.25), 1))`];
  }),
];

/** NaN, infinities and negative zeros in a few places, or in many. */
const odd: readonly Move[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0].map((value) => ({
  smooth: false,
  odd: true,
  make(x, _, detail, n) {
    const [k, text] = n.integers(x.shape.slice(detail % 2), 12, detail);
    const bound = detail % 3 === 0 ? 5 : 10;
    const shown = Object.is(value, -0) ? "-0" : String(value);
    return [maskedFill(x, gt(k, bound), value), `maskedFill(${n.x}, gt(${text}, ${bound}), ${shown})`];
  },
}));

export const wholeMoves: readonly Move[] = [...among, ...choosing, ...jumps, ...odd];
