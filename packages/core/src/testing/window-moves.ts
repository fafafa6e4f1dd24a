// Moves of random programs that see windows and boxes: convolutions and pools of images and volumes, norms over several axes.
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from "../functions/adaptive-pool.ts";
import { add, div, maximum, mul, sub } from "../functions/arithmetic.ts";
import { conv2d, conv3d, convTranspose2d, convTranspose3d } from "../functions/conv.ts";
import { exp, sqrt } from "../functions/exponential.ts";
import { fold, unfold } from "../functions/image.ts";
import { avgPool2d, avgPool3d, maxPool2d } from "../functions/pool.ts";
import { max, mean, min, norm, prod, std, sum, variance } from "../functions/reduce.ts";
import { reshape } from "../functions/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { kinked, largest, type Made, type Move, type Names, smoothMove } from "./moves.ts";

const divisors = (n: number, most: number): number[] =>
  Array.from({ length: Math.min(n, most) }, (_, i) => i + 1).filter((k) => n % k === 0);

const pick = <T>(list: readonly T[], index: number, otherwise: T): T => list[index % list.length] ?? otherwise;

/** A shape [n, channels, ...spatial] for so many elements: extents from what divides them. */
function boxOf(size: number, spatial: number, detail: number): Shape {
  const shape: number[] = [];
  let rest = size;
  for (let i = 0; i < spatial + 1; i++) {
    const n = i === 0 ? pick(divisors(rest, 2), detail, 1) : pick(divisors(rest, i === 1 ? 4 : 9), detail >> i, 1);
    shape.push(n);
    rest /= n;
  }
  return [...shape, rest];
}

/** A move of an image or a volume: x in another shape, where it has some elements and not too many. */
const boxed =
  (spatial: number, make: (x: Tensor, name: string, detail: number, n: Names) => Made | null): Move["make"] =>
  (x, _, detail, n) => {
    if (x.size < 2 || x.size > largest / 4) return null;
    const shape = boxOf(x.size, spatial, detail);
    return make(reshape(x, shape), `reshape(${n.x}, ${showShape(shape)})`, detail, n);
  };

type Convolution = (x: Tensor, weight: Tensor, options: object) => Tensor;

/** Strides, paddings, dilations and groups that differ from axis to axis. */
const convolution = (name: string, f: Convolution, spatial: number, transposed = false): Move =>
  smoothMove(
    boxed(spatial, (x, text, detail, n) => {
      const channels = x.shape[1] ?? 1;
      const extents = x.shape.slice(2);
      const groups = pick(divisors(channels, 4), detail >> 1, 1);
      const stride = extents.map((_, i) => 1 + ((detail >> i) % 3));
      const dilation = extents.map((_, i) => 1 + ((detail >> (i + 2)) % 2));
      const kernel = extents.map((_, i) => 1 + ((detail >> (i + 1)) % 3));
      const padding = extents.map((_, i) => (detail + i) % 2);
      const reach = kernel.map((k, i) => (k - 1) * (dilation[i] ?? 1) + 1);
      const fits = (cells: readonly number[]): boolean => cells.every((cell) => cell > 0);
      const options = {
        stride,
        padding,
        dilation,
        groups,
        ...(transposed && { outputPadding: stride.map((s) => s - 1) }),
      };
      const out = extents.map((e, i) => {
        const [r = 1, s = 1, p = 0] = [reach[i], stride[i], padding[i]];
        return transposed ? (e - 1) * s + r - 2 * p + s - 1 : Math.floor((e + 2 * p - r) / s) + 1;
      });
      const most = groups * 2 * (x.shape[0] ?? 1) * sizeOf(out);
      if (!fits(out) || most > largest) return null;
      const shape = transposed ? [channels, 2, ...kernel] : [2 * groups, channels / groups, ...kernel];
      const [w, weight] = n.constant(shape, detail);
      const factor = 1 / Math.max(2, (channels / groups) * sizeOf(kernel));
      return [mul(f(x, w, options), factor), `mul(${name}(${text}, ${weight}, ${JSON.stringify(options)}), ${factor})`];
    }),
  );

type Pool = (x: Tensor, kernel: readonly number[], options: object) => Tensor;

const pool = (name: string, f: Pool, spatial: number, smooth: boolean): Move => ({
  smooth,
  make: boxed(spatial, (x, text, detail) => {
    const extents = x.shape.slice(2);
    const kernel = extents.map((e, i) => 1 + Math.min(e - 1, (detail >> i) % 3));
    const options = {
      stride: extents.map((_, i) => 1 + ((detail >> (i + 1)) % 3)),
      padding: kernel.map((k) => (detail % 2 === 0 ? 0 : Math.floor(k / 2))),
      ceilMode: detail % 3 === 0,
      ...(smooth && { countIncludePad: detail % 4 < 2 }),
    };
    return [f(x, kernel, options), `${name}(${text}, ${showShape(kernel)}, ${JSON.stringify(options)})`];
  }),
});

const adaptive = (name: string, f: (x: Tensor, size: readonly number[]) => Tensor): Move["make"] =>
  boxed(2, (x, text, detail) => {
    const size = [1 + (detail % 4), 1 + ((detail >> 2) % 4)];
    return [f(x, size), `${name}(${text}, ${showShape(size)})`];
  });

/** Several axes of x that are not empty: all, the outer ones, or every second one. */
function axesOf(x: Tensor, detail: number): readonly number[] | null {
  const all = [...x.shape.keys()];
  const axes = pick([all, all.slice(0, -1), all.filter((i) => i % 2 === 0), all.slice(1)], detail, all);
  return axes.some((i) => x.shape[i] === 0) ? null : axes;
}

