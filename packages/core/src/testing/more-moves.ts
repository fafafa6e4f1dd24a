// More moves of random programs: mixed dtypes, views, indices, running operations, loops and branches.
import type { DType } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import { add, mul, neg, square, sub } from "../functions/arithmetic.ts";
import { scaledDotProductAttention } from "../functions/attention.ts";
import { checkpoint } from "../functions/checkpoint.ts";
import { gt } from "../functions/compare.ts";
import { cond, scan } from "../functions/control.ts";
import { conv1d, convTranspose1d } from "../functions/conv.ts";
import { cummax, cummin, cumprod, cumsum, logcumsumexp } from "../functions/cumulative.ts";
import { einsum } from "../functions/einsum.ts";
import { cos, sin, tanh } from "../functions/exponential.ts";
import { argsort, scatter, sort, topk } from "../functions/gather.ts";
import { diagonal, rot90 } from "../functions/grids.ts";
import { interpolate } from "../functions/image.ts";
import { index, indexPut } from "../functions/indexing.ts";
import { repeatInterleave, tile } from "../functions/join.ts";
import { layerNorm } from "../functions/normalize.ts";
import { median } from "../functions/order.ts";
import { type PadMode, pad } from "../functions/pad.ts";
import { diff, kron, tensordot } from "../functions/products.ts";
import { mean, sum } from "../functions/reduce.ts";
import { maskedFill, where } from "../functions/select.ts";
import { moveAxis, narrow, select, slice, squeeze, tril, triu } from "../functions/shape.ts";
import { stopGradient, vmap } from "../functions/transforms.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { axisOf, kinked, largest, type Made, type Move, type Names, smoothMove } from "./moves.ts";

/** A move along an axis that is not empty. */
const along = (make: (x: Tensor, axis: number, detail: number, n: Names) => Made | null): Move["make"] => {
  return (x, _, detail, n) => {
    const axis = axisOf(x, detail);
    return axis === null ? null : make(x, axis, detail >> 2, n);
  };
};

const running = (name: string, f: (x: Tensor, axis: number) => Tensor, longest = largest): Move["make"] =>
  along((x, axis, _, n) => ((x.shape[axis] ?? 0) > longest ? null : [f(x, axis), `${name}(${n.x}, ${axis})`]));

const whole: readonly DType[] = ["int32", "uint8", "bool"];

/** Dtypes that meet: integers and bools of the program, and detours through double precision. */
const mixed: readonly Move[] = [
  smoothMove((x, _, detail, n) => {
    const [k, name] = n.integers(x.shape.slice(detail % 2), 5, detail, whole[detail % 3]);
    return [mul(add(x, k), 0.25), `mul(add(${n.x}, ${name}), 0.25)`];
  }),
  smoothMove((x, _, detail, n) => {
    const [k, name] = n.integers(x.shape.slice(-1), 2, detail, whole[detail % 3]);
    return [where(k, x, neg(x)), `where(${name}, ${n.x}, neg(${n.x}))`];
  }),
  smoothMove((x, _, detail, n) => {
    const [i, one] = n.integers(x.shape, 9, detail);
    const [j, two] = n.integers(x.shape.slice(-1), 9, detail + 1, "uint8");
    return [
      where(gt(add(mul(i, 3), j), 15), x, mul(x, 0.5)),
      `where(gt(add(mul(${one}, 3), ${two}), 15), ${n.x}, mul(${n.x}, 0.5))`,
    ];
  }),
  smoothMove((x, _, _d, n) => [
    mul(tanh(x.to("float64")), 0.9).to(x.dtype),
    `mul(tanh(${n.x}.to("float64")), 0.9).to("${x.dtype}")`,
  ]),
  smoothMove((x, _, detail, n) => {
    if (x.size > largest / 4) return null;
    const [k, name] = n.integers([3, ...x.shape], 5, detail, whole[detail % 3]);
    return [mul(add(x, sum(k, { axis: 0 })), 0.0625), `mul(add(${n.x}, sum(${name}, { axis: 0 })), 0.0625)`];
  }),
];

