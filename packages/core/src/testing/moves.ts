// The moves of random programs: one operation each, scaled so that values stay small and rounding errors do not grow.
import type { DType } from "../base/dtype.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import { gelu, softplus } from "../functions/activation.ts";
import { abs, add, div, maximum, minimum, mul, neg, square, sub } from "../functions/arithmetic.ts";
import { gt, le } from "../functions/compare.ts";
import { conv1d, conv2d } from "../functions/conv.ts";
import { atan, erf, exp, log1p, sin, tanh } from "../functions/exponential.ts";
import { gather, indexSelect, scatterAdd } from "../functions/gather.ts";
import { concat, roll, stack } from "../functions/join.ts";
import { matmul } from "../functions/matmul.ts";
import { pad } from "../functions/pad.ts";
import { avgPool1d, maxPool1d } from "../functions/pool.ts";
import { logsumexp, max, mean, min, prod, sum, variance } from "../functions/reduce.ts";
import { clamp, where } from "../functions/select.ts";
import { expand, flip, permute, reshape, slice, transpose, unsqueeze } from "../functions/shape.ts";
import { softmax } from "../functions/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Elements that a value has at most. */
export const largest = 2000;

export type Made = readonly [value: Tensor, text: string];

export interface Move {
  readonly smooth: boolean;
  /** Jumps where a real number changes in its last bit. */
  readonly steep?: boolean;
  /** Makes values that are not finite, and negative zeros. */
  readonly odd?: boolean;
  /** The result and its text, or null where the move does not fit. */
  readonly make: (x: Tensor, y: Tensor, detail: number, d: Names) => Made | null;
}
export interface Names {
  readonly x: string;
  readonly y: string;
  /** A constant of the program: of the dtype of its leaves, or integers below `bound`, int32 unless told. */
  readonly constant: (shape: Shape, seed: number) => Made;
  readonly integers: (shape: Shape, bound: number, seed: number, dtype?: DType) => Made;
  /** One of the youngest values that are integers or bools, or a constant. */
  readonly whole: (seed: number) => Made;
}

/** An axis that is not empty, if `detail` finds one. */
export const axisOf = (x: Tensor, detail: number): number | null => {
  const axis = detail % Math.max(1, x.rank);
  return (x.shape[axis] ?? 0) === 0 ? null : axis;
};

export const smoothMove = (make: Move["make"]): Move => ({ smooth: true, make });
export const kinked = (make: Move["make"]): Move => ({ smooth: false, make });

const unary = (name: string, f: (x: Tensor) => Tensor): Move => smoothMove((x, _, _d, n) => [f(x), `${name}(${n.x})`]);
const scaled = (name: string, f: (x: Tensor) => Tensor, factor: number): Move =>
  smoothMove((x, _, _d, n) => [mul(f(x), factor), `mul(${name}(${n.x}), ${factor})`]);

export const broadcasts = (a: Shape, b: Shape): boolean =>
  a.every((n, i) => {
    const m = b[i - a.length + b.length] ?? 1;
    return n === m || n === 1 || m === 1;
  }) && sizeOf(a) * sizeOf(b) <= largest;

const binary = (name: string, f: (x: Tensor, y: Tensor) => Tensor, factor: number, smooth = true): Move => ({
  smooth,
  make: (x, y, _, n) =>
    broadcasts(x.shape, y.shape) ? [mul(f(x, y), factor), `mul(${name}(${n.x}, ${n.y}), ${factor})`] : null,
});

/** The correction is variance's. */
type Along = (
  x: Tensor,
  options: { readonly axis: number; readonly keepdims: boolean; readonly correction?: number },
) => Tensor;

/** A reduction of one axis that is not empty, with or without keeping it. */
const along = (name: string, f: Along, factor: number, smooth = true, longest = largest): Move => ({
  smooth,
  make(x, _, detail, n) {
    const axis = detail % Math.max(1, x.rank);
    const length = x.shape[axis] ?? 0;
    if (x.rank === 0 || length === 0 || length > longest) return null;
    const options = { axis, keepdims: detail % 3 === 0, ...(name === "variance" && { correction: 0 }) };
    return [mul(f(x, options), factor), `mul(${name}(${n.x}, ${JSON.stringify(options)}), ${factor})`];
  },
});

const view = (make: (x: Tensor, axis: number, detail: number, n: Names) => Made | null): Move =>
  smoothMove((x, _, detail, n) => make(x, detail % Math.max(1, x.rank), detail >> 3, n));

const bump = (x: Tensor): Tensor => exp(neg(square(x)));

