// Matrices of derivatives: one sweep over a batch of directions.
import { forward } from "../autodiff/forward.ts";
import { reverse } from "../autodiff/reverse.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { ArgumentError } from "../base/errors.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { unknownLeaf } from "../ops/source.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { moved } from "./shape.ts";
import {
  checkPositions,
  expectFloats,
  freshArguments,
  gradOf,
  jvp,
  likeArguments,
  type Positions,
} from "./transforms.ts";
import { mapTensors, type NamedTensors, type Plain, type Reshapen, tensorsOf } from "./trees.ts";

export interface JacobianOptions {
  /** Reverse mode sweeps once for each number in the result, forward mode once for each argument's: by default, the one with fewer sweeps. */
  readonly mode?: "reverse" | "forward";
}

/** The same tree with other tensors; a module's by their names. */
type Derivatives<T> = T extends Tensor
  ? Tensor
  : T extends NamedTensors
    ? Record<string, Tensor>
    : T extends object
      ? { -readonly [K in keyof T]: Derivatives<T[K]> }
      : T;

/** Derivatives by the arguments at some positions: for one, a tree of its form; for several, an array of such. */
export type AtPositions<A extends readonly unknown[], N> = N extends readonly number[]
  ? { -readonly [K in keyof N]: Derivatives<A[N[K] & keyof A]> }
  : N extends number
    ? Derivatives<A[N]>
    : never;

/** A tree of the result's form, with the derivatives of each tensor in its place. */
export type Jacobian<A extends readonly unknown[], N, R> = R extends Tensor
  ? AtPositions<A, N>
  : R extends object
    ? { -readonly [K in keyof R]: Jacobian<A, N, R[K]> }
    : R;

const direction = (like: Node): Node =>
  unknownLeaf(like.shape, like.dtype, like.device, "a direction of jacobian has no values of its own");

/** The unit directions of a shape: `[n, ...shape]`. */
function units(like: Node): Node {
  const n = sizeOf(like.shape);
  const column = b.iota(n, like);
  const matrix = b.cast(b.eq(b.reshape(column, [n, 1]), column), like.dtype);
  return b.reshape(matrix, [n, ...like.shape]);
}

/** ∂y/∂x for each of `xs`: `[...y.shape, ...x.shape]`. */
function byReverse(y: Node, xs: readonly Node[]): Node[] {
  const g = direction(y);
  const pulled = reverse(b, [y], [g], xs);
  const found = pulled.filter((node) => node !== null);
  const rows = vectorize(b, found, [g], [units(y)], sizeOf(y.shape));
  let next = 0;
  return xs.map((x, i) => {
    const shape: Shape = [...y.shape, ...x.shape];
    const row = pulled[i] ? rows[next++] : null;
    return row ? b.reshape(row, shape) : b.fill(0, shape, x);
  });
}

/** ∂y/∂x for each of `ys`: `[...y.shape, ...x.shape]`. */
function byForward(ys: readonly Node[], x: Node): Node[] {
  const dx = direction(x);
  const pushed = forward(b, ys, [x], [dx]);
  const found = pushed.filter((node) => node !== null);
  const columns = vectorize(b, found, [dx], [units(x)], sizeOf(x.shape));
  let next = 0;
  return ys.map((y, i) => {
    const shape: Shape = [...y.shape, ...x.shape];
    const column = pushed[i] ? columns[next++] : null;
    return column ? b.reshape(moved(column, 0, y.shape.length), shape) : b.fill(0, shape, y);
  });
}

const countOf = (nodes: readonly Node[]): number => nodes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/**
 * All first derivatives of a function: ∂y/∂x for each number in the result and in the arguments.
 * @param f a synchronous function of tensors, or of arrays, plain objects and modules of them, with a result of any shape or
 *   a tree of results
 * @param positions which arguments to differentiate by: 0 by default; with a list, the derivatives are an array
 * @param options mode: "reverse" or "forward"; by default, the one that needs fewer sweeps
 * @returns a function that gives `[...y.shape, ...x.shape]`. For an argument that is a tree, a tree of them; for a result that
 *   is a tree, one with all that in place of each tensor y
 * @throws {ArgumentError} `jacobian: expected a function that returns a tensor, or a tree of them`
 * @throws {DTypeError} `jacobian: expected a float result, got int32`
 * @example (await jacobian((x) => x.mul(x))(tensor([1, 2])).toArray()) // [[2, 0], [0, 4]]
 * @example (await jacobian(({ x, y }) => x.mul(y))({ x: tensor([1, 2]), y: tensor(3) }).y.toArray()) // [1, 2]
 */