const views: readonly Move[] = [
  smoothMove((x, _, _d, n) => [squeeze(x), `squeeze(${n.x})`]),
  smoothMove(along((x, axis, _, n) => [moveAxis(x, axis, 0), `moveAxis(${n.x}, ${axis}, 0)`])),
  smoothMove(
    along((x, axis, detail, n) => {
      const at = detail % (x.shape[axis] ?? 1);
      return [select(x, axis, at), `select(${n.x}, ${axis}, ${at})`];
    }),
  ),
  smoothMove(
    along((x, axis, detail, n) => {
      const start = detail % (x.shape[axis] ?? 1);
      const length = Math.min(3, (x.shape[axis] ?? 1) - start);
      return [narrow(x, axis, start, length), `narrow(${n.x}, ${axis}, ${start}, ${length})`];
    }),
  ),
  smoothMove((x, _, detail, n) => {
    const ranges = x.shape.map((_size, i) =>
      i === detail % x.rank ? ([null, null, -1 - (detail % 3)] as const) : null,
    );
    return x.rank === 0 ? null : [slice(x, ranges), `slice(${n.x}, ${JSON.stringify(ranges)})`];
  }),
  smoothMove((x, _, detail, n) => {
    const counts = [1 + (detail % 2), 2];
    return x.size > largest / 4 || x.rank > 3 ? null : [tile(x, counts), `tile(${n.x}, ${JSON.stringify(counts)})`];
  }),
  smoothMove(
    along((x, axis, _, n) =>
      x.size > largest / 2
        ? null
        : [repeatInterleave(x, 2, { axis }), `repeatInterleave(${n.x}, 2, { axis: ${axis} })`],
    ),
  ),
  smoothMove((x, _, detail, n) => (x.rank < 2 ? null : [rot90(x, detail % 4), `rot90(${n.x}, ${detail % 4})`])),
  smoothMove((x, _, _d, n) => (x.rank < 2 ? null : [diagonal(x), `diagonal(${n.x})`])),
  smoothMove((x, _, detail, n) => {
    if (x.rank < 2) return null;
    return detail % 2 === 0 ? [tril(x), `tril(${n.x})`] : [triu(x), `triu(${n.x})`];
  }),
  smoothMove(along((x, axis, _, n) => [mul(diff(x, { axis }), 0.5), `mul(diff(${n.x}, { axis: ${axis} }), 0.5)`])),
  smoothMove((x, _, detail, n) => {
    const mode: PadMode = (["reflect", "replicate", "circular"] as const)[detail % 3] ?? "reflect";
    if (x.rank === 0 || (x.shape.at(-1) ?? 0) < 2 || x.size > largest / 4) return null;
    const widths = [...x.shape.slice(1).map(() => [0, 0] as const), [1, detail % 2] as const];
    return [pad(x, widths, { mode }), `pad(${n.x}, ${JSON.stringify(widths)}, { mode: "${mode}" })`];
  }),
];