export const commonMoves: readonly Move[] = [
  unary("sin", sin),
  unary("tanh", tanh),
  unary("erf", erf),
  unary("atan", atan),
  unary("neg", neg),
  scaled("gelu", gelu, 0.75),
  scaled("softplus", softplus, 0.5),
  scaled("square", square, 0.375),
  smoothMove((x, _, _d, n) => [bump(x), `exp(neg(square(${n.x})))`]),
  smoothMove((x, _, _d, n) => [log1p(square(x)), `log1p(square(${n.x}))`]),
  smoothMove((x, _, detail, n) => {
    const shift = ((detail % 7) - 3) / 4;
    return [mul(add(x, shift), 0.75), `mul(add(${n.x}, ${shift}), 0.75)`];
  }),
  binary("add", add, 0.5),
  binary("sub", sub, 0.5),
  binary("mul", mul, 0.5),
  smoothMove((x, y, _, n) =>
    broadcasts(x.shape, y.shape) ? [div(x, add(square(y), 1)), `div(${n.x}, add(square(${n.y}), 1))`] : null,
  ),
  binary("maximum", maximum, 1, false),
  binary("minimum", minimum, 1, false),
  kinked((x, _, _d, n) => [abs(x), `abs(${n.x})`]),
  kinked((x, _, detail, n) => {
    const bounds = { min: -0.5, max: (1 + (detail % 4)) / 4 };
    return [clamp(x, bounds), `clamp(${n.x}, ${JSON.stringify(bounds)})`];
  }),
  smoothMove((x, y, detail, n) => {
    if (!broadcasts(x.shape, y.shape)) return null;
    const [mask, name] = n.constant(x.shape, detail);
    const isGreater = detail % 2 === 0;
    return [
      where(isGreater ? gt(mask, 0) : le(mask, 0), x, y),
      `where(${isGreater ? "gt" : "le"}(${name}, 0), ${n.x}, ${n.y})`,
    ];
  }),
  along("mean", (x, options) => mean(x, options), 1),
  along("sum", (x, options) => sum(x, options), 0.125, true, 10),
  along("variance", (x, options) => variance(x, options), 0.5),
  along("logsumexp", (x, options) => logsumexp(x, options), 0.25),
  along("prod", (x, options) => prod(x, options), 0.5, true, 3),
  along("max", (x, options) => max(x, options), 1, false),
  along("min", (x, options) => min(x, options), 1, false),
  smoothMove((x, _, detail, n) => {
    const axis = detail % Math.max(1, x.rank);
    return x.rank === 0 || (x.shape[axis] ?? 0) === 0
      ? null
      : [softmax(x, { axis }), `softmax(${n.x}, { axis: ${axis} })`];
  }),
  view((x, axis, _, n) => (x.rank < 2 ? null : [transpose(x, axis, -1), `transpose(${n.x}, ${axis}, -1)`])),
  view((x, _a, _d, n) => {
    const axes = [...x.shape.keys()].reverse();
    return [permute(x, axes), `permute(${n.x}, ${showShape(axes)})`];
  }),
  view((x, _a, _d, n) => [reshape(x, [x.size]), `reshape(${n.x}, [${x.size}])`]),
  view((x, _, detail, n) => {
    const half = x.size / 2;
    const shape = Number.isInteger(half) ? (detail % 2 === 0 ? [2, half] : [half, 2]) : [1, x.size];
    return [reshape(x, shape), `reshape(${n.x}, ${showShape(shape)})`];
  }),
  view((x, axis, _, n) => (x.rank > 3 ? null : [unsqueeze(x, axis), `unsqueeze(${n.x}, ${axis})`])),
  view((x, axis, _, n) => (x.rank === 0 ? null : [flip(x, axis), `flip(${n.x}, ${axis})`])),
  view((x, axis, detail, n) =>
    x.rank === 0 ? null : [roll(x, detail % 5, axis), `roll(${n.x}, ${detail % 5}, ${axis})`],
  ),
  view((x, axis, detail, n) => {
    if (x.rank === 0 || (x.shape[axis] ?? 0) < 2) return null;
    const ranges = x.shape.map((_, i) => (i === axis ? ([detail % 2, null, 1 + (detail % 3)] as const) : null));
    return [slice(x, ranges), `slice(${n.x}, ${JSON.stringify(ranges)})`];
  }),
  view((x, _, detail, n) => {
    if (x.rank === 0 || x.size > largest / 4) return null;
    const widths: readonly (readonly [number, number])[] = [[detail % 2, 1 + (detail % 3)]];
    return [pad(x, widths), `pad(${n.x}, ${JSON.stringify(widths)})`];
  }),
  view((x, _, detail, n) => {
    const shape = [1 + (detail % 3), ...x.shape];
    return x.size > largest / 4 || x.rank > 3 ? null : [expand(x, shape), `expand(${n.x}, ${showShape(shape)})`];
  }),
  smoothMove((x, y, detail, n) => {
    const axis = detail % Math.max(1, x.rank);
    const fits = x.rank > 0 && x.rank === y.rank && x.shape.every((k, i) => i === axis || k === y.shape[i]);
    return fits && x.size + y.size <= largest
      ? [concat([x, y], { axis }), `concat([${n.x}, ${n.y}], { axis: ${axis} })`]
      : null;
  }),
  smoothMove((x, _, detail, n) => {
    const axis = detail % (x.rank + 1);
    return x.rank > 3 || x.size > largest / 3
      ? null
      : [stack([x, neg(x)], { axis }), `stack([${n.x}, neg(${n.x})], { axis: ${axis} })`];
  }),
  smoothMove((x, _, detail, n) => {
    const inner = x.shape.at(-1) ?? 0;
    if (x.rank === 0 || inner === 0) return null;
    const [w, name] = n.constant([inner, 1 + (detail % 11)], detail);
    return [mul(matmul(x, w), 1 / inner), `mul(matmul(${n.x}, ${name}), 1 / ${inner})`];
  }),
  smoothMove((x, _, _d, n) => {
    const inner = x.shape.at(-1) ?? 0;
    if (x.rank < 2 || inner === 0 || x.size > largest / 4) return null;
    return [mul(matmul(x, transpose(x)), 1 / inner), `mul(matmul(${n.x}, transpose(${n.x})), 1 / ${inner})`];
  }),
  smoothMove((x, _, detail, n) => {
    const length = x.shape[0] ?? 0;
    if (length === 0 || x.size > largest / 8) return null;
    const [index, name] = n.integers([1 + (detail % 9)], length, detail);
    return [indexSelect(x, index, { axis: 0 }), `indexSelect(${n.x}, ${name}, { axis: 0 })`];
  }),
  smoothMove((x, _, detail, n) => {
    const axis = x.rank - 1;
    const length = x.shape[axis] ?? 0;
    if (length === 0) return null;
    const [index, name] = n.integers(x.shape, length, detail);
    return detail % 2 === 0
      ? [gather(x, index, { axis }), `gather(${n.x}, ${name}, { axis: ${axis} })`]
      : [
          mul(scatterAdd(x, index, tanh(x), { axis }), 0.25),
          `mul(scatterAdd(${n.x}, ${name}, tanh(${n.x}), { axis: ${axis} }), 0.25)`,
        ];
  }),
  smoothMove((x, _, detail, n) => {
    const [, channels = 0, length = 0] = x.shape;
    if (x.rank !== 3 || channels === 0 || length < 2) return null;
    const [w, name] = n.constant([2, channels, 2], detail);
    const options = { stride: 1 + (detail % 2), padding: detail % 3 };
    return [
      mul(conv1d(x, w, options), 0.5 / channels),
      `mul(conv1d(${n.x}, ${name}, ${JSON.stringify(options)}), 0.5 / ${channels})`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    if (x.size < 4 || x.size > largest / 4) return null;
    const image = reshape(x, [1, 1, x.size / (x.size % 2 === 0 ? 2 : 1), x.size % 2 === 0 ? 2 : 1]);
    const [w, name] = n.constant([3, 1, 2, 1], detail);
    return [mul(conv2d(image, w), 0.5), `mul(conv2d(reshape(${n.x}, ${showShape(image.shape)}), ${name}), 0.5)`];
  }),
  smoothMove((x, _, detail, n) => {
    if (x.rank !== 3 || (x.shape[2] ?? 0) < 2 || x.size === 0) return null;
    const options = { stride: 1 + (detail % 2) };
    return [avgPool1d(x, 2, options), `avgPool1d(${n.x}, 2, ${JSON.stringify(options)})`];
  }),
  kinked((x, _, _d, n) =>
    x.rank !== 3 || (x.shape[2] ?? 0) < 2 || x.size === 0 ? null : [maxPool1d(x, 2), `maxPool1d(${n.x}, 2)`],
  ),
  kinked((x, _, _d, n) =>
    x.dtype === "float32" ? [x.to("float64").to("float32"), `${n.x}.to("float64").to("float32")`] : null,
  ),
];
