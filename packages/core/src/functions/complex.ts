// Complex numbers as pairs: a trailing axis of size 2 holds (re, im), as PyTorch's view_as_real. See decision 009.
import { ShapeError } from "../base/errors.ts";
import { broadcastShapes, showShape } from "../base/shape.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { hypot } from "../ops/arithmetic.ts";
import { builder as b } from "../ops/builder.ts";
import { alike } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { floatOf, floatPairOf } from "./arguments.ts";
import { concatNodes } from "./join.ts";
import { narrowed } from "./shape.ts";

/** The node of a tensor of pairs. */
export function pairsOf(operation: string, x: Tensor): Node {
  const node = floatOf(operation, x);
  if (node.shape.at(-1) === 2) return node;
  throw new ShapeError(
    `${operation}: expected pairs (re, im) along the last axis, got ${showShape(node.shape)}. complex(x) makes them of a real tensor`,
  );
}

/** (im, re) for (re, im). */
export function swapped(x: Node): Node {
  const zeros = x.shape.map(() => 0);
  return b.slice(x, zeros.with(-1, 1), zeros.map(() => 1).with(-1, -1), x.shape);
}

/** (−1, 1). */
function sides(like: Node): Node {
  const index = b.cast(b.iota(2, like), like.dtype);
  return b.sub(b.mul(b.num(2, like), index), b.num(1, like));
}

export const conjugated = (x: Node): Node => b.neg(b.mul(x, sides(x)));

/** (re, im)·c + (im, re)·(−s, s): one formula for both halves, which fuses. */
export function multiplied(x: Node, y: Node): Node {
  const last = y.shape.length - 1;
  const [re, im] = [narrowed(y, last, 0, 1), narrowed(y, last, 1, 1)];
  return b.add(b.mul(x, re), b.mul(swapped(x), b.mul(im, sides(y))));
}

const part = (x: Node, index: 0 | 1): Node =>
  b.reshape(narrowed(x, x.shape.length - 1, index, 1), x.shape.slice(0, -1));

const paired = (re: Node, im: Node): Node => {
  const shape = broadcastShapes("complex", re.shape, im.shape);
  return concatNodes(
    [re, im].map((x) => b.reshape(b.expand(x, shape), [...shape, 1])),
    shape.length,
  );
};

/**
 * Complex numbers of their parts: pairs (re, im) along a new last axis.
 * @param im 0 by default; its shape broadcasts with re's
 * @returns `[..., 2]`
 * @example (await complex(tensor([1, 2]), tensor([3, 4])).toArray()) // [[1, 3], [2, 4]]
 * @example (await complex(tensor([1, 2])).toArray()) // [[1, 0], [2, 0]]
 */
export function complex(re: Tensor, im?: Tensor): Tensor {
  if (im) return new Tensor(paired(...floatPairOf("complex", re, im)));
  return new Tensor(complexNode(floatOf("complex", re)));
}

/** A real node as pairs. */
export function complexNode(re: Node): Node {
  const grown = b.reshape(re, [...re.shape, 1]);
  const zeros = grown.shape.map(() => 0);
  return b.pad(
    grown,
    zeros,
    zeros.with(-1, 1),
    zeros.map(() => 1),
  );
}

/**
 * Complex numbers of their absolute values and angles in radians.
 * @returns `[..., 2]`
 * @example (await polar(tensor([2]), tensor([0])).toArray()) // [[2, 0]]
 */
export function polar(abs: Tensor, angle: Tensor): Tensor {
  const [r, phi] = floatPairOf("polar", abs, angle);
  return new Tensor(paired(b.mul(r, b.cos(phi)), b.mul(r, b.sin(phi))));
}

/**
 * The real parts of pairs `[..., 2]`.
 * @throws {ShapeError} `real: expected pairs (re, im) along the last axis, got [3]. complex(x) makes them of a real tensor`
 * @example (await real(tensor([[1, 3], [2, 4]])).toArray()) // [1, 2]
 */
export function real(x: Tensor): Tensor {
  return new Tensor(part(pairsOf("real", x), 0));
}

/**
 * The imaginary parts of pairs `[..., 2]`.
 * @example (await imag(tensor([[1, 3], [2, 4]])).toArray()) // [3, 4]
 */
export function imag(x: Tensor): Tensor {
  return new Tensor(part(pairsOf("imag", x), 1));
}

/**
 * re − i·im of pairs `[..., 2]`.
 * @example (await complexConj(tensor([1, 2])).toArray()) // [1, -2]
 */
export function complexConj(x: Tensor): Tensor {
  return new Tensor(conjugated(pairsOf("complexConj", x)));
}

/**
 * Products of pairs `[..., 2]`, with broadcasting. Real factors need no function: `x.mul(y.unsqueeze(-1))`.
 * @example (await complexMul(tensor([1, 2]), tensor([3, 4])).toArray()) // [-5, 10]
 */
export function complexMul(x: Tensor, y: Tensor): Tensor {
  return new Tensor(multiplied(...alike(pairsOf("complexMul", x), pairsOf("complexMul", y))));
}

/**
 * Quotients of pairs `[..., 2]`, with broadcasting. y is brought to size 1 first, so that its square neither overflows nor vanishes.
 * @example (await complexDiv(tensor([-5, 10]), tensor([3, 4])).toArray()) // [1, 2]
 */
export function complexDiv(x: Tensor, y: Tensor): Tensor {
  const [a, c] = alike(pairsOf("complexDiv", x), pairsOf("complexDiv", y));
  const size = b.reshape(absolute(c), [...c.shape.slice(0, -1), 1]);
  const unit = conjugated(b.div(c, size));
  return new Tensor(b.div(multiplied(a, unit), size));
}

const absolute = (x: Node): Node => makeNode(hypot, [part(x, 0), part(x, 1)]);

/**
 * √(re² + im²) of pairs `[..., 2]`, without overflow. The gradient at 0 is 0.
 * @returns `[...]`
 * @example (await complexAbs(tensor([[3, 4], [0, -2]])).toArray()) // [5, 2]
 */
export function complexAbs(x: Tensor): Tensor {
  return new Tensor(absolute(pairsOf("complexAbs", x)));
}

/**
 * The angles of pairs `[..., 2]` in radians, in (−π, π].
 * @returns `[...]`
 * @example (await complexAngle(tensor([[0, 1], [-1, 0]])).toArray()) // [1.5708, 3.1416]
 */
export function complexAngle(x: Tensor): Tensor {
  const node = pairsOf("complexAngle", x);
  return new Tensor(b.atan2(part(node, 1), part(node, 0)));
}

/**
 * e^x of pairs `[..., 2]`: e^re·(cos im, sin im).
 * @example (await complexExp(tensor([0, Math.PI])).toArray()) // [-1, 0]
 */
export function complexExp(x: Tensor): Tensor {
  const node = pairsOf("complexExp", x);
  const [re, im] = [b.exp(part(node, 0)), part(node, 1)];
  return new Tensor(paired(b.mul(re, b.cos(im)), b.mul(re, b.sin(im))));
}