const indexed: readonly Move[] = [
  smoothMove((x, _, detail, n) => {
    const length = x.shape.at(-1) ?? 0;
    if (length === 0 || x.size > largest / 8) return null;
    const [at, name] = n.integers([2, 1 + (detail % 3)], length, detail);
    return [index(x, ["...", at]), `index(${n.x}, ["...", ${name}])`];
  }),
  smoothMove((x, y, detail, n) => {
    const length = x.shape[0] ?? 0;
    if (length === 0) return null;
    const [at, name] = n.integers([2], length, detail);
    const value = mean(y);
    if (y.size === 0) return null;
    return [
      mul(indexPut(x, [at], value, { reduce: "add" }), 0.5),
      `mul(indexPut(${n.x}, [${name}], mean(${n.y}), { reduce: "add" }), 0.5)`,
    ];
  }),
  smoothMove((x, y, _d, n) => {
    if ((x.shape[0] ?? 0) === 0 || y.size === 0) return null;
    return [indexPut(x, [[null, null, 2]], mean(y)), `indexPut(${n.x}, [[null, null, 2]], mean(${n.y}))`];
  }),
  smoothMove((x, _, detail, n) => {
    const [mask, name] = n.integers(x.shape, 2, detail, "bool");
    return [maskedFill(x, mask, 0.25), `maskedFill(${n.x}, ${name}, 0.25)`];
  }),
  smoothMove((x, _, detail, n) => {
    const length = x.shape[0] ?? 0;
    if (length === 0 || x.size > largest / 2) return null;
    const [k, name] = n.integers([length], 9, detail);
    return [index(x, [argsort(k)]), `index(${n.x}, [argsort(${name})])`];
  }),
  kinked((x, _, detail, n) => {
    const axis = x.rank - 1;
    const length = x.shape[axis] ?? 0;
    if (length === 0) return null;
    const [at, name] = n.integers(x.shape, length, detail);
    const options = { axis, reduce: detail % 2 === 0 ? ("max" as const) : ("min" as const) };
    return [scatter(x, at, tanh(x), options), `scatter(${n.x}, ${name}, tanh(${n.x}), ${JSON.stringify(options)})`];
  }),
  kinked(
    along((x, axis, detail, n) => {
      const options = { axis, descending: detail % 2 === 0 };
      return [sort(x, options).values, `sort(${n.x}, ${JSON.stringify(options)}).values`];
    }),
  ),
  kinked(
    along((x, axis, detail, n) => {
      const k = 1 + (detail % (x.shape[axis] ?? 1));
      return [topk(x, k, { axis }).values, `topk(${n.x}, ${k}, { axis: ${axis} }).values`];
    }),
  ),
  kinked(along((x, axis, _, n) => [median(x, { axis }), `median(${n.x}, { axis: ${axis} })`])),
];

const runs: readonly Move[] = [
  smoothMove(
    along((x, axis, _, n) => {
      const factor = 1 / Math.max(2, x.shape[axis] ?? 1);
      return [mul(cumsum(x, axis), factor), `mul(cumsum(${n.x}, ${axis}), ${factor})`];
    }),
  ),
  smoothMove(running("cumprod", cumprod, 3)),
  smoothMove(along((x, axis, _, n) => [mul(logcumsumexp(x, axis), 0.25), `mul(logcumsumexp(${n.x}, ${axis}), 0.25)`])),
  kinked(running("cummax", cummax)),
  kinked(running("cummin", cummin)),
  smoothMove((x, _, detail, n) => {
    const length = x.shape[0] ?? 0;
    if (length === 0 || length > 10) return null;
    const options = { reverse: detail % 2 === 0 };
    const [, ys] = scan((h: Tensor, r: Tensor) => [tanh(add(mul(h, 0.5), r)), mul(h, r)], select(x, 0, 0), x, options);
    const step = "(h, r) => [tanh(add(mul(h, 0.5), r)), mul(h, r)]";
    return [mul(ys, 0.5), `mul(scan(${step}, select(${n.x}, 0, 0), ${n.x}, ${JSON.stringify(options)})[1], 0.5)`];
  }),
  smoothMove((x, _, _d, n) => {
    const power = scan((h: Tensor) => [sin(h), null], x, null, { length: 3 })[0];
    return [power, `scan((h) => [sin(h), null], ${n.x}, null, { length: 3 })[0]`];
  }),
  smoothMove((x, _, detail, n) => {
    const [sign, name] = n.constant([], detail);
    return [
      cond(
        gt(sign, 0),
        (a: Tensor) => cos(a),
        (a: Tensor) => mul(a, 0.5),
        x,
      ),
      `cond(gt(${name}, 0), (a) => cos(a), (a) => mul(a, 0.5), ${n.x})`,
    ];
  }),
  smoothMove((x, _, _d, n) => [
    checkpoint((a: Tensor) => tanh(square(a)))(x),
    `checkpoint((a) => tanh(square(a)))(${n.x})`,
  ]),
  // Not for gradients: those do not agree with differences, and are not meant to.
  kinked((x, _, _d, n) => [mul(x, stopGradient(tanh(x))), `mul(${n.x}, stopGradient(tanh(${n.x})))`]),
  smoothMove((x, _, _d, n) => {
    if ((x.shape[0] ?? 0) === 0 || x.size === 0) return null;
    return [vmap((r: Tensor) => sub(r, mean(r)))(x), `vmap((r) => sub(r, mean(r)))(${n.x})`];
  }),
];