type Several = (x: Tensor, options: { readonly axis: readonly number[]; readonly keepdims: boolean }) => Tensor;

/** A reduction that stands beside what it came from. */
const beside = (name: string, f: Several, smooth = true, longest = largest): Move => ({
  smooth,
  make(x, _, detail, n) {
    const axis = axesOf(x, detail);
    if (axis === null || sizeOf(axis.map((i) => x.shape[i] ?? 1)) > longest) return null;
    const options = { axis, keepdims: true };
    return [
      mul(sub(x, f(x, options)), 0.5),
      `mul(sub(${n.x}, ${name}(${n.x}, { axis: ${showShape(axis)}, keepdims: true })), 0.5)`,
    ];
  },
});

const convolutions: readonly Move[] = [
  convolution("conv2d", conv2d, 2),
  convolution("conv3d", conv3d, 3),
  convolution("convTranspose2d", convTranspose2d, 2, true),
  convolution("convTranspose3d", convTranspose3d, 3, true),
  pool("avgPool2d", avgPool2d, 2, true),
  pool("avgPool3d", avgPool3d, 3, true),
  pool("maxPool2d", maxPool2d, 2, false),
  smoothMove(adaptive("adaptiveAvgPool2d", adaptiveAvgPool2d)),
  kinked(adaptive("adaptiveMaxPool2d", adaptiveMaxPool2d)),
  smoothMove(
    boxed(2, (x, text, detail) => {
      const [height = 1, width = 1] = x.shape.slice(2);
      const kernel = [Math.min(height, 1 + (detail % 3)), Math.min(width, 2)];
      const options = { stride: [1 + (detail % 2), 1] };
      const size = [height, width];
      return [
        mul(fold(unfold(x, kernel, options), size, kernel, options), 0.25),
        `mul(fold(unfold(${text}, ${showShape(kernel)}, ${JSON.stringify(options)}), ${showShape(size)}, ${showShape(kernel)}, ${JSON.stringify(options)}), 0.25)`,
      ];
    }),
  ),
];

const boxes: readonly Move[] = [
  beside("mean", (x, options) => mean(x, options)),
  beside("sum", (x, options) => sum(x, options), true, 8),
  beside("prod", (x, options) => prod(x, options), true, 4),
  beside("max", (x, options) => max(x, options), false),
  beside("min", (x, options) => min(x, options), false),
  kinked((x, _, detail, n) => {
    const axis = axesOf(x, detail);
    if (axis === null) return null;
    const at = showShape(axis);
    return [
      div(x, add(norm(x, { axis, keepdims: true }), 1)),
      `div(${n.x}, add(norm(${n.x}, { axis: ${at}, keepdims: true }), 1))`,
    ];
  }),
  smoothMove((x, _, detail, n) => {
    const axis = axesOf(x, detail);
    if (axis === null) return null;
    const options = `{ axis: ${showShape(axis)}, keepdims: true, correction: 0 }`;
    const deviation = sqrt(add(variance(x, { axis, keepdims: true, correction: 0 }), 0.5));
    return [
      mul(div(sub(x, mean(x, { axis, keepdims: true })), deviation), 0.5),
      `mul(div(sub(${n.x}, mean(${n.x}, { axis: ${showShape(axis)}, keepdims: true })), sqrt(add(variance(${n.x}, ${options}), 0.5))), 0.5)`,
    ];
  }),
  // Sums over axes that may be empty: zeros.
  smoothMove((x, y, detail, n) => {
    const axis = detail % Math.max(1, y.rank);
    if (y.rank === 0 || (y.shape[axis] ?? 0) > 8 || sizeOf(x.shape) * sizeOf(y.shape) > largest) return null;
    const total = sum(y, { axis, keepdims: true });
    if (total.rank > 0 && total.shape.some((m, i) => m !== 1 && m !== x.shape[i - total.rank + x.rank])) return null;
    return [mul(add(x, total), 0.125), `mul(add(${n.x}, sum(${n.y}, { axis: ${axis}, keepdims: true })), 0.125)`];
  }),
  smoothMove((x, _, detail, n) => {
    const axis = axesOf(x, detail);
    if (axis === null) return null;
    const top = "{ axis: -1, keepdims: true }";
    if (x.rank === 0 || (x.shape.at(-1) ?? 0) === 0) return null;
    const e = exp(sub(x, mean(x, { axis: -1, keepdims: true })));
    const text = `exp(sub(${n.x}, mean(${n.x}, ${top})))`;
    return [
      div(e, add(sum(e, { axis, keepdims: true }), 1)),
      `div(${text}, add(sum(${text}, { axis: ${showShape(axis)}, keepdims: true }), 1))`,
    ];
  }),
  kinked((x, _, detail, n) => {
    const axis = axesOf(x, detail);
    if (axis === null || sizeOf(axis.map((i) => x.shape[i] ?? 1)) < 2) return null;
    const options = { axis, keepdims: detail % 2 === 0 };
    return [
      mul(std(x, options), 0.5),
      `mul(std(${n.x}, { axis: ${showShape(axis)}, keepdims: ${options.keepdims} }), 0.5)`,
    ];
  }),
  kinked((x, _, _d, n) => {
    const length = x.shape.at(-1) ?? 0;
    if (x.rank === 0 || length === 0) return null;
    const options = { axis: -1, keepdims: true } as const;
    return [
      maximum(sub(x, max(x, options)), min(x, options)),
      `maximum(sub(${n.x}, max(${n.x}, { axis: -1, keepdims: true })), min(${n.x}, { axis: -1, keepdims: true }))`,
    ];
  }),
];

export const windowMoves: readonly Move[] = [...convolutions, ...boxes];