export function jacobian<A extends readonly unknown[], R, const N extends Positions = 0>(
  f: (...args: A) => R,
  positions?: N,
  options: JacobianOptions = {},
): (...args: A) => Jacobian<A, N, R> {
  return (...args) => {
    const at = positions ?? 0;
    const { call, nodes: xs } = freshArguments("jacobian", args, checkPositions("jacobian", at, args.length));
    const result = call(f);
    const ys = tensorsOf(result).map(({ node }) => node);
    if (ys.length === 0)
      throw new ArgumentError("jacobian: expected a function that returns a tensor, or a tree of them");
    for (const y of ys) expectFloats("jacobian", [y]);
    const mode = options.mode ?? (countOf(xs) < countOf(ys) ? "forward" : "reverse");
    const columns = mode === "forward" ? xs.map((x) => byForward(ys, x)) : [];
    const rows =
      mode === "forward"
        ? ys.map((_, i) => columns.map((column) => column[i] ?? null))
        : ys.map((y) => byReverse(y, xs));
    let next = 0;
    return mapTensors(result, () => likeArguments(args, at, xs, rows[next++] ?? [])) as Jacobian<A, N, R>;
  };
}

/** Rows by the arguments at some positions, and in place of each of their tensors the derivatives by all of them again. */
export type Blocks<A extends readonly unknown[], N> = Jacobian<A, N, AtPositions<A, N>>;

/**
 * All second derivatives of a function with a scalar result: forward mode over reverse mode.
 * @param f a synchronous function of tensors, or of arrays, plain objects and modules of them
 * @param positions which arguments to differentiate by: 0 by default; with a list, the result is an array, and in place of each
 *   tensor of argument i is an array of the derivatives by argument j: for tensors, element [i][j]
 * @returns a function that gives `[...x.shape, ...x.shape]`; for an argument that is a tree, a tree of trees of them, by its
 *   names twice
 * @example (await hessian((x, y) => x.mul(x).mul(y).sum())(tensor([1, 2]), tensor([3, 4])).toArray()) // [[6, 0], [0, 8]]
 * @example (await hessian(({ x, y }) => x.mul(y))({ x: tensor(2), y: tensor(3) }).x.y.item()) // 1
 */
export function hessian<A extends readonly unknown[], const N extends Positions = 0>(
  f: (...args: A) => Tensor,
  positions?: N,
): (...args: A) => Blocks<A, N> {
  const at: Positions = positions ?? 0;
  return (...args) => {
    checkPositions("hessian", at, args.length);
    const gradient = gradOf("hessian", f, at);
    return jacobian<A, unknown, Positions>(gradient, at, { mode: "forward" })(...args) as Blocks<A, N>;
  };
}

/**
 * The Hessian of a function with a scalar result times a vector, without the Hessian: forward mode over reverse mode.
 * @param f a synchronous function of tensors, or of trees of them
 * @param primals its arguments
 * @param tangents the vector, in the arguments' form
 * @returns the product, an array with one part for each argument
 * @example (await hvp((x) => x.pow(3).sum(), [tensor([1, 2])], [tensor([1, 1])])[0].toArray()) // [6, 12]
 */
export function hvp<A extends readonly unknown[]>(
  f: (...args: A) => Tensor,
  primals: readonly [...A],
  tangents: Reshapen<readonly [...A]>,
): { -readonly [K in keyof A]: Plain<A[K]> } {
  const positions = primals.map((_, i) => i);
  const [, product] = jvp(gradOf("hvp", f, positions), primals, tangents);
  return product as { -readonly [K in keyof A]: Plain<A[K]> };
}