const products: readonly Move[] = [
  smoothMove((x, _, _d, n) => {
    const length = x.shape.at(-1) ?? 0;
    if (length === 0) return null;
    return [
      mul(einsum("...i,...i->...", x, sin(x)), 1 / length),
      `mul(einsum("...i,...i->...", ${n.x}, sin(${n.x})), 1 / ${length})`,
    ];
  }),
  smoothMove((x, y, _d, n) => {
    const length = x.shape.at(-1) ?? 0;
    if (length === 0 || y.shape[0] !== length || (x.size / length) * (y.size / length) > largest) return null;
    return [mul(tensordot(x, y, 1), 1 / length), `mul(tensordot(${n.x}, ${n.y}, 1), 1 / ${length})`];
  }),
  smoothMove((x, y, _d, n) =>
    sizeOf(x.shape) * sizeOf(y.shape) > largest / 4 || x.rank > 2 || y.rank > 2
      ? null
      : [mul(kron(x, y), 0.5), `mul(kron(${n.x}, ${n.y}), 0.5)`],
  ),
  smoothMove((x, _, _d, n) => {
    const length = x.shape.at(-1) ?? 0;
    if (length < 2) return null;
    return [layerNorm(x, [length], { eps: 0.5 }), `layerNorm(${n.x}, [${length}], { eps: 0.5 })`];
  }),
  smoothMove((x, _, detail, n) => {
    if (x.rank < 2 || x.size === 0 || x.size > largest / 8) return null;
    const options = { causal: detail % 2 === 0 };
    return [
      scaledDotProductAttention(x, sin(x), x, options),
      `scaledDotProductAttention(${n.x}, sin(${n.x}), ${n.x}, ${JSON.stringify(options)})`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    const [, channels = 0, length = 0] = x.shape;
    if (x.rank !== 3 || channels === 0 || length < 3 || x.size > largest / 4) return null;
    const options = { groups: channels, dilation: 1 + (detail % 2) };
    const [w, name] = n.constant([channels, 1, 2], detail);
    return [conv1d(x, w, options), `conv1d(${n.x}, ${name}, ${JSON.stringify(options)})`];
  }),
  smoothMove((x, _, detail, n) => {
    const [, channels = 0, length = 0] = x.shape;
    if (x.rank !== 3 || channels === 0 || length === 0 || x.size > largest / 8) return null;
    const options = { stride: 1 + (detail % 3) };
    const [w, name] = n.constant([channels, 2, 3], detail);
    return [
      mul(convTranspose1d(x, w, options), 0.5 / channels),
      `mul(convTranspose1d(${n.x}, ${name}, ${JSON.stringify(options)}), 0.5 / ${channels})`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    if (x.rank !== 3 || x.size === 0 || x.size > largest / 4) return null;
    const options = {
      size: 1 + (detail % 9),
      mode: (["nearest", "linear", "cubic"] as const)[detail % 3] ?? "nearest",
    };
    return [interpolate(x, options), `interpolate(${n.x}, ${JSON.stringify(options)})`];
  }),
];

export const moreMoves: readonly Move[] = [...mixed, ...views, ...indexed, ...runs, ...products];
